-- Every accepted answer is in fct_survey_scores, and the report counts each person once
-- per question (NPS: once over all questions) and period, everybody without a name
-- apart: counted again from the people who answered.
{%- set person = "'answer:' || answers.response_id"
    if var('survey_answers_counted') == 'all'
    else "coalesce('customer:' || answers.customer_id, 'answer:' || answers.response_id)"
%}

with survey_responses as (
    select * from {{ ref('customer_journey', 'stg_survey_responses') }}
    where row_status = 'accepted'
),

survey_scores as (
    select * from {{ ref('customer_journey', 'fct_survey_scores') }}
),

experience as (
    select * from {{ ref('customer_journey', 'rpt_experience') }}
    where segment_column in ('all', 'milestone', 'touchpoint_type')
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
),

levels as (
    select true as is_period
    union all
    select false as is_period
),

list_scopes as (
    select
        answers.*,
        'all' as segment_column,
        'all' as segment_value,
        answers.question_id as reported_question
    from survey_scores as answers
    union all
    select
        answers.*,
        'all' as segment_column,
        'all' as segment_value,
        'all' as reported_question
    from survey_scores as answers
    union all
    select
        answers.*,
        'milestone' as segment_column,
        coalesce(answers.milestone, '(none)') as segment_value,
        'all' as reported_question
    from survey_scores as answers
    union all
    select
        answers.*,
        'touchpoint_type' as segment_column,
        coalesce(answers.touchpoint_type, '(none)') as segment_value,
        'all' as reported_question
    from survey_scores as answers
),

count_people as (
    select
        answers.segment_column,
        answers.segment_value,
        answers.survey_type,
        answers.reported_question,
        coalesce(periods.period_grain, 'all') as period_grain,
        periods.period_start,
        count(distinct {{ person }} || case
            when answers.survey_type = 'nps' then '' else ' ' || answers.question_id
        end) as people
    from list_scopes as answers
    cross join levels
    left join periods
        on
            levels.is_period
            and answers.responded_date >= periods.period_start
            and answers.responded_date <= periods.period_end
    where not answers.is_not_applicable
    group by
        answers.segment_column,
        answers.segment_value,
        answers.survey_type,
        answers.reported_question,
        coalesce(periods.period_grain, 'all'),
        periods.period_start
)

select
    coalesce(count_people.segment_column, experience.segment_column) as segment_column,
    coalesce(count_people.segment_value, experience.segment_value) as segment_value,
    coalesce(count_people.reported_question, experience.question_id) as question_id,
    coalesce(count_people.period_grain, experience.period_grain) as period_grain,
    coalesce(count_people.period_start, experience.period_start) as period_start,
    count_people.people,
    experience.responses
from count_people
full outer join experience
    on
        count_people.segment_column = experience.segment_column
        and count_people.segment_value = experience.segment_value
        and count_people.survey_type = experience.survey_type
        and count_people.reported_question = experience.question_id
        and count_people.period_grain = experience.period_grain
        and coalesce(count_people.period_start, cast('1900-01-01' as date))
        = coalesce(experience.period_start, cast('1900-01-01' as date))
where count_people.people is distinct from experience.responses
union all
select
    'fct_survey_scores' as segment_column,
    survey_responses.response_id as segment_value,
    survey_responses.question_id,
    'all' as period_grain,
    survey_responses.occurred_date as period_start,
    1 as people,
    0 as responses
from survey_responses
left join survey_scores on survey_responses.response_id = survey_scores.response_id
where
    survey_scores.response_id is null
    or survey_responses.score is distinct from survey_scores.score
