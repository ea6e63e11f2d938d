-- Period grains whose calendar misses or repeats a day or a period number.

with calendar as (
    select * from {{ ref('customer_journey', 'int_calendar') }}
)

select period_grain
from calendar
group by period_grain
having
    count(*) <> {{ days_between('min(calendar_date)', 'max(calendar_date)') }} + 1
    or count(*) <> count(distinct calendar_date)
    or count(distinct period_index) <> max(period_index) - min(period_index) + 1
    or count(distinct period_index) <> count(distinct period_start)
