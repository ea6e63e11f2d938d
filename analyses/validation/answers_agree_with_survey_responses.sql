-- One row per measure and question or month in which the survey answers, or the counts
-- of rows, disagree with the raw answers.
{%- set columns = input_columns('survey_responses') %}

with raw_survey_responses as (
    select {{ raw_columns(columns, 'survey_responses') }}
    from {{ input_relation('survey_responses') }}
),

journey_survey_questions as (
    select * from {{ ref('journey_survey_questions') }}
),

local_days as (
    select * from {{ local_days() }}
),

survey_scores as (
    select * from {{ ref('customer_journey', 'fct_survey_scores') }}
),

input_quality as (
    select * from {{ ref('customer_journey', 'rpt_input_quality') }}
    where input_name = 'survey_responses'
),

read_rows as (
    select
        {{ parse_text('response_id') }} as response_key,
        {{ parse_text('customer_id') }} as customer_key,
        {{ parse_text('question_id') }} as question_key,
        responded_at,
        {{ raw_moment('responded_at', columns.responded_at) }} as moment,
        {{ is_whole_day('responded_at', columns.responded_at) }} as is_whole_day,
        {{ parse_local_timestamp('loaded_at', columns.loaded_at) }} as loaded_time,
        coalesce(
            lower({{ parse_text('score') }}) in ('n/a', 'na', 'not applicable'), true
        ) as is_not_applicable,
        {{ parse_money('score', columns.score) }} as given_score,
        comment
    from raw_survey_responses
    {{ computed_once() }}  -- noqa: PRS,LT02
),

date_rows as (
    select
        read_rows.*,
        {{ local_date('read_rows.moment', 'read_rows.is_whole_day') }} as local_date
    from read_rows
    left join local_days on cast(read_rows.moment as date) = local_days.calendar_date
    {{ computed_once() }}  -- noqa: PRS
),

judge_rows as (
    select
        date_rows.*,
        coalesce(
            date_rows.response_key is not null
            and questions.question_id is not null
            and {{ is_possible_date('date_rows.local_date', 'date_rows.loaded_time') }}
            and (
                date_rows.is_not_applicable
                or date_rows.given_score
                between questions.scale_min and questions.scale_max
            ),
            false
        ) as is_readable
    from date_rows
    left join journey_survey_questions as questions
        on date_rows.question_key = questions.question_id
    where not {{ is_after_as_of('date_rows.local_date') }}
),

number_versions as (
    select
        *,
        row_number() over (
            partition by response_key
            order by
                loaded_time desc nulls last,
                {{ parse_local_timestamp('responded_at', columns.responded_at) }} desc,
                question_key, given_score, customer_key nulls last, comment nulls last
        ) as version_number
    from judge_rows
    where is_readable
),

list_answers as (
    select
        'expected' as side,
        question_key as question_id,
        cast({{ dbt.date_trunc('month', 'local_date') }} as date) as month_start,
        given_score as score,
        customer_key as customer_id
    from number_versions
    where version_number = 1
    union all
    select
        'found' as side,
        question_id,
        cast({{ dbt.date_trunc('month', 'responded_date') }} as date) as month_start,
        score,
        customer_id
    from survey_scores
),

sum_answers as (
    select
        side,
        question_id,
        month_start,
        count(*) as answers,
        {{ as_double('sum(score)') }} as points,
        sum(case when customer_id is null then 1 else 0 end) as unnamed_answers
    from list_answers
    group by side, question_id, month_start
),

-- What was read and is neither accepted nor rejected is another version.
count_rows as (
    select
        count(*) as all_rows,
        sum(case when is_readable then 0 else 1 end) as rejected_rows
    from judge_rows
),

measures as (
    {%- for measure in [
        'answers', 'answers without a name', 'answers to', 'points given to',
        'accepted rows', 'merged rows', 'rejected rows',
    ] %}
    {{ 'union all' if not loop.first }}
    select '{{ measure }}' as measure
    {%- endfor %}
),

measure_answers as (
    select
        sum_answers.side,
        case
            when measures.measure like '% to'
                then measures.measure || ' ' || sum_answers.question_id
            else measures.measure
        end as measure,
        case when measures.measure not like '% to' then sum_answers.month_start end
            as month_start,
        case
            when measures.measure like 'points%' then sum_answers.points
            when measures.measure like '% a name' then sum_answers.unnamed_answers
            else sum_answers.answers
        end as figure
    from sum_answers
    cross join measures
    where measures.measure not like '%rows'
),

list_values as (
    select
        measure,
        month_start,
        case when side = 'expected' then figure end as expected,
        case when side = 'found' then figure end as found
    from measure_answers
    union all
    select
        measures.measure,
        cast(null as date) as month_start,
        case when measures.measure = 'accepted rows' then 1 else -1 end
        * sum_answers.answers as expected,
        0 as found
    from sum_answers
    cross join measures
    where
        sum_answers.side = 'expected'
        and measures.measure in ('accepted rows', 'merged rows')
    union all
    select
        measures.measure,
        cast(null as date) as month_start,
        case
            when measures.measure = 'rejected rows' then count_rows.rejected_rows
            else count_rows.all_rows - count_rows.rejected_rows
        end as expected,
        0 as found
    from count_rows
    cross join measures
    where measures.measure in ('merged rows', 'rejected rows')
    union all
    select
        row_status || ' rows' as measure,
        cast(null as date) as month_start,
        0 as expected,
        row_count as found
    from input_quality
)

select
    measure,
    substr({{ as_text('month_start') }}, 1, 7) as period,
    {{ as_double('sum(coalesce(expected, 0))') }} as expected,
    {{ as_double('sum(coalesce(found, 0))') }} as found
from list_values
group by measure, month_start
having {{ disagrees() }}
