-- One row per row of the customers input: typed and judged.
-- depends on: {{ ref('customer_journey', 'stg_input_columns') }}
{%- set columns = input_columns('customers') %}

with raw_customers as (
    select {{ raw_columns(columns, 'customers') }}
    from {{ input_relation('customers') }}
),

parse_columns as (
    select
        *,
        {{ parse_text('customer_id') }} as customer_key,
        {{ parse_local_timestamp('created_at', columns.created_at) }} as created_time
    from raw_customers
),

judge_rows as (
    select
        *,
        {{ is_after_as_of('cast(created_time as date)') }} as is_after_as_of,
        coalesce(
            {{ missing_problem('customer_key', 'customer_id') }},
            case
                when created_time is null and {{ parse_text('created_at') }} is not null
                    then 'unparseable_created_at'
            end,
            {{ date_problem('cast(created_time as date)') }}
        ) as problem
    from parse_columns
),

number_versions as (
    select
        *,
        row_number() over versions as version_number,
        {{ is_like_kept(['created_time'] + customer_segment_columns()) }} as is_exact_duplicate
    from judge_rows
    window versions as (
        partition by customer_key, is_after_as_of, problem
        order by
            created_time desc nulls last
            {%- for name in customer_segment_columns() %},
            {{ name }} nulls last
            {%- endfor %}
    )
),

final as (
    select
        customer_key as customer_id,
        created_time as created_at,
        {%- for name in customer_segment_columns() %}
        {{ parse_text(name) }} as {{ name }},
        {%- endfor %}
        created_time as occurred_at,
        cast(null as timestamp) as loaded_at,
        {{ row_status() }} as row_status,
        {{ status_reason() }} as status_reason,
        {{ raw_values(columns, 'customers') }} as raw_values
    from number_versions
)

select * from final
