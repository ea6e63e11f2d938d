-- One row per person seen in any input.

with customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
),

customer_occasions as (
    select * from {{ ref('customer_journey', 'int_customer_occasions') }}
),

stage_entries as (
    select * from {{ ref('customer_journey', 'int_stage_entries') }}
    where left_at is null
),

referrals as (
    select * from {{ ref('customer_journey', 'int_referrals') }}
),

lapse as (
    select * from {{ ref('customer_journey', 'int_lapse_days') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

count_referrals as (
    select
        referred_by_customer_id,
        {{ as_count('count(*)') }} as referred_customers
    from referrals
    group by referred_by_customer_id
),

measure_silence as (
    select
        customers.*,
        lapse.lapse_days,
        {{ days_between('customers.last_purchase_date', 'run_parameters.as_of_date') }}
            as days_since_last_purchase
    from customers
    cross join lapse
    cross join run_parameters
),

final as (
    select
        measure_silence.customer_id,
        measure_silence.customer_id like 'visitor:%' as is_anonymous,
        measure_silence.created_at,
        measure_silence.first_event_at as first_seen_at,
        measure_silence.first_purchase_at,
        measure_silence.first_purchase_date,
        customer_occasions.second_purchase_date,
        measure_silence.last_purchase_date,
        measure_silence.days_since_last_purchase,
        stage_entries.stage as current_stage,
        stage_entries.entered_at as current_stage_entered_at,
        case
            when measure_silence.days_since_last_purchase is null then 'prospect'
            when measure_silence.days_since_last_purchase >= measure_silence.lapse_days
                then 'lapsed'
            when
                2 * measure_silence.days_since_last_purchase
                >= measure_silence.lapse_days
                then 'at_risk'
            else 'active'
        end as lifecycle_status,
        measure_silence.lapse_days,
        coalesce(customer_occasions.won_back_count, 0) as won_back_count,
        referrals.referred_by_customer_id,
        coalesce(count_referrals.referred_customers, 0) as referred_customers,
        coalesce(customer_occasions.orders, 0) as orders,
        coalesce(customer_occasions.purchase_days, 0) as purchase_days,
        {{ as_money('coalesce(customer_occasions.gross_revenue, 0)') }}
            as gross_revenue,
        {{ as_money('coalesce(customer_occasions.refund_amount, 0)') }}
            as refund_amount,
        {{ as_money('coalesce(customer_occasions.net_revenue, 0)') }}
            as net_revenue,
        customer_occasions.cost_amount,
        measure_silence.acquisition_channel,
        measure_silence.is_left_truncated
    from measure_silence
    left join customer_occasions
        on measure_silence.customer_id = customer_occasions.customer_id
    left join stage_entries
        on measure_silence.customer_id = stage_entries.customer_id
    left join referrals
        on measure_silence.customer_id = referrals.customer_id
    left join count_referrals
        on measure_silence.customer_id = count_referrals.referred_by_customer_id
)

select * from final
