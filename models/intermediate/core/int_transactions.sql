-- One row per accepted transaction, refunds matched to the purchase they take back.
-- A view: it has one reader.
{{ config(materialized='view') }}

with transactions as (
    select *
    from {{ ref('customer_journey', 'stg_transactions') }}
    where row_status = 'accepted'
),

match_refunds as (
    select
        refunds.transaction_id,
        coalesce(refunds.customer_id, purchases.customer_id) as customer_id,
        refunds.occurred_at,
        refunds.occurred_date,
        coalesce(purchases.occurred_date, refunds.occurred_date) as order_date,
        refunds.transaction_type,
        -- A refund in its purchase's currency is valued at its purchase's rate.
        case
            when purchases.currency = refunds.currency
                then {{ as_converted(
                    'refunds.original_amount', 'purchases.exchange_rate'
                ) }}
            else refunds.amount
        end as amount,
        refunds.cost_amount,
        refunds.sales_channel
    from transactions as refunds
    left join transactions as purchases
        on
            refunds.original_transaction_id = purchases.transaction_id
            and purchases.transaction_type = 'purchase'
    where refunds.transaction_type = 'refund'
),

combine_transactions as (
    select
        transaction_id,
        customer_id,
        occurred_at,
        occurred_date,
        occurred_date as order_date,
        transaction_type,
        amount,
        cost_amount,
        sales_channel
    from transactions
    where transaction_type = 'purchase'
    union all
    select
        transaction_id,
        customer_id,
        occurred_at,
        occurred_date,
        order_date,
        transaction_type,
        amount,
        cost_amount,
        sales_channel
    from match_refunds
),

final as (
    select
        *,
        case
            when customer_id is not null and transaction_type = 'purchase'
                then
                    row_number() over (
                        partition by customer_id, transaction_type
                        order by occurred_at, transaction_id
                    )
        end as purchase_number
    from combine_transactions
)

select * from final
