-- One row per mistake in the seeds that define the journey, as a sentence.
-- A view: it has one reader, which stops the run.
{{ config(materialized='view') }}
{%- set keys = {
    'journey_stages': 'stage', 'journey_milestones': 'milestone',
    'journey_touchpoint_types': 'touchpoint_type',
    'journey_survey_questions': 'question_id', 'journey_channels': 'channel',
} %}
{%- set taken = {
    'journey_stages': ['(first seen)', '(unknown)'], 'journey_milestones': ['(none)'],
    'journey_touchpoint_types': ['all', 'purchase', '(none)'],
    'journey_survey_questions': ['all'], 'journey_channels': ['all', '(none)'],
} %}

with journey_stages as (
    select * from {{ ref('journey_stages') }}
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

journey_channels as (
    select * from {{ ref('journey_channels') }}
),

judge_questions as (
    select
        journey_survey_questions.question_id,
        case
            when
                coalesce(journey_survey_questions.survey_type, '')
                not in ('nps', 'css', 'exs')
                then
                    ' has survey_type '
                    || coalesce(journey_survey_questions.survey_type, 'null')
                    || ': write nps, css or exs.'
            when coalesce(
                    journey_survey_questions.scale_min
                    >= journey_survey_questions.scale_max, true
                )
                then ' has a scale_min that is not below its scale_max.'
            when
                journey_survey_questions.survey_type = 'nps' and (
                    journey_survey_questions.scale_min <> 0
                    or journey_survey_questions.scale_max <> 10
                    or journey_survey_questions.direction <> 'higher_is_better'
                )
                then
                    ' is of survey_type nps, which is asked from 0 to 10, higher is'
                    || ' better: correct its scale or make it css.'
            when coalesce(journey_survey_questions.direction, '') not in (
                    'higher_is_better', 'lower_is_better'
                )
                then ' has a direction that is no higher_is_better or lower_is_better.'
            when
                journey_survey_questions.milestone is not null
                and journey_milestones.milestone is null
                then
                    ' has milestone ' || journey_survey_questions.milestone
                    || ', which journey_milestones does not list: add it there.'
            when
                journey_survey_questions.survey_type = 'exs' and (
                    coalesce(journey_survey_questions.weight, 0) <= 0
                    or coalesce(
                        journey_survey_questions.target = {{ worst_answer() }}, true
                    )
                )
                then
                    ' is of survey_type exs: it needs a weight above 0 and a target'
                    || ' better than the worst answer.'
            when journey_survey_questions.target not between case
                    when journey_survey_questions.survey_type = 'nps' then -100
                    when journey_survey_questions.survey_type = 'css' then 0
                    else journey_survey_questions.scale_min
                end and case
                    when journey_survey_questions.survey_type = 'exs'
                        then journey_survey_questions.scale_max
                    else 100
                end
                then ' has a target that no answers can reach.'
        end as problem
    from journey_survey_questions
    left join journey_milestones
        on journey_survey_questions.milestone = journey_milestones.milestone
)

select problem from {{ ref('customer_journey', 'int_stage_problems') }}
union all
select
    'journey_survey_questions: question_id ' || coalesce(question_id, 'null')
    || problem as problem
from judge_questions
where problem is not null
{%- for seed, key in keys.items() %}
union all
select
    '{{ seed }}: {{ key }} ' || coalesce({{ key }}, 'null')
    || ' is missing or there more than once: each row needs a {{ key }} of its own.'
        as problem
from {{ seed }}
group by {{ key }}
having count(*) > 1 or {{ key }} is null
union all
select
    '{{ seed }}: {{ key }} ' || {{ key }} || ' is a word that the reports use'
    || ' themselves: choose another.' as problem
from {{ seed }}
where {{ key }} in ({{ "'" ~ taken[seed] | join("', '") ~ "'" }})
{%- endfor %}
