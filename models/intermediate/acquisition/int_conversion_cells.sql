-- One row per segment value, channel, period and window: people first seen in the
-- period, those who first bought in it, and those who bought within the window.
-- A view: it has one reader.
{{ config(materialized='view') }}

with conversion_times as (
    select * from {{ ref('customer_journey', 'int_conversion_times') }}
),

conversion_windows as (
    select * from {{ ref('customer_journey', 'int_conversion_windows') }}
),

observation_windows as (
    select * from {{ ref('customer_journey', 'int_observation_windows') }}
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
    where segment_column <> 'acquisition_channel'
),

calendar as (
    select * from {{ ref('customer_journey', 'int_reporting_calendar') }}
),

-- People enter a period when they are first seen and, once more, when they first buy.
list_entries as (
    select
        first_seen_date as entry_date,
        first_seen_date,
        segment_key,
        channel,
        people,
        walk_in_people,
        0 as new_customers
    from conversion_times
    union all
    select
        first_purchase_date as entry_date,
        cast(null as date) as first_seen_date,
        segment_key,
        channel,
        0 as people,
        0 as walk_in_people,
        people as new_customers
    from conversion_times
    where first_purchase_date is not null
),

sum_days as (
    select
        entry_date,
        first_seen_date,
        segment_key,
        channel,
        sum(people) as people,
        sum(walk_in_people) as walk_in_people,
        sum(new_customers) as new_customers
    from list_entries
    group by entry_date, first_seen_date, segment_key, channel
),

sum_periods as (
    select
        segments.segment_column,
        segments.segment_value,
        sum_days.channel,
        calendar.period_grain,
        calendar.period_index,
        max(sum_days.first_seen_date) as last_seen_date,
        sum(sum_days.people) as people,
        sum(sum_days.walk_in_people) as walk_in_people,
        sum(sum_days.new_customers) as new_customers
    from sum_days
    inner join segments on sum_days.segment_key = segments.segment_key
    inner join calendar on sum_days.entry_date = calendar.calendar_date
    group by
        segments.segment_column,
        segments.segment_value,
        sum_days.channel,
        calendar.period_grain,
        calendar.period_index
)

select
    sum_periods.*,
    observation_windows.window_days,
    coalesce(conversion_windows.eligible_people, 0) as eligible_people,
    conversion_windows.converted_people
from sum_periods
cross join observation_windows
left join conversion_windows
    on
        sum_periods.segment_column = conversion_windows.segment_column
        and sum_periods.segment_value = conversion_windows.segment_value
        and sum_periods.channel = conversion_windows.channel
        and sum_periods.period_grain = conversion_windows.period_grain
        and sum_periods.period_index = conversion_windows.period_index
        and observation_windows.window_days
        is not distinct from conversion_windows.window_days
