-- One row per stage of the journey, with the one that comes after it and whether the
-- inputs of this run can show that anybody reaches it.
-- A view: it has a few rows.
{{ config(materialized='view') }}
{%- set has_touches = input_name('touchpoints') is not none %}
{%- set has_answers = input_name('survey_responses') is not none %}

with journey_stages as (
    select * from {{ ref('journey_stages') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

find_purchase_stage as (
    select stage_order as purchase_order
    from journey_stages
    where reached_by = 'first_purchase'
),

-- Everybody is in the first stage, whatever they are first seen by. Beyond the stage of
-- the first purchase is nobody who has not bought.
judge_stages as (
    select
        journey_stages.stage,
        journey_stages.stage_order,
        journey_stages.reached_by,
        case
            when journey_stages.stage_order = 1 then true
            when
                run_parameters.first_transaction_date is null
                and journey_stages.stage_order >= find_purchase_stage.purchase_order
                then false
            when journey_stages.reached_by = 'touchpoint' then {{ has_touches }}
            when journey_stages.reached_by = 'advocacy'
                then {{ has_touches or has_answers }}
            else run_parameters.first_transaction_date is not null
        end as is_observable
    from journey_stages
    cross join find_purchase_stage
    cross join run_parameters
),

final as (
    select
        stage,
        stage_order,
        reached_by,
        is_observable,
        lead(stage) over (order by stage_order) as next_stage,
        lead(stage_order) over (order by stage_order) as next_stage_order,
        lead(is_observable) over (order by stage_order) as is_next_observable
    from judge_stages
)

select * from final
