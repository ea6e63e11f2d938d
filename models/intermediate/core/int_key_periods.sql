-- One row per segment key, period grain and period: figures and movements, added up.
-- A customer moves in the periods in which they have a row, and once more in the period
-- after each row that no other row follows at once. Guests, who have segment key 0,
-- do not move.
{%- set own_figures = [
    'orders', 'purchase_days', 'gross_revenue', 'refund_amount',
    'net_revenue_order_basis',
] %}
{%- set movements = ['new', 'left_truncated', 'retained', 'resurrected', 'churned'] %}

with customer_periods as (
    select * from {{ ref('customer_journey', 'int_customer_periods') }}
),

guest_periods as (
    select * from {{ ref('customer_journey', 'int_guest_periods') }}
),

compare_with_previous as (
    select
        segment_key,
        period_grain,
        period_index,
        {{ own_figures | join(',\n        ') }},
        is_active,
        coalesce(previous_index = period_index - 1 and is_previous_active, false)
            as was_active,
        coalesce(period_index = first_active_index, false) as is_first_period,
        is_left_truncated,
        net_revenue - case
            when previous_index = period_index - 1 then previous_net_revenue else 0
        end as revenue_change
    from customer_periods
    union all
    select
        segment_key,
        period_grain,
        period_index + 1 as period_index,
        0 as {{ own_figures | join(',\n        0 as ') }},
        false as is_active,
        is_active as was_active,
        false as is_first_period,
        is_left_truncated,
        -net_revenue as revenue_change
    from customer_periods
    where next_index is null or next_index > period_index + 1
    union all
    select
        0 as segment_key,
        period_grain,
        period_index,
        {{ own_figures | join(',\n        ') }},
        false as is_active,
        false as was_active,
        false as is_first_period,
        false as is_left_truncated,
        0 as revenue_change
    from guest_periods
),

-- Refunds alone make nobody active: they expand or contract revenue by their sign.
name_movements as (
    select
        *,
        case
            when is_first_period and is_left_truncated then 'left_truncated'
            when is_first_period then 'new'
            when is_active and was_active then 'retained'
            when is_active then 'resurrected'
            when was_active then 'churned'
        end as movement
    from compare_with_previous
),

final as (
    select
        segment_key,
        period_grain,
        period_index,
        {%- for figure in own_figures %}
        sum({{ figure }}) as {{ figure }},
        {%- endfor %}
        sum(case when is_active then 1 else 0 end) as active_customers,
        {%- for movement in movements %}
        sum(case when movement = '{{ movement }}' then 1 else 0 end)
            as {{ movement }}_customers,
        sum(case when movement = '{{ movement }}' then revenue_change else 0 end)
            as {{ movement }}_revenue,
        {%- endfor %}
        sum(case
            when coalesce(movement, 'retained') = 'retained' and revenue_change > 0
                then revenue_change
            else 0
        end) as expansion_revenue,
        sum(case
            when coalesce(movement, 'retained') = 'retained' and revenue_change < 0
                then revenue_change
            else 0
        end) as contraction_revenue
    from name_movements
    group by segment_key, period_grain, period_index
)

select * from final
