-- Months whose movements of customers are not the published ones.

with known_movements (
    period_start, active, arrived, retained, resurrected, churned
) as (
    values
    (date '1997-02-01', 9633, 8476, 1157, 0, 6689),
    (date '1997-03-01', 9524, 7248, 1681, 595, 7952),
    (date '1997-04-01', 2822, 0, 1773, 1049, 7751)
),

found_movements as (
    select
        period_start,
        active_customers,
        new_customers,
        retained_customers,
        resurrected_customers,
        churned_customers
    from {{ ref('rpt_growth_accounting') }}
    where period_grain = 'month'
)

select * from known_movements
except
select * from found_movements
