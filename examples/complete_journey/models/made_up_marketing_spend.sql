-- One row per campaign: what it cost. MADE UP: the grocer tells nothing about costs. It
-- is one dollar for each household that the campaign was mailed to, on its first day.
{{ config(materialized='table') }}

select
    cast(start_date as date) as spend_date,
    'direct_mail' as channel,
    campaign_id as campaign,
    cast(1.00 * count(*) as decimal(18, 2)) as amount
from 'data/campaigns.parquet'
inner join 'data/campaign_descriptions.parquet' using (campaign_id)
group by campaign_id, start_date
