-- The generated company, step by step, in DuckDB SQL.
--
-- generate_sample_data.py sets one variable per planted truth (getvariable) and the
-- tables `channels`, `follow_up_types` and `questions`, then runs this file. Every
-- random choice is a draw keyed by what it is about, so the same seed gives the same
-- company however many threads run. Times are local until a `utc()` on the way out.

-- Hashed twice: alone, the hash of several values is that of the last one, the seed,
-- xor something of the others, and all companies would be images of one another.
create or replace macro draw(entity, purpose) as (
    (hash(hash(entity, purpose, getvariable('seed'))) >> 11) / 9007199254740992.0
);
create or replace macro whole(number) as cast(floor(number) as integer);
-- Position (1 first) of a draw among the cumulative shares of a list of choices.
create or replace macro pick(draw, bounds) as (
    1 + len(list_filter(bounds, lambda bound: bound <= draw))
);
create or replace macro month_start(month_index) as (
    getvariable('first_day') + interval 1 month * month_index
);
create or replace macro day_in_month(month_index, draw) as (
    month_start(month_index)
    + interval 1 day * whole(draw * day(last_day(month_start(month_index))))
);
-- Shops open from 8:00 to 23:50, and the evening is busy: its UTC day is the next one.
create or replace macro opening_time(draw) as (
    interval 1 second * whole(
        if(
            draw < getvariable('evening_share'),
            68400 + draw / getvariable('evening_share') * 17400,
            28800 + draw * 39600
        )
    )
);
create or replace macro utc(local_time) as (
    timezone('UTC', timezone(getvariable('reporting_timezone'), local_time))
);
create or replace macro loaded(event_time, entity, purpose) as (
    event_time + if(
        draw(entity, purpose || ' late') < getvariable('late_share'),
        interval 1 day * whole(3 + 17 * draw(entity, purpose || ' days')),
        interval 1 minute * whole(5 + 300 * draw(entity, purpose || ' minutes'))
    )
);

-- A range is read by one thread, a table by all.
create or replace temp table persons as
select person
from range(getvariable('people')) as numbers (person);

-- One row per person: how they arrive, whether they buy, when they leave for good.
create or replace temp table people as
with arrivals as (
    select
        person,
        pick(draw(person, 'channel'), getvariable('channel_bounds')) as channel_number,
        pick(draw(person, 'closing'), getvariable('closing_bounds')) as closing_number,
        day_in_month(
            pick(draw(person, 'month'), getvariable('month_bounds')) - 1,
            draw(person, 'day')
        ) + opening_time(draw(person, 'time')) as first_seen,
        1 + 30 * pow(draw(person, 'delay'), 2) as delay_days
    from persons
),

decisions as (
    select
        arrivals.*,
        introduced.channel,
        -- Somebody who only ever comes directly has no other channel to be closed by.
        if(
            introduced.channel is null or introduced.channel = 'direct'
            or draw(person, 'same channel') < getvariable('same_channel_share'),
            introduced.channel,
            closing.channel
        ) as acquisition_channel,
        draw(person, 'convert') < introduced.conversion_rate as converts,
        -- Scaled so that the planted share of all people, buyers included, considers.
        draw(person, 'convert') < greatest(
            introduced.conversion_rate, getvariable('consideration_rate')
        ) as considers,
        date_trunc('day', first_seen) + interval 1 day * whole(delay_days)
        + opening_time(draw(person, 'purchase time')) as first_purchase
    from arrivals
    inner join channels as introduced
        on arrivals.channel_number = introduced.channel_number
    inner join channels as closing
        on arrivals.closing_number = closing.channel_number
),

outcomes as (
    select
        *,
        converts and first_purchase < getvariable('end_day') as is_buyer,
        draw(person, 'complaint') < getvariable('first_complaint_share') as complains,
        cast(
            datediff('month', getvariable('first_day'), first_purchase) as integer
        ) as purchase_month,
        getvariable('countries')[
            pick(draw(person, 'country'), getvariable('country_bounds'))
        ] as country
    from decisions
)

select
    *,
    is_buyer
    or draw(person, 'registered') < getvariable('registered_share') as is_known,
    is_known
    and draw(person, 'device') < getvariable('second_device_share') as has_second_device,
    if(country in ('DE', 'FR'), 'EUR', 'USD') as currency,
    if(
        draw(person, 'leave first') < if(
            complains,
            getvariable('first_hazard_after_complaint'),
            getvariable('hazard_by_month_number')[1]
        ),
        1,
        2 + len(
            list_filter(
                getvariable('later_survival'),
                lambda survival: survival > draw(person, 'leave later')
            )
        )
    ) as last_month_number
from outcomes;

-- One row per order of a customer. The first and the last month always hold one, so the
-- month of leaving can be read from the data; between them a month may be skipped.
-- Slot 1 is a further order of the month (never of the first month, so leaving after it
-- means exactly one occasion); slot 2 follows the first by five minutes.
create or replace temp table purchases as
with alive_months as (
    select
        person,
        currency,
        channel,
        first_purchase,
        purchase_month,
        last_month_number,
        unnest(
            range(
                1, 1 + least(last_month_number, getvariable('months') - purchase_month)
            )
        ) as month_number
    from people
    where is_buyer
),

buying_months as (
    select
        *,
        purchase_month + month_number - 1 as month_index,
        person * 1000 + month_number * 10 as month_key
    from alive_months
    where
        month_number = 1
        or month_number = last_month_number
        or draw(person * 1000 + month_number * 10, 'buys')
        < getvariable('purchase_probability')
        * getvariable('season_factors')[1 + (purchase_month + month_number - 1) % 12]
)

select
    person,
    currency,
    month_number,
    slot,
    month_key + slot as order_key,
    if(
        month_number = 1,
        first_purchase,
        day_in_month(month_index, draw(month_key + slot % 2, 'day'))
        + opening_time(draw(month_key + slot % 2, 'time'))
    ) + if(slot = 2, interval 5 minute, interval 0 minute) as local_time,
    channel is null and month_number = 1 as is_walk_in
from buying_months
cross join (values (0), (1), (2)) as slots (slot)
where
    slot = 0
    or (
        slot = 1 and month_number > 1
        and draw(month_key, 'further') < getvariable('further_order_share')
    )
    or (slot = 2 and draw(month_key, 'same day') < getvariable('same_day_order_share'));

-- One row per transaction, each once and correct; guests have no customer.
create or replace temp table clean_transactions as
with orders as (
    select
        order_key,
        't' || order_key as transaction_id,
        'c' || person as customer_id,
        local_time,
        currency,
        draw(person, 'budget') as budget,
        if(
            is_walk_in,
            'store',
            if(draw(order_key, 'sales channel') < 0.6, 'web', 'store')
        ) as sales_channel
    from purchases

    union all

    select
        -1 - guest as order_key,
        'g' || guest as transaction_id,
        cast(null as varchar) as customer_id,
        day_in_month(
            pick(draw(guest, 'guest month'), getvariable('month_bounds')) - 1,
            draw(guest, 'guest day')
        ) + opening_time(draw(guest, 'guest time')) as local_time,
        if(draw(guest, 'guest currency') < 0.8, 'USD', 'EUR') as currency,
        draw(guest, 'guest budget') as budget,
        if(draw(guest, 'guest sales channel') < 0.5, 'web', 'store') as sales_channel
    from range(getvariable('guest_orders')) as guests (guest)
),

priced as (
    select
        *,
        cast(
            if(
                draw(order_key, 'free') < getvariable('free_order_share'),
                0,
                10 + 60 * budget * budget + 90 * pow(draw(order_key, 'amount'), 3)
            ) as decimal(18, 2)
        ) as amount
    from orders
),

purchase_rows as (
    select
        order_key,
        transaction_id,
        customer_id,
        local_time,
        amount,
        currency,
        'purchase' as transaction_type,
        cast(null as varchar) as original_transaction_id,
        if(
            draw(order_key, 'cost known') < 0.95,
            cast(amount * (0.5 + 0.2 * draw(order_key, 'cost')) as decimal(18, 2)),
            null
        ) as cost,
        sales_channel
    from priced
),

refund_rows as (
    select
        order_key,
        'r' || transaction_id as transaction_id,
        customer_id,
        date_trunc('day', local_time)
        + interval 1 day * whole(2 + 40 * draw(order_key, 'refund day'))
        + opening_time(draw(order_key, 'refund time')) as local_time,
        if(
            draw(order_key, 'full') < getvariable('full_refund_share'),
            amount,
            cast(amount * (0.2 + 0.6 * draw(order_key, 'part')) as decimal(18, 2))
        ) as refunded,
        draw(order_key, 'negative')
        < getvariable('negative_refund_share') as is_negative,
        currency,
        if(
            draw(order_key, 'unlinked') < getvariable('unlinked_refund_share'),
            null,
            transaction_id
        ) as original_transaction_id,
        sales_channel
    from priced
    where draw(order_key, 'refund') < getvariable('refund_share') and amount > 0
)

select * from purchase_rows

union all

-- Some systems write a refund as a negative amount of no type, others as a typed row.
select
    order_key,
    transaction_id,
    customer_id,
    local_time,
    if(is_negative, -refunded, refunded) as amount,
    currency,
    if(is_negative, null, 'refund') as transaction_type,
    original_transaction_id,
    cast(null as decimal(18, 2)) as cost,
    sales_channel
from refund_rows
where local_time < getvariable('end_day');

-- What the source system delivers: the clean rows and the planted traps.
create or replace temp view transactions as
with delivered as (
    select
        * exclude (order_key, local_time),
        order_key,
        utc(local_time) as occurred_at,
        loaded(utc(local_time), order_key, transaction_id[1]) as loaded_at,
        draw(transaction_id, 'trap') as trap
    from clean_transactions
),

rows_with_traps as (
    select * from delivered

    union all by name

    select * from delivered
    where trap < getvariable('exact_duplicate_share')

    union all by name

    -- A correction: the same id again, two days later, with another amount.
    select * replace (
        amount + if(amount < 0, -1.50, 1.50) as amount,
        loaded_at + interval 2 day as loaded_at
    )
    from delivered
    where
        trap >= getvariable('exact_duplicate_share')
        and trap < getvariable('exact_duplicate_share')
        + getvariable('conflicting_duplicate_share')

    union all by name

    select * replace ('x' || transaction_id as transaction_id, 'GBP' as currency)
    from delivered
    where
        trap > 1 - getvariable('unknown_currency_share')
        and transaction_type = 'purchase'
)

select
    transaction_id,
    customer_id,
    occurred_at,
    cast(amount as decimal(18, 2)) as amount,
    currency,
    transaction_type,
    original_transaction_id,
    cost,
    sales_channel,
    loaded_at
from rows_with_traps;

-- One row per touch on the way to the first purchase. Slot 0 introduces the person,
-- 1 and 2 are considered, 3 closes (last but for a possible direct visit in slot 4).
create or replace temp table path_touches as
with slots as (
    select
        *,
        person * 1000 + slot as touch_key,
        if(
            is_buyer,
            datediff('second', first_seen, first_purchase),
            86400 * 20 * draw(person, 'interest')
        ) as journey_seconds
    from people
    cross join (values (0), (1), (2), (3), (4)) as slots (slot)
    where
        channel is not null
        and (
            slot = 0
            or (slot = 1 and considers)
            or (slot = 2 and considers and draw(person, 'more') < 0.25)
            or (slot = 3 and is_buyer)
            or (slot = 4 and is_buyer and draw(person, 'typed in') < 0.3)
        )
),

placed as (
    select
        slots.person,
        slots.touch_key,
        slots.slot,
        slots.has_second_device,
        case
            when slots.channel = 'direct' or slots.slot = 4 then 'direct'
            when slots.slot = 0 then slots.channel
            when slots.slot = 3 then slots.acquisition_channel
            else
                getvariable('assisting_channels')[
                    1 + whole(
                        len(getvariable('assisting_channels'))
                        * draw(slots.touch_key, 'assist')
                    )
                ]
        end as channel,
        slots.first_seen + interval 1 second * whole(
            slots.journey_seconds * case slots.slot
                when 0 then 0
                when 1 then 0.1 + 0.3 * draw(slots.touch_key, 'moment')
                when 2 then 0.4 + 0.4 * draw(slots.touch_key, 'moment')
                when 3 then 0.90
                else 0.97
            end
        ) as local_time
    from slots
)

select
    placed.person,
    placed.touch_key,
    if(
        placed.has_second_device and placed.slot % 2 = 1, 'w', 'v'
    ) || placed.person as visitor_id,
    placed.channel,
    placed.local_time,
    case
        when placed.slot = 0 then channels.first_touch_type
        when placed.slot in (3, 4) then channels.closing_touch_type
        when draw(placed.touch_key, 'type') < 0.5 then 'product_view'
        when draw(placed.touch_key, 'type') < 0.9 then 'site_visit'
        else 'presales_chat'
    end as touchpoint_type
from placed
inner join channels
    on placed.channel = channels.channel
where placed.local_time < getvariable('end_day');

-- One row per friend to whom an earlier buyer sent a link: the introduction of some who
-- arrive by referral. Of several buyers of one instant none comes before the other.
create or replace temp table sent_links as
with buyers as (
    select
        person,
        first_purchase,
        row_number() over (order by first_purchase, person) as buyer_number,
        count(*) over (order by first_purchase) as buyers_so_far
    from people
    where is_buyer
),

friends as (
    select
        person as friend,
        is_known,
        is_buyer,
        first_seen - interval 1 second * whole(
            600 + 86400 * draw(person, 'sent before')
        ) as local_time
    from people
    where
        channel = 'referral'
        and draw(person, 'sent') < getvariable('sent_link_share')
),

friends_with_earlier_buyers as (
    select
        friends.*,
        buyers.buyers_so_far
    from friends
    asof inner join buyers
        on friends.local_time > buyers.first_purchase
)

select
    buyers.person,
    friends_with_earlier_buyers.friend,
    friends_with_earlier_buyers.is_known,
    friends_with_earlier_buyers.is_buyer,
    friends_with_earlier_buyers.local_time
from friends_with_earlier_buyers
inner join buyers
    on 1 + whole(
        friends_with_earlier_buyers.buyers_so_far
        * draw(friends_with_earlier_buyers.friend, 'sender')
    ) = buyers.buyer_number;

-- One row per touch, each once; before the first purchase it names a visitor only.
create or replace temp view clean_touches as
with follow_ups as (
    select
        *,
        order_key * 1000 + unnest(
            range(whole(getvariable('follow_up_slots') + draw(order_key, 'slots')))
        ) as follow_up_key
    from purchases
),

all_touches as (
    select
        'p' || touch_key as touchpoint_id,
        touch_key,
        person,
        cast(null as varchar) as customer_id,
        visitor_id,
        local_time,
        touchpoint_type,
        channel,
        cast(null as varchar) as outcome
    from path_touches

    union all

    select
        'q' || person as touchpoint_id,
        person as touch_key,
        person,
        'c' || person as customer_id,
        cast(null as varchar) as visitor_id,
        first_purchase + interval 1 second * whole(
            7200 + 86400 * draw(person, 'complaint delay')
        ) as local_time,
        'complaint' as touchpoint_type,
        cast(null as varchar) as channel,
        'negative' as outcome
    from people
    where is_buyer and complains

    union all

    -- The sender is known by name, the friend only by the device that opens the link.
    select
        'i' || friend as touchpoint_id,
        friend as touch_key,
        person,
        'c' || person as customer_id,
        'v' || friend as visitor_id,
        local_time,
        'referral' as touchpoint_type,
        cast(null as varchar) as channel,
        cast(null as varchar) as outcome
    from sent_links

    union all

    select
        'f' || follow_ups.follow_up_key as touchpoint_id,
        follow_ups.follow_up_key as touch_key,
        follow_ups.person,
        'c' || follow_ups.person as customer_id,
        if(
            draw(follow_ups.follow_up_key, 'logged in') < 0.5,
            null,
            'v' || follow_ups.person
        ) as visitor_id,
        follow_ups.local_time + interval 1 second * whole(
            86400 * (0.1 + 20 * draw(follow_ups.follow_up_key, 'delay'))
        ) as local_time,
        follow_up_types.touchpoint_type,
        follow_up_types.channel,
        if(
            draw(follow_ups.follow_up_key, 'outcome')
            < getvariable('negative_follow_up_share'),
            'negative',
            null
        ) as outcome
    from follow_ups
    inner join follow_up_types
        on pick(
            draw(follow_ups.follow_up_key, 'type'), getvariable('follow_up_bounds')
        ) = follow_up_types.type_number
)

select *
from all_touches
where local_time < getvariable('end_day');

-- What the source system delivers: the touches, some of them twice.
create or replace temp view touchpoints as
with delivered as (
    select
        touchpoint_id,
        customer_id,
        visitor_id,
        utc(local_time) as occurred_at,
        touchpoint_type,
        channel,
        if(
            channel in ('paid_search', 'paid_social'),
            if(draw(touch_key, 'campaign') < 0.6, 'always_on', 'season'),
            null
        ) as campaign,
        outcome,
        loaded(utc(local_time), touch_key, touchpoint_id[1]) as loaded_at
    from clean_touches
)

select * from delivered

union all

select * from delivered
where draw(touchpoint_id, 'trap') < getvariable('exact_duplicate_share');

-- One row per answer, each once: at most one question follows an order. Some are
-- anonymous, some have no score because the question does not apply.
create or replace temp view clean_answers as
with asked as (
    select
        purchases.*,
        questions.*,
        local_time + interval 1 second * whole(
            86400 * (1 + 13 * draw(order_key, 'answer delay'))
        ) as answered_at,
        draw(order_key, 'group') as group_draw,
        draw(order_key, 'score') as score_draw,
        -- Points away from the best answer, a third of the scale on average.
        whole(
            (scale_max - scale_min + 1) * pow(draw(order_key, 'score'), 2)
        ) as best_distance
    from purchases
    inner join questions
        on pick(draw(order_key, 'question'), getvariable('question_bounds'))
            = questions.question_number
)

select
    order_key,
    if(draw(order_key, 'named') < 0.98, person, null) as person,
    answered_at as local_time,
    question_id,
    case
        when
            draw(order_key, 'not applicable') < getvariable('not_applicable_share')
            then null
        when group_draw < promoter_rate then 9 + whole(2 * score_draw)
        when group_draw < promoter_rate + passive_rate
            then 7 + whole(2 * score_draw)
        when promoter_rate is not null then whole(7 * score_draw)
        when is_lower_better then scale_min + best_distance
        else scale_max - best_distance
    end as score
from asked
where answered_at < getvariable('end_day');

-- What the source system delivers: the answers, some of them twice.
create or replace temp view survey_responses as
with delivered as (
    select
        's' || order_key as response_id,
        'c' || person as customer_id,
        utc(local_time) as responded_at,
        question_id,
        score,
        if(draw(order_key, 'comment') < 0.02, 'Fine, but "quick"? No', null) as comment,
        loaded(utc(local_time), order_key, 's') as loaded_at
    from clean_answers
)

select * from delivered

union all

select * from delivered
where draw(response_id, 'trap') < getvariable('exact_duplicate_share');

-- One row per day and currency other than the reporting one.
create or replace temp table exchange_rates as
select
    cast(rate_day as date) as rate_date,
    'EUR' as currency,
    cast(
        1.05 + 0.05 * draw(cast(date_trunc('month', rate_day) as date), 'rate month')
        + 0.01 * draw(cast(rate_day as date), 'rate day') as decimal(18, 6)
    ) as rate
from range(
    getvariable('first_day'), getvariable('end_day'), interval 1 day
) as days (rate_day);

-- One row per day, channel and campaign. A month's spend on a channel is its planted
-- cost per customer times the customers that it won, so the cost can be recovered.
create or replace temp table marketing_spend as
with won as (
    select
        acquisition_channel as channel,
        purchase_month,
        count(*) as customers
    from people
    where is_buyer and acquisition_channel is not null
    group by acquisition_channel, purchase_month
),

weighted_days as (
    select
        channels.*,
        exchange_rates.rate_date as spend_date,
        exchange_rates.rate,
        campaign,
        cast(
            datediff('month', getvariable('first_day'), rate_date) as integer
        ) as month_index,
        whole(50 + 100 * draw(rate_date, channels.channel || campaign)) as weight
    from channels
    cross join exchange_rates
    cross join (values ('always_on'), ('season')) as campaigns (campaign)
    where
        (channels.cost_per_customer > 0 or channels.cost_per_day > 0)
        and (
            campaign = 'always_on' or channels.channel in ('paid_search', 'paid_social')
        )
),

monthly as (
    select
        weighted_days.*,
        coalesce(won.customers, 0) as customers,
        weight / cast(
            sum(weight) over (
                partition by weighted_days.channel, weighted_days.month_index
            ) as double
        ) as day_share,
        day(last_day(weighted_days.spend_date)) as month_days
    from weighted_days
    left join won
        on weighted_days.channel = won.channel
        and weighted_days.month_index = won.purchase_month
)

select
    spend_date,
    channel,
    campaign,
    cast(
        day_share * (cost_per_customer * customers + cost_per_day * month_days)
        / if(spend_currency = 'EUR', rate, 1) as decimal(18, 2)
    ) as amount,
    spend_currency as currency
from monthly
where not (
    channel = getvariable('paused_channel')
    and month_index = getvariable('paused_month_index')
);

-- One row per registered person; a few customers are missing from the register.
create or replace temp view customers as
select
    'c' || person as customer_id,
    utc(if(is_buyer, first_purchase, first_seen) - interval 10 minute) as created_at,
    country,
    getvariable('age_bands')[
        pick(draw(person, 'age'), getvariable('age_bounds'))
    ] as age_band,
    if(draw(person, 'plan') < 0.3, 'member', 'basic') as plan
from people
where is_known and draw(person, 'unregistered') >= getvariable('unregistered_share');

-- One row per device of a known person.
create or replace temp view identities as
select
    device || person as visitor_id,
    'c' || person as customer_id
from people
cross join (values ('v'), ('w')) as devices (device)
where is_known and channel is not null and (device = 'v' or has_second_device);

-- What came of the truths.
create or replace temp view realised_introducing_channels as
select
    channel,
    count(*) as prospects,
    count(*) filter (considers) as considering,
    count(*) filter (converts) as converting,
    count(*) filter (is_buyer) as buyers
from people
group by channel
order by channel;

create or replace temp view realised_acquisition_channels as
select
    acquisition_channel as channel,
    count(*) as buyers
from people
where is_buyer
group by acquisition_channel
order by acquisition_channel;

-- Month numbers that the data covers to their end.
create or replace temp view realised_month_numbers as
select
    month_number,
    count(*) as at_risk,
    count(*) filter (last_month_number = month_number) as leaving
from people
cross join range(1, 13) as numbers (month_number)
where
    is_buyer
    and last_month_number >= month_number
    and purchase_month + month_number <= getvariable('months')
group by month_number
order by month_number;

-- What a complaint after the first purchase costs: buyers who stay for a second month,
-- and, of those whose 90 days from the first purchase are over, those who come back on
-- a later day in them.
create or replace temp view realised_complaints as
with second_occasions as (
    select
        person,
        cast(min(local_time) as date) as second_date
    from purchases
    where month_number > 1
    group by person
),

buyers as (
    select
        people.complains,
        people.last_month_number,
        cast(people.first_purchase as date) + 90 < getvariable('end_day') as is_over,
        coalesce(
            second_occasions.second_date - cast(people.first_purchase as date) <= 90,
            false
        ) as is_back
    from people
    left join second_occasions on people.person = second_occasions.person
    where people.is_buyer
)

select
    complains,
    count(*) as buyers,
    count(*) filter (last_month_number > 1) as staying,
    count(*) filter (is_over) as buyers_over_90_days,
    count(*) filter (is_over and is_back) as back_within_90_days
from buyers
group by complains
order by complains;

-- Links sent to people who were introduced by referral: a friend who stays unknown has
-- no customer, and one who never buys was referred in vain.
create or replace temp view realised_referrals as
with sent as (
    select
        count(*) as links,
        count(*) filter (is_known) as known_friends,
        count(*) filter (is_buyer) as referred_buyers,
        count(distinct person) filter (is_buyer) as referrers
    from sent_links
)

select
    sent.*,
    introduced.known_people,
    introduced.buyers
from sent
cross join (
    select
        count(*) filter (is_known) as known_people,
        count(*) filter (is_buyer) as buyers
    from people
    where channel = 'referral'
) as introduced;

create or replace temp view realised_questions as
select
    question_id,
    count(*) as answers,
    count(*) - count(score) as not_applicable,
    round(sum(score) / count(score), 6) as mean_score
from clean_answers
group by question_id
order by question_id;

create or replace temp view realised_transactions as
select
    count(*) filter (transaction_id not like 'r%') as purchases,
    count(*) filter (transaction_id like 'r%') as refunds,
    count(*) filter (
        transaction_id like 'r%' and original_transaction_id is null
    ) as unlinked_refunds,
    count(*) filter (amount < 0) as negative_amounts,
    count(*) filter (customer_id is null) as guest_rows,
    count(*) filter (currency = 'EUR') as eur_rows,
    count(*) filter (
        cast(local_time as date) != cast(utc(local_time) as date)
    ) as rows_on_another_utc_day
from clean_transactions;
