-- One row per segment value, channel, period in which people were first seen and
-- window: how many of them bought within it. Channel `all`: everybody.

with conversion_cells as (
    select * from {{ ref('customer_journey', 'int_conversion_cells') }}
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

date_cells as (
    select
        conversion_cells.*,
        periods.period_start,
        {{ add_days(
            'coalesce(periods.period_end, conversion_cells.last_seen_date)',
            'coalesce(conversion_cells.window_days, 0)'
        ) }} <= run_parameters.as_of_date as is_complete
    from conversion_cells
    cross join run_parameters
    left join periods
        on
            conversion_cells.period_grain = periods.period_grain
            and conversion_cells.period_index = periods.period_index
),

final as (
    select
        segment_column,
        segment_value,
        channel,
        period_grain,
        period_start,
        window_days,
        {{ as_count('people') }} as people,
        {{ as_count('eligible_people') }} as eligible_people,
        {{ as_count('converted_people') }} as converted_people,
        {{ ratio('converted_people', 'eligible_people') }} as conversion_rate,
        {{ wilson_lower('converted_people', 'eligible_people') }}
            as conversion_rate_lower,
        {{ wilson_upper('converted_people', 'eligible_people') }}
            as conversion_rate_upper,
        {{ as_count('walk_in_people') }} as walk_in_people,
        {{ as_count('new_customers') }} as new_customers,
        {{ ratio('new_customers', 'people') }} as period_basis_conversion_rate,
        eligible_people < {{ var('small_sample_size') }} as is_small_sample,
        is_complete
    from date_cells
)

select * from final
