-- One row per first purchase date, segment key and 30-day window with activity.
-- Windows count from each customer's own first purchase: window 0 is its first 30 days.
-- A view: it has one reader.
{{ config(materialized='view') }}

with customer_days as (
    select * from {{ ref('customer_journey', 'int_customer_days') }}
    where first_purchase_date is not null and not is_left_truncated
),

-- A refund dated before the first purchase belongs to the start of the relation.
number_windows as (
    select
        *,
        greatest(cast(floor(
            {{ days_between('first_purchase_date', 'entry_date') }} / 30.0
        ) as integer), 0) as period_number
    from customer_days
),

sum_windows as (
    select
        customer_id,
        segment_key,
        first_purchase_date,
        period_number,
        sum(orders) as orders,
        sum(gross_revenue + refund_amount) as net_revenue,
        sum(net_revenue_order_basis) as net_revenue_order_basis,
        max(case when sum(orders) > 0 then period_number end) over (
            partition by customer_id
        ) as last_active_number
    from number_windows
    group by customer_id, segment_key, first_purchase_date, period_number
),

final as (
    select
        first_purchase_date,
        segment_key,
        period_number,
        sum(case when orders > 0 then 1 else 0 end) as retained_customers,
        sum(case when period_number = last_active_number then 1 else 0 end)
            as last_retained_customers,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue,
        sum(net_revenue_order_basis) as net_revenue_order_basis
    from sum_windows
    group by first_purchase_date, segment_key, period_number
)

select * from final
