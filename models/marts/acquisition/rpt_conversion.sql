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

-- Without transactions nobody can be seen to buy.
date_cells as (
    select
        conversion_cells.*,
        case
            when run_parameters.first_transaction_date is not null
                then conversion_cells.converted_people
        end as known_converted_people,
        case
            when run_parameters.first_transaction_date is not null
                then conversion_cells.new_customers
        end as known_new_customers,
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
        {{ as_count('known_converted_people') }} as converted_people,
        {{ ratio('known_converted_people', 'eligible_people') }} as conversion_rate,
        {{ wilson_lower('known_converted_people', 'eligible_people') }}
            as conversion_rate_lower,
        {{ wilson_upper('known_converted_people', 'eligible_people') }}
            as conversion_rate_upper,
        {{ as_count('walk_in_people') }} as walk_in_people,
        {{ as_count('known_new_customers') }} as new_customers,
        {{ ratio('known_new_customers', 'people') }} as period_basis_conversion_rate,
        eligible_people < {{ var('small_sample_size') }} as is_small_sample,
        is_complete
    from date_cells
)

select * from final
