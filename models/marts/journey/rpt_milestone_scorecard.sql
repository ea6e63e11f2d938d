-- One row per segment value, milestone, touchpoint type and medium that somebody met.
-- Type and medium `all` stand for every one of the milestone.

with milestone_success as (
    select
        *,
        positive_touches + neutral_touches + negative_touches as touches_judged
    from {{ ref('customer_journey', 'int_milestone_success') }}
),

milestone_priorities as (
    select * from {{ ref('customer_journey', 'int_milestone_priorities') }}
),

milestone_satisfaction as (
    select
        *,
        score_sum / answers as score,
        {{ mean_half_width('score_sum', 'score_square_sum', 'answers') }} as half_width
    from {{ ref('customer_journey', 'int_milestone_satisfaction') }}
),

milestones as (
    select * from {{ ref('customer_journey', 'int_milestones') }}
),
{%- set favourable = ['favourable_successes', 'favourable_people'] %}
{%- set other = ['other_successes', 'other_people'] %}

final as (
    select
        milestone_success.segment_column,
        milestone_success.segment_value,
        milestone_success.milestone,
        milestones.milestone_order,
        milestones.stage,
        milestones.next_stage,
        milestone_success.touchpoint_type,
        milestone_success.medium,
        milestones.window_days,
        {{ as_count('exposed_people') }} as exposed_people,
        {{ as_count('touches') }} as touches,
        {{ as_count('positive_touches') }} as positive_touches,
        {{ as_count('neutral_touches') }} as neutral_touches,
        {{ as_count('negative_touches') }} as negative_touches,
        {{ ratio('positive_touches', 'touches_judged') }} as positive_share,
        {{ wilson_lower('positive_touches', 'touches_judged') }}
            as positive_share_lower,
        {{ wilson_upper('positive_touches', 'touches_judged') }}
            as positive_share_upper,
        {{ ratio('negative_touches', 'touches_judged') }} as negative_share,
        {{ wilson_lower('negative_touches', 'touches_judged') }}
            as negative_share_lower,
        {{ wilson_upper('negative_touches', 'touches_judged') }}
            as negative_share_upper,
        {{ as_double('milestones.importance') }} as importance,
        {{ ratio(*favourable) }} - {{ ratio(*other) }} as derived_importance,
        {{ newcombe_lower(*favourable + other) }} as derived_importance_lower,
        {{ newcombe_upper(*favourable + other) }} as derived_importance_upper,
        {{ as_count('case
            when favourable_outcome is not null then favourable_people + other_people
        end') }} as derived_importance_people,
        milestone_success.favourable_outcome,
        {{ as_count('eligible_people') }} as eligible_people,
        case
            when milestones.is_next_observable
                then {{ as_count('succeeded_people') }}
        end as succeeded_people,
        milestone_priorities.success_rate,
        {{ wilson_lower('succeeded_people', 'eligible_people') }} as success_rate_lower,
        {{ wilson_upper('succeeded_people', 'eligible_people') }} as success_rate_upper,
        milestone_satisfaction.score as satisfaction_score,
        {{ clamp('milestone_satisfaction.score - half_width', 0, 100) }}
            as satisfaction_lower,
        {{ clamp('milestone_satisfaction.score + half_width', 0, 100) }}
            as satisfaction_upper,
        {{ as_count('coalesce(milestone_satisfaction.answers, 0)') }}
            as satisfaction_answers,
        milestone_priorities.quadrant,
        milestone_priorities.pain_point_score,
        cast(milestone_priorities.pain_point_rank as integer) as pain_point_rank,
        eligible_people < {{ var('small_sample_size') }} as is_small_sample,
        milestone_success.touches_judged < {{ var('small_sample_size') }}
            as is_small_touch_sample,
        milestone_success.favourable_outcome is null
        or milestone_success.favourable_people + milestone_success.other_people
        < {{ var('small_sample_size') }} as is_small_importance_sample,
        coalesce(milestone_satisfaction.answers, 0) < {{ var('small_sample_size') }}
            as is_small_satisfaction_sample
    from milestone_success
    inner join milestones on milestone_success.milestone = milestones.milestone
    {%- for joined in ['milestone_priorities', 'milestone_satisfaction'] %}
    left join {{ joined }}
        on
            milestone_success.segment_column = {{ joined }}.segment_column
            and milestone_success.segment_value = {{ joined }}.segment_value
            and milestone_success.milestone = {{ joined }}.milestone
            and milestone_success.touchpoint_type = {{ joined }}.touchpoint_type
            and milestone_success.medium = {{ joined }}.medium
    {%- endfor %}
)

select * from final
