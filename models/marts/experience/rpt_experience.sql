-- One row per segment value, survey type, question and period with an answer: its
-- score. Question `all` stands for every one of the survey type.
{%- set place = [
    'segment_column', 'segment_value', 'survey_type', 'reported_question',
    'period_grain', 'period_index',
] %}

with experience_questions as (
    select
        *,
        case when counting = 'per_question' then question_id else 'all' end
            as reported_question
    from {{ ref('customer_journey', 'int_experience_questions') }}
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
),

-- A question by itself is a sum over one question.
sum_questions as (
    select
        {{ place | join(',\n        ') }},
        {%- for name in [
            'responses', 'promoters', 'passives', 'detractors', 'top_two_boxes',
            'normalised_sum', 'normalised_square_sum',
        ] %}
        sum({{ name }}) as {{ name }},
        {%- endfor %}
        max(mean_answer) as mean_answer,
        max(target) as target,
        max(signed_shortfall) as signed_shortfall,
        {{ as_count('sum(case when signed_shortfall > 1e-9 then 1 else 0 end)') }}
            as missed_questions,
        max(attainment) as attainment,
        sum(weight * {{ clamp('attainment', 0, 1) }}) / sum(weight) as attainment_index,
        -- Unknown as soon as one question has too few answers to say.
        case
            when count(attainment_half_width) = count(*)
                then
                    sqrt(sum(power(weight * attainment_half_width, 2))) / sum(weight)
        end as attainment_half_width
    from experience_questions
    group by {{ place | join(', ') }}
),

place_questions as (
    select
        sum_questions.*,
        periods.period_start,
        sum_questions.period_grain = 'all' or periods.is_complete as is_complete,
        sum_questions.reported_question = 'all' as is_index
    from sum_questions
    left join periods
        on
            sum_questions.period_grain = periods.period_grain
            and sum_questions.period_index = periods.period_index
),

find_bounds as (
    select
        *,
        {{ mean_half_width('normalised_sum', 'normalised_square_sum', 'responses') }}
            as css_half_width,
        case when is_index then attainment_index else attainment end
            as attainment_centre
    from place_questions
),

final as (
    select
        segment_column,
        segment_value,
        survey_type,
        reported_question as question_id,
        period_grain,
        period_start,
        {{ as_count('responses') }} as responses,
        case survey_type
            when 'nps' then {{ nps('promoters', 'detractors', 'responses') }}
            when 'css' then normalised_sum / responses
            else 100 * attainment_index
        end as score,
        case survey_type
            when 'nps' then {{ nps_lower('promoters', 'detractors', 'responses') }}
            when 'css'
                then {{ clamp('normalised_sum / responses - css_half_width', 0, 100) }}
            else 100 * {{ clamp('attainment_centre - attainment_half_width', 0, 1) }}
        end as score_lower,
        case survey_type
            when 'nps' then {{ nps_upper('promoters', 'detractors', 'responses') }}
            when 'css'
                then {{ clamp('normalised_sum / responses + css_half_width', 0, 100) }}
            else 100 * {{ clamp('attainment_centre + attainment_half_width', 0, 1) }}
        end as score_upper,
        {%- for name in ['promoters', 'passives', 'detractors'] %}
        case when survey_type = 'nps' then {{ as_count(name) }} end as {{ name }},
        {%- endfor %}
        {{ ratio('top_two_boxes', 'responses') }} as top_two_box_rate,
        {{ wilson_lower('top_two_boxes', 'responses') }} as top_two_box_rate_lower,
        {{ wilson_upper('top_two_boxes', 'responses') }} as top_two_box_rate_upper,
        case when not is_index then mean_answer end as mean_answer,
        case when not is_index then target end as target,
        attainment_index as attainment,
        -- A target that is met is met, whatever rounding leaves of the difference.
        case
            when is_index then null
            when signed_shortfall <= 1e-9 then 0
            else signed_shortfall
        end as shortfall,
        case when is_index and survey_type = 'exs' then missed_questions end
            as missed_indicators,
        responses < {{ var('small_sample_size') }} as is_small_sample,
        is_complete
    from find_bounds
)

select * from final
