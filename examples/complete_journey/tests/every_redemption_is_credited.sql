-- Redemptions that are not credited, by each model that credits every touch, with the
-- household's baskets of their day. They are known by the day and count from its
-- midnight, the baskets have a time: the first basket of the day is what follows.

with redemptions as (
    select
        cast(household_id as varchar) as customer_id,
        cast(campaign_id as varchar) as campaign,
        cast(redemption_date as date) as redemption_date,
        count(*) as redemptions
    from 'data/coupon_redemptions.parquet'
    group by household_id, campaign_id, redemption_date
),

credited_touches as (
    select
        attribution_model,
        customer_id,
        campaign,
        cast(touched_at as date) as redemption_date,
        count(*) as credited
    from {{ ref('fct_attribution_credits') }}
    where
        touchpoint_id like 'coupon %'
        and conversion_date = cast(touched_at as date)
        and converted_at >= touched_at
        and credit > 0
    group by attribution_model, customer_id, campaign, redemption_date
)

select
    models.attribution_model,
    redemptions.*,
    credited_touches.credited
from redemptions
cross join (
    values ('linear'), ('position_based'), ('time_decay'), ('markov'), ('shapley')
) as models (attribution_model)
left join credited_touches
    on
        models.attribution_model = credited_touches.attribution_model
        and redemptions.customer_id = credited_touches.customer_id
        and redemptions.campaign = credited_touches.campaign
        and redemptions.redemption_date = credited_touches.redemption_date
where redemptions.redemptions is distinct from credited_touches.credited
