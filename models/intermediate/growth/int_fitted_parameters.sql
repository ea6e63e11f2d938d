-- One row per fit, fit period and model: parameters that the fit step has found.
-- The fit step appends to this table; building it only makes sure that it is there, and
-- no run empties it.
{{ config(materialized='incremental', full_refresh=false) }}

with value_parameters as (
    select * from {{ ref('value_parameters') }}
)

select *  -- noqa: AM04
from value_parameters
where 1 = 0
