-- One row per period grain and period with a transaction of a guest.
-- Guests have no customer to count: only orders and revenue add up.
-- A view: it has one reader.
{{ config(materialized='view') }}

with journey_events as (
    select * from {{ ref('customer_journey', 'int_journey_events') }}
    where customer_id is null and event_type in ('purchase', 'refund')
),

calendar as (
    select * from {{ ref('customer_journey', 'int_calendar') }}
),

enter_amounts as (
    select
        occurred_date as entry_date,
        case when event_type = 'purchase' then 1 else 0 end as orders,
        case when event_type = 'purchase' then amount else 0 end as gross_revenue,
        case when event_type = 'refund' then amount else 0 end as refund_amount,
        case when event_type = 'purchase' then amount else 0 end
            as net_revenue_order_basis
    from journey_events
    union all
    select
        order_date as entry_date,
        0 as orders,
        0 as gross_revenue,
        0 as refund_amount,
        amount as net_revenue_order_basis
    from journey_events
    where event_type = 'refund'
),

final as (
    select
        calendar.period_grain,
        calendar.period_index,
        {{ as_count('sum(enter_amounts.orders)') }} as orders,
        {{ as_count('0') }} as purchase_days,
        {{ as_money('sum(enter_amounts.gross_revenue)') }} as gross_revenue,
        {{ as_money('sum(enter_amounts.refund_amount)') }} as refund_amount,
        {{ as_money('sum(enter_amounts.net_revenue_order_basis)') }}
            as net_revenue_order_basis
    from enter_amounts
    inner join calendar on enter_amounts.entry_date = calendar.calendar_date
    group by calendar.period_grain, calendar.period_index
)

select * from final
