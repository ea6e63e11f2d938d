-- One row per segment value, period grain, period and pair of stages that somebody
-- moved between in the period.

with stage_entries as (
    select * from {{ ref('customer_journey', 'int_stage_entries') }}
),

stages as (
    select * from {{ ref('customer_journey', 'int_stages') }}
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

calendar as (
    select * from {{ ref('customer_journey', 'int_calendar') }}
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
),

count_days as (
    select
        segment_key,
        entered_date,
        previous_stage_order,
        stage,
        count(*) as people,
        sum({{ days_between('previous_entered_date', 'entered_date') }})
            as days_in_from_stage
    from stage_entries
    group by segment_key, entered_date, previous_stage_order, stage
),

sum_periods as (
    select
        segments.segment_column,
        segments.segment_value,
        calendar.period_grain,
        calendar.period_index,
        count_days.previous_stage_order,
        count_days.stage,
        sum(count_days.people) as people,
        sum(count_days.days_in_from_stage) as days_in_from_stage
    from count_days
    inner join segments on count_days.segment_key = segments.segment_key
    inner join calendar on count_days.entered_date = calendar.calendar_date
    group by
        segments.segment_column,
        segments.segment_value,
        calendar.period_grain,
        calendar.period_index,
        count_days.previous_stage_order,
        count_days.stage
),

final as (
    select
        sum_periods.segment_column,
        sum_periods.segment_value,
        sum_periods.period_grain,
        periods.period_start,
        coalesce(previous_stages.stage, '(first seen)') as from_stage,
        sum_periods.stage as to_stage,
        {{ as_count('sum_periods.people') }} as people,
        {{ ratio('sum_periods.days_in_from_stage', 'sum_periods.people') }}
            as average_days_in_from_stage,
        periods.is_complete
    from sum_periods
    inner join periods
        on
            sum_periods.period_grain = periods.period_grain
            and sum_periods.period_index = periods.period_index
    left join stages as previous_stages
        on sum_periods.previous_stage_order = previous_stages.stage_order
)

select * from final
