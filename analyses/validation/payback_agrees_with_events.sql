-- One row per measure and month of first purchase in which payback disagrees with the
-- events: who was won, what was spent, and the margin of what they bought since.
{%- set figures = ['customers', 'spend', 'margin', 'cumulative_margin'] %}

with journey_events as (
    select * from {{ ref('customer_journey', 'int_journey_events') }}
    where event_type in ('purchase', 'refund') and customer_id is not null
),

customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
),

acquisition as (
    select * from {{ ref('customer_journey', 'rpt_acquisition') }}
    where
        attribution_model = '{{ var("acquisition_attribution_model") }}'
        and period_grain = 'month'
        and campaign = 'all'
),

payback as (
    select * from {{ ref('customer_journey', 'rpt_cac_payback') }}
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
    where period_grain = 'month' and is_complete
),

margin_rate as (
    select * from {{ ref('customer_journey', 'int_margin_rate') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

find_last_month as (
    select max(period_end) as last_date
    from periods
),

-- Whose first purchase is not known to be first is in no cohort.
find_cohorts as (
    select
        journey_events.customer_id,
        min(journey_events.occurred_date) as first_date
    from journey_events
    cross join run_parameters
    where journey_events.event_type = 'purchase'
    group by
        journey_events.customer_id, run_parameters.is_history_start_known,
        run_parameters.history_start_date
    having
        not run_parameters.is_history_start_known
        or min(journey_events.occurred_date) >= {{ add_days(
            'run_parameters.history_start_date', var('left_truncation_days')
        ) }}
),

place_customers as (
    select
        find_cohorts.customer_id,
        cast({{ dbt.date_trunc('month', 'find_cohorts.first_date') }} as date)
            as cohort_start,
        customers.acquisition_channel as channel
    from find_cohorts
    inner join customers on find_cohorts.customer_id = customers.customer_id
),

-- What an order cost is known, or estimated by the share that is left of others.
value_customers as (
    select
        journey_events.customer_id,
        sum(case
            when
                journey_events.event_type = 'purchase'
                and journey_events.cost_amount is not null
                then {{ as_double(
                    'journey_events.amount - journey_events.cost_amount'
                ) }}
            else {{ as_double('journey_events.amount') }}
                * margin_rate.gross_margin_rate
        end) as margin
    from journey_events
    cross join margin_rate
    inner join find_last_month
        on journey_events.order_date <= find_last_month.last_date
    where margin_rate.gross_margin_rate is not null
    group by journey_events.customer_id
),

-- Of a month that is not over no margin is known.
sum_cohorts as (
    select
        place_customers.cohort_start,
        place_customers.channel,
        count(*) as customers,
        sum(
            case when periods.period_start is not null then value_customers.margin end
        ) as margin
    from place_customers
    left join periods on place_customers.cohort_start = periods.period_start
    left join value_customers
        on place_customers.customer_id = value_customers.customer_id
    group by place_customers.cohort_start, place_customers.channel
),

judge_payback as (
    select
        *,
        case when period_number = 0 then customers end as cohort_customers,
        case when period_number = 0 then spend end as cohort_spend,
        lead(cumulative_margin) over cohort_months is null as is_last_known,
        case
            when spend > 0 and cumulative_margin >= (1 - 1e-9) * spend
                then period_number
        end as paid_month
    from payback
    window cohort_months as (
        partition by cohort_start, channel order by period_number
    )
),

sum_payback as (
    select
        cohort_start,
        channel,
        sum(cohort_customers) as customers,
        sum(cohort_spend) as spend,
        sum(margin) as margin,
        sum(case when is_last_known then cumulative_margin end) as cumulative_margin,
        max(case
            when
                spend > 0 and customers > 0
                and abs(coalesce(cac, 0) * customers - spend) > 1e-6 * spend
                then 1
            else 0
        end) as has_other_cac,
        case
            when coalesce(min(paid_month), -1) = coalesce(min(payback_month), -1) then 0
            else 1
        end as has_other_payback_month
    from judge_payback
    group by cohort_start, channel
),

list_cohorts as (
    {%- for channel in ['channel', "'all'"] %}
    {{ 'union all' if not loop.first }}
    select
        cohort_start,
        {{ channel }} as channel,
        {{ as_double('customers') }} as expected_customers,
        0 as expected_spend,
        margin as expected_margin,
        margin as expected_cumulative_margin,
        0 as found_customers,
        0 as found_spend,
        0 as found_margin,
        0 as found_cumulative_margin
    from sum_cohorts
    {%- endfor %}
    union all
    select
        period_start as cohort_start,
        channel,
        0 as expected_customers,
        {{ as_double('spend') }} as expected_spend,
        0 as expected_margin,
        0 as expected_cumulative_margin,
        0 as found_customers,
        0 as found_spend,
        0 as found_margin,
        0 as found_cumulative_margin
    from acquisition
    union all
    select
        cohort_start,
        channel,
        0 as expected_customers,
        0 as expected_spend,
        0 as expected_margin,
        0 as expected_cumulative_margin,
        {{ as_double('customers') }} as found_customers,
        {{ as_double('spend') }} as found_spend,
        margin as found_margin,
        cumulative_margin as found_cumulative_margin
    from sum_payback
),

measures as (
    {%- for figure in figures %}
    {{ 'union all' if not loop.first }}
    select '{{ figure }}' as measure
    {%- endfor %}
),

list_values as (
    select
        case
            when list_cohorts.channel = 'all' then measures.measure
            else measures.measure || ' of ' || list_cohorts.channel
        end as measure,
        list_cohorts.cohort_start,
        case measures.measure
            {%- for figure in figures %}
            when '{{ figure }}' then list_cohorts.expected_{{ figure }}
            {%- endfor %}
        end as expected,
        case measures.measure
            {%- for figure in figures %}
            when '{{ figure }}' then list_cohorts.found_{{ figure }}
            {%- endfor %}
        end as found
    from list_cohorts
    cross join measures
    {%- for figure in ['cac', 'payback_month'] %}
    union all
    select
        'channels with another {{ figure }}' as measure,
        cohort_start,
        0 as expected,
        has_other_{{ figure }} as found
    from sum_payback
    {%- endfor %}
)

select
    'rpt_cac_payback.' || measure as measure,
    substr({{ as_text('cohort_start') }}, 1, 7) as period,
    {{ as_double('sum(coalesce(expected, 0))') }} as expected,
    {{ as_double('sum(coalesce(found, 0))') }} as found
from list_values
group by measure, cohort_start
having {{ disagrees('1e-4') }}
