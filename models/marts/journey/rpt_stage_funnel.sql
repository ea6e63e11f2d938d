-- One row per segment value, period in which people were first seen, window and stage:
-- how many of them reached the stage or one beyond it, and how fast.

with funnel_cells as (
    select
        *,
        case when eligible_people > 0 then reached_people end as known_people,
        case when eligible_people > 0 then previous_reached_people end
            as previous_known_people
    from {{ ref('customer_journey', 'int_funnel_cells') }}
),

funnel_medians as (
    select * from {{ ref('customer_journey', 'int_funnel_medians') }}
),

final as (
    select
        funnel_cells.segment_column,
        funnel_cells.segment_value,
        funnel_cells.period_grain,
        funnel_cells.period_start,
        funnel_cells.window_days,
        funnel_cells.stage,
        funnel_cells.stage_order,
        {{ as_count('funnel_cells.people') }} as people,
        {{ as_count('funnel_cells.eligible_people') }} as eligible_people,
        {{ as_count('funnel_cells.known_people') }} as reached_people,
        {{ ratio('funnel_cells.known_people', 'funnel_cells.eligible_people') }}
            as conversion_rate,
        {{ wilson_lower('funnel_cells.known_people', 'funnel_cells.eligible_people') }}
            as conversion_rate_lower,
        {{ wilson_upper('funnel_cells.known_people', 'funnel_cells.eligible_people') }}
            as conversion_rate_upper,
        {{ as_count('funnel_cells.previous_known_people') }} as previous_reached_people,
        {{ ratio('funnel_cells.known_people', 'funnel_cells.previous_known_people') }}
            as step_conversion_rate,
        {{ wilson_lower(
            'funnel_cells.known_people', 'funnel_cells.previous_known_people'
        ) }} as step_conversion_rate_lower,
        {{ wilson_upper(
            'funnel_cells.known_people', 'funnel_cells.previous_known_people'
        ) }} as step_conversion_rate_upper,
        {{ as_double('funnel_medians.median_days_to_reach') }} as median_days_to_reach,
        funnel_cells.eligible_people < {{ var('small_sample_size') }}
            as is_small_sample,
        funnel_cells.previous_known_people < {{ var('small_sample_size') }}
            as is_small_step_sample,
        funnel_cells.is_complete
    from funnel_cells
    left join funnel_medians
        on
            funnel_cells.segment_column = funnel_medians.segment_column
            and funnel_cells.segment_value = funnel_medians.segment_value
            and funnel_cells.period_grain = funnel_medians.period_grain
            and funnel_cells.period_index = funnel_medians.period_index
            and funnel_cells.stage_order = funnel_medians.stage_order
            and funnel_cells.window_days is null
            and funnel_cells.known_people is not null
)

select * from final
