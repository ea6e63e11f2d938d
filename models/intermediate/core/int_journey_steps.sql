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
                and coalesce(
                    journey_events.outcome = journey_definition.needed_outcome,
                    journey_definition.needed_outcome is null
                )
                and coalesce(
                    journey_events.score >= journey_definition.needed_score,
                    journey_definition.needed_score is null
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
        max(reached_stage_order) over moments as furthest_stage_order,
        max(case when event_type <> 'survey_response' then reached_stage_order end)
            over moments as stage_order_without_answers
    from reach_stages
    window
        steps as (
            partition by customer_id order by occurred_at, type_order, source_id
        ),
        moments as (partition by customer_id order by occurred_at)
),

final as (
    select
        source_id,
        event_type,
        customer_id,
        step_number,
        case
            when step_number > 0
                then coalesce(furthest_stage_order, 1)
        end as stage_order,
        stage_order_without_answers,
        reached_stage_order,
        milestone,
        touchpoint_type,
        medium,
        question_id,
        channel,
        campaign,
        linked_customer_id,
        amount,
        score,
        outcome,
        occurred_at,
        occurred_date,
        case
            when step_number > 0
                then {{ seconds_between('previous_occurred_at', 'occurred_at') }}
        end as seconds_since_previous
    from number_steps
)

select * from final
