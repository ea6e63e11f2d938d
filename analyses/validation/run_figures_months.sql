-- One row per figure and month that is over. What rests on less than a small sample is
-- null: one order more or less would be a large change.

with growth as (
    select * from {{ ref('customer_journey', 'rpt_growth') }}
    where segment_column = 'all' and period_grain = 'month' and is_complete
),

attribution as (
    select * from {{ ref('customer_journey', 'rpt_acquisition') }}
    where
        attribution_model = 'last'
        and channel = 'all'
        and period_grain = 'month'
        and is_complete
),

journey_events as (
    select
        event_type,
        cast({{ dbt.date_trunc('month', 'occurred_date') }} as date) as month_start
    from {{ ref('customer_journey', 'fct_journey_events') }}
    where event_type in ('touchpoint', 'survey_response')
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
    where period_grain = 'month' and is_complete
),

count_events as (
    select
        event_type,
        month_start,
        count(*) as event_count
    from journey_events
    group by event_type, month_start
),

list_figures as (
    select
        'orders' as figure,
        'rpt_growth' as table_name,
        period_start as month_start,
        {{ as_double('orders') }} as figure_value,
        orders as sample_size
    from growth
    union all
    select
        'net_revenue' as figure,
        'rpt_growth' as table_name,
        period_start as month_start,
        {{ as_double('net_revenue') }} as figure_value,
        orders as sample_size
    from growth
    union all
    select
        'spend' as figure,
        'rpt_acquisition' as table_name,
        period_start as month_start,
        {{ as_double('nullif(spend, 0)') }} as figure_value,
        {{ var('small_sample_size') }} as sample_size
    from attribution
    union all
    select
        case count_events.event_type
            when 'touchpoint' then 'touches'
            else 'answers'
        end as figure,
        'fct_journey_events' as table_name,
        count_events.month_start,
        {{ as_double('count_events.event_count') }} as figure_value,
        count_events.event_count as sample_size
    from count_events
    inner join periods on count_events.month_start = periods.period_start
)

select
    'month.' || figure || '.' || substr({{ as_text('month_start') }}, 1, 7) as figure,
    table_name,
    case when sample_size >= {{ var('small_sample_size') }} then figure_value end
        as value  -- noqa: LT09
from list_figures
