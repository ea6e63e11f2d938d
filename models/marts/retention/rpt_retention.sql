-- One row per measure, segment value and period, window or period number: a share of
-- customers with its numerator, its denominator and its interval.

with retention_shares as (
    select * from {{ ref('customer_journey', 'int_retention_shares') }}
),

cohort_retention as (
    select * from {{ ref('customer_journey', 'rpt_cohort_retention') }}
),

average_cohorts as (
    select
        segment_column,
        segment_value,
        offset_basis,
        period_grain,
        period_number,
        sum(retained_customers) as customers,
        sum(eligible_customers) as eligible_customers,
        avg(retention_rate) as simple_mean
    from cohort_retention
    where is_complete
    group by segment_column, segment_value, offset_basis, period_grain, period_number
),

-- A period is judged once it is over; a window counts those who have waited it out.
combine_shares as (
    select
        measure,
        segment_column,
        segment_value,
        period_grain,
        period_start,
        cast(null as {{ dbt.type_string() }}) as offset_basis,
        cast(null as integer) as period_number,
        window_days,
        case
            when eligible_customers > 0
                and (is_complete or measure = 'repeat_purchase') then customers
        end as customers,
        eligible_customers,
        cast(null as {{ type_double() }}) as simple_mean,
        is_complete
    from retention_shares
    union all
    select
        'cohort_average_weighted' as measure,
        segment_column,
        segment_value,
        period_grain,
        cast(null as date) as period_start,
        offset_basis,
        period_number,
        cast(null as integer) as window_days,
        customers,
        eligible_customers,
        cast(null as {{ type_double() }}) as simple_mean,
        true as is_complete
    from average_cohorts
    union all
    select
        'cohort_average_simple' as measure,
        segment_column,
        segment_value,
        period_grain,
        cast(null as date) as period_start,
        offset_basis,
        period_number,
        cast(null as integer) as window_days,
        customers,
        eligible_customers,
        simple_mean,
        true as is_complete
    from average_cohorts
),

-- A mean of rates is no proportion and has no Wilson interval.
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
        coalesce(simple_mean, {{ ratio('customers', 'eligible_customers') }}) as rate,
        case
            when simple_mean is null
                then {{ wilson_lower('customers', 'eligible_customers') }}
        end as rate_lower,
        case
            when simple_mean is null
                then {{ wilson_upper('customers', 'eligible_customers') }}
        end as rate_upper,
        eligible_customers < {{ var('small_sample_size') }} as is_small_sample,
        is_complete
    from combine_shares
)

select * from final
