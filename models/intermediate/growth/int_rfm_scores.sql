-- One row per customer with a purchase: scores of recency, frequency and money from 1 to
-- rfm_score_levels, the customers in as many groups of one size.
-- A view: it has one reader.
{{ config(materialized='view') }}
{%- set levels = var('rfm_score_levels') %}
{%- set levels_per_fifth = levels // 5 %}

with value_histories as (
    select * from {{ ref('customer_journey', 'int_value_histories') }}
    where purchase_days > 0
),

rfm_segments as (
    select * from {{ ref('rfm_segments') }}
),

score_customers as (
    select
        customer_id,
        ntile({{ levels }}) over (order by last_purchase_date, customer_id)
            as recency_score,
        ntile({{ levels }}) over (order by purchase_days, customer_id)
            as frequency_score,
        ntile({{ levels }}) over (order by net_revenue, customer_id)
            as monetary_score
    from value_histories
),

-- Segments are named on five levels.
reduce_levels as (
    select
        *,
        ceil(cast(recency_score as decimal(4, 1)) / {{ levels_per_fifth }})
            as recency_fifth,
        ceil((
            ceil(cast(frequency_score as decimal(4, 1)) / {{ levels_per_fifth }})
            + ceil(cast(monetary_score as decimal(4, 1)) / {{ levels_per_fifth }})
        ) / 2.0) as frequency_monetary_fifth
    from score_customers
),

final as (
    select
        reduce_levels.customer_id,
        cast(reduce_levels.recency_score as integer) as recency_score,
        cast(reduce_levels.frequency_score as integer) as frequency_score,
        cast(reduce_levels.monetary_score as integer) as monetary_score,
        rfm_segments.rfm_segment
    from reduce_levels
    left join rfm_segments
        on
            reduce_levels.recency_fifth between rfm_segments.recency_score_min
            and rfm_segments.recency_score_max
            and reduce_levels.frequency_monetary_fifth
            between rfm_segments.frequency_monetary_score_min
            and rfm_segments.frequency_monetary_score_max
)

select * from final
