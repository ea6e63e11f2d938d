-- One row per public table: how many rows it has; one per table with segments: how many
-- of them are of everybody; and one per segment column: how many values it has. The
-- tables are those that the project has, so that none can be forgotten here.

with counts as (
    {%- for node in graph.nodes.values() if execute
        and node.resource_type == 'model'
        and node.package_name == 'customer_journey'
        and 'marts' in node.fqn %}
    {{ 'union all' if not loop.first }}
    select
        'rows.{{ node.name }}' as figure,
        '{{ node.name }}' as table_name,
        count(*) as figure_value
    from {{ node.relation_name }}
    {%- if 'segment_column' in node.columns %}
    union all
    select
        'rows_of_all.{{ node.name }}' as figure,
        '{{ node.name }}' as table_name,
        count(*) as figure_value
    from {{ node.relation_name }}
    where segment_column = 'all'
    {%- endif %}
    {%- if node.name == 'rpt_growth' %}
    {%- for name in ['all'] + segment_columns() %}
    union all
    select
        'segments.{{ name }}' as figure,
        'rpt_growth' as table_name,
        count(distinct segment_value) as figure_value
    from {{ node.relation_name }}
    where segment_column = '{{ name }}'
    {%- endfor %}
    {%- endif %}
    {%- else %}
    select 'rows' as figure, 'rows' as table_name, 0 as figure_value where 1 = 0
    {%- endfor %}
)

select
    figure,
    table_name,
    {{ as_double('figure_value') }} as value  -- noqa: LT09
from counts
