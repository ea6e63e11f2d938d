-- One row per segment key, month of the first purchase, and calendar months from it to
-- the last purchase: how many customers. Left-truncated customers are left out.
-- A view: it has one reader.
{{ config(materialized='view') }}

with customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
    where first_purchase_date is not null and not is_left_truncated
),

number_months as (
    select
        segment_key,
        cast({{ dbt.date_trunc('month', 'first_purchase_date') }} as date)
            as cohort_start,
        {{ month_index('last_purchase_date') }}
        - {{ month_index('first_purchase_date') }} as last_active_number
    from customers
),

final as (
    select
        segment_key,
        cohort_start,
        last_active_number,
        count(*) as customers
    from number_months
    group by segment_key, cohort_start, last_active_number
)

select * from final
