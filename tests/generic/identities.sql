{#
    Rows that break an identity of the model, with the name of the first one broken.
    identities: name to boolean expression; an expression that is null counts as
    broken, so say in the expression where null is right.
#}
{% test identities(model, identities) %}

with judged as (
    select
        *,
        case
            {%- for name, expression in identities.items() %}
            when not coalesce({{ expression }}, false) then '{{ name }}'
            {%- endfor %}
        end as broken_identity
    from {{ model }}
)

select *
from judged
where broken_identity is not null

{% endtest %}
