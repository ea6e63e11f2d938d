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
    {{ computed_once() }}  -- noqa: PRS
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

list_accepted as (
    select
        question_key as question_id,
        cast({{ dbt.date_trunc('month', 'local_date') }} as date) as month_start,
        given_score as score,
        customer_key as customer_id
    from number_versions
    where version_number = 1
),

list_answers as (
    select
        question_id,
        cast({{ dbt.date_trunc('month', 'responded_date') }} as date) as month_start,
        score,
        customer_id
    from survey_scores
),

count_rows as (
    select
        count(*) as all_rows,
        coalesce(sum(case when is_readable then 0 else 1 end), 0) as rejected_rows,
        (select count(*) from list_accepted) as accepted_rows
    from judge_rows
),

list_values as (
    {%- for relation, side in {'list_accepted': 1, 'list_answers': 0}.items() %}
    {%- for measure, month, value in [
        ("'answers'", 'month_start', '1'),
        ("'answers to ' || question_id", 'cast(null as date)', '1'),
        ("'points given to ' || question_id", 'cast(null as date)', 'score'),
        ("'answers without a name'", 'month_start',
            'case when customer_id is null then 1 end'),
    ] %}
    select
        {{ measure }} as measure,
        {{ month }} as month_start,
        {{ as_double(value) }} * {{ side }} as expected,
        {{ as_double(value) }} * {{ 1 - side }} as found
    from {{ relation }}
    union all
    {%- endfor %}
    {%- endfor %}
    {%- for status, count in {
        'accepted': 'accepted_rows',
        'rejected': 'rejected_rows',
        'merged': 'all_rows - accepted_rows - rejected_rows',
    }.items() %}
    select
        '{{ status }} rows' as measure,
        cast(null as date) as month_start,
        {{ as_double(count) }} as expected,
        0 as found
    from count_rows
    union all
    {%- endfor %}
    select
        row_status || ' rows' as measure,
        cast(null as date) as month_start,
        0 as expected,
        {{ as_double('row_count') }} as found
    from input_quality
)

select
    measure,
    substr({{ as_text('month_start') }}, 1, 7) as period,
    coalesce(sum(expected), 0) as expected,
    coalesce(sum(found), 0) as found
from list_values
group by measure, month_start
having {{ disagrees() }}
