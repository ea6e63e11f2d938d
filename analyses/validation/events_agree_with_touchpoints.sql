-- One row per measure and month in which the events, or the counts of rows, disagree
-- with the raw touchpoints.
-- Only touches that share a key can supersede each other; they are looked at one by
-- one, the others are added up straight away.
{%- set columns = input_columns('touchpoints') %}
{%- set visitor_columns = input_columns('identities') %}

with raw_keys as (
    select {{ parse_text(raw_column(columns, 'touchpoint_id')) }} as touchpoint_key
    from {{ input_relation('touchpoints') }}
),

raw_touchpoints as (
    select {{ raw_columns(columns, 'touchpoints') }}
    from {{ input_relation('touchpoints') }}
),

raw_identities as (
    select {{ raw_columns(visitor_columns, 'identities') }}
    from {{ input_relation('identities') }}
),

journey_touchpoint_types as (
    select * from {{ ref('journey_touchpoint_types') }}
),

local_days as (
    select * from {{ local_days() }}
),

journey_events as (
    select * from {{ ref('customer_journey', 'fct_journey_events') }}
    where event_type = 'touchpoint'
),

input_quality as (
    select * from {{ ref('customer_journey', 'rpt_input_quality') }}
    where input_name = 'touchpoints'
),

find_shared_keys as (
    select touchpoint_key as shared_key
    from raw_keys
    group by touchpoint_key
    having count(*) > 1
),

find_customers as (
    select
        {{ parse_text('visitor_id') }} as known_visitor,
        min({{ parse_text('customer_id') }}) as known_customer
    from raw_identities
    group by {{ parse_text('visitor_id') }}
),

read_rows as (
    select
        {{ parse_text('touchpoint_id') }} as touchpoint_key,
        {{ parse_text('customer_id') }} as customer_key,
        {{ parse_text('visitor_id') }} as visitor_key,
        occurred_at,
        {{ raw_moment('occurred_at', columns.occurred_at) }} as moment,
        {{ is_whole_day('occurred_at', columns.occurred_at) }} as is_whole_day,
        {{ parse_local_timestamp('loaded_at', columns.loaded_at) }} as loaded_time,
        {{ parse_text('touchpoint_type') }} as given_type,
        {{ parse_text('channel') }} as channel_name,
        {{ parse_text('campaign') }} as campaign_name,
        lower({{ parse_text('outcome') }}) as given_outcome
    from raw_touchpoints
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
        coalesce(date_rows.given_outcome, types.default_outcome) as known_outcome,
        coalesce(
            date_rows.customer_key, find_customers.known_customer, 'visitor:'
        ) like 'visitor:%' as is_anonymous,
        coalesce(
            date_rows.touchpoint_key is not null
            and coalesce(date_rows.customer_key, date_rows.visitor_key) is not null
            and types.touchpoint_type is not null
            and coalesce(
                date_rows.given_outcome in ('positive', 'neutral', 'negative'), true
            )
            and {{ reserved_problem('date_rows.channel_name', 'channel') }} is null
            and {{ reserved_problem('date_rows.campaign_name', 'campaign') }} is null
            and {{ is_possible_date('date_rows.local_date', 'date_rows.loaded_time') }},
            false
        ) as is_readable,
        find_shared_keys.shared_key
    from date_rows
    left join journey_touchpoint_types as types
        on date_rows.given_type = types.touchpoint_type
    left join find_customers on date_rows.visitor_key = find_customers.known_visitor
    left join find_shared_keys
        on date_rows.touchpoint_key = find_shared_keys.shared_key
    where not {{ is_after_as_of('date_rows.local_date') }}
),

number_versions as (
    select
        local_date,
        channel_name,
        is_anonymous,
        row_number() over (
            partition by shared_key
            order by
                loaded_time desc nulls last,
                {{ parse_local_timestamp('occurred_at', columns.occurred_at) }} desc,
                given_type, customer_key nulls last, visitor_key nulls last,
                channel_name nulls last, campaign_name nulls last, known_outcome
        ) as version_number
    from judge_rows
    where shared_key is not null and is_readable
),

list_accepted as (
    select
        local_date,
        channel_name,
        is_anonymous
    from number_versions
    where version_number = 1
    union all
    select
        local_date,
        channel_name,
        is_anonymous
    from judge_rows
    where shared_key is null and is_readable
),

sum_touches as (
    select
        cast({{ dbt.date_trunc('month', 'local_date') }} as date) as month_start,
        coalesce(channel_name, '(none)') as channel,
        count(*) as touches,
        sum(case when is_anonymous then 1 else 0 end) as anonymous_touches
    from list_accepted
    group by
        cast({{ dbt.date_trunc('month', 'local_date') }} as date),
        coalesce(channel_name, '(none)')
),

sum_events as (
    select
        cast({{ dbt.date_trunc('month', 'occurred_date') }} as date) as month_start,
        coalesce(channel, '(none)') as channel,
        count(*) as touches,
        sum(case when customer_id like 'visitor:%' then 1 else 0 end)
            as anonymous_touches
    from journey_events
    group by
        cast({{ dbt.date_trunc('month', 'occurred_date') }} as date),
        coalesce(channel, '(none)')
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
        'touches', 'touches of visitors who are not known', 'touches of the channel',
        'accepted rows', 'merged rows', 'rejected rows',
    ] %}
    {{ 'union all' if not loop.first }}
    select '{{ measure }}' as measure
    {%- endfor %}
),

list_sums as (
    select
        'expected' as side,
        month_start,
        channel,
        touches,
        anonymous_touches
    from sum_touches
    union all
    select
        'found' as side,
        month_start,
        channel,
        touches,
        anonymous_touches
    from sum_events
),

list_values as (
    select
        case
            when measures.measure = 'touches of the channel'
                then measures.measure || ' ' || list_sums.channel
            else measures.measure
        end as measure,
        case
            when measures.measure not like '% the channel' then list_sums.month_start
        end as month_start,
        case
            when list_sums.side = 'found' then 0
            when measures.measure like '% not known' then list_sums.anonymous_touches
            else list_sums.touches
        end as expected,
        case
            when list_sums.side = 'expected' then 0
            when measures.measure like '% not known' then list_sums.anonymous_touches
            else list_sums.touches
        end as found
    from list_sums
    cross join measures
    where measures.measure like 'touches%'
    union all
    select
        measures.measure,
        cast(null as date) as month_start,
        case when measures.measure = 'accepted rows' then 1 else -1 end
        * sum_touches.touches as expected,
        0 as found
    from sum_touches
    cross join measures
    where measures.measure in ('accepted rows', 'merged rows')
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
