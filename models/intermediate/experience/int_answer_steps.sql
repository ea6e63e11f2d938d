-- One row per survey answer: the stage that its person was in, and the latest touch or
-- purchase of the same milestone, up to the moment of the answer.
-- A view: it has one reader.
{{ config(materialized='view') }}

with journey_steps as (
    select * from {{ ref('customer_journey', 'int_journey_steps') }}
    where milestone is not null or event_type = 'survey_response'
),

stage_entries as (
    select * from {{ ref('customer_journey', 'int_stage_entries') }}
),

stages as (
    select * from {{ ref('customer_journey', 'int_stages') }}
),

find_asked as (
    select distinct
        customer_id,
        milestone
    from journey_steps
    where event_type = 'survey_response'
),

-- Of the steps of a milestone the last one before an answer is the one it is about.
number_touches as (
    select
        journey_steps.customer_id,
        journey_steps.event_type,
        journey_steps.source_id,
        max(case
            when journey_steps.event_type <> 'survey_response'
                then journey_steps.step_number
        end) over (
            partition by journey_steps.customer_id, journey_steps.milestone
            order by journey_steps.step_number
            rows between unbounded preceding and current row
        ) as touch_step_number
    from journey_steps
    inner join find_asked
        on
            journey_steps.customer_id = find_asked.customer_id
            and journey_steps.milestone = find_asked.milestone
),

-- What an answer itself brings its person to is not where they were when they gave it;
-- a purchase at the same moment is.
find_stages as (
    select
        answers.source_id as response_id,
        case
            when
                stage_entries.entered_at = answers.occurred_at
                and stage_entries.event_type = 'survey_response'
                then greatest(
                        stage_entries.previous_stage_order,
                        answers.stage_order_without_answers,
                        1
                    )
            else answers.stage_order
        end as stage_order
    from journey_steps as answers
    left join stage_entries
        on
            answers.customer_id = stage_entries.customer_id
            and answers.stage_order = stage_entries.stage_order
    where answers.event_type = 'survey_response'
),

final as (
    select
        find_stages.response_id,
        stages.stage,
        touches.event_type || ':' || touches.source_id as touch_event_id,
        coalesce(touches.touchpoint_type, touches.event_type) as touchpoint_type,
        case
            when touches.event_type is not null
                then coalesce(touches.medium, '(unknown)')
        end as touch_medium,
        touches.channel as touch_channel
    from find_stages
    left join stages on find_stages.stage_order = stages.stage_order
    left join number_touches
        on
            find_stages.response_id = number_touches.source_id
            and number_touches.event_type = 'survey_response'
    left join journey_steps as touches
        on
            number_touches.customer_id = touches.customer_id
            and number_touches.touch_step_number = touches.step_number
)

select * from final
