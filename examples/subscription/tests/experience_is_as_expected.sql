-- Scores that are not as expected: of the whole time for everybody and by stage and
-- touchpoint type of the answer, and the net promoter score by month.

with found_experience as (
    select
        segment_column,
        segment_value,
        survey_type,
        question_id,
        period_grain,
        period_start,
        responses,
        round(score, 2) as score,
        round(score_lower, 2) as score_lower,
        round(score_upper, 2) as score_upper,
        promoters,
        passives,
        detractors,
        round(top_two_box_rate, 4) as top_two_box_rate,
        round(mean_answer, 4) as mean_answer,
        target,
        round(shortfall, 4) as shortfall,
        missed_indicators
    from {{ ref('rpt_experience') }}
    where
        (
            period_grain = 'all'
            and segment_column in ('all', 'stage', 'touchpoint_type')
        )
        or (
            period_grain = 'month'
            and segment_column = 'all'
            and survey_type = 'nps'
            and question_id = 'all'
        )
),

expected_experience as (
    select * from {{ ref('expected_experience') }}
)

(select * from expected_experience except select * from found_experience)
union all
(select * from found_experience except select * from expected_experience)
