-- One row per day on which people were first seen, day of their first purchase, segment
-- key and channel: how many people. The channel `all` holds everybody.
-- Left-truncated customers are left out: when they were first seen is not known.

with customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
    where first_event_at is not null and not is_left_truncated
),

count_channels as (
    select
        cast(first_event_at as date) as first_seen_date,
        first_purchase_date,
        segment_key,
        acquisition_channel as channel,
        count(*) as people,
        -- A touch at the moment of the purchase comes before it.
        sum(case
            when
                first_purchase_at = first_event_at
                and coalesce(first_touch_at > first_purchase_at, true)
                then 1
            else 0
        end) as walk_in_people
    from customers
    group by
        cast(first_event_at as date),
        first_purchase_date,
        segment_key,
        acquisition_channel
),

list_channels as (
    select *
    from count_channels
    union all
    select
        first_seen_date,
        first_purchase_date,
        segment_key,
        'all' as channel,
        people,
        walk_in_people
    from count_channels
),

final as (
    select
        first_seen_date,
        first_purchase_date,
        segment_key,
        channel,
        {{ days_between('first_seen_date', 'first_purchase_date') }}
            as days_to_purchase,
        {{ as_count('sum(people)') }} as people,
        {{ as_count('sum(walk_in_people)') }} as walk_in_people
    from list_channels
    group by first_seen_date, first_purchase_date, segment_key, channel
)

select * from final
