-- One row per public table: how many rows it has. The tables are those that the project
-- has, so that none can be forgotten here.

with counts as (
    {%- for node in graph.nodes.values() if execute
        and node.resource_type == 'model'
        and node.package_name == 'customer_journey'
        and 'marts' in node.fqn %}
    {{ 'union all' if not loop.first }}
    select
        'rows.{{ node.name }}' as figure,
        '{{ node.name }}' as table_name,
        count(*) as row_count
    from {{ node.relation_name }}
    {%- else %}
    select 'rows' as figure, 'rows' as table_name, 0 as row_count where 1 = 0
    {%- endfor %}
)

select
    figure,
    table_name,
    {{ as_double('row_count') }} as value  -- noqa: LT09
from counts
