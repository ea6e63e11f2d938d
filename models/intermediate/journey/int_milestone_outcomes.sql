-- One row per segment key, milestone, touchpoint type, medium and outcome of the first
-- exposure (1 positive, 2 neutral, 3 negative, 0 none): people exposed, those with a
-- full window ahead, and those who then reached the next stage in it. Type and medium
-- `all` stand for every one of the milestone.

with milestone_exposures as (
    select * from {{ ref('customer_journey', 'int_milestone_exposures') }}
),

stage_entries as (
    select * from {{ ref('customer_journey', 'int_stage_entries') }}
),

customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
),

milestones as (
    select * from {{ ref('customer_journey', 'int_milestones') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),
{%- set touches = [
    'touches', 'positive_touches', 'neutral_touches', 'negative_touches',
] %}

-- Exposures are one per person and touchpoint type as they come; only a medium and a
-- milestone bring several together.
meet_units as (
    select
        customer_id,
        milestone,
        touchpoint_type,
        medium,
        {{ touches | join(', ') }},
        packed_step % 4 as outcome_code,
        exposed_at
    from milestone_exposures
    {%- for medium, keys in [('medium', 'milestone, medium'), ("'all'", 'milestone')] %}
    union all
    select
        customer_id,
        milestone,
        'all' as touchpoint_type,
        {{ medium }} as medium,
        {%- for figure in touches %}
        sum({{ figure }}) as {{ figure }},
        {%- endfor %}
        min(packed_step) % 4 as outcome_code,
        min(exposed_at) as exposed_at
    from milestone_exposures
    group by customer_id, {{ keys }}
    {%- endfor %}
),

-- Whoever was in the next stage before they met the milestone says nothing about it.
judge_people as (
    select
        customers.segment_key,
        meet_units.*,
        coalesce(stage_entries.entered_at >= meet_units.exposed_at, true)
        and {{ add_days(
            'cast(meet_units.exposed_at as date)', 'milestones.window_days'
        ) }} <= run_parameters.as_of_date
        and coalesce(milestones.is_next_observable, false) as is_eligible,
        coalesce({{ days_between(
            'cast(meet_units.exposed_at as date)', 'stage_entries.entered_date'
        ) }} <= milestones.window_days, false) as has_moved_on
    from meet_units
    inner join customers on meet_units.customer_id = customers.customer_id
    inner join milestones on meet_units.milestone = milestones.milestone
    cross join run_parameters
    left join stage_entries
        on
            meet_units.customer_id = stage_entries.customer_id
            and milestones.next_stage_order <= stage_entries.stage_order
            and milestones.next_stage_order
            > coalesce(stage_entries.previous_stage_order, 0)
),

final as (
    select
        segment_key,
        milestone,
        touchpoint_type,
        medium,
        outcome_code,
        {{ as_count('count(*)') }} as exposed_people,
        {{ as_count('sum(touches)') }} as touches,
        {{ as_count('sum(positive_touches)') }} as positive_touches,
        {{ as_count('sum(neutral_touches)') }} as neutral_touches,
        {{ as_count('sum(negative_touches)') }} as negative_touches,
        {{ as_count('sum(case when is_eligible then 1 else 0 end)') }}
            as eligible_people,
        {{ as_count(
            'sum(case when is_eligible and has_moved_on then 1 else 0 end)'
        ) }} as succeeded_people
    from judge_people
    group by segment_key, milestone, touchpoint_type, medium, outcome_code
)

select * from final
