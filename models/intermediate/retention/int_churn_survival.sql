-- One row per segment value, churn window, cohort (a month, or all) and month number
-- from 0 on: the customers at risk in it and the Kaplan-Meier share still there.
-- A view: it has one reader.
{{ config(materialized='view') }}

with churn_cells as (
    select * from {{ ref('customer_journey', 'int_churn_cells') }}
),

count_at_risk as (
    select
        *,
        cohort_size - coalesce(sum(churned_customers + censored_customers) over (
            partition by
                segment_column, segment_value, churn_window, period_grain, cohort_start
            order by period_number
            rows between unbounded preceding and 1 preceding
        ), 0) as at_risk_customers
    from churn_cells
),

add_up_steps as (
    select
        *,
        sum({{ log_survival_step('churned_customers', 'at_risk_customers') }})
            over so_far as log_survival,
        sum({{ greenwood_step('churned_customers', 'at_risk_customers') }})
            over so_far as survival_variance
    from count_at_risk
    window so_far as (
        partition by
            segment_column, segment_value, churn_window, period_grain, cohort_start
        order by period_number
    )
),

-- Where nobody is left to be watched nothing is known, unless all have churned.
find_known as (
    select
        *,
        period_number <= follow_up_number as is_complete,
        period_number <= follow_up_number
        and (at_risk_customers > 0 or log_survival < -600) as is_known
    from add_up_steps
),

measure_survival as (
    select
        *,
        case when is_known then {{ survival('log_survival') }} end as survival
    from find_known
),

-- Not by subtraction, whose rounding would let somebody churn where nobody does.
final as (
    select
        *,
        case
            when is_known
                then coalesce({{ ratio('churned_customers', 'at_risk_customers') }}, 0)
                    * lag(survival) over (
                        partition by
                            segment_column,
                            segment_value,
                            churn_window,
                            period_grain,
                            cohort_start
                        order by period_number
                    )
        end as churn_probability
    from measure_survival
)

select * from final  -- noqa: AM04
