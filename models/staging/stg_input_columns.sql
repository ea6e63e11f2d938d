-- One row per column of the input contract.
-- Building it checks the variables and the columns of every input; all of staging
-- depends on it, so nothing is built from an input that breaks the contract.
{%- do check_inputs() %}
{%- for input in input_contract() %}
-- depends on: {{ input_relation(input) }}
{%- endfor %}

with contract_columns as (
    {%- for input, contract in input_contract().items() %}
    {%- set columns = input_columns(input) %}
    {%- set is_first_input = loop.first %}
    {%- for name in contract.required + contract.optional %}
    {{ 'union all' if not (is_first_input and loop.first) }}
    select
        '{{ input }}' as input_name,
        {{ "'" ~ input_name(input) ~ "'" if input_name(input) else 'null' }} as relation_name,
        '{{ name }}' as column_name,
        {{ name in contract.required }} as is_required,
        {{ name in columns }} as is_present,
        {{ "'" ~ columns[name] ~ "'" if name in columns else 'null' }} as data_type
    {%- endfor %}
    {%- endfor %}
)

select
    input_name,
    {{ as_text('relation_name') }} as relation_name,
    column_name,
    is_required,
    is_present,
    {{ as_text('data_type') }} as data_type
from contract_columns
