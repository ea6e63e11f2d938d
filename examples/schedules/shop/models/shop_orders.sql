-- One row per order, in the columns of the transactions input.
{{ config(materialized='view') }}

select
    order_id as transaction_id,
    customer_id,
    ordered_at as occurred_at,
    total as amount,
    loaded_at
from {{ source('landing', 'orders') }}
