-- One row per person seen in any input.

with customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
),

customer_occasions as (
    select * from {{ ref('customer_journey', 'int_customer_occasions') }}
),

final as (
    select
        customers.customer_id,
        customers.customer_id like 'visitor:%' as is_anonymous,
        customers.created_at,
        least(customers.created_at, customers.first_event_at) as first_seen_at,
        customers.first_purchase_at,
        customers.first_purchase_date,
        customer_occasions.second_purchase_date,
        customers.last_purchase_date,
        coalesce(customer_occasions.orders, 0) as orders,
        coalesce(customer_occasions.purchase_days, 0) as purchase_days,
        {{ as_money('coalesce(customer_occasions.gross_revenue, 0)') }}
            as gross_revenue,
        {{ as_money('coalesce(customer_occasions.refund_amount, 0)') }}
            as refund_amount,
        {{ as_money('coalesce(customer_occasions.net_revenue, 0)') }}
            as net_revenue,
        customer_occasions.cost_amount,
        customers.acquisition_channel,
        customers.is_left_truncated
    from customers
    left join customer_occasions
        on customers.customer_id = customer_occasions.customer_id
)

select * from final
