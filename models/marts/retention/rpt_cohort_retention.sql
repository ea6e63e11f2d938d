-- One row per segment value, offset basis, period grain, cohort and period number.
-- A cell that is not fully observed is null, never zero.

with cohort_cells as (
    select * from {{ ref('customer_journey', 'int_cohort_cells') }}
),

cohort_activity as (
    select * from {{ ref('customer_journey', 'int_cohort_activity') }}
),

readiness as (
    select * from {{ ref('customer_journey', 'rpt_retention_readiness') }}
    where segment_column = 'all'
),

fill_cells as (
    select
        cohort_cells.*,
        cohort_cells.is_complete and readiness.verdict <> 'not_measurable' as is_known,
        case when readiness.verdict = 'not_measurable' then readiness.reason end
            as not_measurable_reason,
        coalesce(cohort_activity.retained_customers, 0) as retained_customers,
        coalesce(cohort_activity.last_retained_customers, 0) as last_retained_customers,
        coalesce(cohort_activity.orders, 0) as orders,
        coalesce(cohort_activity.net_revenue, 0) as net_revenue,
        coalesce(cohort_activity.net_revenue_order_basis, 0) as net_revenue_order_basis
    from cohort_cells
    cross join readiness
    left join cohort_activity
        on
            cohort_cells.offset_basis = cohort_activity.offset_basis
            and cohort_cells.segment_column = cohort_activity.segment_column
            and cohort_cells.segment_value = cohort_activity.segment_value
            and cohort_cells.period_grain = cohort_activity.period_grain
            and cohort_cells.cohort_index = cohort_activity.cohort_index
            and cohort_cells.period_number = cohort_activity.period_number
),

accumulate_cells as (
    select
        *,
        cohort_size - sum(last_retained_customers) over cohort_so_far
        + last_retained_customers as retained_on_or_after,
        sum(net_revenue_order_basis) over cohort_so_far as cumulative_revenue
    from fill_cells
    window cohort_so_far as (
        partition by
            offset_basis, segment_column, segment_value, period_grain, cohort_index
        order by period_number
    )
),

final as (
    select
        segment_column,
        segment_value,
        offset_basis,
        period_grain,
        cohort_start,
        cast(period_number as integer) as period_number,
        {{ as_count('cohort_size') }} as cohort_size,
        {{ as_count('case when is_complete then cohort_size else 0 end') }}
            as eligible_customers,
        {{ as_count('case when is_known then retained_customers end') }}
            as retained_customers,
        {{ as_count('case when is_known then retained_on_or_after end') }}
            as retained_on_or_after,
        case when is_known then {{ ratio('retained_customers', 'cohort_size') }} end
            as retention_rate,
        case
            when is_known
                then {{ wilson_lower('retained_customers', 'cohort_size') }}
        end as retention_rate_lower,
        case
            when is_known
                then {{ wilson_upper('retained_customers', 'cohort_size') }}
        end as retention_rate_upper,
        {{ as_count('case when is_complete then orders end') }} as orders,
        {{ as_money('case when is_complete then net_revenue end') }} as net_revenue,
        {{ as_money('case when is_complete then net_revenue_order_basis end') }}
            as net_revenue_order_basis,
        case when is_complete then {{ ratio('cumulative_revenue', 'cohort_size') }} end
            as cumulative_revenue_per_customer,
        cohort_size < {{ var('small_sample_size') }} as is_small_sample,
        is_complete,
        not_measurable_reason
    from accumulate_cells
)

select * from final
