-- One row per measure, segment value and period or window: a numerator and its
-- denominator, before they are divided.
-- A view: it has one reader.
{{ config(materialized='view') }}

with period_shares as (
    select * from {{ ref('customer_journey', 'int_period_shares') }}
),

repeat_purchases as (
    select * from {{ ref('customer_journey', 'int_repeat_purchases') }}
),

calendar as (
    select * from {{ ref('customer_journey', 'int_reporting_calendar') }}
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
),

readiness as (
    select * from {{ ref('customer_journey', 'int_retention_readiness') }}
    where segment_column = 'all'
),

-- Everybody together is a period that is always over.
list_repeat_cohorts as (
    select
        repeat_purchases.*,
        calendar.period_grain,
        periods.period_start,
        coalesce(periods.is_complete, true) as is_period_complete
    from repeat_purchases
    inner join calendar on repeat_purchases.first_purchase_date = calendar.calendar_date
    left join periods
        on
            calendar.period_grain = periods.period_grain
            and calendar.period_index = periods.period_index
),

list_shares as (
    select * from period_shares
    union all
    select
        'repeat_purchase' as measure,
        segments.segment_column,
        segments.segment_value,
        list_repeat_cohorts.period_grain,
        list_repeat_cohorts.period_start,
        cast(list_repeat_cohorts.window_days as integer) as window_days,
        sum(list_repeat_cohorts.customers) as customers,
        sum(list_repeat_cohorts.eligible_customers) as eligible_customers,
        list_repeat_cohorts.is_period_complete
        and sum(list_repeat_cohorts.eligible_customers)
        = sum(list_repeat_cohorts.cohort_size) as is_complete
    from list_repeat_cohorts
    inner join segments on list_repeat_cohorts.segment_key = segments.segment_key
    group by
        segments.segment_column,
        segments.segment_value,
        list_repeat_cohorts.period_grain,
        list_repeat_cohorts.period_start,
        list_repeat_cohorts.is_period_complete,
        list_repeat_cohorts.window_days
),

-- Nothing is known where the data cannot carry it.
final as (
    select
        list_shares.measure,
        list_shares.segment_column,
        list_shares.segment_value,
        list_shares.period_grain,
        list_shares.period_start,
        cast(null as {{ dbt.type_string() }}) as offset_basis,
        cast(null as integer) as period_number,
        list_shares.window_days,
        case
            when
                list_shares.eligible_customers > 0
                and readiness.verdict <> 'not_measurable'
                then list_shares.customers
        end as customers,
        list_shares.eligible_customers,
        list_shares.is_complete,
        cast(null as {{ type_double() }}) as estimate
    from list_shares
    cross join readiness
)

select * from final  -- noqa: AM04
