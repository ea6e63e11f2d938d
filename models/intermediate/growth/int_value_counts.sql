-- One row per fit period, x, t_x and T (in days): how many customers have them. The
-- models of purchases are fitted to these counts.
-- A view: only the fit reads it.
{{ config(materialized='view') }}

with value_periods as (
    select * from {{ ref('customer_journey', 'int_value_periods') }}
)

select
    fit_period,
    repeat_purchase_days,
    last_repeat_age_days,
    age_days,
    count(*) as customers
from value_periods
group by fit_period, repeat_purchase_days, last_repeat_age_days, age_days
