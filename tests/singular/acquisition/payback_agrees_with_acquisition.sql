-- Cohorts that cost something else, or hold others, than the month's new customers of
-- the attribution model in use, and those whose margin so far is not that of their
-- purchases and refunds, counted again.

with acquisition as (
    select * from {{ ref('customer_journey', 'rpt_acquisition') }}
    where
        attribution_model = '{{ var("acquisition_attribution_model") }}'
        and period_grain = 'month'
        and campaign = 'all'
        and (new_customers > 0 or spend > 0)
),

payback as (
    select * from {{ ref('customer_journey', 'rpt_cac_payback') }}
),

journey_events as (
    select * from {{ ref('customer_journey', 'int_journey_events') }}
    where event_type in ('purchase', 'refund')
),

customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
    where first_purchase_date is not null and not is_left_truncated
),

margin_rate as (
    select * from {{ ref('customer_journey', 'int_margin_rate') }}
),

months as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
    where period_grain = 'month'
),

last_month as (
    select max(period_end) as last_date
    from months
    where is_complete
),

-- Purchases without a cost, and all refunds, are worth the margin rate.
value_events as (
    select
        months.period_start as cohort_start,
        customers.acquisition_channel as channel,
        case
            when
                journey_events.event_type = 'purchase'
                and journey_events.cost_amount is not null
                then journey_events.amount - journey_events.cost_amount
            else journey_events.amount * margin_rate.gross_margin_rate
        end as margin
    from journey_events
    cross join margin_rate
    cross join last_month
    inner join customers on journey_events.customer_id = customers.customer_id
    inner join months
        on
            customers.first_purchase_date >= months.period_start
            and customers.first_purchase_date <= months.period_end
    where months.is_complete and journey_events.order_date <= last_month.last_date
),

sum_cohorts as (
    select
        cohort_start,
        channel,
        sum(margin) as margin
    from value_events
    group by cohort_start, channel
    union all
    select
        cohort_start,
        'all' as channel,
        sum(margin) as margin
    from value_events
    group by cohort_start
),

sum_payback as (
    select
        cohort_start,
        channel,
        max(case when period_number = 0 then customers end) as customers,
        max(case when period_number = 0 then spend end) as spend,
        max(case when period_number = 0 then cac end) as cac,
        sum(margin) as margin
    from payback
    group by cohort_start, channel
)

select
    acquisition.period_start,
    acquisition.channel,
    acquisition.new_customers,
    acquisition.spend,
    acquisition.cac,
    sum_cohorts.margin,
    sum_payback.cohort_start,
    sum_payback.channel as payback_channel,
    sum_payback.customers as payback_customers,
    sum_payback.spend as payback_spend,
    sum_payback.cac as payback_cac,
    sum_payback.margin as payback_margin
from acquisition
full outer join sum_payback
    on
        acquisition.period_start = sum_payback.cohort_start
        and acquisition.channel = sum_payback.channel
left join sum_cohorts
    on
        sum_payback.cohort_start = sum_cohorts.cohort_start
        and sum_payback.channel = sum_cohorts.channel
where
    acquisition.period_start is null
    or sum_payback.cohort_start is null
    or abs(acquisition.new_customers - sum_payback.customers) > 1e-6
    or acquisition.spend is distinct from sum_payback.spend
    or (acquisition.cac is null) <> (sum_payback.cac is null)
    or abs(acquisition.cac - sum_payback.cac) > 1e-9 * acquisition.cac
    or (
        sum_payback.customers > 0
        and (sum_cohorts.margin is null) <> (sum_payback.margin is null)
    )
    or abs(coalesce(sum_cohorts.margin, 0) - sum_payback.margin) > 1e-4
