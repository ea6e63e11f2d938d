-- One row per milestone of the journey, with its stage and the one that comes after it.
-- A view: it has a few rows.
{{ config(materialized='view') }}

with journey_milestones as (
    select * from {{ ref('journey_milestones') }}
),

stages as (
    select * from {{ ref('customer_journey', 'int_stages') }}
),

final as (
    select
        journey_milestones.milestone,
        journey_milestones.milestone_order,
        journey_milestones.stage,
        stages.next_stage,
        stages.next_stage_order,
        stages.is_next_observable,
        journey_milestones.importance,
        journey_milestones.window_days
    from journey_milestones
    inner join stages on journey_milestones.stage = stages.stage
)

select * from final
