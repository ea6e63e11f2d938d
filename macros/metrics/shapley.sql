{#
    The Shapley value of one factor in the change of a product of three: each argument
    is the pair [value, earlier value] of a factor, the credited one first.
#}
{% macro shapley_of_product(credited, second, third) -%}
    ({{ credited[0] }} - {{ credited[1] }}) * (
        ({{ second[0] }} * {{ third[0] }} + {{ second[1] }} * {{ third[1] }}) / 3
        + ({{ second[0] }} * {{ third[1] }} + {{ second[1] }} * {{ third[0] }}) / 6
    )
{%- endmacro %}
