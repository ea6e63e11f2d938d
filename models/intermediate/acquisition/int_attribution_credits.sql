-- One row per conversion and touch of its path, or per conversion without any: the
-- share of the conversion that each attribution model gives to the touch.
{%- set first_weight = var('attribution_first_touch_weight') %}
{%- set last_weight = var('attribution_last_touch_weight') %}
{#- Added up in SQL, where 1 - 0.7 - 0.3 is nothing; in floats it is not quite. #}
{%- set both_weights = first_weight ~ ' + ' ~ last_weight %}
{%- set middle_weight = '1 - ' ~ first_weight ~ ' - ' ~ last_weight %}

with conversions as (
    select * from {{ ref('customer_journey', 'int_conversions') }}
),

conversion_paths as (
    select *
    from {{ ref('customer_journey', 'int_conversion_paths') }}
    where conversion_step is not null
),

removal_effects as (
    select * from {{ ref('customer_journey', 'int_removal_effects') }}
),

-- A channel's effect does not grow with its touches: they share it.
weigh_touches as (
    select
        conversion_paths.*,
        removal_effects.removal_effect / conversion_paths.channel_touches
            as markov_weight
    from conversion_paths
    left join removal_effects
        on
            conversion_paths.conversion_type = removal_effects.conversion_type
            and conversion_paths.channel = removal_effects.channel
),

share_paths as (
    select
        *,
        markov_weight / sum(markov_weight) over (
            partition by customer_id, conversion_step
        ) as markov_share
    from weigh_touches
),

-- A conversion without a touch has a path of one that leads from nowhere.
fill_paths as (
    select
        conversions.*,
        share_paths.touchpoint_id,
        share_paths.touched_at,
        coalesce(share_paths.channel, '(none)') as channel,
        coalesce(share_paths.campaign, '(none)') as campaign,
        share_paths.path_position as touch_position,
        coalesce(share_paths.path_position, 1) as path_position,
        coalesce(share_paths.path_length, 1) as path_length,
        coalesce(share_paths.is_last_non_direct, true) as is_last_non_direct,
        coalesce(share_paths.decay_share, 1) as decay_share,
        coalesce(share_paths.markov_share, 1) as markov_share,
        coalesce(share_paths.channel_touches * share_paths.channel_count, 1)
            as channel_shares
    from conversions
    left join share_paths
        on
            conversions.customer_id = share_paths.customer_id
            and conversions.conversion_step = share_paths.conversion_step
),

final as (
    select
        conversion_id,
        conversion_type,
        customer_id,
        conversion_date,
        converted_at,
        gross_revenue,
        touchpoint_id,
        touched_at,
        channel,
        campaign,
        touch_position as path_position,
        case when touchpoint_id is null then 0 else path_length end as path_length,
        case when path_position = 1 then 1.0 else 0.0 end as first_credit,
        case when path_position = path_length then 1.0 else 0.0 end as last_credit,
        case when is_last_non_direct then 1.0 else 0.0 end as last_non_direct_credit,
        {{ ratio(1, 'path_length') }} as linear_credit,
        case
            when path_length = 1 then 1.0
            when path_length = 2 and path_position = 1
                then {{ ratio(first_weight, both_weights) }}
            when path_length = 2 then {{ ratio(last_weight, both_weights) }}
            when path_position = 1 then {{ first_weight }}
            when path_position = path_length then {{ last_weight }}
            else {{ ratio(middle_weight, 'path_length - 2') }}
        end as position_based_credit,
        decay_share as time_decay_credit,
        markov_share as markov_credit,
        -- With the worth of channels being the conversions that they bring without
        -- others, the Shapley value is an equal split among a path's channels.
        {{ ratio(1, 'channel_shares') }} as shapley_credit
    from fill_paths
)

select * from final
