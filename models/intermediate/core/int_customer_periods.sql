-- One row per customer, period grain and period with a purchase or a refund.
-- The spine: retention and growth are counted from here. Beside its own figures a row
-- knows the customer's first and last active period and the rows before and after it.

with customer_days as (
    select * from {{ ref('customer_journey', 'int_customer_days') }}
),

calendar as (
    select * from {{ ref('customer_journey', 'int_calendar') }}
),

sum_periods as (
    select
        customer_days.customer_id,
        customer_days.segment_key,
        customer_days.is_left_truncated,
        calendar.period_grain,
        calendar.period_index,
        {{ as_count('sum(customer_days.orders)') }} as orders,
        {{ as_count('sum(case when customer_days.orders > 0 then 1 else 0 end)') }}
            as purchase_days,
        {{ as_money('sum(customer_days.gross_revenue)') }} as gross_revenue,
        {{ as_money('sum(customer_days.refund_amount)') }} as refund_amount,
        {{ as_money('sum(customer_days.gross_revenue + customer_days.refund_amount)') }}
            as net_revenue,
        {{ as_money('sum(customer_days.net_revenue_order_basis)') }}
            as net_revenue_order_basis,
        {{ as_money('sum(customer_days.cost_amount)') }} as cost_amount
    from customer_days
    inner join calendar on customer_days.entry_date = calendar.calendar_date
    group by
        customer_days.customer_id,
        customer_days.segment_key,
        customer_days.is_left_truncated,
        calendar.period_grain,
        calendar.period_index
),

final as (
    select
        *,
        orders > 0 as is_active,
        min(case when orders > 0 then period_index end) over customer_history
            as first_active_index,
        max(case when orders > 0 then period_index end) over customer_history
            as last_active_index,
        lag(period_index) over customer_rows as previous_index,
        lag(orders) over customer_rows > 0 as is_previous_active,
        lag(net_revenue) over customer_rows as previous_net_revenue,
        lead(period_index) over customer_rows as next_index
    from sum_periods
    window
        customer_history as (partition by customer_id, period_grain),
        customer_rows as (partition by customer_id, period_grain order by period_index)
)

select * from final
