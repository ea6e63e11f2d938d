-- Everybody has one value of every segment column, and guests have their own: whatever
-- is counted per segment value adds up to the total.
{%- set models = {
    'rpt_growth': {
        'key': ['period_grain', 'period_start'],
        'figures': [
            'net_revenue', 'net_revenue_order_basis', 'orders', 'guest_orders',
            'guest_revenue', 'purchase_days', 'active_customers', 'new_customers',
        ],
    },
    'rpt_growth_accounting': {
        'key': ['period_grain', 'period_start'],
        'figures': [
            'previous_active_customers', 'left_truncated_customers',
            'retained_customers', 'resurrected_customers', 'churned_customers',
            'new_revenue', 'left_truncated_revenue', 'expansion_revenue',
            'contraction_revenue', 'resurrected_revenue', 'churned_revenue',
        ],
    },
    'rpt_cohort_retention': {
        'key': ['offset_basis', 'period_grain', 'cohort_start', 'period_number'],
        'figures': [
            'eligible_customers', 'retained_customers', 'retained_on_or_after', 'orders',
            'net_revenue', 'net_revenue_order_basis',
        ],
    },
} %}

{%- for model, columns in models.items() %}
{{ 'union all' if not loop.first }}
select
    '{{ model }}' as model_name,
    segment_sums.segment_column,
    count(*) as broken_rows
from (
    select
        segment_column,
        {{ columns.key | join(', ') }}
        {%- for figure in columns.figures %},
        sum({{ figure }}) as {{ figure }}
        {%- endfor %}
    from {{ ref(model) }}
    where segment_column <> 'all'
    group by segment_column, {{ columns.key | join(', ') }}
) as segment_sums
left join {{ ref(model) }} as totals
    on
        totals.segment_column = 'all'
        {%- for name in columns.key %}
        and segment_sums.{{ name }} = totals.{{ name }}
        {%- endfor %}
where
    {%- for figure in columns.figures %}
    {{ 'or' if not loop.first }} segment_sums.{{ figure }} is distinct from totals.{{ figure }}
    {%- endfor %}
group by segment_sums.segment_column
{%- endfor %}
