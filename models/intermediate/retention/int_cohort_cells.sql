-- One row per offset basis, period grain, cohort, segment value and period number up to
-- the as-of date: every cell of the triangle, whether anybody bought in it or not.
-- A view: it has one reader.
{{ config(materialized='view') }}

with cohort_activity as (
    select * from {{ ref('customer_journey', 'int_cohort_activity') }}
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
),

period_grains as (
    select * from {{ ref('period_grains') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

window_numbers as (
    {{ dbt.generate_series(1024) }}  -- noqa: PRS
),

-- Everybody buys in period 0: that is what makes them the cohort.
list_cohorts as (
    select
        cohort_activity.offset_basis,
        cohort_activity.segment_column,
        cohort_activity.segment_value,
        cohort_activity.period_grain,
        cohort_activity.cohort_index,
        periods.period_start as cohort_start,
        periods.period_end as cohort_end,
        cohort_activity.retained_customers as cohort_size
    from cohort_activity
    inner join periods
        on
            cohort_activity.period_grain = periods.period_grain
            and cohort_activity.cohort_index = periods.period_index
    where cohort_activity.period_number = 0
),

list_calendar_cells as (
    select
        list_cohorts.*,
        periods.period_index - list_cohorts.cohort_index as period_number,
        periods.is_complete
    from list_cohorts
    inner join period_grains on list_cohorts.period_grain = period_grains.period_grain
    inner join periods
        on
            list_cohorts.period_grain = periods.period_grain
            and list_cohorts.cohort_index <= periods.period_index
            and periods.period_index - list_cohorts.cohort_index <= coalesce(
                cast(period_grains.cohort_period_limit as integer), periods.period_index
            )
    where list_cohorts.offset_basis = 'calendar'
),

list_elapsed_cells as (
    select
        list_cohorts.*,
        cast(window_numbers.generated_number - 1 as integer) as period_number,
        30 * window_numbers.generated_number - 1
        <= {{ days_between('list_cohorts.cohort_end', 'run_parameters.as_of_date') }}
            as is_complete
    from list_cohorts
    cross join run_parameters
    inner join window_numbers
        on
            {{ days_between('list_cohorts.cohort_start', 'run_parameters.as_of_date') }}
            >= 30 * (window_numbers.generated_number - 1)
    where list_cohorts.offset_basis = 'elapsed_30_days'
),

final as (
    select * from list_calendar_cells
    union all
    select * from list_elapsed_cells
)

select * from final  -- noqa: AM04
