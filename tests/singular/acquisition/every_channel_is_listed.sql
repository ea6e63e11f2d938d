-- Channels with conversions or spend that journey_channels does not list. A misspelled
-- one would be paid for or not by what was spent on it alone, and never be direct.
{{ config(severity='warn') }}

with attribution_credits as (
    select * from {{ ref('customer_journey', 'fct_attribution_credits') }}
    where attribution_model = '{{ var("acquisition_attribution_model") }}'
),

marketing_spend as (
    select * from {{ ref('customer_journey', 'stg_marketing_spend') }}
    where row_status = 'accepted'
),

journey_channels as (
    select * from {{ ref('journey_channels') }}
),

list_channels as (
    select
        channel,
        0 as spend,
        case when conversion_type = 'first' then credit else 0 end as new_customers
    from attribution_credits
    where channel <> '(none)'
    union all
    select
        channel,
        amount as spend,
        0 as new_customers
    from marketing_spend
)

select
    list_channels.channel,
    sum(list_channels.spend) as spend,
    sum(list_channels.new_customers) as new_customers
from list_channels
left join journey_channels on list_channels.channel = journey_channels.channel
where journey_channels.channel is null
group by list_channels.channel
