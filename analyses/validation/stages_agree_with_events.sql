-- One row per measure and month in which stages, the moves between them or the touches
-- of milestones disagree with the events: a stage begins with the first event in it.
{%- set touch_figures = [
    'touches', 'positive_touches', 'neutral_touches', 'negative_touches',
    'exposed_people',
] %}

with journey_events as (
    select * from {{ ref('customer_journey', 'fct_journey_events') }}
    where customer_id is not null
),

stages as (
    select * from {{ ref('customer_journey', 'int_stages') }}
),

stage_history as (
    select * from {{ ref('customer_journey', 'fct_stage_history') }}
),

customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
),

transitions as (
    select * from {{ ref('customer_journey', 'rpt_stage_transitions') }}
    where segment_column = 'all'
),

scorecard as (
    select * from {{ ref('customer_journey', 'rpt_milestone_scorecard') }}
    where segment_column = 'all' and touchpoint_type = 'all' and medium = 'all'
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

grains as (
    select distinct period_grain
    from periods
),

find_entries as (
    select
        customer_id,
        stage,
        min(occurred_at) as entered_at
    from journey_events
    group by customer_id, stage
),

order_entries as (
    select
        find_entries.*,
        lag(find_entries.stage) over person_stages as previous_stage,
        lag(find_entries.entered_at) over person_stages as previous_entered_at,
        lead(find_entries.entered_at) over person_stages as left_at
    from find_entries
    inner join stages on find_entries.stage = stages.stage
    window person_stages as (
        partition by find_entries.customer_id order by stages.stage_order
    )
),

compare_history as (
    select
        coalesce(order_entries.stage, stage_history.stage) as stage,
        case when order_entries.customer_id is null then 0 else 1 end
            as expected_people,
        case when stage_history.customer_id is null then 0 else 1 end as found_people,
        case when order_entries.left_at is null then 1 else 0 end as is_open,
        case when stage_history.is_current then 1 else 0 end as is_current,
        case
            when order_entries.customer_id is null or stage_history.customer_id is null
                then 0
            when
                order_entries.entered_at = stage_history.entered_at
                and coalesce(
                    order_entries.left_at = stage_history.left_at,
                    order_entries.left_at is null and stage_history.left_at is null
                )
                and coalesce(order_entries.previous_stage, '')
                = coalesce(stage_history.previous_stage, '')
                and {{ days_between(
                    'cast(order_entries.entered_at as date)',
                    'coalesce(cast(order_entries.left_at as date), as_of_date)'
                ) }} = stage_history.days_in_stage
                then 0
            else 1
        end as is_other_time
    from order_entries
    full outer join stage_history
        on
            order_entries.customer_id = stage_history.customer_id
            and order_entries.stage = stage_history.stage
    cross join run_parameters
),

sum_history as (
    select
        stage,
        sum(expected_people) as expected_people,
        sum(found_people) as found_people,
        sum(is_open * expected_people) as expected_current,
        sum(is_current) as found_current,
        sum(is_other_time) as other_times
    from compare_history
    group by stage
),

count_open as (
    select
        stage_history.customer_id,
        sum(case when stage_history.is_current then 1 else 0 end) as open_stages
    from stage_history
    group by stage_history.customer_id
),

sum_moves as (
    select
        cast({{ dbt.date_trunc('month', 'entered_at') }} as date) as month_start,
        coalesce(previous_stage, '(first seen)') as from_stage,
        stage as to_stage,
        count(*) as people,
        sum({{ days_between(
            'cast(previous_entered_at as date)', 'cast(entered_at as date)'
        ) }}) as days_in_from_stage
    from order_entries
    group by
        cast({{ dbt.date_trunc('month', 'entered_at') }} as date), previous_stage, stage
),

sum_touches as (
    select
        milestone,
        count(*) as touches,
        sum(case when outcome = 'positive' then 1 else 0 end) as positive_touches,
        sum(case when outcome = 'neutral' then 1 else 0 end) as neutral_touches,
        sum(case when outcome = 'negative' then 1 else 0 end) as negative_touches,
        count(distinct customer_id) as exposed_people
    from journey_events
    where event_type in ('touchpoint', 'purchase') and milestone is not null
    group by milestone
),

history_measures as (
    select 'people' as measure
    union all
    select 'people who are still' as measure
    union all
    select 'people with other times' as measure
),

list_history as (
    select
        'fct_stage_history.' || history_measures.measure || ' in ' || sum_history.stage
            as measure,
        case history_measures.measure
            when 'people' then sum_history.expected_people
            when 'people who are still' then sum_history.expected_current
        end as expected,
        case history_measures.measure
            when 'people' then sum_history.found_people
            when 'people who are still' then sum_history.found_current
            else sum_history.other_times
        end as found
    from sum_history
    cross join history_measures
    union all
    select
        'fct_stage_history.people without one open stage' as measure,
        0 as expected,
        1 as found
    from count_open
    where open_stages <> 1
    union all
    select
        'dim_customers.people with another current_stage' as measure,
        0 as expected,
        1 as found
    from customers
    left join order_entries
        on
            customers.customer_id = order_entries.customer_id
            and order_entries.left_at is null
    where customers.current_stage is distinct from order_entries.stage
),

move_measures as (
    select 'people' as measure
    union all
    select 'days_in_from_stage' as measure
),

-- Months are compared one by one, of other grains the totals.
list_moves as (
    select
        'rpt_stage_transitions.' || move_measures.measure || ' from '
        || sum_moves.from_stage || ' to ' || sum_moves.to_stage || ' by '
        || grains.period_grain as measure,
        case when grains.period_grain = 'month' then sum_moves.month_start end
            as month_start,
        case move_measures.measure
            when 'people' then sum_moves.people
            else sum_moves.days_in_from_stage
        end as expected,
        0 as found
    from sum_moves
    cross join move_measures
    cross join grains
    union all
    select
        'rpt_stage_transitions.' || move_measures.measure || ' from '
        || transitions.from_stage || ' to ' || transitions.to_stage || ' by '
        || transitions.period_grain as measure,
        case when transitions.period_grain = 'month' then transitions.period_start end
            as month_start,
        0 as expected,
        case move_measures.measure
            when 'people' then {{ as_double('transitions.people') }}
            else transitions.people * transitions.average_days_in_from_stage
        end as found
    from transitions
    cross join move_measures
),

touch_measures as (
    {%- for figure in touch_figures %}
    {{ 'union all' if not loop.first }}
    select '{{ figure }}' as measure
    {%- endfor %}
),

list_touches as (
    {%- for table in ['sum_touches', 'scorecard'] %}
    {{ 'union all' if not loop.first }}
    select
        'rpt_milestone_scorecard.' || touch_measures.measure || ' of '
        || {{ table }}.milestone as measure,
        '{{ table }}' as side,
        case touch_measures.measure
            {%- for figure in touch_figures %}
            when '{{ figure }}' then {{ table }}.{{ figure }}
            {%- endfor %}
        end as figure_value
    from {{ table }}
    cross join touch_measures
    {%- endfor %}
),

list_values as (
    select
        measure,
        cast(null as date) as month_start,
        {{ as_double('expected') }} as expected,
        {{ as_double('found') }} as found
    from list_history
    union all
    select
        measure,
        month_start,
        {{ as_double('expected') }} as expected,
        {{ as_double('found') }} as found
    from list_moves
    union all
    select
        measure,
        cast(null as date) as month_start,
        case when side = 'sum_touches' then {{ as_double('figure_value') }} end
            as expected,
        case when side = 'scorecard' then {{ as_double('figure_value') }} end as found
    from list_touches
)

select
    measure,
    substr({{ as_text('month_start') }}, 1, 7) as period,
    {{ as_double('sum(coalesce(expected, 0))') }} as expected,
    {{ as_double('sum(coalesce(found, 0))') }} as found
from list_values
group by measure, month_start
having {{ disagrees('1e-6') }}
