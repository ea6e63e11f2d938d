-- One row per way in which the as-of date is not the last day that was seen, or the one
-- that was asked for.

with run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

journey_events as (
    select max(occurred_date) as last_event_date
    from {{ ref('customer_journey', 'fct_journey_events') }}
),

input_quality as (
    select max(last_date) as last_spend_date
    from {{ ref('customer_journey', 'rpt_input_quality') }}
    where input_name = 'marketing_spend' and row_status = 'accepted'
),

customers as (
    select * from {{ ref('customer_journey', 'dim_customers') }}
),

find_last_day as (
    select
        run_parameters.as_of_date,
        coalesce({{ date_variable('as_of_date') }}, greatest(
            coalesce(journey_events.last_event_date, input_quality.last_spend_date),
            coalesce(input_quality.last_spend_date, journey_events.last_event_date)
        )) as last_day,
        journey_events.last_event_date
    from run_parameters
    cross join journey_events
    cross join input_quality
),

list_values as (
    select
        'days from the last day to the as-of date' as measure,
        0 as expected,
        {{ days_between('last_day', 'as_of_date') }} as found
    from find_last_day
    union all
    select
        'days by which events are later than the as-of date' as measure,
        0 as expected,
        greatest({{ days_between('as_of_date', 'last_event_date') }}, 0) as found
    from find_last_day
    union all
    select
        'dim_customers.days_since_last_purchase that do not end at the as-of date'
            as measure,
        0 as expected,
        1 as found
    from customers
    cross join find_last_day
    where
        {{ add_days(
            'customers.last_purchase_date', 'customers.days_since_last_purchase'
        ) }}
        <> find_last_day.as_of_date
)

select
    measure,
    {{ as_text('null') }} as period,
    {{ as_double('sum(expected)') }} as expected,
    {{ as_double('sum(found)') }} as found
from list_values
group by measure
having {{ disagrees() }}
