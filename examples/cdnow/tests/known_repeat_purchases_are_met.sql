-- Windows in which not as many customers have a second purchase day as published.

with known_repeat_purchases (window_days, customers) as (
    values (30, 4115), (60, 5929), (90, 6887), (180, 8827), (365, 10810), (null, 11516)
)

select
    known_repeat_purchases.*,
    retention.customers as found_customers,
    retention.eligible_customers
from known_repeat_purchases
left join {{ ref('rpt_retention') }} as retention
    on
        retention.measure = 'repeat_purchase'
        and retention.segment_column = 'all'
        and retention.period_grain = 'all'
        and known_repeat_purchases.window_days
        is not distinct from retention.window_days
where
    known_repeat_purchases.customers is distinct from retention.customers
    -- The last customer came on 31 March 1997, 456 days before the end.
    or retention.eligible_customers is distinct from 23570
    or round(100 * retention.rate, 3)
    is distinct from round(100 * known_repeat_purchases.customers / 23570, 3)
