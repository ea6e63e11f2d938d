-- Cells of the grid of recency by frequency and money that no segment covers, or more
-- than one: their customers would have no segment, or be there twice.

with rfm_segments as (
    select * from {{ ref('rfm_segments') }}
),

list_scores as (
    select 1 as score
    {%- for score in [2, 3, 4, 5] %}
    union all
    select {{ score }} as score
    {%- endfor %}
),

list_cells as (
    select
        recency_scores.score as recency_score,
        frequency_monetary_scores.score as frequency_monetary_score
    from list_scores as recency_scores
    cross join list_scores as frequency_monetary_scores
)

select
    list_cells.recency_score,
    list_cells.frequency_monetary_score,
    count(rfm_segments.rfm_segment) as blocks
from list_cells
left join rfm_segments
    on
        list_cells.recency_score between rfm_segments.recency_score_min
        and rfm_segments.recency_score_max
        and list_cells.frequency_monetary_score
        between rfm_segments.frequency_monetary_score_min
        and rfm_segments.frequency_monetary_score_max
group by list_cells.recency_score, list_cells.frequency_monetary_score
having count(*) <> 1 or count(rfm_segments.rfm_segment) <> 1
