-- Repeat purchases within every window, counted again from the dates of each customer.

with customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
    where orders > 0 and not is_left_truncated
),

repeat_purchases as (
    select * from {{ ref('customer_journey', 'rpt_retention') }}
    where
        measure = 'repeat_purchase'
        and segment_column = 'all'
        and period_grain = 'all'
        and not_measurable_reason is null
),

run_parameters as (
    select as_of_date from {{ ref('customer_journey', 'int_run_parameters') }}
),

judge_customers as (
    select
        repeat_purchases.window_days,
        repeat_purchases.customers,
        repeat_purchases.eligible_customers,
        repeat_purchases.window_days is null
        or {{ days_between(
            'customers.first_purchase_date', 'run_parameters.as_of_date'
        ) }} >= repeat_purchases.window_days as is_eligible,
        coalesce(
            {{ days_between(
                'customers.first_purchase_date', 'customers.second_purchase_date'
            ) }} <= repeat_purchases.window_days,
            repeat_purchases.window_days is null
        ) and customers.purchase_days > 1 as has_repeated
    from repeat_purchases
    cross join customers
    cross join run_parameters
)

select
    window_days,
    customers,
    eligible_customers,
    sum(case when is_eligible and has_repeated then 1 else 0 end) as counted_customers,
    sum(case when is_eligible then 1 else 0 end) as counted_eligible_customers
from judge_customers
group by window_days, customers, eligible_customers
having
    sum(case when is_eligible then 1 else 0 end) <> eligible_customers
    or sum(case when is_eligible and has_repeated then 1 else 0 end)
    <> coalesce(customers, 0)
