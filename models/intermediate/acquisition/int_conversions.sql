-- One row per conversion: a customer's purchase occasion, known by its first purchase.
-- Several purchases of one local day are one conversion. Guests have none.

with purchases as (
    select *
    from {{ ref('customer_journey', 'int_journey_steps') }}
    where event_type = 'purchase' and customer_id is not null
),

customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
),

number_purchases as (
    select
        *,
        row_number() over (
            partition by customer_id, occurred_date order by step_number
        ) as purchase_of_day,
        sum(amount) over (partition by customer_id, occurred_date) as day_amount
    from purchases
),

final as (
    select
        number_purchases.source_id as conversion_id,
        number_purchases.customer_id,
        case
            when number_purchases.occurred_date > customers.first_purchase_date
                then 'repeat'
            -- Not known to be the first.
            when customers.is_left_truncated then 'left_truncated'
            else 'first'
        end as conversion_type,
        number_purchases.step_number as conversion_step,
        number_purchases.occurred_at as converted_at,
        number_purchases.occurred_date as conversion_date,
        {{ as_money('number_purchases.day_amount') }} as gross_revenue
    from number_purchases
    inner join customers on number_purchases.customer_id = customers.customer_id
    where number_purchases.purchase_of_day = 1
)

select * from final
