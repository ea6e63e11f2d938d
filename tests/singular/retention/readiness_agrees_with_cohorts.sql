-- Customers, and those to be judged in month 1, 3 and 12, that differ from those of the
-- cohorts by month; and one-time customers that differ from who is seen to buy again.

with readiness as (
    select * from {{ ref('customer_journey', 'rpt_retention_readiness') }}
),

cohorts as (
    select * from {{ ref('customer_journey', 'rpt_cohort_retention') }}
    where offset_basis = 'calendar' and period_grain = 'month'
),

retention as (
    select * from {{ ref('customer_journey', 'rpt_retention') }}
    where
        period_grain = 'all'
        and window_days is null
        and measure in ('repeat_purchase', 'days_to_second_purchase')
),

sum_cohorts as (
    select
        segment_column,
        segment_value,
        {%- for months in [1, 3, 12] %}
        sum(case when period_number = {{ months }} then eligible_customers else 0 end)
            as month_{{ months }}_customers,
        {%- endfor %}
        sum(case when period_number = 0 then cohort_size end) as customers
    from cohorts
    group by segment_column, segment_value
),

-- Both measures count everybody ever seen to repeat: one row if they agree, else two.
list_repeats as (
    select distinct
        segment_column,
        segment_value,
        customers as repeat_customers,
        eligible_customers
    from retention
)

select
    coalesce(readiness.segment_column, sum_cohorts.segment_column) as segment_column,
    coalesce(readiness.segment_value, sum_cohorts.segment_value) as segment_value,
    readiness.customers,
    readiness.one_time_customer_share,
    sum_cohorts.customers as cohort_customers,
    sum_cohorts.month_1_customers,
    sum_cohorts.month_3_customers,
    sum_cohorts.month_12_customers,
    list_repeats.repeat_customers,
    list_repeats.eligible_customers
from readiness
full outer join sum_cohorts
    on
        readiness.segment_column = sum_cohorts.segment_column
        and readiness.segment_value = sum_cohorts.segment_value
left join list_repeats
    on
        readiness.segment_column = list_repeats.segment_column
        and readiness.segment_value = list_repeats.segment_value
where
    readiness.customers is distinct from coalesce(sum_cohorts.customers, 0)
    or readiness.customers is distinct from coalesce(list_repeats.eligible_customers, 0)
    or readiness.eligible_customers_month_1
    <> coalesce(sum_cohorts.month_1_customers, 0)
    or readiness.eligible_customers_month_3
    <> coalesce(sum_cohorts.month_3_customers, 0)
    or readiness.eligible_customers_month_12
    <> coalesce(sum_cohorts.month_12_customers, 0)
    or abs(
        readiness.customers * (1 - readiness.one_time_customer_share)
        - list_repeats.repeat_customers
    ) > 1e-6
