-- One row per named NPS answer whose follow-up window is fully observed: what its
-- person bought in the days after it. The day of the answer itself is left out.

with survey_answers as (
    select * from {{ ref('customer_journey', 'int_survey_answers') }}
    where nps_group is not null and customer_id is not null
),

customer_days as (
    select * from {{ ref('customer_journey', 'int_customer_days') }}
),

run_parameters as (
    select * from {{ ref('customer_journey', 'int_run_parameters') }}
),

find_windows as (
    select
        survey_answers.response_id,
        survey_answers.customer_id,
        survey_answers.occurred_date,
        {{ add_days('survey_answers.occurred_date', var('survey_follow_up_days')) }}
            as last_date
    from survey_answers
    cross join run_parameters
    where
        {{ add_days('survey_answers.occurred_date', var('survey_follow_up_days')) }}
        <= run_parameters.as_of_date
        and run_parameters.first_transaction_date is not null
),

final as (
    select
        find_windows.response_id,
        coalesce(max(customer_days.orders), 0) > 0 as has_repeated,
        {{ as_money(
            'coalesce(sum(customer_days.gross_revenue + customer_days.refund_amount), 0)'
        ) }} as net_revenue
    from find_windows
    left join customer_days
        on
            find_windows.customer_id = customer_days.customer_id
            and find_windows.occurred_date < customer_days.entry_date
            and find_windows.last_date >= customer_days.entry_date
    group by find_windows.response_id
)

select * from final
