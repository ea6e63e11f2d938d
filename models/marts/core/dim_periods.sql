-- One row per period grain and period, from the first event to the as-of date.
{{ config(materialized='view') }}

with periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
)

select
    period_grain,
    period_start,
    period_end,
    period_index,
    day_count,
    is_complete,
    previous_period_start,
    same_period_last_year_start
from periods
