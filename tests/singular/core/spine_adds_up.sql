-- Period grains in which the spine holds other totals than the events of customers.
-- A customer without a row, or with a row too many, shows up here.

with journey_events as (
    select * from {{ ref('customer_journey', 'int_journey_events') }}
    where customer_id is not null and event_type in ('purchase', 'refund')
),

customer_periods as (
    select * from {{ ref('customer_journey', 'int_customer_periods') }}
),

period_grains as (
    select * from {{ ref('period_grains') }}
),

sum_events as (
    select
        sum(case when event_type = 'purchase' then 1 else 0 end) as orders,
        sum(amount) as net_revenue,
        sum(case when event_type = 'refund' then amount else 0 end) as refund_amount
    from journey_events
),

sum_spine as (
    select
        period_grain,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue,
        sum(net_revenue_order_basis) as net_revenue_order_basis,
        sum(refund_amount) as refund_amount
    from customer_periods
    group by period_grain
)

select
    period_grains.period_grain,
    sum_events.orders,
    sum_spine.orders as spine_orders,
    sum_events.net_revenue,
    sum_spine.net_revenue as spine_net_revenue,
    sum_spine.net_revenue_order_basis as spine_net_revenue_order_basis
from period_grains
cross join sum_events
left join sum_spine on period_grains.period_grain = sum_spine.period_grain
where
    coalesce(sum_spine.orders, 0) <> coalesce(sum_events.orders, 0)
    or coalesce(sum_spine.net_revenue, 0) <> coalesce(sum_events.net_revenue, 0)
    or coalesce(sum_spine.refund_amount, 0) <> coalesce(sum_events.refund_amount, 0)
    or coalesce(sum_spine.net_revenue_order_basis, 0)
    <> coalesce(sum_events.net_revenue, 0)
