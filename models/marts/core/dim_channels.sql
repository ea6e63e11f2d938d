-- One row per channel: those of the list, those that any input names, and the two names
-- under which the reports keep what came through none.

with journey_channels as (
    select * from {{ ref('journey_channels') }}
),

journey_events as (
    select *
    from {{ ref('customer_journey', 'int_journey_events') }}
    where channel is not null
),

marketing_spend as (
    select *
    from {{ ref('customer_journey', 'stg_marketing_spend') }}
    where row_status = 'accepted'
),

list_sources as (
    select
        channel,
        'list' as source,
        0 as spend
    from journey_channels
    union all
    select
        channel,
        event_type as source,
        0 as spend
    from journey_events
    group by channel, event_type
    union all
    select
        channel,
        'marketing_spend' as source,
        sum(amount) as spend
    from marketing_spend
    group by channel
    union all
    select
        '(none)' as channel,
        'report' as source,
        0 as spend
    union all
    select
        '(guest)' as channel,
        'report' as source,
        0 as spend
),

-- `all` is the total of a report, even if a shop should call where it sells so.
gather_channels as (
    select
        channel,
        max(case when source = 'list' then 1 else 0 end) = 1 as is_listed,
        max(case when source = 'touchpoint' then 1 else 0 end) = 1 as has_touchpoints,
        max(case when source in ('purchase', 'refund') then 1 else 0 end) = 1
            as has_transactions,
        sum(spend) > 0 as has_spend
    from list_sources
    where channel <> 'all'
    group by channel
),

-- A channel without a group is a group of its own: put together, the spend of one would
-- meet the customers of another.
final as (
    select
        gather_channels.channel,
        coalesce(journey_channels.channel_group, gather_channels.channel)
            as channel_group,
        coalesce(journey_channels.is_paid, gather_channels.has_spend) as is_paid,
        coalesce(journey_channels.is_direct, false) as is_direct,
        gather_channels.is_listed,
        gather_channels.has_touchpoints,
        gather_channels.has_transactions,
        gather_channels.has_spend
    from gather_channels
    left join journey_channels on gather_channels.channel = journey_channels.channel
)

select * from final
