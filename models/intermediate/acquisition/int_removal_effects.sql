-- One row per conversion type and channel of a path: what share of the conversions
-- would be lost without the channel, by the first-order Markov chain of the paths.

with transitions as (
    select * from {{ ref('customer_journey', 'int_channel_transitions') }}
),

walks as (
    select * from {{ ref('customer_journey', 'int_channel_walks_65536') }}
),

count_paths as (
    select
        conversion_type,
        sum(case when from_state = '(start)' then transition_count else 0 end) as paths,
        sum(case when to_state = '(conversion)' then transition_count else 0 end)
            as converting_paths
    from transitions
    group by conversion_type
),

list_channels as (
    select distinct
        conversion_type,
        from_state as channel
    from transitions
    where from_state <> '(start)'
),

-- Who ever visits a channel visits it as often as somebody who starts there.
find_probabilities as (
    select
        list_channels.conversion_type,
        list_channels.channel,
        visits.weight / own_visits.weight as visit_probability,
        coalesce(conversions.weight, 0) as conversion_probability,
        coalesce(all_conversions.weight, 0) as path_conversion_probability
    from list_channels
    inner join walks as visits
        on
            list_channels.conversion_type = visits.conversion_type
            and visits.from_state = '(start)'
            and '(visits) ' || list_channels.channel = visits.to_state
    inner join walks as own_visits
        on
            list_channels.conversion_type = own_visits.conversion_type
            and list_channels.channel = own_visits.from_state
            and '(visits) ' || list_channels.channel = own_visits.to_state
    left join walks as conversions
        on
            list_channels.conversion_type = conversions.conversion_type
            and list_channels.channel = conversions.from_state
            and conversions.to_state = '(conversion)'
    left join walks as all_conversions
        on
            list_channels.conversion_type = all_conversions.conversion_type
            and all_conversions.from_state = '(start)'
            and all_conversions.to_state = '(conversion)'
),

measure_effects as (
    select
        *,
        visit_probability * conversion_probability
        / nullif(path_conversion_probability, 0) as removal_effect
    from find_probabilities
),

share_effects as (
    select
        *,
        {{ ratio(
            'removal_effect', 'sum(removal_effect) over (partition by conversion_type)'
        ) }} as removal_effect_share
    from measure_effects
),

final as (
    select
        share_effects.conversion_type,
        share_effects.channel,
        {{ as_count('count_paths.paths') }} as paths,
        {{ as_count('count_paths.converting_paths') }} as converting_paths,
        share_effects.visit_probability,
        share_effects.conversion_probability,
        share_effects.path_conversion_probability,
        share_effects.removal_effect,
        share_effects.removal_effect_share,
        share_effects.removal_effect_share * count_paths.converting_paths
            as markov_conversions
    from share_effects
    inner join count_paths
        on share_effects.conversion_type = count_paths.conversion_type
)

select * from final
