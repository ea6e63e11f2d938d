-- One row per attribution model, period grain, period, channel and campaign: what was
-- spent, whom it won, what a new customer cost. Channel or campaign `all`: the total.

with acquisition_periods as (
    select * from {{ ref('customer_journey', 'int_acquisition_periods') }}
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
),

journey_channels as (
    select * from {{ ref('journey_channels') }}
),

-- A channel that the list does not name is paid for if anything was ever spent on it.
judge_channels as (
    select
        acquisition_periods.*,
        coalesce(
            journey_channels.is_paid,
            max(acquisition_periods.spend) over (
                partition by acquisition_periods.channel
            ) > 0
        ) as is_paid_channel
    from acquisition_periods
    left join journey_channels
        on acquisition_periods.channel = journey_channels.channel
),

-- What was not recorded is not zero.
describe_rows as (
    select
        *,
        channel = 'all' as is_total,
        case when channel <> 'all' then is_paid_channel end as is_paid,
        channel <> 'all' and campaign = 'all' and is_paid_channel as is_paid_total,
        {{ 'false' if input_name('marketing_spend') is none else 'true' }}
            as is_spend_known
    from judge_channels
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
