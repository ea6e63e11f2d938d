-- One row per event: a purchase, refund, touchpoint or survey answer.
{{ config(materialized='view') }}

with journey_events as (
    select * from {{ ref('customer_journey', 'int_journey_events') }}
)

select
    event_type || ':' || source_id as event_id,
    customer_id,
    event_type,
    source_id,
    touchpoint_type,
    question_id,
    channel,
    campaign,
    amount,
    score,
    outcome,
    occurred_at,
    occurred_date
from journey_events
