-- One row per measure and cohort of a month in which the cohorts disagree with the
-- events: customers counted from their purchases, past the spine.

with purchases as (
    select
        customer_id,
        occurred_date,
        cast({{ dbt.date_trunc('month', 'occurred_date') }} as date) as month_start
    from {{ ref('customer_journey', 'fct_journey_events') }}
    where event_type = 'purchase' and customer_id is not null
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

cohort_cells as (
    select
        cohort_start,
        period_number,
        cohort_size,
        retained_customers
    from {{ ref('customer_journey', 'rpt_cohort_retention') }}
    where
        segment_column = 'all'
        and period_grain = 'month'
        and offset_basis = 'calendar'
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
    where period_grain = 'month'
),

list_customer_months as (
    select distinct
        customer_id,
        month_start
    from purchases
),

-- Whose first purchase is not known to be first is in no cohort.
find_cohorts as (
    select
        purchases.customer_id,
        min(purchases.month_start) as cohort_start
    from purchases
    cross join run_parameters
    group by
        purchases.customer_id, run_parameters.is_history_start_known,
        run_parameters.history_start_date
    having
        not run_parameters.is_history_start_known
        or min(purchases.occurred_date) >= {{ add_days(
            'run_parameters.history_start_date', var('left_truncation_days')
        ) }}
),

count_cells as (
    select
        find_cohorts.cohort_start,
        {{ month_index('list_customer_months.month_start') }}
        - {{ month_index('find_cohorts.cohort_start') }} as period_number,
        count(*) as retained_customers
    from find_cohorts
    inner join list_customer_months
        on find_cohorts.customer_id = list_customer_months.customer_id
    group by
        find_cohorts.cohort_start,
        {{ month_index('list_customer_months.month_start') }}
        - {{ month_index('find_cohorts.cohort_start') }}
),

-- Cells that are not fully observed are null, and nothing is expected of them.
list_values as (
    select
        'cohort_size' as measure,
        cohort_start,
        1 as expected,
        0 as found
    from find_cohorts
    where exists (select 1 from periods)
    union all
    select
        'cohort_size' as measure,
        cohort_start,
        0 as expected,
        cohort_size as found
    from cohort_cells
    where period_number = 0
    union all
    select
        'retained_customers' as measure,
        cohort_cells.cohort_start,
        count_cells.retained_customers as expected,
        cohort_cells.retained_customers as found
    from cohort_cells
    left join count_cells
        on
            cohort_cells.cohort_start = count_cells.cohort_start
            and cohort_cells.period_number = count_cells.period_number
    where cohort_cells.retained_customers is not null
)

select
    'rpt_cohort_retention.' || measure as measure,
    substr({{ as_text('cohort_start') }}, 1, 7) as period,
    {{ as_double('sum(coalesce(expected, 0))') }} as expected,
    {{ as_double('sum(coalesce(found, 0))') }} as found
from list_values
group by measure, cohort_start
having {{ disagrees() }}
