-- Channels that the paths of a type enter more or less often than they leave them, that
-- the effects do not know, or that are the last touch of fewer or more conversions than
-- the credits say.

with channel_transitions as (
    select * from {{ ref('customer_journey', 'rpt_channel_transitions') }}
),

channel_effects as (
    select * from {{ ref('customer_journey', 'rpt_channel_effects') }}
),

attribution_credits as (
    select * from {{ ref('customer_journey', 'fct_attribution_credits') }}
),

count_exits as (
    select
        conversion_type,
        from_state as channel,
        sum(transition_count) as exits,
        sum(case when to_state = '(conversion)' then transition_count else 0 end)
            as conversions
    from channel_transitions
    where from_state <> '(start)'
    group by conversion_type, from_state
),

count_entries as (
    select
        conversion_type,
        to_state as channel,
        sum(transition_count) as entries
    from channel_transitions
    where to_state not in ('(conversion)', '(null)')
    group by conversion_type, to_state
),

count_last_touches as (
    select
        conversion_type,
        channel,
        sum(credit) as last_touches
    from attribution_credits
    where attribution_model = 'last' and touchpoint_id is not null
    group by conversion_type, channel
),

match_channels as (
    select
        coalesce(count_exits.conversion_type, count_entries.conversion_type)
            as conversion_type,
        coalesce(count_exits.channel, count_entries.channel) as channel,
        count_exits.exits,
        count_entries.entries,
        count_exits.conversions
    from count_exits
    full outer join count_entries
        on
            count_exits.conversion_type = count_entries.conversion_type
            and count_exits.channel = count_entries.channel
)

select
    match_channels.*,
    count_last_touches.last_touches,
    channel_effects.channel as channel_with_effect
from match_channels
full outer join channel_effects
    on
        match_channels.conversion_type = channel_effects.conversion_type
        and match_channels.channel = channel_effects.channel
left join count_last_touches
    on
        match_channels.conversion_type = count_last_touches.conversion_type
        and match_channels.channel = count_last_touches.channel
where
    match_channels.exits is distinct from match_channels.entries
    or match_channels.channel is distinct from channel_effects.channel
    or match_channels.conversions
    is distinct from coalesce(count_last_touches.last_touches, 0)
