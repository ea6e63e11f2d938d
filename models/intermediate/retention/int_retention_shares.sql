-- One row per measure, segment value and period or window: a numerator and its
-- denominator, before they are divided.
-- A view: it has one reader.
{{ config(materialized='view') }}

with segment_periods as (
    select * from {{ ref('customer_journey', 'int_segment_periods') }}
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

compare_periods as (
    select
        *,
        lag(active_customers) over (
            partition by segment_column, segment_value, period_grain
            order by period_index
        ) as previous_active_customers
    from segment_periods
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

final as (
    select
        'period_retention' as measure,
        segment_column,
        segment_value,
        period_grain,
        period_start,
        cast(null as integer) as window_days,
        retained_customers as customers,
        previous_active_customers as eligible_customers,
        is_complete
    from compare_periods
    where previous_active_customers is not null
    union all
    select
        'period_churn' as measure,
        segment_column,
        segment_value,
        period_grain,
        period_start,
        cast(null as integer) as window_days,
        churned_customers as customers,
        previous_active_customers as eligible_customers,
        is_complete
    from compare_periods
    where previous_active_customers is not null
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
)

select * from final
