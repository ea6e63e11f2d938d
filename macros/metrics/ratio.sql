{# A quotient as a float; null when the denominator is null or zero. #}
{% macro ratio(numerator, denominator) -%}
    {{ customer_journey.as_double(numerator) }}
    / nullif({{ customer_journey.as_double(denominator) }}, 0)
{%- endmacro %}


{# A quotient as a float; null unless the denominator is above zero. #}
{% macro ratio_of_positive(numerator, denominator) -%}
    {{ customer_journey.as_double(numerator) }}
    / case when {{ denominator }} > 0 then {{ customer_journey.as_double(denominator) }} end
{%- endmacro %}


{# Growth against an earlier value; null when there is none above zero to compare. #}
{% macro growth_rate(value, earlier) -%}
    case
        when {{ earlier }} > 0
            then {{ customer_journey.as_double(value) }} / {{ customer_journey.as_double(earlier) }} - 1
    end
{%- endmacro %}
