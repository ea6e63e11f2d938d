-- Growth, growth accounting, the decomposition, cohorts and period retention count the
-- same customers and the same money in every period of every segment value.

with growth as (
    select * from {{ ref('customer_journey', 'rpt_growth') }}
),

growth_accounting as (
    select * from {{ ref('customer_journey', 'rpt_growth_accounting') }}
),

revenue_decomposition as (
    select * from {{ ref('customer_journey', 'rpt_revenue_decomposition') }}
),

cohorts as (
    select *
    from {{ ref('customer_journey', 'rpt_cohort_retention') }}
    where period_number = 0
),

period_retention as (
    select *
    from {{ ref('customer_journey', 'rpt_retention') }}
    where measure = 'period_retention'
),

offset_bases as (
    select 'calendar' as offset_basis
    union all
    select 'elapsed_30_days' as offset_basis
),

growth_by_basis as (
    select
        growth.*,
        offset_bases.offset_basis
    from growth
    cross join offset_bases
)

select
    growth_by_basis.segment_column,
    growth_by_basis.segment_value,
    growth_by_basis.period_grain,
    growth_by_basis.period_start,
    growth_by_basis.active_customers,
    growth_by_basis.new_customers,
    cohorts.cohort_start,
    cohorts.cohort_size,
    growth_accounting.retained_customers,
    period_retention.customers
from growth_by_basis
full outer join cohorts
    on
        growth_by_basis.segment_column = cohorts.segment_column
        and growth_by_basis.segment_value = cohorts.segment_value
        and growth_by_basis.period_grain = cohorts.period_grain
        and growth_by_basis.period_start = cohorts.cohort_start
        and growth_by_basis.offset_basis = cohorts.offset_basis
left join growth_accounting
    on
        growth_by_basis.segment_column = growth_accounting.segment_column
        and growth_by_basis.segment_value = growth_accounting.segment_value
        and growth_by_basis.period_grain = growth_accounting.period_grain
        and growth_by_basis.period_start = growth_accounting.period_start
left join revenue_decomposition
    on
        growth_by_basis.segment_column = revenue_decomposition.segment_column
        and growth_by_basis.segment_value = revenue_decomposition.segment_value
        and growth_by_basis.period_grain = revenue_decomposition.period_grain
        and growth_by_basis.period_start = revenue_decomposition.period_start
left join period_retention
    on
        growth_by_basis.segment_column = period_retention.segment_column
        and growth_by_basis.segment_value = period_retention.segment_value
        and growth_by_basis.period_grain = period_retention.period_grain
        and growth_by_basis.period_start = period_retention.period_start
where
    growth_by_basis.new_customers is distinct from coalesce(cohorts.cohort_size, 0)
    or growth_by_basis.active_customers
    is distinct from growth_accounting.active_customers
    or growth_by_basis.customer_revenue
    is distinct from growth_accounting.customer_revenue
    or growth_by_basis.net_revenue is distinct from revenue_decomposition.net_revenue
    or growth_by_basis.is_complete is distinct from growth_accounting.is_complete
    or growth_by_basis.new_customers
    <> coalesce(growth_accounting.new_customers, growth_by_basis.new_customers)
    -- Where nobody was active before, there is no share to retain; where nothing can be
    -- measured, none is known.
    or (
        growth_accounting.previous_active_customers > 0
        and period_retention.not_measurable_reason is null
        and growth_accounting.retained_customers
        is distinct from period_retention.customers
    )
