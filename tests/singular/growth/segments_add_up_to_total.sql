-- Everybody has one value of every segment column, and guests have their own: whatever
-- is counted per segment value adds up to the total.
{%- set period = ['period_grain', 'period_start'] %}
{%- set cell = ['offset_basis', 'period_grain', 'cohort_start', 'period_number'] %}
{%- set checks = [
    ['rpt_growth', period, [
        'net_revenue', 'net_revenue_order_basis', 'orders', 'guest_orders',
        'guest_revenue', 'purchase_days', 'active_customers', 'new_customers',
    ]],
    ['rpt_growth_accounting', period, [
        'previous_active_customers', 'left_truncated_customers', 'retained_customers',
        'resurrected_customers', 'churned_customers', 'new_revenue',
        'left_truncated_revenue', 'expansion_revenue', 'contraction_revenue',
        'resurrected_revenue', 'churned_revenue',
    ]],
    ['rpt_cohort_retention', cell, [
        'eligible_customers', 'retained_customers', 'retained_on_or_after', 'orders',
        'net_revenue', 'net_revenue_order_basis',
    ]],
] %}

with {% for model, key, figures in checks -%}
{{ model }}_sums as (
    select
        segment_column,
        {%- for figure in figures %}
        sum({{ figure }}) as {{ figure }},
        {%- endfor %}
        {{ key | join(', ') }}
    from {{ ref('customer_journey', model) }}
    group by segment_column, {{ key | join(', ') }}
)
{{- ',\n' if not loop.last }}
{%- endfor %}

{%- for model, key, figures in checks %}
{{ 'union all' if not loop.first }}
select
    '{{ model }}' as model_name,
    segments.segment_column,
    count(*) as broken_rows
from {{ model }}_sums as segments
left join {{ model }}_sums as totals
    on
        totals.segment_column = 'all'
        {%- for name in key %}
        and segments.{{ name }} = totals.{{ name }}
        {%- endfor %}
where
    false
    {%- for figure in figures %}
    or segments.{{ figure }} is distinct from totals.{{ figure }}
    {%- endfor %}
group by segments.segment_column
{%- endfor %}
