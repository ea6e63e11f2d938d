-- One row per way of counting, segment value, period and question: its score,
-- attainment and what it misses of its target.
-- A view: it has one reader.
{{ config(materialized='view') }}

with experience_sums as (
    select * from {{ ref('customer_journey', 'int_experience_sums') }}
),

journey_survey_questions as (
    select
        *,
        {{ worst_answer() }} as worst_answer
    from {{ ref('journey_survey_questions') }}
),

average_answers as (
    select
        experience_sums.*,
        journey_survey_questions.survey_type,
        journey_survey_questions.direction,
        journey_survey_questions.worst_answer,
        {{ as_double('journey_survey_questions.target') }} as target,
        {{ as_double('journey_survey_questions.weight') }} as weight,
        experience_sums.score_sum / experience_sums.responses as mean_answer,
        {{ mean_half_width(
            'experience_sums.score_sum', 'experience_sums.score_square_sum',
            'experience_sums.responses'
        ) }} as answer_half_width
    from experience_sums
    inner join journey_survey_questions
        on experience_sums.question_id = journey_survey_questions.question_id
),

-- Attainment is linear in the answer between its worst value and the target.
final as (
    select
        {%- for name in [
            'counting', 'segment_column', 'segment_value', 'period_grain', 'period_index',
            'question_id', 'responses', 'promoters', 'passives', 'detractors',
            'top_two_boxes', 'normalised_sum', 'normalised_square_sum', 'survey_type',
            'target', 'weight', 'mean_answer',
        ] %}
        {{ name }},
        {%- endfor %}
        case
            when survey_type = 'exs'
                then abs(mean_answer - worst_answer) / abs(target - worst_answer)
        end as attainment,
        case
            when survey_type = 'exs'
                then answer_half_width / abs(target - worst_answer)
        end as attainment_half_width,
        case
            when survey_type = 'nps'
                then target - {{ nps('promoters', 'detractors', 'responses') }}
            when survey_type = 'css' then target - normalised_sum / responses
            when direction = 'lower_is_better' then mean_answer - target
            else target - mean_answer
        end as signed_shortfall
    from average_answers
)

select * from final
