-- One row per person, milestone, touchpoint type and medium: when and with what outcome
-- they first met it, and how often. A purchase is a touchpoint type of its own.

with journey_steps as (
    select * from {{ ref('customer_journey', 'int_journey_steps') }}
),

-- The first step's time and outcome ride on its number, so that no second pass has to
-- look them up: of the packed numbers the least is that of the first step.
name_units as (
    select
        customer_id,
        milestone,
        coalesce(touchpoint_type, event_type) as touchpoint_type,
        coalesce(medium, '(unknown)') as medium,
        outcome,
        step_number * 4 + case outcome
            when 'positive' then 1
            when 'neutral' then 2
            when 'negative' then 3
            else 0
        end as packed_step,
        occurred_at
    from journey_steps
    where
        customer_id is not null
        and milestone is not null
        and event_type in ('touchpoint', 'purchase')
),

final as (
    select
        customer_id,
        milestone,
        touchpoint_type,
        medium,
        min(packed_step) as packed_step,
        min(occurred_at) as exposed_at,
        {{ as_count('count(*)') }} as touches,
        {{ as_count('sum(case when outcome = \'positive\' then 1 else 0 end)') }}
            as positive_touches,
        {{ as_count('sum(case when outcome = \'neutral\' then 1 else 0 end)') }}
            as neutral_touches,
        {{ as_count('sum(case when outcome = \'negative\' then 1 else 0 end)') }}
            as negative_touches
    from name_units
    group by customer_id, milestone, touchpoint_type, medium
)

select * from final
