-- One row per offset basis, period grain, cohort, segment value and period number with
-- activity: customers who bought, those whose last purchase it is, orders and revenue.
-- Left-truncated customers are in no cohort: their first purchase is not known.
{%- set figures = [
    'retained_customers', 'last_retained_customers', 'orders', 'net_revenue',
    'net_revenue_order_basis',
] %}

with customer_periods as (
    select * from {{ ref('customer_journey', 'int_customer_periods') }}
    where first_active_index is not null and not is_left_truncated
),

elapsed_windows as (
    select * from {{ ref('customer_journey', 'int_elapsed_windows') }}
),

calendar as (
    select * from {{ ref('customer_journey', 'int_calendar') }}
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

-- A refund dated before the first purchase belongs to the start of the relation.
number_periods as (
    select
        *,
        greatest(period_index - first_active_index, 0) as period_number
    from customer_periods
),

count_keys as (
    select
        'calendar' as offset_basis,
        period_grain,
        first_active_index as cohort_index,
        segment_key,
        period_number,
        sum(case when is_active then 1 else 0 end) as retained_customers,
        sum(case when period_index = last_active_index then 1 else 0 end)
            as last_retained_customers,
        sum(orders) as orders,
        sum(net_revenue) as net_revenue,
        sum(net_revenue_order_basis) as net_revenue_order_basis
    from number_periods
    group by period_grain, first_active_index, segment_key, period_number
    union all
    select
        'elapsed_30_days' as offset_basis,
        calendar.period_grain,
        calendar.period_index as cohort_index,
        elapsed_windows.segment_key,
        elapsed_windows.period_number,
        elapsed_windows.retained_customers,
        elapsed_windows.last_retained_customers,
        elapsed_windows.orders,
        elapsed_windows.net_revenue,
        elapsed_windows.net_revenue_order_basis
    from elapsed_windows
    inner join calendar
        on elapsed_windows.first_purchase_date = calendar.calendar_date
),

final as (
    select
        count_keys.offset_basis,
        segments.segment_column,
        segments.segment_value,
        count_keys.period_grain,
        count_keys.cohort_index,
        {%- for figure in figures %}
        sum(count_keys.{{ figure }}) as {{ figure }},
        {%- endfor %}
        count_keys.period_number
    from count_keys
    inner join segments on count_keys.segment_key = segments.segment_key
    group by
        count_keys.offset_basis,
        segments.segment_column,
        segments.segment_value,
        count_keys.period_grain,
        count_keys.cohort_index,
        count_keys.period_number
)

select * from final
