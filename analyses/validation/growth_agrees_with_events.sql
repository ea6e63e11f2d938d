-- One row per measure and month in which the reports of growth, or the customers,
-- disagree with the events: added up from purchases and refunds, past the spine.

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

count_new_customers as (
    select
        month_start,
        count(*) as new_customers
    from find_new_customers
    group by month_start
),

list_values as (
    {%- for measure in [
        'orders', 'net_revenue', 'refund_amount', 'guest_orders', 'guest_revenue',
        'active_customers', 'new_customers',
    ] %}
    select
        'rpt_growth.{{ measure }}' as measure,
        month_start,
        {{ as_double(measure) }} as expected,
        0 as found
    from {{ 'count_new_customers' if measure == 'new_customers' else 'sum_months' }}
    where exists (select 1 from grains where grains.period_grain = 'month')
    union all
    select
        'rpt_growth.{{ measure }}' as measure,
        period_start as month_start,
        0 as expected,
        {{ as_double(measure) }} as found
    from growth
    where period_grain = 'month'
    union all
    {%- endfor %}
    {%- for measure in ['orders', 'net_revenue', 'new_customers'] %}
    select
        'rpt_growth.{{ measure }} by ' || grains.period_grain as measure,
        cast(null as date) as month_start,
        {{ as_double(measure) }} as expected,
        0 as found
    from {{ 'count_new_customers' if measure == 'new_customers' else 'sum_months' }}
    cross join grains
    union all
    select
        'rpt_growth.{{ measure }} by ' || period_grain as measure,
        cast(null as date) as month_start,
        0 as expected,
        {{ as_double(measure) }} as found
    from growth
    union all
    {%- endfor %}
    {%- for measure, people, value in [
        ('people', 'first_seen_at is not null', '1'),
        ('customers', 'orders > 0', '1'),
        ('orders', 'orders > 0', 'orders'),
        ('net_revenue', 'orders > 0', 'net_revenue'),
    ] %}
    select
        'dim_customers.{{ measure }}' as measure,
        cast(null as date) as month_start,
        {{ as_double(value) }} as expected,
        0 as found
    from sum_people
    {{ 'where ' ~ people if measure != 'people' }}
    union all
    select
        'dim_customers.{{ measure }}' as measure,
        cast(null as date) as month_start,
        0 as expected,
        {{ as_double(value) }} as found
    from customers
    where {{ people }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    measure,
    substr({{ as_text('month_start') }}, 1, 7) as period,
    sum(coalesce(expected, 0)) as expected,
    sum(coalesce(found, 0)) as found
from list_values
group by measure, month_start
having {{ disagrees() }}
