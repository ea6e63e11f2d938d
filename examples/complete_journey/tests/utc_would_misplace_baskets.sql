-- What the time zone does to the baskets, where it is not what it is known to do.
-- Cut in UTC, 28,571 baskets (18.3%) would fall on another day and 907 in another
-- month, and the year would end in 2018.

with compare_times as (
    select
        transactions.occurred_at as utc_time,
        events.occurred_at as local_time
    from {{ ref('fct_journey_events') }} as events
    inner join {{ ref('transactions') }} as transactions
        on events.source_id = cast(transactions.transaction_id as varchar)
    where events.event_type = 'purchase'
),

count_misplaced as (
    select
        count(*) as baskets,
        count_if(cast(utc_time as date) <> cast(local_time as date)) as on_another_day,
        count_if(date_trunc('month', utc_time) <> date_trunc('month', local_time))
            as in_another_month,
        min(local_time) as first_local_time,
        max(local_time) as last_local_time,
        max(utc_time) as last_utc_time
    from compare_times
)

select *
from count_misplaced
where
    (baskets, on_another_day, in_another_month) is distinct from (155848, 28571, 907)
    or first_local_time is distinct from timestamp '2017-01-01 06:53:26'
    or last_local_time is distinct from timestamp '2017-12-31 23:01:20'
    or last_utc_time is distinct from timestamp '2018-01-01 04:01:20'
