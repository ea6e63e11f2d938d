-- One row per input, measure and period grain: what became of the raw rows' value.
{%- set event_inputs = "'transactions', 'touchpoints', 'survey_responses'" %}

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

journey_events as (
    select * from {{ ref('customer_journey', 'int_journey_events') }}
),

purchases as (
    select
        count(*) as orders,
        coalesce(sum(amount), 0) as gross_revenue
    from {{ ref('customer_journey', 'stg_transactions') }}
    where row_status = 'accepted' and transaction_type = 'purchase'
),

growth as (
    select
        period_grain,
        sum(orders) as orders,
        sum(gross_revenue) as gross_revenue
    from {{ ref('customer_journey', 'rpt_growth') }} where segment_column = 'all'
    group by period_grain
),

sum_statuses as (
    select
        input_name,
        {%- for status in ['accepted', 'merged', 'rejected', 'after_as_of'] %}
        sum(case when row_status = '{{ status }}' then row_count else 0 end)
            as {{ status }}_rows,
        sum(case when row_status = '{{ status }}' then original_amount else 0 end)
            as {{ status }}_amount,
        {%- endfor %}
        sum(original_amount) as raw_amount
    from input_quality
    group by input_name
),

count_events as (
    select
        case event_type
            when 'touchpoint' then 'touchpoints'
            when 'survey_response' then 'survey_responses'
            else 'transactions'
        end as input_name,
        count(*) as event_count
    from journey_events
    group by input_name
),

list_measures as (
    select
        raw_counts.input_name,
        'rows' as measure,
        'all' as period_grain,
        raw_counts.row_count - coalesce(sum_statuses.after_as_of_rows, 0) as raw_value,
        coalesce(sum_statuses.accepted_rows, 0) as accepted_value,
        coalesce(sum_statuses.merged_rows, 0) as merged_value,
        coalesce(sum_statuses.rejected_rows, 0) as rejected_value,
        case
            when raw_counts.input_name in ({{ event_inputs }})
                then coalesce(count_events.event_count, 0)
        end as mart_value
    from raw_counts
    left join sum_statuses on raw_counts.input_name = sum_statuses.input_name
    left join count_events on raw_counts.input_name = count_events.input_name
    union all
    select
        input_name,
        'original_amount' as measure,
        'all' as period_grain,
        raw_amount - after_as_of_amount as raw_value,
        accepted_amount as accepted_value,
        merged_amount as merged_value,
        rejected_amount as rejected_value,
        null as mart_value
    from sum_statuses
    where input_name in ('transactions', 'marketing_spend')
    {%- for measure in ['orders', 'gross_revenue'] %}
    union all
    select
        'transactions' as input_name,
        '{{ measure }}' as measure,
        growth.period_grain,
        null as raw_value,
        purchases.{{ measure }} as accepted_value,
        null as merged_value,
        null as rejected_value,
        growth.{{ measure }} as mart_value
    from growth
    cross join purchases
    {%- endfor %}
)

select
    input_name,
    measure,
    period_grain,
    {{ as_money('raw_value') }} as raw_value,
    {{ as_money('accepted_value') }} as accepted_value,
    {{ as_money('merged_value') }} as merged_value,
    {{ as_money('rejected_value') }} as rejected_value,
    {{ as_money('mart_value') }} as mart_value,
    {{ as_money(
        'coalesce(abs(raw_value - accepted_value - merged_value - rejected_value), 0)'
        ~ ' + coalesce(abs(accepted_value - mart_value), 0)'
    ) }} as difference
from list_measures
