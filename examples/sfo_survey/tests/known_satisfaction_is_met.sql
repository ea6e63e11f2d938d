-- Means and shares of the two best answers that are not what they are known to be.
-- Of one question on a scale of 1 to 5 the score is 25 * (mean - 1).

with known_answers (period_start, mean_answer, top_two_box_percent) as (
    values
    (date '2014-01-01', 3.996, 78.9),
    (date '2015-01-01', 4.048, 80.0),
    (date '2016-01-01', 4.038, 81.0),
    (date '2017-01-01', 4.064, 82.1),
    (date '2018-01-01', 4.003, 78.4)
),

found_answers as (
    select
        period_start,
        round(mean_answer, 3) as mean_answer,
        round(100 * top_two_box_rate, 1) as top_two_box_percent,
        score
    from {{ ref('rpt_experience') }}
    where
        segment_column = 'all'
        and survey_type = 'css'
        and question_id = 'csat_airport'
        and period_grain = 'year'
)

select
    known_answers.*,
    found_answers.mean_answer as found_mean_answer,
    found_answers.top_two_box_percent as found_top_two_box_percent,
    found_answers.score
from known_answers
full outer join found_answers
    on known_answers.period_start = found_answers.period_start
where
    known_answers.mean_answer is distinct from found_answers.mean_answer
    or known_answers.top_two_box_percent
    is distinct from found_answers.top_two_box_percent
    or abs(found_answers.score - 25 * (found_answers.mean_answer - 1)) > 0.02
