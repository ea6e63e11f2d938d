-- One row per segment value, milestone, touchpoint type and medium: people and touches,
-- and the success of those whose first exposure went well beside that of the rest.
-- A view: it has one reader.
{{ config(materialized='view') }}

with milestone_outcomes as (
    select * from {{ ref('customer_journey', 'int_milestone_outcomes') }}
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

{%- set figures = [
    'exposed_people', 'positive_touches', 'neutral_touches', 'negative_touches',
    'eligible_people', 'succeeded_people',
] %}

sum_segments as (
    select
        segments.segment_column,
        segments.segment_value,
        milestone_outcomes.milestone,
        milestone_outcomes.touchpoint_type,
        milestone_outcomes.medium,
        {%- for figure in figures %}
        sum(milestone_outcomes.{{ figure }}) as {{ figure }},
        {%- endfor %}
        sum(case when outcome_code = 1 then eligible_people else 0 end)
            as positive_people,
        sum(case when outcome_code = 1 then succeeded_people else 0 end)
            as positive_successes,
        sum(case when outcome_code = 2 then eligible_people else 0 end)
            as neutral_people,
        sum(case when outcome_code = 2 then succeeded_people else 0 end)
            as neutral_successes
    from milestone_outcomes
    inner join segments on milestone_outcomes.segment_key = segments.segment_key
    group by
        segments.segment_column,
        segments.segment_value,
        milestone_outcomes.milestone,
        milestone_outcomes.touchpoint_type,
        milestone_outcomes.medium
),

-- Where nobody's first exposure was positive, neutral is the better outcome.
choose_favourable as (
    select
        *,
        case
            when positive_people > 0 then 'positive'
            when neutral_people > 0 then 'neutral'
        end as favourable_outcome,
        case when positive_people > 0 then positive_people else neutral_people end
            as favourable_people,
        case when positive_people > 0 then positive_successes else neutral_successes end
            as favourable_successes
    from sum_segments
),

final as (
    select
        segment_column,
        segment_value,
        milestone,
        touchpoint_type,
        medium,
        {{ figures | join(',\n        ') }},
        favourable_people,
        favourable_successes,
        eligible_people - favourable_people as other_people,
        succeeded_people - favourable_successes as other_successes,
        case when eligible_people > favourable_people then favourable_outcome end
            as favourable_outcome
    from choose_favourable
)

select * from final
