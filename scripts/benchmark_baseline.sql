-- The public tables as one analyst would write them for DuckDB alone: its own dialect,
-- typed inputs with clean texts, one setting of every variable, no tests.
-- scripts/benchmark.py sets the variables inputs and seeds (folders) and timezone.

create macro local_time(utc_time) as
    timezone(getvariable('timezone'), timezone('UTC', utc_time));
create macro ratio(a, b) as a::double / nullif(b::double, 0);
create macro ratio_of_positive(a, b) as ratio(a, if(b > 0, b, null));
create macro wilson(s, n, side) as (
    s::double + 1.959963984540054 ** 2 / 2 + side * 1.959963984540054
    * sqrt(greatest(s * (n - s) / nullif(n::double, 0), 0) + 1.959963984540054 ** 2 / 4)
) / (nullif(n::double, 0) + 1.959963984540054 ** 2);
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
            when score is null then 'missing_score'
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
select
    spend_date,
    channel,
    case
        when spend_date is null then 'missing_spend_date'
        when spend_date not between '1990-01-01' and '2099-12-31'
            then 'date_out_of_range'
        when channel is null then 'missing_channel'
        when amount is null then 'missing_amount'
        when amount < 0 then 'negative_amount'
        when coalesce(upper(s.currency), 'USD') <> 'USD' and rate is null
            then 'missing_exchange_rate'
    end as problem,
    concat(
        'spend_date=', spend_date, '; channel=', channel, '; amount=', amount,
        '; campaign=', campaign, '; currency=', s.currency
    ) as raw_values
from read_parquet(getvariable('inputs') || '/marketing_spend.parquet') as s
left join good_rates as r
    on upper(s.currency) = r.currency and s.spend_date = r.rate_date;

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
    'marketing_spend', spend_date || ' ' || channel, problem, 1, false, raw_values,
    spend_date, null
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
    max(last_date) filter (input_name in (
        'transactions', 'touchpoints', 'marketing_spend', 'survey_responses'
    )) as as_of,
    min(first_date) filter (input_name in (
        'transactions', 'touchpoints', 'survey_responses'
    )) as first_event,
    min(first_date) filter (input_name = 'transactions') as first_transaction
from rpt_input_quality
where row_status = 'accepted';

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

-- Events and people.
create table journey_events as
select
    transaction_id as source_id,
    if(t.event_type = 'refund', coalesce(t.customer_id, p.customer_id), t.customer_id)
        as customer_id,
    t.event_type,
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
    'touchpoint', touchpoint_type, null, channel, campaign, null, null, null,
    known_outcome, local_at, local_date, null
from touchpoints as t
left join identities as i
    on t.visitor_id = i.visitor_id and i.problem is null and i.version = 1
where t.problem is null and t.version = 1
union all
select
    response_id, customer_id, 'survey_response', null, question_id, null, null, null,
    null, given_score, null, local_at, local_date, null
from survey_responses
where problem is null and version = 1;

create view fct_journey_events as
select
    event_type || ':' || source_id as event_id,
    * exclude (cost_amount, order_date)
from journey_events;

create temp table buyers as
with people as (
    select
        customer_id,
        min(occurred_at) as first_event_at,
        min(occurred_at) filter (event_type = 'purchase') as first_purchase_at,
        max(occurred_date) filter (event_type = 'purchase') as last_purchase_date
    from journey_events
    where customer_id is not null
    group by all
),
credited as (
    select
        customer_id,
        coalesce(e.channel, '(unknown)') as acquisition_channel
    from journey_events as e
    join people using (customer_id)
    left join read_csv(getvariable('seeds') || '/journey_channels.csv') as c
        on e.channel = c.channel
    where event_type = 'touchpoint'
        and occurred_at <= first_purchase_at
        and occurred_date >= first_purchase_at::date - 90
    qualify row_number() over (
        partition by customer_id
        order by
            e.channel is null, coalesce(is_direct, false), occurred_at desc, source_id
    ) = 1
)
select
    *,
    first_purchase_at::date as first_purchase_date,
    if(first_purchase_at is null, null, coalesce(acquisition_channel, '(none)'))
        as channel
from people left join credited using (customer_id);

create temp table days as
with entries as (
    select
        customer_id,
        occurred_date as entry_date,
        count(*) filter (event_type = 'purchase') as orders,
        sum(amount) filter (event_type = 'purchase') as gross,
        sum(amount) filter (event_type = 'refund') as refunds,
        coalesce(sum(amount) filter (event_type = 'purchase'), 0) as order_basis,
        sum(cost_amount) filter (event_type = 'purchase') as cost
    from journey_events
    where event_type in ('purchase', 'refund')
    group by all
    union all
    select customer_id, order_date, 0, 0, 0, sum(amount), null
    from journey_events
    where event_type = 'refund'
    group by all
)
select
    customer_id,
    if(customer_id is null, '(guest)', coalesce(any_value(channel), '(unknown)'))
        as channel,
    any_value(first_purchase_date) as first_purchase_date,
    any_value(last_purchase_date) as last_purchase_date,
    entry_date,
    sum(orders)::integer as orders,
    coalesce(sum(gross), 0)::decimal(18, 4) as gross,
    coalesce(sum(refunds), 0)::decimal(18, 4) as refunds,
    coalesce(sum(order_basis), 0)::decimal(18, 4) as order_basis,
    sum(cost)::decimal(18, 4) as cost
from entries left join buyers using (customer_id)
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

create table dim_customers as
select
    customer_id,
    customer_id like 'visitor:%' as is_anonymous,
    created_at,
    least(created_at, first_event_at) as first_seen_at,
    first_purchase_at,
    b.first_purchase_date,
    second_purchase_date,
    last_purchase_date,
    coalesce(orders, 0) as orders,
    coalesce(purchase_days, 0) as purchase_days,
    coalesce(gross_revenue, 0) as gross_revenue,
    coalesce(refund_amount, 0) as refund_amount,
    coalesce(gross_revenue + refund_amount, 0) as net_revenue,
    cost_amount,
    b.channel as acquisition_channel,
    false as is_left_truncated
from buyers as b
full join (from register where problem is null and version = 1) using (customer_id)
left join lifetimes using (customer_id);

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
    is_complete
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
    is_complete
from shares as s;
