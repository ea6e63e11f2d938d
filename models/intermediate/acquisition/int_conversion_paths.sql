-- One row per touch of a path: the marketing touches of a person between two conversions
-- that are recent enough to have led to the second, or to nothing.
-- A touch without a channel is not marketing. The path of somebody who did not convert
-- after it ends with its last touch.
{%- set lookback_days = var('attribution_lookback_days') %}

with touches as (
    select *
    from {{ ref('customer_journey', 'int_journey_steps') }}
    where
        event_type = 'touchpoint' and customer_id is not null and channel is not null
),

conversions as (
    select * from {{ ref('customer_journey', 'int_conversions') }}
),

journey_channels as (
    select * from {{ ref('journey_channels') }}
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
),

count_channels as (
    select
        *,
        count(*) over (partition by customer_id, conversion_step, channel)
            as channel_touches,
        row_number() over (
            partition by customer_id, conversion_step, channel order by step_number
        ) = 1 as is_channel_start,
        {{ decay_weight(seconds_between('touched_at', 'converted_at')) }} as decay_weight
    from find_ends
    where
        touchpoint_id is not null
        and {{ days_between(
            'cast(touched_at as date)',
            'cast(coalesce(converted_at, last_touched_at) as date)'
        ) }} <= {{ lookback_days }}
),

number_touches as (
    select
        count_channels.*,
        row_number() over ordered_path as path_position,
        lag(count_channels.channel) over ordered_path as previous_channel,
        count(*) over path as path_length,
        sum(case when count_channels.is_channel_start then 1 else 0 end) over path
            as channel_count,
        coalesce(
            max(case
                when not coalesce(journey_channels.is_direct, false)
                    then count_channels.step_number
            end) over path,
            max(count_channels.step_number) over path
        ) as last_non_direct_step,
        sum(count_channels.decay_weight) over path as path_decay_weight
    from count_channels
    left join journey_channels on count_channels.channel = journey_channels.channel
    window
        path as (
            partition by count_channels.customer_id, count_channels.conversion_step
        ),
        ordered_path as (
            partition by count_channels.customer_id, count_channels.conversion_step
            order by count_channels.step_number
        )
)

select
    customer_id,
    conversion_step,
    conversion_type,
    touchpoint_id,
    touched_at,
    channel,
    coalesce(campaign, '(none)') as campaign,
    path_position,
    path_length,
    previous_channel,
    channel_touches,
    channel_count,
    is_channel_start,
    step_number = last_non_direct_step as is_last_non_direct,
    decay_weight / path_decay_weight as decay_share
from number_touches
