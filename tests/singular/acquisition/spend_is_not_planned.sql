-- Spend dated later than anything that people did: a plan, or an invoice paid ahead. It
-- moves the as-of date, up to which everybody else then seems to have done nothing.
{{ config(severity='warn') }}

with input_quality as (
    select * from {{ ref('customer_journey', 'int_input_quality') }}
    where row_status = 'accepted'
),

find_last_dates as (
    select
        max(case when input_name = 'marketing_spend' then last_date end)
            as last_spend_date,
        max(case
            when input_name in ('transactions', 'touchpoints', 'survey_responses')
                then last_date
        end) as last_event_date
    from input_quality
)

select
    last_spend_date,
    last_event_date
from find_last_dates
where
    last_spend_date
    > {{ add_days('last_event_date', var('future_tolerance_days')) }}
