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
        'survey_answers_counted': ['latest', 'all'],
        'marketing_spend_repeats': ['sum', 'reject'],
        'rfm_score_levels': [5, 10],
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
        'value_calibration_end_date',
    ] %}
    {% for name in dates if var(name) is not none %}
        {% if not customer_journey.is_date(var(name) | string) %}
            {{ exceptions.raise_compiler_error(
                name ~ " is '" ~ var(name) ~ "': write a day that exists as YYYY-MM-DD."
            ) }}
        {% endif %}
    {% endfor %}
    {% set whole_numbers = [
        'left_truncation_days', 'future_tolerance_days', 'attribution_lookback_days',
        'small_sample_size', 'survey_follow_up_days', 'readiness_min_months',
        'readiness_min_customers',
    ] %}
    {% for name in whole_numbers if var(name) is not integer or var(name) < 0 %}
        {{ exceptions.raise_compiler_error(
            name ~ " is '" ~ var(name) ~ "': it must be a whole number, 0 or more."
        ) }}
    {% endfor %}
    {% for name, unit in {'lapse_days': 'days', 'churn_window_months': 'months'}.items() %}
        {% set length = var(name) %}
        {% if length is not none and (length is not integer or length < 1) %}
            {{ exceptions.raise_compiler_error(
                name ~ " is '" ~ length ~ "': it must be a whole number of " ~ unit
                ~ ", 1 or more, or null."
            ) }}
        {% endif %}
    {% endfor %}
    {#- rpt_experience lists what an answer was about beside the segments. #}
    {% set taken = ['all', 'milestone', 'touchpoint_type', 'channel', 'stage'] %}
    {% for name in customer_journey.segment_columns() if name in taken %}
        {{ exceptions.raise_compiler_error(
            "segment_columns names " ~ name ~ ", which the reports use themselves: "
            ~ "give that column of the customers input another name."
        ) }}
    {% endfor %}
    {% if not modules.re.match('^[A-Z]{3}$', var('reporting_currency') | string) %}
        {{ exceptions.raise_compiler_error(
            "reporting_currency is '" ~ var('reporting_currency')
            ~ "': write its three letters, such as USD."
        ) }}
    {% endif %}
    {% set customer_segments = customer_journey.customer_segment_columns() %}
    {% if customer_segments and customer_journey.input_name('customers') is none %}
        {{ exceptions.raise_compiler_error(
            "segment_columns names " ~ customer_segments | join(', ')
            ~ ", but customers_input is off: name the model that has the column."
        ) }}
    {% endif %}
    {% set shares = [
        'max_rejected_share', 'attribution_first_touch_weight',
        'attribution_last_touch_weight', 'readiness_min_repeat_share',
        'readiness_max_guest_share',
    ] + (['gross_margin_rate'] if var('gross_margin_rate') is not none else []) %}
    {% for name in shares if var(name) is not number or not 0 <= var(name) <= 1 %}
        {{ exceptions.raise_compiler_error(
            name ~ " is '" ~ var(name) ~ "': it must be a number from 0 to 1"
            ~ (", or null" if name == 'gross_margin_rate') ~ "."
        ) }}
    {% endfor %}
    {% set ends = (
        var('attribution_first_touch_weight') + var('attribution_last_touch_weight')
    ) | round(9) %}
    {% if not 0 < ends <= 1 %}
        {{ exceptions.raise_compiler_error(
            "attribution_first_touch_weight and attribution_last_touch_weight add up to "
            ~ ends ~ ": lower them to 1 together at most, and leave one above 0."
        ) }}
    {% endif %}
    {% set half_life = var('attribution_half_life_days') %}
    {% if half_life is not number or not 0 < half_life < 100000 %}
        {{ exceptions.raise_compiler_error(
            "attribution_half_life_days is '" ~ half_life
            ~ "': it must be a number of days above 0."
        ) }}
    {% endif %}
{% endmacro %}


{# Whether a text is a day of the calendar, written as YYYY-MM-DD. #}
{% macro is_date(text) %}
    {% if not modules.re.match('^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$', text) %}
        {{ return(false) }}
    {% endif %}
    {% set first_day = modules.datetime.date.fromisoformat(text[:8] ~ '01') %}
    {% set day_number = modules.datetime.timedelta(days=text[8:] | int - 1) %}
    {{ return((first_day + day_number).month == first_day.month) }}
{% endmacro %}


{% macro weekdays() %}
    {{ return([
        'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday',
    ]) }}
{% endmacro %}
