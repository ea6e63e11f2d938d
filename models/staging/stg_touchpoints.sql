-- One row per row of the touchpoints input: typed and judged.
-- depends on: {{ ref('customer_journey', 'stg_input_columns') }}
{%- set columns = input_columns('touchpoints') %}

with raw_touchpoints as (
    select {{ raw_columns(columns, 'touchpoints') }}
    from {{ input_relation('touchpoints') }}
),

journey_touchpoint_types as (
    select * from {{ ref('journey_touchpoint_types') }}
),

parse_columns as (
    select
        *,
        {{ parse_text('touchpoint_id') }} as touchpoint_key,
        {{ parse_text('customer_id') }} as customer_key,
        {{ parse_text('visitor_id') }} as visitor_key,
        {{ parse_local_timestamp('occurred_at', columns.occurred_at) }} as local_time,
        {{ parse_local_timestamp('loaded_at', columns.loaded_at) }} as loaded_time,
        {{ parse_text('touchpoint_type') }} as given_type,
        {{ parse_text('channel') }} as channel_name,
        {{ parse_text('campaign') }} as campaign_name,
        lower({{ parse_text('outcome') }}) as given_outcome
    from raw_touchpoints
),

judge_rows as (
    select
        parse_columns.*,
        coalesce(parse_columns.given_outcome, journey_touchpoint_types.default_outcome)
            as known_outcome,
        {{ is_after_as_of('cast(local_time as date)') }} as is_after_as_of,
        coalesce(
            {{ missing_problem('touchpoint_key', 'touchpoint_id') }},
            {{ parse_problem('local_time', 'occurred_at', 'occurred_at') }},
            {{ date_problem('cast(local_time as date)', 'loaded_time') }},
            {{ missing_problem('coalesce(customer_key, visitor_key)', 'person') }},
            {{ missing_problem('given_type', 'touchpoint_type') }},
            {{ reserved_problem('channel_name', 'channel') }},
            {{ reserved_problem('campaign_name', 'campaign') }},
            case
                when journey_touchpoint_types.touchpoint_type is null
                    then 'unknown_touchpoint_type'
                when
                    parse_columns.given_outcome
                    not in ('positive', 'neutral', 'negative')
                    then 'unknown_outcome'
            end
        ) as problem
    from parse_columns
    left join journey_touchpoint_types
        on parse_columns.given_type = journey_touchpoint_types.touchpoint_type
),

-- Before the versions are sorted, so that no raw column has to be sorted with them.
keep_raw_values as (
    select
        *,
        {{ raw_values(columns, 'touchpoints') }} as raw_values
    from judge_rows
),

number_versions as (
    select
        *,
        row_number() over versions as version_number,
        {{ is_like_kept([
            'customer_key', 'visitor_key', 'local_time', 'given_type', 'channel_name',
            'campaign_name', 'known_outcome',
        ]) }} as is_exact_duplicate
    from keep_raw_values
    window versions as (
        partition by touchpoint_key, is_after_as_of, problem
        order by
            loaded_time desc nulls last, local_time desc, given_type,
            customer_key nulls last, visitor_key nulls last, channel_name nulls last,
            campaign_name nulls last, known_outcome
    )
),

final as (
    select
        touchpoint_key as touchpoint_id,
        customer_key as customer_id,
        visitor_key as visitor_id,
        local_time as occurred_at,
        cast(local_time as date) as occurred_date,
        given_type as touchpoint_type,
        channel_name as channel,
        campaign_name as campaign,
        known_outcome as outcome,
        loaded_time as loaded_at,
        {{ row_status() }} as row_status,
        {{ status_reason() }} as status_reason,
        raw_values
    from number_versions
)

select * from final
