-- The verdict on the data, if it is another than that it can be measured, or for other
-- figures than are known.

with known_verdict (verdict, customers, purchase_days, one_time_customers, months) as (
    -- All customers less the 11,516 who bought on a second day.
    values ('measurable', 23570, 67591, 23570 - 11516, 18)
)

select
    known_verdict.*,
    readiness.verdict as found_verdict,
    readiness.reason as found_reason
from known_verdict
left join {{ ref('rpt_retention_readiness') }} as readiness
    on readiness.segment_column = 'all'
where
    known_verdict.verdict is distinct from readiness.verdict
    or known_verdict.customers is distinct from readiness.customers
    or known_verdict.customers is distinct from readiness.eligible_customers_month_12
    or known_verdict.months is distinct from readiness.months_observed
    or readiness.missing_months is distinct from 0
    or readiness.remedy is not null
    or round(known_verdict.purchase_days / known_verdict.customers, 9)
    is distinct from round(readiness.purchases_per_customer, 9)
    or round(known_verdict.one_time_customers / known_verdict.customers, 9)
    is distinct from round(readiness.one_time_customer_share, 9)
