-- One row per person and stage they have been in: when they entered it and by what.

with journey_steps as (
    select * from {{ ref('customer_journey', 'int_journey_steps') }}
),

customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
),

stages as (
    select * from {{ ref('customer_journey', 'int_stages') }}
),

-- A stage is entered by the first step that reaches it. The first stage may be entered
-- by a step that reaches none, the person's first; of its moment one that does is told.
rank_steps as (
    select
        *,
        row_number() over (
            partition by customer_id, stage_order
            order by
                occurred_at,
                case when reached_stage_order = stage_order then 0 else 1 end,
                step_number
        ) as entry_rank
    from journey_steps
    where
        customer_id is not null
        and (reached_stage_order = stage_order or step_number = 1)
),

final as (
    select
        rank_steps.customer_id,
        customers.segment_key,
        customers.is_left_truncated,
        cast(customers.first_event_at as date) as first_seen_date,
        stages.stage,
        rank_steps.stage_order,
        lag(rank_steps.stage_order) over person_stages as previous_stage_order,
        rank_steps.occurred_at as entered_at,
        lead(rank_steps.occurred_at) over person_stages as left_at,
        lag(rank_steps.occurred_date) over person_stages as previous_entered_date,
        rank_steps.occurred_date as entered_date,
        rank_steps.event_type,
        rank_steps.source_id,
        rank_steps.milestone,
        rank_steps.touchpoint_type
    from rank_steps
    inner join customers on rank_steps.customer_id = customers.customer_id
    inner join stages on rank_steps.stage_order = stages.stage_order
    where rank_steps.entry_rank = 1
    window person_stages as (
        partition by rank_steps.customer_id order by rank_steps.stage_order
    )
)

select * from final
