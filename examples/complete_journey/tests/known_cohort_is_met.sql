-- Cells of cohort 2017-02 that are not what they are known to be, and any cohort of
-- January, whose households did not come then.

with known_cells (cohort_start, period_number, cohort_size, retained_customers) as (
    values
    (date '2017-02-01', 0, 185, 185),
    (date '2017-02-01', 1, 185, 127),
    (date '2017-02-01', 2, 185, 118),
    (date '2017-02-01', 3, 185, 132),
    (date '2017-02-01', 4, 185, 126),
    -- December: the last cell there is.
    (date '2017-02-01', 10, 185, 129)
),

found_cells as (
    select
        cohort_start,
        period_number,
        cohort_size,
        retained_customers
    from {{ ref('rpt_cohort_retention') }}
    where
        segment_column = 'all' and offset_basis = 'calendar' and period_grain = 'month'
)

(select * from known_cells except select * from found_cells)
union all
select *
from found_cells
where
    cohort_start < date '2017-02-01'
    or cohort_start + period_number * interval 1 month > date '2017-12-01'
