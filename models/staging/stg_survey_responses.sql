-- One row per row of the survey_responses input: typed and judged.
-- depends on: {{ ref('customer_journey', 'stg_input_columns') }}
{%- set columns = input_columns('survey_responses') %}

with raw_survey_responses as (
    select {{ raw_columns(columns, 'survey_responses') }}
    from {{ input_relation('survey_responses') }}
),

journey_survey_questions as (
    select * from {{ ref('journey_survey_questions') }}
),

parse_columns as (
    select
        *,
        {{ parse_text('response_id') }} as response_key,
        {{ parse_text('customer_id') }} as customer_key,
        {{ parse_local_timestamp('responded_at', columns.responded_at) }} as local_time,
        {{ parse_local_timestamp('loaded_at', columns.loaded_at) }} as loaded_time,
        {{ parse_text('question_id') }} as question_key,
        coalesce(
            lower({{ parse_text('score') }}) in ('n/a', 'na', 'not applicable'), true
        ) as is_not_applicable,
        {{ parse_money('score', columns.score) }} as given_score
    from raw_survey_responses
),

judge_rows as (
    select
        parse_columns.*,
        {{ is_after_as_of('cast(local_time as date)') }} as is_after_as_of,
        coalesce(
            {{ missing_problem('response_key', 'response_id') }},
            {{ parse_problem('local_time', 'responded_at', 'responded_at') }},
            {{ date_problem('cast(local_time as date)', 'loaded_time') }},
            {{ missing_problem('question_key', 'question_id') }},
            {{ unknown_problem('journey_survey_questions.question_id', 'question') }},
            case
                when parse_columns.is_not_applicable then null
                when parse_columns.given_score is null then 'unparseable_score'
                when parse_columns.given_score < journey_survey_questions.scale_min
                    or parse_columns.given_score > journey_survey_questions.scale_max
                    then 'score_out_of_range'
            end
        ) as problem
    from parse_columns
    left join journey_survey_questions
        on parse_columns.question_key = journey_survey_questions.question_id
),

-- Before the versions are sorted, so that no raw column has to be sorted with them.
keep_raw_values as (
    select
        *,
        {{ raw_values(columns, 'survey_responses') }} as raw_values
    from judge_rows
),

number_versions as (
    select
        *,
        row_number() over versions as version_number,
        {{ is_like_kept([
            'customer_key', 'local_time', 'question_key', 'given_score', 'comment',
        ]) }} as is_exact_duplicate
    from keep_raw_values
    window versions as (
        partition by response_key, is_after_as_of, problem
        order by
            loaded_time desc nulls last, local_time desc, question_key,
            given_score, customer_key nulls last, comment nulls last
    )
),

final as (
    select
        response_key as response_id,
        customer_key as customer_id,
        local_time as occurred_at,
        cast(local_time as date) as occurred_date,
        question_key as question_id,
        {{ as_money('given_score') }} as score,
        is_not_applicable,
        comment,
        loaded_time as loaded_at,
        {{ row_status() }} as row_status,
        {{ status_reason() }} as status_reason,
        raw_values
    from number_versions
)

select * from final
