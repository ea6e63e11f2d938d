-- Cells of the cohort table that are not what they are known to be.

select
    known_cohort_cells.*,
    cohort_retention.retained_customers as found_customers
from {{ ref('known_cohort_cells') }} as known_cohort_cells
left join {{ ref('rpt_cohort_retention') }} as cohort_retention
    on
        cohort_retention.offset_basis = 'calendar'
        and known_cohort_cells.period_grain = cohort_retention.period_grain
        and known_cohort_cells.cohort_start = cohort_retention.cohort_start
        and known_cohort_cells.period_number = cohort_retention.period_number
where
    known_cohort_cells.retained_customers
    is distinct from cohort_retention.retained_customers
