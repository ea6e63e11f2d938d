-- One row per rejected row of an input, with the reason and what it held.
{%- set keys = {
    'transactions': 'transaction_id', 'touchpoints': 'touchpoint_id',
    'marketing_spend': 'marketing_spend_id', 'survey_responses': 'response_id',
    'customers': 'customer_id', 'identities': 'visitor_id',
    'exchange_rates': 'exchange_rate_id',
} %}

with rejected_rows as (
    {%- for input, key in keys.items() %}
    {{ 'union all' if not loop.first }}
    select
        '{{ input }}' as input_name,
        {{ key }} as row_key,
        status_reason as reject_reason,
        raw_values,
        occurred_at,
        loaded_at
    from {{ ref('customer_journey', 'stg_' ~ input) }}
    where row_status = 'rejected'
    {%- endfor %}
)

select
    input_name,
    row_key,
    reject_reason,
    raw_values,
    occurred_at,
    loaded_at
from rejected_rows
