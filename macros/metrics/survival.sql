{#
    Kaplan-Meier (1958): the logarithm of the share who pass one moment. Added up over
    the moments so far it is that of the surviving share; none left counts as 1e-300.
#}
{% macro log_survival_step(events, at_risk) -%}
    ln(greatest(1 - coalesce({{ customer_journey.ratio(events, at_risk) }}, 0), 1e-300))
{%- endmacro %}


{# Surviving share of the sum of its steps' logarithms. #}
{% macro survival(log_survival) -%}
    case when {{ log_survival }} > -600 then exp({{ log_survival }}) else 0 end
{%- endmacro %}


{# Greenwood (1926): what one moment adds to the variance of the logarithm of survival. #}
{% macro greenwood_step(events, at_risk) -%}
    coalesce({{ customer_journey.ratio(
        events,
        customer_journey.as_double(at_risk) ~ ' * (' ~ at_risk ~ ' - ' ~ events ~ ')'
    ) }}, 0)
{%- endmacro %}


{#
    Bounds of the 95% interval of a surviving share on the log-log scale (Kalbfleisch &
    Prentice 1980), which keeps them within 0 and 1. 1 while nobody has left, null when
    nobody is left.
#}
{% macro survival_lower(log_survival, variance) -%}
    {{ customer_journey.survival_bound(log_survival, variance, '') }}
{%- endmacro %}


{% macro survival_upper(log_survival, variance) -%}
    {{ customer_journey.survival_bound(log_survival, variance, '-') }}
{%- endmacro %}


{% macro survival_bound(log_survival, variance, sign) -%}
    case
        when {{ log_survival }} = 0 then 1
        when {{ log_survival }} > -600
            then exp(greatest(
                {{ log_survival }} * exp(
                    {{ sign }}{{ customer_journey.z_95() }} * sqrt({{ variance }})
                    / -{{ log_survival }}
                ),
                -600
            ))
    end
{%- endmacro %}
