-- One row per score over all of history, in points of 100, and one for its standard
-- error, by the width of its 95% interval. What rests on less than a small sample is
-- null.

with experience as (
    select * from {{ ref('customer_journey', 'rpt_experience') }}
    where
        segment_column = 'all'
        and question_id = 'all'
        and period_grain = 'all'
),

retention as (
    select * from {{ ref('customer_journey', 'rpt_retention') }}
    where segment_column = 'all'
),

names as (
    select 'nps' as score_name
    union all
    select 'css' as score_name
    union all
    select 'exs' as score_name
    union all
    select 'retention_in_month_1' as score_name
    union all
    select 'repeat_purchase' as score_name
),

list_scores as (
    select
        survey_type as score_name,
        score,
        score_upper - score_lower as interval_width,
        responses as sample_size
    from experience
    union all
    select
        'retention_in_month_1' as score_name,
        100 * rate as score,
        100 * (rate_upper - rate_lower) as interval_width,
        eligible_customers as sample_size
    from retention
    where
        measure = 'cohort_average_weighted'
        and period_grain = 'month'
        and offset_basis = 'calendar'
        and period_number = 1
    union all
    select
        'repeat_purchase' as score_name,
        100 * rate as score,
        100 * (rate_upper - rate_lower) as interval_width,
        eligible_customers as sample_size
    from retention
    where
        measure = 'repeat_purchase' and period_grain = 'all' and window_days is null
),

kinds as (
    select 'score' as kind
    union all
    select 'error' as kind
)

select
    kinds.kind || '.' || names.score_name as figure,
    case
        when names.score_name in ('nps', 'css', 'exs') then 'rpt_experience'
        else 'rpt_retention'
    end as table_name,
    case
        when list_scores.sample_size < {{ var('small_sample_size') }} then null
        when kinds.kind = 'score' then list_scores.score
        else list_scores.interval_width / (2 * {{ z_95() }})
    end as value  -- noqa: LT09
from names
cross join kinds
left join list_scores on names.score_name = list_scores.score_name
