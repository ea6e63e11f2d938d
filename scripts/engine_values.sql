{#-
    One row per text: what the macros that differ from engine to engine make of it.
    Built on every engine beside the models and compared like one of their tables.
    The texts are a table, for an engine may work out constants before it runs a query.
-#}
{%- set edge_texts = [
    '2024-02-29', '2024-02-30', '2023-02-29', '2024-13-01', '20240201', '0000-01-01',
    '9999-11-30', '2024-01-31', '2024-03-03', '2024-02-29T23:59:59+05:30',
    '2024-02-01T04:30:00Z', '2024-02-30T12:00:00Z', '2024-03-10 06:59:59',
    '2024-03-10T07:00Z', '2024-11-03T05:30:00+00', '2024-11-03T06:30:00-0000',
    '2024-01-01T12:00:00.5Z', '2024-01-01T12:00:00.123456789Z',
    '2024-01-01T24:00:00Z', '2024-01-01T12:00:60Z', '2024-01-01T12', '', '  ',
    ' 12 ', '12.5', '12,5', '1e3', '.5', '-.5', '5.', '.', '+7', '--7', 'NaN',
    'Infinity', '1.00005', '-1.00005', '1.00004999', '0.000000005',
    '9999999999.5', '99999999999999.9999', '99999999999999.99995', '123456789012345',
    'None', 'all', 'All', '(none)', '(visits) store', '(visits)store', '(VISITS) store',
] %}
with texts as (
    select given
    from (values {% for text in edge_texts -%}
        ('{{ text }}'){{ ', ' if not loop.last }}
    {%- endfor %}, ('7' || chr(10)), (null)) as edge_texts (given)
),

parse_texts as (
    select
        given,
        {{ customer_journey.parse_local_timestamp('given', 'text') }} as local_time,
        {{ customer_journey.as_money(customer_journey.parse_money('given', 'text')) }}
            as money,
        cast({{ customer_journey.parse_rate('given', 'text') }} as decimal(18, 8))
            as rate
    from texts
),

date_times as (
    select
        *,
        cast(local_time as date) as local_date
    from parse_texts
)

select
    given,
    local_time,
    money,
    rate,
    {{ customer_journey.as_text('local_date') }} as date_text,
    {{ customer_journey.as_text('money') }} as money_text,
    {{ customer_journey.parse_text('given') }} as trimmed,
    {{ customer_journey.reserved_problem('given', 'channel') }} as name_problem,
    {{ customer_journey.parse_local_timestamp('local_time', 'timestamp') }} as from_utc,
    {{ customer_journey.parse_local_timestamp('local_date', 'date') }} as from_date,
    {{ customer_journey.as_money(
        customer_journey.parse_money(customer_journey.as_double('money'), 'double')
    ) }} as money_from_double,
    {{ customer_journey.add_months('local_date', 1) }} as next_month,
    {{ customer_journey.add_days('local_date', -1) }} as day_before,
    {{ customer_journey.days_between("cast('2024-01-01' as date)", 'local_date') }}
        as day_number,
    {{ customer_journey.add_days(
        customer_journey.week_anchor(),
        '7 * floor('
        ~ customer_journey.days_between(customer_journey.week_anchor(), 'local_date')
        ~ ' / 7.0)'
    ) }} as week_start,
    {{ customer_journey.ratio('money', 'money - 12') }} as quotient,
    {{ customer_journey.wilson_lower('money', '12') }} as interval_start
from date_times
