-- One row per segment value, churn window, cohort (a month, or all) and month number
-- after the first purchase: who churned, of how many, and what share is still there.

with churn_survival as (
    select * from {{ ref('customer_journey', 'int_churn_survival') }}
),

readiness as (
    select * from {{ ref('customer_journey', 'rpt_retention_readiness') }}
    where segment_column = 'all'
),

find_peaks as (
    select
        churn_survival.*,
        max(churn_survival.churn_probability) over (
            partition by
                churn_survival.segment_column,
                churn_survival.segment_value,
                churn_survival.churn_window,
                churn_survival.period_grain,
                churn_survival.cohort_start
        ) as peak_probability,
        readiness.verdict <> 'not_measurable' as is_measurable,
        case when readiness.verdict = 'not_measurable' then readiness.reason end
            as not_measurable_reason
    from churn_survival
    cross join readiness
),

-- Month number 0 holds the first purchase: nobody can churn in it.
judge_cells as (
    select
        *,
        is_measurable and is_known as has_survival,
        is_measurable
        and is_complete
        and at_risk_customers > 0
        and period_number > 0 as has_hazard
    from find_peaks
),

final as (
    select
        segment_column,
        segment_value,
        churn_window,
        cast(churn_window_months as integer) as churn_window_months,
        period_grain,
        cohort_start,
        cast(period_number as integer) as period_number,
        {{ as_count('cohort_size') }} as cohort_size,
        {{ as_count('case when is_measurable then at_risk_customers end') }}
            as at_risk_customers,
        {{ as_count('case when is_measurable then churned_customers end') }}
            as churned_customers,
        {{ as_count(
            'case when is_measurable then at_risk_customers - churned_customers end'
        ) }} as active_customers,
        {{ as_count('case when is_measurable then censored_customers end') }}
            as censored_customers,
        {{ as_count('case when is_measurable then undetermined_customers end') }}
            as undetermined_customers,
        case
            when has_hazard then {{ ratio('churned_customers', 'at_risk_customers') }}
        end as hazard,
        case
            when has_hazard
                then {{ wilson_lower('churned_customers', 'at_risk_customers') }}
        end as hazard_lower,
        case
            when has_hazard
                then {{ wilson_upper('churned_customers', 'at_risk_customers') }}
        end as hazard_upper,
        case when has_survival then survival end as survival,
        case
            when has_survival
                then {{ survival_lower('log_survival', 'survival_variance') }}
        end as survival_lower,
        case
            when has_survival
                then {{ survival_upper('log_survival', 'survival_variance') }}
        end as survival_upper,
        case when has_survival then churn_probability end as churn_probability,
        cast(min(
            case
                when is_measurable and churn_probability >= peak_probability - 1e-9
                    and peak_probability > 0 then period_number
            end
        ) over (
            partition by
                segment_column, segment_value, churn_window, period_grain, cohort_start
        ) as integer) as modal_churn_month,
        coalesce(
            is_measurable and at_risk_customers < {{ var('small_sample_size') }}, false
        ) as is_small_sample,
        is_complete,
        not_measurable_reason
    from judge_cells
)

select * from final
