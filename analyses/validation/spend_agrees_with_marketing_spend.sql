-- One row per measure and channel or month in which the reports, or the counts of rows,
-- disagree with the raw marketing spend.
{%- set columns = input_columns('marketing_spend') %}
{%- set rate_columns = input_columns('exchange_rates') %}
{%- set rate_date = parse_local_timestamp('rate_date', rate_columns.rate_date) %}
{%- set rate = parse_rate('rate', rate_columns.rate) %}
{%- set is_once = var('marketing_spend_repeats') == 'reject' %}

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

reports as (
    select
        'rpt_acquisition' as report,
        attribution_model,
        period_grain,
        period_start,
        channel,
        spend
    from {{ ref('customer_journey', 'rpt_acquisition') }}
    where campaign = 'all'
    union all
    select
        'rpt_attribution' as report,
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
    {{ computed_once() }}  -- noqa: PRS,LT02
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

sum_months as (
    select
        cast({{ dbt.date_trunc('month', 'local_date') }} as date) as month_start,
        channel,
        sum(spend) as spend,
        sum(accepted_rows) as accepted_rows,
        sum(rounding) as rounding
    from sum_repeats
    group by cast({{ dbt.date_trunc('month', 'local_date') }} as date), channel
),

-- Every report has all of the spend in every model and grain; one has totals, too.
places as (
    {%- for report in ['rpt_acquisition', 'rpt_attribution'] %}
    {%- for model in attribution_models() %}
    {{ 'union all' if not (loop.first and report == 'rpt_acquisition') }}
    select
        '{{ report }}' as report,
        '{{ model }}' as attribution_model
    {%- endfor %}
    {%- endfor %}
),

levels as (
    select 'channel' as level
    union all
    select 'all' as level
    union all
    select 'month' as level
),

grains as (
    select distinct period_grain
    from periods
),

list_levels as (
    select
        places.report,
        places.attribution_model,
        grains.period_grain,
        levels.level,
        case when levels.level = 'month' then sum_months.month_start end as month_start,
        case when levels.level = 'channel' then sum_months.channel else 'all' end
            as channel,
        sum_months.spend as expected,
        0 as found,
        sum_months.rounding
    from sum_months
    cross join places
    cross join grains
    cross join levels
    union all
    select
        reports.report,
        reports.attribution_model,
        reports.period_grain,
        levels.level,
        case when levels.level = 'month' then reports.period_start end as month_start,
        case when levels.level = 'month' then 'all' else reports.channel end as channel,
        0 as expected,
        {{ as_double('reports.spend') }} as found,
        0 as rounding
    from reports
    inner join levels
        on
            (levels.level = 'all' and reports.channel = 'all')
            or (levels.level <> 'all' and reports.channel <> 'all')
),

list_values as (
    select
        report || '.spend'
        || case when channel <> 'all' then ' of ' || channel else '' end
        || ' by ' || attribution_model || ' and ' || period_grain as measure,
        month_start,
        expected,
        found,
        rounding
    from list_levels
    where
        (level <> 'month' or period_grain = 'month')
        and (level <> 'all' or report = 'rpt_acquisition')
    union all
    select
        'accepted rows' as measure,
        cast(null as date) as month_start,
        accepted_rows as expected,
        0 as found,
        0 as rounding
    from sum_months
    union all
    select
        'rejected rows' as measure,
        cast(null as date) as month_start,
        -accepted_rows as expected,
        0 as found,
        0 as rounding
    from sum_months
    union all
    select
        'rejected rows' as measure,
        cast(null as date) as month_start,
        count(*) as expected,
        0 as found,
        0 as rounding
    from judge_rows
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
