{# The end of a question's scale that is worst, and the one that is best. #}
{% macro worst_answer() -%}
    case when direction = 'lower_is_better' then scale_max else scale_min end
{%- endmacro %}


{% macro best_answer() -%}
    case when direction = 'lower_is_better' then scale_min else scale_max end
{%- endmacro %}
