-- One row: the share of net revenue that is margin where the cost is not known.

with customer_days as (
    select * from {{ ref('customer_journey', 'int_customer_days') }}
),

measure_margin as (
    select
        {{ ratio_of_positive(
            'sum(costed_revenue - coalesce(cost_amount, 0))', 'sum(costed_revenue)'
        ) }} as measured_rate
    from customer_days
)

select
    coalesce(
        {{ as_double(var('gross_margin_rate') if var('gross_margin_rate') is not none
            else 'null') }},
        measured_rate
    ) as gross_margin_rate,
    {{ 'true' if var('gross_margin_rate') is none else 'false' }} as is_from_data
from measure_margin
