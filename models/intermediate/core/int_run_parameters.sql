-- One row: what this run observed, and the settings that its numbers depend on.
-- Stops the run when the inputs or the definition of the journey cannot carry it.

with input_quality as (
    select * from {{ ref('customer_journey', 'int_input_quality') }}
),

definition_problems as (
    select * from {{ ref('customer_journey', 'int_definition_problems') }}
),

-- Exchange rates, identities and customers are descriptions, not observations.
find_span as (
    select
        max(last_date) as last_event_date,
        min(first_date) as first_event_date,
        min(case when input_name = 'transactions' then first_date end)
            as first_transaction_date
    from input_quality
    where
        row_status = 'accepted'
        and input_name in (
            'transactions', 'touchpoints', 'marketing_spend', 'survey_responses'
        )
),

find_hidden_transactions as (
    select min(first_date) as first_hidden_date
    from input_quality
    where input_name = 'transactions' and row_status = 'after_as_of'
),

sum_rejections as (
    select
        input_name,
        sum(case when row_status = 'rejected' then row_count else 0 end)
            as rejected_count,
        sum(row_count) as raw_count
    from input_quality
    where row_status <> 'after_as_of'
    group by input_name
),

find_excess_rejections as (
    select
        min(
            input_name || '_input: '
            || {{ as_text(as_count('rejected_count')) }} || ' of '
            || {{ as_text(as_count('raw_count')) }}
            || ' rows are rejected, more than max_rejected_share = '
            || '{{ var("max_rejected_share") }}'
            || ' allows: fct_rejected_rows has every row and its reason.'
        ) as excess
    from sum_rejections
    where rejected_count > {{ var('max_rejected_share') }} * raw_count
),

list_definition_problems as (
    select {{ joined_text('problem', ' ', 'problem') }} as definition_problem
    from definition_problems
),

describe_problem as (
    select
        find_span.*,
        case
            when list_definition_problems.definition_problem is not null
                then list_definition_problems.definition_problem
            when
                find_span.first_transaction_date is null
                and find_hidden_transactions.first_hidden_date is not null
                then
                    'as_of_date is {{ var("as_of_date") }}, before the first'
                    || ' transaction on '
                    || {{ as_text('find_hidden_transactions.first_hidden_date') }}
                    || ': choose that day or a later one, or null for the latest.'
            else find_excess_rejections.excess
        end as problem
    from find_span
    cross join find_hidden_transactions
    cross join find_excess_rejections
    cross join list_definition_problems
),

final as (
    select
        coalesce({{ date_variable('as_of_date') }}, last_event_date) as as_of_date,
        coalesce({{ date_variable('history_start_date') }}, first_transaction_date)
            as history_start_date,
        {{ 'true' if var('history_start_date') is not none else 'false' }}
            as is_history_start_known,
        first_event_date,
        first_transaction_date,
        '{{ var("reporting_timezone") }}' as reporting_timezone,
        '{{ var("reporting_currency") }}' as reporting_currency,
        '{{ var("week_start") }}' as week_start,
        {{ var('left_truncation_days') }} as left_truncation_days,
        case when problem is not null then {{ stop_with('problem') }} else true end
            as is_within_limits
    from describe_problem
)

select * from final
