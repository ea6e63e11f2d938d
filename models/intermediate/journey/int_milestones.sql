-- One row per milestone of the journey, with its stage and the one that comes after it.
-- A view: it has a few rows.
{{ config(materialized='view') }}

with journey_milestones as (
    select * from {{ ref('journey_milestones') }}
),

journey_stages as (
    select * from {{ ref('journey_stages') }}
),

order_stages as (
    select
        stage,
        lead(stage) over (order by stage_order) as next_stage,
        lead(stage_order) over (order by stage_order) as next_stage_order
    from journey_stages
),

final as (
    select
        journey_milestones.milestone,
        journey_milestones.milestone_order,
        journey_milestones.stage,
        order_stages.next_stage,
        order_stages.next_stage_order,
        journey_milestones.importance,
        journey_milestones.window_days
    from journey_milestones
    inner join order_stages on journey_milestones.stage = order_stages.stage
)

select * from final
