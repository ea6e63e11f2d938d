-- Channels of the marts that dim_channels does not have, and channels that are paid for
-- in one place and not in another.

with channels as (
    select * from {{ ref('customer_journey', 'dim_channels') }}
),

list_channels as (
    select
        channel,
        cast(null as boolean) as is_paid
    from {{ ref('customer_journey', 'fct_journey_events') }}
    where channel is not null
    union
    select
        acquisition_channel as channel,
        cast(null as boolean) as is_paid
    from {{ ref('customer_journey', 'dim_customers') }}
    union
    select
        channel,
        is_paid
    from {{ ref('customer_journey', 'rpt_acquisition') }}
    union
    select
        channel,
        cast(null as boolean) as is_paid
    from {{ ref('customer_journey', 'rpt_attribution') }}
    union
    select
        channel,
        cast(null as boolean) as is_paid
    from {{ ref('customer_journey', 'rpt_conversion') }}
    union
    select
        channel,
        cast(null as boolean) as is_paid
    from {{ ref('customer_journey', 'rpt_cac_payback') }}
    union
    select
        channel,
        cast(null as boolean) as is_paid
    from {{ ref('customer_journey', 'rpt_channel_effects') }}
    union
    select
        segment_value as channel,
        cast(null as boolean) as is_paid
    from {{ ref('customer_journey', 'rpt_growth') }}
    where segment_column = 'acquisition_channel'
    union
    select
        segment_value as channel,
        cast(null as boolean) as is_paid
    from {{ ref('customer_journey', 'rpt_experience') }}
    where segment_column in ('acquisition_channel', 'channel')
)

select
    list_channels.channel,
    list_channels.is_paid,
    channels.is_paid as is_paid_in_dim_channels
from list_channels
left join channels on list_channels.channel = channels.channel
where
    list_channels.channel <> 'all'
    and (channels.channel is null or list_channels.is_paid <> channels.is_paid)
