-- One row per first-seen date, segment key, stage and days: how many people took that
-- many days from when they were first seen to the stage or one beyond it.
-- Left-truncated customers are left out: when they were first seen is not known.

with stage_entries as (
    select * from {{ ref('customer_journey', 'int_stage_entries') }}
    where not is_left_truncated
),

stages as (
    select * from {{ ref('customer_journey', 'int_stages') }}
),

-- Who enters a stage reaches it and every stage that was skipped on the way.
measure_days as (
    select
        stage_entries.first_seen_date,
        stage_entries.segment_key,
        stages.stage_order,
        {{ days_between(
            'stage_entries.first_seen_date', 'stage_entries.entered_date'
        ) }} as days_to_reach
    from stage_entries
    inner join stages
        on
            stage_entries.stage_order >= stages.stage_order
            and coalesce(stage_entries.previous_stage_order, 0) < stages.stage_order
),

final as (
    select
        first_seen_date,
        segment_key,
        stage_order,
        days_to_reach,
        {{ as_count('count(*)') }} as people
    from measure_days
    group by first_seen_date, segment_key, stage_order, days_to_reach
)

select * from final
