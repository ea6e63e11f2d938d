-- Months that are not what they are known to be. January's households are a panel that
-- was shopping before: none of them is new. The last days of December are complete.

with known_months (
    period_start, active_customers, arrived, panel, orders, net_revenue, is_complete
) as (
    values
    (date '2017-01-01', 1983, 0, 1983, 12807, 373300.23, true),
    (date '2017-02-01', 1948, 185, 0, 11795, 350055.08, true),
    (date '2017-12-01', 2062, 6, 0, 13097, 421720.45, true)
),

found_months as (
    select
        growth.period_start,
        growth.active_customers,
        growth.new_customers,
        growth_accounting.left_truncated_customers,
        growth.orders,
        growth.net_revenue,
        growth.is_complete
    from {{ ref('rpt_growth') }} as growth
    inner join {{ ref('rpt_growth_accounting') }} as growth_accounting
        on
            growth.segment_column = growth_accounting.segment_column
            and growth.segment_value = growth_accounting.segment_value
            and growth.period_grain = growth_accounting.period_grain
            and growth.period_start = growth_accounting.period_start
    where growth.segment_column = 'all' and growth.period_grain = 'month'
)

(select * from known_months except select * from found_months)
union all
-- The twelve months of 2017 and no other.
select * from found_months where year(period_start) <> 2017
