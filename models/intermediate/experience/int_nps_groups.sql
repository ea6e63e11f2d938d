-- One row per segment value, period grain, period and NPS group, or `all` of them: its
-- answers, how satisfied its people were in the period, and what they bought
-- afterwards.
-- The grain `all` has one period, number 0.
-- A view: it has one reader.
{{ config(materialized='view') }}
{%- set place = ['segment_key', 'period_grain', 'period_index', 'nps_group'] %}
{%- set figures = [
    'nps_responses', 'eligible_people', 'repeating_people', 'net_revenue',
    'css_responses', 'css_sum', 'css_square_sum',
] %}

with survey_answers as (
    select * from {{ ref('customer_journey', 'int_survey_answers') }}
    where score is not null and survey_type in ('nps', 'css')
),

nps_follow_ups as (
    select * from {{ ref('customer_journey', 'int_nps_follow_ups') }}
),

segments as (
    select * from {{ ref('customer_journey', 'int_segments') }}
),

calendar as (
    select * from {{ ref('customer_journey', 'int_reporting_calendar') }}
),

count_answers as (
    select
        survey_answers.*,
        calendar.period_grain,
        calendar.period_index
    from survey_answers
    inner join calendar
        on survey_answers.occurred_date = calendar.calendar_date
    left join calendar as next_periods
        on
            survey_answers.next_date = next_periods.calendar_date
            and calendar.period_grain = next_periods.period_grain
    where
        next_periods.period_index is null
        or calendar.period_index < next_periods.period_index
),

list_people as (
    select distinct
        {{ place | join(', ') }},
        customer_id
    from count_answers
    where survey_type = 'nps'
),

combine_figures as (
    select
        {%- for name in place %}
        count_answers.{{ name }},
        {%- endfor %}
        1 as nps_responses,
        case when nps_follow_ups.response_id is not null then 1 else 0 end
            as eligible_people,
        case when nps_follow_ups.has_repeated then 1 else 0 end as repeating_people,
        nps_follow_ups.net_revenue,
        0 as css_responses,
        0 as css_sum,
        0 as css_square_sum
    from count_answers
    left join nps_follow_ups on count_answers.response_id = nps_follow_ups.response_id
    where count_answers.survey_type = 'nps'
    union all
    select
        {%- for name in place %}
        list_people.{{ name }},
        {%- endfor %}
        0 as nps_responses,
        0 as eligible_people,
        0 as repeating_people,
        0 as net_revenue,
        1 as css_responses,
        count_answers.normalised_score as css_sum,
        power(count_answers.normalised_score, 2) as css_square_sum
    from list_people
    inner join count_answers
        on
            list_people.customer_id = count_answers.customer_id
            and list_people.period_grain = count_answers.period_grain
            and list_people.period_index = count_answers.period_index
            and count_answers.survey_type = 'css'
),

list_levels as (
    select true as is_total
    union all
    select false as is_total
),

final as (
    select
        segments.segment_column,
        segments.segment_value,
        combine_figures.period_grain,
        combine_figures.period_index,
        {%- for figure in figures %}
        sum(combine_figures.{{ figure }}) as {{ figure }},
        {%- endfor %}
        case when list_levels.is_total then 'all' else combine_figures.nps_group end
            as nps_group
    from combine_figures
    cross join list_levels
    inner join segments on combine_figures.segment_key = segments.segment_key
    group by
        segments.segment_column,
        segments.segment_value,
        combine_figures.period_grain,
        combine_figures.period_index,
        case when list_levels.is_total then 'all' else combine_figures.nps_group end
)

select * from final
