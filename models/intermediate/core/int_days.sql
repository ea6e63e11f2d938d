-- One row per calendar date: the time spine of the semantic layer.
-- A view: nothing but MetricFlow reads it.
{{ config(materialized='view') }}

with calendar as (
    select * from {{ ref('customer_journey', 'int_calendar') }}
)

select
    calendar_date,
    max(case when period_grain = 'week' then period_start end) as week_start
from calendar
group by calendar_date
