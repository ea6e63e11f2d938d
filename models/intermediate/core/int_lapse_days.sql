-- One row: days without a purchase after which a customer counts as lapsed.
-- From the variable lapse_days or, when that is null, from the data: the length by
-- which nine of ten gaps between purchase days have ended, a week to two years.

with purchase_gaps as (
    select * from {{ ref('customer_journey', 'int_purchase_gaps') }}
),

list_shares as (
    select 0.8 as ended_share
    union all
    select 0.9 as ended_share
),

-- Where more than a tenth of the gaps never ends while it is observed, the ninth of ten
-- is looked for among those that do.
choose_shares as (
    select
        list_shares.ended_share,
        case
            when min(purchase_gaps.survival) <= 1 - list_shares.ended_share
                then 1 - list_shares.ended_share
            when min(purchase_gaps.survival) < 1
                then 1 - list_shares.ended_share * (1 - min(purchase_gaps.survival))
        end as longer_share
    from list_shares
    cross join purchase_gaps
    group by list_shares.ended_share
),

-- A tenth is a tenth, whatever rounding the product of shares leaves.
find_lengths as (
    select
        choose_shares.ended_share,
        {{ clamp('min(purchase_gaps.gap_days)', 7, 730) }} as gap_days
    from choose_shares
    inner join purchase_gaps
        on purchase_gaps.survival <= choose_shares.longer_share + 1e-9
    group by choose_shares.ended_share
),

spread_lengths as (
    select
        max(case when ended_share = 0.8 then gap_days end) as gap_80_days,
        max(case when ended_share = 0.9 then gap_days end) as gap_90_days
    from find_lengths
),

final as (
    select
        cast(coalesce({{ var('lapse_days') or 'null' }}, gap_90_days, 730) as integer)
            as lapse_days,
        {{ 'true' if var('lapse_days') is none else 'false' }} as is_from_data,
        cast(coalesce(gap_80_days, 730) as integer) as gap_80_days,
        cast(coalesce(gap_90_days, 730) as integer) as gap_90_days
    from spread_lengths
)

select * from final
