-- One row per person and stage that they have been in.
-- The rows of a person follow each other without a gap; the last one is open.

with stage_entries as (
    select * from {{ ref('customer_journey', 'int_stage_entries') }}
),

stages as (
    select * from {{ ref('customer_journey', 'int_stages') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

-- Every leap from a stage, or from nowhere (0), to a later one, and what it passes
-- over.
list_leaps as (
    select
        entered_stages.stage_order,
        previous_stages.stage_order as previous_stage_order
    from stages as entered_stages
    inner join stages as previous_stages
        on entered_stages.stage_order > previous_stages.stage_order
    union all
    select
        stage_order,
        0 as previous_stage_order
    from stages
),

name_leaps as (
    select
        list_leaps.stage_order,
        list_leaps.previous_stage_order,
        cast(count(skipped_stages.stage) as integer) as skipped_stage_count,
        {{ joined_text(
            'skipped_stages.stage', ', ', 'skipped_stages.stage_order'
        ) }} as skipped_stages
    from list_leaps
    left join stages as skipped_stages
        on
            list_leaps.stage_order > skipped_stages.stage_order
            and list_leaps.previous_stage_order < skipped_stages.stage_order
    group by list_leaps.stage_order, list_leaps.previous_stage_order
),

final as (
    select
        stage_entries.customer_id,
        stage_entries.stage,
        stage_entries.stage_order,
        stage_entries.entered_at,
        stage_entries.left_at,
        stage_entries.left_at is null as is_current,
        {{ days_between(
            'stage_entries.entered_date',
            'coalesce(cast(stage_entries.left_at as date), run_parameters.as_of_date)'
        ) }} as days_in_stage,
        stage_entries.event_type || ':' || stage_entries.source_id
            as entering_event_id,
        stage_entries.event_type as entering_event_type,
        stage_entries.milestone as entering_milestone,
        stage_entries.touchpoint_type as entering_touchpoint_type,
        previous_stages.stage as previous_stage,
        name_leaps.skipped_stage_count,
        name_leaps.skipped_stages
    from stage_entries
    cross join run_parameters
    left join stages as previous_stages
        on stage_entries.previous_stage_order = previous_stages.stage_order
    left join name_leaps
        on
            stage_entries.stage_order = name_leaps.stage_order
            and coalesce(stage_entries.previous_stage_order, 0)
            = name_leaps.previous_stage_order
)

select * from final
