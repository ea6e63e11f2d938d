-- One row per attribution model, period grain, period, channel and campaign with spend
-- or with credit for a new customer, and the totals of channels and periods, named all.
-- Spend without customers and customers without spend both have their row.

with attribution_periods as (
    select * from {{ ref('customer_journey', 'int_attribution_periods') }}
    where conversion_type = 'first'
),

spend_periods as (
    select * from {{ ref('customer_journey', 'int_spend_periods') }}
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
),

meet_spend as (
    select
        coalesce(attribution_periods.attribution_model, spend_periods.attribution_model)
            as attribution_model,
        coalesce(attribution_periods.period_grain, spend_periods.period_grain)
            as period_grain,
        coalesce(attribution_periods.period_index, spend_periods.period_index)
            as period_index,
        coalesce(attribution_periods.channel, spend_periods.channel) as channel,
        coalesce(attribution_periods.campaign, spend_periods.campaign) as campaign,
        coalesce(spend_periods.spend, 0) as spend,
        coalesce(attribution_periods.conversions, 0) as new_customers,
        coalesce(attribution_periods.gross_revenue, 0) as new_customer_revenue
    from attribution_periods
    full outer join spend_periods
        on
            attribution_periods.attribution_model = spend_periods.attribution_model
            and attribution_periods.period_grain = spend_periods.period_grain
            and attribution_periods.period_index = spend_periods.period_index
            and attribution_periods.channel = spend_periods.channel
            and attribution_periods.campaign = spend_periods.campaign
),

list_levels as (
    select *
    from meet_spend
    union all
    select
        attribution_model,
        period_grain,
        period_index,
        channel,
        'all' as campaign,
        spend,
        new_customers,
        new_customer_revenue
    from meet_spend
    union all
    select
        attribution_model,
        period_grain,
        period_index,
        'all' as channel,
        'all' as campaign,
        spend,
        new_customers,
        new_customer_revenue
    from meet_spend
    {%- for model in attribution_models() %}
    union all
    select
        '{{ model }}' as attribution_model,
        period_grain,
        period_index,
        'all' as channel,
        'all' as campaign,
        0 as spend,
        0 as new_customers,
        0 as new_customer_revenue
    from periods
    {%- endfor %}
)

select
    attribution_model,
    period_grain,
    period_index,
    channel,
    campaign,
    {{ as_money('sum(spend)') }} as spend,
    {{ as_double('sum(new_customers)') }} as new_customers,
    {{ as_double('sum(new_customer_revenue)') }} as new_customer_revenue
from list_levels
group by attribution_model, period_grain, period_index, channel, campaign
