{# Whole days from one date to another. #}
{% macro days_between(start_date, end_date) %}
    {{- adapter.dispatch('days_between', 'customer_journey')(start_date, end_date) -}}
{% endmacro %}

{% macro default__days_between(start_date, end_date) -%}
    cast({{ end_date }} - {{ start_date }} as integer)
{%- endmacro %}

{% macro spark__days_between(start_date, end_date) -%}
    datediff({{ end_date }}, {{ start_date }})
{%- endmacro %}


{# A date moved by a whole number of days. #}
{% macro add_days(from_date, day_count) %}
    {{- adapter.dispatch('add_days', 'customer_journey')(from_date, day_count) -}}
{% endmacro %}

{% macro default__add_days(from_date, day_count) -%}
    cast({{ from_date }} + cast({{ day_count }} as integer) as date)
{%- endmacro %}

{% macro spark__add_days(from_date, day_count) -%}
    date_add({{ from_date }}, cast({{ day_count }} as int))
{%- endmacro %}


{# A date moved by calendar months. #}
{% macro add_months(from_date, month_count) %}
    {{- adapter.dispatch('add_months', 'customer_journey')(from_date, month_count) -}}
{% endmacro %}

{% macro default__add_months(from_date, month_count) -%}
    cast({{ from_date }} + {{ month_count }} * interval '1 month' as date)
{%- endmacro %}

{% macro spark__add_months(from_date, month_count) -%}
    add_months({{ from_date }}, cast({{ month_count }} as int))
{%- endmacro %}


{# Number of a date's month, consecutive from year to year: year * 12 + month. #}
{% macro month_index(from_date) -%}
    (cast(extract(year from {{ from_date }}) as integer) * 12
        + cast(extract(month from {{ from_date }}) as integer))
{%- endmacro %}


{# A timestamp moved by a whole number of minutes. #}
{% macro add_minutes(from_timestamp, minute_count) %}
    {{- adapter.dispatch('add_minutes', 'customer_journey')(from_timestamp, minute_count) -}}
{% endmacro %}

{% macro default__add_minutes(from_timestamp, minute_count) -%}
    {{ from_timestamp }} + {{ minute_count }} * interval '1 minute'
{%- endmacro %}

{% macro spark__add_minutes(from_timestamp, minute_count) -%}
    timestampadd(minute, {{ minute_count }}, {{ from_timestamp }})
{%- endmacro %}


{# Whole seconds from one timestamp to a later one. #}
{% macro seconds_between(start_timestamp, end_timestamp) %}
    {{- adapter.dispatch('seconds_between', 'customer_journey')(start_timestamp, end_timestamp) -}}
{% endmacro %}

{% macro default__seconds_between(start_timestamp, end_timestamp) -%}
    date_sub('second', {{ start_timestamp }}, {{ end_timestamp }})
{%- endmacro %}

{% macro postgres__seconds_between(start_timestamp, end_timestamp) -%}
    cast(floor(extract(epoch from {{ end_timestamp }} - {{ start_timestamp }})) as bigint)
{%- endmacro %}

{% macro spark__seconds_between(start_timestamp, end_timestamp) -%}
    timestampdiff(second, {{ start_timestamp }}, {{ end_timestamp }})
{%- endmacro %}


{# A naive UTC timestamp as the naive time on the wall in the reporting time zone. #}
{% macro to_reporting_timezone(utc_timestamp) %}
    {%- if var('reporting_timezone') in ['UTC', 'Etc/UTC'] -%}
        {{ utc_timestamp }}
    {%- else -%}
        {{- adapter.dispatch('to_reporting_timezone', 'customer_journey')(
            utc_timestamp, "'" ~ var('reporting_timezone') ~ "'"
        ) -}}
    {%- endif -%}
{% endmacro %}

{% macro default__to_reporting_timezone(utc_timestamp, timezone) -%}
    timezone({{ timezone }}, timezone('UTC', {{ utc_timestamp }}))
{%- endmacro %}

{% macro spark__to_reporting_timezone(utc_timestamp, timezone) -%}
    from_utc_timestamp({{ utc_timestamp }}, {{ timezone }})
{%- endmacro %}


{# The naive UTC timestamp of a timestamp that carries its time zone. #}
{% macro to_utc(zoned_timestamp) %}
    {{- adapter.dispatch('to_utc', 'customer_journey')(zoned_timestamp) -}}
{% endmacro %}

{% macro default__to_utc(zoned_timestamp) -%}
    timezone('UTC', {{ zoned_timestamp }})
{%- endmacro %}

{# Spark's timestamp is an instant shown in the session's time zone, which is UTC. #}
{% macro spark__to_utc(zoned_timestamp) -%}
    {{ zoned_timestamp }}
{%- endmacro %}


{# A date variable as SQL: a date literal, or a null date. #}
{% macro date_variable(name) %}
    {{- 'cast(null as date)' if var(name) is none else "cast('" ~ var(name) ~ "' as date)" -}}
{% endmacro %}
{# A day long before any data on which a week starts, by the variable week_start. #}
{% macro week_anchor() -%}
    {#- 1969-12-29 was a Monday. -#}
    {%- set monday = modules.datetime.date(1969, 12, 29) -%}
    {%- set shift = customer_journey.weekdays().index(var('week_start')) -%}
    cast('{{ monday + modules.datetime.timedelta(days=shift) }}' as date)
{%- endmacro %}
