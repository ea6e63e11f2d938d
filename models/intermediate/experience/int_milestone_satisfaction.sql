-- One row per segment value, milestone, touchpoint type and medium: the satisfaction of
-- people with it, from their latest answer to each CSS question about the milestone.
-- Type and medium `all` stand for every one of the milestone, and none.
-- A view: it has one reader.
{{ config(materialized='view') }}

with survey_answers as (
    select * from {{ ref('customer_journey', 'int_survey_answers') }}
    where survey_type = 'css' and score is not null and next_question_date is null
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

widen_units as (
    select
        segment_key,
        milestone,
        touchpoint_type,
        touch_medium as medium,
        normalised_score
    from survey_answers
    where touchpoint_type is not null
    union all
    select
        segment_key,
        milestone,
        'all' as touchpoint_type,
        touch_medium as medium,
        normalised_score
    from survey_answers
    where touch_medium is not null
    union all
    select
        segment_key,
        milestone,
        'all' as touchpoint_type,
        'all' as medium,
        normalised_score
    from survey_answers
),

final as (
    select
        segments.segment_column,
        segments.segment_value,
        widen_units.milestone,
        widen_units.touchpoint_type,
        widen_units.medium,
        count(*) as answers,
        sum(widen_units.normalised_score) as score_sum,
        sum(power(widen_units.normalised_score, 2)) as score_square_sum
    from widen_units
    inner join segments on widen_units.segment_key = segments.segment_key
    where widen_units.milestone is not null
    group by
        segments.segment_column,
        segments.segment_value,
        widen_units.milestone,
        widen_units.touchpoint_type,
        widen_units.medium
)

select * from final
