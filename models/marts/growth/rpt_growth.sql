-- One row per segment value, period grain and period: revenue, orders and customers.

with segment_periods as (
    select
        *,
        {{ as_money('gross_revenue + refund_amount') }} as net_revenue
    from {{ ref('customer_journey', 'int_segment_periods') }}
),

-- Growth is judged between two whole periods only.
compare_periods as (
    select
        segment_periods.*,
        case when segment_periods.is_complete then previous_periods.net_revenue end
            as previous_revenue,
        case when segment_periods.is_complete then previous_periods.orders end
            as previous_orders,
        case when segment_periods.is_complete then previous_periods.active_customers end
            as previous_customers,
        case when segment_periods.is_complete then last_year_periods.net_revenue end
            as last_year_revenue,
        case when segment_periods.is_complete then last_year_periods.orders end
            as last_year_orders,
        case
            when segment_periods.is_complete then last_year_periods.active_customers
        end as last_year_customers
    from segment_periods
    left join segment_periods as previous_periods
        on
            segment_periods.segment_column = previous_periods.segment_column
            and segment_periods.segment_value = previous_periods.segment_value
            and segment_periods.period_grain = previous_periods.period_grain
            and segment_periods.period_index - 1 = previous_periods.period_index
    left join segment_periods as last_year_periods
        on
            segment_periods.segment_column = last_year_periods.segment_column
            and segment_periods.segment_value = last_year_periods.segment_value
            and segment_periods.period_grain = last_year_periods.period_grain
            and segment_periods.last_year_period_index = last_year_periods.period_index
),

split_guests as (
    select
        *,
        orders - guest_orders as customer_orders,
        {{ as_money('net_revenue - guest_revenue') }} as customer_revenue
    from compare_periods
),

final as (
    select
        segment_column,
        segment_value,
        period_grain,
        period_start,
        period_end,
        net_revenue,
        net_revenue_order_basis,
        gross_revenue,
        refund_amount,
        orders,
        customer_orders,
        customer_revenue,
        guest_orders,
        guest_revenue,
        purchase_days,
        active_customers,
        new_customers,
        {{ ratio('net_revenue', 'orders') }} as average_order_value,
        {{ ratio('customer_revenue', 'customer_orders') }}
            as customer_average_order_value,
        {{ ratio('customer_orders', 'active_customers') }} as order_frequency,
        {{ ratio('customer_revenue', 'active_customers') }} as revenue_per_customer,
        {{ growth_rate('net_revenue', 'previous_revenue') }} as revenue_growth_rate,
        {{ growth_rate('orders', 'previous_orders') }} as orders_growth_rate,
        {{ growth_rate('active_customers', 'previous_customers') }}
            as active_customers_growth_rate,
        {{ growth_rate('net_revenue', 'last_year_revenue') }}
            as revenue_growth_rate_yoy,
        {{ growth_rate('orders', 'last_year_orders') }} as orders_growth_rate_yoy,
        {{ growth_rate('active_customers', 'last_year_customers') }}
            as active_customers_growth_rate_yoy,
        is_complete
    from split_guests
)

select * from final
