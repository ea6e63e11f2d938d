-- One row per segment value, period grain and period: every figure that adds up.
-- Dense: a period without any row has zeros, from the first transaction to as-of.
{%- set counts = [
    'orders', 'purchase_days', 'active_customers', 'new_customers',
    'left_truncated_customers', 'retained_customers', 'resurrected_customers',
    'churned_customers',
] %}
{%- set amounts = [
    'gross_revenue', 'refund_amount', 'net_revenue_order_basis', 'new_revenue',
    'left_truncated_revenue',
    'expansion_revenue', 'contraction_revenue', 'resurrected_revenue',
    'churned_revenue',
] %}

with key_periods as (
    select * from {{ ref('customer_journey', 'int_key_periods') }}
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

periods as (
    select *
    from {{ ref('customer_journey', 'int_periods') }}
    where is_since_first_transaction
),

occurring_segments as (
    select distinct
        segments.segment_column,
        segments.segment_value
    from key_periods
    inner join segments on key_periods.segment_key = segments.segment_key
),

sum_segments as (
    select
        segments.segment_column,
        segments.segment_value,
        key_periods.period_grain,
        key_periods.period_index,
        {%- for name in counts + amounts %}
        sum(key_periods.{{ name }}) as {{ name }},
        {%- endfor %}
        sum(case when key_periods.segment_key = 0 then key_periods.orders else 0 end)
            as guest_orders,
        sum(case
            when key_periods.segment_key = 0
                then key_periods.gross_revenue + key_periods.refund_amount
            else 0
        end) as guest_revenue
    from key_periods
    inner join segments on key_periods.segment_key = segments.segment_key
    group by
        segments.segment_column,
        segments.segment_value,
        key_periods.period_grain,
        key_periods.period_index
),

final as (
    select
        occurring_segments.segment_column,
        occurring_segments.segment_value,
        periods.period_grain,
        periods.period_start,
        periods.period_end,
        periods.period_index,
        periods.last_year_period_index,
        {%- for name in counts + ['guest_orders'] %}
        {{ as_count('coalesce(sum_segments.' ~ name ~ ', 0)') }} as {{ name }},
        {%- endfor %}
        {%- for name in amounts + ['guest_revenue'] %}
        {{ as_money('coalesce(sum_segments.' ~ name ~ ', 0)') }} as {{ name }},
        {%- endfor %}
        periods.is_complete
    from occurring_segments
    cross join periods
    left join sum_segments
        on
            occurring_segments.segment_column = sum_segments.segment_column
            and occurring_segments.segment_value = sum_segments.segment_value
            and periods.period_grain = sum_segments.period_grain
            and periods.period_index = sum_segments.period_index
)

select * from final
