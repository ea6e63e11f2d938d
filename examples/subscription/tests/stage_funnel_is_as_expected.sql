-- Cells of the funnel that are not as expected: over all, in January, and in June, of
-- which no window is over.

with found_funnel as (
    select
        period_grain,
        period_start,
        window_days,
        stage,
        people,
        eligible_people,
        reached_people,
        median_days_to_reach
    from {{ ref('rpt_stage_funnel') }}
    where
        period_grain = 'all'
        or (
            period_grain = 'month'
            and period_start in (date '2024-01-01', date '2024-06-01')
            and window_days = 30
        )
),

expected_funnel as (
    select * from {{ ref('expected_stage_funnel') }}
)

(select * from expected_funnel except select * from found_funnel)
union all
(select * from found_funnel except select * from expected_funnel)
