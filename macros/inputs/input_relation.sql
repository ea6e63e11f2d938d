{# Name of the model or seed behind an input, or none when it is switched off. #}
{% macro input_name(input) %}
    {% set name = var(input ~ '_input') %}
    {% set uses_sample = var('transactions_input') == 'sample_transactions' %}
    {% if input == 'transactions' and name is none %}
        {{ exceptions.raise_compiler_error(
            "transactions_input is null: transactions are the one required input; "
            ~ "name the model or seed that holds them."
        ) }}
    {% endif %}
    {{ return(none if name == 'sample_' ~ input and not uses_sample else name) }}
{% endmacro %}


{# What to select an input from: its relation, or no row when it is switched off. #}
{% macro input_relation(input) %}
    {% set name = customer_journey.input_name(input) %}
    {{ return(ref(name) if name is not none else '(select 1 as no_row where 1 = 0) as no_input') }}
{% endmacro %}


{#
    Columns that an input has, lower-case name to data type; empty when it is switched
    off and while parsing. The one place where a model asks the database at compile
    time: optional columns may be absent from the user's model.
#}
{% macro input_columns(input) %}
    {% set types = {} %}
    {% set name = customer_journey.input_name(input) %}
    {% if execute and name is not none %}
        {% for column in adapter.get_columns_in_relation(ref(name)) %}
            {% do types.update({column.name | lower: column.data_type | lower}) %}
        {% endfor %}
    {% endif %}
    {{ return(types) }}
{% endmacro %}


{# A column of an input as the user's model has it, or null when it is absent. #}
{% macro raw_column(columns, name) %}
    {{- name if name in columns else 'cast(null as ' ~ dbt.type_string() ~ ')' -}}
{% endmacro %}


{# The columns of an input that the contract names, absent ones as null. #}
{% macro raw_columns(columns, input) %}
    {%- set contract = customer_journey.input_contract()[input] -%}
    {%- for name in contract.required + contract.optional %}
    {{ customer_journey.raw_column(columns, name) }} as {{ name }}
    {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
