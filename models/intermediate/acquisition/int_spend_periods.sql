-- One row per attribution model, period grain, period, channel and campaign: what was
-- spent. The same for every model, so that each has a full account of its own.

with marketing_spend as (
    select *
    from {{ ref('customer_journey', 'stg_marketing_spend') }}
    where row_status = 'accepted'
),

calendar as (
    select * from {{ ref('customer_journey', 'int_calendar') }}
),

sum_spend as (
    select
        calendar.period_grain,
        calendar.period_index,
        marketing_spend.channel,
        coalesce(marketing_spend.campaign, '(none)') as campaign,
        {{ as_money('sum(marketing_spend.amount)') }} as spend
    from marketing_spend
    inner join calendar on marketing_spend.spend_date = calendar.calendar_date
    group by
        calendar.period_grain,
        calendar.period_index,
        marketing_spend.channel,
        coalesce(marketing_spend.campaign, '(none)')
)

{%- for model in attribution_models() %}
{{ 'union all' if not loop.first }}
select
    '{{ model }}' as attribution_model,
    period_grain,
    period_index,
    channel,
    campaign,
    spend
from sum_spend
{%- endfor %}
