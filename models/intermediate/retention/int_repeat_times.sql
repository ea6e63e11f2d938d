-- One row per measure, segment value and window: the Kaplan-Meier share who have not
-- bought on a second day by then, and the days after which half of them have.

with second_purchases as (
    select * from {{ ref('customer_journey', 'int_second_purchases') }}
),

observation_windows as (
    select * from {{ ref('customer_journey', 'int_observation_windows') }}
),

-- Half is half, whatever rounding the product of shares leaves.
sum_segments as (
    select
        segment_column,
        segment_value,
        is_measurable,
        sum(customers) as eligible_customers,
        sum(case when is_measurable then repeat_customers end) as customers,
        max(wait_days) as longest_wait_days,
        min(survival) as last_survival,
        min(case when is_measurable and survival <= 0.5 + 1e-9 then wait_days end)
            as days,
        min(case when is_measurable and survival_lower <= 0.5 + 1e-9 then wait_days end)
            as days_lower,
        min(case when is_measurable and survival_upper <= 0.5 + 1e-9 then wait_days end)
            as days_upper
    from second_purchases
    group by segment_column, segment_value, is_measurable
),

-- A window is known as long as somebody is watched to its end. The sums only grow.
measure_windows as (
    select
        sum_segments.segment_column,
        sum_segments.segment_value,
        observation_windows.window_days,
        sum_segments.eligible_customers,
        sum_segments.longest_wait_days >= observation_windows.window_days
        or sum_segments.last_survival = 0 as is_complete,
        sum_segments.is_measurable,
        coalesce(sum(second_purchases.repeat_customers), 0) as customers,
        coalesce(min(second_purchases.log_survival), 0) as log_survival,
        coalesce(max(second_purchases.survival_variance), 0) as survival_variance
    from sum_segments
    cross join observation_windows
    left join second_purchases
        on
            sum_segments.segment_column = second_purchases.segment_column
            and sum_segments.segment_value = second_purchases.segment_value
            and observation_windows.window_days >= second_purchases.wait_days
    where observation_windows.window_days is not null
    group by
        sum_segments.segment_column,
        sum_segments.segment_value,
        observation_windows.window_days,
        sum_segments.eligible_customers,
        sum_segments.longest_wait_days,
        sum_segments.last_survival,
        sum_segments.is_measurable
),

final as (
    select
        'not_yet_repeated' as measure,
        segment_column,
        segment_value,
        'all' as period_grain,
        cast(null as date) as period_start,
        cast(null as {{ dbt.type_string() }}) as offset_basis,
        cast(null as integer) as period_number,
        window_days,
        case when is_complete and is_measurable then customers end as customers,
        eligible_customers,
        case
            when is_complete and is_measurable then {{ survival('log_survival') }}
        end as rate,
        case
            when is_complete and is_measurable
                then {{ survival_lower('log_survival', 'survival_variance') }}
        end as rate_lower,
        case
            when is_complete and is_measurable
                then {{ survival_upper('log_survival', 'survival_variance') }}
        end as rate_upper,
        is_complete,
        cast(null as integer) as days,
        cast(null as integer) as days_lower,
        cast(null as integer) as days_upper
    from measure_windows
    union all
    select
        'days_to_second_purchase' as measure,
        segment_column,
        segment_value,
        'all' as period_grain,
        cast(null as date) as period_start,
        cast(null as {{ dbt.type_string() }}) as offset_basis,
        cast(null as integer) as period_number,
        cast(null as integer) as window_days,
        customers,
        eligible_customers,
        cast(null as {{ type_double() }}) as rate,
        cast(null as {{ type_double() }}) as rate_lower,
        cast(null as {{ type_double() }}) as rate_upper,
        days is not null as is_complete,
        days,
        days_lower,
        days_upper
    from sum_segments
)

select * from final
