-- One row per event of the journey: a purchase, refund, touchpoint or survey answer.
-- customer_id is null for a guest's transaction and an answer without a name.

with transactions as (
    select * from {{ ref('customer_journey', 'int_transactions') }}
),

touchpoints as (
    select * from {{ ref('customer_journey', 'int_touchpoints') }}
),

survey_responses as (
    select *
    from {{ ref('customer_journey', 'stg_survey_responses') }}
    where row_status = 'accepted'
),

combine_events as (
    select
        transaction_id as source_id,
        transaction_type as event_type,
        customer_id,
        occurred_at,
        occurred_date,
        order_date,
        purchase_number,
        cast(null as {{ dbt.type_string() }}) as touchpoint_type,
        cast(null as {{ dbt.type_string() }}) as question_id,
        sales_channel as channel,
        cast(null as {{ dbt.type_string() }}) as campaign,
        cast(null as {{ dbt.type_string() }}) as linked_customer_id,
        amount,
        cost_amount,
        cast(null as {{ type_money() }}) as score,
        cast(null as {{ dbt.type_string() }}) as outcome
    from transactions
    union all
    select
        touchpoint_id as source_id,
        'touchpoint' as event_type,
        customer_id,
        occurred_at,
        occurred_date,
        cast(null as date) as order_date,
        cast(null as bigint) as purchase_number,
        touchpoint_type,
        cast(null as {{ dbt.type_string() }}) as question_id,
        channel,
        campaign,
        linked_customer_id,
        cast(null as {{ type_money() }}) as amount,
        cast(null as {{ type_money() }}) as cost_amount,
        cast(null as {{ type_money() }}) as score,
        outcome
    from touchpoints
    union all
    select
        response_id as source_id,
        'survey_response' as event_type,
        customer_id,
        occurred_at,
        occurred_date,
        cast(null as date) as order_date,
        cast(null as bigint) as purchase_number,
        cast(null as {{ dbt.type_string() }}) as touchpoint_type,
        question_id,
        cast(null as {{ dbt.type_string() }}) as channel,
        cast(null as {{ dbt.type_string() }}) as campaign,
        cast(null as {{ dbt.type_string() }}) as linked_customer_id,
        cast(null as {{ type_money() }}) as amount,
        cast(null as {{ type_money() }}) as cost_amount,
        score,
        cast(null as {{ dbt.type_string() }}) as outcome
    from survey_responses
)

select * from combine_events
