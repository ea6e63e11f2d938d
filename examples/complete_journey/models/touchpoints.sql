-- One row per campaign mailed to a household and per coupon that one redeemed.
-- Both are known by the day: a midnight in UTC would be the evening before.
{{ config(materialized='table') }}

select
    concat_ws(' ', 'mailing', campaign_id, household_id) as touchpoint_id,
    household_id as customer_id,
    cast(start_date as date) as occurred_at,
    'campaign_mailing' as touchpoint_type,
    'direct_mail' as channel,
    campaign_id as campaign
from 'data/campaigns.parquet'
inner join 'data/campaign_descriptions.parquet' using (campaign_id)
union all
select
    concat_ws(
        ' ', 'coupon', coupon_upc, campaign_id, household_id,
        cast(redemption_date as date)
    ) as touchpoint_id,
    household_id as customer_id,
    cast(redemption_date as date) as occurred_at,
    'coupon_redemption' as touchpoint_type,
    'direct_mail' as channel,
    campaign_id as campaign
from 'data/coupon_redemptions.parquet'
