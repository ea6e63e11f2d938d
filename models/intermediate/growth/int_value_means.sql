-- One row per fit period, x and mean revenue of the purchase days after the first: how
-- many customers have them. The model of amounts is fitted to these counts; it knows no
-- amounts of zero and below.
-- A view: only the fit reads it.
{{ config(materialized='view') }}

with value_periods as (
    select * from {{ ref('customer_journey', 'int_value_periods') }}
    where mean_repeat_value > 0
)

select
    fit_period,
    repeat_purchase_days,
    mean_repeat_value,
    count(*) as customers
from value_periods
group by fit_period, repeat_purchase_days, mean_repeat_value
