-- One row per row of the marketing_spend input: typed, converted, judged.
-- A day, channel and campaign named again are a second invoice, or with the variable
-- marketing_spend_repeats a mistake; they are counted apart either way.
-- depends on: {{ ref('customer_journey', 'stg_input_columns') }}
{%- set columns = input_columns('marketing_spend') %}
{%- set repeated = "'repeated_day_channel_campaign'" %}

with raw_marketing_spend as (
    select {{ raw_columns(columns, 'marketing_spend') }}
    from {{ input_relation('marketing_spend') }}
),

exchange_rates as (
    select rate_date, currency as rate_currency, exchange_rate  -- noqa: LT09
    from {{ ref('customer_journey', 'stg_exchange_rates') }}
    where row_status = 'accepted'
),

parse_columns as (
    select
        *,
        cast({{ parse_local_timestamp('spend_date', columns.spend_date) }} as date)
            as parsed_date,
        {{ parse_text('channel') }} as channel_name,
        {{ parse_text('campaign') }} as campaign_name,
        {{ parse_money('amount', columns.amount) }} as given_amount,
        {{ parse_currency('currency') }} as currency_code
    from raw_marketing_spend
),

judge_rows as (
    select
        parse_columns.*,
        {{ rate_of_day('parse_columns.currency_code', 'exchange_rates.exchange_rate') }}
            as applied_rate,
        {{ is_after_as_of('parsed_date') }} as is_after_as_of,
        coalesce(
            {{ parse_problem('parsed_date', 'spend_date', 'spend_date') }},
            {{ date_problem('parsed_date') }},
            {{ missing_problem('channel_name', 'channel') }},
            {{ reserved_problem('channel_name', 'channel') }},
            {{ reserved_problem('campaign_name', 'campaign') }},
            {{ parse_problem('given_amount', 'amount', 'amount') }},
            case when parse_columns.given_amount < 0 then 'negative_amount' end,
            {{ missing_problem(
                rate_of_day('parse_columns.currency_code', 'exchange_rates.exchange_rate'),
                'exchange_rate'
            ) }}
        ) as own_problem
    from parse_columns
    left join exchange_rates
        on
            parse_columns.currency_code = exchange_rates.rate_currency
            and parse_columns.parsed_date = exchange_rates.rate_date
),

-- Of those that name one day, channel and campaign the highest amount comes first.
find_repeats as (
    select
        *,
        own_problem is null and row_number() over (
            partition by
                parsed_date, channel_name, campaign_name, own_problem, is_after_as_of
            order by
                {{ as_converted('given_amount', 'applied_rate') }} desc,
                {{ as_text('amount') }},
                {{ as_text('currency') }}
        ) > 1 as is_repeated
    from judge_rows
),

judge_repeats as (
    select
        *,
        1 as version_number,
        false as is_exact_duplicate,
        case
            when is_repeated and '{{ var("marketing_spend_repeats") }}' = 'reject'
                then {{ repeated }}
            else own_problem
        end as problem
    from find_repeats
),

final as (
    select
        {{ as_text('parsed_date') }} || ' ' || channel_name as marketing_spend_id,
        parsed_date as spend_date,
        channel_name as channel,
        campaign_name as campaign,
        given_amount as original_amount,
        currency_code as currency,
        {{ as_converted('given_amount', 'applied_rate') }} as amount,
        cast(parsed_date as timestamp) as occurred_at,
        cast(null as timestamp) as loaded_at,
        {{ row_status() }} as row_status,
        coalesce(
            {{ status_reason() }},
            case when is_repeated and not is_after_as_of then {{ repeated }} end
        ) as status_reason,
        {{ raw_values(columns, 'marketing_spend') }} as raw_values
    from judge_repeats
)

select * from final
