-- One row per touch of a path, the touches that lead up to a conversion or to nothing:
-- its place in the path, and what the attribution models need to know of it.

with path_touches as (
    select * from {{ ref('customer_journey', 'int_path_touches') }}
),

journey_channels as (
    select * from {{ ref('journey_channels') }}
),

count_channels as (
    select
        *,
        count(*) over (partition by customer_id, conversion_step, channel)
            as channel_touches,
        row_number() over (
            partition by customer_id, conversion_step, channel order by step_number
        ) = 1 as is_channel_start,
        -- Measured from the conversion the weights would be in the same proportion.
        {{ decay_weight(seconds_between(
            'touched_at',
            'max(touched_at) over (partition by customer_id, conversion_step)'
        )) }} as decay_weight
    from path_touches
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
