{# A 64-bit float; dbt.type_float() is 32-bit on DuckDB and Spark. #}
{% macro type_double() %}
    {{- 'double' if target.type == 'spark' else 'double precision' -}}
{% endmacro %}


{# Money: 14 digits before the point and 4 behind it, in one 64-bit word. #}
{% macro type_money() %}decimal(18, 4){% endmacro %}


{% macro as_money(expression) %}
    {{- 'cast(' ~ expression ~ ' as ' ~ customer_journey.type_money() ~ ')' -}}
{% endmacro %}


{#
    An amount of money times a rate of 10 digits and 8 decimals, as money. One digit more
    lets DuckDB multiply in 128 bits; a further one would cost Spark decimals.
#}
{% macro as_converted(amount, rate) %}
    {{- customer_journey.as_money(
        'cast(' ~ amount ~ ' as decimal(19, 4)) * ' ~ rate
    ) -}}
{% endmacro %}


{% macro as_double(expression) %}
    {{- 'cast(' ~ expression ~ ' as ' ~ customer_journey.type_double() ~ ')' -}}
{% endmacro %}


{# A sum of integers: its type differs from engine to engine, a count's does not. #}
{% macro as_count(expression) %}
    {{- 'cast(' ~ expression ~ ' as bigint)' -}}
{% endmacro %}


{% macro as_text(expression) %}
    {{- 'cast(' ~ expression ~ ' as ' ~ dbt.type_string() ~ ')' -}}
{% endmacro %}


{# A share as text in percent, with one digit behind the point. #}
{% macro as_percent(expression) %}
    {{- customer_journey.as_text(
        'cast(100 * ' ~ customer_journey.as_double(expression) ~ ' as decimal(9, 1))'
    ) ~ " || '%'" -}}
{% endmacro %}
