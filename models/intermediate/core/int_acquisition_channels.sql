-- One row per buyer with a touch in the lookback before the first purchase.
-- The channel of the touch that the attribution model in use credits.

with journey_events as (
    select * from {{ ref('customer_journey', 'int_journey_events') }}
),

journey_channels as (
    select * from {{ ref('journey_channels') }}
),

first_purchases as (
    select
        customer_id,
        occurred_at,
        occurred_date
    from journey_events
    where purchase_number = 1
),

rank_touches as (
    select
        first_purchases.customer_id,
        coalesce(journey_events.channel, '(unknown)') as acquisition_channel,
        row_number() over (
            partition by first_purchases.customer_id
            order by
                case
                    when journey_events.channel is null then 2
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
                journey_events.occurred_at desc,
                journey_events.source_id
        ) as touch_rank
    from first_purchases
    inner join journey_events
        on
            first_purchases.customer_id = journey_events.customer_id
            and journey_events.event_type = 'touchpoint'
            and first_purchases.occurred_at >= journey_events.occurred_at
            and {{ days_between(
                'journey_events.occurred_date', 'first_purchases.occurred_date'
            ) }} <= {{ var('attribution_lookback_days') }}
    left join journey_channels on journey_events.channel = journey_channels.channel
)

select
    customer_id,
    acquisition_channel
from rank_touches
where touch_rank = 1
