-- Redemptions that are credited with a basket outside the days of their campaign.

select credits.*
from {{ ref('fct_attribution_credits') }} as credits
left join 'data/campaign_descriptions.parquet' as campaigns
    on
        credits.campaign = cast(campaigns.campaign_id as varchar)
        and credits.conversion_date between campaigns.start_date and campaigns.end_date
        and cast(credits.touched_at as date)
        between campaigns.start_date and campaigns.end_date
where credits.touchpoint_id like 'coupon %' and campaigns.campaign_id is null
