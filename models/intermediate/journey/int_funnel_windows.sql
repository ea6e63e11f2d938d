-- One row per segment value, period grain, period, window and stage: people whose whole
-- window is observed and who reached the stage, or one beyond it, within the window.
-- A window of null days never ends. The grain `all` has one period, number 0.
-- A view: it has one reader.
{{ config(materialized='view') }}

with stage_reach as (
    select * from {{ ref('customer_journey', 'int_stage_reach') }}
),

observation_windows as (
    select * from {{ ref('customer_journey', 'int_observation_windows') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

calendar as (
    select * from {{ ref('customer_journey', 'int_reporting_calendar') }}
),

-- The people of one day are counted before periods and segments multiply them.
count_days as (
    select
        stage_reach.first_seen_date,
        stage_reach.segment_key,
        stage_reach.stage_order,
        observation_windows.window_days,
        sum(case
            when
                stage_reach.days_to_reach
                <= coalesce(observation_windows.window_days, stage_reach.days_to_reach)
                then stage_reach.people
            else 0
        end) as reached_people
    from stage_reach
    cross join run_parameters
    inner join observation_windows
        on
            observation_windows.window_days is null
            or {{ add_days(
                'stage_reach.first_seen_date', 'observation_windows.window_days'
            ) }} <= run_parameters.as_of_date
    group by
        stage_reach.first_seen_date,
        stage_reach.segment_key,
        stage_reach.stage_order,
        observation_windows.window_days
),

count_segments as (
    select
        segments.segment_column,
        segments.segment_value,
        count_days.first_seen_date,
        count_days.stage_order,
        count_days.window_days,
        sum(count_days.reached_people) as reached_people
    from count_days
    inner join segments on count_days.segment_key = segments.segment_key
    group by
        segments.segment_column,
        segments.segment_value,
        count_days.first_seen_date,
        count_days.stage_order,
        count_days.window_days
),

final as (
    select
        count_segments.segment_column,
        count_segments.segment_value,
        calendar.period_grain,
        calendar.period_index,
        count_segments.window_days,
        count_segments.stage_order,
        sum(count_segments.reached_people) as reached_people
    from count_segments
    inner join calendar
        on count_segments.first_seen_date = calendar.calendar_date
    group by
        count_segments.segment_column,
        count_segments.segment_value,
        calendar.period_grain,
        calendar.period_index,
        count_segments.window_days,
        count_segments.stage_order
)

select * from final
