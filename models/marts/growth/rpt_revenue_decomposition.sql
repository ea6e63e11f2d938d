-- One row per segment value, period grain and period: what the change in net revenue
-- against the period before is made of.
-- Shapley values of customers x frequency x order value: every factor is credited with
-- the mean of its effect over all orders in which the three can change.

with segment_periods as (
    select * from {{ ref('customer_journey', 'int_segment_periods') }}
),

list_factors as (
    select
        segment_column,
        segment_value,
        period_grain,
        period_start,
        period_index,
        is_complete,
        {{ as_money('gross_revenue + refund_amount') }} as net_revenue,
        guest_revenue,
        {{ as_double('active_customers') }} as customers,
        {{ ratio('orders - guest_orders', 'active_customers') }} as frequency,
        {{ ratio(
            'gross_revenue + refund_amount - guest_revenue', 'orders - guest_orders'
        ) }} as order_value
    from segment_periods
),

compare_factors as (
    select
        list_factors.segment_column,
        list_factors.segment_value,
        list_factors.period_grain,
        list_factors.period_start,
        list_factors.is_complete,
        list_factors.net_revenue,
        previous_factors.net_revenue as previous_net_revenue,
        list_factors.guest_revenue - previous_factors.guest_revenue as guest_change,
        list_factors.customers,
        list_factors.frequency,
        list_factors.order_value,
        previous_factors.customers as previous_customers,
        previous_factors.frequency as previous_frequency,
        previous_factors.order_value as previous_order_value
    from list_factors
    left join list_factors as previous_factors
        on
            list_factors.segment_column = previous_factors.segment_column
            and list_factors.segment_value = previous_factors.segment_value
            and list_factors.period_grain = previous_factors.period_grain
            and list_factors.period_index - 1 = previous_factors.period_index
            and list_factors.is_complete
),

credit_factors as (
    select
        *,
        {{ as_money('net_revenue - previous_net_revenue') }} as revenue_change,
        {{ shapley_of_product(
            ['customers', 'previous_customers'],
            ['frequency', 'previous_frequency'],
            ['order_value', 'previous_order_value']
        ) }} as customers_credit,
        {{ shapley_of_product(
            ['frequency', 'previous_frequency'],
            ['customers', 'previous_customers'],
            ['order_value', 'previous_order_value']
        ) }} as frequency_credit,
        {{ shapley_of_product(
            ['order_value', 'previous_order_value'],
            ['customers', 'previous_customers'],
            ['frequency', 'previous_frequency']
        ) }} as order_value_credit
    from compare_factors
),

-- Without buyers in either period there is no frequency to compare: what changed is
-- that customers came or went.
final as (
    select
        segment_column,
        segment_value,
        period_grain,
        period_start,
        net_revenue,
        previous_net_revenue,
        revenue_change,
        coalesce(customers_credit, {{ as_double('revenue_change - guest_change') }})
            as customers_effect,
        coalesce(frequency_credit, case when revenue_change is not null then 0 end)
            as frequency_effect,
        coalesce(order_value_credit, case when revenue_change is not null then 0 end)
            as order_value_effect,
        {{ as_double('guest_change') }} as guest_effect,
        is_complete
    from credit_factors
)

select * from final
