-- One row per measure and month in which the reports of growth, or the customers,
-- disagree with the events: added up from purchases and refunds, past the spine.
{%- set figures = [
    'orders', 'net_revenue', 'refund_amount', 'guest_orders', 'guest_revenue',
    'active_customers', 'new_customers',
] %}
{%- set people_figures = ['people', 'customers', 'orders', 'net_revenue'] %}

with journey_events as (
    select
        *,
        cast({{ dbt.date_trunc('month', 'occurred_date') }} as date) as month_start,
        case when event_type = 'purchase' then 1 else 0 end as purchases
    from {{ ref('customer_journey', 'fct_journey_events') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
),

growth as (
    select * from {{ ref('customer_journey', 'rpt_growth') }}
    where segment_column = 'all'
),

customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
),

grains as (
    select distinct period_grain
    from periods
),

sum_months as (
    select
        month_start,
        sum(purchases) as orders,
        sum(amount) as net_revenue,
        sum(case when event_type = 'refund' then amount else 0 end) as refund_amount,
        sum(case when customer_id is null then purchases else 0 end) as guest_orders,
        sum(case when customer_id is null then amount else 0 end) as guest_revenue,
        count(distinct case when event_type = 'purchase' then customer_id end)
            as active_customers
    from journey_events
    where event_type in ('purchase', 'refund')
    group by month_start
),

sum_people as (
    select
        customer_id,
        sum(purchases) as orders,
        sum(amount) as net_revenue,
        min(case when event_type = 'purchase' then occurred_date end) as first_date
    from journey_events
    where customer_id is not null
    group by customer_id
),

-- Whose first purchase is not known to be first is new nowhere.
find_new_customers as (
    select
        cast({{ dbt.date_trunc('month', 'sum_people.first_date') }} as date)
            as month_start
    from sum_people
    cross join run_parameters
    where
        sum_people.first_date is not null
        and (
            not run_parameters.is_history_start_known
            or sum_people.first_date >= {{ add_days(
                'run_parameters.history_start_date', var('left_truncation_days')
            ) }}
        )
),

list_months as (
    select
        {%- for figure in figures if figure != 'new_customers' %}
        {{ figure }},
        {%- endfor %}
        0 as new_customers,
        month_start
    from sum_months
    union all
    select
        {%- for figure in figures if figure != 'new_customers' %}
        0 as {{ figure }},
        {%- endfor %}
        count(*) as new_customers,
        month_start
    from find_new_customers
    group by month_start
),

measures as (
    {%- for figure in figures %}
    {{ 'union all' if not loop.first }}
    select '{{ figure }}' as measure
    {%- endfor %}
),

-- Months are compared one by one, where they are reported; of other grains the totals.
measure_growth as (
    select
        measures.measure,
        grains.period_grain,
        list_months.month_start,
        case measures.measure
            {%- for figure in figures %}
            when '{{ figure }}' then {{ as_double('list_months.' ~ figure) }}
            {%- endfor %}
        end as expected,
        0 as found
    from list_months
    cross join measures
    cross join grains
    union all
    select
        measures.measure,
        growth.period_grain,
        growth.period_start as month_start,
        0 as expected,
        case measures.measure
            {%- for figure in figures %}
            when '{{ figure }}' then {{ as_double('growth.' ~ figure) }}
            {%- endfor %}
        end as found
    from growth
    cross join measures
),

list_people as (
    select
        {{ as_double('orders') }} as expected_orders,
        {{ as_double('net_revenue') }} as expected_revenue,
        1 as expected_people,
        0 as found_orders,
        0 as found_revenue,
        0 as found_people
    from sum_people
    union all
    select
        0 as expected_orders,
        0 as expected_revenue,
        0 as expected_people,
        {{ as_double('orders') }} as found_orders,
        {{ as_double('net_revenue') }} as found_revenue,
        1 as found_people
    from customers
    where first_seen_at is not null
),

sum_list_people as (
    select
        sum(expected_people) as expected_people,
        sum(case when expected_orders > 0 then 1 else 0 end) as expected_customers,
        sum(expected_orders) as expected_orders,
        sum(expected_revenue) as expected_net_revenue,
        sum(found_people) as found_people,
        sum(case when found_orders > 0 then 1 else 0 end) as found_customers,
        sum(found_orders) as found_orders,
        sum(found_revenue) as found_net_revenue
    from list_people
),

people_measures as (
    {%- for figure in people_figures %}
    {{ 'union all' if not loop.first }}
    select '{{ figure }}' as measure
    {%- endfor %}
),

list_values as (
    select
        'rpt_growth.' || measure || ' by ' || period_grain as measure,
        case when period_grain = 'month' then month_start end as month_start,
        expected,
        found
    from measure_growth
    -- Who is active in two months is active in their quarter once.
    where period_grain = 'month' or measure <> 'active_customers'
    union all
    select
        'dim_customers.' || people_measures.measure as measure,
        cast(null as date) as month_start,
        case people_measures.measure
            {%- for figure in people_figures %}
            when '{{ figure }}' then sum_list_people.expected_{{ figure }}
            {%- endfor %}
        end as expected,
        case people_measures.measure
            {%- for figure in people_figures %}
            when '{{ figure }}' then sum_list_people.found_{{ figure }}
            {%- endfor %}
        end as found
    from sum_list_people
    cross join people_measures
)

select
    measure,
    substr({{ as_text('month_start') }}, 1, 7) as period,
    {{ as_double('sum(coalesce(expected, 0))') }} as expected,
    {{ as_double('sum(coalesce(found, 0))') }} as found
from list_values
group by measure, month_start
having {{ disagrees() }}
