-- One row per month of first purchase, acquisition channel and month number up to the
-- as-of date, whether anybody bought in it or not: its margin, and the first's spend.
-- A view: it has one reader.
{{ config(materialized='view') }}

with cohort_margins as (
    select * from {{ ref('customer_journey', 'int_cohort_margins') }}
),

acquisition_periods as (
    select * from {{ ref('customer_journey', 'int_acquisition_periods') }}
    where
        attribution_model = '{{ var("acquisition_attribution_model") }}'
        and period_grain = 'month'
        and campaign = 'all'
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
    where period_grain = 'month'
),

-- Everybody buys in month 0: that is what makes them the cohort.
list_cohorts as (
    select
        cohort_margins.cohort_index,
        periods.period_start as cohort_start,
        cohort_margins.channel,
        cohort_margins.customers,
        cohort_margins.margin is not null as is_margin_known,
        case
            when {{ 'false' if input_name('marketing_spend') is none else 'true' }}
                then coalesce(acquisition_periods.spend, 0)
        end as spend
    from cohort_margins
    inner join periods on cohort_margins.cohort_index = periods.period_index
    left join acquisition_periods
        on
            cohort_margins.cohort_index = acquisition_periods.period_index
            and cohort_margins.channel = acquisition_periods.channel
    where cohort_margins.period_number = 0
),

list_cells as (
    select
        list_cohorts.*,
        periods.period_index - list_cohorts.cohort_index as period_number,
        periods.is_complete
    from list_cohorts
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
