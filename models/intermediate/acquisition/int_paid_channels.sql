-- One row per channel with spend or credit for a new customer: whether it is paid for.
-- A channel that the list does not name is paid for if anything was ever spent on it.
-- A view: it has one reader.
{{ config(materialized='view') }}

with acquisition_periods as (
    select * from {{ ref('customer_journey', 'int_acquisition_periods') }}
    where channel <> 'all'
),

journey_channels as (
    select * from {{ ref('journey_channels') }}
)

select
    acquisition_periods.channel,
    coalesce(journey_channels.is_paid, sum(acquisition_periods.spend) > 0) as is_paid
from acquisition_periods
left join journey_channels on acquisition_periods.channel = journey_channels.channel
group by acquisition_periods.channel, journey_channels.is_paid
