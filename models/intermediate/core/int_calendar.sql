-- One row per calendar date and period grain: the period that the date falls in.
-- From the first event, or the start of history, to the as-of date.

with run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

period_grains as (
    select * from {{ ref('period_grains') }}
),

day_numbers as (
    {{ dbt.generate_series(65536) }}  -- noqa: PRS
),

list_dates as (
    select
        {{ add_days(
            'least(run_parameters.first_event_date, run_parameters.history_start_date)',
            'day_numbers.generated_number - 1'
        ) }} as calendar_date,
        run_parameters.as_of_date
    from day_numbers
    cross join run_parameters
),

number_dates as (
    select
        calendar_date,
        {{ days_between("cast('1970-01-01' as date)", 'calendar_date') }} as day_index,
        cast(floor(
            {{ days_between(week_anchor(), 'calendar_date') }} / 7.0
        ) as integer) as week_index,
        cast(extract(year from calendar_date) as integer) as year_index,
        cast(extract(month from calendar_date) as integer) as month_of_year
    from list_dates
    where calendar_date <= as_of_date
),

cut_periods as (
    select
        calendar_date,
        'day' as period_grain,
        calendar_date as period_start,
        day_index as period_index
    from number_dates
    union all
    select
        calendar_date,
        'week' as period_grain,
        {{ add_days(week_anchor(), 'week_index * 7') }} as period_start,
        week_index as period_index
    from number_dates
    union all
    select
        calendar_date,
        'month' as period_grain,
        cast({{ dbt.date_trunc('month', 'calendar_date') }} as date) as period_start,
        year_index * 12 + month_of_year as period_index
    from number_dates
    union all
    select
        calendar_date,
        'quarter' as period_grain,
        cast({{ dbt.date_trunc('quarter', 'calendar_date') }} as date) as period_start,
        year_index * 4 + cast(floor((month_of_year + 2) / 3.0) as integer)
            as period_index
    from number_dates
    union all
    select
        calendar_date,
        'year' as period_grain,
        cast({{ dbt.date_trunc('year', 'calendar_date') }} as date) as period_start,
        year_index as period_index
    from number_dates
)

select
    cut_periods.calendar_date,
    cut_periods.period_grain,
    cut_periods.period_start,
    cut_periods.period_index
from cut_periods
inner join period_grains on cut_periods.period_grain = period_grains.period_grain
