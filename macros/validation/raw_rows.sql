{#
    What the checks before publishing read raw rows with: a way of their own from a raw
    value to a local date, so that they do not repeat what staging may have got wrong.
#}

{# Whether a raw value is a calendar date without a time: it is local already. #}
{% macro is_whole_day(column, type) -%}
    {%- if type == 'date' -%}
        true
    {%- elif customer_journey.has_moments(type) -%}
        false
    {%- else -%}
        length(trim({{ customer_journey.as_text(column) }})) = 10
    {%- endif -%}
{%- endmacro %}


{#
    The moment that a raw value names in UTC, of a date without a time its midnight; null
    when staging would not read it.
#}
{% macro raw_moment(column, type) -%}
    {%- set text = 'trim(' ~ customer_journey.as_text(column) ~ ')' -%}
    {%- set wall_time = "replace(substr(" ~ customer_journey.matched_part(
        text, '^(.{16}[0-9:.]*)'
    ) ~ ", 1, 26), 'T', ' ')" -%}
    {%- set offset = "replace(" ~ customer_journey.matched_part(
        text, '([+-][0-9:]+)$'
    ) ~ ", ':', '')" -%}
    {%- if type == 'date' -%}
        cast({{ column }} as timestamp)
    {%- elif customer_journey.has_moments(type) and ('with time zone' in type or 'timestamptz' in type) -%}
        {{ customer_journey.to_utc(column) }}
    {%- elif customer_journey.has_moments(type) -%}
        cast({{ column }} as timestamp)
    {%- else -%}
        case
            when {{ customer_journey.parse_local_timestamp(column, type) }} is null
                then null
            when length({{ text }}) = 10 then {{ customer_journey.try_timestamp(text) }}
            when {{ customer_journey.matches(text, '[+-][0-9:]+$') }}
                then {{ customer_journey.add_minutes(
                    customer_journey.try_timestamp(wall_time),
                    customer_journey.offset_minutes(offset)
                ) }}
            else {{ customer_journey.try_timestamp(wall_time) }}
        end
    {%- endif -%}
{%- endmacro %}


{% macro has_moments(type) %}
    {{ return(
        type is string and ('timestamp' in type or 'datetime' in type)
    ) }}
{% endmacro %}


{#
    The moments in UTC at which the days of the calendar and the two around it begin and
    end, to select from: one time is shifted for each day, not one for each row.
#}
{% macro local_days() -%}
    (
        select
            calendar_date,
            starts_at,
            lead(starts_at) over (order by calendar_date) as ends_at
        from (
            select
                calendar_date,
                {#- Where clocks go back at midnight, the day begins at the first one. #}
                case
                    when
                        {{ customer_journey.to_reporting_timezone(
                            customer_journey.add_minutes('utc_midnight', -60)
                        ) }} = cast(calendar_date as timestamp)
                        then {{ customer_journey.add_minutes('utc_midnight', -60) }}
                    else utc_midnight
                end as starts_at
            from (
                select
                    calendar_date,
                    {{ customer_journey.from_reporting_timezone(
                        'cast(calendar_date as timestamp)'
                    ) }} as utc_midnight
                from (
                    select calendar_date
                    from {{ ref('customer_journey', 'int_calendar') }}
                    union
                    select {{ customer_journey.add_days('min(calendar_date)', -1) }}
                    from {{ ref('customer_journey', 'int_calendar') }}
                    union
                    select {{ customer_journey.add_days('max(calendar_date)', 1) }}
                    from {{ ref('customer_journey', 'int_calendar') }}
                ) as list_dates
            ) as convert_midnights
        ) as correct_midnights
    ) as local_days
{%- endmacro %}


{#
    The local date of a moment in UTC; for a relation that is joined to local_days. The
    calendar begins with the first accepted event: only rejected rows lie before it.
#}
{% macro local_date(moment, is_whole_day) -%}
    {%- set utc_date = 'cast(' ~ moment ~ ' as date)' -%}
    case
        when {{ is_whole_day }} then {{ utc_date }}
        when local_days.calendar_date is null
            then cast({{ customer_journey.to_reporting_timezone(moment) }} as date)
        when {{ moment }} < local_days.starts_at
            then {{ customer_journey.add_days(utc_date, -1) }}
        when {{ moment }} >= local_days.ends_at
            then {{ customer_journey.add_days(utc_date, 1) }}
        else {{ utc_date }}
    end
{%- endmacro %}


{# A naive time on the wall in the reporting time zone as the naive time in UTC. #}
{% macro from_reporting_timezone(local_timestamp) %}
    {%- if var('reporting_timezone') in ['UTC', 'Etc/UTC'] -%}
        {{ local_timestamp }}
    {%- else -%}
        {{- adapter.dispatch('from_reporting_timezone', 'customer_journey')(
            local_timestamp, "'" ~ var('reporting_timezone') ~ "'"
        ) -}}
    {%- endif -%}
{% endmacro %}

{% macro default__from_reporting_timezone(local_timestamp, timezone) -%}
    timezone('UTC', timezone({{ timezone }}, {{ local_timestamp }}))
{%- endmacro %}

{% macro spark__from_reporting_timezone(local_timestamp, timezone) -%}
    to_utc_timestamp({{ local_timestamp }}, {{ timezone }})
{%- endmacro %}


{# Whether a local date can be, on a row that was loaded at that local time. #}
{% macro is_possible_date(local_date, loaded_time=none) -%}
    {{ local_date }} >= {{ customer_journey.date_variable('earliest_valid_date') }}
    and {{ local_date }} <= {{ customer_journey.date_variable('latest_valid_date') }}
    {%- if loaded_time is not none %}
    and not coalesce({{ local_date }} > {{ customer_journey.add_days(
        'cast(' ~ loaded_time ~ ' as date)', var('future_tolerance_days')
    ) }}, false)
    {%- endif %}
{%- endmacro %}


{#
    Whether what is expected of a group and what is found differ by more than the amounts
    of the group have been rounded, and than floats do.
#}
{% macro disagrees(rounding='0') -%}
    abs(sum(coalesce(expected, 0)) - sum(coalesce(found, 0)))
    > {{ rounding }} + 1e-9 * abs(sum(coalesce(expected, 0)))
{%- endmacro %}


{#
    Ends a step whose columns are used again and again: PostgreSQL would put what they
    stand for wherever they are named, and work it out each time.
#}
{% macro computed_once() %}
    {{- adapter.dispatch('computed_once', 'customer_journey')() -}}
{% endmacro %}

{% macro default__computed_once() -%}
{%- endmacro %}

{% macro postgres__computed_once() -%}
    offset 0
{%- endmacro %}
