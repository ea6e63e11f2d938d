-- One row per measure and month in which the events, or the counts of rows, disagree
-- with the raw transactions.
-- Only rows that can supersede or revalue another are looked at one by one: those that
-- share a key, refunds, and purchases that a refund names. The others are added up per
-- customer and month straight away.
{%- set columns = input_columns('transactions') %}
{%- set rate_columns = input_columns('exchange_rates') %}
{%- set rate_date = parse_local_timestamp('rate_date', rate_columns.rate_date) %}
{%- set rate = parse_rate('rate', rate_columns.rate) %}
{%- set money = ['gross_revenue', 'refund_amount', 'guest_revenue'] %}
{%- set measures = money + ['orders', 'guest_orders', 'customers'] %}

with raw_keys as (
    select
        {{ parse_text('transaction_id') }} as transaction_key,
        {{ parse_text(raw_column(columns, 'original_transaction_id')) }} as original_key
    from {{ input_relation('transactions') }}
),

raw_transactions as (
    select {{ raw_columns(columns, 'transactions') }}
    from {{ input_relation('transactions') }}
),

raw_exchange_rates as (
    select {{ raw_columns(rate_columns, 'exchange_rates') }}
    from {{ input_relation('exchange_rates') }}
),

local_days as (
    select * from {{ local_days() }}
),

journey_events as (
    select * from {{ ref('customer_journey', 'fct_journey_events') }}
    where event_type in ('purchase', 'refund')
),

input_quality as (
    select * from {{ ref('customer_journey', 'rpt_input_quality') }}
    where input_name = 'transactions'
),

sides as (
    select 'key' as side
    union all
    select 'original' as side
),

list_keys as (
    select
        case
            when sides.side = 'key' then raw_keys.transaction_key
            else raw_keys.original_key
        end as named_key
    from raw_keys
    cross join sides
),

find_shared_keys as (
    select named_key as shared_key
    from list_keys
    where named_key is not null
    group by named_key
    having count(*) > 1
),

find_rates as (
    select
        cast({{ rate_date }} as date) as rate_date,
        upper({{ parse_text('currency') }}) as rate_currency,
        max({{ rate }}) as highest_rate
    from raw_exchange_rates
    group by cast({{ rate_date }} as date), upper({{ parse_text('currency') }})
    having max({{ rate }}) > 0
),

read_rows as (
    select
        {{ parse_text('transaction_id') }} as transaction_key,
        {{ parse_text('customer_id') }} as customer_key,
        {{ parse_text('original_transaction_id') }} as original_key,
        occurred_at,
        {{ raw_moment('occurred_at', columns.occurred_at) }} as moment,
        {{ is_whole_day('occurred_at', columns.occurred_at) }} as is_whole_day,
        {{ parse_local_timestamp('loaded_at', columns.loaded_at) }} as loaded_time,
        {{ parse_money('amount', columns.amount) }} as given_amount,
        lower({{ parse_text('transaction_type') }}) as given_type,
        {{ parse_currency('currency') }} as currency_code
    from raw_transactions
    {{ computed_once() }}  -- noqa: PRS,LT02
),

date_rows as (
    select
        read_rows.*,
        {{ local_date('read_rows.moment', 'read_rows.is_whole_day') }} as local_date,
        case
            when read_rows.given_type = 'refund' or read_rows.given_amount < 0
                then 'refund'
            when coalesce(read_rows.given_type, 'purchase') = 'purchase' then 'purchase'
        end as signed_type,
        case
            when read_rows.given_type = 'refund' then -abs(read_rows.given_amount)
            else read_rows.given_amount
        end as signed_amount
    from read_rows
    left join local_days on cast(read_rows.moment as date) = local_days.calendar_date
    {{ computed_once() }}  -- noqa: PRS
),

judge_rows as (
    select
        date_rows.*,
        {{ rate_of_day('date_rows.currency_code', 'find_rates.highest_rate') }}
            as day_rate,
        coalesce(
            date_rows.transaction_key is not null
            and date_rows.signed_amount is not null
            and date_rows.signed_type is not null
            and {{ is_possible_date('date_rows.local_date', 'date_rows.loaded_time') }},
            false
        ) as is_readable,
        case
            when
                find_shared_keys.shared_key is not null
                or date_rows.original_key is not null
                or date_rows.signed_type = 'refund'
                then date_rows.transaction_key
        end as own_key
    from date_rows
    left join find_shared_keys
        on date_rows.transaction_key = find_shared_keys.shared_key
    left join find_rates
        on
            date_rows.currency_code = find_rates.rate_currency
            and date_rows.local_date = find_rates.rate_date
    where not {{ is_after_as_of('date_rows.local_date') }}
),

single_out_rows as (
    select
        *,
        {{ parse_local_timestamp('occurred_at', columns.occurred_at) }} as local_time
    from judge_rows
    where own_key is not null
),

-- A refund on a day without a rate takes the highest of what it takes back.
rate_own_rows as (
    select
        *,
        case
            when signed_type = 'purchase' or day_rate is not null then day_rate
            else
                max(case
                    when signed_type = 'purchase' and is_readable then day_rate
                end) over (
                    partition by coalesce(original_key, own_key), currency_code
                )
        end as applied_rate
    from single_out_rows
),

number_versions as (
    select
        *,
        row_number() over (
            partition by own_key
            order by
                loaded_time desc nulls last, local_time desc, signed_amount desc,
                customer_key nulls last, currency_code, original_key nulls last
        ) as version_number
    from rate_own_rows
    where is_readable and applied_rate is not null
),

keep_versions as (
    select * from number_versions
    where version_number = 1
),

-- A refund belongs to its purchase's customer and is worth what that was.
value_versions as (
    select
        coalesce(versions.customer_key, purchases.customer_key) as customer_key,
        versions.local_date,
        versions.signed_type,
        versions.signed_amount,
        case
            when versions.currency_code = purchases.currency_code
                then purchases.applied_rate
            else versions.applied_rate
        end as applied_rate
    from keep_versions as versions
    left join keep_versions as purchases
        on
            versions.signed_type = 'refund'
            and versions.original_key = purchases.own_key
            and purchases.signed_type = 'purchase'
),

list_accepted as (
    select
        customer_key,
        local_date,
        signed_type,
        signed_amount,
        applied_rate
    from value_versions
    union all
    select
        customer_key,
        local_date,
        signed_type,
        signed_amount,
        day_rate as applied_rate
    from judge_rows
    where own_key is null and is_readable and day_rate is not null
),

convert_amounts as (
    select
        customer_key,
        cast({{ dbt.date_trunc('month', 'local_date') }} as date) as month_start,
        case when signed_type = 'purchase' then 1 else 0 end as orders,
        {{ as_double('signed_amount') }} * {{ as_double('applied_rate') }} as amount,
        case when applied_rate = 1 then 0 else 0.0001 end as rounding
    from list_accepted
),

sum_months as (
    select
        month_start,
        sum(orders) as orders,
        sum(case when orders = 1 then amount else 0 end) as gross_revenue,
        sum(case when orders = 0 then amount else 0 end) as refund_amount,
        sum(case when customer_key is null then orders else 0 end) as guest_orders,
        sum(case when customer_key is null then amount else 0 end) as guest_revenue,
        count(distinct case when orders = 1 then customer_key end) as customers,
        count(*) as accepted_rows,
        sum(rounding) as rounding
    from convert_amounts
    group by month_start
),

sum_events as (
    select
        cast({{ dbt.date_trunc('month', 'occurred_date') }} as date) as month_start,
        sum(case when event_type = 'purchase' then 1 else 0 end) as orders,
        sum(case when event_type = 'purchase' then amount else 0 end) as gross_revenue,
        sum(case when event_type = 'refund' then amount else 0 end) as refund_amount,
        sum(case when event_type = 'purchase' and customer_id is null then 1 else 0 end)
            as guest_orders,
        sum(case when customer_id is null then amount else 0 end) as guest_revenue,
        count(distinct case when event_type = 'purchase' then customer_id end)
            as customers
    from journey_events
    group by cast({{ dbt.date_trunc('month', 'occurred_date') }} as date)
),

-- What was read and is neither accepted nor rejected is another version.
count_rows as (
    select
        count(*) as all_rows,
        sum(case
            when own_key is not null or (is_readable and day_rate is not null) then 0
            else 1
        end) as rejected_rows
    from judge_rows
    union all
    select
        0 as all_rows,
        sum(case when is_readable and applied_rate is not null then 0 else 1 end)
            as rejected_rows
    from rate_own_rows
),

measures as (
    {%- for measure in measures + ['accepted rows', 'merged rows', 'rejected rows'] %}
    {{ 'union all' if not loop.first }}
    select
        '{{ measure }}' as measure,
        {{ 'true' if measure in money else 'false' }} as is_money
    {%- endfor %}
),

list_values as (
    select
        measures.measure,
        case when measures.measure not like '% rows' then sum_months.month_start end
            as month_start,
        case measures.measure
            when 'accepted rows' then sum_months.accepted_rows
            when 'merged rows' then -sum_months.accepted_rows
            {%- for measure in measures %}
            when '{{ measure }}' then {{ as_double('sum_months.' ~ measure) }}
            {%- endfor %}
        end as expected,
        0 as found,
        case when measures.is_money then sum_months.rounding else 0 end as rounding
    from sum_months
    cross join measures
    union all
    select
        measures.measure,
        cast(null as date) as month_start,
        case measures.measure
            when 'rejected rows' then count_rows.rejected_rows
            when 'merged rows' then count_rows.all_rows - count_rows.rejected_rows
        end as expected,
        0 as found,
        0 as rounding
    from count_rows
    cross join measures
    union all
    select
        measures.measure,
        sum_events.month_start,
        0 as expected,
        case measures.measure
            {%- for measure in measures %}
            when '{{ measure }}' then {{ as_double('sum_events.' ~ measure) }}
            {%- endfor %}
        end as found,
        0 as rounding
    from sum_events
    cross join measures
    union all
    select
        row_status || ' rows' as measure,
        cast(null as date) as month_start,
        0 as expected,
        row_count as found,
        0 as rounding
    from input_quality
)

select
    measure,
    substr({{ as_text('month_start') }}, 1, 7) as period,
    {{ as_double('sum(coalesce(expected, 0))') }} as expected,
    {{ as_double('sum(coalesce(found, 0))') }} as found
from list_values
group by measure, month_start
having {{ disagrees('sum(rounding)') }}
