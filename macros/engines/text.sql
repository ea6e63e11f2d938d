{# The texts of a group, one after the other, in order. #}
{% macro joined_text(text, separator, order_by) %}
    {{- adapter.dispatch('joined_text', 'customer_journey')(text, separator, order_by) -}}
{% endmacro %}

{% macro default__joined_text(text, separator, order_by) -%}
    string_agg({{ text }}, '{{ separator }}' order by {{ order_by }})
{%- endmacro %}

{% macro spark__joined_text(text, separator, order_by) -%}
    listagg({{ text }}, '{{ separator }}') within group (order by {{ order_by }})
{%- endmacro %}
