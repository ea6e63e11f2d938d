-- One row per customer who is scored: the forecasts of both models of purchases side by
-- side.
-- A view: it has one reader.
{{ config(materialized='view') }}

with value_scores as (
    select * from {{ ref('customer_journey', 'int_value_scores') }}
    where fit_period = 'full'
)

select
    customer_id,
    {%- for prefix, model in [('', 'mbg_nbd'), ('bg_nbd_', 'bg_nbd')] %}
    max(case when model = '{{ model }}' then probability_alive end)
        as {{ prefix }}probability_alive,
    {%- for days in [30, 90, 365] %}
    max(case when model = '{{ model }}' then expected_purchases_{{ days }}_days end)
        as {{ prefix }}expected_purchases_{{ days }}_days,
    max(case
        when model = '{{ model }}'
            then expected_purchases_{{ days }}_days * expected_purchase_value
    end) as {{ prefix }}expected_value_{{ days }}_days,
    {%- endfor %}
    {%- endfor %}
    max(expected_purchase_value) as expected_purchase_value
from value_scores
group by customer_id
