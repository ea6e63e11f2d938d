-- One row per row of the exchange_rates input: typed and judged.
-- depends on: {{ ref('customer_journey', 'stg_input_columns') }}
{%- set columns = input_columns('exchange_rates') %}

with raw_exchange_rates as (
    select {{ raw_columns(columns, 'exchange_rates') }}
    from {{ input_relation('exchange_rates') }}
),

parse_columns as (
    select
        *,
        cast({{ parse_local_timestamp('rate_date', columns.rate_date) }} as date)
            as parsed_date,
        upper({{ parse_text('currency') }}) as currency_code,
        {{ parse_rate('rate', columns.rate) }} as parsed_rate
    from raw_exchange_rates
),

judge_rows as (
    select
        *,
        {{ is_after_as_of('parsed_date') }} as is_after_as_of,
        coalesce(
            {{ parse_problem('parsed_date', 'rate_date', 'rate_date') }},
            {{ date_problem('parsed_date') }},
            {{ missing_problem('currency_code', 'currency') }},
            {{ parse_problem('parsed_rate', 'rate', 'rate') }},
            case when parsed_rate <= 0 then 'non_positive_rate' end
        ) as problem
    from parse_columns
),

number_versions as (
    select
        *,
        row_number() over (
            partition by parsed_date, currency_code, is_after_as_of, problem
            order by parsed_rate desc
        ) as version_number,
        max(parsed_rate) over (
            partition by parsed_date, currency_code, is_after_as_of, problem
        ) = parsed_rate as is_exact_duplicate
    from judge_rows
),

final as (
    select
        {{ as_text('parsed_date') }} || ' ' || currency_code as exchange_rate_id,
        parsed_date as rate_date,
        currency_code as currency,
        parsed_rate as exchange_rate,
        cast(parsed_date as timestamp) as occurred_at,
        cast(null as timestamp) as loaded_at,
        {{ row_status() }} as row_status,
        {{ status_reason() }} as status_reason,
        {{ raw_values(columns, 'exchange_rates') }} as raw_values
    from number_versions
)

select * from final
