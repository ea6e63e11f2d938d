-- Most purchases are at midnight while most touches are not: the source knows only the
-- day, and what people saw on the day of a purchase comes after it.
{{ config(severity='warn') }}

with journey_events as (
    select * from {{ ref('customer_journey', 'int_journey_events') }}
    where customer_id is not null and event_type in ('purchase', 'touchpoint')
),

count_midnights as (
    select
        event_type,
        count(*) as events,
        sum(case when occurred_at = cast(occurred_date as timestamp) then 1 else 0 end)
            as midnight_events
    from journey_events
    group by event_type
)

select
    purchases.events as purchases,
    purchases.midnight_events as midnight_purchases,
    touches.events as touches,
    touches.midnight_events as midnight_touches
from count_midnights as purchases
inner join count_midnights as touches on touches.event_type = 'touchpoint'
where
    purchases.event_type = 'purchase'
    and 2 * purchases.midnight_events > purchases.events
    and 2 * touches.midnight_events < touches.events
