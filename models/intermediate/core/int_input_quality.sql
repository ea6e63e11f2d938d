-- One row per input, row status and reason: how many rows, which days, what amount.
-- Amounts are in the currency they were given in: they only have to add up.
{%- set amounts = {
    'transactions': 'original_amount', 'marketing_spend': 'original_amount',
} %}

with counted_rows as (
    {%- for input in input_contract() %}
    {{ 'union all' if not loop.first }}
    select
        '{{ input }}' as input_name,
        {{ 'true' if input_name(input) is none else 'false' }} as is_switched_off,
        row_status,
        status_reason,
        {{ as_count('count(*)') }} as row_count,
        cast(min(occurred_at) as date) as first_date,
        cast(max(occurred_at) as date) as last_date,
        max(loaded_at) as last_loaded_at,
        cast(coalesce(sum({{ amounts.get(input, '0') }}), 0) as {{ type_money() }})
            as original_amount
    from {{ ref('customer_journey', 'stg_' ~ input) }}
    group by row_status, status_reason
    {%- endfor %}
)

select
    input_name,
    is_switched_off,
    row_status,
    {{ as_text('status_reason') }} as status_reason,
    row_count,
    first_date,
    last_date,
    last_loaded_at,
    original_amount
from counted_rows
