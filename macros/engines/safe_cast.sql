{# Whether a text matches a regular expression (the subset all engines share). #}
{% macro matches(text, pattern) %}
    {{- adapter.dispatch('matches', 'customer_journey')(text, pattern) -}}
{% endmacro %}

{% macro default__matches(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro postgres__matches(text, pattern) -%}
    {{ text }} ~ '{{ pattern }}'
{%- endmacro %}

{# Java's $ also matches before a line break at the end. #}
{% macro spark__matches(text, pattern) -%}
    {{ text }} rlike '{{ pattern | replace("$", "\\\\z") }}'
{%- endmacro %}


{# The part of a text that matches the one group of a pattern. #}
{% macro matched_part(text, pattern) %}
    {{- adapter.dispatch('matched_part', 'customer_journey')(text, pattern) -}}
{% endmacro %}

{% macro default__matched_part(text, pattern) -%}
    regexp_extract({{ text }}, '{{ pattern }}', 1)
{%- endmacro %}

{% macro postgres__matched_part(text, pattern) -%}
    substring({{ text }} from '{{ pattern }}')
{%- endmacro %}


{#
    The timestamp that a text spells as YYYY-MM-DD, with or without HH:MM[:SS[.ffffff]]
    behind it, or null when there is no such moment (30 February). The caller has
    matched the text against the pattern of a timestamp.
#}
{% macro try_timestamp(text) %}
    {{- adapter.dispatch('try_timestamp', 'customer_journey')(text) -}}
{% endmacro %}

{% macro default__try_timestamp(text) -%}
    try_cast({{ text }} as timestamp)
{%- endmacro %}

{# PostgreSQL has no cast that answers null: check the day against its month first. #}
{% macro postgres__try_timestamp(text) -%}
    case
        when
            cast(substr({{ text }}, 9, 2) as integer) <= extract(
                day from cast(substr({{ text }}, 1, 7) || '-01' as timestamp)
                + interval '1 month' - interval '1 day'
            )
            then cast({{ text }} as timestamp)
    end
{%- endmacro %}


{# A number as a decimal, or null when it does not fit. #}
{% macro try_decimal(expression, digits, scale) %}
    {{- adapter.dispatch('try_decimal', 'customer_journey')(expression, digits, scale) -}}
{% endmacro %}

{% macro default__try_decimal(expression, digits, scale) -%}
    try_cast({{ expression }} as decimal({{ digits + scale }}, {{ scale }}))
{%- endmacro %}

{# NaN sorts above every number on PostgreSQL, so the comparison keeps it out too. #}
{% macro postgres__try_decimal(expression, digits, scale) -%}
    case
        when
            round(abs(cast({{ expression }} as numeric)), {{ scale }}) < 1{{ '0' * digits }}
            then cast({{ expression }} as decimal({{ digits + scale }}, {{ scale }}))
    end
{%- endmacro %}


{#
    Stops the query with a message of its own. An expression of type boolean that is
    never evaluated to a value; put it behind a `case when`.
#}
{% macro stop_with(message) %}
    {{- adapter.dispatch('stop_with', 'customer_journey')(message) -}}
{% endmacro %}

{% macro default__stop_with(message) -%}
    cast(error({{ message }}) as boolean)
{%- endmacro %}

{# PostgreSQL raises only from procedures; a cast that fails quotes its operand. #}
{% macro postgres__stop_with(message) -%}
    cast({{ message }} as boolean)
{%- endmacro %}

{% macro spark__stop_with(message) -%}
    cast(raise_error({{ message }}) as boolean)
{%- endmacro %}
