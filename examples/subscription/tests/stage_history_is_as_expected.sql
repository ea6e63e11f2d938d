-- Rows of the stage history that were not expected, and expected ones that are missing.

with found_history as (
    select
        customer_id,
        stage,
        entered_at,
        left_at,
        days_in_stage,
        entering_event_id,
        previous_stage,
        skipped_stages
    from {{ ref('fct_stage_history') }}
),

expected_history as (
    select * from {{ ref('expected_stage_history') }}
)

(select * from expected_history except select * from found_history)
union all
(select * from found_history except select * from expected_history)
