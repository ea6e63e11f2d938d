-- Moves between stages, counted again from everybody's history in every period, and the
-- segment columns over whose values they do not add up to the total.

with transitions as (
    select * from {{ ref('customer_journey', 'rpt_stage_transitions') }}
),

stage_history as (
    select * from {{ ref('customer_journey', 'fct_stage_history') }}
),

periods as (
    select * from {{ ref('customer_journey', 'dim_periods') }}
),

measure_stays as (
    select
        customer_id,
        cast(entered_at as date) as entered_date,
        coalesce(previous_stage, '(first seen)') as from_stage,
        stage as to_stage,
        lag(days_in_stage) over (
            partition by customer_id order by entered_at
        ) as days_in_from_stage
    from stage_history
),

recount_moves as (
    select
        periods.period_grain,
        periods.period_start,
        periods.is_complete,
        measure_stays.from_stage,
        measure_stays.to_stage,
        count(distinct measure_stays.customer_id) as people,
        sum(measure_stays.days_in_from_stage) as days_in_from_stage
    from measure_stays
    inner join periods
        on
            measure_stays.entered_date >= periods.period_start
            and measure_stays.entered_date <= periods.period_end
    group by
        periods.period_grain,
        periods.period_start,
        periods.is_complete,
        measure_stays.from_stage,
        measure_stays.to_stage
),

sum_segments as (
    select
        segment_column,
        period_grain,
        period_start,
        is_complete,
        from_stage,
        to_stage,
        sum(people) as people,
        sum(people * average_days_in_from_stage) as days_in_from_stage
    from transitions
    group by
        segment_column, period_grain, period_start, is_complete, from_stage, to_stage
),

segment_columns as (
    select distinct segment_column from transitions
),

expect_moves as (
    select
        segment_columns.segment_column,
        recount_moves.*
    from segment_columns
    cross join recount_moves
)

select
    expect_moves.*,
    sum_segments.people as published_people,
    sum_segments.days_in_from_stage as published_days
from expect_moves
full outer join sum_segments
    on
        expect_moves.segment_column = sum_segments.segment_column
        and expect_moves.period_grain = sum_segments.period_grain
        and expect_moves.period_start = sum_segments.period_start
        and expect_moves.is_complete = sum_segments.is_complete
        and expect_moves.from_stage = sum_segments.from_stage
        and expect_moves.to_stage = sum_segments.to_stage
where
    expect_moves.people is distinct from sum_segments.people
    or (expect_moves.days_in_from_stage is null)
    <> (sum_segments.days_in_from_stage is null)
    or abs(expect_moves.days_in_from_stage - sum_segments.days_in_from_stage) > 1e-6
