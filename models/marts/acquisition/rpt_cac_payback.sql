-- One row per month of first purchase, acquisition channel and month number: the margin
-- so far per customer against what a customer cost. The channel `all` holds everybody.
-- A month that is not fully observed is null, never zero.

with cohort_cells as (
    select * from {{ ref('customer_journey', 'int_payback_cells') }}
),

measure_cells as (
    select
        *,
        {{ ratio('nullif(spend, 0)', 'customers') }} as cac,
        case when is_complete then sum(margin) over cohort_so_far end
            as cumulative_margin,
        case
            when is_complete
                then
                    {{ ratio(
                        'sum(costed_revenue) over cohort_so_far',
                        'sum(gross_revenue) over cohort_so_far'
                    ) }}
        end as known_cost_share
    from cohort_cells
    window cohort_so_far as (
        partition by cohort_index, channel order by period_number
    )
),

compare_with_cost as (
    select
        *,
        {{ ratio('cumulative_margin', 'customers') }} as cumulative_margin_per_customer,
        {{ ratio('cumulative_margin', 'customers * cac') }} as ltv_cac_ratio
    from measure_cells
),

find_payback as (
    select
        *,
        {%- for month in [3, 6, 12] %}
        max(case when period_number = {{ month }} then ltv_cac_ratio end) over cohort
            as ltv_cac_ratio_{{ month }}_months,
        {%- endfor %}
        -- What is met is met, whatever rounding leaves of the difference.
        min(case when ltv_cac_ratio >= 1 - 1e-9 then period_number end)
            over cohort as payback_month
    from compare_with_cost
    window cohort as (partition by cohort_index, channel)
),

final as (
    select
        'month' as period_grain,
        cohort_start,
        channel,
        cast(period_number as integer) as period_number,
        customers,
        {{ as_money('spend') }} as spend,
        cac,
        case
            when spend is null then 'no_spend_input'
            when spend = 0 then 'no_spend'
            when customers = 0 then 'no_customers'
        end as cac_null_reason,
        margin,
        cumulative_margin,
        cumulative_margin_per_customer,
        known_cost_share,
        ltv_cac_ratio,
        ltv_cac_ratio_3_months,
        ltv_cac_ratio_6_months,
        ltv_cac_ratio_12_months,
        cast(payback_month as integer) as payback_month,
        case
            when cac is null then 'no_cac'
            when not is_margin_known then 'no_margin'
            when payback_month is null then 'not_yet'
            else 'paid_back'
        end as payback_status,
        is_complete
    from find_payback
)

select * from final
