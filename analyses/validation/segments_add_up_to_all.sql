-- One row per table, figure, grain and segment column over whose values the figure does
-- not add up to that of everybody. Channels and NPS groups are parts of everybody too.
{%- set marts = [
    ('rpt_growth', 'period_grain', none, [
        'orders', 'customer_orders', 'guest_orders', 'net_revenue',
        'net_revenue_order_basis', 'gross_revenue', 'refund_amount', 'customer_revenue',
        'guest_revenue', 'purchase_days', 'active_customers', 'new_customers',
    ]),
    ('rpt_growth_accounting', 'period_grain', none, [
        'active_customers', 'previous_active_customers', 'new_customers',
        'left_truncated_customers', 'retained_customers', 'resurrected_customers',
        'churned_customers', 'customer_revenue', 'previous_customer_revenue',
        'revenue_change', 'new_revenue', 'left_truncated_revenue', 'expansion_revenue',
        'contraction_revenue', 'resurrected_revenue', 'churned_revenue',
    ]),
    ('rpt_revenue_decomposition', 'period_grain', none, [
        'net_revenue', 'previous_net_revenue', 'revenue_change',
    ]),
    ('rpt_cohort_retention', 'period_grain', none, [
        'eligible_customers', 'retained_customers', 'retained_on_or_after', 'orders',
        'net_revenue', 'net_revenue_order_basis',
    ]),
    ('rpt_retention', 'measure', none, ['customers', 'eligible_customers']),
    ('rpt_churn_by_month_number', 'churn_window', none, [
        'churned_customers', 'censored_customers', 'undetermined_customers',
    ]),
    ('rpt_retention_readiness', none, none, [
        'customers', 'eligible_customers_month_1', 'eligible_customers_month_3',
        'eligible_customers_month_12',
    ]),
    ('rpt_stage_funnel', 'period_grain', none, [
        'people', 'eligible_people', 'reached_people',
    ]),
    ('rpt_stage_transitions', 'period_grain', none, ['people']),
    ('rpt_conversion', 'period_grain', 'channel', [
        'people', 'eligible_people', 'converted_people', 'walk_in_people',
        'new_customers',
    ]),
    ('rpt_milestone_scorecard', none, none, [
        'exposed_people', 'touches', 'positive_touches', 'neutral_touches',
        'negative_touches', 'eligible_people', 'succeeded_people',
    ]),
    ('rpt_experience', 'survey_type', none, [
        'responses', 'promoters', 'passives', 'detractors',
    ]),
    ('rpt_brand_performance', 'period_grain', 'nps_group', [
        'nps_responses', 'eligible_people', 'repeating_people',
    ]),
] %}

with {% for mart, level, part, figures in marts -%}
label_{{ mart }} as (
    select
        *,
        {{ level or as_text("'all'") }} as level_name,
        case
            when {{ part or "'all'" }} = 'all' then segment_column
            when segment_column = 'all' then '{{ part }}'
        end as part_name
    from {{ ref('customer_journey', mart) }}
    {%- if mart == 'rpt_retention' %}
    -- Who has not come back is awaited in each segment for as long as it is watched.
    where measure <> 'not_yet_repeated'
    {%- endif %}
),

sum_{{ mart }} as (
    select
        level_name,
        {%- for figure in figures %}
        {{ as_double('sum(' ~ figure ~ ')') }} as {{ figure }},
        {%- endfor %}
        part_name
    from label_{{ mart }}
    group by level_name, part_name
),

{% endfor -%}
figures as (
    {%- for mart, level, part, figures in marts %}
    {%- set is_first = loop.first %}
    {%- for figure in figures %}
    {{ 'union all' if not (is_first and loop.first) }}
    select
        '{{ mart }}' as mart,
        '{{ figure }}' as figure
    {%- endfor %}
    {%- endfor %}
),

list_figures as (
    {%- for mart, level, part, figures in marts %}
    {{ 'union all' if not loop.first }}
    select
        '{{ mart }}' as mart,
        sum_{{ mart }}.level_name,
        sum_{{ mart }}.part_name,
        figures.figure,
        case figures.figure
            {%- for figure in figures %}
            when '{{ figure }}' then sum_{{ mart }}.{{ figure }}
            {%- endfor %}
        end as figure_value
    from sum_{{ mart }}
    inner join figures on figures.mart = '{{ mart }}'
    {%- endfor %}
),

-- Channels have a column of their own in the conversion rates.
parts as (
    {%- for mart, level, part, figures in marts %}
    {%- for name in segment_columns() if not (part and name == 'acquisition_channel'
        and mart == 'rpt_conversion') %}
    select
        '{{ mart }}' as mart,
        '{{ name }}' as part_name
    union all
    {%- endfor %}
    {%- if part %}
    select
        '{{ mart }}' as mart,
        '{{ part }}' as part_name
    {{ 'union all' if not loop.last }}
    {%- endif %}
    {%- endfor %}
),

list_values as (
    select
        list_figures.mart,
        list_figures.figure,
        list_figures.level_name,
        parts.part_name,
        case when list_figures.part_name = 'all' then list_figures.figure_value end
            as expected,
        case when list_figures.part_name <> 'all' then list_figures.figure_value end
            as found
    from list_figures
    inner join parts
        on
            list_figures.mart = parts.mart
            and (
                list_figures.part_name = 'all'
                or list_figures.part_name = parts.part_name
            )
)

select
    mart || '.' || figure || ' over ' || part_name
    || case when level_name = 'all' then '' else ' by ' || level_name end as measure,
    {{ as_text('null') }} as period,
    {{ as_double('sum(coalesce(expected, 0))') }} as expected,
    {{ as_double('sum(coalesce(found, 0))') }} as found
from list_values
group by mart, figure, level_name, part_name
having {{ disagrees('1e-6') }}
