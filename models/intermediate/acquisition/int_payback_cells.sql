-- One row per month of first purchase, acquisition channel and month number up to the
-- as-of date, whether anybody bought in it or not: its margin, and the first's spend.
-- A view: it has one reader.
{{ config(materialized='view') }}

with cohort_margins as (
    select * from {{ ref('customer_journey', 'int_cohort_margins') }}
),

first_months as (
    select *
    from cohort_margins
    where period_number = 0
),

acquisition_periods as (
    select * from {{ ref('customer_journey', 'int_acquisition_periods') }}
    where
        attribution_model = '{{ var("acquisition_attribution_model") }}'
        and period_grain = 'month'
        and campaign = 'all'
        and spend > 0
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
    where period_grain = 'month'
),

margin_rate as (
    select * from {{ ref('customer_journey', 'int_margin_rate') }}
),

-- Everybody buys in month 0: that is what makes them the cohort. Spend that won nobody
-- is a cohort of none, or its channel would look as cheap as its best months.
list_cohorts as (
    select
        coalesce(first_months.cohort_index, acquisition_periods.period_index)
            as cohort_index,
        coalesce(first_months.channel, acquisition_periods.channel) as channel,
        coalesce(first_months.customers, 0) as customers,
        case
            when {{ 'false' if input_name('marketing_spend') is none else 'true' }}
                then coalesce(acquisition_periods.spend, 0)
        end as spend
    from first_months
    full outer join acquisition_periods
        on
            first_months.cohort_index = acquisition_periods.period_index
            and first_months.channel = acquisition_periods.channel
),

list_cells as (
    select
        list_cohorts.*,
        cohort_months.period_start as cohort_start,
        periods.period_index - list_cohorts.cohort_index as period_number,
        periods.is_complete,
        margin_rate.gross_margin_rate is not null as is_margin_known
    from list_cohorts
    cross join margin_rate
    inner join periods as cohort_months
        on list_cohorts.cohort_index = cohort_months.period_index
    inner join periods on list_cohorts.cohort_index <= periods.period_index
)

select
    list_cells.*,
    case
        when list_cells.is_complete and list_cells.is_margin_known
            then coalesce(cohort_margins.margin, 0)
    end as margin,
    coalesce(cohort_margins.gross_revenue, 0) as gross_revenue,
    coalesce(cohort_margins.costed_revenue, 0) as costed_revenue
from list_cells
left join cohort_margins
    on
        list_cells.cohort_index = cohort_margins.cohort_index
        and list_cells.channel = cohort_margins.channel
        and list_cells.period_number = cohort_margins.period_number
