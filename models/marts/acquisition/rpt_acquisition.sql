-- One row per attribution model, period grain, period, channel and campaign: what was
-- spent, whom it won, and what a new customer cost. Channel or campaign `all`: the total.

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
        case
            when acquisition_periods.channel <> 'all'
                then coalesce(
                    journey_channels.is_paid,
                    max(acquisition_periods.spend) over (
                        partition by acquisition_periods.channel
                    ) > 0
                )
        end as is_paid
    from acquisition_periods
    left join journey_channels
        on acquisition_periods.channel = journey_channels.channel
),

total_periods as (
    select
        *,
        channel = 'all' as is_total,
        is_paid and campaign = 'all' as is_paid_channel
    from judge_channels
),

compare_periods as (
    select
        *,
        max(case when is_total then spend end) over models_period as total_spend,
        max(case when is_total then new_customers end) over models_period
            as total_customers,
        sum(case when is_paid_channel then spend end) over models_period as paid_spend,
        sum(case when is_paid_channel then new_customers end) over models_period
            as paid_customers
    from total_periods
    window models_period as (
        partition by attribution_model, period_grain, period_index
    )
),

-- What was not recorded is not zero.
hide_unrecorded as (
    select
        *,
        {{ 'false' if input_name('marketing_spend') is none else 'true' }}
            as is_spend_known
    from compare_periods
),

final as (
    select
        hide_unrecorded.attribution_model,
        hide_unrecorded.period_grain,
        periods.period_start,
        hide_unrecorded.channel,
        hide_unrecorded.campaign,
        hide_unrecorded.is_paid,
        {{ as_money(
            'case when hide_unrecorded.is_spend_known then hide_unrecorded.spend end'
        ) }} as spend,
        hide_unrecorded.new_customers,
        {{ ratio_of_positive('nullif(hide_unrecorded.spend, 0)',
            'hide_unrecorded.new_customers') }} as cac,
        case
            when not hide_unrecorded.is_spend_known then 'no_spend_input'
            when hide_unrecorded.spend > 0 and hide_unrecorded.new_customers > 0
                then null
            when hide_unrecorded.spend > 0 then 'no_customers'
            when hide_unrecorded.new_customers > 0 then 'no_spend'
            else 'no_spend_and_no_customers'
        end as cac_null_reason,
        {{ ratio_of_positive('nullif(hide_unrecorded.total_spend, 0)',
            'hide_unrecorded.total_customers') }} as blended_cac,
        {{ ratio_of_positive('nullif(hide_unrecorded.paid_spend, 0)',
            'hide_unrecorded.paid_customers') }} as paid_cac,
        hide_unrecorded.new_customer_revenue,
        {{ ratio_of_positive(
            'hide_unrecorded.new_customer_revenue', 'hide_unrecorded.spend'
        ) }} as roas,
        periods.is_complete
    from hide_unrecorded
    inner join periods
        on
            hide_unrecorded.period_grain = periods.period_grain
            and hide_unrecorded.period_index = periods.period_index
)

select * from final
