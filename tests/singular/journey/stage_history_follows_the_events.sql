-- Stages of a person whose interval differs from the events that lie in it, from the
-- event named as the one that led there, or from what dim_customers says of them.

with stage_history as (
    select * from {{ ref('customer_journey', 'fct_stage_history') }}
),

journey_events as (
    select * from {{ ref('customer_journey', 'fct_journey_events') }}
    where customer_id is not null
),

customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
),

bound_stages as (
    select
        customer_id,
        stage,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at
    from journey_events
    group by customer_id, stage
),

compare_stages as (
    select
        coalesce(bound_stages.customer_id, stage_history.customer_id) as customer_id,
        coalesce(bound_stages.stage, stage_history.stage) as stage,
        bound_stages.first_event_at,
        bound_stages.last_event_at,
        stage_history.entered_at,
        stage_history.left_at,
        stage_history.is_current,
        stage_history.previous_stage,
        stage_history.entering_event_id
    from bound_stages
    full outer join stage_history
        on
            bound_stages.customer_id = stage_history.customer_id
            and bound_stages.stage = stage_history.stage
)

select
    compare_stages.*,
    customers.first_seen_at,
    customers.current_stage,
    customers.current_stage_entered_at
from customers
full outer join compare_stages on customers.customer_id = compare_stages.customer_id
left join journey_events
    on compare_stages.entering_event_id = journey_events.event_id
where
    customers.customer_id is null
    or (compare_stages.customer_id is null and customers.first_seen_at is not null)
    or (
        compare_stages.customer_id is not null
        and (
            compare_stages.entered_at is distinct from compare_stages.first_event_at
            or compare_stages.last_event_at >= compare_stages.left_at
            or journey_events.customer_id is distinct from compare_stages.customer_id
            or journey_events.occurred_at is distinct from compare_stages.entered_at
            or (compare_stages.previous_stage is null)
            <> (compare_stages.entered_at = customers.first_seen_at)
            or compare_stages.is_current
            <> coalesce(compare_stages.stage = customers.current_stage, false)
            or (
                compare_stages.is_current
                and compare_stages.entered_at
                is distinct from customers.current_stage_entered_at
            )
        )
    )
