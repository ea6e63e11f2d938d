{#
    How dbt fills a seed on Spark. The adapter's own macro writes an empty cell as the
    text None, breaks at a quote, and renders a cast per cell. Here the rows travel as
    one JSON text, and the casts are written once per column.
#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set statements = [] -%}
    {%- for batch in agate_table.rows | batch(get_batch_size()) -%}
        {%- set rows = [] -%}
        {%- for row in batch -%}
            {%- set cells = [] -%}
            {%- for cell in row -%}
                {%- do cells.append(none if cell is none else cell | string) -%}
            {%- endfor -%}
            {%- do rows.append(cells) -%}
        {%- endfor -%}
        {%- set json = tojson(rows) | replace('\\', '\\\\') | replace("'", "\\'") -%}
        {%- set sql -%}
            insert into {{ this.render() }}
            select
                {%- for name in agate_table.column_names %}
                cast(cells[{{ loop.index0 }}] as {{
                    types.get(name, adapter.convert_type(agate_table, loop.index0))
                }}) as {{ adapter.quote(name) }}{{ ',' if not loop.last }}
                {%- endfor %}
            from (
                select explode(from_json('{{ json }}', 'array<array<string>>')) as cells
            ) as seed_rows
        {%- endset -%}
        {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
        {%- do statements.append(sql) -%}
    {%- endfor -%}
    {#- What dbt keeps among its compiled files. -#}
    {{ return(statements | first | default('', true)) }}
{% endmacro %}
