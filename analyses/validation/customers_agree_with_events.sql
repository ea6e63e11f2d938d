-- One row per measure in which customers have another value than their own purchases
-- and refunds give, and how many have: each one worked out alone, past the spine.
{%- set dates = ['first_purchase_date', 'last_purchase_date'] %}
{%- set marts = [
    ('dim_customers', dates + [
        'purchase_days', 'orders', 'gross_revenue', 'refund_amount', 'net_revenue',
    ]),
    ('fct_customer_value', dates + ['purchase_days', 'net_revenue']),
] %}

with journey_events as (
    select * from {{ ref('customer_journey', 'fct_journey_events') }}
    where customer_id is not null and event_type in ('purchase', 'refund')
),

dim_customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
),

fct_customer_value as (
    select * from {{ ref('customer_journey', 'fct_customer_value') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

sum_customers as (
    select
        customer_id,
        sum(case when event_type = 'purchase' then 1 else 0 end) as orders,
        count(distinct case when event_type = 'purchase' then occurred_date end)
            as purchase_days,
        min(case when event_type = 'purchase' then occurred_date end)
            as first_purchase_date,
        max(case when event_type = 'purchase' then occurred_date end)
            as last_purchase_date,
        sum(case when event_type = 'purchase' then amount else 0 end) as gross_revenue,
        sum(case when event_type = 'refund' then amount else 0 end) as refund_amount,
        sum(amount) as net_revenue
    from journey_events
    group by customer_id
),

-- Who has neither bought nor returned anything has zeros in the one table and no row in
-- the other.
{%- for mart, names in marts %}
compare_{{ mart }} as (
    select
        sum(case when {{ mart }}.customer_id is null then 1 else 0 end)
            as missing_customers,
        {%- for name in names %}
        {%- set expected = 'sum_customers.' ~ name if name in dates
            else 'coalesce(sum_customers.' ~ name ~ ', 0)' %}
        sum(case
            when {{ mart }}.{{ name }} is distinct from {{ expected }} then 1 else 0
        end) as other_{{ name }},
        {%- endfor %}
        count(*) - count(distinct {{ mart }}.customer_id)
        - sum(case when {{ mart }}.customer_id is null then 1 else 0 end)
            as repeated_customers
    from sum_customers
    full outer join {{ mart }} on sum_customers.customer_id = {{ mart }}.customer_id
),
{%- endfor %}

-- What is expected of a customer is how often they will buy, times how much.
compare_forecasts as (
    select
        {%- for prefix in ['', 'bg_nbd_'] %}
        {%- for horizon in [30, 90, 365] %}
        {%- set value = prefix ~ 'expected_value_' ~ horizon ~ '_days' %}
        {%- set purchases = prefix ~ 'expected_purchases_' ~ horizon ~ '_days' %}
        sum(case
            when
                abs(
                    fct_customer_value.{{ value }}
                    - fct_customer_value.expected_purchase_value
                    * fct_customer_value.{{ purchases }}
                ) > 1e-9 * abs(fct_customer_value.{{ value }})
                then 1
            else 0
        end) as other_{{ value }},
        {%- endfor %}
        {%- endfor %}
        sum(case
            when
                {{ add_days(
                    'fct_customer_value.last_purchase_date',
                    'fct_customer_value.recency_days'
                ) }}
                <> run_parameters.as_of_date
                then 1
            else 0
        end) as other_recency_days
    from fct_customer_value
    cross join run_parameters
),

list_values as (
    {%- for mart, names in marts %}
    {%- for name in names %}
    select
        'customers whose {{ mart }}.{{ name }} is not that of their events' as measure,
        other_{{ name }} as found
    from compare_{{ mart }}
    union all
    {%- endfor %}
    {%- for name in ['missing', 'repeated'] %}
    select
        'customers who are {{ name }} in {{ mart }}' as measure,
        {{ name }}_customers as found
    from compare_{{ mart }}
    union all
    {%- endfor %}
    {%- endfor %}
    {%- for prefix in ['', 'bg_nbd_'] %}
    {%- for horizon in [30, 90, 365] %}
    {%- set value = prefix ~ 'expected_value_' ~ horizon ~ '_days' %}
    select
        'customers whose fct_customer_value.{{ value }} is not purchases times value'
            as measure,
        other_{{ value }} as found
    from compare_forecasts
    union all
    {%- endfor %}
    {%- endfor %}
    select
        'customers whose fct_customer_value.recency_days do not end at the as-of date'
            as measure,
        other_recency_days as found
    from compare_forecasts
)

select
    measure,
    {{ as_text('null') }} as period,
    {{ as_double('0') }} as expected,
    {{ as_double('found') }} as found
from list_values
where found > 0
