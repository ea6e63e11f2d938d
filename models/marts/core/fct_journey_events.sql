-- One row per event: a purchase, refund, touchpoint or survey answer. The journey of a
-- person is their rows in the order of step_number.
{{ config(materialized='view') }}

with journey_steps as (
    select * from {{ ref('customer_journey', 'int_journey_steps') }}
),

stages as (
    select * from {{ ref('customer_journey', 'int_stages') }}
),

final as (
    select
        journey_steps.event_type || ':' || journey_steps.source_id as event_id,
        journey_steps.customer_id,
        journey_steps.step_number,
        journey_steps.event_type,
        journey_steps.source_id,
        current_stages.stage,
        journey_steps.milestone,
        journey_steps.touchpoint_type,
        journey_steps.medium,
        journey_steps.question_id,
        journey_steps.channel,
        journey_steps.campaign,
        journey_steps.amount,
        journey_steps.score,
        journey_steps.outcome,
        case
            when reached_stages.reached_by = 'advocacy'
                then journey_steps.linked_customer_id
        end as referred_customer_id,
        journey_steps.occurred_at,
        journey_steps.occurred_date,
        journey_steps.seconds_since_previous
    from journey_steps
    left join stages as current_stages
        on journey_steps.stage_order = current_stages.stage_order
    left join stages as reached_stages
        on journey_steps.reached_stage_order = reached_stages.stage_order
)

select * from final
