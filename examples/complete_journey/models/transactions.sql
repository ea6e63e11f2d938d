-- One row per basket: what a household took through the till at one time.
{{ config(materialized='table') }}

select
    basket_id as transaction_id,
    household_id as customer_id,
    -- Naive, in UTC.
    transaction_timestamp as occurred_at,
    sum(cast(sales_value as decimal(18, 2))) as amount,
    'store' as sales_channel
from 'data/transactions.parquet'
group by basket_id, household_id, transaction_timestamp
