-- One row per touchpoint type, survey question and kind of purchase: its milestone, and
-- the stage that it brings a person to, with what has to hold for that.

with stages as (
    select * from {{ ref('customer_journey', 'int_stages') }}
),

journey_milestones as (
    select * from {{ ref('journey_milestones') }}
),

journey_touchpoint_types as (
    select * from {{ ref('journey_touchpoint_types') }}
),

journey_survey_questions as (
    select * from {{ ref('journey_survey_questions') }}
),

find_stages as (
    select
        min(case when reached_by = 'first_purchase' then stage_order end)
            as purchase_order,
        min(case when reached_by = 'advocacy' then stage_order end) as advocacy_order
    from stages
),

-- A purchase belongs to the first milestone of the stage that it opens.
find_purchase_milestones as (
    select
        stages.stage,
        min(journey_milestones.milestone_order) as milestone_order
    from stages
    inner join journey_milestones on stages.stage = journey_milestones.stage
    where stages.reached_by in ('first_purchase', 'second_purchase')
    group by stages.stage
),

final as (
    select
        'touchpoint' as step_kind,
        journey_touchpoint_types.touchpoint_type as step_code,
        journey_touchpoint_types.milestone,
        journey_touchpoint_types.medium,
        case
            when stages.reached_by in ('touchpoint', 'advocacy')
                then stages.stage_order
        end as reached_stage_order,
        stages.stage_order > find_stages.purchase_order as needs_purchase,
        case when stages.reached_by = 'advocacy' then 'positive' end
            as needed_outcome,
        cast(null as integer) as needed_score
    from journey_touchpoint_types
    cross join find_stages
    inner join journey_milestones
        on journey_touchpoint_types.milestone = journey_milestones.milestone
    inner join stages on journey_milestones.stage = stages.stage
    union all
    select
        'survey_response' as step_kind,
        journey_survey_questions.question_id as step_code,
        journey_survey_questions.milestone,
        cast(null as {{ dbt.type_string() }}) as medium,
        case
            when journey_survey_questions.survey_type = 'nps'
                then find_stages.advocacy_order
        end as reached_stage_order,
        true as needs_purchase,
        cast(null as {{ dbt.type_string() }}) as needed_outcome,
        {{ promoter_score() }} as needed_score
    from journey_survey_questions
    cross join find_stages
    union all
    select
        'purchase' as step_kind,
        stages.reached_by as step_code,
        journey_milestones.milestone,
        cast(null as {{ dbt.type_string() }}) as medium,
        stages.stage_order as reached_stage_order,
        false as needs_purchase,
        cast(null as {{ dbt.type_string() }}) as needed_outcome,
        cast(null as integer) as needed_score
    from stages
    left join find_purchase_milestones
        on stages.stage = find_purchase_milestones.stage
    left join journey_milestones
        on find_purchase_milestones.milestone_order = journey_milestones.milestone_order
    where stages.reached_by in ('first_purchase', 'second_purchase')
)

select * from final
