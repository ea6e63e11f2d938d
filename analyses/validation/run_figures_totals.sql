-- One row per total over all of history. An amount of fewer orders than a small sample
-- is null: one order more or less would be a large change.

with journey_events as (
    select * from {{ ref('customer_journey', 'fct_journey_events') }}
),

customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
),

attribution as (
    select * from {{ ref('customer_journey', 'rpt_acquisition') }}
    where attribution_model = 'last' and channel = 'all'
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
        sum(case when orders > 0 then 1 else 0 end) as customers
    from customers
),

-- Every grain has all of the spend.
sum_grains as (
    select
        period_grain,
        sum(spend) as spend
    from attribution
    group by period_grain
),

sum_spend as (
    select max(spend) as spend
    from sum_grains
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
    {%- for name in ['gross_revenue', 'refund_amount', 'net_revenue'] %}
    select
        'total.{{ name }}' as figure,
        'fct_journey_events' as table_name,
        case
            when orders >= {{ var('small_sample_size') }} then {{ as_double(name) }}
        end as figure_value
    from sum_events
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    figure,
    table_name,
    figure_value as value  -- noqa: LT09
from list_figures
