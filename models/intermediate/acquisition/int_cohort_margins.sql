-- One row per month of first purchase, acquisition channel and month number with a
-- purchase or a refund: customers, and the margin of what they bought.
-- The channel `all` holds everybody. Left-truncated customers are in no cohort.

with customer_days as (
    select * from {{ ref('customer_journey', 'int_customer_days') }}
    where first_purchase_date is not null and not is_left_truncated
),

customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
),

calendar as (
    select * from {{ ref('customer_journey', 'int_calendar') }}
    where period_grain = 'month'
),

margin_rate as (
    select * from {{ ref('customer_journey', 'int_margin_rate') }}
),

sum_channels as (
    select
        calendar.period_index as cohort_index,
        customers.acquisition_channel as channel,
        -- A refund dated before the first purchase belongs to the start.
        greatest(entry_calendar.period_index - calendar.period_index, 0)
            as period_number,
        sum(case
            when customer_days.entry_date = customer_days.first_purchase_date then 1
            else 0
        end) as customers,
        sum(customer_days.gross_revenue) as gross_revenue,
        sum(customer_days.costed_revenue) as costed_revenue,
        sum(customer_days.costed_revenue - coalesce(customer_days.cost_amount, 0))
            as known_margin,
        sum(customer_days.net_revenue_order_basis - customer_days.costed_revenue)
            as other_revenue
    from customer_days
    inner join customers on customer_days.customer_id = customers.customer_id
    inner join calendar on customer_days.first_purchase_date = calendar.calendar_date
    inner join calendar as entry_calendar
        on customer_days.entry_date = entry_calendar.calendar_date
    group by
        calendar.period_index,
        customers.acquisition_channel,
        greatest(entry_calendar.period_index - calendar.period_index, 0)
),

list_channels as (
    select *
    from sum_channels
    union all
    select
        cohort_index,
        'all' as channel,
        period_number,
        customers,
        gross_revenue,
        costed_revenue,
        known_margin,
        other_revenue
    from sum_channels
),

final as (
    select
        list_channels.cohort_index,
        list_channels.channel,
        list_channels.period_number,
        {{ as_count('sum(list_channels.customers)') }} as customers,
        {{ as_money('sum(list_channels.gross_revenue)') }} as gross_revenue,
        {{ as_money('sum(list_channels.costed_revenue)') }} as costed_revenue,
        {{ as_double('sum(list_channels.known_margin)') }}
        + {{ as_double('sum(list_channels.other_revenue)') }}
        * max(margin_rate.gross_margin_rate) as margin
    from list_channels
    cross join margin_rate
    group by
        list_channels.cohort_index,
        list_channels.channel,
        list_channels.period_number
)

select * from final
