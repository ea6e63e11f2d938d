{# Bounds of the 95% Wilson score interval of a proportion; null when n is zero. #}
{% macro wilson_lower(successes, n) -%}
    {{ customer_journey.wilson_bound(successes, n, '-') }}
{%- endmacro %}


{% macro wilson_upper(successes, n) -%}
    {{ customer_journey.wilson_bound(successes, n, '+') }}
{%- endmacro %}


{% macro wilson_bound(successes, n, sign) -%}
    {%- set z = customer_journey.z_95() -%}
    {%- set s = customer_journey.as_double(successes) -%}
    {%- set m = 'nullif(' ~ customer_journey.as_double(n) ~ ', 0)' -%}
    (
        {{ s }} + {{ z * z / 2 }}
        {{ sign }} {{ z }} * sqrt(greatest({{ s }} * ({{ m }} - {{ s }}) / {{ m }}, 0) + {{ z * z / 4 }})
    ) / ({{ m }} + {{ z * z }})
{%- endmacro %}
