-- One row per mistake in the stages, milestones and touchpoint types, as a sentence.
-- A view: it has one reader.
{{ config(materialized='view') }}

with journey_stages as (
    select * from {{ ref('journey_stages') }}
),

journey_milestones as (
    select * from {{ ref('journey_milestones') }}
),

journey_touchpoint_types as (
    select * from {{ ref('journey_touchpoint_types') }}
),

judge_stages as (
    select
        stage,
        case
            when stage_order is null then ' has no stage_order: number the stages.'
            when reached_by is null or reached_by not in (
                    'touchpoint', 'first_purchase', 'second_purchase', 'advocacy'
                )
                then
                    ' has reached_by ' || coalesce(reached_by, 'null') || ': write'
                    || ' touchpoint, first_purchase, second_purchase or advocacy.'
            when count(*) over (partition by stage_order) > 1
                then ' shares its stage_order with another: give each its own.'
            when
                reached_by <> 'touchpoint'
                and count(*) over (partition by reached_by) > 1
                then
                    ' is not the only one that is reached_by ' || reached_by
                    || ': one stage can be.'
        end as problem
    from journey_stages
),

judge_milestones as (
    select
        journey_milestones.milestone,
        case
            when journey_milestones.stage is null
                then ' has no stage: name one of journey_stages.'
            when journey_stages.stage is null
                then
                    ' has stage ' || journey_milestones.stage
                    || ', which journey_stages does not list: add it there.'
            when journey_milestones.milestone_order is null
                then ' has no milestone_order: number the milestones.'
            when count(*) over (partition by journey_milestones.milestone_order) > 1
                then ' shares its milestone_order with another: give each its own.'
            when coalesce(journey_milestones.importance not between 0 and 1, true)
                then ' has an importance that is not a number from 0 to 1.'
            when coalesce(journey_milestones.window_days, 0) < 1
                then ' has a window_days that is not 1 or more.'
        end as problem
    from journey_milestones
    left join journey_stages on journey_milestones.stage = journey_stages.stage
),

judge_touchpoint_types as (
    select
        journey_touchpoint_types.touchpoint_type,
        case
            when journey_milestones.milestone is null
                then
                    ' has milestone '
                    || coalesce(journey_touchpoint_types.milestone, 'null')
                    || ', which journey_milestones does not list: add it there.'
            when coalesce(journey_touchpoint_types.medium, '') not in (
                    'digital', 'physical'
                )
                then ' has a medium that is neither digital nor physical.'
            when coalesce(journey_touchpoint_types.default_outcome, '') not in (
                    'positive', 'neutral', 'negative'
                )
                then ' has a default_outcome not positive, neutral or negative.'
        end as problem
    from journey_touchpoint_types
    left join journey_milestones
        on journey_touchpoint_types.milestone = journey_milestones.milestone
),

judge_whole as (
    select
        case
            when
                coalesce(min(case
                    when reached_by = 'touchpoint' then stage_order
                end), 0) <> 1 or min(stage_order) <> 1
                then
                    'no stage of stage_order 1 is reached_by touchpoint: everybody'
                    || ' begins there.'
            when count(case when reached_by = 'first_purchase' then stage end) = 0
                then 'no stage is reached_by first_purchase: the journey needs one.'
        end as problem
    from journey_stages
)

select 'journey_stages: stage ' || coalesce(stage, 'null') || problem as problem
from judge_stages
where problem is not null
union all
select
    'journey_milestones: milestone ' || coalesce(milestone, 'null') || problem
        as problem
from judge_milestones
where problem is not null
union all
select
    'journey_touchpoint_types: touchpoint_type ' || coalesce(touchpoint_type, 'null')
    || problem as problem
from judge_touchpoint_types
where problem is not null
union all
select 'journey_stages: ' || problem as problem
from judge_whole
where problem is not null
