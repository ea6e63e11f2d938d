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

list_entries as (
    select
        attribution_model,
        period_grain,
        period_index,
        channel,
        campaign,
        0 as spend,
        conversions as new_customers,
        gross_revenue as new_customer_revenue
    from attribution_periods
    union all
    select
        attribution_model,
        period_grain,
        period_index,
        channel,
        campaign,
        spend,
        0 as new_customers,
        0 as new_customer_revenue
    from spend_periods
),

list_levels as (
    select *
    from list_entries
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
    from list_entries
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
    from list_entries
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
