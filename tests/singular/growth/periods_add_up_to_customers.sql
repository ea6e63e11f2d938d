-- Added up over the periods of any grain, growth is what customers and guests did.

with growth as (
    select *
    from {{ ref('customer_journey', 'rpt_growth') }}
    where segment_column = 'all'
),

customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
),

journey_events as (
    select * from {{ ref('customer_journey', 'fct_journey_events') }}
),

sum_periods as (
    select
        period_grain,
        sum(customer_orders) as customer_orders,
        sum(customer_revenue) as customer_revenue,
        sum(gross_revenue) as gross_revenue,
        sum(net_revenue_order_basis) as net_revenue_order_basis,
        sum(new_customers) as new_customers,
        sum(guest_orders) as guest_orders,
        sum(guest_revenue) as guest_revenue
    from growth
    group by period_grain
),

sum_customers as (
    select
        sum(orders) as orders,
        sum(net_revenue) as net_revenue,
        sum(case when orders > 0 and not is_left_truncated then 1 else 0 end)
            as new_customers
    from customers
),

sum_transactions as (
    select
        sum(case when event_type = 'purchase' then amount else 0 end) as gross_revenue,
        sum(amount) as net_revenue,
        sum(case when customer_id is null and event_type = 'purchase' then 1 else 0 end)
            as guest_orders,
        sum(case when customer_id is null then amount else 0 end) as guest_revenue
    from journey_events
    where event_type in ('purchase', 'refund')
)

select
    sum_periods.*,
    sum_customers.orders as orders_of_customers,
    sum_customers.net_revenue as revenue_of_customers,
    sum_customers.new_customers as buyers,
    sum_transactions.guest_orders as orders_of_guests,
    sum_transactions.guest_revenue as revenue_of_guests
from sum_periods
cross join sum_customers
cross join sum_transactions
where
    sum_periods.customer_orders <> sum_customers.orders
    or sum_periods.customer_revenue <> sum_customers.net_revenue
    or sum_periods.new_customers <> sum_customers.new_customers
    or sum_periods.gross_revenue <> sum_transactions.gross_revenue
    or sum_periods.net_revenue_order_basis <> sum_transactions.net_revenue
    or sum_periods.guest_orders <> sum_transactions.guest_orders
    or sum_periods.guest_revenue <> sum_transactions.guest_revenue
