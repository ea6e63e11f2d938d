-- Stages of the funnel that differ from a count over everybody's history, and those to
-- which the periods of a grain, or the values of a segment column, do not add up.
{%- set figures = ['people', 'eligible_people', 'reached_people'] %}

with funnel as (
    select * from {{ ref('customer_journey', 'rpt_stage_funnel') }}
),

stage_history as (
    select * from {{ ref('customer_journey', 'fct_stage_history') }}
),

customers as (
    select
        customer_id,
        cast(first_seen_at as date) as first_seen_date
    from {{ ref('customer_journey', 'dim_customers') }}
    where first_seen_at is not null and not is_left_truncated
),

run_parameters as (
    select as_of_date from {{ ref('customer_journey', 'int_run_parameters') }}
),

everybody as (
    select *
    from funnel
    where segment_column = 'all' and period_grain = 'all'
),

find_days as (
    select
        customers.customer_id,
        customers.first_seen_date,
        everybody.stage,
        everybody.window_days,
        min(case
            when stage_history.stage_order >= everybody.stage_order
                then {{ days_between(
                    'customers.first_seen_date',
                    'cast(stage_history.entered_at as date)'
                ) }}
        end) as days_to_reach
    from customers
    inner join stage_history on customers.customer_id = stage_history.customer_id
    cross join everybody
    group by
        customers.customer_id,
        customers.first_seen_date,
        everybody.stage,
        everybody.window_days
),

judge_people as (
    select
        find_days.stage,
        find_days.window_days,
        find_days.window_days is null
        or {{ days_between('find_days.first_seen_date', 'run_parameters.as_of_date') }}
        >= find_days.window_days as is_eligible,
        find_days.days_to_reach is not null
        and coalesce(find_days.days_to_reach <= find_days.window_days, true)
            as has_reached
    from find_days
    cross join run_parameters
),

recount_cells as (
    select
        'count over the history' as check_name,
        'all' as segment_column,
        'all' as segment_value,
        'all' as period_grain,
        window_days,
        count(*) as people,
        sum(case when is_eligible then 1 else 0 end) as eligible_people,
        sum(case when is_eligible and has_reached then 1 else 0 end) as reached_people,
        stage
    from judge_people
    group by window_days, stage
),

sum_periods as (
    select
        'sum over periods' as check_name,
        segment_column,
        segment_value,
        period_grain,
        window_days,
        {%- for figure in figures %}
        sum(coalesce({{ figure }}, 0)) as {{ figure }},
        {%- endfor %}
        stage
    from funnel
    where period_grain <> 'all'
    group by segment_column, segment_value, period_grain, window_days, stage
),

sum_segments as (
    select
        'sum over segments' as check_name,
        segment_column,
        'all' as segment_value,
        period_grain,
        window_days,
        {%- for figure in figures %}
        sum(coalesce({{ figure }}, 0)) as {{ figure }},
        {%- endfor %}
        stage
    from funnel
    where period_grain = 'all'
    group by segment_column, period_grain, window_days, stage
),

all_sums as (
    select * from recount_cells
    union all
    select * from sum_periods
    union all
    select * from sum_segments
)

select
    all_sums.*,
    funnel.people as published_people,
    funnel.eligible_people as published_eligible_people,
    funnel.reached_people as published_reached_people
from all_sums
left join funnel
    on
        funnel.period_grain = 'all'
        and all_sums.segment_value = funnel.segment_value
        and funnel.segment_column = case
            when all_sums.check_name = 'sum over periods' then all_sums.segment_column
            else 'all'
        end
        and all_sums.stage = funnel.stage
        and coalesce(all_sums.window_days, -1) = coalesce(funnel.window_days, -1)
where
    funnel.stage is null
    {%- for figure in figures %}
    or all_sums.{{ figure }} <> funnel.{{ figure }}
    {%- endfor %}
