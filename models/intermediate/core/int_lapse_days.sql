-- One row: days without a purchase after which a customer counts as lapsed.
-- From the variable lapse_days or, when that is null, from the data: the length by
-- which nine of ten gaps between purchase days have ended, a week to two years.

with purchase_gaps as (
    select * from {{ ref('customer_journey', 'int_purchase_gaps') }}
),

-- Where more than a tenth of the gaps never ends while it is observed, the ninth of ten
-- is looked for among those that do.
choose_share as (
    select
        case
            when min(survival) <= 0.1 then 0.1
            when min(survival) < 1 then 1 - 0.9 * (1 - min(survival))
        end as longer_share
    from purchase_gaps
),

-- A tenth is a tenth, whatever rounding the product of shares leaves.
find_length as (
    select min(purchase_gaps.gap_days) as gap_days
    from purchase_gaps
    cross join choose_share
    where purchase_gaps.survival <= choose_share.longer_share + 1e-9
),

final as (
    select
        cast(coalesce(
            {{ var('lapse_days') or 'null' }},
            {{ clamp('gap_days', 7, 730) }},
            730
        ) as integer) as lapse_days,
        {{ 'true' if var('lapse_days') is none else 'false' }} as is_from_data
    from find_length
)

select * from final
