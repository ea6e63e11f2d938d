-- One row per input, row status and reason: how many of its rows, and what share.
-- An input that is switched off or empty has one row of zero.

with input_quality as (
    select *
    from {{ ref('customer_journey', 'int_input_quality') }}
    where row_status <> 'after_as_of'
),

input_columns as (
    select * from {{ ref('customer_journey', 'stg_input_columns') }}
),

list_inputs as (
    select
        input_name,
        max(relation_name) as relation_name
    from input_columns
    group by input_name
),

final as (
    select
        list_inputs.input_name,
        list_inputs.relation_name,
        coalesce(input_quality.row_status, 'accepted') as row_status,
        input_quality.status_reason,
        {{ as_count('coalesce(input_quality.row_count, 0)') }} as row_count,
        {{ ratio(
            'input_quality.row_count',
            'sum(input_quality.row_count) over (partition by list_inputs.input_name)'
        ) }} as row_share,
        input_quality.first_date,
        input_quality.last_date,
        input_quality.last_loaded_at,
        list_inputs.relation_name is null as is_switched_off
    from list_inputs
    left join input_quality on list_inputs.input_name = input_quality.input_name
)

select * from final
