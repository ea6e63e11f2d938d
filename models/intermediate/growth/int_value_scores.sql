-- One row per customer, fit period and model of purchases whose parameters can be used:
-- how likely the customer is alive, and what is to be expected of them.
-- A view: each of its two readers takes one fit period.
{{ config(materialized='view') }}

with value_periods as (
    select * from {{ ref('customer_journey', 'int_value_periods') }}
),

expected_purchases as (
    select * from {{ ref('customer_journey', 'int_expected_purchases') }}
),

value_parameters as (
    select * from {{ ref('customer_journey', 'int_value_parameters') }}
    where null_reason is null
),

-- bg_nbd lets nobody drop out before the first repeat purchase.
find_alive as (
    select
        value_periods.fit_period,
        expected_purchases.model,
        value_periods.customer_id,
        value_periods.segment_key,
        value_periods.repeat_purchase_days,
        value_periods.mean_repeat_value,
        expected_purchases.expected_purchases_30_days,
        expected_purchases.expected_purchases_90_days,
        expected_purchases.expected_purchases_365_days,
        expected_purchases.expected_holdout_purchases,
        {{ probability_alive(
            'case'
            ~ " when value_parameters.model = 'mbg_nbd'"
            ~ ' then value_parameters.a'
            ~ ' / (value_parameters.b + value_periods.repeat_purchase_days)'
            ~ ' when value_periods.repeat_purchase_days = 0 then 0'
            ~ ' else value_parameters.a'
            ~ ' / (value_parameters.b + (value_periods.repeat_purchase_days - 1))'
            ~ ' end',
            '(value_parameters.r + value_periods.repeat_purchase_days)',
            'value_parameters.alpha',
            as_double('value_periods.last_repeat_age_days') ~ ' / 7',
            as_double('value_periods.age_days') ~ ' / 7'
        ) }} as probability_alive
    from value_periods
    inner join expected_purchases
        on
            value_periods.fit_period = expected_purchases.fit_period
            and value_periods.repeat_purchase_days
            = expected_purchases.repeat_purchase_days
            and value_periods.age_days = expected_purchases.age_days
    inner join value_parameters
        on
            expected_purchases.fit_period = value_parameters.fit_period
            and expected_purchases.model = value_parameters.model
),

final as (
    select
        find_alive.fit_period,
        find_alive.model,
        find_alive.customer_id,
        find_alive.segment_key,
        find_alive.probability_alive,
        {%- for span in [
            'purchases_30_days', 'purchases_90_days', 'purchases_365_days',
            'holdout_purchases'
        ] %}
        find_alive.probability_alive * find_alive.expected_{{ span }}
            as expected_{{ span }},
        {%- endfor %}
        {{ expected_purchase_value(
            'value_parameters.p',
            'value_parameters.q',
            'value_parameters.gamma',
            'find_alive.repeat_purchase_days',
            'find_alive.mean_repeat_value'
        ) }} as expected_purchase_value
    from find_alive
    left join value_parameters
        on
            find_alive.fit_period = value_parameters.fit_period
            and value_parameters.model = 'gamma_gamma'
)

select * from final
