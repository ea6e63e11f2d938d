{#
    Rows that break an identity of the model, with the name of the first one broken.
    identities: name to boolean expression; an expression that is null counts as
    broken, so say in the expression where null is right.
    key: columns that no two rows share, nulls counting as equal. Judged here as well,
    so that a model is read once for both.
#}
{% test identities(model, identities, key=none) %}

with judged as (
    select
        *,
        case
            {%- if key %}
            when count(*) over (partition by {{ key | join(', ') }}) > 1 then 'key'
            {%- endif %}
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
