-- One row per customer of the calibration period and model of purchases: what was
-- expected of the days after it, and what they did.
-- A view: it has one reader.
{{ config(materialized='view') }}

with value_histories as (
    select * from {{ ref('customer_journey', 'int_value_histories') }}
    where calibration_age_days is not null
),

value_scores as (
    select * from {{ ref('customer_journey', 'int_value_scores') }}
    where fit_period = 'calibration'
),

list_models as (
    select 'mbg_nbd' as model
    union all
    select 'bg_nbd' as model
)

select
    list_models.model,
    value_histories.customer_id,
    value_histories.segment_key,
    value_histories.calibration_end_date,
    value_histories.as_of_date,
    value_histories.calibration_repeat_purchase_days as repeat_purchase_days,
    value_histories.holdout_purchase_days as actual_purchases,
    value_histories.holdout_revenue as actual_revenue,
    value_scores.expected_holdout_purchases as expected_purchases,
    value_scores.expected_holdout_purchases * value_scores.expected_purchase_value
        as expected_revenue
from value_histories
cross join list_models
left join value_scores
    on
        value_histories.customer_id = value_scores.customer_id
        and list_models.model = value_scores.model
