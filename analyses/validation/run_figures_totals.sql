-- One row per total over all of history. An amount of fewer orders than a small sample
-- is null: one order more or less would be a large change.
{%- set amounts = [
    ('fct_journey_events', ['gross_revenue', 'refund_amount', 'net_revenue']),
    ('dim_customers', ['cost']),
    ('fct_customer_value', ['customer_value']),
    ('rpt_attribution', ['credited_revenue']),
] %}

with journey_events as (
    select * from {{ ref('customer_journey', 'fct_journey_events') }}
),

customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
),

customer_values as (
    select * from {{ ref('customer_journey', 'fct_customer_value') }}
),

acquisition as (
    select * from {{ ref('customer_journey', 'rpt_acquisition') }}
    where attribution_model = 'last' and channel = 'all'
),

attribution as (
    select * from {{ ref('customer_journey', 'rpt_attribution') }}
    where
        attribution_model = '{{ var("acquisition_attribution_model") }}'
        and conversion_type = 'all'
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

count_days as (
    select
        1 + {{ days_between(
            'least(first_event_date, history_start_date)', 'as_of_date'
        ) }} as days_observed
    from run_parameters
),

sum_events as (
    select
        sum(case when event_type = 'purchase' then 1 else 0 end) as orders,
        sum(case when event_type = 'purchase' and customer_id is null then 1 else 0 end)
            as guest_orders,
        sum(case when event_type = 'purchase' then amount end) as gross_revenue,
        -sum(case when event_type = 'refund' then amount end) as refund_amount,
        sum(amount) as net_revenue,
        sum(case when event_type = 'touchpoint' then 1 else 0 end) as touches,
        sum(case when event_type = 'survey_response' then 1 else 0 end) as answers
    from journey_events
),

sum_customers as (
    select
        count(*) as people,
        sum(case when orders > 0 then 1 else 0 end) as customers,
        sum(cost_amount) as cost
    from customers
),

sum_values as (
    select sum(net_revenue) as customer_value
    from customer_values
),

-- Every grain has all of the spend, and all of the credit.
sum_spend_grains as (
    select
        period_grain,
        sum(spend) as spend
    from acquisition
    group by period_grain
),

sum_credit_grains as (
    select
        period_grain,
        sum(gross_revenue) as credited_revenue
    from attribution
    group by period_grain
),

sum_spend as (
    select max(spend) as spend
    from sum_spend_grains
),

sum_credits as (
    select max(credited_revenue) as credited_revenue
    from sum_credit_grains
),

sum_amounts as (
    select
        sum_events.orders,
        sum_events.gross_revenue,
        sum_events.refund_amount,
        sum_events.net_revenue,
        sum_customers.cost,
        sum_values.customer_value,
        sum_credits.credited_revenue
    from sum_events
    cross join sum_customers
    cross join sum_values
    cross join sum_credits
),

list_figures as (
    {%- for relation, table, names in [
        ('count_days', 'dim_periods', ['days_observed']),
        ('sum_customers', 'dim_customers', ['people', 'customers']),
        ('sum_events', 'fct_journey_events', [
            'orders', 'guest_orders', 'touches', 'answers',
        ]),
        ('sum_spend', 'rpt_acquisition', ['spend']),
    ] %}
    {%- for name in names %}
    select
        'total.{{ name }}' as figure,
        '{{ table }}' as table_name,
        {{ as_double(name) }} as figure_value
    from {{ relation }}
    union all
    {%- endfor %}
    {%- endfor %}
    {%- for table, names in amounts %}
    {%- set is_last = loop.last %}
    {%- for name in names %}
    select
        'total.{{ name }}' as figure,
        '{{ table }}' as table_name,
        case
            when orders >= {{ var('small_sample_size') }} then {{ as_double(name) }}
        end as figure_value
    from sum_amounts
    {{ 'union all' if not (is_last and loop.last) }}
    {%- endfor %}
    {%- endfor %}
)

select
    figure,
    table_name,
    figure_value as value  -- noqa: LT09
from list_figures
