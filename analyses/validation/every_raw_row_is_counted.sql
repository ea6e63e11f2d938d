-- One row per input whose raw rows are not all told of: accepted, merged, rejected, or
-- later than the as-of date that was asked for; or whose rejected rows are not listed.

with raw_counts as (
    {%- for input in input_contract() %}
    {{ 'union all' if not loop.first }}
    select '{{ input }}' as input_name, count(*) as row_count
    from {{ input_relation(input) }}
    {%- endfor %}
),

input_quality as (
    select * from {{ ref('customer_journey', 'int_input_quality') }}
),

rejected_rows as (
    select * from {{ ref('customer_journey', 'fct_rejected_rows') }}
),

list_values as (
    select
        'rows of ' || input_name as measure,
        row_count as expected,
        0 as found
    from raw_counts
    union all
    select
        'rows of ' || input_name as measure,
        0 as expected,
        row_count as found
    from input_quality
    union all
    select
        'rejected rows of ' || input_name as measure,
        row_count as expected,
        0 as found
    from input_quality
    where row_status = 'rejected'
    union all
    select
        'rejected rows of ' || input_name as measure,
        0 as expected,
        1 as found
    from rejected_rows
)

select
    measure,
    {{ as_text('null') }} as period,
    {{ as_double('sum(expected)') }} as expected,
    {{ as_double('sum(found)') }} as found
from list_values
group by measure
having {{ disagrees() }}
