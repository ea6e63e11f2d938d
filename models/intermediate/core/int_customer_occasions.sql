-- One row per customer with a purchase or a refund: purchase occasions and lifetime
-- figures.

with customer_days as (
    select * from {{ ref('customer_journey', 'int_customer_days') }}
),

lapse as (
    select * from {{ ref('customer_journey', 'int_lapse_days') }}
),

-- Who buys after they had lapsed has been won back.
judge_gaps as (
    select
        customer_days.*,
        customer_days.orders > 0 as has_purchase,
        customer_days.orders > 0
        and coalesce({{ days_between(
            'customer_days.previous_purchase_date', 'customer_days.entry_date'
        ) }} > lapse.lapse_days, false) as is_after_lapse
    from customer_days
    cross join lapse
),

final as (
    select
        customer_id,
        segment_key,
        first_purchase_date,
        is_left_truncated,
        min(case
            when has_purchase and entry_date > first_purchase_date then entry_date
        end) as second_purchase_date,
        {{ as_count('sum(case when is_after_lapse then 1 else 0 end)') }}
            as won_back_count,
        {{ as_count('sum(orders)') }} as orders,
        {{ as_count('sum(case when has_purchase then 1 else 0 end)') }}
            as purchase_days,
        {{ as_money('sum(gross_revenue)') }} as gross_revenue,
        {{ as_money('sum(refund_amount)') }} as refund_amount,
        {{ as_money('sum(gross_revenue + refund_amount)') }} as net_revenue,
        {{ as_money('sum(cost_amount)') }} as cost_amount
    from judge_gaps
    group by customer_id, segment_key, first_purchase_date, is_left_truncated
)

select * from final
