-- Periods whose accepted spend does not come out again, of whatever attribution model:
-- in total, by channel, by campaign, and beside the conversions of all types.
-- A day that no period holds comes out nowhere.

with marketing_spend as (
    select * from {{ ref('customer_journey', 'stg_marketing_spend') }}
    where row_status = 'accepted'
),

acquisition as (
    select * from {{ ref('customer_journey', 'rpt_acquisition') }}
),

attribution as (
    select * from {{ ref('customer_journey', 'rpt_attribution') }}
    where conversion_type = 'all'
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
),

period_grains as (
    select distinct period_grain from periods
),

models as (
    {%- for model in attribution_models() %}
    {{ 'union all' if not loop.first }}
    select '{{ model }}' as attribution_model
    {%- endfor %}
),

sum_days as (
    select
        spend_date,
        sum(amount) as spend
    from marketing_spend
    group by spend_date
),

sum_periods as (
    select
        period_grains.period_grain,
        periods.period_start,
        sum(sum_days.spend) as spend
    from sum_days
    cross join period_grains
    left join periods
        on
            period_grains.period_grain = periods.period_grain
            and sum_days.spend_date >= periods.period_start
            and sum_days.spend_date <= periods.period_end
    group by period_grains.period_grain, periods.period_start
),

expect_periods as (
    select
        models.attribution_model,
        sum_periods.*
    from sum_periods
    cross join models
),

sum_acquisition as (
    select
        attribution_model,
        period_grain,
        period_start,
        sum(case when channel = 'all' then spend end) as total_spend,
        sum(case when channel <> 'all' and campaign = 'all' then spend end)
            as channel_spend,
        sum(case when campaign <> 'all' then spend end) as campaign_spend
    from acquisition
    group by attribution_model, period_grain, period_start
),

sum_attribution as (
    select
        attribution_model,
        period_grain,
        period_start,
        sum(spend) as attribution_spend
    from attribution
    group by attribution_model, period_grain, period_start
)

select
    expect_periods.*,
    sum_acquisition.total_spend,
    sum_acquisition.channel_spend,
    sum_acquisition.campaign_spend,
    sum_attribution.attribution_spend
from expect_periods
full outer join sum_acquisition
    on
        expect_periods.attribution_model = sum_acquisition.attribution_model
        and expect_periods.period_grain = sum_acquisition.period_grain
        and expect_periods.period_start = sum_acquisition.period_start
left join sum_attribution
    on
        sum_acquisition.attribution_model = sum_attribution.attribution_model
        and sum_acquisition.period_grain = sum_attribution.period_grain
        and sum_acquisition.period_start = sum_attribution.period_start
where
    coalesce(sum_acquisition.total_spend, 0) <> coalesce(expect_periods.spend, 0)
    or coalesce(sum_acquisition.channel_spend, 0) <> coalesce(expect_periods.spend, 0)
    or coalesce(sum_acquisition.campaign_spend, 0) <> coalesce(expect_periods.spend, 0)
    or coalesce(sum_attribution.attribution_spend, 0)
    <> coalesce(expect_periods.spend, 0)
