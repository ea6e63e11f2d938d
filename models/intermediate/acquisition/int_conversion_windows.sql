-- One row per segment value, channel, period in which people were first seen and
-- window: those whose whole window is observed, and how many of them bought within it.
-- A window of null days never ends. The grain `all` has one period, number 0.
-- A view: it has one reader.
{{ config(materialized='view') }}

with conversion_times as (
    select * from {{ ref('customer_journey', 'int_conversion_times') }}
),

observation_windows as (
    select * from {{ ref('customer_journey', 'int_observation_windows') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
    where segment_column <> 'acquisition_channel'
),

calendar as (
    select * from {{ ref('customer_journey', 'int_reporting_calendar') }}
),

-- The people of one day are counted before periods and segments multiply them.
count_days as (
    select
        conversion_times.first_seen_date,
        conversion_times.segment_key,
        conversion_times.channel,
        observation_windows.window_days,
        sum(conversion_times.people) as eligible_people,
        sum(case
            when
                conversion_times.days_to_purchase <= coalesce(
                    observation_windows.window_days, conversion_times.days_to_purchase
                )
                then conversion_times.people
            else 0
        end) as converted_people
    from conversion_times
    cross join run_parameters
    inner join observation_windows
        on
            observation_windows.window_days is null
            or {{ add_days(
                'conversion_times.first_seen_date', 'observation_windows.window_days'
            ) }} <= run_parameters.as_of_date
    group by
        conversion_times.first_seen_date,
        conversion_times.segment_key,
        conversion_times.channel,
        observation_windows.window_days
)

select
    segments.segment_column,
    segments.segment_value,
    count_days.channel,
    calendar.period_grain,
    calendar.period_index,
    count_days.window_days,
    sum(count_days.eligible_people) as eligible_people,
    sum(count_days.converted_people) as converted_people
from count_days
inner join segments on count_days.segment_key = segments.segment_key
inner join calendar on count_days.first_seen_date = calendar.calendar_date
group by
    segments.segment_column,
    segments.segment_value,
    count_days.channel,
    calendar.period_grain,
    calendar.period_index,
    count_days.window_days
