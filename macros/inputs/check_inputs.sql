{# Stops the run with one sentence when a variable or an input breaks the contract. #}
{% macro check_inputs() %}
    {% if execute %}
        {% do customer_journey.check_variables() %}
        {% for input, contract in customer_journey.input_contract().items() %}
            {% set name = customer_journey.input_name(input) %}
            {% set columns = customer_journey.input_columns(input) %}
            {% set missing = contract.required | reject('in', columns) | list %}
            {% if name is not none and missing %}
                {{ exceptions.raise_compiler_error(
                    input ~ "_input names " ~ name ~ " (" ~ ref(name).render() ~ "), which has no column "
                    ~ missing | join(', ') ~ ": add it to that model"
                    ~ (" or take it out of segment_columns" if input == 'customers')
                    ~ "."
                ) }}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}


{% macro check_variables() %}
    {% set allowed = {
        'week_start': customer_journey.weekdays(),
        'acquisition_attribution_model': ['first', 'last', 'last_non_direct'],
    } %}
    {% for name, values in allowed.items() if var(name) not in values %}
        {{ exceptions.raise_compiler_error(
            name ~ " is '" ~ var(name) ~ "': it must be one of " ~ values | join(', ') ~ "."
        ) }}
    {% endfor %}
    {% if var('reporting_timezone') not in modules.pytz.all_timezones_set %}
        {{ exceptions.raise_compiler_error(
            "reporting_timezone is '" ~ var('reporting_timezone')
            ~ "': no such time zone; use an IANA name such as Europe/Berlin."
        ) }}
    {% endif %}
    {% set dates = [
        'as_of_date', 'history_start_date', 'earliest_valid_date', 'latest_valid_date',
    ] %}
    {% set iso_date = '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' %}
    {% for name in dates if var(name) is not none %}
        {% if not modules.re.match(iso_date, var(name) | string) %}
            {{ exceptions.raise_compiler_error(
                name ~ " is '" ~ var(name) ~ "': write a date as YYYY-MM-DD."
            ) }}
        {% endif %}
    {% endfor %}
    {% set shares = var('max_rejected_share') %}
    {% if shares is not number or not 0 <= shares <= 1 %}
        {{ exceptions.raise_compiler_error(
            "max_rejected_share is '" ~ shares ~ "': it must be a number from 0 to 1."
        ) }}
    {% endif %}
{% endmacro %}


{% macro weekdays() %}
    {{ return([
        'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday',
    ]) }}
{% endmacro %}
