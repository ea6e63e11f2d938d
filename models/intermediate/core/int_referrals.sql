-- One row per customer whom somebody else has referred, with that somebody.
-- The referral is a touch that reached advocacy and carries the visitor id of the new
-- customer, who bought for the first time at or after it; of several the earliest.

with journey_steps as (
    select * from {{ ref('customer_journey', 'int_journey_steps') }}
    where linked_customer_id is not null
),

customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
),

stages as (
    select * from {{ ref('customer_journey', 'int_stages') }}
),

rank_referrals as (
    select
        journey_steps.linked_customer_id as customer_id,
        journey_steps.customer_id as referred_by_customer_id,
        journey_steps.source_id,
        journey_steps.occurred_at,
        row_number() over (
            partition by journey_steps.linked_customer_id
            order by journey_steps.occurred_at, journey_steps.source_id
        ) as referral_rank
    from journey_steps
    inner join stages
        on
            journey_steps.reached_stage_order = stages.stage_order
            and stages.reached_by = 'advocacy'
    inner join customers
        on
            journey_steps.linked_customer_id = customers.customer_id
            and journey_steps.occurred_at <= customers.first_purchase_at
)

select
    customer_id,
    referred_by_customer_id,
    source_id,
    occurred_at
from rank_referrals
where referral_rank = 1
