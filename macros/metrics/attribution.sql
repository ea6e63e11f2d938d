{# The attribution models, in the order in which they are told. #}
{% macro attribution_models() %}
    {{ return([
        'first', 'last', 'last_non_direct', 'linear', 'position_based', 'time_decay',
        'markov', 'shapley',
    ]) }}
{% endmacro %}


{#
    Walks of twice the length, to select from: what walks of a relation lead to when two
    are taken one after the other. `walks` has conversion_type, from_state, to_state and
    weight: the square of a matrix in rows.
#}
{% macro doubled_walks(walks) -%}
    (
        select
            first_half.conversion_type,
            first_half.from_state,
            second_half.to_state,
            sum(first_half.weight * second_half.weight) as weight
        from {{ walks }} as first_half
        inner join {{ walks }} as second_half
            on
                first_half.conversion_type = second_half.conversion_type
                and first_half.to_state = second_half.from_state
        {#- Next to nobody: PostgreSQL stops at a product too small for a float. #}
        where first_half.weight > 1e-150 and second_half.weight > 1e-150
        group by
            first_half.conversion_type,
            first_half.from_state,
            second_half.to_state
    ) as doubled_walks
{%- endmacro %}


{# Weight of a touch against the last one of its path, by the seconds between them. #}
{% macro decay_weight(seconds_to_last) -%}
    {#- Beyond a thousand half-lives a weight would be too small for a float. #}
    power(
        {{ customer_journey.as_double(2) }},
        -least({{ customer_journey.as_double(seconds_to_last) }}
            / {{ 86400 * var('attribution_half_life_days') }}, 1000)
    )
{%- endmacro %}
