-- One row per customer with a purchase or a refund: purchase occasions and lifetime
-- figures.

with customer_days as (
    select * from {{ ref('customer_journey', 'int_customer_days') }}
),

final as (
    select
        customer_id,
        segment_key,
        first_purchase_date,
        is_left_truncated,
        min(case
            when orders > 0 and entry_date > first_purchase_date then entry_date
        end) as second_purchase_date,
        {{ as_count('sum(orders)') }} as orders,
        {{ as_count('sum(case when orders > 0 then 1 else 0 end)') }} as purchase_days,
        {{ as_money('sum(gross_revenue)') }} as gross_revenue,
        {{ as_money('sum(refund_amount)') }} as refund_amount,
        {{ as_money('sum(gross_revenue + refund_amount)') }} as net_revenue,
        {{ as_money('sum(cost_amount)') }} as cost_amount
    from customer_days
    group by customer_id, segment_key, first_purchase_date, is_left_truncated
)

select * from final
