-- Customers whom somebody referred and who do not say so, or the other way round: the
-- earliest touch that names them, unless they had bought before it. And referrers with
-- another number of referred customers than there are.

with customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
),

referrals as (
    select * from {{ ref('customer_journey', 'fct_journey_events') }}
    where referred_customer_id is not null
),

find_first as (
    select
        referrals.referred_customer_id,
        min(referrals.occurred_at) as occurred_at
    from referrals
    inner join customers
        on
            referrals.referred_customer_id = customers.customer_id
            and referrals.occurred_at <= customers.first_purchase_at
    group by referrals.referred_customer_id
),

find_referrers as (
    select distinct
        referrals.referred_customer_id,
        referrals.customer_id
    from referrals
    inner join find_first
        on
            referrals.referred_customer_id = find_first.referred_customer_id
            and referrals.occurred_at = find_first.occurred_at
),

count_referred as (
    select
        referred_by_customer_id,
        count(*) as referred_customers
    from customers
    where referred_by_customer_id is not null
    group by referred_by_customer_id
)

select
    customers.customer_id,
    customers.referred_by_customer_id,
    customers.referred_customers,
    count_referred.referred_customers as counted_customers,
    find_first.occurred_at as referred_at
from customers
full outer join find_first
    on customers.customer_id = find_first.referred_customer_id
left join find_referrers
    on
        customers.customer_id = find_referrers.referred_customer_id
        and customers.referred_by_customer_id = find_referrers.customer_id
full outer join count_referred
    on customers.customer_id = count_referred.referred_by_customer_id
where
    customers.customer_id is null
    or (find_first.referred_customer_id is null)
    <> (customers.referred_by_customer_id is null)
    or (find_referrers.customer_id is null)
    <> (customers.referred_by_customer_id is null)
    or customers.referred_customers <> coalesce(count_referred.referred_customers, 0)
