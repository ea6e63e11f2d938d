{# The reason to reject a row without a value in a required text column, or null. #}
{% macro missing_problem(column, name) -%}
    case when {{ column }} is null then 'missing_{{ name }}' end
{%- endmacro %}


{# The reason to reject a row whose value is none of those that are known, or null. #}
{% macro unknown_problem(known, name) -%}
    case when {{ known }} is null then 'unknown_{{ name }}' end
{%- endmacro %}


{# The reason to reject a name that the reports write themselves, or null. #}
{% macro reserved_problem(column, name) -%}
    case
        when
            {{ column }} in ('all', '(none)', '(start)', '(conversion)', '(null)')
            or {{ column }} like '(visits) %'
            then 'reserved_{{ name }}'
    end
{%- endmacro %}


{# The reason to reject a value that is missing or could not be read, or null. #}
{% macro parse_problem(parsed, raw, name) -%}
    case
        when {{ parsed }} is not null then null
        when {{ customer_journey.parse_text(raw) }} is null then 'missing_{{ name }}'
        else 'unparseable_{{ name }}'
    end
{%- endmacro %}


{# The reason to reject a date outside the valid span or after its loading, or null. #}
{% macro date_problem(event_date, loaded_at=none) -%}
    case
        when
            {{ event_date }} < {{ customer_journey.date_variable('earliest_valid_date') }}
            or {{ event_date }} > {{ customer_journey.date_variable('latest_valid_date') }}
            then 'date_out_of_range'
        {%- if loaded_at is not none %}
        when {{ event_date }} > {{ customer_journey.add_days(
            'cast(' ~ loaded_at ~ ' as date)', var('future_tolerance_days')
        ) }}
            then 'future_date'
        {%- endif %}
    end
{%- endmacro %}


{# Whether a day lies after the as-of date that was asked for. #}
{% macro is_after_as_of(event_date) -%}
    {{ 'false' if var('as_of_date') is none else
        'coalesce(' ~ event_date ~ ' > ' ~ customer_journey.date_variable('as_of_date') ~ ', false)' }}
{%- endmacro %}


{# The rate of a row's day; of a refund on a day without one, that of its purchase. #}
{% macro rate_of_row() -%}
    case
        when signed_type = 'purchase' or day_rate is not null then day_rate
        else max(
            case
                when signed_type = 'purchase' and row_problem is null and not is_after_as_of
                    then day_rate
            end
        ) over (partition by coalesce(original_key, transaction_key), currency_code)
    end
{%- endmacro %}


{#
    What became of a row: of the visible rows that are good in themselves, the first
    version of a key is accepted and the others are merged into it.
#}
{% macro row_status() -%}
    case
        when is_after_as_of then 'after_as_of'
        when problem is not null then 'rejected'
        when version_number = 1 then 'accepted'
        else 'merged'
    end
{%- endmacro %}


{% macro status_reason() -%}
    case
        when is_after_as_of then null
        when problem is not null then problem
        when version_number > 1 and is_exact_duplicate then 'exact_duplicate'
        when version_number > 1 then 'superseded_by_later_row'
    end
{%- endmacro %}


{# What a row held, as one text, kept for the rows that are rejected. #}
{% macro raw_values(columns, input, condition='problem is not null') -%}
    {%- set contract = customer_journey.input_contract()[input] -%}
    case
        when ({{ condition }}) and not is_after_as_of
            then
    {%- for name in contract.required + contract.optional if name in columns %}
    {{ "" if loop.first else "|| '; " }}{{ "'" if loop.first }}{{ name }}=' || coalesce({{ customer_journey.as_text(name) }}, '')
    {%- else %}
    cast(null as {{ dbt.type_string() }})
    {%- endfor %}
    end
{%- endmacro %}


{#
    Whether a row says the same as the version of its key that is kept; for a model that
    has a window `versions`, the kept version first.
#}
{% macro is_like_kept(columns) -%}
    {%- for column in columns -%}
    {{ 'and ' if not loop.first -}}
    first_value({{ column }}) over versions is not distinct from {{ column }}
    {% endfor -%}
{%- endmacro %}
