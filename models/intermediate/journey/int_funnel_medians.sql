-- One row per segment value, period grain, period and stage: who reached the stage or
-- one beyond it, the median of the days that they took, the last day they were first
-- seen. The grain `all` has one period, number 0.

with stage_reach as (
    select * from {{ ref('customer_journey', 'int_stage_reach') }}
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

calendar as (
    select * from {{ ref('customer_journey', 'int_reporting_calendar') }}
),

count_days as (
    select
        segments.segment_column,
        segments.segment_value,
        calendar.period_grain,
        calendar.period_index,
        stage_reach.stage_order,
        stage_reach.days_to_reach,
        sum(stage_reach.people) as people,
        max(stage_reach.first_seen_date) as last_seen_date
    from stage_reach
    inner join segments on stage_reach.segment_key = segments.segment_key
    inner join calendar
        on stage_reach.first_seen_date = calendar.calendar_date
    group by
        segments.segment_column,
        segments.segment_value,
        calendar.period_grain,
        calendar.period_index,
        stage_reach.stage_order,
        stage_reach.days_to_reach
),

rank_days as (
    select
        *,
        sum(people) over (
            partition by
                segment_column, segment_value, period_grain, period_index, stage_order
            order by days_to_reach
        ) as people_up_to,
        sum(people) over (
            partition by
                segment_column, segment_value, period_grain, period_index, stage_order
        ) as all_people
    from count_days
),

-- Of an even number of people the two in the middle are averaged.
final as (
    select
        segment_column,
        segment_value,
        period_grain,
        period_index,
        stage_order,
        cast(
            min(case when 2 * people_up_to >= all_people then days_to_reach end)
            + min(case when 2 * people_up_to > all_people then days_to_reach end)
            as {{ type_double() }}
        ) / 2 as median_days_to_reach,
        max(last_seen_date) as last_seen_date,
        max(all_people) as people
    from rank_days
    group by segment_column, segment_value, period_grain, period_index, stage_order
)

select * from final
