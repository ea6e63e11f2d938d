-- One row per customer and calendar day with a purchase or a refund.
-- A day with at least one purchase is one purchase occasion.

with journey_events as (
    select * from {{ ref('customer_journey', 'int_journey_events') }}
),

customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
),

-- A refund counts on its own day (finance) and on its purchase's day (order basis).
enter_amounts as (
    select
        customer_id,
        occurred_date as entry_date,
        case when event_type = 'purchase' then 1 else 0 end as orders,
        case when event_type = 'purchase' then amount else 0 end as gross_revenue,
        case when event_type = 'refund' then amount else 0 end as refund_amount,
        case when event_type = 'purchase' then amount else 0 end
            as net_revenue_order_basis,
        case when event_type = 'purchase' then cost_amount end as cost_amount,
        case
            when event_type = 'purchase' and cost_amount is not null then amount
            else 0
        end as costed_revenue
    from journey_events
    where event_type in ('purchase', 'refund') and customer_id is not null
    union all
    select
        customer_id,
        order_date as entry_date,
        0 as orders,
        0 as gross_revenue,
        0 as refund_amount,
        amount as net_revenue_order_basis,
        cast(null as {{ type_money() }}) as cost_amount,
        0 as costed_revenue
    from journey_events
    where event_type = 'refund' and customer_id is not null
),

sum_days as (
    select
        customer_id,
        entry_date,
        {{ as_count('sum(orders)') }} as orders,
        {{ as_money('sum(gross_revenue)') }} as gross_revenue,
        {{ as_money('sum(refund_amount)') }} as refund_amount,
        {{ as_money('sum(net_revenue_order_basis)') }} as net_revenue_order_basis,
        {{ as_money('sum(cost_amount)') }} as cost_amount,
        {{ as_money('sum(costed_revenue)') }} as costed_revenue
    from enter_amounts
    group by customer_id, entry_date
),

final as (
    select
        sum_days.customer_id,
        customers.segment_key,
        customers.first_purchase_date,
        customers.is_left_truncated,
        sum_days.entry_date,
        max(case when sum_days.orders > 0 then sum_days.entry_date end) over (
            partition by sum_days.customer_id
            order by sum_days.entry_date
            rows between unbounded preceding and 1 preceding
        ) as previous_purchase_date,
        sum_days.orders,
        sum_days.gross_revenue,
        sum_days.refund_amount,
        sum_days.net_revenue_order_basis,
        sum_days.cost_amount,
        sum_days.costed_revenue
    from sum_days
    inner join customers on sum_days.customer_id = customers.customer_id
)

select * from final
