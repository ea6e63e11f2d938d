-- One row per person with a touch in the lookback before their first purchase or, of
-- somebody who has not bought yet, before their last touch.
-- The channel of the touch that the attribution model in use credits. A touch without a
-- channel is not marketing and leads to nothing.

with journey_events as (
    select *
    from {{ ref('customer_journey', 'int_journey_events') }}
    where
        customer_id is not null
        and (
            event_type = 'purchase'
            or (event_type = 'touchpoint' and channel is not null)
        )
),

journey_channels as (
    select * from {{ ref('journey_channels') }}
),

find_ends as (
    select
        customer_id,
        coalesce(
            min(case when event_type = 'purchase' then occurred_at end),
            max(case when event_type = 'touchpoint' then occurred_at end)
        ) as occurred_at
    from journey_events
    group by customer_id
),

rank_touches as (
    select
        find_ends.customer_id,
        journey_events.channel as acquisition_channel,
        row_number() over (
            partition by find_ends.customer_id
            order by
                case
                    when
                        journey_channels.is_direct
                        and '{{ var("acquisition_attribution_model") }}'
                        = 'last_non_direct'
                        then 1
                    else 0
                end,
                case
                    when '{{ var("acquisition_attribution_model") }}' = 'first'
                        then journey_events.occurred_at
                end,
                case
                    when '{{ var("acquisition_attribution_model") }}' = 'first'
                        then journey_events.source_id
                end,
                journey_events.occurred_at desc,
                journey_events.source_id desc
        ) as touch_rank
    from find_ends
    inner join journey_events
        on
            find_ends.customer_id = journey_events.customer_id
            and journey_events.event_type = 'touchpoint'
            and find_ends.occurred_at >= journey_events.occurred_at
            and {{ days_between(
                'journey_events.occurred_date', 'cast(find_ends.occurred_at as date)'
            ) }} <= {{ var('attribution_lookback_days') }}
    left join journey_channels on journey_events.channel = journey_channels.channel
)

select
    customer_id,
    acquisition_channel
from rank_touches
where touch_rank = 1
