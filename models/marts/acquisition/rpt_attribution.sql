-- One row per conversion type, attribution model, period grain, period, channel and
-- campaign: the conversions and the revenue credited to it, and what each unit of spend
-- brought. The type `all` holds every conversion and alone has spend.

with attribution_periods as (
    select * from {{ ref('customer_journey', 'int_attribution_periods') }}
),

spend_periods as (
    select * from {{ ref('customer_journey', 'int_spend_periods') }}
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
),

list_entries as (
    select
        attribution_model,
        period_grain,
        period_index,
        channel,
        campaign,
        conversions,
        gross_revenue,
        0 as spend
    from attribution_periods
    union all
    select
        attribution_model,
        period_grain,
        period_index,
        channel,
        campaign,
        0 as conversions,
        0 as gross_revenue,
        spend
    from spend_periods
),

sum_types as (
    select
        'all' as conversion_type,
        attribution_model,
        period_grain,
        period_index,
        channel,
        campaign,
        sum(conversions) as conversions,
        sum(gross_revenue) as gross_revenue,
        sum(spend) as spend
    from list_entries
    group by attribution_model, period_grain, period_index, channel, campaign
),

list_types as (
    select *
    from sum_types
    union all
    select
        conversion_type,
        attribution_model,
        period_grain,
        period_index,
        channel,
        campaign,
        conversions,
        gross_revenue,
        cast(null as {{ type_money() }}) as spend
    from attribution_periods
),

share_periods as (
    select
        *,
        sum(conversions) over all_channels as all_conversions,
        sum(gross_revenue) over all_channels as all_revenue
    from list_types
    window all_channels as (
        partition by conversion_type, attribution_model, period_grain, period_index
    )
),

final as (
    select
        share_periods.conversion_type,
        share_periods.attribution_model,
        share_periods.period_grain,
        periods.period_start,
        share_periods.channel,
        share_periods.campaign,
        {{ as_double('share_periods.conversions') }} as conversions,
        {{ ratio('share_periods.conversions', 'share_periods.all_conversions') }}
            as conversion_share,
        {{ as_double('share_periods.gross_revenue') }} as gross_revenue,
        {{ ratio('share_periods.gross_revenue', 'share_periods.all_revenue') }}
            as revenue_share,
        {{ as_money('share_periods.spend') if input_name('marketing_spend') is not none
            else as_money('null') }} as spend,
        {{ ratio_of_positive('share_periods.gross_revenue', 'share_periods.spend') }}
            as roas,
        periods.is_complete
    from share_periods
    inner join periods
        on
            share_periods.period_grain = periods.period_grain
            and share_periods.period_index = periods.period_index
)

select * from final
