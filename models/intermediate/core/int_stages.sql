-- One row per stage of the journey, with the one that comes after it.
-- A view: it has a few rows.
{{ config(materialized='view') }}

with journey_stages as (
    select * from {{ ref('journey_stages') }}
)

select
    stage,
    stage_order,
    reached_by,
    lead(stage) over (order by stage_order) as next_stage,
    lead(stage_order) over (order by stage_order) as next_stage_order
from journey_stages
