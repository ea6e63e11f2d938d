{# Half the width of a 95% interval in standard errors: the 97.5th normal percentile. #}
{% macro z_95() %}{{ return(1.959963984540054) }}{% endmacro %}


{# The lowest answer, from 0 to 10, of somebody who promotes. #}
{% macro promoter_score() %}{{ return(9) }}{% endmacro %}


{#
    Net promoter score from -100 to 100, and the bounds of its 95% interval: adjusted
    Wald, three answers added (three quarters of one a promoter's, three quarters of one
    a detractor's, the rest passive), clipped to the scale. Null when n is zero.
#}
{% macro nps(promoters, detractors, n) -%}
    100 * {{ customer_journey.ratio(promoters ~ ' - ' ~ detractors, n) }}
{%- endmacro %}


{% macro nps_lower(promoters, detractors, n) -%}
    {{ customer_journey.clamp(
        customer_journey.nps_bound(promoters, detractors, n, '-'), -100, 100
    ) }}
{%- endmacro %}


{% macro nps_upper(promoters, detractors, n) -%}
    {{ customer_journey.clamp(
        customer_journey.nps_bound(promoters, detractors, n, '+'), -100, 100
    ) }}
{%- endmacro %}


{% macro nps_bound(promoters, detractors, n, sign) -%}
    {%- set m = '(' ~ customer_journey.as_double(n) ~ ' + 3)' -%}
    {%- set p = '((' ~ promoters ~ ' + 0.75) / ' ~ m ~ ')' -%}
    {%- set d = '((' ~ detractors ~ ' + 0.75) / ' ~ m ~ ')' -%}
    case
        when {{ n }} > 0
            then 100 * (
                {{ p }} - {{ d }} {{ sign }} {{ customer_journey.z_95() }} * sqrt(
                    ({{ p }} + {{ d }} - ({{ p }} - {{ d }}) * ({{ p }} - {{ d }})) / {{ m }}
                )
            )
    end
{%- endmacro %}


{#
    Bounds of the 95% interval of the difference of two proportions, first less second:
    Newcombe's hybrid of the two Wilson intervals (1998, method 10). Null when either n
    is zero.
#}
{% macro newcombe_lower(successes_1, n_1, successes_2, n_2) -%}
    {{ customer_journey.newcombe_bound(successes_1, n_1, successes_2, n_2, '-') }}
{%- endmacro %}


{% macro newcombe_upper(successes_1, n_1, successes_2, n_2) -%}
    {{ customer_journey.newcombe_bound(successes_1, n_1, successes_2, n_2, '+') }}
{%- endmacro %}


{% macro newcombe_bound(successes_1, n_1, successes_2, n_2, sign) -%}
    {%- set opposite = '+' if sign == '-' else '-' -%}
    {%- set p_1 = customer_journey.ratio(successes_1, n_1) -%}
    {%- set p_2 = customer_journey.ratio(successes_2, n_2) -%}
    {%- set side_1 = p_1 ~ ' - ' ~ customer_journey.wilson_bound(successes_1, n_1, sign) -%}
    {%- set side_2 = p_2 ~ ' - ' ~ customer_journey.wilson_bound(successes_2, n_2, opposite) -%}
    {{ p_1 }} - {{ p_2 }} {{ sign }} sqrt(
        ({{ side_1 }}) * ({{ side_1 }}) + ({{ side_2 }}) * ({{ side_2 }})
    )
{%- endmacro %}


{#
    Half the width of the 95% interval of a mean, from the sums of the values and of
    their squares; null below two values. Where the values are all alike, what the
    subtraction leaves is rounding and counts as none.
#}
{% macro mean_half_width(value_sum, square_sum, n) -%}
    {%- set v = customer_journey.as_double(value_sum) -%}
    {%- set q = customer_journey.as_double(square_sum) -%}
    {%- set m = customer_journey.as_double(n) -%}
    case
        when {{ n }} < 2 then null
        when {{ q }} - {{ v }} * {{ v }} / {{ m }} <= 1e-11 * {{ q }} then 0
        else {{ customer_journey.z_95() }} * sqrt(
            ({{ q }} - {{ v }} * {{ v }} / {{ m }}) / ({{ m }} - 1) / {{ m }}
        )
    end
{%- endmacro %}


{# A value held between two bounds; null stays null. #}
{% macro clamp(value, lowest, highest) -%}
    case
        when {{ value }} is not null then least(greatest({{ value }}, {{ lowest }}), {{ highest }})
    end
{%- endmacro %}
