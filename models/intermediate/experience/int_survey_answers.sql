-- One row per accepted survey answer: what it is about, what it scores and, for each
-- way of counting, the date of the same person's next answer, which replaces it from
-- then on.
{%- set scopes = ['milestone', 'touchpoint_type', 'touch_channel'] %}

with survey_responses as (
    select * from {{ ref('customer_journey', 'stg_survey_responses') }}
    where row_status = 'accepted'
),

journey_survey_questions as (
    select
        *,
        {{ worst_answer() }} as worst_answer,
        {{ best_answer() }} as best_answer
    from {{ ref('journey_survey_questions') }}
),

answer_steps as (
    select * from {{ ref('customer_journey', 'int_answer_steps') }}
),

customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
),

combine_answers as (
    select
        survey_responses.response_id,
        survey_responses.customer_id,
        coalesce(customers.segment_key, 0) as segment_key,
        survey_responses.occurred_at,
        survey_responses.occurred_date,
        survey_responses.question_id,
        survey_responses.score,
        survey_responses.comment,
        journey_survey_questions.survey_type,
        journey_survey_questions.milestone,
        answer_steps.stage,
        answer_steps.touch_event_id,
        answer_steps.touchpoint_type,
        answer_steps.touch_medium,
        answer_steps.touch_channel,
        journey_survey_questions.worst_answer,
        journey_survey_questions.best_answer,
        {{ as_double('journey_survey_questions.target') }} as target,
        {{ as_double('journey_survey_questions.weight') }} as weight,
        -- One answer of a person counts towards NPS, whatever they were asked about.
        case
            when journey_survey_questions.survey_type = 'nps' then 'nps'
            else survey_responses.question_id
        end as counted_once_per
    from survey_responses
    inner join journey_survey_questions
        on survey_responses.question_id = journey_survey_questions.question_id
    inner join answer_steps on survey_responses.response_id = answer_steps.response_id
    left join customers on survey_responses.customer_id = customers.customer_id
),

final as (
    select
        *,
        100 * {{ ratio(
            'abs(score - worst_answer)', 'abs(best_answer - worst_answer)'
        ) }} as normalised_score,
        case
            when survey_type <> 'nps' or score is null then null
            when score >= {{ promoter_score() }} then 'promoter'
            when score >= 7 then 'passive'
            else 'detractor'
        end as nps_group,
        case when survey_type = 'css' then abs(best_answer - score) <= 1 end
            as is_top_two_box,
        case
            when survey_type = 'exs'
                then {{ clamp(ratio(
                    'abs(score - worst_answer)', 'abs(target - worst_answer)'
                ), 0, 1) }}
        end as attainment,
        {%- set is_replaced = "score is not null and customer_id is not null and '"
            ~ var('survey_answers_counted') ~ "' = 'latest'" %}
        case
            when {{ is_replaced }}
                then lead(occurred_date) over (
                        partition by customer_id, score is null, question_id
                        order by occurred_at, response_id
                    )
        end as next_question_date,
        {%- for scope in scopes %}
        case
            when {{ is_replaced }}
                then lead(occurred_date) over (
                        partition by
                            customer_id, score is null, counted_once_per, {{ scope }}
                        order by occurred_at, response_id
                    )
        end as next_{{ scope }}_date,
        {%- endfor %}
        case
            when {{ is_replaced }}
                then lead(occurred_date) over (
                        partition by customer_id, score is null, counted_once_per
                        order by occurred_at, response_id
                    )
        end as next_date
    from combine_answers
)

select * from final
