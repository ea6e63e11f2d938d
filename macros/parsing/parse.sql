{# A column as trimmed text; blank text counts as null. #}
{% macro parse_text(column) %}
    {{- "nullif(trim(" ~ customer_journey.as_text(column) ~ "), '')" -}}
{% endmacro %}


{#
    A column as money, null when it cannot be read. Text must be a plain decimal
    number; type is the column's data type in the input.
#}
{% macro parse_money(column, type) %}
    {{- customer_journey.parse_decimal(column, type, 14, 4) -}}
{% endmacro %}


{# A column as an exchange rate, null when it cannot be read. #}
{% macro parse_rate(column, type) %}
    {{- customer_journey.parse_decimal(column, type, 10, 8) -}}
{% endmacro %}


{# A currency's code; none is the reporting currency. #}
{% macro parse_currency(column) -%}
    coalesce(
        upper({{ customer_journey.parse_text(column) }}), '{{ var("reporting_currency") }}'
    )
{%- endmacro %}


{# What one unit of a currency is worth in the reporting currency, or null. #}
{% macro rate_of_day(currency, exchange_rate) -%}
    case
        when {{ currency }} = '{{ var("reporting_currency") }}' then 1
        else {{ exchange_rate }}
    end
{%- endmacro %}


{# A column as a decimal of so many digits before and behind the point, or null. #}
{% macro parse_decimal(column, type, digits, scale) %}
    {%- if customer_journey.is_text_type(type) -%}
        case
            when {{ customer_journey.matches(
                'trim(' ~ column ~ ')',
                '^[+-]?([0-9]{1,' ~ digits ~ '}([.][0-9]*)?|[.][0-9]+)$'
            ) }}
                then {{ customer_journey.try_decimal('trim(' ~ column ~ ')', digits, scale) }}
        end
    {%- else -%}
        {{ customer_journey.try_decimal(column, digits, scale) }}
    {%- endif -%}
{% endmacro %}


{#
    A column as a naive timestamp in the reporting time zone, null when it cannot be
    read. A time without an offset is UTC; a value without a time is a local calendar
    date already and is not shifted.
#}
{% macro parse_local_timestamp(column, type) %}
    {%- if customer_journey.is_text_type(type) -%}
        {{ customer_journey.parse_local_timestamp_text('trim(' ~ column ~ ')') }}
    {%- elif type == 'date' -%}
        cast({{ column }} as timestamp)
    {%- elif 'with time zone' in type or 'timestamptz' in type -%}
        {{ customer_journey.to_reporting_timezone(customer_journey.to_utc(column)) }}
    {%- elif 'timestamp' in type or 'datetime' in type -%}
        {{ customer_journey.to_reporting_timezone('cast(' ~ column ~ ' as timestamp)') }}
    {%- else -%}
        {{ customer_journey.parse_local_timestamp_text(customer_journey.as_text(column)) }}
    {%- endif -%}
{% endmacro %}


{% macro parse_local_timestamp_text(text) %}
    {#- PostgreSQL has no year 0, and nobody else needs one. -#}
    {%- set date = '[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])' -%}
    {%- set time = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?' -%}
    {%- set offset = '[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?' -%}
    {#- Down to the microsecond: of finer digits PostgreSQL rounds, the others cut. -#}
    {%- set wall_time = "replace(substr(" ~ customer_journey.matched_part(
        text, '^(.{16}[0-9:.]*)'
    ) ~ ", 1, 26), 'T', ' ')" -%}
    {%- set offset_digits = "replace(" ~ customer_journey.matched_part(
        text, '([+-][0-9:]+)$'
    ) ~ ", ':', '')" -%}
    case
        when {{ customer_journey.matches(text, '^' ~ date ~ '$') }}
            then {{ customer_journey.try_timestamp(text) }}
        when {{ customer_journey.matches(text, '^' ~ date ~ '[T ]' ~ time ~ 'Z?$') }}
            then {{ customer_journey.to_reporting_timezone(
                customer_journey.try_timestamp(wall_time)
            ) }}
        when {{ customer_journey.matches(
            text, '^' ~ date ~ '[T ]' ~ time ~ '(' ~ offset ~ ')$'
        ) }}
            then {{ customer_journey.to_reporting_timezone(
                customer_journey.add_minutes(
                    customer_journey.try_timestamp(wall_time),
                    customer_journey.offset_minutes(offset_digits)
                )
            ) }}
    end
{% endmacro %}


{# Minutes to add to a wall time to get UTC, from its offset written as +HHMM or +HH. #}
{% macro offset_minutes(digits) -%}
    (case when {{ digits }} like '-%' then 1 else -1 end)
    * (
        60 * cast(substr({{ digits }}, 2, 2) as integer)
        + cast(substr({{ digits }} || '00', 4, 2) as integer)
    )
{%- endmacro %}


{% macro is_text_type(type) %}
    {{ return(
        type is undefined or type is none
        or 'char' in type or 'text' in type or 'string' in type
    ) }}
{% endmacro %}
