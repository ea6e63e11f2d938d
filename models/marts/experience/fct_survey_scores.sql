-- One row per accepted survey answer, with what it scores and where on the journey it
-- was given. Rejected answers are in fct_rejected_rows.
{{ config(materialized='view') }}

with survey_answers as (
    select * from {{ ref('customer_journey', 'int_survey_answers') }}
)

select
    response_id,
    customer_id,
    occurred_at as responded_at,
    occurred_date as responded_date,
    question_id,
    survey_type,
    milestone,
    stage,
    touch_event_id,
    touchpoint_type,
    touch_channel as channel,
    score,
    score is null as is_not_applicable,
    normalised_score,
    nps_group,
    is_top_two_box,
    target,
    attainment,
    comment
from survey_answers
