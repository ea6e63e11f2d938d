-- One row per accepted touchpoint, with the person it belongs to.
-- A visitor is the customer that identities name, or else a person of their own. A
-- touch of one customer that carries the visitor of another links the two.
-- A view: it has one reader.
{{ config(materialized='view') }}

with touchpoints as (
    select *
    from {{ ref('customer_journey', 'stg_touchpoints') }}
    where row_status = 'accepted'
),

identities as (
    select *
    from {{ ref('customer_journey', 'stg_identities') }}
    where row_status = 'accepted'
),

final as (
    select
        touchpoints.touchpoint_id,
        coalesce(
            touchpoints.customer_id,
            identities.customer_id,
            'visitor:' || touchpoints.visitor_id
        ) as customer_id,
        case
            when touchpoints.customer_id <> identities.customer_id
                then identities.customer_id
        end as linked_customer_id,
        touchpoints.occurred_at,
        touchpoints.occurred_date,
        touchpoints.touchpoint_type,
        touchpoints.channel,
        touchpoints.campaign,
        touchpoints.outcome
    from touchpoints
    left join identities on touchpoints.visitor_id = identities.visitor_id
)

select * from final
