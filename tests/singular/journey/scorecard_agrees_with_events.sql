-- Milestones, media and touchpoint types whose people and touches differ from those of
-- the events, and segment columns over whose values the scorecard does not add up.
{%- set figures = [
    'exposed_people', 'touches', 'positive_touches', 'neutral_touches',
    'negative_touches',
] %}

with scorecard as (
    select * from {{ ref('customer_journey', 'rpt_milestone_scorecard') }}
),

journey_events as (
    select
        customer_id,
        milestone,
        coalesce(touchpoint_type, 'purchase') as touchpoint_type,
        coalesce(medium, '(unknown)') as medium,
        outcome
    from {{ ref('customer_journey', 'fct_journey_events') }}
    where
        event_type in ('touchpoint', 'purchase')
        and customer_id is not null
        and milestone is not null
),

segment_columns as (
    select distinct segment_column from scorecard
),

recount_units as (
    select
        milestone,
        coalesce(touchpoint_type, 'all') as touchpoint_type,
        coalesce(medium, 'all') as medium,
        {%- for outcome in ['positive', 'neutral', 'negative'] %}
        sum(case when outcome = '{{ outcome }}' then 1 else 0 end)
            as {{ outcome }}_touches,
        {%- endfor %}
        count(distinct customer_id) as exposed_people,
        count(*) as touches
    from journey_events
    group by
        grouping sets (
            (milestone, touchpoint_type, medium), (milestone, medium), (milestone)
        )
),

expect_units as (
    select
        segment_columns.segment_column,
        recount_units.*
    from segment_columns
    cross join recount_units
),

sum_segments as (
    select
        segment_column,
        milestone,
        touchpoint_type,
        medium,
        {%- for figure in figures %}
        sum({{ figure }}) as {{ figure }},
        {%- endfor %}
        sum(eligible_people) as eligible_people,
        sum(succeeded_people) as succeeded_people
    from scorecard
    group by segment_column, milestone, touchpoint_type, medium
)

select
    expect_units.*,
    sum_segments.exposed_people as published_people,
    sum_segments.touches as published_touches,
    sum_segments.eligible_people,
    sum_segments.succeeded_people
from expect_units
full outer join sum_segments
    on
        expect_units.segment_column = sum_segments.segment_column
        and expect_units.milestone = sum_segments.milestone
        and expect_units.touchpoint_type = sum_segments.touchpoint_type
        and expect_units.medium = sum_segments.medium
left join scorecard
    on
        scorecard.segment_column = 'all'
        and sum_segments.milestone = scorecard.milestone
        and sum_segments.touchpoint_type = scorecard.touchpoint_type
        and sum_segments.medium = scorecard.medium
where
    sum_segments.eligible_people is distinct from scorecard.eligible_people
    or sum_segments.succeeded_people is distinct from scorecard.succeeded_people
    {%- for figure in figures %}
    or expect_units.{{ figure }} is distinct from sum_segments.{{ figure }}
    {%- endfor %}
