-- One row per calendar date and period grain, as int_calendar has them, and one per
-- date for the grain `all`, which has everything in one period, number 0.
-- A view: what reads it reads the calendar.
{{ config(materialized='view') }}

with calendar as (
    select * from {{ ref('customer_journey', 'int_calendar') }}
)

select
    calendar_date,
    period_grain,
    period_index
from calendar
union all
select distinct
    calendar_date,
    'all' as period_grain,
    0 as period_index
from calendar
