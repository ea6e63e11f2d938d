-- The public tables as one analyst would write them for DuckDB alone: its own dialect,
-- typed inputs with clean texts, one setting of every variable, no tests.
-- scripts/benchmark.py sets the variables inputs and seeds (folders), parameters (a
-- file) and timezone.

create macro local_time(utc_time) as
    timezone(getvariable('timezone'), timezone('UTC', utc_time));
create macro ratio(a, b) as a::double / nullif(b::double, 0);
create macro ratio_of_positive(a, b) as ratio(a, if(b > 0, b, null));
create macro wilson(s, n, side) as (
    s::double + 1.959963984540054 ** 2 / 2 + side * 1.959963984540054
    * sqrt(greatest(s * (n - s) / nullif(n::double, 0), 0) + 1.959963984540054 ** 2 / 4)
) / (nullif(n::double, 0) + 1.959963984540054 ** 2);
create macro log_log(survival, variance, side) as case
    when survival = 1 then 1
    when survival > 0 then
        survival ** exp(side * 1.959963984540054 * sqrt(variance) / ln(survival))
end;
create macro is_reserved(name) as
    name in ('all', '(none)', '(start)', '(conversion)', '(null)')
    or starts_with(name, '(visits) ');
create macro period_index(grain, d) as case grain
    when 'day' then d - date '1970-01-01'
    when 'week' then (d - date '1969-12-29') // 7
    when 'month' then year(d) * 12 + month(d)
    when 'quarter' then year(d) * 4 + quarter(d)
    when 'year' then year(d)
end::integer;

create temp view grains as from read_csv(getvariable('seeds') || '/period_grains.csv');

-- Judged inputs. Only keys that occur twice need a window to tell their versions apart.
create temp table rates as
select
    rate_date,
    upper(currency) as currency,
    rate::decimal(18, 8) as rate,
    case
        when rate_date is null then 'missing_rate_date'
        when rate_date not between '1990-01-01' and '2099-12-31'
            then 'date_out_of_range'
        when currency is null then 'missing_currency'
        when rate is null then 'missing_rate'
        when rate <= 0 then 'non_positive_rate'
    end as problem,
    row_number() over versions as version,
    first(rate) over versions = rate as is_repeated,
    'rate_date=' || rate_date || '; currency=' || currency || '; rate=' || rate
        as raw_values
from read_parquet(getvariable('inputs') || '/exchange_rates.parquet')
window versions as (partition by rate_date, currency order by rate desc);

create temp view good_rates as
select rate_date, currency, rate from rates where problem is null and version = 1;

create temp table transactions as
with judged as (
    select
        transaction_id,
        customer_id,
        local_time(occurred_at) as local_at,
        local_at::date as local_date,
        local_time(loaded_at) as local_loaded_at,
        case
            when lower(transaction_type) = 'refund' or amount < 0 then 'refund'
            when coalesce(lower(transaction_type), 'purchase') = 'purchase'
                then 'purchase'
        end as event_type,
        case when lower(transaction_type) = 'refund' then -abs(amount) else amount end
            ::decimal(18, 4) as given_amount,
        coalesce(upper(t.currency), 'USD') as given_currency,
        case when given_currency = 'USD' then 1 else rate end as applied_rate,
        cost::decimal(18, 4) as given_cost,
        original_transaction_id,
        sales_channel,
        case
            when transaction_id is null then 'missing_transaction_id'
            when occurred_at is null then 'missing_occurred_at'
            when local_date not between '1990-01-01' and '2099-12-31'
                then 'date_out_of_range'
            when local_date > local_loaded_at::date + 1 then 'future_date'
            when amount is null then 'missing_amount'
            when event_type is null then 'unknown_transaction_type'
            when applied_rate is null then 'missing_exchange_rate'
        end as problem,
        if(problem is null, null, concat(
            'transaction_id=', transaction_id, '; customer_id=', customer_id,
            '; occurred_at=', occurred_at, '; amount=', amount,
            '; currency=', t.currency, '; transaction_type=', transaction_type,
            '; original_transaction_id=', original_transaction_id, '; cost=', cost,
            '; sales_channel=', sales_channel, '; loaded_at=', loaded_at
        )) as raw_values
    from read_parquet(getvariable('inputs') || '/transactions.parquet') as t
    left join good_rates as r
        on upper(t.currency) = r.currency and local_time(occurred_at)::date = rate_date
),
repeated as (
    select transaction_id from judged where problem is null
    group by all having count(*) > 1
)
select *, 1 as version, false as is_repeated
from judged anti join repeated using (transaction_id)
union all
select
    *,
    row_number() over versions as version,
    first((
        customer_id, local_at, event_type, given_amount, given_currency,
        original_transaction_id, given_cost, sales_channel
    )) over versions = (
        customer_id, local_at, event_type, given_amount, given_currency,
        original_transaction_id, given_cost, sales_channel
    )
from judged semi join repeated using (transaction_id)
window versions as (
    partition by transaction_id, problem
    order by local_loaded_at desc nulls last, local_at desc, given_amount desc,
        customer_id, given_currency, original_transaction_id, given_cost, sales_channel
);

create temp table touchpoints as
with types as (
    from read_csv(getvariable('seeds') || '/journey_touchpoint_types.csv')
),
judged as (
    select
        touchpoint_id,
        customer_id,
        visitor_id,
        local_time(occurred_at) as local_at,
        local_at::date as local_date,
        local_time(loaded_at) as local_loaded_at,
        t.touchpoint_type,
        channel,
        campaign,
        coalesce(lower(outcome), default_outcome) as known_outcome,
        case
            when touchpoint_id is null then 'missing_touchpoint_id'
            when occurred_at is null then 'missing_occurred_at'
            when local_date not between '1990-01-01' and '2099-12-31'
                then 'date_out_of_range'
            when local_date > local_loaded_at::date + 1 then 'future_date'
            when customer_id is null and visitor_id is null then 'missing_person'
            when t.touchpoint_type is null then 'missing_touchpoint_type'
            when is_reserved(channel) then 'reserved_channel'
            when is_reserved(campaign) then 'reserved_campaign'
            when types.touchpoint_type is null then 'unknown_touchpoint_type'
            when lower(outcome) not in ('positive', 'neutral', 'negative')
                then 'unknown_outcome'
        end as problem,
        if(problem is null, null, concat(
            'touchpoint_id=', touchpoint_id, '; occurred_at=', occurred_at,
            '; touchpoint_type=', t.touchpoint_type, '; customer_id=', customer_id,
            '; visitor_id=', visitor_id, '; channel=', channel, '; campaign=', campaign,
            '; outcome=', outcome, '; loaded_at=', loaded_at
        )) as raw_values
    from read_parquet(getvariable('inputs') || '/touchpoints.parquet') as t
    left join types on t.touchpoint_type = types.touchpoint_type
),
repeated as (
    select touchpoint_id from judged where problem is null
    group by all having count(*) > 1
)
select *, 1 as version, false as is_repeated
from judged anti join repeated using (touchpoint_id)
union all
select
    *,
    row_number() over versions as version,
    first((
        customer_id, visitor_id, local_at, touchpoint_type, channel, campaign,
        known_outcome
    )) over versions = (
        customer_id, visitor_id, local_at, touchpoint_type, channel, campaign,
        known_outcome
    )
from judged semi join repeated using (touchpoint_id)
window versions as (
    partition by touchpoint_id, problem
    order by local_loaded_at desc nulls last, local_at desc, touchpoint_type,
        customer_id, visitor_id, channel, campaign, known_outcome
);

create temp table survey_responses as
with questions as (
    from read_csv(getvariable('seeds') || '/journey_survey_questions.csv')
),
judged as (
    select
        response_id,
        customer_id,
        local_time(responded_at) as local_at,
        local_at::date as local_date,
        local_time(loaded_at) as local_loaded_at,
        s.question_id,
        score::decimal(18, 4) as given_score,
        comment,
        case
            when response_id is null then 'missing_response_id'
            when responded_at is null then 'missing_responded_at'
            when local_date not between '1990-01-01' and '2099-12-31'
                then 'date_out_of_range'
            when local_date > local_loaded_at::date + 1 then 'future_date'
            when s.question_id is null then 'missing_question_id'
            when questions.question_id is null then 'unknown_question'
            when score not between scale_min and scale_max then 'score_out_of_range'
        end as problem,
        if(problem is null, null, concat(
            'response_id=', response_id, '; responded_at=', responded_at,
            '; question_id=', s.question_id, '; score=', score,
            '; customer_id=', customer_id, '; comment=', comment,
            '; loaded_at=', loaded_at
        )) as raw_values
    from read_parquet(getvariable('inputs') || '/survey_responses.parquet') as s
    left join questions on s.question_id = questions.question_id
),
repeated as (
    select response_id from judged where problem is null
    group by all having count(*) > 1
)
select *, 1 as version, false as is_repeated
from judged anti join repeated using (response_id)
union all
select
    *,
    row_number() over versions as version,
    first((customer_id, local_at, question_id, given_score)) over versions
    = (customer_id, local_at, question_id, given_score)
from judged semi join repeated using (response_id)
window versions as (
    partition by response_id, problem
    order by local_loaded_at desc nulls last, local_at desc, question_id, given_score,
        customer_id, comment
);

create temp table register as
select
    customer_id,
    local_time(created_at) as created_at,
    case
        when customer_id is null then 'missing_customer_id'
        when local_time(created_at)::date not between '1990-01-01' and '2099-12-31'
            then 'date_out_of_range'
    end as problem,
    row_number() over versions as version,
    first(created_at) over versions is not distinct from created_at as is_repeated,
    concat('customer_id=', customer_id, '; created_at=', created_at) as raw_values
from read_parquet(getvariable('inputs') || '/customers.parquet')
window versions as (partition by customer_id order by created_at desc);

create temp table identities as
select
    visitor_id,
    customer_id,
    case
        when visitor_id is null then 'missing_visitor_id'
        when customer_id is null then 'missing_customer_id'
    end as problem,
    row_number() over versions as version,
    first(customer_id) over versions = customer_id as is_repeated,
    concat('visitor_id=', visitor_id, '; customer_id=', customer_id) as raw_values
from read_parquet(getvariable('inputs') || '/identities.parquet')
window versions as (partition by visitor_id order by customer_id);

create temp table spend as
with judged as (
    select
        spend_date,
        channel,
        campaign,
        (amount::decimal(18, 4) * if(
            coalesce(upper(s.currency), 'USD') = 'USD', 1, rate
        ))::decimal(18, 4) as amount,
        case
            when spend_date is null then 'missing_spend_date'
            when spend_date not between '1990-01-01' and '2099-12-31'
                then 'date_out_of_range'
            when channel is null then 'missing_channel'
            when is_reserved(channel) then 'reserved_channel'
            when is_reserved(campaign) then 'reserved_campaign'
            when s.amount is null then 'missing_amount'
            when s.amount < 0 then 'negative_amount'
            when coalesce(upper(s.currency), 'USD') <> 'USD' and rate is null
                then 'missing_exchange_rate'
        end as problem,
        concat(
            'spend_date=', spend_date, '; channel=', channel, '; amount=', s.amount,
            '; campaign=', campaign, '; currency=', s.currency
        ) as raw_values
    from read_parquet(getvariable('inputs') || '/marketing_spend.parquet') as s
    left join good_rates as r
        on upper(s.currency) = r.currency and s.spend_date = r.rate_date
)
select
    *,
    problem is null and row_number() over (
        partition by spend_date, channel, campaign, problem
    ) > 1 as is_repeated
from judged;

-- Quality.
create temp view judged_rows as
select
    'transactions' as input_name, transaction_id as row_key, problem, version,
    is_repeated, raw_values, local_at as occurred_at, local_loaded_at as loaded_at
from transactions
union all
select
    'touchpoints', touchpoint_id, problem, version, is_repeated, raw_values, local_at,
    local_loaded_at
from touchpoints
union all
select
    'survey_responses', response_id, problem, version, is_repeated, raw_values,
    local_at, local_loaded_at
from survey_responses
union all
select
    'customers', customer_id, problem, version, is_repeated, raw_values, created_at,
    null
from register
union all
select 'identities', visitor_id, problem, version, is_repeated, raw_values, null, null
from identities
union all
select
    'exchange_rates', rate_date || ' ' || currency, problem, version, is_repeated,
    raw_values, rate_date, null
from rates
union all
select
    'marketing_spend', spend_date || ' ' || channel, problem, 1, is_repeated,
    raw_values, spend_date, null
from spend;

create table fct_rejected_rows as
select
    input_name, row_key, problem as reject_reason, raw_values, occurred_at, loaded_at
from judged_rows
where problem is not null;

create table rpt_input_quality as
with counted as (
    select
        input_name,
        case
            when problem is not null then 'rejected'
            when version > 1 then 'merged'
            else 'accepted'
        end as row_status,
        case
            when problem is not null then problem
            when version > 1 and is_repeated then 'exact_duplicate'
            when version > 1 then 'superseded_by_later_row'
            when input_name = 'marketing_spend' and is_repeated
                then 'repeated_day_channel_campaign'
        end as status_reason,
        count(*) as row_count,
        min(occurred_at)::date as first_date,
        max(occurred_at)::date as last_date,
        max(loaded_at) as last_loaded_at
    from judged_rows
    group by all
),
inputs as (
    select unnest([
        'transactions', 'touchpoints', 'survey_responses', 'customers', 'identities',
        'exchange_rates', 'marketing_spend'
    ]) as input_name
)
select
    input_name,
    'raw_' || input_name as relation_name,
    coalesce(row_status, 'accepted') as row_status,
    status_reason,
    coalesce(row_count, 0) as row_count,
    ratio(row_count, sum(row_count) over (partition by input_name)) as row_share,
    first_date,
    last_date,
    last_loaded_at,
    false as is_switched_off
from inputs left join counted using (input_name);

-- Periods.
create temp table span as
select
    max(last_date) as as_of,
    min(first_date) as first_event,
    min(first_date) filter (input_name = 'transactions') as first_transaction
from rpt_input_quality
where row_status = 'accepted' and input_name in (
    'transactions', 'touchpoints', 'marketing_spend', 'survey_responses'
);

create temp table periods as
with dates as (
    select unnest(generate_series(first_event, as_of, interval 1 day))::date as d
    from span
),
bounds as (
    select
        period_grain,
        if(
            period_grain = 'week',
            date '1969-12-29' + 7 * period_index('week', d),
            date_trunc(period_grain, d)
        )::date as period_start,
        (period_start + case period_grain
            when 'quarter' then interval 3 months
            when 'year' then interval 1 year
            when 'month' then interval 1 month
            when 'week' then interval 7 days
            else interval 1 day
        end)::date - 1 as period_end,
        period_index(period_grain, d) as period_index,
        max(d) as last_date
    from dates cross join grains
    group by all
)
select
    p.period_grain,
    p.period_start,
    p.period_end,
    p.period_index,
    p.period_end - p.period_start + 1 as day_count,
    p.period_end <= as_of as is_complete,
    lag(p.period_start) over (partition by p.period_grain order by p.period_start)
        as previous_period_start,
    y.period_start as same_period_last_year_start,
    periods_per_year,
    p.last_date >= first_transaction as has_growth
from bounds as p
cross join span
join grains using (period_grain)
left join bounds as y
    on p.period_grain = y.period_grain
    and p.period_index - periods_per_year = y.period_index;

create table dim_periods as
select * exclude (periods_per_year, has_growth) from periods;

-- Events and people. The types are declared in the order in which events of one moment
-- happen.
create type event_kind as enum (
    'touchpoint', 'purchase', 'refund', 'survey_response'
);
set variable stages = [
    'awareness', 'consideration', 'conversion', 'retention', 'advocacy'
];

create temp view milestones as
from read_csv(getvariable('seeds') || '/journey_milestones.csv');

create temp view questions as
from read_csv(getvariable('seeds') || '/journey_survey_questions.csv');

create temp view touchpoint_types as
from read_csv(getvariable('seeds') || '/journey_touchpoint_types.csv');

create temp table happenings as
select
    transaction_id as source_id,
    if(t.event_type = 'refund', coalesce(t.customer_id, p.customer_id), t.customer_id)
        as customer_id,
    t.event_type::event_kind as event_type,
    null as touchpoint_type,
    null as question_id,
    sales_channel as channel,
    null as campaign,
    (t.given_amount * if(
        p.given_currency = t.given_currency, p.applied_rate, t.applied_rate
    ))::decimal(18, 4) as amount,
    (given_cost * t.applied_rate)::decimal(18, 4) as cost_amount,
    null::decimal(18, 4) as score,
    null as outcome,
    null as named_customer_id,
    t.local_at as occurred_at,
    t.local_date as occurred_date,
    coalesce(p.local_date, t.local_date) as order_date
from transactions as t
left join (
    select
        transaction_id as original_transaction_id, customer_id, given_currency,
        applied_rate, local_date
    from transactions
    semi join (
        select original_transaction_id as transaction_id from transactions
        where event_type = 'refund'
    ) using (transaction_id)
    where problem is null and version = 1
        and event_type = 'purchase'
) as p
    on t.event_type = 'refund' and t.original_transaction_id = p.original_transaction_id
where problem is null and version = 1
union all
select
    touchpoint_id,
    coalesce(t.customer_id, i.customer_id, 'visitor:' || t.visitor_id),
    'touchpoint'::event_kind, touchpoint_type, null, channel, campaign,
    null, null, null, known_outcome,
    nullif(i.customer_id, coalesce(t.customer_id, i.customer_id)), local_at,
    local_date, null
from touchpoints as t
left join identities as i
    on t.visitor_id = i.visitor_id and i.problem is null and i.version = 1
where t.problem is null and t.version = 1
union all
select
    response_id, customer_id, 'survey_response'::event_kind, null, question_id,
    null, null, null, null, given_score, null, null, local_at, local_date, null
from survey_responses
where problem is null and version = 1;

create table dim_channels as
with
seen as (
    from read_csv(getvariable('seeds') || '/journey_channels.csv')
    select channel, channel_group, is_paid, is_direct, 'list' as source
    union all by name
    select channel, if(event_type = 'touchpoint', 'touch', 'sale') as source
    from happenings where channel <> 'all'
    union all by name
    select channel, if(amount > 0, 'spend', 'free') as source
    from spend where problem is null
    union all by name
    select unnest(['(none)', '(guest)']) as channel
)
select
    channel,
    coalesce(any_value(channel_group), channel) as channel_group,
    coalesce(any_value(is_paid), bool_or(source = 'spend'), false) as is_paid,
    coalesce(any_value(is_direct), false) as is_direct,
    coalesce(bool_or(source = 'list'), false) as is_listed,
    coalesce(bool_or(source = 'touch'), false) as has_touchpoints,
    coalesce(bool_or(source = 'sale'), false) as has_transactions,
    coalesce(bool_or(source = 'spend'), false) as has_spend
from seen
group by channel;

drop view judged_rows;
drop table transactions;
drop table touchpoints;

create temp table people as
select
    customer_id,
    min(occurred_at) as first_seen_at,
    min(occurred_at) filter (event_type = 'purchase') as first_purchase_at,
    min(occurred_at) filter (event_type = 'touchpoint') as first_touch_at,
    max(occurred_date) filter (event_type = 'purchase') as last_purchase_date,
    max(occurred_at) filter (event_type = 'touchpoint' and channel is not null)
        as last_touch_at
from happenings
where customer_id is not null
group by all;

-- Every event of a person in order, and the stage that it reaches, which no later event
-- undoes: what came before the first purchase stays without effect.
create table journey_events as
select
    source_id, h.customer_id, event_type, h.touchpoint_type, h.question_id, channel,
    campaign, amount, cost_amount, score, outcome, occurred_at, occurred_date,
    order_date,
    case
        when event_type <> 'purchase' then coalesce(t.milestone, q.milestone)
        when occurred_date > first_purchase_at::date then 'repeat_purchase'
        else 'purchase'
    end as milestone,
    medium,
    case
        when event_type = 'purchase'
            then if(occurred_date > first_purchase_at::date, 'retention', 'conversion')
        when m.stage in ('awareness', 'consideration') then m.stage
        when occurred_at >= first_purchase_at and (
            m.stage = 'advocacy' and outcome = 'positive'
            or survey_type = 'nps' and score >= 9
        )
            then 'advocacy'
    end as reached_stage,
    if(reached_stage = 'advocacy', named_customer_id, null) as referred_customer_id,
    if(h.customer_id is null, null, row_number() over journey) as step_number,
    if(h.customer_id is null, null, date_sub(
        'second', lag(occurred_at) over journey, occurred_at
    )) as seconds_since_previous
from happenings as h
left join people as p on h.customer_id = p.customer_id
left join touchpoint_types as t on h.touchpoint_type = t.touchpoint_type
left join milestones as m on t.milestone = m.milestone
left join questions as q on h.question_id = q.question_id
window journey as (
    partition by h.customer_id order by occurred_at, event_type, source_id
);

drop table happenings;

-- When a person first reached each stage, by an answer and by anything else, and the
-- step that took them there. The first event starts the first stage, whatever it is.
create temp table reaches as
select
    customer_id,
    coalesce(list_position(getvariable('stages'), reached_stage), 1) as stage_order,
    event_type = 'survey_response' as by_answer,
    min(occurred_at) as reached_at,
    min((occurred_at, reached_stage is null, step_number))[3] as step_number
from journey_events
where customer_id is not null and (reached_stage is not null or step_number = 1)
group by all;

-- Where a path of marketing touches ends: at a purchase occasion, or nowhere.
create type path_type as enum ('first', 'repeat');
create temp table ends as
with found as (
    select
        customer_id,
        occurred_date as conversion_date,
        min(occurred_at) as ended_at,
        ended_at as touched_until,
        arg_min(source_id, step_number) as conversion_id,
        sum(amount)::decimal(18, 4) as gross_revenue
    from journey_events
    where event_type = 'purchase' and customer_id is not null
    group by all
    union all by name
    select customer_id, last_touch_at as ended_at, 'infinity'::timestamp as touched_until
    from people
    where last_touch_at is not null
)
select
    row_number() over () as path,
    found.*,
    if(
        first_purchase_at is null or conversion_date = first_purchase_at::date,
        'first', 'repeat'
    )::path_type as conversion_type
from found join people using (customer_id);

create temp table paths as
with touches as (
    select
        path, conversion_type, conversion_id is not null as is_conversion, step_number,
        source_id, occurred_at, e.channel, coalesce(campaign, '(none)') as campaign,
        if(is_direct, null, step_number) as not_direct,
        2 ** (-date_sub('second', occurred_at, ended_at) / 86400 / 7) as decay
    from journey_events as e
    asof join ends
        on e.customer_id = ends.customer_id and e.occurred_at <= touched_until
    left join read_csv(getvariable('seeds') || '/journey_channels.csv') as c
        on e.channel = c.channel
    where event_type = 'touchpoint' and e.channel is not null
        and occurred_date >= ended_at::date - 90
)
select
    * exclude (step_number, not_direct, decay),
    row_number() over steps as path_position,
    count(*) over whole as path_length,
    lag(channel) over steps as previous_channel,
    step_number = coalesce(max(not_direct) over whole, max(step_number) over whole)
        as is_last_non_direct,
    decay / sum(decay) over whole as decay_share
from touches
window whole as (partition by path), steps as (partition by path order by step_number);

create table rpt_channel_transitions as
with steps as (
    select
        conversion_type, previous_channel, channel, is_conversion,
        path_position = path_length as is_last, count(*) as n
    from paths
    group by all
)
select
    conversion_type::varchar as conversion_type,
    from_state,
    to_state,
    sum(n)::bigint as transition_count,
    ratio(transition_count, sum(transition_count) over (
        partition by conversion_type, from_state
    )) as transition_probability
from (
    select
        conversion_type, coalesce(previous_channel, '(start)') as from_state,
        channel as to_state, n
    from steps
    union all
    select conversion_type, channel, if(is_conversion, '(conversion)', '(null)'), n
    from steps
    where is_last
)
group by conversion_type, from_state, to_state;

-- Walks between the states that pass only through the first n channels: one channel
-- more in each turn, until the walks are all there are.
create table rpt_channel_effects as
with recursive states as (
    select
        conversion_type, from_state as state,
        row_number() over (
            partition by conversion_type order by from_state = '(start)'
        ) as number,
        count(*) over (partition by conversion_type) - 1 as channels
    from (select distinct conversion_type, from_state from rpt_channel_transitions)
),
walks as (
    select
        0 as n, f.channels, f.conversion_type, f.state as from_state,
        f.number as from_number, t.state as to_state, t.number as to_number,
        coalesce(transition_probability, 0) as weight
    from states as f
    join (
        select conversion_type, state, number from states where state <> '(start)'
        union all
        select distinct conversion_type, '(conversion)', null from states
    ) as t using (conversion_type)
    left join rpt_channel_transitions as p
        on f.conversion_type = p.conversion_type and f.state = p.from_state
        and t.state = p.to_state
    union all
    select
        n + 1, channels, conversion_type, from_state, from_number, to_state, to_number,
        weight + weight_there * weight_on / (1 - weight_back)
    from (
        select
            *,
            max(weight) filter (to_number = n + 1)
                over (partition by conversion_type, from_state) as weight_there,
            max(weight) filter (from_number = n + 1)
                over (partition by conversion_type, to_state) as weight_on,
            max(weight) filter (from_number = n + 1 and to_number = n + 1)
                over (partition by conversion_type) as weight_back
        from walks
        where n < channels
    )
),
ways as (from walks where n = channels),
counts as (
    select
        conversion_type,
        sum(transition_count) filter (from_state = '(start)')::bigint as paths,
        coalesce(sum(transition_count) filter (to_state = '(conversion)'), 0)::bigint
            as converting_paths
    from rpt_channel_transitions
    group by all
)
select
    conversion_type,
    self.from_state as channel,
    paths,
    converting_paths,
    visits.weight / (1 + self.weight) as visit_probability,
    onward.weight as conversion_probability,
    ratio(converting_paths, paths) as path_conversion_probability,
    visit_probability * conversion_probability / nullif(path_conversion_probability, 0)
        as removal_effect,
    ratio(removal_effect, sum(removal_effect) over (partition by conversion_type))
        as removal_effect_share,
    removal_effect_share * converting_paths as markov_conversions
from ways as self
join ways as visits using (conversion_type, to_state)
join ways as onward
    on self.conversion_type = onward.conversion_type and self.from_state = onward.from_state
join counts using (conversion_type)
where self.from_state = self.to_state and visits.from_state = '(start)'
    and onward.to_state = '(conversion)';

create table credits as
with shares as (
    select
        path,
        channel,
        removal_effect / sum(removal_effect) over whole / count(*) as markov,
        1 / (count(*) over whole * count(*)) as shapley
    from paths
    join rpt_channel_effects as e using (conversion_type, channel)
    where is_conversion
    group by path, channel, removal_effect
    window whole as (partition by path)
)
select
    conversion_id, ends.conversion_type, customer_id, conversion_date,
    ended_at as converted_at, gross_revenue, source_id as touchpoint_id,
    occurred_at as touched_at, channel, campaign,
    path_position::integer as path_position, path_length::integer as path_length,
    (path_position = 1)::double as first,
    (path_position = path_length)::double as last,
    is_last_non_direct::double as last_non_direct,
    1 / path_length as linear,
    case
        when path_length <= 2 then 1 / path_length
        when path_position in (1, path_length) then 0.4
        else 0.2 / (path_length - 2)
    end::double as position_based,
    decay_share as time_decay,
    markov,
    shapley
from paths join shares using (path, channel) join ends using (path)
union all
select
    conversion_id, conversion_type, customer_id, conversion_date, ended_at,
    gross_revenue, null, null, '(none)', '(none)', null, 0, 1, 1, 1, 1, 1, 1, 1, 1
from ends anti join paths using (path)
where conversion_id is not null;

create view fct_attribution_credits as
select
    conversion_id, conversion_type, customer_id, conversion_date, converted_at,
    touchpoint_id, touched_at, channel, campaign, path_position, path_length,
    attribution_model, credit, credit * gross_revenue as gross_revenue
from (
    unpivot credits
    on first, last, last_non_direct, linear, position_based, time_decay, markov, shapley
    into name attribution_model value credit
);

-- Everybody that any input knows; who is in the register alone has no journey.
-- The first path has the touches that can have won a customer.
create temp table everybody as
select
    customer_id, created_at, first_seen_at, first_purchase_at, first_touch_at,
    first_purchase_at::date as first_purchase_date, last_purchase_date,
    coalesce(acquisition_channel, '(none)') as channel
from people
full join (from register where problem is null and version = 1) using (customer_id)
left join (
    select customer_id, channel as acquisition_channel
    from paths
    join ends using (path, conversion_type)
    where conversion_type = 'first' and is_last_non_direct
) using (customer_id);

drop table paths;
drop table ends;
drop table people;

create temp table days as
with entries as (
    select
        customer_id,
        occurred_date as entry_date,
        count(*) filter (event_type = 'purchase') as orders,
        sum(amount) filter (event_type = 'purchase') as gross,
        sum(amount) filter (event_type = 'refund') as refunds,
        coalesce(sum(amount) filter (event_type = 'purchase'), 0) as order_basis,
        sum(cost_amount) filter (event_type = 'purchase') as cost,
        sum(amount) filter (event_type = 'purchase' and cost_amount is not null)
            as costed
    from journey_events
    where event_type in ('purchase', 'refund')
    group by all
    union all
    select customer_id, order_date, 0, 0, 0, sum(amount), null, null
    from journey_events
    where event_type = 'refund'
    group by all
)
select
    customer_id,
    if(customer_id is null, '(guest)', any_value(channel)) as channel,
    any_value(first_purchase_date) as first_purchase_date,
    any_value(last_purchase_date) as last_purchase_date,
    entry_date,
    sum(orders)::integer as orders,
    coalesce(sum(gross), 0)::decimal(18, 4) as gross,
    coalesce(sum(refunds), 0)::decimal(18, 4) as refunds,
    coalesce(sum(order_basis), 0)::decimal(18, 4) as order_basis,
    sum(cost)::decimal(18, 4) as cost,
    coalesce(sum(costed), 0)::decimal(18, 4) as costed
from entries left join everybody using (customer_id)
group by customer_id, entry_date;

create temp table lifetimes as
select
    customer_id,
    channel,
    first_purchase_date,
    min(entry_date) filter (orders > 0 and entry_date > first_purchase_date)
        as second_purchase_date,
    sum(orders)::bigint as orders,
    count(*) filter (orders > 0) as purchase_days,
    sum(gross)::decimal(18, 4) as gross_revenue,
    sum(refunds)::decimal(18, 4) as refund_amount,
    sum(cost)::decimal(18, 4) as cost_amount
from days
where customer_id is not null
group by all;

-- Gaps between purchase days, and from them the days by which eight and nine of ten
-- have ended (Kaplan-Meier), or eight and nine of ten of those that end at all.
create temp table gaps as
select
    customer_id,
    lead(entry_date) over visits is not null as is_ended,
    coalesce(lead(entry_date) over visits, as_of) - entry_date as gap_days
from days cross join span
where customer_id is not null and orders > 0
window visits as (partition by customer_id order by entry_date);

create macro share_open_after(ended, lowest) as
    if(lowest <= 1 - ended, 1 - ended, 1 - ended * (1 - lowest)) + 1e-9;

create temp table lapse as
with lengths as (
    select
        gap_days,
        count(*) filter (is_ended) as ended,
        sum(count(*)) over (order by gap_days desc) as at_risk
    from gaps
    group by gap_days
),
survival as (
    select gap_days, product(1 - ended / at_risk) over (order by gap_days) as share_open
    from lengths
    where (select bool_or(is_ended) from gaps)
),
found as (
    select
        min(gap_days) filter (share_open <= share_open_after(0.8, lowest)) as gap_80,
        min(gap_days) filter (share_open <= share_open_after(0.9, lowest)) as gap_90
    from survival cross join (select min(share_open) as lowest from survival)
)
select
    greatest(7, least(730, coalesce(gap_90, 730)))::integer as lapse_days,
    greatest(7, least(730, coalesce(gap_80, 730)))::integer as gap_80_days
from found;

create table fct_stage_history as
with spells as (
    select *, min(reached_at) over (
        partition by customer_id order by stage_order desc
        rows between unbounded preceding and 1 preceding
    ) as left_at
    from (
        select
            customer_id, stage_order, min(reached_at) as reached_at,
            arg_min(step_number, (reached_at, by_answer)) as step_number
        from reaches
        group by all
    )
    qualify left_at is null or reached_at < left_at
),
chained as (
    select
        *,
        lag(stage_order) over (partition by customer_id order by stage_order)
            as previous_order
    from spells
)
select
    customer_id,
    getvariable('stages')[stage_order] as stage,
    stage_order::integer as stage_order,
    reached_at as entered_at,
    left_at,
    left_at is null as is_current,
    coalesce(left_at::date, as_of) - reached_at::date as days_in_stage,
    event_type || ':' || source_id as entering_event_id,
    event_type::varchar as entering_event_type,
    milestone as entering_milestone,
    touchpoint_type as entering_touchpoint_type,
    getvariable('stages')[previous_order] as previous_stage,
    (chained.stage_order - coalesce(previous_order, 0) - 1)::integer
        as skipped_stage_count,
    nullif(array_to_string(list_slice(
        getvariable('stages'), coalesce(previous_order, 0) + 1, chained.stage_order - 1
    ), ', '), '') as skipped_stages
from chained
join journey_events using (customer_id, step_number)
cross join span;

-- One row per person: when they were in the stage or beyond for the first time.
create table journeys as
select
    customer_id,
    min(entered_at) filter (stage_order >= 2) as consideration_at,
    min(entered_at) filter (stage_order >= 3) as conversion_at,
    min(entered_at) filter (stage_order >= 4) as retention_at,
    min(entered_at) filter (stage_order >= 5) as advocacy_at
from fct_stage_history
group by all;

create view fct_journey_events as
select
    event_type || ':' || source_id as event_id,
    customer_id,
    step_number,
    event_type,
    source_id,
    case
        when customer_id is null then null
        when occurred_at >= advocacy_at then 'advocacy'
        when occurred_at >= retention_at then 'retention'
        when occurred_at >= conversion_at then 'conversion'
        when occurred_at >= consideration_at then 'consideration'
        else 'awareness'
    end as stage,
    milestone,
    touchpoint_type,
    medium,
    question_id,
    channel,
    campaign,
    amount,
    score,
    outcome,
    referred_customer_id,
    occurred_at,
    occurred_date,
    seconds_since_previous
from journey_events left join journeys using (customer_id);

create table dim_customers as
with referrals as (
    select
        e.referred_customer_id as customer_id,
        arg_min(e.customer_id, (occurred_at, source_id)) as referred_by_customer_id
    from journey_events as e
    join everybody as b on e.referred_customer_id = b.customer_id
    where first_purchase_at >= occurred_at
    group by all
)
select
    e.customer_id,
    e.customer_id like 'visitor:%' as is_anonymous,
    created_at,
    first_seen_at,
    first_purchase_at,
    e.first_purchase_date,
    second_purchase_date,
    last_purchase_date,
    as_of - last_purchase_date as days_since_last_purchase,
    h.stage as current_stage,
    h.entered_at as current_stage_entered_at,
    case
        when last_purchase_date is null then 'prospect'
        when as_of - last_purchase_date >= lapse_days then 'lapsed'
        when 2 * (as_of - last_purchase_date) >= lapse_days then 'at_risk'
        else 'active'
    end as lifecycle_status,
    lapse_days,
    coalesce(won_back_count, 0) as won_back_count,
    referred_by_customer_id,
    coalesce(referred_customers, 0) as referred_customers,
    coalesce(orders, 0) as orders,
    coalesce(purchase_days, 0) as purchase_days,
    coalesce(gross_revenue, 0) as gross_revenue,
    coalesce(refund_amount, 0) as refund_amount,
    coalesce(gross_revenue + refund_amount, 0) as net_revenue,
    cost_amount,
    e.channel as acquisition_channel,
    false as is_left_truncated
from everybody as e
cross join span
cross join lapse
left join lifetimes using (customer_id)
left join (from fct_stage_history where is_current) as h using (customer_id)
left join referrals using (customer_id)
left join (
    select customer_id, count(*) as won_back_count
    from gaps cross join lapse
    where is_ended and gap_days > lapse_days
    group by all
) using (customer_id)
left join (
    select referred_by_customer_id as customer_id, count(*) as referred_customers
    from referrals
    group by all
) using (customer_id);

-- The spine: net revenue and activity per customer and period; each grain is added up
-- from the one below it.
create temp table spine as
with by_day as (
    select
        customer_id, channel, first_purchase_date, last_purchase_date,
        'day' as grain, period_index('day', entry_date) as i, orders,
        gross + refunds as net, order_basis
    from days
    where customer_id is not null
),
by_week as (
    select
        * exclude (grain, i, orders, net, order_basis), 'week' as grain,
        (i + 3) // 7 as i, sum(orders)::integer as orders,
        sum(net)::decimal(18, 4) as net, sum(order_basis)::decimal(18, 4) as order_basis
    from by_day
    group by all
),
by_month as (
    select
        * exclude (grain, i, orders, net, order_basis), 'month' as grain,
        period_index('month', date '1970-01-01' + i) as i,
        sum(orders)::integer as orders, sum(net)::decimal(18, 4) as net,
        sum(order_basis)::decimal(18, 4) as order_basis
    from by_day
    group by all
),
by_quarter as (
    select
        * exclude (grain, i, orders, net, order_basis), 'quarter' as grain,
        (i - 1) // 3 + 1 as i, sum(orders)::integer as orders,
        sum(net)::decimal(18, 4) as net, sum(order_basis)::decimal(18, 4) as order_basis
    from by_month
    group by all
),
by_year as (
    select
        * exclude (grain, i, orders, net, order_basis), 'year' as grain,
        (i - 1) // 4 as i, sum(orders)::integer as orders,
        sum(net)::decimal(18, 4) as net, sum(order_basis)::decimal(18, 4) as order_basis
    from by_quarter
    group by all
),
together as (
    from by_day union all from by_week union all from by_month
    union all from by_quarter union all from by_year
)
select
    * exclude (customer_id, first_purchase_date, last_purchase_date),
    period_index(grain, first_purchase_date) as first_i,
    period_index(grain, last_purchase_date) as last_i,
    lag(i) over history as previous_i,
    lag(orders > 0) over history as was_active,
    lag(net) over history as previous_net,
    lead(i) over history as next_i
from together
window history as (partition by customer_id, grain order by i);

-- Every table below has a total and one part per channel, guests as '(guest)'.
create temp table growth as
with figures as (
    select
        grain, period_index(grain, entry_date) as i, channel,
        sum(orders) as orders, sum(purchase_days) as purchase_days, sum(gross) as gross,
        sum(refunds) as refunds, sum(order_basis) as order_basis
    from (
        select
            channel, entry_date, sum(orders) as orders,
            count(*) filter (orders > 0 and customer_id is not null) as purchase_days,
            sum(gross) as gross, sum(refunds) as refunds,
            sum(order_basis) as order_basis
        from days
        group by all
    )
    cross join grains as g (grain)
    group by all
),
moves as (
    select
        grain, i, channel, orders > 0 as is_active,
        coalesce(previous_i = i - 1 and was_active, false) as was_active,
        coalesce(i = first_i, false) as is_new,
        net - if(previous_i = i - 1, previous_net, 0) as change
    from spine
    union all
    select grain, i + 1, channel, false, orders > 0, false, -net
    from spine
    where next_i is null or next_i > i + 1
),
counted as (
    select
        grain, i, channel,
        count(*) filter (is_active) as active,
        count(*) filter (is_new) as new,
        count(*) filter (not is_new and is_active and was_active) as retained,
        count(*) filter (not is_new and is_active and not was_active) as resurrected,
        count(*) filter (not is_active and was_active) as churned,
        sum(change) filter (is_new) as new_revenue,
        sum(change) filter (not is_new and is_active = was_active and change > 0)
            as expansion,
        sum(change) filter (not is_new and is_active = was_active and change < 0)
            as contraction,
        sum(change) filter (not is_new and is_active and not was_active)
            as resurrected_revenue,
        sum(change) filter (not is_active and was_active) as churned_revenue
    from moves
    group by all
),
totals as (
    select
        if(grouping(channel) = 1, 'all', 'acquisition_channel') as segment_column,
        if(grouping(channel) = 1, 'all', channel) as segment_value,
        grain, i,
        sum(orders) as orders, sum(purchase_days) as purchase_days, sum(gross) as gross,
        sum(refunds) as refunds, sum(order_basis) as order_basis,
        sum(active) as active, sum(new) as new, sum(retained) as retained,
        sum(resurrected) as resurrected, sum(churned) as churned,
        sum(new_revenue) as new_revenue, sum(expansion) as expansion,
        sum(contraction) as contraction,
        sum(resurrected_revenue) as resurrected_revenue,
        sum(churned_revenue) as churned_revenue,
        sum(orders) filter (channel = '(guest)') as guest_orders,
        sum(gross + refunds) filter (channel = '(guest)') as guest_revenue
    from figures full join counted using (grain, i, channel)
    group by grouping sets ((grain, i, channel), (grain, i))
),
dense as (
    from (select distinct segment_column, segment_value from totals)
    cross join (select * from periods where has_growth)
)
select
    d.segment_column,
    d.segment_value,
    d.period_grain,
    d.period_start,
    d.period_end,
    d.period_index,
    d.is_complete,
    d.periods_per_year,
    coalesce(orders, 0) as orders,
    coalesce(guest_orders, 0) as guest_orders,
    coalesce(purchase_days, 0) as purchase_days,
    coalesce(gross, 0) as gross,
    coalesce(refunds, 0) as refunds,
    coalesce(gross + refunds, 0) as net,
    coalesce(guest_revenue, 0) as guest_net,
    coalesce(gross + refunds, 0) - coalesce(guest_revenue, 0) as customer_net,
    coalesce(order_basis, 0) as order_basis,
    coalesce(active, 0) as active,
    coalesce(new, 0) as new,
    coalesce(retained, 0) as retained,
    coalesce(resurrected, 0) as resurrected,
    coalesce(churned, 0) as churned,
    coalesce(new_revenue, 0) as new_revenue,
    coalesce(expansion, 0) as expansion,
    coalesce(contraction, 0) as contraction,
    coalesce(resurrected_revenue, 0) as resurrected_revenue,
    coalesce(churned_revenue, 0) as churned_revenue
from dense as d
left join totals as t
    on d.segment_column = t.segment_column and d.segment_value = t.segment_value
    and d.period_grain = t.grain and d.period_index = t.i;

create macro growth_rate(now, before) as
    if(before > 0, now::double / before::double - 1, null);

create table rpt_growth as
select
    g.segment_column,
    g.segment_value,
    g.period_grain,
    g.period_start,
    g.period_end,
    g.net as net_revenue,
    g.order_basis as net_revenue_order_basis,
    g.gross as gross_revenue,
    g.refunds as refund_amount,
    g.orders,
    g.orders - g.guest_orders as customer_orders,
    g.customer_net as customer_revenue,
    g.guest_orders,
    g.guest_net as guest_revenue,
    g.purchase_days,
    g.active as active_customers,
    g.new as new_customers,
    ratio(g.net, g.orders) as average_order_value,
    ratio(g.customer_net, g.orders - g.guest_orders) as customer_average_order_value,
    ratio(g.orders - g.guest_orders, g.active) as order_frequency,
    ratio(g.customer_net, g.active) as revenue_per_customer,
    growth_rate(g.net, p.net) as revenue_growth_rate,
    growth_rate(g.orders, p.orders) as orders_growth_rate,
    growth_rate(g.active, p.active) as active_customers_growth_rate,
    growth_rate(g.net, y.net) as revenue_growth_rate_yoy,
    growth_rate(g.orders, y.orders) as orders_growth_rate_yoy,
    growth_rate(g.active, y.active) as active_customers_growth_rate_yoy,
    g.is_complete
from growth as g
left join growth as p
    on g.segment_column = p.segment_column and g.segment_value = p.segment_value
    and g.period_grain = p.period_grain and g.period_index - 1 = p.period_index
    and g.is_complete
left join growth as y
    on g.segment_column = y.segment_column and g.segment_value = y.segment_value
    and g.period_grain = y.period_grain
    and g.period_index - g.periods_per_year = y.period_index and g.is_complete;

create table rpt_growth_accounting as
select
    segment_column,
    segment_value,
    period_grain,
    period_start,
    active as active_customers,
    lag(active, 1, 0) over history as previous_active_customers,
    if(is_complete, new, null) as new_customers,
    if(is_complete, 0, null) as left_truncated_customers,
    if(is_complete, retained, null) as retained_customers,
    if(is_complete, resurrected, null) as resurrected_customers,
    if(is_complete, churned, null) as churned_customers,
    if(is_complete, ratio(new + resurrected, churned), null) as customer_quick_ratio,
    customer_net as customer_revenue,
    lag(customer_net, 1, 0) over history as previous_customer_revenue,
    if(is_complete, customer_net - previous_customer_revenue, null) as revenue_change,
    if(is_complete, new_revenue, null) as new_revenue,
    if(is_complete, 0, null) as left_truncated_revenue,
    if(is_complete, expansion, null) as expansion_revenue,
    if(is_complete, contraction, null) as contraction_revenue,
    if(is_complete, resurrected_revenue, null) as resurrected_revenue,
    if(is_complete, churned_revenue, null) as churned_revenue,
    if(is_complete, ratio_of_positive(
        growth.new_revenue + expansion + growth.resurrected_revenue,
        -(contraction + growth.churned_revenue)
    ), null) as revenue_quick_ratio,
    if(is_complete, ratio_of_positive(
        previous_customer_revenue + contraction + growth.churned_revenue,
        previous_customer_revenue
    ), null) as gross_revenue_retention,
    if(is_complete, ratio_of_positive(
        previous_customer_revenue + expansion + contraction + growth.churned_revenue,
        previous_customer_revenue
    ), null) as net_revenue_retention,
    is_complete
from growth
window history as (
    partition by segment_column, segment_value, period_grain order by period_index
);

create macro shapley(a, a0, b, b0, c, c0) as
    (a - a0) * ((b * c + b0 * c0) / 3 + (b * c0 + b0 * c) / 6);

create table rpt_revenue_decomposition as
with factors as (
    select
        *,
        active::double as n,
        ratio(orders - guest_orders, active) as f,
        ratio(customer_net, orders - guest_orders) as v
    from growth
)
select
    g.segment_column,
    g.segment_value,
    g.period_grain,
    g.period_start,
    g.net as net_revenue,
    p.net as previous_net_revenue,
    g.net - p.net as revenue_change,
    coalesce(
        shapley(g.n, p.n, g.f, p.f, g.v, p.v),
        (g.net - p.net - (g.guest_net - p.guest_net))::double
    ) as customers_effect,
    coalesce(
        shapley(g.f, p.f, g.n, p.n, g.v, p.v), if(p.net is null, null, 0)
    ) as frequency_effect,
    coalesce(
        shapley(g.v, p.v, g.n, p.n, g.f, p.f), if(p.net is null, null, 0)
    ) as order_value_effect,
    (g.guest_net - p.guest_net)::double as guest_effect,
    g.is_complete
from factors as g
left join factors as p
    on g.segment_column = p.segment_column and g.segment_value = p.segment_value
    and g.period_grain = p.period_grain and g.period_index - 1 = p.period_index
    and g.is_complete;

-- Retention.
create temp table cohorts as
with counted as (
    select
        'calendar' as basis, grain, first_i as c, channel,
        greatest(i - first_i, 0) as k,
        count(*) filter (orders > 0) as retained,
        count(*) filter (i = last_i) as last_retained,
        sum(orders) as orders, sum(net) as net, sum(order_basis) as order_basis
    from spine
    where first_i is not null
    group by all
    union all
    select
        'elapsed_30_days', grain, period_index(grain, first_purchase_date), channel, k,
        sum(retained), sum(last_retained), sum(orders), sum(net), sum(order_basis)
    from (
        select
            first_purchase_date, channel, k,
            count(*) filter (orders > 0) as retained,
            count(*) filter (k = last_k) as last_retained,
            sum(orders) as orders, sum(net) as net, sum(order_basis) as order_basis
        from (
            select
                first_purchase_date,
                channel,
                greatest((entry_date - first_purchase_date) // 30, 0) as k,
                (last_purchase_date - first_purchase_date) // 30 as last_k,
                sum(orders) as orders,
                sum(gross + refunds) as net,
                sum(order_basis) as order_basis
            from days
            where first_purchase_date is not null
            group by customer_id, channel, first_purchase_date, last_purchase_date, k
        )
        group by all
    )
    cross join grains as g (grain)
    group by all
)
select
    basis,
    if(grouping(channel) = 1, 'all', 'acquisition_channel') as segment_column,
    if(grouping(channel) = 1, 'all', channel) as segment_value,
    grain, c, k,
    sum(retained) as retained, sum(last_retained) as last_retained,
    sum(orders) as orders, sum(net) as net, sum(order_basis) as order_basis
from counted
group by grouping sets ((basis, grain, c, k, channel), (basis, grain, c, k));

create table rpt_cohort_retention as
with sizes as (
    select
        basis, segment_column, segment_value, grain, c, retained as size,
        period_start as cohort_start, period_end as cohort_end
    from cohorts join periods on grain = period_grain and c = period_index
    where k = 0
),
cells as (
    select s.*, p.period_index - c as k, p.is_complete
    from sizes as s
    join grains as g on s.grain = g.period_grain
    join periods as p
        on s.grain = p.period_grain and p.period_index >= c
        and p.period_index - c <= coalesce(cohort_period_limit, p.period_index)
    where basis = 'calendar'
    union all
    select s.*, k, cohort_end + 30 * (k + 1)::integer - 1 <= as_of
    from sizes as s
    cross join span
    cross join unnest(range(0, (as_of - cohort_start) // 30 + 1)) as windows (k)
    where basis = 'elapsed_30_days'
),
run as (
    select
        cells.*,
        coalesce(retained, 0) as retained,
        coalesce(cohorts.orders, 0) as orders,
        coalesce(net, 0) as net,
        coalesce(order_basis, 0) as order_basis,
        size - sum(coalesce(last_retained, 0)) over so_far + coalesce(last_retained, 0)
            as still_to_come,
        sum(coalesce(order_basis, 0)) over so_far as value_so_far
    from cells
    left join cohorts using (basis, segment_column, segment_value, grain, c, k)
    window so_far as (
        partition by basis, segment_column, segment_value, grain, c order by k
    )
)
select
    segment_column,
    segment_value,
    basis as offset_basis,
    grain as period_grain,
    cohort_start,
    k as period_number,
    size as cohort_size,
    if(is_complete, size, 0) as eligible_customers,
    if(is_complete, retained, null) as retained_customers,
    if(is_complete, still_to_come, null) as retained_on_or_after,
    if(is_complete, ratio(retained, size), null) as retention_rate,
    if(is_complete, wilson(retained, size, -1), null) as retention_rate_lower,
    if(is_complete, wilson(retained, size, 1), null) as retention_rate_upper,
    if(is_complete, orders, null)::bigint as orders,
    if(is_complete, net, null)::decimal(18, 4) as net_revenue,
    if(is_complete, order_basis, null)::decimal(18, 4) as net_revenue_order_basis,
    if(is_complete, ratio(value_so_far, size), null) as cumulative_revenue_per_customer,
    size < 30 as is_small_sample,
    is_complete,
    null as not_measurable_reason
from run;

create table rpt_retention as
with repeats as (
    select
        if(grouping(channel) = 1, 'all', 'acquisition_channel') as segment_column,
        if(grouping(channel) = 1, 'all', channel) as segment_value,
        coalesce(grain, 'all') as period_grain,
        period_index(grain, first_purchase_date) as i,
        window_days,
        sum(n) filter (is_eligible and wait <= coalesce(window_days, wait))
            as customers,
        coalesce(sum(n) filter (is_eligible), 0) as eligible,
        sum(n) as cohort_size
    from (
        select
            channel, first_purchase_date,
            second_purchase_date - first_purchase_date as wait, count(*) as n
        from lifetimes
        where first_purchase_date is not null
        group by all
    )
    cross join (
        select window_days
        from read_csv(getvariable('seeds') || '/observation_windows.csv')
        union all select null
    )
    cross join (select period_grain as grain from grains union all select null)
    cross join span
    cross join lateral (
        select
            window_days is null
            or first_purchase_date + window_days::integer <= as_of as is_eligible
    )
    group by grouping sets (
        (grain, period_index(grain, first_purchase_date), window_days, channel),
        (grain, period_index(grain, first_purchase_date), window_days)
    )
),
shares as (
    select
        unnest(['period_retention', 'period_churn']) as measure,
        segment_column, segment_value, period_grain, period_start,
        null as offset_basis, null as period_number, null as window_days,
        unnest([retained_customers, churned_customers]) as customers,
        previous_active_customers as eligible, null as mean, is_complete
    from (
        select *, row_number() over (
            partition by segment_column, segment_value, period_grain
            order by period_start
        ) as n
        from rpt_growth_accounting
    )
    where n > 1
    union all
    select
        'repeat_purchase', segment_column, segment_value, r.period_grain, period_start,
        null, null, window_days, coalesce(customers, 0), eligible, null,
        coalesce(p.is_complete, true) and eligible = cohort_size
    from repeats as r
    left join periods as p on r.period_grain = p.period_grain and r.i = p.period_index
    union all
    select
        unnest(['cohort_average_weighted', 'cohort_average_simple']), * exclude (mean),
        unnest([null, mean]), true
    from (
        select
            segment_column, segment_value, period_grain, null, offset_basis,
            period_number, null, sum(retained_customers), sum(eligible_customers),
            avg(retention_rate) as mean
        from rpt_cohort_retention
        where is_complete
        group by all
    )
),
-- How long customers wait for their second purchase day, by Kaplan-Meier.
waits as (
    select
        *,
        product(1 - repeated / at_risk) over so_far as survival,
        sum(ratio(repeated, at_risk * (at_risk - repeated))) over so_far as variance
    from (
        select
            if(grouping(channel) = 1, 'all', 'acquisition_channel') as segment_column,
            if(grouping(channel) = 1, 'all', channel) as segment_value,
            coalesce(second_purchase_date, as_of) - first_purchase_date as wait,
            count(*) as n,
            count(second_purchase_date) as repeated,
            sum(count(*)) over (
                partition by segment_column, segment_value order by wait desc
            ) as at_risk
        from lifetimes cross join span
        where first_purchase_date is not null
        group by grouping sets ((channel, wait), (wait))
    )
    window so_far as (partition by segment_column, segment_value order by wait)
),
times as (
    select
        segment_column,
        segment_value,
        window_days,
        sum(n) as eligible,
        sum(repeated) filter (wait <= coalesce(window_days, wait)) as customers,
        max(wait) >= window_days or min(survival) = 0 as is_known,
        coalesce(min(survival) filter (wait <= window_days), 1) as rate,
        coalesce(max(variance) filter (wait <= window_days), 0) as variance,
        min(wait) filter (survival <= 0.5 + 1e-9) as days,
        min(wait) filter (log_log(survival, variance, -1) <= 0.5 + 1e-9) as days_lower,
        min(wait) filter (log_log(survival, variance, 1) <= 0.5 + 1e-9) as days_upper
    from waits
    cross join (
        select window_days
        from read_csv(getvariable('seeds') || '/observation_windows.csv')
        union all select null
    )
    group by segment_column, segment_value, window_days
)
select
    measure,
    segment_column,
    segment_value,
    period_grain,
    period_start,
    offset_basis,
    period_number,
    window_days,
    if(eligible > 0, customers, null) as customers,
    eligible as eligible_customers,
    coalesce(mean, ratio(if(eligible > 0, s.customers, null), eligible)) as rate,
    if(mean is null, wilson(s.customers, nullif(eligible, 0), -1), null) as rate_lower,
    if(mean is null, wilson(s.customers, nullif(eligible, 0), 1), null) as rate_upper,
    eligible < 30 as is_small_sample,
    is_complete,
    null as days,
    null as days_lower,
    null as days_upper,
    null as not_measurable_reason
from shares as s
union all
select
    'not_yet_repeated', segment_column, segment_value, 'all', null, null, null,
    window_days, if(is_known, coalesce(customers, 0), null), eligible,
    if(is_known, rate, null), if(is_known, log_log(rate, variance, -1), null),
    if(is_known, log_log(rate, variance, 1), null), eligible < 30, is_known, null, null,
    null, null
from times
where window_days is not null
union all
select
    'days_to_second_purchase', segment_column, segment_value, 'all', null, null, null,
    null, customers, eligible, null, null, null, eligible < 30, days is not null, days,
    days_lower, days_upper, null
from times
where window_days is null;

-- A customer has churned once as many complete months as the window has hold no
-- purchase, and leaves observation with the cohort: follow_up is the last month number
-- that can be judged.
create table rpt_churn_by_month_number as
with lives as (
    select
        if(grouping(channel) = 1, 'all', 'acquisition_channel') as segment_column,
        if(grouping(channel) = 1, 'all', channel) as segment_value,
        month_start,
        left_k,
        count(*) as n
    from (
        select
            channel,
            date_trunc('month', first_purchase_date)::date as month_start,
            date_diff('month', first_purchase_date, last_purchase_date) + 1 as left_k
        from everybody
        where first_purchase_date is not null
    )
    group by grouping sets ((month_start, left_k, channel), (month_start, left_k))
),
judged as (
    select
        * exclude (as_of, first_event, first_transaction),
        date_diff('month', month_start, as_of) + 1 as last_k,
        greatest(date_diff('month', month_start, as_of + 1) - window_months, 0)
            as follow_up,
        left_k <= follow_up as is_churned
    from lives
    cross join span
    cross join (
        select
            unnest(['in_force', 'gap_80th_percentile', 'gap_90th_percentile'])
                as churn_window,
            ceil(unnest([lapse_days, gap_80_days, lapse_days]) / 30)::integer
                as window_months
        from lapse
    )
),
cohorts_judged as (
    select * exclude (month_start), month_start as cohort_start from judged
    union all by name
    select * exclude (month_start) from judged
),
entries as (
    select
        segment_column, segment_value, churn_window, window_months, cohort_start,
        unnest(range(last_k + 1)) as k, size, follow_up,
        0 as churned, 0 as censored, 0 as undetermined
    from (
        select
            segment_column, segment_value, churn_window, window_months, cohort_start,
            max(last_k) as last_k, sum(n) as size, max(follow_up) as follow_up
        from cohorts_judged
        group by all
    )
    union all
    select
        segment_column, segment_value, churn_window, window_months, cohort_start,
        left_k, 0, 0, if(is_churned, n, 0), 0, if(is_churned, 0, n)
    from cohorts_judged
    union all
    select
        segment_column, segment_value, churn_window, window_months, cohort_start,
        follow_up, 0, 0, 0, n, 0
    from cohorts_judged
    where not is_churned
),
cells as (
    select
        segment_column, segment_value, churn_window, window_months, cohort_start, k,
        sum(size) as size, max(follow_up) as follow_up, sum(churned) as churned,
        sum(censored) as censored, sum(undetermined) as undetermined
    from entries
    group by all
),
at_risk as (
    select
        *,
        k <= follow_up as is_complete,
        size - sum(churned + censored) over so_far + churned + censored as at_risk
    from cells
    window so_far as (
        partition by segment_column, segment_value, churn_window, cohort_start
        order by k
    )
),
survival as (
    select
        *,
        product(1 - coalesce(ratio(churned, at_risk), 0)) over so_far as share,
        if(is_complete and (at_risk > 0 or share = 0), share, null) as survival,
        sum(ratio(churned, at_risk * (at_risk - churned))) over so_far as variance,
        is_complete and at_risk > 0 and k > 0 as has_hazard
    from at_risk
    window so_far as (
        partition by segment_column, segment_value, churn_window, cohort_start
        order by k
    )
),
steps as (
    select
        *,
        if(survival is null, null, lag(survival) over (
            partition by segment_column, segment_value, churn_window, cohort_start
            order by k
        ) * coalesce(ratio(churned, at_risk), 0)) as churn_probability
    from survival
)
select
    segment_column,
    segment_value,
    churn_window,
    window_months as churn_window_months,
    if(cohort_start is null, 'all', 'month') as period_grain,
    cohort_start,
    k as period_number,
    size as cohort_size,
    at_risk as at_risk_customers,
    churned as churned_customers,
    at_risk - churned as active_customers,
    censored as censored_customers,
    undetermined as undetermined_customers,
    if(has_hazard, ratio(churned, at_risk), null) as hazard,
    if(has_hazard, wilson(churned, at_risk, -1), null) as hazard_lower,
    if(has_hazard, wilson(churned, at_risk, 1), null) as hazard_upper,
    survival,
    log_log(survival, variance, -1) as survival_lower,
    log_log(survival, variance, 1) as survival_upper,
    churn_probability,
    arg_max(k, (round(churn_probability, 9), -k)) filter (churn_probability > 0) over (
        partition by segment_column, segment_value, churn_window, cohort_start
    ) as modal_churn_month,
    at_risk < 30 as is_small_sample,
    is_complete,
    null as not_measurable_reason
from steps;

-- The columns that say the same in sentences are the build's alone.
create table rpt_retention_readiness as
with counted as (
    select
        if(grouping(channel) = 1, 'all', 'acquisition_channel') as segment_column,
        if(grouping(channel) = 1, 'all', channel) as segment_value,
        count(*) as n,
        sum(purchase_days) as visits,
        count(*) filter (purchase_days = 1) as once,
        count(*) filter (months > 1) as month_1,
        count(*) filter (months > 3) as month_3,
        count(*) filter (months > 12) as month_12
    from (
        select *, date_diff('month', first_purchase_date, as_of + 1) as months
        from lifetimes cross join span
        where first_purchase_date is not null
    )
    group by grouping sets ((channel), ())
),
orders as (
    select
        date_diff('month', max(first_transaction), max(as_of) + 1) as months,
        ratio(sum(if(customer_id is null, orders, 0)), sum(orders)) as guest_share
    from days cross join span
)
select
    segment_column,
    segment_value,
    case
        when n = 0 or n - once < 0.01 * n or month_1 = 0 then 'not_measurable'
        when months < 12 or month_3 < 100 then 'weak'
        when segment_column = 'all' and guest_share > 0.5 then 'weak'
        else 'measurable'
    end as verdict,
    n as customers,
    ratio(visits, n) as purchases_per_customer,
    ratio(once, n) as one_time_customer_share,
    if(segment_column = 'all', guest_share, null) as guest_order_share,
    months as months_observed,
    greatest(12 - months, 0) as missing_months,
    month_1 as eligible_customers_month_1,
    month_3 as eligible_customers_month_3,
    month_12 as eligible_customers_month_12,
    n < 30 as is_small_sample
from counted cross join orders;

-- Customer value: x purchase days after the first one, the age then (t_x) and now (t),
-- and the mean value of such a day, up to now and up to half of history.
create temp table histories as
select
    *,
    if(visits > 0, visits - 1, null) as x,
    last_purchase_date - first_purchase_date as t_x,
    as_of - first_purchase_date as t,
    ratio(later_revenue, visits - 1) as mean,
    if(early_visits > 0, early_visits - 1, null) as early_x,
    last_early_date - first_purchase_date as early_t_x,
    if(early_visits > 0, half - first_purchase_date, null) as early_t,
    ratio(later_early_revenue, early_visits - 1) as early_mean
from (
    select
        customer_id, channel, first_purchase_date, last_purchase_date, as_of, half,
        count(*) filter (orders > 0) as visits,
        sum(gross + refunds) as net,
        sum(order_basis) filter (entry_date > first_purchase_date) as later_revenue,
        count(*) filter (orders > 0 and entry_date <= half) as early_visits,
        max(entry_date) filter (orders > 0 and entry_date <= half) as last_early_date,
        sum(order_basis)
            filter (entry_date > first_purchase_date and entry_date <= half)
            as later_early_revenue,
        coalesce(sum(order_basis) filter (entry_date > half), 0) as holdout_revenue
    from days
    cross join (
        select
            as_of,
            first_transaction + ((as_of - first_transaction) // 2)::integer as half
        from span
    )
    where customer_id is not null
    group by all
);

create temp view value_models as
from read_csv(getvariable('parameters'));

-- Purchases expected in h more days of those who are alive. The mean of
--     (1 - (1 + p h / (7 alpha + t))^-(r + x)) / p
-- over p ~ beta(a, c + 1 - a) is, with z = h / (7 alpha + t + h),
--     c / (a - 1) (1 - (1 - z)^(a - 1) 2F1(c - r - x, a - 1; c; z)),
-- whose series has few terms that count.
create temp table forecasts as
with wanted as (
    select distinct 'full' as fit_period, x, t, unnest([30, 90, 365]) as h
    from histories
    where t is not null
    union all
    select distinct 'calibration', early_x, early_t, as_of - half
    from histories
    where early_x is not null
),
arguments as (
    select
        w.*, model, r, alpha, a, b,
        a + b + x - (model = 'bg_nbd')::integer as c,
        h / (7 * alpha + t + h) as z
    from wanted as w join value_models using (fit_period)
    where model <> 'gamma_gamma'
),
terms as (
    select fit_period, model, x, list(factor order by n) as factors
    from (
        select
            fit_period, model, x, n,
            product((c - r - x + n - 1) / (c + n - 1) * (a + n - 2) / n)
                over (partition by fit_period, model, x order by n) as factor
        from (select distinct fit_period, model, x, r, a, c from arguments)
        cross join unnest(range(1, 500)) as numbers (n)
        qualify abs(factor) > 1e-18
    )
    group by all
)
select
    fit_period, model, x, t, r, alpha, a, b,
    list(c / (a - 1) * (1 - (1 - z) ** (a - 1) * (1 + coalesce(list_sum(
        [f * z ** n for f, n in factors[:(42 / -ln(z))::integer]]
    ), 0))) order by h) as purchases
from arguments left join terms using (fit_period, model, x)
group by all;

create macro alive(model, r, alpha, a, b, x, t_x, t) as if(
    model = 'bg_nbd' and x = 0, 1, 1 / (
        1 + a / (b + x - (model = 'bg_nbd')::integer)
        * ((7 * alpha + t) / (7 * alpha + t_x)) ** (r + x)
    )
);
create macro value_of_purchase(p, q, gamma, x, mean) as if(
    x = 0 or mean > 0, p * (gamma + x * coalesce(mean, 0)) / (p * x + q - 1), null
);

create table fct_customer_value as
with ranked as (
    select
        *,
        row_number() over by_revenue / count(*) over () as rank_share,
        ratio_of_positive(sum(net) over by_revenue, sum(net) over ()) as revenue_share,
        ntile(5) over (order by last_purchase_date, customer_id) as recency,
        ntile(5) over (order by visits, customer_id) as frequency,
        ntile(5) over (order by net, customer_id) as monetary
    from histories
    where visits > 0
    window by_revenue as (order by net desc, customer_id)
    union all by name
    from histories
    where visits = 0
),
scored as (
    select
        ranked.*,
        alive('mbg_nbd', mbg.r, mbg.alpha, mbg.a, mbg.b, ranked.x, t_x, ranked.t)
            as mbg_alive,
        mbg.purchases as mbg_purchases,
        alive('bg_nbd', bg.r, bg.alpha, bg.a, bg.b, ranked.x, t_x, ranked.t)
            as bg_alive,
        bg.purchases as bg_purchases,
        value_of_purchase(g.p, g.q, g.gamma, ranked.x, mean) as value
    from ranked
    left join forecasts as mbg
        on mbg.fit_period = 'full' and mbg.model = 'mbg_nbd' and ranked.x = mbg.x
        and ranked.t = mbg.t
    left join forecasts as bg
        on bg.fit_period = 'full' and bg.model = 'bg_nbd' and ranked.x = bg.x
        and ranked.t = bg.t
    join value_models as g on g.fit_period = 'full' and g.model = 'gamma_gamma'
)
select
    customer_id,
    first_purchase_date,
    last_purchase_date,
    as_of - last_purchase_date as recency_days,
    visits as purchase_days,
    net as net_revenue,
    recency as recency_score,
    frequency as frequency_score,
    monetary as monetary_score,
    recency || '-' || frequency || '-' || monetary as rfm_score,
    rfm_segment,
    rank_share as revenue_rank_share,
    revenue_share as cumulative_revenue_share,
    x as repeat_purchase_days,
    t_x as last_repeat_age_days,
    t as age_days,
    mean as mean_repeat_value,
    early_x as calibration_repeat_purchase_days,
    early_t_x as calibration_last_repeat_age_days,
    early_t as calibration_age_days,
    early_mean as calibration_mean_repeat_value,
    x - early_x as holdout_purchase_days,
    if(early_x is null, null, holdout_revenue) as holdout_revenue,
    mbg_alive as probability_alive,
    mbg_alive * mbg_purchases[1] as expected_purchases_30_days,
    mbg_alive * mbg_purchases[2] as expected_purchases_90_days,
    mbg_alive * mbg_purchases[3] as expected_purchases_365_days,
    value as expected_purchase_value,
    mbg_alive * mbg_purchases[1] * value as expected_value_30_days,
    mbg_alive * mbg_purchases[2] * value as expected_value_90_days,
    mbg_alive * mbg_purchases[3] * value as expected_value_365_days,
    bg_alive as bg_nbd_probability_alive,
    bg_alive * bg_purchases[1] as bg_nbd_expected_purchases_30_days,
    bg_alive * bg_purchases[2] as bg_nbd_expected_purchases_90_days,
    bg_alive * bg_purchases[3] as bg_nbd_expected_purchases_365_days,
    bg_alive * bg_purchases[1] * value as bg_nbd_expected_value_30_days,
    bg_alive * bg_purchases[2] * value as bg_nbd_expected_value_90_days,
    bg_alive * bg_purchases[3] * value as bg_nbd_expected_value_365_days,
    if(visits = 0, 'no_purchase', null) as expected_purchases_null_reason,
    expected_purchases_null_reason as bg_nbd_null_reason,
    if(x > 0 and mean <= 0, 'monetary_not_positive', expected_purchases_null_reason)
        as expected_value_null_reason
from scored
left join read_csv(getvariable('seeds') || '/rfm_segments.csv')
    on recency between recency_score_min and recency_score_max
    and (frequency + monetary + 1) // 2
    between frequency_monetary_score_min and frequency_monetary_score_max;

create table rpt_value_calibration as
with scored as (
    select
        customer_id, f.model, channel, half, as_of, f.x, visits - 1 - f.x as purchases,
        holdout_revenue as revenue,
        f.purchases[1]
        * alive(f.model, f.r, f.alpha, f.a, f.b, early_x, early_t_x, early_t)
            as expected,
        expected * value_of_purchase(g.p, g.q, g.gamma, early_x, early_mean)
            as expected_revenue
    from histories as h
    join forecasts as f
        on f.fit_period = 'calibration' and h.early_x = f.x and h.early_t = f.t
    join value_models as g on g.fit_period = 'calibration' and g.model = 'gamma_gamma'
),
ranked as (
    select
        *,
        row_number() over (everybody order by expected desc, customer_id)
        <= ceil(count(*) over everybody / 10) as is_top
    from (
        select 'all' as segment_column, 'all' as segment_value, * from scored
        union all
        select 'acquisition_channel', channel, * from scored
    )
    window everybody as (partition by segment_column, segment_value, model)
),
grouped as (
    select
        segment_column, segment_value, model, least(x, 7) as x_group,
        any_value(half) as half, any_value(as_of - half) as holdout_days,
        count(*) as n, sum(purchases) as actual, sum(expected) as expected,
        sum(revenue) as revenue, sum(expected_revenue) as expected_revenue,
        if(x_group is null, ratio(sum(purchases) filter (is_top), actual), null)
            as top_actual,
        if(x_group is null, ratio(
            sum(ranked.expected) filter (is_top), sum(ranked.expected)
        ), null) as top_expected
    from ranked
    group by grouping sets (
        (segment_column, segment_value, model, least(x, 7)),
        (segment_column, segment_value, model)
    )
)
select
    segment_column,
    segment_value,
    model,
    case
        when x_group is null then 'all'
        when x_group = 7 then '7+'
        else x_group::varchar
    end as frequency_group,
    half as calibration_end_date,
    holdout_days,
    n as customers,
    actual as actual_purchases,
    expected as expected_purchases,
    actual / n as actual_purchases_per_customer,
    expected / n as expected_purchases_per_customer,
    revenue as actual_revenue,
    expected_revenue,
    top_actual as top_tenth_actual_share,
    top_expected as top_tenth_expected_share,
    n < 30 as is_small_sample,
    null as null_reason,
    if(expected_revenue is null, 'monetary_not_positive', null)
        as expected_revenue_null_reason
from grouped;
-- The journey. Dates become periods of every grain, and of the whole time (null).
create temp view spans as
select period_grain from grains union all select null;
create macro period_start(grain, d) as if(
    grain = 'week', date '1969-12-29' + 7 * period_index('week', d),
    date_trunc(grain, d)
)::date;

create table rpt_stage_transitions as
with moves as (
    select
        channel,
        entered_at::date as moved_on,
        coalesce(previous_stage, '(first seen)') as from_stage,
        stage as to_stage,
        count(*) as people,
        sum(entered_at::date - came_at::date) as days_before
    from (
        select *, lag(entered_at) over (
            partition by customer_id order by stage_order
        ) as came_at
        from fct_stage_history
    )
    join everybody using (customer_id)
    group by all
)
select
    if(grouping(channel) = 1, 'all', 'acquisition_channel') as segment_column,
    if(grouping(channel) = 1, 'all', channel) as segment_value,
    g.period_grain,
    period_start(g.period_grain, moved_on) as period_start,
    from_stage,
    to_stage,
    sum(people) as people,
    sum(days_before) / sum(people) as average_days_in_from_stage,
    any_value(is_complete) as is_complete
from moves
cross join grains as g
join periods as p
    on g.period_grain = p.period_grain
    and period_start(g.period_grain, moved_on) = p.period_start
group by grouping sets (
    (g.period_grain, period_start(g.period_grain, moved_on), from_stage, to_stage),
    (
        g.period_grain, period_start(g.period_grain, moved_on), from_stage, to_stage,
        channel
    )
);

create temp table waits as
select channel, seen_on, stage, stage_order, days, count(*) as people
from (
    select
        channel,
        first_seen_at::date as seen_on,
        unnest([
            {'stage': 'awareness', 'stage_order': 1, 'days': 0},
            {'stage': 'consideration', 'stage_order': 2,
                'days': consideration_at::date - seen_on},
            {'stage': 'conversion', 'stage_order': 3,
                'days': conversion_at::date - seen_on},
            {'stage': 'retention', 'stage_order': 4,
                'days': retention_at::date - seen_on},
            {'stage': 'advocacy', 'stage_order': 5, 'days': advocacy_at::date - seen_on}
        ], recursive := true)
    from journeys join everybody using (customer_id)
)
group by all;

create table rpt_stage_funnel as
with by_day as (
    select
        channel, seen_on, stage, stage_order, window_days,
        sum(people) as people,
        coalesce(sum(people) filter (is_eligible), 0) as eligible,
        sum(people) filter (is_eligible and days <= coalesce(window_days, days))
            as reached
    from waits
    cross join (
        select window_days
        from read_csv(getvariable('seeds') || '/observation_windows.csv')
        union all select null
    )
    cross join span
    cross join lateral (
        select coalesce(seen_on + window_days::integer <= as_of, true) as is_eligible
    )
    group by all
),
cells as (
    select
        if(grouping(channel) = 1, 'all', 'acquisition_channel') as segment_column,
        if(grouping(channel) = 1, 'all', channel) as segment_value,
        period_grain as grain,
        period_start(period_grain, seen_on) as start,
        window_days, stage, stage_order,
        sum(people) as people,
        sum(eligible) as eligible,
        if(sum(eligible) > 0, coalesce(sum(reached), 0), null) as reached,
        max(seen_on) as last_seen_on
    from by_day cross join spans
    group by grouping sets (
        (period_grain, period_start(period_grain, seen_on), window_days, stage,
            stage_order),
        (period_grain, period_start(period_grain, seen_on), window_days, stage,
            stage_order, channel)
    )
),
ranked as (
    select *, sum(people) over (
        partition by segment_column, segment_value, grain, start, stage order by days
    ) as so_far, sum(people) over (
        partition by segment_column, segment_value, grain, start, stage
    ) as reached
    from (
        select
            if(grouping(channel) = 1, 'all', 'acquisition_channel') as segment_column,
            if(grouping(channel) = 1, 'all', channel) as segment_value,
            period_grain as grain, period_start(period_grain, seen_on) as start, stage,
            days, sum(people) as people
        from waits cross join spans
        where days is not null
        group by grouping sets (
            (period_grain, period_start(period_grain, seen_on), stage, days),
            (period_grain, period_start(period_grain, seen_on), stage, days, channel)
        )
    )
),
medians as (
    select
        segment_column, segment_value, grain, start, stage,
        (
            min(days) filter (so_far >= (reached + 1) // 2)
            + min(days) filter (so_far >= reached // 2 + 1)
        ) / 2 as median
    from ranked
    group by all
)
select
    c.segment_column,
    c.segment_value,
    coalesce(c.grain, 'all') as period_grain,
    c.start as period_start,
    window_days::integer as window_days,
    c.stage,
    stage_order,
    people,
    eligible as eligible_people,
    c.reached as reached_people,
    ratio(c.reached, eligible) as conversion_rate,
    wilson(c.reached, eligible, -1) as conversion_rate_lower,
    wilson(c.reached, eligible, 1) as conversion_rate_upper,
    lag(c.reached) over steps as previous_reached_people,
    ratio(c.reached, previous_reached_people) as step_conversion_rate,
    wilson(c.reached, previous_reached_people, -1) as step_conversion_rate_lower,
    wilson(c.reached, previous_reached_people, 1) as step_conversion_rate_upper,
    if(window_days is null, median, null) as median_days_to_reach,
    eligible < 30 as is_small_sample,
    previous_reached_people < 30 as is_small_step_sample,
    coalesce(period_end, last_seen_on) + coalesce(window_days, 0)::integer <= as_of
        as is_complete
from cells as c
cross join span
left join medians as m
    on c.segment_column = m.segment_column and c.segment_value = m.segment_value
    and c.stage = m.stage and c.grain is not distinct from m.grain
    and c.start is not distinct from m.start
left join periods as p on c.grain = p.period_grain and c.start = p.period_start
window steps as (
    partition by c.segment_column, c.segment_value, c.grain, c.start, window_days
    order by stage_order
);

-- Answers.
create table fct_survey_scores as
with answers as (
    select
        e.* exclude (channel, touchpoint_type),
        q.* exclude (milestone, question_id),
        if(direction = 'lower_is_better', scale_max, scale_min) as worst,
        if(direction = 'lower_is_better', scale_min, scale_max) as best
    from journey_events as e
    join questions as q using (question_id)
),
touches as (
    select
        customer_id, milestone, step_number, event_type || ':' || source_id as event_id,
        if(event_type = 'purchase', 'purchase', touchpoint_type) as touchpoint_type,
        channel
    from journey_events
    where event_type in ('touchpoint', 'purchase')
),
touched as (
    -- A touch of the same moment comes before the answer.
    select a.source_id, t.event_id, t.touchpoint_type, t.channel
    from answers as a
    asof join touches as t
        on a.customer_id = t.customer_id and a.milestone = t.milestone
        and a.step_number > t.step_number
),
-- No answer moves itself or another of the same moment.
stages as (
    select a.source_id, max(stage_order) as stage_order
    from answers as a
    join reaches as r using (customer_id)
    where reached_at < occurred_at or reached_at = occurred_at and not by_answer
    group by all
)
select
    source_id as response_id,
    a.customer_id,
    occurred_at as responded_at,
    occurred_date as responded_date,
    a.question_id,
    survey_type,
    milestone,
    if(a.customer_id is null, null, getvariable('stages')[coalesce(s.stage_order, 1)])
        as stage,
    t.event_id as touch_event_id,
    t.touchpoint_type,
    t.channel,
    score,
    score is null as is_not_applicable,
    100 * (score - worst)::double / (best - worst) as normalised_score,
    case
        when survey_type <> 'nps' then null
        when score >= 9 then 'promoter'
        when score >= 7 then 'passive'
        when score >= 0 then 'detractor'
    end as nps_group,
    if(survey_type = 'css', abs(best - score) <= 1, null) as is_top_two_box,
    target::double as target,
    if(survey_type = 'exs' and score is not null, least(greatest(
        (score - worst)::double / (target - worst), 0
    ), 1), null) as attainment,
    comment
from answers as a
left join touched as t using (source_id)
left join stages as s using (source_id)
left join (
    select response_id as source_id, comment
    from survey_responses
    where problem is null and version = 1
) using (source_id);

create macro is_last(grain, start, next_date) as
    next_date is null or period_start(grain, next_date) > start;

-- Which answers count: of each person the latest in a period, of all NPS questions
-- together, or of each other question. Answers without a name count each.
create temp table counted as
with placed as (
    select
        a.* exclude (channel),
        coalesce(customer_id, '?' || response_id) as person,
        if(survey_type = 'nps', null, question_id) as thing,
        coalesce(touchpoint_type, '(none)') as touched,
        coalesce(a.channel, '(none)') as touch_channel,
        if(customer_id is null, '(guest)', e.channel) as channel
    from fct_survey_scores as a left join everybody as e using (customer_id)
    where not is_not_applicable
),
-- An answer is the latest of its period when the next one is in another.
followed as (
    select
        *,
        lead(responded_date) over (
            partition by person, question_id order by responded_at, response_id
        ) as next_for_question,
        lead(responded_date) over (
            partition by person, survey_type, thing order by responded_at, response_id
        ) as next_for_type,
        lead(responded_date) over (
            partition by person, survey_type, thing, milestone
            order by responded_at, response_id
        ) as next_for_milestone,
        lead(responded_date) over (
            partition by person, survey_type, thing, touched
            order by responded_at, response_id
        ) as next_for_touch,
        lead(responded_date) over (
            partition by person, survey_type, thing, touch_channel
            order by responded_at, response_id
        ) as next_for_channel
    from placed
)
select
    * exclude (
        next_for_question, next_for_type, next_for_milestone, next_for_touch,
        next_for_channel
    ),
    period_grain as grain,
    period_start(grain, responded_date) as start,
    is_last(grain, start, next_for_question) as for_question,
    is_last(grain, start, next_for_type) as for_type,
    is_last(grain, start, next_for_milestone) as for_milestone,
    is_last(grain, start, next_for_touch) as for_touch,
    is_last(grain, start, next_for_channel) as for_channel
from followed cross join spans;

create macro half_width(total, squares, n, lowest, highest) as case
    when n < 2 then null
    when lowest = highest then 0
    else 1.959963984540054 * sqrt((squares - total ** 2 / n) / (n - 1) / n)
end;
create macro between_bounds(x, low, high) as
    if(x is null, null, least(greatest(x, low), high));
create macro nps_bound(promoters, detractors, n, side) as (
    select between_bounds(
        100 * (p - d + side * 1.959963984540054 * sqrt((p + d - (p - d) ** 2) / m)),
        -100, 100
    )
    from (
        select
            n::double + 3 as m,
            (promoters + 0.75) / m as p,
            (detractors + 0.75) / m as d
    )
);

-- What the answers add up to, by all that a report tells apart.
create temp table answer_sums as
with alike as (
    select
        grain, start, survey_type, question_id, milestone, stage, touched,
        touch_channel, channel, for_question, for_type, for_milestone, for_touch,
        for_channel, score, normalised_score, nps_group, is_top_two_box,
        count(*) as people
    from counted
    group by all
),
scoped as (
    select
        *,
        unnest([
            if(for_question, ('all', 'all', true), null),
            if(for_question, ('acquisition_channel', channel, true), null),
            if(for_type, ('all', 'all', false), null),
            if(for_type, ('acquisition_channel', channel, false), null),
            if(for_type, ('stage', coalesce(stage, '(unknown)'), false), null),
            if(for_milestone, ('milestone', milestone, false), null),
            if(for_touch, ('touchpoint_type', touched, false), null),
            if(for_channel, ('channel', touch_channel, false), null)
        ]) as scope
    from alike
)
select
    scope[1] as segment_column,
    scope[2] as segment_value,
    scope[3] as is_question,
    survey_type, question_id, grain, start,
    sum(people)::double as n,
    sum(people) filter (nps_group = 'promoter') as promoters,
    sum(people) filter (nps_group = 'passive') as passives,
    sum(people) filter (nps_group = 'detractor') as detractors,
    sum(people) filter (is_top_two_box) as top_two,
    sum(people * score)::double as total,
    sum(people * score::double ** 2) as squares,
    min(score) as lowest,
    max(score) as highest,
    sum(people * normalised_score) as share_total,
    sum(people * normalised_score ** 2) as share_squares,
    min(normalised_score) as share_lowest,
    max(normalised_score) as share_highest
from scoped
where scope is not null
group by all;

create table rpt_experience as
with indicators as (
    select
        s.*,
        total / n as mean,
        half_width(total, squares, n, lowest, highest) as half,
        q.target::double as goal,
        if(direction = 'lower_is_better', scale_max, scale_min)::double as worst,
        if(survey_type = 'exs', (mean - worst) / (goal - worst), null) as nearness,
        half / abs(goal - worst) as nearness_half,
        if(survey_type = 'exs', greatest(
            if(direction = 'lower_is_better', mean - goal, goal - mean), 0
        ), null) as short,
        weight
    from answer_sums as s join questions as q using (question_id, survey_type)
),
exs as (
    select
        segment_column, segment_value, survey_type,
        if(is_question, question_id, 'all') as question_id, is_question, grain, start,
        any_value(nearness) as nearness,
        sum(weight * between_bounds(nearness, 0, 1)) / sum(weight) as attainment,
        sqrt(sum((weight * nearness_half) ** 2)) / sum(weight) as half,
        bool_or(n < 2) as is_unsure,
        any_value(short) as short,
        count(*) filter (short > 1e-9) as missed
    from indicators
    where survey_type = 'exs'
    group by all
),
pooled as (
    select
        segment_column, segment_value, survey_type,
        if(is_question, question_id, 'all') as question_id, grain, start, is_question,
        sum(n) as n,
        coalesce(sum(promoters), 0) as promoters,
        coalesce(sum(passives), 0) as passives,
        coalesce(sum(detractors), 0) as detractors,
        coalesce(sum(top_two), 0) as top_two,
        sum(share_total) / sum(n) as css,
        half_width(
            sum(share_total), sum(share_squares), sum(n), min(share_lowest),
            max(share_highest)
        ) as css_half,
        any_value(mean) as mean,
        any_value(goal) as goal
    from indicators
    group by all
),
scored as (
    select
        p.*,
        -- The bounds of an indicator are those of its mean, clamped; those of the index
        -- lie around the index.
        if(p.is_question, nearness, attainment) as middle,
        case p.survey_type
            when 'nps' then 100 * (promoters - detractors) / n
            when 'css' then css
            else 100 * attainment
        end as score,
        case p.survey_type
            when 'nps' then nps_bound(promoters, detractors, n, -1)
            when 'css' then between_bounds(css - css_half, 0, 100)
            when 'exs'
                then if(is_unsure, null, between_bounds(100 * (middle - half), 0, 100))
        end as score_lower,
        case p.survey_type
            when 'nps' then nps_bound(promoters, detractors, n, 1)
            when 'css' then between_bounds(css + css_half, 0, 100)
            when 'exs'
                then if(is_unsure, null, between_bounds(100 * (middle + half), 0, 100))
        end as score_upper,
        attainment, short, missed
    from pooled as p
    left join exs as e
        on p.segment_column = e.segment_column and p.segment_value = e.segment_value
        and p.survey_type = e.survey_type and p.question_id = e.question_id
        and p.grain is not distinct from e.grain
        and p.start is not distinct from e.start
)
select
    segment_column,
    segment_value,
    survey_type,
    question_id,
    coalesce(grain, 'all') as period_grain,
    start as period_start,
    n as responses,
    score,
    score_lower,
    score_upper,
    if(survey_type = 'nps', promoters, null) as promoters,
    if(survey_type = 'nps', passives, null) as passives,
    if(survey_type = 'nps', detractors, null) as detractors,
    if(survey_type = 'css', top_two / n, null) as top_two_box_rate,
    if(survey_type = 'css', wilson(top_two, n, -1), null) as top_two_box_rate_lower,
    if(survey_type = 'css', wilson(top_two, n, 1), null) as top_two_box_rate_upper,
    if(is_question, mean, null) as mean_answer,
    if(is_question, goal, null) as target,
    attainment,
    if(is_question, coalesce(short, greatest(goal - score, 0)), null) as shortfall,
    if(is_question, null, missed) as missed_indicators,
    n < 30 as is_small_sample,
    coalesce(is_complete, true) as is_complete
from scored as s
left join periods as p on grain = p.period_grain and start = p.period_start;

-- What NPS groups did in the ninety days after the answer.
create table rpt_brand_performance as
with afterwards as (
    select
        response_id,
        coalesce(bool_or(orders > 0), false) as is_repeating,
        coalesce(sum(gross + refunds), 0) as revenue
    from fct_survey_scores as a
    cross join span
    left join days as d
        on a.customer_id = d.customer_id
        and entry_date between responded_date + 1 and responded_date + 90
    where nps_group is not null and a.customer_id is not null
        and responded_date + 90 <= as_of
    group by all
),
voters as (
    select
        c.grain, c.start, channel, nps_group, response_id, css_answers, css_total,
        css_squares, css_lowest, css_highest
    from counted as c
    left join (
        select
            customer_id, grain, start, count(*) as css_answers,
            sum(normalised_score) as css_total,
            sum(normalised_score ** 2) as css_squares,
            min(normalised_score) as css_lowest,
            max(normalised_score) as css_highest
        from counted
        where for_type and survey_type = 'css' and customer_id is not null
        group by all
    ) as s
        on c.customer_id = s.customer_id and c.grain is not distinct from s.grain
        and c.start is not distinct from s.start
    where for_type and survey_type = 'nps'
),
followed as (
    select
        if(grouping(channel) = 1, 'all', 'acquisition_channel') as segment_column,
        if(grouping(channel) = 1, 'all', channel) as segment_value,
        coalesce(grain, 'all') as period_grain, start as period_start,
        coalesce(nps_group, 'all') as nps_group,
        count(*) as responses,
        sum(css_answers) as css_n,
        sum(css_total) as css_total,
        sum(css_squares) as css_squares,
        min(css_lowest) as css_lowest,
        max(css_highest) as css_highest,
        count(f.response_id) as eligible,
        count(*) filter (is_repeating) as repeating,
        sum(revenue) as revenue
    from voters left join afterwards as f using (response_id)
    group by grouping sets (
        (grain, start), (grain, start, channel), (grain, start, nps_group),
        (grain, start, nps_group, channel)
    )
),
totals as (
    select
        segment_column, segment_value, period_grain, period_start, 'all' as nps_group,
        any_value(responses) filter (survey_type = 'nps') as nps_responses,
        any_value(score) filter (survey_type = 'nps') as nps_score,
        any_value(score_lower) filter (survey_type = 'nps') as nps_lower,
        any_value(score_upper) filter (survey_type = 'nps') as nps_upper,
        any_value(responses) filter (survey_type = 'css') as css_responses,
        any_value(score) filter (survey_type = 'css') as css_score,
        any_value(score_lower) filter (survey_type = 'css') as css_lower,
        any_value(score_upper) filter (survey_type = 'css') as css_upper,
        any_value(responses) filter (survey_type = 'exs') as exs_responses,
        any_value(score) filter (survey_type = 'exs') as exs_score,
        any_value(score_lower) filter (survey_type = 'exs') as exs_lower,
        any_value(score_upper) filter (survey_type = 'exs') as exs_upper
    from rpt_experience
    where question_id = 'all' and segment_column in ('all', 'acquisition_channel')
    group by all
),
together as (
    from totals
    union all by name
    select
        segment_column, segment_value, period_grain, period_start, nps_group,
        responses as nps_responses,
        coalesce(css_n, 0) as css_responses,
        css_total / css_n as css_score,
        half_width(css_total, css_squares, css_n::double, css_lowest, css_highest)
            as half,
        between_bounds(css_score - half, 0, 100) as css_lower,
        between_bounds(css_score + half, 0, 100) as css_upper
    from followed
    where nps_group <> 'all'
)
select
    t.segment_column,
    t.segment_value,
    t.period_grain,
    t.period_start,
    t.nps_group,
    coalesce(nps_responses, 0) as nps_responses,
    nps_score,
    nps_lower,
    nps_upper,
    coalesce(css_responses, 0) as css_responses,
    css_score,
    css_lower,
    css_upper,
    if(t.nps_group = 'all', coalesce(exs_responses, 0), null) as exs_responses,
    exs_score,
    exs_lower,
    exs_upper,
    coalesce(eligible, 0) as eligible_people,
    if(eligible > 0, repeating, null) as repeating_people,
    ratio(repeating, eligible) as repeat_rate,
    wilson(repeating, eligible, -1) as repeat_rate_lower,
    wilson(repeating, eligible, 1) as repeat_rate_upper,
    ratio(revenue, eligible) as revenue_per_person,
    coalesce(eligible, 0) < 30 as is_small_sample,
    coalesce(nps_responses, 0) < 30 as is_small_nps_sample,
    coalesce(css_responses, 0) < 30 as is_small_css_sample,
    if(t.nps_group = 'all', coalesce(exs_responses, 0) < 30, null)
        as is_small_exs_sample,
    coalesce(is_complete, true) as is_complete
from together as t
left join followed as f
    on t.segment_column = f.segment_column and t.segment_value = f.segment_value
    and t.period_grain = f.period_grain and t.nps_group = f.nps_group
    and t.period_start is not distinct from f.period_start
left join periods as p
    on t.period_grain = p.period_grain and t.period_start = p.period_start;

-- The scorecard: a unit is a milestone, its touches of one medium, or of one type.
create table rpt_milestone_scorecard as
with by_type as (
    select
        customer_id, milestone,
        if(event_type = 'purchase', 'purchase', touchpoint_type) as touchpoint_type,
        if(event_type = 'purchase', '(unknown)', medium) as medium,
        count(*) as touches,
        count(*) filter (outcome = 'positive') as positive,
        count(*) filter (outcome = 'neutral') as neutral,
        count(*) filter (outcome = 'negative') as negative,
        min(step_number) as first_step,
        min(occurred_at) as met_at,
        arg_min(coalesce(outcome, 'none'), step_number) as first_outcome
    from journey_events
    where customer_id is not null and event_type in ('touchpoint', 'purchase')
    group by all
),
placed as (
    select
        by_type.*, channel,
        case stage
            when 'awareness' then consideration_at
            when 'consideration' then conversion_at
            when 'conversion' then retention_at
            when 'retention' then advocacy_at
        end as next_at
    from by_type
    join milestones using (milestone)
    join journeys using (customer_id)
    join everybody using (customer_id)
),
by_medium as (
    select
        customer_id, milestone, medium, channel, next_at,
        sum(touches) as touches,
        sum(positive) as positive,
        sum(neutral) as neutral,
        sum(negative) as negative,
        min(first_step) as first_step,
        min(met_at) as met_at,
        arg_min(first_outcome, first_step) as first_outcome
    from placed
    group by all
),
exposures as (
    from placed
    union all by name
    select *, 'all' as touchpoint_type from by_medium
    union all by name
    select
        customer_id, milestone, channel, next_at, 'all' as touchpoint_type,
        'all' as medium, sum(touches) as touches, sum(positive) as positive,
        sum(neutral) as neutral, sum(negative) as negative, min(met_at) as met_at,
        arg_min(first_outcome, first_step) as first_outcome
    from by_medium
    group by all
),
followed as (
    select
        *,
        met_at::date + window_days::integer as last_day,
        stage <> 'advocacy' and last_day <= as_of and coalesce(next_at >= met_at, true)
            as is_eligible,
        is_eligible and next_at::date <= last_day as has_succeeded
    from exposures join milestones using (milestone)
    cross join span
),
units as (
    select
        if(grouping(channel) = 1, 'all', 'acquisition_channel') as segment_column,
        if(grouping(channel) = 1, 'all', channel) as segment_value,
        milestone, touchpoint_type, medium,
        count(*) as people,
        sum(touches) as touches,
        sum(positive) as positive,
        sum(neutral) as neutral,
        sum(negative) as negative,
        count(*) filter (is_eligible) as n,
        count(*) filter (has_succeeded) as s,
        count(*) filter (is_eligible and first_outcome = 'positive') as positive_n,
        count(*) filter (has_succeeded and first_outcome = 'positive') as positive_s,
        count(*) filter (is_eligible and first_outcome = 'neutral') as neutral_n,
        count(*) filter (has_succeeded and first_outcome = 'neutral') as neutral_s,
        count(*) filter (is_eligible and first_outcome = 'negative') as negative_n,
        count(*) filter (has_succeeded and first_outcome = 'negative') as negative_s,
        -- Those whose first exposure went well, and the rest; a purchase is in neither.
        if(positive_n > 0, 'positive', 'neutral') as favourable,
        if(positive_n > 0, positive_n, neutral_n) as n1,
        if(positive_n > 0, positive_s, neutral_s) as s1,
        positive_n + neutral_n + negative_n - n1 as n2,
        positive_s + neutral_s + negative_s - s1 as s2
    from followed
    group by grouping sets (
        (milestone, touchpoint_type, medium),
        (milestone, touchpoint_type, medium, channel)
    )
),
satisfied as (
    select
        if(grouping(c.channel) = 1, 'all', 'acquisition_channel') as segment_column,
        if(grouping(c.channel) = 1, 'all', c.channel) as segment_value,
        c.milestone,
        if(grouping(c.touchpoint_type) = 1, 'all', c.touchpoint_type)
            as touchpoint_type,
        if(grouping(known_medium) = 1, 'all', known_medium) as medium,
        count(*) as answers,
        avg(normalised_score) as score,
        half_width(
            sum(normalised_score), sum(normalised_score ** 2), count(*)::double,
            min(normalised_score), max(normalised_score)
        ) as half
    from counted as c
    left join touchpoint_types as t on c.touchpoint_type = t.touchpoint_type
    cross join lateral (
        select if(c.touchpoint_type = 'purchase', '(unknown)', t.medium) as known_medium
    )
    where survey_type = 'css' and grain is null and for_type
    group by grouping sets (
        (c.milestone, c.touchpoint_type, known_medium), (c.milestone, known_medium),
        (c.milestone), (c.milestone, c.touchpoint_type, known_medium, c.channel),
        (c.milestone, known_medium, c.channel), (c.milestone, c.channel)
    )
),
units_judged as (
    select
        u.*, m.* exclude (milestone), satisfied.* exclude (
            segment_column, segment_value, milestone, touchpoint_type, medium
        ),
        positive + neutral + negative as judged,
        ratio(s, n) as success_rate,
        ratio(s1, n1) as p1,
        ratio(s2, n2) as p2,
        importance * (1 - success_rate) as pain,
        case
            when touchpoint_type <> 'all' then 'type'
            when medium <> 'all' then 'medium'
            else 'milestone'
        end as unit_level,
        avg(importance) filter (unit_level = 'milestone' and success_rate is not null)
            over (partition by segment_column, segment_value) as mean_importance,
        avg(success_rate) filter (unit_level = 'milestone')
            over (partition by segment_column, segment_value) as mean_success
    from units as u
    join milestones as m using (milestone)
    left join satisfied
        using (segment_column, segment_value, milestone, touchpoint_type, medium)
)
select
    segment_column,
    segment_value,
    milestone,
    milestone_order,
    stage,
    case stage
        when 'awareness' then 'consideration'
        when 'consideration' then 'conversion'
        when 'conversion' then 'retention'
        when 'retention' then 'advocacy'
    end as next_stage,
    touchpoint_type,
    medium,
    window_days,
    people as exposed_people,
    touches,
    positive as positive_touches,
    neutral as neutral_touches,
    negative as negative_touches,
    ratio(positive, judged) as positive_share,
    wilson(positive, judged, -1) as positive_share_lower,
    wilson(positive, judged, 1) as positive_share_upper,
    ratio(negative, judged) as negative_share,
    wilson(negative, judged, -1) as negative_share_lower,
    wilson(negative, judged, 1) as negative_share_upper,
    importance,
    p1 - p2 as derived_importance,
    p1 - p2 - sqrt((p1 - wilson(s1, n1, -1)) ** 2 + (wilson(s2, n2, 1) - p2) ** 2)
        as derived_importance_lower,
    p1 - p2 + sqrt((wilson(s1, n1, 1) - p1) ** 2 + (p2 - wilson(s2, n2, -1)) ** 2)
        as derived_importance_upper,
    if(n1 * n2 > 0, n1 + n2, null) as derived_importance_people,
    if(n1 * n2 > 0, favourable, null) as favourable_outcome,
    n as eligible_people,
    if(stage = 'advocacy', null, s) as succeeded_people,
    success_rate,
    wilson(s, n, -1) as success_rate_lower,
    wilson(s, n, 1) as success_rate_upper,
    score as satisfaction_score,
    between_bounds(score - half, 0, 100) as satisfaction_lower,
    between_bounds(score + half, 0, 100) as satisfaction_upper,
    coalesce(answers, 0) as satisfaction_answers,
    case
        when success_rate is null then null
        when importance >= mean_importance - 1e-9
            then if(success_rate >= mean_success - 1e-9, 'keep_up', 'concentrate_here')
        when success_rate >= mean_success - 1e-9 then 'possible_overkill'
        else 'low_priority'
    end as quadrant,
    pain as pain_point_score,
    if(pain is null, null, row_number() over (
        partition by segment_column, segment_value, unit_level
        order by
            round(pain, 9) desc nulls last, milestone_order, touchpoint_type, medium
    ))::integer as pain_point_rank,
    n < 30 as is_small_sample,
    judged < 30 as is_small_touch_sample,
    coalesce(derived_importance_people, 0) < 30 as is_small_importance_sample,
    coalesce(answers, 0) < 30 as is_small_satisfaction_sample
from units_judged;

-- Acquisition: what was credited to each campaign, and what was spent on it.
create temp table ledger as
with by_day as (
    select
        conversion_type, conversion_date, channel, campaign,
        sum(first) as first, sum(last) as last, sum(last_non_direct) as last_non_direct,
        sum(linear) as linear, sum(position_based) as position_based,
        sum(time_decay) as time_decay, sum(markov) as markov, sum(shapley) as shapley,
        sum(first * gross_revenue) as first_revenue,
        sum(last * gross_revenue) as last_revenue,
        sum(last_non_direct * gross_revenue) as last_non_direct_revenue,
        sum(linear * gross_revenue) as linear_revenue,
        sum(position_based * gross_revenue) as position_based_revenue,
        sum(time_decay * gross_revenue) as time_decay_revenue,
        sum(markov * gross_revenue) as markov_revenue,
        sum(shapley * gross_revenue) as shapley_revenue
    from credits
    group by all
),
by_model as (
    unpivot by_day on
        (first, first_revenue) as first,
        (last, last_revenue) as last,
        (last_non_direct, last_non_direct_revenue) as last_non_direct,
        (linear, linear_revenue) as linear,
        (position_based, position_based_revenue) as position_based,
        (time_decay, time_decay_revenue) as time_decay,
        (markov, markov_revenue) as markov,
        (shapley, shapley_revenue) as shapley
    into name attribution_model value conversions, gross_revenue
)
select
    conversion_type::varchar as conversion_type, attribution_model,
    period_grain as grain, period_start(period_grain, conversion_date) as start,
    channel, campaign, sum(conversions) as conversions,
    sum(gross_revenue) as gross_revenue, 0::decimal(18, 4) as spend
from by_model cross join grains
group by all
union all
select
    '(spend)', attribution_model, p.period_grain, p.period_start, channel,
    coalesce(campaign, '(none)'), 0, 0, sum(amount)
from spend
cross join grains as g
join periods as p
    on g.period_grain = p.period_grain
    and period_start(g.period_grain, spend_date) = p.period_start
cross join (select distinct attribution_model from by_model)
where problem is null
group by all;

create table rpt_attribution as
with totals as (
    select
        if(grouping(conversion_type) = 1, 'all', conversion_type) as type,
        attribution_model, grain, start, channel, campaign,
        sum(conversions) as conversions,
        sum(gross_revenue) as gross_revenue,
        if(type = 'all', sum(spend), null)::decimal(18, 4) as spend
    from ledger
    group by grouping sets (
        (attribution_model, grain, start, channel, campaign, conversion_type),
        (attribution_model, grain, start, channel, campaign)
    )
)
select
    type as conversion_type,
    attribution_model,
    grain as period_grain,
    start as period_start,
    channel,
    campaign,
    conversions,
    ratio(conversions, sum(conversions) over period) as conversion_share,
    gross_revenue,
    ratio(gross_revenue, sum(gross_revenue) over period) as revenue_share,
    spend,
    ratio(gross_revenue, spend) as roas,
    is_complete
from totals
join periods as p on grain = p.period_grain and start = p.period_start
where type <> '(spend)'
window period as (partition by type, attribution_model, grain, start);

create table rpt_acquisition as
with figures as (
    select
        attribution_model, grain, start,
        if(grouping(channel) = 1, 'all', channel) as channel,
        if(grouping(campaign) = 1, 'all', campaign) as campaign,
        sum(spend)::decimal(18, 4) as spend,
        sum(conversions) as customers,
        sum(gross_revenue) as revenue
    from ledger
    where conversion_type in ('first', '(spend)')
    group by grouping sets (
        (attribution_model, grain, start, channel, campaign),
        (attribution_model, grain, start, channel), (attribution_model, grain, start)
    )
    union all
    select attribution_model, period_grain, period_start, 'all', 'all', 0, 0, 0
    from periods
    cross join (select distinct attribution_model from ledger)
    anti join (from ledger where conversion_type in ('first', '(spend)')) as l
        on period_grain = grain and period_start = start
),
judged as (
    select
        f.*,
        if(f.channel = 'all', null, coalesce(is_paid, f.channel in (
            select channel from spend where problem is null and amount > 0
        ))) as is_paid
    from figures as f
    left join read_csv(getvariable('seeds') || '/journey_channels.csv') as c
        on f.channel = c.channel
)
select
    attribution_model,
    grain as period_grain,
    start as period_start,
    channel,
    campaign,
    is_paid,
    spend,
    customers as new_customers,
    ratio(nullif(spend, 0), customers) as cac,
    case
        when spend > 0 and customers > 0 then null
        when spend > 0 then 'no_customers'
        when customers > 0 then 'no_spend'
        else 'no_spend_and_no_customers'
    end as cac_null_reason,
    max(cac) filter (channel = 'all') over period as blended_cac,
    ratio(
        nullif(sum(spend) filter (is_paid and campaign = 'all') over period, 0),
        sum(customers) filter (is_paid and campaign = 'all') over period
    ) as paid_cac,
    revenue as new_customer_revenue,
    ratio(revenue, spend) as roas,
    is_complete
from judged
join periods as p on grain = p.period_grain and start = p.period_start
window period as (partition by attribution_model, grain, start);

create table rpt_conversion as
with people as (
    select
        channel, first_seen_at::date as seen_on, first_purchase_date,
        first_purchase_date - seen_on as days, count(*) as n,
        count(*) filter (
            first_purchase_at = first_seen_at
            and first_touch_at is distinct from first_purchase_at
        ) as walk_ins
    from everybody
    where first_seen_at is not null
    group by all
),
windows as (
    select window_days::integer as window_days
    from read_csv(getvariable('seeds') || '/observation_windows.csv')
    union all select null
),
by_day as (
    select
        channel, seen_on as d, window_days, seen_on as last_seen_on,
        sum(n) as people,
        sum(n) filter (is_eligible) as eligible,
        sum(n) filter (is_eligible and days <= coalesce(window_days, days))
            as converted,
        sum(walk_ins) as walk_ins,
        0 as new_customers
    from people
    cross join windows
    cross join span
    cross join lateral (
        select coalesce(seen_on + window_days <= as_of, true) as is_eligible
    )
    group by all
    union all by name
    select channel, first_purchase_date as d, window_days, sum(n) as new_customers
    from people
    cross join windows
    where first_purchase_date is not null
    group by all
),
cells as (
    select
        if(grouping(channel) = 1, 'all', channel) as channel,
        period_grain as grain,
        period_start(period_grain, d) as start,
        window_days,
        coalesce(sum(people), 0) as seen,
        coalesce(sum(eligible), 0) as n,
        if(n > 0, coalesce(sum(converted), 0), null) as s,
        coalesce(sum(walk_ins), 0) as walk_in_people,
        sum(new_customers) as won,
        max(last_seen_on) as last_seen_on
    from by_day cross join spans
    group by grouping sets (
        (period_grain, period_start(period_grain, d), window_days, channel),
        (period_grain, period_start(period_grain, d), window_days)
    )
)
select
    'all' as segment_column,
    'all' as segment_value,
    channel,
    coalesce(grain, 'all') as period_grain,
    start as period_start,
    window_days,
    seen as people,
    n as eligible_people,
    s as converted_people,
    ratio(s, n) as conversion_rate,
    wilson(s, n, -1) as conversion_rate_lower,
    wilson(s, n, 1) as conversion_rate_upper,
    walk_in_people,
    won as new_customers,
    ratio(won, seen) as period_basis_conversion_rate,
    n < 30 as is_small_sample,
    coalesce(period_end, last_seen_on) + coalesce(window_days, 0) <= as_of
        as is_complete
from cells
cross join span
left join periods as p on grain = p.period_grain and start = p.period_start;

create table rpt_cac_payback as
with by_month as (
    select
        if(grouping(channel) = 1, 'all', channel) as channel,
        date_trunc('month', first_purchase_date)::date as start,
        greatest(date_diff('month', first_purchase_date, entry_date), 0) as k,
        count(*) filter (entry_date = first_purchase_date) as customers,
        sum(gross) as gross,
        sum(costed) as costed,
        sum(costed - coalesce(cost, 0)) + sum(order_basis - costed) * (
            select ratio_of_positive(sum(costed - coalesce(cost, 0)), sum(costed))
            from days
            where customer_id is not null
        ) as margin
    from days
    where first_purchase_date is not null
    group by grouping sets ((start, k, channel), (start, k))
),
cohorts as (
    select
        channel, start, coalesce(customers, 0) as customers,
        bool_or(margin is not null) over () as has_margin,
        coalesce(spend, 0) as spend, ratio(nullif(spend, 0), customers) as cac
    from (from by_month where k = 0)
    full join (
        select channel, period_start as start, spend
        from rpt_acquisition
        where attribution_model = 'last_non_direct' and period_grain = 'month'
            and campaign = 'all' and spend > 0
    ) using (channel, start)
),
run as (
    select
        c.*,
        date_diff('month', c.start, period_start) as k,
        is_complete,
        if(is_complete and has_margin, coalesce(margin, 0), null) as month_margin,
        if(is_complete, sum(month_margin) over so_far, null) as total,
        if(is_complete, ratio(sum(costed) over so_far, sum(gross) over so_far), null)
            as known
    from cohorts as c
    join periods on period_grain = 'month' and period_start >= c.start
    left join by_month as m
        on c.channel = m.channel and c.start = m.start
        and m.k = date_diff('month', c.start, period_start)
    window so_far as (partition by c.channel, c.start order by period_start)
)
select
    'month' as period_grain,
    start as cohort_start,
    channel,
    k as period_number,
    customers,
    spend,
    cac,
    case
        when spend = 0 then 'no_spend'
        when customers = 0 then 'no_customers'
    end as cac_null_reason,
    month_margin as margin,
    total as cumulative_margin,
    ratio(total, customers) as cumulative_margin_per_customer,
    known as known_cost_share,
    cumulative_margin_per_customer / cac as ltv_cac_ratio,
    max(ltv_cac_ratio) filter (k = 3) over cohort as ltv_cac_ratio_3_months,
    max(ltv_cac_ratio) filter (k = 6) over cohort as ltv_cac_ratio_6_months,
    max(ltv_cac_ratio) filter (k = 12) over cohort as ltv_cac_ratio_12_months,
    (min(k) filter (ltv_cac_ratio >= 1 - 1e-9) over cohort)::integer as payback_month,
    case
        when cac is null then 'no_cac'
        when not has_margin then 'no_margin'
        when payback_month is null then 'not_yet'
        else 'paid_back'
    end as payback_status,
    is_complete
from run
window cohort as (partition by channel, start);
