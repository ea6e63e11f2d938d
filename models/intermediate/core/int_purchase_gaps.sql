-- One row per length of the gap between two purchase days of a customer: how many gaps
-- ended at it, how many were still open, and the Kaplan-Meier share of longer ones.
-- A gap that no purchase has ended yet is censored at the as-of date.
-- A view: it has one reader.
{{ config(materialized='view') }}

with customer_days as (
    select * from {{ ref('customer_journey', 'int_customer_days') }}
),

customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

measure_gaps as (
    select
        {{ days_between('previous_purchase_date', 'entry_date') }} as gap_days,
        1 as ended_gaps
    from customer_days
    where orders > 0 and previous_purchase_date is not null
    union all
    select
        {{ days_between('customers.last_purchase_date', 'run_parameters.as_of_date') }}
            as gap_days,
        0 as ended_gaps
    from customers
    cross join run_parameters
    where customers.last_purchase_date is not null
),

count_gaps as (
    select
        gap_days,
        {{ as_count('sum(ended_gaps)') }} as ended_gaps,
        {{ as_count('count(*)') }} as gaps
    from measure_gaps
    group by gap_days
),

find_gaps_at_risk as (
    select
        *,
        {{ as_count('sum(gaps) over (order by gap_days desc)') }} as gaps_at_risk
    from count_gaps
),

measure_survival as (
    select
        *,
        sum({{ log_survival_step('ended_gaps', 'gaps_at_risk') }})
            over (order by gap_days) as log_survival
    from find_gaps_at_risk
),

final as (
    select
        gap_days,
        ended_gaps,
        gaps - ended_gaps as open_gaps,
        gaps_at_risk,
        {{ survival('log_survival') }} as survival
    from measure_survival
)

select * from final
