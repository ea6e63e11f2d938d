-- One row per row of the identities input: typed and judged.
-- depends on: {{ ref('customer_journey', 'stg_input_columns') }}
{%- set columns = input_columns('identities') %}

with raw_identities as (
    select {{ raw_columns(columns, 'identities') }}
    from {{ input_relation('identities') }}
),

judge_rows as (
    select
        *,
        {{ parse_text('visitor_id') }} as visitor_key,
        {{ parse_text('customer_id') }} as customer_key,
        false as is_after_as_of,
        coalesce(
            {{ missing_problem(parse_text('visitor_id'), 'visitor_id') }},
            {{ missing_problem(parse_text('customer_id'), 'customer_id') }}
        ) as problem
    from raw_identities
),

number_versions as (
    select
        *,
        row_number() over versions as version_number,
        {{ is_like_kept(['customer_key']) }} as is_exact_duplicate
    from judge_rows
    window versions as (partition by visitor_key, problem order by customer_key)
),

final as (
    select
        visitor_key as visitor_id,
        customer_key as customer_id,
        cast(null as timestamp) as occurred_at,
        cast(null as timestamp) as loaded_at,
        {{ row_status() }} as row_status,
        {{ status_reason() }} as status_reason,
        {{ raw_values(columns, 'identities') }} as raw_values
    from number_versions
)

select * from final
