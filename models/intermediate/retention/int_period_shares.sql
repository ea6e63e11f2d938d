-- One row per measure (retention, churn), segment value and period after the first: the
-- customers active in the period before, and how many of them were active or not.
-- A view: it has one reader.
{{ config(materialized='view') }}

with segment_periods as (
    select * from {{ ref('customer_journey', 'int_segment_periods') }}
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

list_measures as (
    select 'period_retention' as measure
    union all
    select 'period_churn' as measure
),

-- A period is judged once it is over.
final as (
    select
        list_measures.measure,
        compare_periods.segment_column,
        compare_periods.segment_value,
        compare_periods.period_grain,
        compare_periods.period_start,
        cast(null as integer) as window_days,
        case
            when not compare_periods.is_complete then null
            when list_measures.measure = 'period_retention'
                then compare_periods.retained_customers
            else compare_periods.churned_customers
        end as customers,
        compare_periods.previous_active_customers as eligible_customers,
        compare_periods.is_complete
    from compare_periods
    cross join list_measures
    where compare_periods.previous_active_customers is not null
)

select * from final
