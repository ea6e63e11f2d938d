-- Everybody has one value of every segment column, answers without a name their own:
-- what is counted per segment value adds up to the total. So do the stages, and the
-- milestones of CSS and ExS, each of whose questions has one. A milestone with a single
-- NPS question says what that question says.
{%- set place = ['survey_type', 'question_id', 'period_grain', 'period_key'] %}
{%- set answer_counts = [
    'responses', 'promoters', 'passives', 'detractors', 'top_two_boxes', 'score_sum',
] %}
{%- set people_counts = [
    'nps_responses', 'css_responses', 'exs_responses', 'eligible_people',
    'repeating_people', 'revenue',
] %}

with experience as (
    select
        *,
        coalesce(period_start, cast('1900-01-01' as date)) as period_key,
        top_two_box_rate * responses as top_two_boxes,
        -- The attainment of an index is no sum.
        case when survey_type <> 'exs' then score * responses end as score_sum
    from {{ ref('customer_journey', 'rpt_experience') }}
),

brand_performance as (
    select
        *,
        'all' as survey_type,
        nps_group as question_id,
        coalesce(period_start, cast('1900-01-01' as date)) as period_key,
        revenue_per_person * eligible_people as revenue
    from {{ ref('customer_journey', 'rpt_brand_performance') }}
),

single_questions as (
    select
        milestone,
        min(question_id) as question_id
    from {{ ref('journey_survey_questions') }}
    where survey_type = 'nps'
    group by milestone
    having count(*) = 1
),

experience_sums as (
    select
        segment_column,
        {%- for name in answer_counts %}
        sum({{ name }}) as {{ name }},
        {%- endfor %}
        {{ place | join(', ') }}
    from experience
    where
        segment_column not in ('milestone', 'touchpoint_type', 'channel')
        or (segment_column = 'milestone' and survey_type <> 'nps')
    group by segment_column, {{ place | join(', ') }}
    union all
    select
        'question of ' || experience.question_id as segment_column,
        {%- for name in answer_counts %}
        experience.{{ name }},
        {%- endfor %}
        experience.survey_type,
        single_questions.milestone as question_id,
        experience.period_grain,
        experience.period_key
    from experience
    inner join single_questions on experience.question_id = single_questions.question_id
    where experience.segment_column = 'all'
    union all
    select
        'all' as segment_column,
        {%- for name in answer_counts %}
        experience.{{ name }},
        {%- endfor %}
        experience.survey_type,
        experience.segment_value as question_id,
        experience.period_grain,
        experience.period_key
    from experience
    inner join single_questions on experience.segment_value = single_questions.milestone
    where experience.segment_column = 'milestone' and experience.survey_type = 'nps'
),

brand_performance_sums as (
    select
        segment_column,
        {%- for name in people_counts %}
        sum({{ name }}) as {{ name }},
        {%- endfor %}
        {{ place | join(', ') }}
    from brand_performance
    group by segment_column, {{ place | join(', ') }}
),

experience_columns as (
    select distinct
        segment_column,
        survey_type,
        question_id,
        period_grain
    from experience_sums
),

brand_performance_columns as (
    select distinct
        segment_column,
        survey_type,
        question_id,
        period_grain
    from brand_performance_sums
)

{%- for report, figures in [
    ('experience', answer_counts), ('brand_performance', people_counts),
] %}
{{ 'union all' if not loop.first }}
select
    'rpt_{{ report }}' as model_name,
    columns_to_add.segment_column,
    columns_to_add.survey_type,
    columns_to_add.question_id,
    columns_to_add.period_grain,
    count(*) as broken_rows
from {{ report }}_sums as totals
inner join {{ report }}_columns as columns_to_add
    on
        totals.survey_type = columns_to_add.survey_type
        and totals.question_id = columns_to_add.question_id
        and totals.period_grain = columns_to_add.period_grain
left join {{ report }}_sums as segments
    on
        columns_to_add.segment_column = segments.segment_column
        {%- for name in place %}
        and totals.{{ name }} = segments.{{ name }}
        {%- endfor %}
where
    totals.segment_column = 'all'
    and (
        segments.segment_column is null
        {%- for name in figures %}
        or abs(coalesce(segments.{{ name }}, -1) - coalesce(totals.{{ name }}, -1))
        > 1e-6
        {%- endfor %}
    )
group by
    columns_to_add.segment_column, columns_to_add.survey_type,
    columns_to_add.question_id, columns_to_add.period_grain
{%- endfor %}
