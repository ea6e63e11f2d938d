-- One row per way of counting, segment value, period grain, period and question: the
-- counted answers, added up. Counted `per_question` a person has one answer to each
-- question in a period, `per_type` one to all NPS questions together. Beside the
-- segments stand milestone, touchpoint type, channel and stage of the answers, counted
-- per type.
-- The grain `all` has one period, number 0.
{%- set key = [
    'counting', 'dimension', 'dimension_value', 'segment_key', 'question_id',
] %}
{%- set figures = [
    'responses', 'promoters', 'passives', 'detractors', 'top_two_boxes', 'score_sum',
    'score_square_sum', 'normalised_sum', 'normalised_square_sum',
] %}

with survey_answers as (
    select * from {{ ref('customer_journey', 'int_survey_answers') }}
    where score is not null
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

calendar as (
    select * from {{ ref('customer_journey', 'int_reporting_calendar') }}
),

-- A promoter's answer ends their stay in a stage: the latest answer in a stage would be
-- theirs too often, so stages share out the answers that count in the total.
list_countings as (
    {%- for counting, dimension, dimension_value, next_date in [
        ('per_question', 'segment', "''", 'next_question_date'),
        ('per_type', 'segment', "''", 'next_date'),
        ('per_type', 'milestone', "coalesce(milestone, '(none)')",
            'next_milestone_date'),
        ('per_type', 'touchpoint_type', "coalesce(touchpoint_type, '(none)')",
            'next_touchpoint_type_date'),
        ('per_type', 'channel', "coalesce(touch_channel, '(none)')",
            'next_touch_channel_date'),
        ('per_type', 'stage', "coalesce(stage, '(unknown)')", 'next_date'),
    ] %}
    {{ 'union all' if not loop.first }}
    select
        '{{ counting }}' as counting,
        '{{ dimension }}' as dimension,
        {{ dimension_value }} as dimension_value,
        {{ 'segment_key' if dimension == 'segment' else '-1' }} as segment_key,
        question_id,
        occurred_date,
        {{ next_date }} as next_date,
        nps_group,
        is_top_two_box,
        score,
        normalised_score
    from survey_answers
    {%- endfor %}
),

sum_days as (
    select
        {{ key | join(',\n        ') }},
        occurred_date,
        next_date,
        count(*) as responses,
        sum(case when nps_group = 'promoter' then 1 else 0 end) as promoters,
        sum(case when nps_group = 'passive' then 1 else 0 end) as passives,
        sum(case when nps_group = 'detractor' then 1 else 0 end) as detractors,
        sum(case is_top_two_box when true then 1 when false then 0 end)
            as top_two_boxes,
        sum({{ as_double('score') }}) as score_sum,
        sum({{ as_double('score') }} * {{ as_double('score') }}) as score_square_sum,
        sum(normalised_score) as normalised_sum,
        sum(normalised_score * normalised_score) as normalised_square_sum
    from list_countings
    group by {{ key | join(', ') }}, occurred_date, next_date
),

-- An answer counts in a period unless the one that replaces it falls in the same.
final as (
    select
        sum_days.counting,
        coalesce(segments.segment_column, sum_days.dimension) as segment_column,
        coalesce(segments.segment_value, sum_days.dimension_value) as segment_value,
        calendar.period_grain,
        calendar.period_index,
        {%- for figure in figures %}
        sum(sum_days.{{ figure }}) as {{ figure }},
        {%- endfor %}
        sum_days.question_id
    from sum_days
    inner join calendar on sum_days.occurred_date = calendar.calendar_date
    left join calendar as next_periods
        on
            sum_days.next_date = next_periods.calendar_date
            and calendar.period_grain = next_periods.period_grain
    left join segments on sum_days.segment_key = segments.segment_key
    where
        next_periods.period_index is null
        or calendar.period_index < next_periods.period_index
    group by
        sum_days.counting,
        coalesce(segments.segment_column, sum_days.dimension),
        coalesce(segments.segment_value, sum_days.dimension_value),
        calendar.period_grain,
        calendar.period_index,
        sum_days.question_id
)

select * from final
