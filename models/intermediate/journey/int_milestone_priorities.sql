-- One row per segment value, milestone, touchpoint type and medium: what to do about
-- it. High and low are above and below the mean of the segment's milestones; pain
-- points are ranked among milestones, among media and among touchpoint types.
-- A view: it has one reader.
{{ config(materialized='view') }}

with milestone_success as (
    select
        *,
        {{ ratio('succeeded_people', 'eligible_people') }} as success_rate
    from {{ ref('customer_journey', 'int_milestone_success') }}
),

milestones as (
    select * from {{ ref('customer_journey', 'int_milestones') }}
),

weigh_units as (
    select
        milestone_success.segment_column,
        milestone_success.segment_value,
        milestone_success.milestone,
        milestone_success.touchpoint_type,
        milestone_success.medium,
        milestone_success.success_rate,
        milestones.milestone_order,
        {{ as_double('milestones.importance') }} as importance,
        case
            when milestone_success.touchpoint_type <> 'all' then 'touchpoint_type'
            when milestone_success.medium <> 'all' then 'medium'
            else 'milestone'
        end as level
    from milestone_success
    inner join milestones on milestone_success.milestone = milestones.milestone
    where milestone_success.success_rate is not null
),

find_means as (
    select
        segment_column,
        segment_value,
        avg(importance) as mean_importance,
        avg(success_rate) as mean_success_rate
    from weigh_units
    where level = 'milestone'
    group by segment_column, segment_value
),

-- A mean is what all share when all are alike, whatever rounding leaves of it.
compare_units as (
    select
        weigh_units.*,
        weigh_units.importance >= find_means.mean_importance - 1e-9 as is_important,
        weigh_units.success_rate >= find_means.mean_success_rate - 1e-9
            as is_successful,
        weigh_units.importance * (1 - weigh_units.success_rate) as pain_point_score
    from weigh_units
    inner join find_means
        on
            weigh_units.segment_column = find_means.segment_column
            and weigh_units.segment_value = find_means.segment_value
),

final as (
    select
        segment_column,
        segment_value,
        milestone,
        touchpoint_type,
        medium,
        success_rate,
        case
            when is_important and is_successful then 'keep_up'
            when is_important then 'concentrate_here'
            when is_successful then 'possible_overkill'
            else 'low_priority'
        end as quadrant,
        pain_point_score,
        row_number() over (
            partition by segment_column, segment_value, level
            order by
                cast(pain_point_score as decimal(18, 9)) desc,
                milestone_order, touchpoint_type, medium
        ) as pain_point_rank
    from compare_units
)

select * from final
