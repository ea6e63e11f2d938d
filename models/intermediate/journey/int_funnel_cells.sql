-- One row per segment value, period in which people were first seen, window and stage,
-- whether anybody reached it or not.
-- A view: it has one reader.
{{ config(materialized='view') }}

with funnel_windows as (
    select * from {{ ref('customer_journey', 'int_funnel_windows') }}
),

funnel_medians as (
    select * from {{ ref('customer_journey', 'int_funnel_medians') }}
),

stages as (
    select * from {{ ref('customer_journey', 'int_stages') }}
),

observation_windows as (
    select * from {{ ref('customer_journey', 'int_observation_windows') }}
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

-- Everybody is in the first stage, at the latest, on the day they are first seen.
list_cells as (
    select
        funnel_medians.*,
        observation_windows.window_days,
        case
            when funnel_medians.period_grain = 'all'
                then
                    {{ add_days('funnel_medians.last_seen_date',
                        'coalesce(observation_windows.window_days, 0)') }}
                    <= run_parameters.as_of_date
            else
                {{ add_days('periods.period_end',
                    'coalesce(observation_windows.window_days, 0)') }}
                <= run_parameters.as_of_date
        end as is_complete,
        periods.period_start
    from funnel_medians
    cross join observation_windows
    cross join run_parameters
    left join periods
        on
            funnel_medians.period_grain = periods.period_grain
            and funnel_medians.period_index = periods.period_index
    where funnel_medians.stage_order = 1
),

count_cells as (
    select
        list_cells.segment_column,
        list_cells.segment_value,
        list_cells.period_grain,
        list_cells.period_start,
        list_cells.window_days,
        stages.stage,
        stages.stage_order,
        list_cells.people,
        case
            when stages.is_observable
                then coalesce(funnel_windows.reached_people, 0)
        end as reached_people,
        list_cells.is_complete,
        list_cells.period_index
    from list_cells
    cross join stages
    left join funnel_windows
        on
            list_cells.segment_column = funnel_windows.segment_column
            and list_cells.segment_value = funnel_windows.segment_value
            and list_cells.period_grain = funnel_windows.period_grain
            and list_cells.period_index = funnel_windows.period_index
            and list_cells.window_days
            is not distinct from funnel_windows.window_days
            and stages.stage_order = funnel_windows.stage_order
),

-- All whose window is observed are in the first stage at its end, or beyond.
final as (
    select
        *,
        max(reached_people) over (
            partition by
                segment_column, segment_value, period_grain, period_index, window_days
        ) as eligible_people,
        lag(reached_people) over (
            partition by
                segment_column, segment_value, period_grain, period_index, window_days
            order by stage_order
        ) as previous_reached_people
    from count_cells
)

select * from final
