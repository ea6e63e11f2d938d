-- No row: the package requires this input, and this business has nothing to put in it.
{{ config(materialized='table') }}

select
    cast(null as varchar) as transaction_id,
    cast(null as varchar) as customer_id,
    cast(null as date) as occurred_at,
    cast(null as decimal(18, 2)) as amount
where false
