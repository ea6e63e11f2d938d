-- Customers whose acquisition channel is not the one that the same attribution model
-- credits with their first purchase, each worked out apart from the other; the first
-- purchase of who may have bought before is credited like any other.

with attribution_credits as (
    select * from {{ ref('customer_journey', 'fct_attribution_credits') }}
),

customers as (
    select *
    from {{ ref('customer_journey', 'dim_customers') }}
    where orders > 0
),

first_credits as (
    select
        customer_id,
        conversion_type,
        conversion_date,
        channel
    from attribution_credits
    where
        attribution_model = '{{ var("acquisition_attribution_model") }}'
        and conversion_type <> 'repeat'
        and credit = 1
)

select
    coalesce(customers.customer_id, first_credits.customer_id) as customer_id,
    customers.first_purchase_date,
    first_credits.conversion_date,
    customers.is_left_truncated,
    first_credits.conversion_type,
    customers.acquisition_channel,
    first_credits.channel
from customers
full outer join first_credits on customers.customer_id = first_credits.customer_id
where
    customers.acquisition_channel is distinct from first_credits.channel
    or customers.first_purchase_date is distinct from first_credits.conversion_date
    or customers.is_left_truncated
    is distinct from (first_credits.conversion_type = 'left_truncated')
