-- One row per measure, segment value and period, window or period number: a share of
-- customers with its numerator, its denominator and its interval, or a time.

with retention_shares as (
    select * from {{ ref('customer_journey', 'int_retention_shares') }}
),

repeat_times as (
    select * from {{ ref('customer_journey', 'int_repeat_times') }}
),

cohort_retention as (
    select * from {{ ref('customer_journey', 'rpt_cohort_retention') }}
),

readiness as (
    select * from {{ ref('customer_journey', 'rpt_retention_readiness') }}
    where segment_column = 'all' and verdict = 'not_measurable'
),

averages as (
    select 'cohort_average_weighted' as measure
    union all
    select 'cohort_average_simple' as measure
),

average_cohorts as (
    select
        averages.measure,
        cohort_retention.segment_column,
        cohort_retention.segment_value,
        cohort_retention.period_grain,
        cast(null as date) as period_start,
        cohort_retention.offset_basis,
        cohort_retention.period_number,
        cast(null as integer) as window_days,
        sum(cohort_retention.retained_customers) as customers,
        sum(cohort_retention.eligible_customers) as eligible_customers,
        true as is_complete,
        avg(case
            when averages.measure = 'cohort_average_simple'
                then cohort_retention.retention_rate
        end) as estimate
    from cohort_retention
    cross join averages
    where cohort_retention.is_complete
    group by
        averages.measure,
        cohort_retention.segment_column,
        cohort_retention.segment_value,
        cohort_retention.period_grain,
        cohort_retention.offset_basis,
        cohort_retention.period_number
),

list_shares as (
    select * from retention_shares
    union all
    select * from average_cohorts
),

measure_shares as (
    select
        measure,
        segment_column,
        segment_value,
        period_grain,
        period_start,
        offset_basis,
        period_number,
        window_days,
        customers,
        eligible_customers,
        coalesce(estimate, {{ ratio('customers', 'eligible_customers') }}) as rate,
        case
            when estimate is null
                then {{ wilson_lower('customers', 'eligible_customers') }}
        end as rate_lower,
        case
            when estimate is null
                then {{ wilson_upper('customers', 'eligible_customers') }}
        end as rate_upper,
        is_complete,
        cast(null as integer) as days,
        cast(null as integer) as days_lower,
        cast(null as integer) as days_upper
    from list_shares
),

list_measures as (
    select * from measure_shares
    union all
    select * from repeat_times
),

final as (
    select
        measure,
        segment_column,
        segment_value,
        period_grain,
        period_start,
        offset_basis,
        period_number,
        window_days,
        {{ as_count('customers') }} as customers,
        {{ as_count('eligible_customers') }} as eligible_customers,
        rate,
        rate_lower,
        rate_upper,
        eligible_customers < {{ var('small_sample_size') }} as is_small_sample,
        is_complete,
        days,
        days_lower,
        days_upper,
        (select readiness.reason from readiness) as not_measurable_reason
    from list_measures
)

select * from final  -- noqa: AM04
