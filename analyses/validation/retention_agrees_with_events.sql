-- One row per measure and month in which growth accounting or retention disagree with
-- the events: who came, stayed, returned, left or bought again, past the spine; and one
-- per grain in which the movements do not add up.
{%- set movements = ['new', 'left_truncated', 'retained', 'resurrected', 'churned'] %}

with journey_events as (
    select
        *,
        cast({{ dbt.date_trunc('month', 'occurred_date') }} as date) as month_start
    from {{ ref('customer_journey', 'fct_journey_events') }}
    where event_type in ('purchase', 'refund') and customer_id is not null
),

accounting as (
    select * from {{ ref('customer_journey', 'rpt_growth_accounting') }}
),

retention as (
    select * from {{ ref('customer_journey', 'rpt_retention') }}
),

cohort_cells as (
    select * from {{ ref('customer_journey', 'rpt_cohort_retention') }}
    where is_complete
),

readiness as (
    select * from {{ ref('customer_journey', 'rpt_retention_readiness') }}
    where segment_column = 'all'
),

observation_windows as (
    select * from {{ ref('customer_journey', 'int_observation_windows') }}
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

grains as (
    select period_grain
    from periods
    group by period_grain
    union all
    select 'all' as period_grain
    from run_parameters
),

list_days as (
    select
        customer_id,
        month_start,
        occurred_date,
        row_number() over (
            partition by customer_id order by occurred_date
        ) as day_number
    from journey_events
    where event_type = 'purchase'
    group by customer_id, month_start, occurred_date
),

find_firsts as (
    select
        list_days.customer_id,
        min(case when list_days.day_number = 1 then list_days.occurred_date end)
            as first_date,
        min(case when list_days.day_number = 2 then list_days.occurred_date end)
            as second_date,
        coalesce(
            run_parameters.is_history_start_known
            and min(list_days.occurred_date) < {{ add_days(
                'run_parameters.history_start_date', var('left_truncation_days')
            ) }},
            false
        ) as is_left_truncated
    from list_days
    cross join run_parameters
    group by
        list_days.customer_id, run_parameters.is_history_start_known,
        run_parameters.history_start_date
),

find_months as (
    select
        customer_id,
        month_start,
        {{ month_index('month_start') }} as month_number,
        min(occurred_date) as first_date
    from list_days
    group by customer_id, month_start
),

list_months as (
    select
        month_start,
        month_number,
        lag(month_number) over person_months as previous_number,
        lead(month_number) over person_months as next_number,
        first_date
    from find_months
    window person_months as (partition by customer_id order by month_number)
),

name_movements as (
    select
        list_months.month_start,
        case
            when list_months.month_number - list_months.previous_number = 1
                then 'retained'
            when list_months.previous_number is not null then 'resurrected'
            when
                run_parameters.is_history_start_known
                and list_months.first_date < {{ add_days(
                    'run_parameters.history_start_date', var('left_truncation_days')
                ) }}
                then 'left_truncated'
            else 'new'
        end as movement
    from list_months
    cross join run_parameters
    union all
    select
        {{ add_months('month_start', 1) }} as month_start,
        'churned' as movement
    from list_months
    where next_number is null or next_number > month_number + 1
),

-- A month is judged once it is over.
count_movements as (
    select
        name_movements.month_start,
        name_movements.movement,
        count(*) as customers
    from name_movements
    inner join periods
        on
            name_movements.month_start = periods.period_start
            and periods.period_grain = 'month'
            and periods.is_complete
    group by name_movements.month_start, name_movements.movement
),

follow_periods as (
    select
        *,
        coalesce(lag(active_customers) over segment_history, 0) as customers_before,
        coalesce(lag(customer_revenue) over segment_history, 0) as revenue_before
    from accounting
    window segment_history as (
        partition by segment_column, segment_value, period_grain
        order by period_start
    )
),

judge_periods as (
    select
        period_grain,
        sum(case
            when
                previous_active_customers <> customers_before
                or active_customers - customers_before
                <> new_customers + left_truncated_customers + resurrected_customers
                - churned_customers
                or customers_before <> retained_customers + churned_customers
                then 1
            else 0
        end) as other_customers,
        sum(case
            when
                previous_customer_revenue <> revenue_before
                or customer_revenue - revenue_before <> revenue_change
                or revenue_change
                <> new_revenue + left_truncated_revenue + expansion_revenue
                + contraction_revenue + resurrected_revenue + churned_revenue
                then 1
            else 0
        end) as other_revenue
    from follow_periods
    group by period_grain
),

-- Customers of one day wait equally long.
count_waits as (
    select
        first_date,
        {{ days_between('first_date', 'second_date') }} as wait_days,
        count(*) as customers
    from find_firsts
    where not is_left_truncated
    group by first_date, second_date
),

count_repeats as (
    select
        observation_windows.window_days,
        sum(count_waits.customers) as eligible_customers,
        sum(case
            when
                count_waits.wait_days
                <= coalesce(observation_windows.window_days, count_waits.wait_days)
                then count_waits.customers
            else 0
        end) as customers
    from count_waits
    cross join run_parameters
    inner join observation_windows
        on
            observation_windows.window_days is null
            or {{ add_days(
                'count_waits.first_date', 'observation_windows.window_days'
            ) }} <= run_parameters.as_of_date
    group by observation_windows.window_days
),

sum_retention as (
    select
        measure,
        segment_column,
        period_grain,
        offset_basis,
        window_days,
        case
            when measure like 'period_%' and period_grain = 'month' then period_start
        end as month_start,
        sum(customers) as customers,
        sum(eligible_customers) as eligible_customers
    from retention
    where is_complete or measure not like 'period_%'
    group by
        measure,
        segment_column,
        period_grain,
        offset_basis,
        window_days,
        case
            when measure like 'period_%' and period_grain = 'month' then period_start
        end
),

sum_cells as (
    select
        segment_column,
        period_grain,
        offset_basis,
        sum(retained_customers) as customers,
        sum(eligible_customers) as eligible_customers
    from cohort_cells
    group by segment_column, period_grain, offset_basis
),

movements as (
    {%- for movement in movements %}
    {{ 'union all' if not loop.first }}
    select '{{ movement }}' as movement
    {%- endfor %}
),

sums as (
    select 'customers' as summed
    union all
    select 'revenue' as summed
),

list_movements as (
    select
        'rpt_growth_accounting.' || movement || '_customers' as measure,
        month_start,
        customers as expected,
        0 as found
    from count_movements
    union all
    select
        'rpt_growth_accounting.' || movements.movement || '_customers' as measure,
        accounting.period_start as month_start,
        0 as expected,
        case movements.movement
            {%- for movement in movements %}
            when '{{ movement }}' then accounting.{{ movement }}_customers
            {%- endfor %}
        end as found
    from accounting
    cross join movements
    where accounting.segment_column = 'all' and accounting.period_grain = 'month'
    union all
    select
        'rpt_growth_accounting.customer_revenue' as measure,
        month_start,
        sum(amount) as expected,
        0 as found
    from journey_events
    group by month_start
    union all
    select
        'rpt_growth_accounting.customer_revenue' as measure,
        period_start as month_start,
        0 as expected,
        customer_revenue as found
    from accounting
    where segment_column = 'all' and period_grain = 'month'
    union all
    select
        'rpt_growth_accounting rows by ' || judge_periods.period_grain
        || ' with wrong sums of ' || sums.summed as measure,
        cast(null as date) as month_start,
        0 as expected,
        case sums.summed
            when 'customers' then judge_periods.other_customers
            else judge_periods.other_revenue
        end as found
    from judge_periods
    cross join sums
),

measures as (
    select
        'period_retention' as measure,
        'retained' as movement
    union all
    select
        'period_churn' as measure,
        'churned' as movement
),

averages as (
    select 'cohort_average_weighted' as measure
    union all
    select 'cohort_average_simple' as measure
),

figures as (
    select 'customers' as figure
    union all
    select 'eligible_customers' as figure
),

-- Whoever was active in the month before stays or leaves. Nothing is known where the
-- data cannot carry it.
list_shares as (
    select
        measures.measure,
        figures.figure,
        count_movements.month_start,
        case
            when
                figures.figure = 'eligible_customers'
                or (
                    measures.movement = count_movements.movement
                    and readiness.verdict <> 'not_measurable'
                )
                then count_movements.customers
        end as expected,
        0 as found
    from count_movements
    cross join measures
    cross join figures
    cross join readiness
    where count_movements.movement in ('retained', 'churned')
    union all
    select
        sum_retention.measure,
        figures.figure,
        sum_retention.month_start,
        0 as expected,
        case figures.figure
            when 'customers' then sum_retention.customers
            else sum_retention.eligible_customers
        end as found
    from sum_retention
    cross join figures
    where
        sum_retention.segment_column = 'all'
        and sum_retention.period_grain = 'month'
        and sum_retention.measure in ('period_retention', 'period_churn')
),

-- Who bought again did so, whichever way their first purchases are cut into periods.
place_repeats as (
    select
        'repeat_purchase' as measure,
        period_grain
    from grains
    union all
    select
        'days_to_second_purchase' as measure,
        'all' as period_grain
    from run_parameters
),

list_repeats as (
    select
        place_repeats.measure,
        figures.figure,
        place_repeats.period_grain as place,
        count_repeats.window_days,
        case
            when figures.figure = 'eligible_customers'
                then count_repeats.eligible_customers
            when readiness.verdict <> 'not_measurable' then count_repeats.customers
        end as expected,
        0 as found
    from count_repeats
    inner join place_repeats
        on
            place_repeats.measure = 'repeat_purchase'
            or count_repeats.window_days is null
    cross join figures
    cross join readiness
    union all
    select
        averages.measure,
        figures.figure,
        sum_cells.period_grain || ' and ' || sum_cells.offset_basis || ' of '
        || sum_cells.segment_column as place,
        null as window_days,
        case figures.figure
            when 'customers' then sum_cells.customers
            else sum_cells.eligible_customers
        end as expected,
        0 as found
    from sum_cells
    cross join figures
    cross join averages
    union all
    select
        sum_retention.measure,
        figures.figure,
        case
            when sum_retention.offset_basis is null then sum_retention.period_grain
            else
                sum_retention.period_grain || ' and ' || sum_retention.offset_basis
                || ' of ' || sum_retention.segment_column
        end as place,
        sum_retention.window_days,
        0 as expected,
        case figures.figure
            when 'customers' then sum_retention.customers
            else sum_retention.eligible_customers
        end as found
    from sum_retention
    cross join figures
    where
        sum_retention.measure like 'cohort_average%'
        or (
            sum_retention.segment_column = 'all'
            and sum_retention.measure in (
                'repeat_purchase', 'days_to_second_purchase'
            )
        )
),

list_values as (
    select
        measure,
        month_start,
        {{ as_double('expected') }} as expected,
        {{ as_double('found') }} as found
    from list_movements
    union all
    select
        'rpt_retention.' || measure || ' ' || figure || ' by month' as measure,
        month_start,
        {{ as_double('expected') }} as expected,
        {{ as_double('found') }} as found
    from list_shares
    union all
    select
        'rpt_retention.' || measure || ' ' || figure || ' by ' || place
        || case
            when window_days is null then ''
            else ' within ' || {{ as_text('window_days') }} || ' days'
        end as measure,
        cast(null as date) as month_start,
        {{ as_double('expected') }} as expected,
        {{ as_double('found') }} as found
    from list_repeats
)

select
    measure,
    substr({{ as_text('month_start') }}, 1, 7) as period,
    {{ as_double('sum(coalesce(expected, 0))') }} as expected,
    {{ as_double('sum(coalesce(found, 0))') }} as found
from list_values
group by measure, month_start
having {{ disagrees('1e-6') }}
