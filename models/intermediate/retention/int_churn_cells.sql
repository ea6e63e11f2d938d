-- One row per segment value, churn window, cohort (a month, or all) and month number
-- from 0 on: how many customers churned in it, how many left observation after it, and
-- of how many it is not known.

with churn_lifetimes as (
    select * from {{ ref('customer_journey', 'int_churn_lifetimes') }}
),

month_numbers as (
    {{ dbt.generate_series(2048) }}  -- noqa: PRS
),

list_groups as (
    select
        segment_column,
        segment_value,
        churn_window,
        churn_window_months,
        period_grain,
        cohort_start,
        sum(customers) as cohort_size,
        max(follow_up_number) as follow_up_number,
        max(last_number) as last_number
    from churn_lifetimes
    group by
        segment_column,
        segment_value,
        churn_window,
        churn_window_months,
        period_grain,
        cohort_start
),

-- Every month number has a row, whether anything happened in it or not.
list_entries as (
    select
        list_groups.segment_column,
        list_groups.segment_value,
        list_groups.churn_window,
        list_groups.churn_window_months,
        list_groups.period_grain,
        list_groups.cohort_start,
        cast(month_numbers.generated_number - 1 as integer) as period_number,
        list_groups.cohort_size,
        list_groups.follow_up_number,
        0 as churned_customers,
        0 as censored_customers,
        0 as undetermined_customers
    from list_groups
    inner join month_numbers
        on list_groups.last_number >= month_numbers.generated_number - 1
    union all
    select
        segment_column,
        segment_value,
        churn_window,
        churn_window_months,
        period_grain,
        cohort_start,
        last_active_number + 1 as period_number,
        0 as cohort_size,
        0 as follow_up_number,
        case when is_churned then customers else 0 end as churned_customers,
        0 as censored_customers,
        case when is_churned then 0 else customers end as undetermined_customers
    from churn_lifetimes
    union all
    select
        segment_column,
        segment_value,
        churn_window,
        churn_window_months,
        period_grain,
        cohort_start,
        follow_up_number as period_number,
        0 as cohort_size,
        0 as follow_up_number,
        0 as churned_customers,
        customers as censored_customers,
        0 as undetermined_customers
    from churn_lifetimes
    where not is_churned
),

final as (
    select
        segment_column,
        segment_value,
        churn_window,
        churn_window_months,
        period_grain,
        cohort_start,
        period_number,
        sum(cohort_size) as cohort_size,
        max(follow_up_number) as follow_up_number,
        sum(churned_customers) as churned_customers,
        sum(censored_customers) as censored_customers,
        sum(undetermined_customers) as undetermined_customers
    from list_entries
    group by
        segment_column,
        segment_value,
        churn_window,
        churn_window_months,
        period_grain,
        cohort_start,
        period_number
)

select * from final
