-- Net promoter scores that are not what they are known to be, in total or in a segment.
-- With the blanks read as scores of 11, that of 2017 would be 41.63.

with known_scores (
    period_start, responses, promoters, passives, detractors, score
) as (
    values
    (date '2017-01-01', 2746, 1436, 968, 342, 39.84),
    (date '2018-01-01', 2650, 1268, 935, 447, 30.98)
),

found_scores as (
    select
        period_start,
        responses,
        promoters,
        passives,
        detractors,
        round(score, 2) as score
    from {{ ref('rpt_experience') }}
    where
        segment_column = 'all'
        and survey_type = 'nps'
        and question_id = 'all'
        and period_grain = 'year'
),

segment_scores as (
    select
        period_start,
        cast(sum(responses) as bigint) as responses,
        cast(sum(promoters) as bigint) as promoters,
        cast(sum(passives) as bigint) as passives,
        cast(sum(detractors) as bigint) as detractors,
        round(sum(responses * score) / sum(responses), 2) as score
    from {{ ref('rpt_experience') }}
    where
        segment_column = 'times_flown'
        and survey_type = 'nps'
        and question_id = 'all'
        and period_grain = 'year'
    group by period_start
)

(select * from known_scores except select * from found_scores)
union all
(select * from found_scores except select * from known_scores)
union all
(select * from known_scores except select * from segment_scores)
