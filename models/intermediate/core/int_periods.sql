-- One row per period grain and period, from the first event to the as-of date.

with calendar as (
    select * from {{ ref('customer_journey', 'int_calendar') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

period_grains as (
    select * from {{ ref('period_grains') }}
),

bound_periods as (
    select
        period_grain,
        period_start,
        period_index,
        max(calendar_date) as last_date,
        case period_grain
            when 'day' then period_start
            when 'week' then {{ add_days('period_start', 6) }}
            when 'month' then {{ add_days(add_months('period_start', 1), -1) }}
            when 'quarter' then {{ add_days(add_months('period_start', 3), -1) }}
            when 'year' then {{ add_days(add_months('period_start', 12), -1) }}
        end as period_end
    from calendar
    group by period_grain, period_start, period_index
),

final as (
    select
        bound_periods.period_grain,
        bound_periods.period_start,
        bound_periods.period_end,
        bound_periods.period_index,
        {{ days_between('bound_periods.period_start', 'bound_periods.period_end') }} + 1
            as day_count,
        bound_periods.period_end <= run_parameters.as_of_date as is_complete,
        bound_periods.last_date >= run_parameters.first_transaction_date
            as is_since_first_transaction,
        previous_periods.period_start as previous_period_start,
        bound_periods.period_index - cast(period_grains.periods_per_year as integer)
            as last_year_period_index,
        last_year_periods.period_start as same_period_last_year_start
    from bound_periods
    cross join run_parameters
    inner join period_grains on bound_periods.period_grain = period_grains.period_grain
    left join bound_periods as previous_periods
        on
            bound_periods.period_grain = previous_periods.period_grain
            and bound_periods.period_index - 1 = previous_periods.period_index
    left join bound_periods as last_year_periods
        on
            bound_periods.period_grain = last_year_periods.period_grain
            and bound_periods.period_index - period_grains.periods_per_year
            = last_year_periods.period_index
)

select * from final
