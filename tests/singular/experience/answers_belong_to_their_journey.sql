-- An answer is a known person's, about the latest touch or purchase of its milestone
-- that the stream of events has for them, given in the stage in which the events before
-- it had left them.

with survey_scores as (
    select * from {{ ref('customer_journey', 'fct_survey_scores') }}
),

customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
),

journey_events as (
    select * from {{ ref('customer_journey', 'fct_journey_events') }}
),

journey_stages as (
    select * from {{ ref('journey_stages') }}
),

find_first_stage as (
    select min(stage_order) as stage_order from journey_stages
),

find_latest_touches as (
    select
        survey_scores.response_id,
        max(journey_events.step_number) as step_number
    from survey_scores
    inner join journey_events
        on
            survey_scores.customer_id = journey_events.customer_id
            and survey_scores.milestone = journey_events.milestone
            and survey_scores.responded_at >= journey_events.occurred_at
    where journey_events.event_type in ('touchpoint', 'purchase')
    group by survey_scores.response_id
),

-- The stage after earlier moments; an answer's own moment may add a step beside it.
find_earlier_stages as (
    select
        survey_scores.response_id,
        max(journey_stages.stage_order) as stage_order
    from survey_scores
    inner join journey_events
        on
            survey_scores.customer_id = journey_events.customer_id
            and survey_scores.responded_at > journey_events.occurred_at
    inner join journey_stages on journey_events.stage = journey_stages.stage
    group by survey_scores.response_id
),

find_company as (
    select distinct survey_scores.response_id
    from survey_scores
    inner join journey_events
        on
            survey_scores.customer_id = journey_events.customer_id
            and survey_scores.responded_at = journey_events.occurred_at
    where journey_events.event_type <> 'survey_response'
)

select
    survey_scores.response_id,
    survey_scores.customer_id,
    survey_scores.touch_event_id,
    touches.event_id,
    survey_scores.stage,
    journey_stages.stage_order,
    find_earlier_stages.stage_order as earlier_stage_order
from survey_scores
cross join find_first_stage
left join customers on survey_scores.customer_id = customers.customer_id
left join find_latest_touches
    on survey_scores.response_id = find_latest_touches.response_id
left join journey_events as touches
    on
        survey_scores.customer_id = touches.customer_id
        and find_latest_touches.step_number = touches.step_number
left join journey_stages on survey_scores.stage = journey_stages.stage
left join find_earlier_stages
    on survey_scores.response_id = find_earlier_stages.response_id
left join find_company on survey_scores.response_id = find_company.response_id
where
    (survey_scores.customer_id is not null and customers.customer_id is null)
    or survey_scores.touch_event_id is distinct from touches.event_id
    or (
        survey_scores.customer_id is not null
        and find_company.response_id is null
        and journey_stages.stage_order
        is distinct from coalesce(
            find_earlier_stages.stage_order, find_first_stage.stage_order
        )
    )
