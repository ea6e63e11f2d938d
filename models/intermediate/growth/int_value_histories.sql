-- One row per customer with a purchase or a refund: what they did, up to the end of the
-- calibration period, up to the as-of date, and between the two.

with customer_days as (
    select * from {{ ref('customer_journey', 'int_customer_days') }}
),

fit_periods as (
    select * from {{ ref('customer_journey', 'int_fit_periods') }}
),

find_periods as (
    select
        max(case when fit_period = 'full' then end_date end) as as_of_date,
        max(case when fit_period = 'calibration' then end_date end)
            as calibration_end_date
    from fit_periods
),

sum_customers as (
    select
        customer_days.customer_id,
        customer_days.segment_key,
        customer_days.first_purchase_date,
        customer_days.is_left_truncated,
        find_periods.as_of_date,
        find_periods.calibration_end_date,
        sum(case when customer_days.orders > 0 then 1 else 0 end) as purchase_days,
        max(case when customer_days.orders > 0 then customer_days.entry_date end)
            as last_purchase_date,
        sum(customer_days.gross_revenue + customer_days.refund_amount) as net_revenue,
        sum(case
            when customer_days.entry_date > customer_days.first_purchase_date
                then customer_days.net_revenue_order_basis
        end) as repeat_revenue,
        sum(case
            when
                customer_days.orders > 0
                and customer_days.entry_date <= find_periods.calibration_end_date
                then 1
            else 0
        end) as calibration_purchase_days,
        max(case
            when
                customer_days.orders > 0
                and customer_days.entry_date <= find_periods.calibration_end_date
                then customer_days.entry_date
        end) as calibration_last_purchase_date,
        sum(case
            when
                customer_days.entry_date > customer_days.first_purchase_date
                and customer_days.entry_date <= find_periods.calibration_end_date
                then customer_days.net_revenue_order_basis
        end) as calibration_repeat_revenue,
        sum(case
            when customer_days.entry_date > find_periods.calibration_end_date
                then customer_days.net_revenue_order_basis
            else 0
        end) as holdout_revenue
    from customer_days
    cross join find_periods
    group by
        customer_days.customer_id,
        customer_days.segment_key,
        customer_days.first_purchase_date,
        customer_days.is_left_truncated,
        find_periods.as_of_date,
        find_periods.calibration_end_date
),

judge_histories as (
    select
        *,
        not is_left_truncated and purchase_days > 0 as is_scored,
        not is_left_truncated and calibration_purchase_days > 0 as is_in_calibration
    from sum_customers
),

final as (
    select
        customer_id,
        segment_key,
        first_purchase_date,
        last_purchase_date,
        is_left_truncated,
        as_of_date,
        calibration_end_date,
        {{ as_count('purchase_days') }} as purchase_days,
        {{ as_money('net_revenue') }} as net_revenue,
        {%- for prefix, flag, end_date in [
            ('', 'is_scored', 'as_of_date'),
            ('calibration_', 'is_in_calibration', 'calibration_end_date'),
        ] %}
        {{ as_count(
            'case when ' ~ flag ~ ' then ' ~ prefix ~ 'purchase_days - 1 end'
        ) }}
            as {{ prefix }}repeat_purchase_days,
        case when {{ flag }} then {{ days_between(
            'first_purchase_date', prefix ~ 'last_purchase_date'
        ) }} end as {{ prefix }}last_repeat_age_days,
        case when {{ flag }} then {{ days_between('first_purchase_date', end_date) }}
        end as {{ prefix }}age_days,
        case when {{ flag }} then {{ ratio(
            prefix ~ 'repeat_revenue', '(' ~ prefix ~ 'purchase_days - 1)'
        ) }} end as {{ prefix }}mean_repeat_value,
        {%- endfor %}
        {{ as_count(
            'case when is_in_calibration'
            ~ ' then purchase_days - calibration_purchase_days end'
        ) }} as holdout_purchase_days,
        {{ as_money('case when is_in_calibration then holdout_revenue end') }}
            as holdout_revenue
    from judge_histories
)

select * from final
