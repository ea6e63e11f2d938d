-- Cells that claim to know what happens after 30 June 1998, the last day of the file.
-- Cohort 1997-03 has its month 16 in July 1998.
{% set last_day = "date '1998-06-30'" %}

with place_cells as (
    select
        *,
        case
            when offset_basis = 'elapsed_30_days'
                then
                    case period_grain
                        when 'day' then cohort_start
                        when 'week' then cohort_start + 6
                        when 'month' then last_day(cohort_start)
                        when 'quarter' then last_day(cohort_start + interval 2 month)
                        when 'year' then last_day(cohort_start + interval 11 month)
                    end + 30 * (period_number + 1) - 1
            when period_grain = 'day' then cohort_start + period_number
            when period_grain = 'week' then cohort_start + 7 * period_number + 6
            when period_grain = 'month'
                then last_day(cohort_start + period_number * interval 1 month)
            when period_grain = 'quarter'
                then last_day(cohort_start + (3 * period_number + 2) * interval 1 month)
            when period_grain = 'year'
                then last_day(
                    cohort_start + period_number * interval 1 year
                    + interval 11 month
                )
        end as cell_end
    from {{ ref('rpt_cohort_retention') }}
)

select *
from place_cells
where
    is_complete is distinct from (cell_end <= {{ last_day }})
    or is_complete is distinct from (retained_customers is not null)
    or is_complete is distinct from (retained_on_or_after is not null)
    or is_complete is distinct from (retention_rate is not null)
    or is_complete is distinct from (orders is not null)
    or is_complete is distinct from (cumulative_revenue_per_customer is not null)
    or is_complete is distinct from (eligible_customers > 0)
union all
-- Nor has a month after the last one a row.
select
    *,
    null as cell_end
from {{ ref('rpt_cohort_retention') }}
where
    offset_basis = 'calendar'
    and period_grain = 'month'
    and period_number > datediff('month', cohort_start, {{ last_day }})
