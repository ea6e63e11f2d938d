-- One row per attribution model, conversion type, period grain, period, channel and
-- campaign: the conversions and the revenue of the period that are credited to it.

with attribution_days as (
    select * from {{ ref('customer_journey', 'int_attribution_days') }}
),

calendar as (
    select * from {{ ref('customer_journey', 'int_calendar') }}
)

select
    attribution_days.attribution_model,
    attribution_days.conversion_type,
    calendar.period_grain,
    calendar.period_index,
    attribution_days.channel,
    attribution_days.campaign,
    sum(attribution_days.conversions) as conversions,
    sum(attribution_days.gross_revenue) as gross_revenue
from attribution_days
inner join calendar on attribution_days.conversion_date = calendar.calendar_date
group by
    attribution_days.attribution_model,
    attribution_days.conversion_type,
    calendar.period_grain,
    calendar.period_index,
    attribution_days.channel,
    attribution_days.campaign
