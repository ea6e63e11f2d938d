-- One row per segment value, period and NPS group, and one for `all` as soon as anybody
-- answered anything: scores side by side, and what people bought after their answer.
{%- set segments = ['all'] + segment_columns() %}
{%- set small = var('small_sample_size') %}

with experience as (
    select *
    from {{ ref('customer_journey', 'rpt_experience') }}
    where
        question_id = 'all'
        and segment_column in ('{{ segments | join("', '") }}')
),

-- The scores of everybody come from the report.
nps_groups as (
    select
        *,
        case when nps_group <> 'all' then css_responses end as group_css_responses,
        case when nps_group <> 'all' then css_sum / nullif(css_responses, 0) end
            as css_score,
        {{ mean_half_width('css_sum', 'css_square_sum', 'css_responses') }}
            as css_half_width
    from {{ ref('customer_journey', 'int_nps_groups') }}
),

periods as (
    select * from {{ ref('customer_journey', 'int_periods') }}
),

align_scores as (
    select
        segment_column,
        segment_value,
        period_grain,
        period_start,
        is_complete,
        {%- for type in ['nps', 'css', 'exs'] %}
        coalesce(max(case when survey_type = '{{ type }}' then responses end), 0)
            as {{ type }}_responses,
        {%- for figure in ['score', 'score_lower', 'score_upper'] %}
        max(case when survey_type = '{{ type }}' then {{ figure }} end)
            as {{ type }}_{{ figure | replace('score_', '') }},
        {%- endfor %}
        {%- endfor %}
        'all' as nps_group
    from experience
    group by segment_column, segment_value, period_grain, period_start, is_complete
),

place_groups as (
    select
        nps_groups.segment_column,
        nps_groups.segment_value,
        nps_groups.period_grain,
        periods.period_start,
        nps_groups.nps_group,
        nps_groups.period_grain = 'all' or periods.is_complete as is_complete,
        {{ as_count('nps_groups.nps_responses') }} as nps_responses,
        {{ as_count('nps_groups.group_css_responses') }} as css_responses,
        nps_groups.css_score,
        {{ clamp('css_score - css_half_width', 0, 100) }} as css_lower,
        {{ clamp('css_score + css_half_width', 0, 100) }} as css_upper,
        nps_groups.eligible_people,
        nps_groups.repeating_people,
        nps_groups.net_revenue
    from nps_groups
    left join periods
        on
            nps_groups.period_grain = periods.period_grain
            and nps_groups.period_index = periods.period_index
),

final as (
    select
        {%- for name in [
            'segment_column', 'segment_value', 'period_grain', 'period_start', 'nps_group',
        ] %}
        coalesce(align_scores.{{ name }}, place_groups.{{ name }}) as {{ name }},
        {%- endfor %}
        coalesce(align_scores.nps_responses, place_groups.nps_responses)
            as nps_responses,
        align_scores.nps_score,
        align_scores.nps_lower,
        align_scores.nps_upper,
        coalesce(align_scores.css_responses, place_groups.css_responses)
            as css_responses,
        {%- for name in ['css_score', 'css_lower', 'css_upper'] %}
        coalesce(align_scores.{{ name }}, place_groups.{{ name }}) as {{ name }},
        {%- endfor %}
        align_scores.exs_responses,
        align_scores.exs_score,
        align_scores.exs_lower,
        align_scores.exs_upper,
        {{ as_count('coalesce(eligible_people, 0)') }} as eligible_people,
        {{ as_count('case when eligible_people > 0 then repeating_people end') }}
            as repeating_people,
        {{ ratio('repeating_people', 'eligible_people') }} as repeat_rate,
        {{ wilson_lower('repeating_people', 'eligible_people') }} as repeat_rate_lower,
        {{ wilson_upper('repeating_people', 'eligible_people') }} as repeat_rate_upper,
        {{ ratio('net_revenue', 'eligible_people') }} as revenue_per_person,
        coalesce(eligible_people, 0) < {{ small }} as is_small_sample,
        coalesce(align_scores.nps_responses, place_groups.nps_responses) < {{ small }}
            as is_small_nps_sample,
        coalesce(align_scores.css_responses, place_groups.css_responses) < {{ small }}
            as is_small_css_sample,
        align_scores.exs_responses < {{ small }} as is_small_exs_sample,
        coalesce(align_scores.is_complete, place_groups.is_complete) as is_complete
    from align_scores
    full outer join place_groups
        on
            align_scores.segment_column = place_groups.segment_column
            and align_scores.segment_value = place_groups.segment_value
            and align_scores.period_grain = place_groups.period_grain
            and coalesce(align_scores.period_start, cast('1900-01-01' as date))
            = coalesce(place_groups.period_start, cast('1900-01-01' as date))
            and align_scores.nps_group = place_groups.nps_group
)

select * from final
