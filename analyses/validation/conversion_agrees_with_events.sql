-- One row per measure, window and month in which the funnel or the conversion rates
-- disagree with the events: how many of the people first seen got how far, how soon.
{%- set figures = [
    'people', 'eligible_people', 'reached_people', 'converted_people', 'new_customers',
] %}
{%- set reports = [
    ('rpt_stage_funnel', ['people', 'eligible_people', 'reached_people']),
    ('rpt_conversion', [
        'people', 'eligible_people', 'converted_people', 'new_customers',
    ]),
] %}

with journey_events as (
    select * from {{ ref('customer_journey', 'fct_journey_events') }}
    where customer_id is not null
),

stages as (
    select * from {{ ref('customer_journey', 'int_stages') }}
),

rpt_stage_funnel as (
    select * from {{ ref('customer_journey', 'rpt_stage_funnel') }}
    where segment_column = 'all'
),

rpt_conversion as (
    select * from {{ ref('customer_journey', 'rpt_conversion') }}
    where segment_column = 'all' and channel = 'all'
),

observation_windows as (
    select * from {{ ref('customer_journey', 'int_observation_windows') }}
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

grains as (
    select period_grain
    from periods
    group by period_grain
    union all
    select 'all' as period_grain
    from run_parameters
),

find_entries as (
    select
        journey_events.customer_id,
        stages.stage_order,
        min(journey_events.occurred_date) as entered_date,
        min(case
            when journey_events.event_type = 'purchase'
                then journey_events.occurred_date
        end) as purchased_date
    from journey_events
    inner join stages on journey_events.stage = stages.stage
    group by journey_events.customer_id, stages.stage_order
),

order_entries as (
    select
        stage_order,
        entered_date,
        coalesce(lag(stage_order) over person_stages, 0) as previous_stage_order,
        min(entered_date) over person as seen_date,
        min(purchased_date) over person as purchased_date
    from find_entries
    window
        person as (partition by customer_id),
        person_stages as (partition by customer_id order by stage_order)
),

-- When those were first seen who may have bought before is not known.
keep_known as (
    select order_entries.*
    from order_entries
    cross join run_parameters
    where
        not run_parameters.is_history_start_known
        or coalesce(order_entries.purchased_date >= {{ add_days(
            'run_parameters.history_start_date', var('left_truncation_days')
        ) }}, true)
),

find_people as (
    select
        seen_date,
        purchased_date
    from keep_known
    where previous_stage_order = 0
),

-- Who enters a stage reaches those that they skip. Of a stage that no input can show
-- nothing is known.
count_reaches as (
    select
        'rpt_stage_funnel' as report,
        stages.stage,
        keep_known.seen_date,
        {{ days_between('keep_known.seen_date', 'keep_known.entered_date') }}
            as days_to_reach,
        count(*) as people
    from keep_known
    inner join stages
        on
            keep_known.stage_order >= stages.stage_order
            and keep_known.previous_stage_order < stages.stage_order
            and stages.is_observable
    group by stages.stage, keep_known.seen_date, keep_known.entered_date
    union all
    select
        'rpt_conversion' as report,
        'purchase' as stage,
        seen_date,
        {{ days_between('seen_date', 'purchased_date') }} as days_to_reach,
        count(*) as people
    from find_people
    where purchased_date is not null
    group by seen_date, purchased_date
),

targets as (
    select
        'rpt_stage_funnel' as report,
        stage
    from stages
    union all
    select
        'rpt_conversion' as report,
        'purchase' as stage
    from run_parameters
),

count_seen as (
    select
        seen_date,
        count(*) as people
    from find_people
    group by seen_date
),

count_buyers as (
    select
        purchased_date,
        count(*) as people
    from find_people
    where purchased_date is not null
    group by purchased_date
),

list_entries as (
    select
        targets.report,
        targets.stage,
        count_seen.seen_date as entry_date,
        observation_windows.window_days,
        count_seen.people,
        case
            when
                observation_windows.window_days is null
                or {{ add_days(
                    'count_seen.seen_date', 'observation_windows.window_days'
                ) }} <= run_parameters.as_of_date
                then count_seen.people
            else 0
        end as eligible_people,
        0 as reached_people,
        0 as new_customers
    from count_seen
    cross join targets
    cross join observation_windows
    cross join run_parameters
    union all
    select
        count_reaches.report,
        count_reaches.stage,
        count_reaches.seen_date as entry_date,
        observation_windows.window_days,
        0 as people,
        0 as eligible_people,
        count_reaches.people as reached_people,
        0 as new_customers
    from count_reaches
    cross join run_parameters
    inner join observation_windows
        on
            observation_windows.window_days is null
            or (
                count_reaches.days_to_reach <= observation_windows.window_days
                and {{ add_days(
                    'count_reaches.seen_date', 'observation_windows.window_days'
                ) }} <= run_parameters.as_of_date
            )
    union all
    select
        'rpt_conversion' as report,
        'purchase' as stage,
        count_buyers.purchased_date as entry_date,
        observation_windows.window_days,
        0 as people,
        0 as eligible_people,
        0 as reached_people,
        count_buyers.people as new_customers
    from count_buyers
    cross join observation_windows
),

sum_months as (
    select
        report,
        stage,
        window_days,
        cast({{ dbt.date_trunc('month', 'entry_date') }} as date) as month_start,
        sum(people) as people,
        sum(eligible_people) as eligible_people,
        sum(reached_people) as reached_people,
        sum(reached_people) as converted_people,
        sum(new_customers) as new_customers
    from list_entries
    group by
        report, stage, window_days,
        cast({{ dbt.date_trunc('month', 'entry_date') }} as date)
),

measures as (
    {%- for report, figures in reports %}
    {%- set is_first = loop.first %}
    {%- for figure in figures %}
    {{ 'union all' if not (is_first and loop.first) }}
    select
        '{{ report }}' as report,
        '{{ figure }}' as measure
    {%- endfor %}
    {%- endfor %}
),

-- Months are compared one by one, of other grains the totals.
list_cells as (
    select
        sum_months.report,
        measures.measure,
        sum_months.stage,
        sum_months.window_days,
        grains.period_grain,
        case when grains.period_grain = 'month' then sum_months.month_start end
            as month_start,
        case measures.measure
            {%- for figure in figures %}
            when '{{ figure }}' then sum_months.{{ figure }}
            {%- endfor %}
        end as expected,
        0 as found
    from sum_months
    inner join measures on sum_months.report = measures.report
    cross join grains
    {%- for report, names in reports %}
    {%- set stage = 'rpt_stage_funnel.stage' if loop.first else "'purchase'" %}
    union all
    select
        '{{ report }}' as report,
        measures.measure,
        {{ stage }} as stage,
        {{ report }}.window_days,
        {{ report }}.period_grain,
        case when {{ report }}.period_grain = 'month' then {{ report }}.period_start end
            as month_start,
        0 as expected,
        case measures.measure
            {%- for figure in names %}
            when '{{ figure }}' then {{ report }}.{{ figure }}
            {%- endfor %}
        end as found
    from {{ report }}
    inner join measures on measures.report = '{{ report }}'
    {%- endfor %}
),

list_values as (
    select
        report || '.' || measure || ' to ' || stage
        || case
            when window_days is null then ''
            else ' within ' || {{ as_text('window_days') }} || ' days'
        end
        || ' by ' || period_grain as measure,
        month_start,
        expected,
        found
    from list_cells
)

select
    measure,
    substr({{ as_text('month_start') }}, 1, 7) as period,
    {{ as_double('sum(coalesce(expected, 0))') }} as expected,
    {{ as_double('sum(coalesce(found, 0))') }} as found
from list_values
group by measure, month_start
having {{ disagrees() }}
