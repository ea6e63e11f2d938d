-- One row per window in which something is looked for, and one without days for ever.
-- A view: it has a few rows.
{{ config(materialized='view') }}

with observation_windows as (
    select * from {{ ref('observation_windows') }}
)

select window_days
from observation_windows
union all
select null as window_days
