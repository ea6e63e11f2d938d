-- One row per event of the journey, numbered along the journey of its person, with the
-- stage that the person is in from that moment on.
-- Events of one moment share the furthest stage that any of them reaches. A guest and
-- an answer without a name have no journey: their stage and numbers are null.

with journey_events as (
    select * from {{ ref('customer_journey', 'int_journey_events') }}
),

customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
),

journey_definition as (
    select * from {{ ref('customer_journey', 'int_journey_definition') }}
),

journey_stages as (
    select * from {{ ref('journey_stages') }}
),

find_first_stage as (
    select min(stage_order) as stage_order from journey_stages
),

reach_stages as (
    select
        journey_events.*,
        -- What happens at one moment is told in this order.
        case journey_events.event_type
            when 'touchpoint' then 1
            when 'purchase' then 2
            when 'refund' then 3
            else 4
        end as type_order,
        journey_definition.milestone,
        journey_definition.medium,
        case
            when
                (
                    not journey_definition.needs_purchase
                    or journey_events.occurred_at >= customers.first_purchase_at
                )
                and (
                    journey_definition.needed_outcome is null
                    or journey_events.outcome = journey_definition.needed_outcome
                )
                and (
                    journey_definition.needed_score is null
                    or journey_events.score >= journey_definition.needed_score
                )
                then journey_definition.reached_stage_order
        end as reached_stage_order
    from journey_events
    left join customers on journey_events.customer_id = customers.customer_id
    left join journey_definition
        on
            journey_events.event_type = journey_definition.step_kind
            and coalesce(
                journey_events.touchpoint_type,
                journey_events.question_id,
                case
                    when journey_events.occurred_date > customers.first_purchase_date
                        then 'second_purchase'
                    else 'first_purchase'
                end
            ) = journey_definition.step_code
),

number_steps as (
    select
        *,
        case when customer_id is not null then row_number() over steps end
            as step_number,
        lag(occurred_at) over steps as previous_occurred_at,
        max(reached_stage_order) over moments as furthest_stage_order
    from reach_stages
    window
        steps as (
            partition by customer_id order by occurred_at, type_order, source_id
        ),
        moments as (partition by customer_id order by occurred_at)
),

final as (
    select
        number_steps.source_id,
        number_steps.event_type,
        number_steps.customer_id,
        number_steps.step_number,
        case
            when number_steps.step_number > 0
                then coalesce(
                        number_steps.furthest_stage_order, find_first_stage.stage_order
                    )
        end as stage_order,
        number_steps.reached_stage_order,
        number_steps.milestone,
        number_steps.touchpoint_type,
        number_steps.medium,
        number_steps.question_id,
        number_steps.channel,
        number_steps.campaign,
        number_steps.linked_customer_id,
        number_steps.amount,
        number_steps.score,
        number_steps.outcome,
        number_steps.occurred_at,
        number_steps.occurred_date,
        case
            when number_steps.step_number > 0
                then {{ seconds_between(
                    'number_steps.previous_occurred_at', 'number_steps.occurred_at'
                ) }}
        end as seconds_since_previous
    from number_steps
    cross join find_first_stage
)

select * from final
