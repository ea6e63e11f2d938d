-- One row per conversion, touch of its path and attribution model: the share of the
-- conversion and of its revenue that the model credits to the touch.
-- A view: it would hold eight times what it reads.
{{ config(materialized='view') }}

with attribution_credits as (
    select * from {{ ref('customer_journey', 'int_attribution_credits') }}
)

{%- for model in attribution_models() %}
{{ 'union all' if not loop.first }}
select
    conversion_id,
    conversion_type,
    customer_id,
    conversion_date,
    converted_at,
    touchpoint_id,
    touched_at,
    channel,
    campaign,
    cast(path_position as integer) as path_position,
    cast(path_length as integer) as path_length,
    '{{ model }}' as attribution_model,
    {{ as_double(model ~ '_credit') }} as credit,
    {{ as_double(model ~ '_credit * gross_revenue') }} as gross_revenue
from attribution_credits
{%- endfor %}
