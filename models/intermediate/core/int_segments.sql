-- One row per segment key and segment column: the value they all share.
-- A segment key is a combination of segment values that occurs. Every person has one,
-- so what is counted per key can be added up to any segment and to the total.

with customers as (
    select * from {{ ref('customer_journey', 'int_customers') }}
),

segment_keys as (
    select distinct
        {%- for name in segment_columns() %}
        {{ name }},
        {%- endfor %}
        segment_key
    from customers
    where first_event_at is not null
),

list_segments as (
    select
        segment_key,
        'all' as segment_column,
        'all' as segment_value
    from segment_keys
    union all
    select
        0 as segment_key,
        'all' as segment_column,
        'all' as segment_value
    {%- for name in segment_columns() %}
    union all
    select
        segment_key,
        '{{ name }}' as segment_column,
        coalesce({{ name }}, '(unknown)') as segment_value
    from segment_keys
    union all
    select
        0 as segment_key,
        '{{ name }}' as segment_column,
        '(guest)' as segment_value
    {%- endfor %}
)

select
    cast(segment_key as bigint) as segment_key,
    segment_column,
    segment_value
from list_segments
