-- One row per segment value and number of days after the first purchase at which
-- somebody bought on a second day or left observation: who was still waiting for it,
-- and the Kaplan-Meier share who still do.

with customer_occasions as (
    select * from {{ ref('customer_journey', 'int_customer_occasions') }}
    where first_purchase_date is not null and not is_left_truncated
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

readiness as (
    select * from {{ ref('customer_journey', 'int_retention_readiness') }}
    where segment_column = 'all'
),

measure_waits as (
    select
        customer_occasions.segment_key,
        {{ days_between(
            'customer_occasions.first_purchase_date',
            'coalesce(customer_occasions.second_purchase_date, run_parameters.as_of_date)'
        ) }} as wait_days,
        case when customer_occasions.second_purchase_date is not null then 1 else 0 end
            as has_repeated
    from customer_occasions
    cross join run_parameters
),

-- Customers of one wait are alike, so they are counted before segments are.
count_waits as (
    select
        segment_key,
        wait_days,
        count(*) as customers,
        sum(has_repeated) as repeat_customers
    from measure_waits
    group by segment_key, wait_days
),

sum_segments as (
    select
        segments.segment_column,
        segments.segment_value,
        count_waits.wait_days,
        sum(count_waits.customers) as customers,
        sum(count_waits.repeat_customers) as repeat_customers
    from count_waits
    inner join segments on count_waits.segment_key = segments.segment_key
    group by segments.segment_column, segments.segment_value, count_waits.wait_days
),

find_at_risk as (
    select
        *,
        sum(customers) over (
            partition by segment_column, segment_value
            order by wait_days desc
        ) as at_risk_customers
    from sum_segments
),

add_up_steps as (
    select
        *,
        sum({{ log_survival_step('repeat_customers', 'at_risk_customers') }})
            over so_far as log_survival,
        sum({{ greenwood_step('repeat_customers', 'at_risk_customers') }})
            over so_far as survival_variance
    from find_at_risk
    window so_far as (partition by segment_column, segment_value order by wait_days)
),

final as (
    select
        add_up_steps.*,
        readiness.verdict <> 'not_measurable' as is_measurable,
        {{ survival('add_up_steps.log_survival') }} as survival,
        {{ survival_lower(
            'add_up_steps.log_survival', 'add_up_steps.survival_variance'
        ) }} as survival_lower,
        {{ survival_upper(
            'add_up_steps.log_survival', 'add_up_steps.survival_variance'
        ) }} as survival_upper
    from add_up_steps
    cross join readiness
)

select * from final  -- noqa: AM04
