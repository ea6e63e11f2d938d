-- One row per row of the transactions input: typed, converted, judged.
-- The only model that reads raw transactions.
-- depends on: {{ ref('customer_journey', 'stg_input_columns') }}
{%- set columns = input_columns('transactions') %}

with raw_transactions as (
    select {{ raw_columns(columns, 'transactions') }}
    from {{ input_relation('transactions') }}
),

exchange_rates as (
    select rate_date, currency as rate_currency, exchange_rate  -- noqa: LT09
    from {{ ref('customer_journey', 'stg_exchange_rates') }}
    where row_status = 'accepted'
),

parse_columns as (
    select
        *,
        {{ parse_text('transaction_id') }} as transaction_key,
        {{ parse_text('customer_id') }} as customer_key,
        {{ parse_text('original_transaction_id') }} as original_key,
        {{ parse_local_timestamp('occurred_at', columns.occurred_at) }} as local_time,
        {{ parse_local_timestamp('loaded_at', columns.loaded_at) }} as loaded_time,
        {{ parse_money('amount', columns.amount) }} as given_amount,
        {{ parse_money('cost', columns.cost) }} as given_cost,
        lower({{ parse_text('transaction_type') }}) as given_type,
        {{ parse_currency('currency') }} as currency_code
    from raw_transactions
),

-- A negative amount is a refund whatever it is called; a refund's amount is negative.
sign_amounts as (
    select
        *,
        cast(local_time as date) as local_date,
        case
            when given_type = 'refund' or given_amount < 0 then 'refund'
            when coalesce(given_type, 'purchase') = 'purchase' then 'purchase'
        end as signed_type,
        case when given_type = 'refund' then -abs(given_amount) else given_amount end
            as signed_amount
    from parse_columns
),

judge_rows as (
    select
        sign_amounts.*,
        {{ is_after_as_of('local_date') }} as is_after_as_of,
        coalesce(
            {{ missing_problem('transaction_key', 'transaction_id') }},
            {{ parse_problem('local_time', 'occurred_at', 'occurred_at') }},
            {{ date_problem('local_date', 'loaded_time') }},
            {{ parse_problem('given_amount', 'amount', 'amount') }},
            {{ unknown_problem('sign_amounts.signed_type', 'transaction_type') }}
        ) as row_problem,
        {{ rate_of_day('sign_amounts.currency_code', 'exchange_rates.exchange_rate') }}
            as day_rate
    from sign_amounts
    left join exchange_rates
        on
            sign_amounts.currency_code = exchange_rates.rate_currency
            and sign_amounts.local_date = exchange_rates.rate_date
),

-- Before the rows are sorted, so that no raw column has to be sorted with them.
keep_raw_values as (
    select
        *,
        {{ raw_values(
            columns, 'transactions', 'row_problem is not null or day_rate is null'
        ) }} as kept_values
    from judge_rows
),

apply_rates as (
    select
        *,
        {{ rate_of_row() }} as applied_rate
    from keep_raw_values
),

number_versions as (
    select
        *,
        coalesce(row_problem, {{ missing_problem('applied_rate', 'exchange_rate') }})
            as problem,
        row_number() over versions as version_number,
        {{ is_like_kept([
            'customer_key', 'local_time', 'signed_type', 'signed_amount',
            'currency_code', 'original_key', 'given_cost', 'sales_channel',
        ]) }} as is_exact_duplicate
    from apply_rates
    window versions as (
        partition by transaction_key, is_after_as_of, row_problem, applied_rate is null
        order by
            loaded_time desc nulls last, local_time desc, signed_amount desc,
            customer_key nulls last, currency_code,
            original_key nulls last, given_cost nulls last, sales_channel nulls last
    )
)

select
    transaction_key as transaction_id,
    customer_key as customer_id,
    local_time as occurred_at,
    local_date as occurred_date,
    signed_type as transaction_type,
    signed_amount as original_amount,
    currency_code as currency,
    applied_rate as exchange_rate,
    {{ as_converted('signed_amount', 'applied_rate') }} as amount,
    {{ as_converted('given_cost', 'applied_rate') }} as cost_amount,
    original_key as original_transaction_id,
    {{ parse_text('sales_channel') }} as sales_channel,
    loaded_time as loaded_at,
    {{ row_status() }} as row_status,
    {{ status_reason() }} as status_reason,
    case when problem is not null then kept_values end as raw_values
from number_versions
