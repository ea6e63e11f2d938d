-- Whoever has not churned by a month number that can be judged bought in it or later:
-- cohorts by month count the same customers, and those add up to all together.

with churn as (
    select * from {{ ref('customer_journey', 'rpt_churn_by_month_number') }}
),

cohorts as (
    select * from {{ ref('customer_journey', 'rpt_cohort_retention') }}
    where offset_basis = 'calendar' and period_grain = 'month'
),

-- The month after the as-of date, in which customers can be undetermined, has no cell.
compare_cohorts as (
    select
        churn.segment_column,
        churn.segment_value,
        churn.churn_window,
        churn.cohort_start,
        churn.period_number,
        'cohorts' as compared_with
    from churn
    full outer join cohorts
        on
            churn.segment_column = cohorts.segment_column
            and churn.segment_value = cohorts.segment_value
            and churn.cohort_start = cohorts.cohort_start
            and churn.period_number = cohorts.period_number
    where
        coalesce(churn.period_grain, 'month') = 'month'
        and case
            when churn.cohort_start is null then true
            when cohorts.cohort_start is null then churn.is_complete
            when churn.cohort_size <> cohorts.cohort_size then true
            when churn.is_complete and churn.period_number > 0
                then
                    not cohorts.is_complete
                    or churn.active_customers
                    is distinct from cohorts.retained_on_or_after
            else false
        end
),

give_signs as (
    select
        *,
        case when period_grain = 'all' then 1 else -1 end as row_sign
    from churn
),

add_up_cohorts as (
    select
        segment_column,
        segment_value,
        churn_window,
        cast(null as date) as cohort_start,
        period_number,
        'sum of cohorts' as compared_with
    from give_signs
    group by segment_column, segment_value, churn_window, period_number
    having
        sum(row_sign * at_risk_customers) <> 0
        or sum(row_sign * churned_customers) <> 0
        or sum(row_sign * undetermined_customers) <> 0
)

select * from compare_cohorts
union all
select * from add_up_cohorts
