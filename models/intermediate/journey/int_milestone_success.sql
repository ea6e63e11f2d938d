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
    'touches', 'positive_touches', 'neutral_touches', 'negative_touches',
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
        {%- for code, outcome in [(1, 'positive'), (2, 'neutral'), (3, 'negative')] %}
        {%- set is_outcome = 'case when milestone_outcomes.outcome_code = ' ~ code %}
        sum({{ is_outcome }} then milestone_outcomes.eligible_people else 0 end)
            as {{ outcome }}_people,
        sum({{ is_outcome }} then milestone_outcomes.succeeded_people else 0 end)
            as {{ outcome }}_successes,
        {%- endfor %}
        sum(milestone_outcomes.exposed_people) as exposed_people
    from milestone_outcomes
    inner join segments on milestone_outcomes.segment_key = segments.segment_key
    group by
        segments.segment_column,
        segments.segment_value,
        milestone_outcomes.milestone,
        milestone_outcomes.touchpoint_type,
        milestone_outcomes.medium
),

-- Where nobody's first exposure was positive, neutral is the better outcome. A purchase
-- has no outcome and is on neither side.
final as (
    select
        segment_column,
        segment_value,
        milestone,
        touchpoint_type,
        medium,
        exposed_people,
        {{ figures | join(',\n        ') }},
        case
            when positive_people > 0 and neutral_people + negative_people > 0
                then 'positive'
            when positive_people = 0 and neutral_people > 0 and negative_people > 0
                then 'neutral'
        end as favourable_outcome,
        case when positive_people > 0 then positive_people else neutral_people end
            as favourable_people,
        case when positive_people > 0 then positive_successes else neutral_successes end
            as favourable_successes,
        case when positive_people > 0 then neutral_people else 0 end + negative_people
            as other_people,
        case when positive_people > 0 then neutral_successes else 0 end
        + negative_successes as other_successes
    from sum_segments
)

select * from final
