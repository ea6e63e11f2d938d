-- Windows after which not the published share of customers still waits for a second
-- purchase day; and the time by which half of them have one: there is none yet.

with known_shares (measure, window_days, share) as (
    values
    ('not_yet_repeated', 30, 0.825414),
    ('not_yet_repeated', 60, 0.748451),
    ('not_yet_repeated', 90, 0.707807),
    ('not_yet_repeated', 180, 0.625499),
    ('not_yet_repeated', 365, 0.541366),
    ('days_to_second_purchase', null, null)
)

select
    known_shares.*,
    retention.rate as found_share,
    retention.days as found_days
from known_shares
left join {{ ref('rpt_retention') }} as retention
    on
        known_shares.measure = retention.measure
        and retention.segment_column = 'all'
        and known_shares.window_days is not distinct from retention.window_days
where
    retention.eligible_customers is distinct from 23570
    or known_shares.share is distinct from round(retention.rate, 6)
    or retention.days is not null
