-- Periods in which acquisition counts other new customers than growth, under whatever
-- attribution model, or credits other revenue than customers brought: that of growth
-- without guests. Buyers that conversion counts in the period are the same people.

with periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
),

growth as (
    select * from {{ ref('customer_journey', 'rpt_growth') }}
    where segment_column = 'all'
),

guest_days as (
    select
        occurred_date,
        sum(amount) as gross_revenue
    from {{ ref('customer_journey', 'fct_journey_events') }}
    where customer_id is null and event_type = 'purchase'
    group by occurred_date
),

conversion as (
    select * from {{ ref('customer_journey', 'rpt_conversion') }}
    where segment_column = 'all' and channel = 'all' and window_days is null
),

acquisition as (
    select * from {{ ref('customer_journey', 'rpt_acquisition') }}
    where channel = 'all'
),

attribution as (
    select
        attribution_model,
        period_grain,
        period_start,
        sum(gross_revenue) as gross_revenue
    from {{ ref('customer_journey', 'rpt_attribution') }}
    where conversion_type = 'all'
    group by attribution_model, period_grain, period_start
),

models as (
    {%- for model in attribution_models() %}
    {{ 'union all' if not loop.first }}
    select '{{ model }}' as attribution_model
    {%- endfor %}
),

sum_guests as (
    select
        periods.period_grain,
        periods.period_start,
        sum(guest_days.gross_revenue) as gross_revenue
    from guest_days
    inner join periods
        on
            guest_days.occurred_date >= periods.period_start
            and guest_days.occurred_date <= periods.period_end
    group by periods.period_grain, periods.period_start
),

-- Growth begins with the first transaction; before it nobody can have bought.
expect_periods as (
    select
        models.attribution_model,
        periods.period_grain,
        periods.period_start,
        coalesce(growth.new_customers, 0) as new_customers,
        coalesce(growth.gross_revenue, 0) - coalesce(sum_guests.gross_revenue, 0)
            as gross_revenue
    from periods
    cross join models
    left join growth
        on
            periods.period_grain = growth.period_grain
            and periods.period_start = growth.period_start
    left join sum_guests
        on
            periods.period_grain = sum_guests.period_grain
            and periods.period_start = sum_guests.period_start
)

select
    expect_periods.*,
    acquisition.new_customers as acquired_customers,
    conversion.new_customers as converted_customers,
    attribution.gross_revenue as attributed_revenue
from expect_periods
left join acquisition
    on
        expect_periods.attribution_model = acquisition.attribution_model
        and expect_periods.period_grain = acquisition.period_grain
        and expect_periods.period_start = acquisition.period_start
left join attribution
    on
        expect_periods.attribution_model = attribution.attribution_model
        and expect_periods.period_grain = attribution.period_grain
        and expect_periods.period_start = attribution.period_start
left join conversion
    on
        expect_periods.period_grain = conversion.period_grain
        and expect_periods.period_start = conversion.period_start
where
    acquisition.new_customers is null
    or abs(acquisition.new_customers - expect_periods.new_customers) > 1e-6
    or coalesce(conversion.new_customers, 0) <> expect_periods.new_customers
    or abs(coalesce(attribution.gross_revenue, 0) - expect_periods.gross_revenue)
    > 1e-9 * greatest(expect_periods.gross_revenue, 1)
