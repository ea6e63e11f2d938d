-- One row per measure and channel or month in which the reports, or the counts of rows,
-- disagree with the raw marketing spend.
{%- set columns = input_columns('marketing_spend') %}
{%- set rate_columns = input_columns('exchange_rates') %}
{%- set rate_date = parse_local_timestamp('rate_date', rate_columns.rate_date) %}
{%- set rate = parse_rate('rate', rate_columns.rate) %}
{%- set is_once = var('marketing_spend_repeats') == 'reject' %}
{%- set reports = ['rpt_acquisition', 'rpt_attribution'] %}

with raw_marketing_spend as (
    select {{ raw_columns(columns, 'marketing_spend') }}
    from {{ input_relation('marketing_spend') }}
),

raw_exchange_rates as (
    select {{ raw_columns(rate_columns, 'exchange_rates') }}
    from {{ input_relation('exchange_rates') }}
),

local_days as (
    select * from {{ local_days() }}
),

rpt_acquisition as (
    select
        attribution_model,
        period_grain,
        period_start,
        channel,
        spend
    from {{ ref('customer_journey', 'rpt_acquisition') }}
    where campaign = 'all'
),

rpt_attribution as (
    select
        attribution_model,
        period_grain,
        period_start,
        channel,
        spend
    from {{ ref('customer_journey', 'rpt_attribution') }}
    where conversion_type = 'all'
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
),

input_quality as (
    select * from {{ ref('customer_journey', 'rpt_input_quality') }}
    where input_name = 'marketing_spend'
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
        {{ raw_moment('spend_date', columns.spend_date) }} as moment,
        {{ is_whole_day('spend_date', columns.spend_date) }} as is_whole_day,
        {{ parse_text('channel') }} as channel_name,
        {{ parse_text('campaign') }} as campaign_name,
        {{ parse_money('amount', columns.amount) }} as given_amount,
        {{ parse_currency('currency') }} as currency_code
    from raw_marketing_spend
    {{ computed_once() }}  -- noqa: PRS
),

date_rows as (
    select
        read_rows.*,
        {{ local_date('read_rows.moment', 'read_rows.is_whole_day') }} as local_date
    from read_rows
    left join local_days on cast(read_rows.moment as date) = local_days.calendar_date
    {{ computed_once() }}  -- noqa: PRS
),

judge_rows as (
    select
        date_rows.*,
        {{ as_double('date_rows.given_amount') }} * {{ as_double(
            rate_of_day('date_rows.currency_code', 'find_rates.highest_rate')
        ) }} as amount,
        coalesce(
            date_rows.channel_name is not null
            and {{ reserved_problem('date_rows.channel_name', 'channel') }} is null
            and {{ reserved_problem('date_rows.campaign_name', 'campaign') }} is null
            and {{ is_possible_date('date_rows.local_date') }}
            and date_rows.given_amount >= 0
            and {{ rate_of_day('date_rows.currency_code', 'find_rates.highest_rate') }}
            is not null,
            false
        ) as is_readable
    from date_rows
    left join find_rates
        on
            date_rows.currency_code = find_rates.rate_currency
            and date_rows.local_date = find_rates.rate_date
    where not {{ is_after_as_of('date_rows.local_date') }}
),

-- Named again, a day, channel and campaign are a second invoice, or a mistake.
sum_repeats as (
    select
        local_date,
        channel_name as channel,
        {{ 'max' if is_once else 'sum' }}(amount) as spend,
        {{ '1' if is_once else 'count(*)' }} as accepted_rows,
        0.0001 * count(*) as rounding
    from judge_rows
    where is_readable
    group by local_date, channel_name, campaign_name
),

sum_channels as (
    select
        channel,
        sum(spend) as spend,
        sum(rounding) as rounding
    from sum_repeats
    group by channel
),

-- One of the two has a total of its own.
list_rpt_acquisition as (
    select * from sum_channels
    union all
    select
        'all' as channel,
        sum(spend) as spend,
        sum(rounding) as rounding
    from sum_channels
),

list_rpt_attribution as (
    select * from sum_channels
),

sum_months as (
    select
        cast({{ dbt.date_trunc('month', 'local_date') }} as date) as month_start,
        sum(spend) as spend,
        sum(rounding) as rounding
    from sum_repeats
    group by cast({{ dbt.date_trunc('month', 'local_date') }} as date)
),

count_rows as (
    select
        count(*) as all_rows,
        coalesce((select sum(sum_repeats.accepted_rows) from sum_repeats), 0)
            as accepted_rows
    from judge_rows
),

grains as (
    select distinct period_grain
    from periods
),

list_values as (
    {%- for report in reports %}
    {%- for model in attribution_models() %}
    select
        '{{ report }}.spend of ' || channels.channel || ' by {{ model }} and '
        || grains.period_grain as measure,
        cast(null as date) as month_start,
        channels.spend as expected,
        0 as found,
        channels.rounding
    from list_{{ report }} as channels
    cross join grains
    union all
    {%- endfor %}
    select
        '{{ report }}.spend of ' || channel || ' by ' || attribution_model || ' and '
        || period_grain as measure,
        cast(null as date) as month_start,
        0 as expected,
        {{ as_double('spend') }} as found,
        0 as rounding
    from {{ report }}
    union all
    select
        '{{ report }}.spend' as measure,
        month_start,
        spend as expected,
        0 as found,
        rounding
    from sum_months
    where exists (select 1 from grains where grains.period_grain = 'month')
    union all
    select
        '{{ report }}.spend' as measure,
        period_start as month_start,
        0 as expected,
        {{ as_double('spend') }} as found,
        0 as rounding
    from {{ report }}
    where
        period_grain = 'month'
        and attribution_model = '{{ attribution_models()[0] }}'
        and channel <> 'all'
    union all
    {%- endfor %}
    {%- for status, count in {
        'accepted': 'accepted_rows', 'rejected': 'all_rows - accepted_rows',
    }.items() %}
    select
        '{{ status }} rows' as measure,
        cast(null as date) as month_start,
        {{ as_double(count) }} as expected,
        0 as found,
        0 as rounding
    from count_rows
    union all
    {%- endfor %}
    select
        row_status || ' rows' as measure,
        cast(null as date) as month_start,
        0 as expected,
        {{ as_double('row_count') }} as found,
        0 as rounding
    from input_quality
)

select
    measure,
    substr({{ as_text('month_start') }}, 1, 7) as period,
    coalesce(sum(expected), 0) as expected,
    coalesce(sum(found), 0) as found
from list_values
group by measure, month_start
having {{ disagrees('sum(rounding)') }}
