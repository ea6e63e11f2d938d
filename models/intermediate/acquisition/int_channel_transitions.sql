-- One row per conversion type, state and the state that followed it in a path.
-- The states are (start), the channels, and how the path ended: (conversion) or (null).

with conversion_paths as (
    select * from {{ ref('customer_journey', 'int_conversion_paths') }}
),

count_touches as (
    select
        conversion_type,
        previous_channel,
        channel,
        path_position = path_length as is_last,
        conversion_step is not null as is_converting,
        count(*) as touches
    from conversion_paths
    group by
        conversion_type,
        previous_channel,
        channel,
        path_position = path_length,
        conversion_step is not null
),

list_transitions as (
    select
        conversion_type,
        coalesce(previous_channel, '(start)') as from_state,
        channel as to_state,
        touches
    from count_touches
    union all
    select
        conversion_type,
        channel as from_state,
        case when is_converting then '(conversion)' else '(null)' end as to_state,
        touches
    from count_touches
    where is_last
),

sum_transitions as (
    select
        conversion_type,
        from_state,
        to_state,
        {{ as_count('sum(touches)') }} as transition_count
    from list_transitions
    group by conversion_type, from_state, to_state
),

final as (
    select
        *,
        {{ ratio(
            'transition_count',
            'sum(transition_count) over (partition by conversion_type, from_state)'
        ) }} as transition_probability
    from sum_transitions
)

select * from final
