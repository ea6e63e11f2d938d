-- One row per measure in which the people, or the counts of rows, disagree with the raw
-- customers: whoever is registered is in dim_customers, with or without an event.
{%- set columns = input_columns('customers') %}

with raw_customers as (
    select {{ raw_columns(columns, 'customers') }}
    from {{ input_relation('customers') }}
),

local_days as (
    select * from {{ local_days() }}
),

people as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
),

input_quality as (
    select * from {{ ref('customer_journey', 'rpt_input_quality') }}
    where input_name = 'customers'
),

read_rows as (
    select
        {{ parse_text('customer_id') }} as customer_key,
        {{ parse_text('created_at') }} as given_moment,
        {{ raw_moment('created_at', columns.created_at) }} as moment,
        {{ is_whole_day('created_at', columns.created_at) }} as is_whole_day
    from raw_customers
    {{ computed_once() }}  -- noqa: PRS,LT02
),

date_rows as (
    select
        read_rows.*,
        {{ local_date('read_rows.moment', 'read_rows.is_whole_day') }} as local_date
    from read_rows
    left join local_days on cast(read_rows.moment as date) = local_days.calendar_date
    {{ computed_once() }}  -- noqa: PRS
),

judge_rows as (
    select
        customer_key,
        local_date,
        customer_key is not null
        and (
            given_moment is null
            or coalesce({{ is_possible_date('local_date') }}, false)
        ) as is_readable
    from date_rows
    where not {{ is_after_as_of('local_date') }}
),

list_registered as (
    select
        customer_key,
        count(*) as row_count
    from judge_rows
    where is_readable
    group by customer_key
),

list_values as (
    select
        'dim_customers.people of the customers input' as measure,
        1 as expected,
        case when people.customer_id is null then 0 else 1 end as found
    from list_registered
    left join people on list_registered.customer_key = people.customer_id
    union all
    select
        'dim_customers.people without an event' as measure,
        1 as expected,
        0 as found
    from list_registered
    inner join people on list_registered.customer_key = people.customer_id
    where people.first_seen_at is null
    union all
    select
        'dim_customers.people without an event' as measure,
        0 as expected,
        1 as found
    from people
    where first_seen_at is null
    union all
    select
        'accepted rows' as measure,
        1 as expected,
        0 as found
    from list_registered
    union all
    select
        'merged rows' as measure,
        row_count - 1 as expected,
        0 as found
    from list_registered
    union all
    select
        'rejected rows' as measure,
        1 as expected,
        0 as found
    from judge_rows
    where not is_readable
    union all
    select
        row_status || ' rows' as measure,
        0 as expected,
        row_count as found
    from input_quality
)

select
    measure,
    {{ as_text('null') }} as period,
    {{ as_double('sum(expected)') }} as expected,
    {{ as_double('sum(found)') }} as found
from list_values
group by measure
having {{ disagrees() }}
