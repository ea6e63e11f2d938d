-- One row per attribution model, period grain, period, channel and campaign: what was
-- spent, whom it won, what a new customer cost. Channel or campaign `all`: the total.

with acquisition_periods as (
    select * from {{ ref('customer_journey', 'int_acquisition_periods') }}
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
),

paid_channels as (
    select * from {{ ref('customer_journey', 'int_paid_channels') }}
),

-- What was not recorded is not zero.
describe_rows as (
    select
        acquisition_periods.*,
        paid_channels.is_paid,
        acquisition_periods.channel = 'all' as is_total,
        paid_channels.is_paid and acquisition_periods.campaign = 'all' as is_paid_total,
        {{ 'false' if input_name('marketing_spend') is none else 'true' }}
            as is_spend_known
    from acquisition_periods
    left join paid_channels on acquisition_periods.channel = paid_channels.channel
),

compare_periods as (
    select
        *,
        max(case when is_total then spend end) over models_period as total_spend,
        max(case when is_total then new_customers end) over models_period
            as total_customers,
        sum(case when is_paid_total then spend end) over models_period as paid_spend,
        sum(case when is_paid_total then new_customers end) over models_period
            as paid_customers
    from describe_rows
    window models_period as (
        partition by attribution_model, period_grain, period_index
    )
),

final as (
    select
        compare_periods.attribution_model,
        compare_periods.period_grain,
        periods.period_start,
        compare_periods.channel,
        compare_periods.campaign,
        compare_periods.is_paid,
        {{ as_money(
            'case when compare_periods.is_spend_known then compare_periods.spend end'
        ) }} as spend,
        compare_periods.new_customers,
        {{ ratio_of_positive('nullif(compare_periods.spend, 0)',
            'compare_periods.new_customers') }} as cac,
        case
            when not compare_periods.is_spend_known then 'no_spend_input'
            when compare_periods.spend > 0 and compare_periods.new_customers > 0
                then null
            when compare_periods.spend > 0 then 'no_customers'
            when compare_periods.new_customers > 0 then 'no_spend'
            else 'no_spend_and_no_customers'
        end as cac_null_reason,
        {{ ratio_of_positive('nullif(compare_periods.total_spend, 0)',
            'compare_periods.total_customers') }} as blended_cac,
        {{ ratio_of_positive('nullif(compare_periods.paid_spend, 0)',
            'compare_periods.paid_customers') }} as paid_cac,
        compare_periods.new_customer_revenue,
        {{ ratio_of_positive(
            'compare_periods.new_customer_revenue', 'compare_periods.spend'
        ) }} as roas,
        periods.is_complete
    from compare_periods
    inner join periods
        on
            compare_periods.period_grain = periods.period_grain
            and compare_periods.period_index = periods.period_index
)

select * from final
