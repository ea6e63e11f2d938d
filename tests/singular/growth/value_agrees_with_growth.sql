-- Customer by customer, what customer value rests on is what they did: every buyer is
-- there, and nobody who is not.

with customer_value as (
    select * from {{ ref('customer_journey', 'fct_customer_value') }}
),

customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
)

select
    customers.customer_id,
    customers.purchase_days,
    customers.net_revenue,
    customer_value.customer_id as valued_customer_id,
    customer_value.purchase_days as valued_purchase_days,
    customer_value.net_revenue as valued_net_revenue
from customers
full outer join customer_value
    on customers.customer_id = customer_value.customer_id
where
    customers.purchase_days is distinct from coalesce(customer_value.purchase_days, 0)
    or customers.net_revenue is distinct from coalesce(customer_value.net_revenue, 0)
    or customers.first_purchase_date
    is distinct from customer_value.first_purchase_date
    or customers.last_purchase_date is distinct from customer_value.last_purchase_date
    or customers.days_since_last_purchase is distinct from customer_value.recency_days
    -- Somebody with a first purchase date that is none is not modelled.
    or customers.is_left_truncated <> (
        coalesce(customer_value.expected_purchases_null_reason, '') = 'left_truncated'
    )
