-- One row per score and month, or over all of history, in which the reports disagree
-- with the answers: the latest of each person, told by the moment it was given.

with survey_scores as (
    select * from {{ ref('customer_journey', 'fct_survey_scores') }}
    where score is not null
),

journey_survey_questions as (
    select
        *,
        {{ worst_answer() }} as worst_answer,
        {{ best_answer() }} as best_answer
    from {{ ref('journey_survey_questions') }}
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
),

experience as (
    select * from {{ ref('customer_journey', 'rpt_experience') }}
    where
        segment_column = 'all'
        and question_id = 'all'
        and period_grain in ('month', 'all')
),

brand_performance as (
    select * from {{ ref('customer_journey', 'rpt_brand_performance') }}
    where
        segment_column = 'all'
        and nps_group = 'all'
        and period_grain in ('month', 'all')
),

reports as (
    select 'rpt_experience' as report
    union all
    select 'rpt_brand_performance' as report
),

spans as (
    select 'all' as span
    union all
    select 'month' as span
    from periods
    where period_grain = 'month'
    group by period_grain
),

place_answers as (
    select
        survey_scores.*,
        case
            when spans.span = 'month'
                then cast(
                        {{ dbt.date_trunc('month', 'survey_scores.responded_date') }}
                        as date
                    )
        end as month_start
    from survey_scores
    cross join spans
),

-- One answer of a person counts: of NPS in all, of the others to each question.
number_answers as (
    select
        place_answers.*,
        questions.worst_answer,
        questions.best_answer,
        questions.weight,
        case
            when
                place_answers.customer_id is null
                or '{{ var("survey_answers_counted") }}' = 'all'
                then 1
            else row_number() over (
                    partition by
                        place_answers.month_start,
                        place_answers.customer_id,
                        questions.survey_type,
                        case
                            when questions.survey_type <> 'nps'
                                then place_answers.question_id
                        end
                    order by
                        place_answers.responded_at desc, place_answers.response_id desc
                )
        end as answer_number
    from place_answers
    inner join journey_survey_questions as questions
        on place_answers.question_id = questions.question_id
),

score_questions as (
    select
        month_start,
        survey_type,
        question_id,
        count(*) as responses,
        sum(case when score >= 9 then 1 when score < 7 then -1 else 0 end)
            as net_promoters,
        sum(
            {{ as_double('score - worst_answer') }}
            / {{ as_double('best_answer - worst_answer') }}
        ) as shares_of_scale,
        max({{ as_double('weight') }}) as weight,
        max({{ as_double('weight') }}) * greatest(least(
            ({{ as_double('avg(score)') }} - {{ as_double('max(worst_answer)') }})
            / ({{ as_double('max(target)') }} - {{ as_double('max(worst_answer)') }}),
            1
        ), 0) as weighted_attainment
    from number_answers
    where answer_number = 1
    group by month_start, survey_type, question_id
),

score_types as (
    select
        month_start,
        survey_type,
        sum(responses) as responses,
        100 * case survey_type
            when 'nps' then {{ ratio('sum(net_promoters)', 'sum(responses)') }}
            when 'css' then {{ ratio('sum(shares_of_scale)', 'sum(responses)') }}
            else {{ ratio('sum(weighted_attainment)', 'sum(weight)') }}
        end as score
    from score_questions
    group by month_start, survey_type
),

list_scores as (
    select
        reports.report,
        score_types.survey_type,
        score_types.month_start,
        score_types.responses as expected_responses,
        score_types.score as expected_score,
        0 as found_responses,
        0 as found_score
    from score_types
    cross join reports
    union all
    select
        'rpt_experience' as report,
        survey_type,
        period_start as month_start,
        0 as expected_responses,
        0 as expected_score,
        responses as found_responses,
        score as found_score
    from experience
    {%- for type in ['nps', 'css', 'exs'] %}
    union all
    select
        'rpt_brand_performance' as report,
        '{{ type }}' as survey_type,
        period_start as month_start,
        0 as expected_responses,
        0 as expected_score,
        {{ type }}_responses as found_responses,
        {{ type }}_score as found_score
    from brand_performance
    {%- endfor %}
),

measures as (
    select 'responses' as measure
    union all
    select 'score' as measure
),

list_values as (
    select
        list_scores.report || '.' || list_scores.survey_type || ' ' || measures.measure
            as measure,
        list_scores.month_start,
        case measures.measure
            when 'score' then list_scores.expected_score
            else list_scores.expected_responses
        end as expected,
        case measures.measure
            when 'score' then list_scores.found_score
            else list_scores.found_responses
        end as found
    from list_scores
    cross join measures
)

select
    measure,
    substr({{ as_text('month_start') }}, 1, 7) as period,
    sum(coalesce(expected, 0)) as expected,
    sum(coalesce(found, 0)) as found
from list_values
group by measure, month_start
having {{ disagrees('1e-6') }}
