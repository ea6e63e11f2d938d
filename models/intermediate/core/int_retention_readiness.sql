-- One row per segment value, and always one for the total: what retention rests on.

with customer_occasions as (
    select * from {{ ref('customer_journey', 'int_customer_occasions') }}
    where first_purchase_date is not null and not is_left_truncated
),

journey_events as (
    select * from {{ ref('customer_journey', 'int_journey_events') }}
    where event_type = 'purchase'
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

-- A month is over when the day after the as-of date is in a later one.
find_span as (
    select
        {{ month_index('first_transaction_date') }} as first_month_index,
        {{ month_index(add_days('as_of_date', 1)) }} - 1 as last_month_index
    from run_parameters
),

count_guests as (
    select
        {{ ratio('sum(case when customer_id is null then 1 else 0 end)', 'count(*)') }}
            as guest_order_share
    from journey_events
),

count_cohorts as (
    select
        segment_key,
        {{ month_index('first_purchase_date') }} as cohort_index,
        count(*) as customers,
        sum(purchase_days) as purchase_days,
        sum(case when purchase_days = 1 then 1 else 0 end) as one_time_customers
    from customer_occasions
    group by segment_key, {{ month_index('first_purchase_date') }}
),

-- Guests have no customers to count; their key keeps the total when nobody else is.
sum_segments as (
    select
        segments.segment_column,
        segments.segment_value,
        {%- for months in [1, 3, 12] %}
        sum(case
            when count_cohorts.cohort_index + {{ months }} <= find_span.last_month_index
                then count_cohorts.customers
            else 0
        end) as eligible_customers_month_{{ months }},
        {%- endfor %}
        min(count_cohorts.cohort_index) + 1 - max(find_span.last_month_index)
            as missing_follow_up_months,
        coalesce(sum(count_cohorts.customers), 0) as customers,
        sum(count_cohorts.purchase_days) as purchase_days,
        sum(count_cohorts.one_time_customers) as one_time_customers,
        coalesce(greatest(
            max(find_span.last_month_index) - max(find_span.first_month_index) + 1, 0
        ), 0) as months_observed
    from segments
    cross join find_span
    left join count_cohorts on segments.segment_key = count_cohorts.segment_key
    group by segments.segment_column, segments.segment_value
),

find_obstacles as (
    select
        sum_segments.*,
        {{ ratio('sum_segments.purchase_days', 'sum_segments.customers') }}
            as purchases_per_customer,
        {{ ratio('sum_segments.one_time_customers', 'sum_segments.customers') }}
            as one_time_customer_share,
        case
            when sum_segments.segment_column = 'all' then count_guests.guest_order_share
        end as guest_order_share,
        case
            when sum_segments.customers = 0 then 'no_customers'
            when sum_segments.eligible_customers_month_1 = 0 then 'no_follow_up'
            when
                sum_segments.customers - sum_segments.one_time_customers
                < {{ var('readiness_min_repeat_share') }} * sum_segments.customers
                then 'no_repeat'
            when sum_segments.months_observed < {{ var('readiness_min_months') }}
                then 'few_months'
            when
                sum_segments.eligible_customers_month_3
                < {{ var('readiness_min_customers') }}
                then 'few_customers'
            when
                sum_segments.segment_column = 'all'
                and count_guests.guest_order_share
                > {{ var('readiness_max_guest_share') }}
                then 'many_guests'
            else 'none'
        end as obstacle
    from sum_segments
    cross join count_guests
    where sum_segments.customers > 0 or sum_segments.segment_column = 'all'
),

final as (
    select
        *,
        case
            when obstacle in ('no_customers', 'no_repeat', 'no_follow_up')
                then 'not_measurable'
            when obstacle = 'none' then 'measurable'
            else 'weak'
        end as verdict
    from find_obstacles
)

select * from final
