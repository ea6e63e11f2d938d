-- Redemptions outside the days of their campaign. Taken for midnight in UTC, those of a
-- campaign's first day would be a day early.

select events.*
from {{ ref('fct_journey_events') }} as events
left join 'data/campaign_descriptions.parquet' as campaigns
    on
        events.campaign = cast(campaigns.campaign_id as varchar)
        and events.occurred_date between campaigns.start_date and campaigns.end_date
where
    events.touchpoint_type = 'coupon_redemption'
    and campaigns.campaign_id is null
