-- Milestones of the scorecard that are not as expected, and touchpoint types and media
-- that do not add up to their milestone.

with scorecard as (
    select * from {{ ref('rpt_milestone_scorecard') }}
),

found_scorecard as (
    select
        milestone,
        touchpoint_type,
        medium,
        exposed_people,
        touches,
        positive_touches,
        negative_touches,
        eligible_people,
        succeeded_people,
        round(derived_importance, 4) as derived_importance,
        satisfaction_answers,
        round(satisfaction_score, 4) as satisfaction_score,
        quadrant,
        pain_point_rank
    from scorecard
    where milestone in ('trial_lesson', 'renewal') or medium = 'all'
),

expected_scorecard as (
    select * from {{ ref('expected_milestone_scorecard') }}
),

-- A touch has one type and one medium: touches of either add up to the milestone's.
add_up_touches as (
    select
        milestone,
        sum(case when medium = 'all' then touches else 0 end) as all_touches,
        sum(case
            when medium <> 'all' and touchpoint_type = 'all' then touches
            else 0
        end) as touches_of_media,
        sum(case when touchpoint_type <> 'all' then touches else 0 end)
            as touches_of_types
    from scorecard
    group by milestone
),

find_differences as (
    (select * from expected_scorecard except select * from found_scorecard)
    union all
    (select * from found_scorecard except select * from expected_scorecard)
)

select
    milestone,
    touchpoint_type,
    medium
from find_differences
union all
select
    milestone,
    'types' as touchpoint_type,
    'media' as medium
from add_up_touches
where all_touches <> touches_of_media or all_touches <> touches_of_types
