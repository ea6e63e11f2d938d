-- One row per person seen in any input, with the segment they belong to.
{%- set segments = segment_columns() %}

with journey_events as (
    select *
    from {{ ref('customer_journey', 'int_journey_events') }}
    where customer_id is not null
),

customers as (
    select *
    from {{ ref('customer_journey', 'stg_customers') }}
    where row_status = 'accepted'
),

acquisition_channels as (
    select * from {{ ref('customer_journey', 'int_acquisition_channels') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

summarise_events as (
    select
        customer_id,
        min(occurred_at) as first_event_at,
        min(case when event_type = 'purchase' then occurred_at end)
            as first_purchase_at,
        min(case when event_type = 'touchpoint' then occurred_at end)
            as first_touch_at,
        max(case when event_type = 'purchase' then occurred_date end)
            as last_purchase_date
    from journey_events
    group by customer_id
),

combine_people as (
    select
        coalesce(summarise_events.customer_id, customers.customer_id) as customer_id,
        customers.created_at,
        {%- for name in customer_segment_columns() %}
        coalesce(customers.{{ name }}, '(unknown)') as {{ name }},
        {%- endfor %}
        summarise_events.first_event_at,
        summarise_events.first_purchase_at,
        summarise_events.first_touch_at,
        summarise_events.last_purchase_date
    from summarise_events
    full outer join customers on summarise_events.customer_id = customers.customer_id
),

describe_people as (
    select
        combine_people.*,
        cast(combine_people.first_purchase_at as date) as first_purchase_date,
        coalesce(acquisition_channels.acquisition_channel, '(none)')
            as acquisition_channel,
        coalesce(
            run_parameters.is_history_start_known
            and cast(combine_people.first_purchase_at as date) < {{ add_days(
                'run_parameters.history_start_date', var('left_truncation_days')
            ) }},
            false
        ) as is_left_truncated
    from combine_people
    cross join run_parameters
    left join acquisition_channels
        on combine_people.customer_id = acquisition_channels.customer_id
),

final as (
    select
        *,
        dense_rank() over (
            order by {{ segments | join(', ') if segments else 'true' }}
        ) as segment_key
    from describe_people
)

select * from final
