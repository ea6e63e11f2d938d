-- One row per segment value, period grain and period: who came, stayed, returned and
-- left, in customers and in their net revenue.
-- Movements of a period that is not over are null: who is missing may still come.

with segment_periods as (
    select * from {{ ref('customer_journey', 'int_segment_periods') }}
),

sum_revenue as (
    select
        *,
        {{ as_money('gross_revenue + refund_amount - guest_revenue') }}
            as customer_revenue
    from segment_periods
),

compare_periods as (
    select
        *,
        coalesce(lag(active_customers) over segment_history, 0)
            as previous_active_customers,
        {{ as_money('coalesce(lag(customer_revenue) over segment_history, 0)') }}
            as previous_customer_revenue,
        case when is_complete then 1 end as once_complete
    from sum_revenue
    window segment_history as (
        partition by segment_column, segment_value, period_grain
        order by period_index
    )
),

final as (
    select
        segment_column,
        segment_value,
        period_grain,
        period_start,
        active_customers,
        previous_active_customers,
        once_complete * new_customers as new_customers,
        once_complete * left_truncated_customers as left_truncated_customers,
        once_complete * retained_customers as retained_customers,
        once_complete * resurrected_customers as resurrected_customers,
        once_complete * churned_customers as churned_customers,
        {{ ratio(
            'once_complete * (new_customers + resurrected_customers)',
            'churned_customers'
        ) }} as customer_quick_ratio,
        customer_revenue,
        previous_customer_revenue,
        {{ as_money('once_complete * (customer_revenue - previous_customer_revenue)') }}
            as revenue_change,
        {{ as_money('once_complete * new_revenue') }} as new_revenue,
        {{ as_money('once_complete * left_truncated_revenue') }}
            as left_truncated_revenue,
        {{ as_money('once_complete * expansion_revenue') }} as expansion_revenue,
        {{ as_money('once_complete * contraction_revenue') }} as contraction_revenue,
        {{ as_money('once_complete * resurrected_revenue') }} as resurrected_revenue,
        {{ as_money('once_complete * churned_revenue') }} as churned_revenue,
        {{ ratio_of_positive(
            'once_complete * (new_revenue + expansion_revenue + resurrected_revenue)',
            '-(contraction_revenue + churned_revenue)'
        ) }} as revenue_quick_ratio,
        {{ ratio_of_positive(
            'once_complete'
            ~ ' * (previous_customer_revenue + contraction_revenue + churned_revenue)',
            'previous_customer_revenue'
        ) }} as gross_revenue_retention,
        {{ ratio_of_positive(
            'once_complete * (previous_customer_revenue + expansion_revenue'
            ~ ' + contraction_revenue + churned_revenue)',
            'previous_customer_revenue'
        ) }} as net_revenue_retention,
        is_complete
    from compare_periods
)

select * from final
