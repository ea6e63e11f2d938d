-- One row per customer and fit period that customer value is modelled for: purchase
-- days after the first (x), age at the last of them (t_x), age at the end of the period
-- (T), and mean revenue of such a day.
-- A view: what reads it reads the histories.
{{ config(materialized='view') }}

with value_histories as (
    select * from {{ ref('customer_journey', 'int_value_histories') }}
)

select
    'full' as fit_period,
    customer_id,
    segment_key,
    repeat_purchase_days,
    last_repeat_age_days,
    age_days,
    mean_repeat_value
from value_histories
where age_days is not null
union all
select
    'calibration' as fit_period,
    customer_id,
    segment_key,
    calibration_repeat_purchase_days as repeat_purchase_days,
    calibration_last_repeat_age_days as last_repeat_age_days,
    calibration_age_days as age_days,
    calibration_mean_repeat_value as mean_repeat_value
from value_histories
where calibration_age_days is not null
