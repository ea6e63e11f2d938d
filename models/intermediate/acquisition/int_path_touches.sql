-- One row per marketing touch that can have led to the person's next conversion, or to
-- nothing: after the conversion before, and recent enough.
-- A touch without a channel is not marketing. Who did not convert after it is counted
-- back from their last touch. A view: it has one reader.
{{ config(materialized='view') }}

with touches as (
    select *
    from {{ ref('customer_journey', 'int_journey_steps') }}
    where
        event_type = 'touchpoint' and customer_id is not null and channel is not null
),

conversions as (
    select * from {{ ref('customer_journey', 'int_conversions') }}
),

combine_steps as (
    select
        customer_id,
        step_number,
        source_id as touchpoint_id,
        occurred_at as touched_at,
        channel,
        campaign,
        cast(null as bigint) as conversion_step,
        cast(null as timestamp) as converted_at,
        cast(null as {{ dbt.type_string() }}) as first_conversion_type
    from touches
    union all
    select
        customer_id,
        conversion_step as step_number,
        cast(null as {{ dbt.type_string() }}) as touchpoint_id,
        cast(null as timestamp) as touched_at,
        cast(null as {{ dbt.type_string() }}) as channel,
        cast(null as {{ dbt.type_string() }}) as campaign,
        conversion_step,
        converted_at,
        case when conversion_type <> 'repeat' then conversion_type end
            as first_conversion_type
    from conversions
),

find_ends as (
    select
        customer_id,
        step_number,
        touchpoint_id,
        touched_at,
        channel,
        campaign,
        min(conversion_step) over following_steps as conversion_step,
        min(converted_at) over following_steps as converted_at,
        max(touched_at) over journey as last_touched_at,
        case
            when step_number > min(conversion_step) over journey then 'repeat'
            else coalesce(max(first_conversion_type) over journey, 'first')
        end as conversion_type
    from combine_steps
    window
        journey as (partition by customer_id),
        following_steps as (
            partition by customer_id order by step_number
            rows between current row and unbounded following
        )
)

select
    customer_id,
    conversion_step,
    conversion_type,
    step_number,
    touchpoint_id,
    touched_at,
    channel,
    campaign
from find_ends
where
    touchpoint_id is not null
    and {{ days_between(
        'cast(touched_at as date)', 'cast(coalesce(converted_at, last_touched_at) as date)'
    ) }} <= {{ var('attribution_lookback_days') }}
