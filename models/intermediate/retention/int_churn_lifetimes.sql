-- One row per segment value, churn window, cohort (a month, or all), month of the first
-- purchase and calendar months from it to the last: whether these customers have
-- churned, and how far their cohort can be judged.
-- A view: it has one reader.
{{ config(materialized='view') }}

with lifetimes as (
    select * from {{ ref('customer_journey', 'int_lifetimes') }}
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

lapse as (
    select * from {{ ref('customer_journey', 'int_lapse_days') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

list_windows as (
    select
        'in_force' as churn_window,
        coalesce(
            {{ var('churn_window_months') or 'null' }},
            cast(ceil(lapse_days / 30.0) as integer)
        ) as churn_window_months
    from lapse
    union all
    select
        'gap_80th_percentile' as churn_window,
        cast(ceil(gap_80_days / 30.0) as integer) as churn_window_months
    from lapse
    union all
    select
        'gap_90th_percentile' as churn_window,
        cast(ceil(gap_90_days / 30.0) as integer) as churn_window_months
    from lapse
),

-- The last month number that a cohort can be judged for has the whole window behind it.
-- Customers leave observation with their cohort: were they judged for as long as they
-- themselves can be, a return would count at once and its absence only months later.
find_follow_up as (
    select
        segments.segment_column,
        segments.segment_value,
        list_windows.churn_window,
        list_windows.churn_window_months,
        lifetimes.cohort_start,
        lifetimes.last_active_number,
        sum(lifetimes.customers) as customers,
        {{ month_index('max(run_parameters.as_of_date)') }}
        - {{ month_index('lifetimes.cohort_start') }} + 1 as last_number,
        greatest(
            {{ month_index(add_days('max(run_parameters.as_of_date)', 1)) }}
            - {{ month_index('lifetimes.cohort_start') }}
            - list_windows.churn_window_months,
            0
        ) as follow_up_number
    from lifetimes
    inner join segments on lifetimes.segment_key = segments.segment_key
    cross join list_windows
    cross join run_parameters
    group by
        segments.segment_column,
        segments.segment_value,
        list_windows.churn_window,
        list_windows.churn_window_months,
        lifetimes.cohort_start,
        lifetimes.last_active_number
),

final as (
    select
        *,
        'month' as period_grain,
        last_active_number + 1 <= follow_up_number as is_churned
    from find_follow_up
    union all
    select
        segment_column,
        segment_value,
        churn_window,
        churn_window_months,
        cast(null as date) as cohort_start,
        last_active_number,
        customers,
        last_number,
        follow_up_number,
        'all' as period_grain,
        last_active_number + 1 <= follow_up_number as is_churned
    from find_follow_up
)

select * from final
