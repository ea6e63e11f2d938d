"""Customers, costs and margins of the generated company, from its own tables.

Nothing here reads what the project's models made of it. Money is in the reporting
currency.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from generate_sample_data import Company

WINDOWS = Path(__file__).parents[2] / "seeds" / "config" / "observation_windows.csv"
# Orders: purchases and refunds of customers as they are delivered, corrections applied,
# in the reporting currency; `k` counts calendar months from the first purchase. A
# refund counts in the month of its order where that is known.
TABLES = """
create or replace temp table orders as
with delivered as (
    select
        clean.transaction_id,
        clean.original_transaction_id,
        cast(substr(clean.customer_id, 2) as bigint) as person,
        clean.local_time,
        clean.transaction_id like 'r%' as is_refund,
        abs(clean.amount) + if(
            draw(clean.transaction_id, 'trap') >= getvariable('exact_duplicate_share')
            and draw(clean.transaction_id, 'trap')
            < getvariable('exact_duplicate_share')
            + getvariable('conflicting_duplicate_share'),
            1.50,
            0
        ) as amount,
        clean.cost,
        if(clean.currency = 'EUR', exchange_rates.rate, 1) as rate
    from clean_transactions as clean
    left join exchange_rates on clean.local_time::date = exchange_rates.rate_date
    where clean.customer_id is not null
)

select
    rows.person,
    rows.is_refund,
    rows.amount * coalesce(purchases.rate, rows.rate) as amount,
    rows.cost * rows.rate as cost,
    datediff(
        'month',
        people.first_purchase::date,
        coalesce(purchases.local_time, rows.local_time)::date
    ) as k
from delivered as rows
inner join people on rows.person = people.person
left join delivered as purchases
    on rows.original_transaction_id = purchases.transaction_id;

create or replace temp table touched as
select
    person,
    coalesce(
        arg_max(channel, local_time) filter (channel != 'direct'), 'direct'
    ) as closing,
    arg_min(channel, local_time) as introducing
from path_touches
group by person;
"""
NEW_CUSTOMERS = """
select
    coalesce({column}, '(none)') as channel,
    month_start(purchase_month)::date as period_start,
    count(*)::double as new_customers
from people
where is_buyer
group by all
"""
SPEND = """
select
    channel,
    date_trunc('month', spend_date) as period_start,
    sum(round(amount * applied_rate, 4))::double as spend,
    -- Amounts are whole cents of their currency.
    sum(0.005 * applied_rate)::double as rounding
from (
    select
        marketing_spend.*,
        if(marketing_spend.currency = 'EUR', rate, 1) as applied_rate
    from marketing_spend
    inner join exchange_rates on spend_date = rate_date
) as spend
group by all
"""
CONVERSION = """
with windows as (
    select window_days::int as window_days from '{windows}' union all select null
),

observed as (
    select
        coalesce(touched.{column}, '(none)') as touched_channel,
        windows.window_days,
        touched.person is null as is_walk_in,
        moments.seen::date + coalesce(windows.window_days, 0)
        < getvariable('end_day') as is_over,
        is_over and moments.bought::date - moments.seen::date
        <= coalesce(windows.window_days, 99999) as has_bought
    from moments
    left join touched using (person)
    cross join windows
)

select
    if(is_total, 'all', touched_channel) as channel,
    window_days,
    count(*) as people,
    count(*) filter (is_over) as eligible_people,
    count(*) filter (has_bought) as converted_people,
    count(*) filter (is_walk_in) as walk_in_people
from observed
cross join (values (true), (false)) as totals (is_total)
group by all
"""
RATE = """
select sum(amount - cost) / sum(amount) as margin_rate
from orders
where cost is not null
"""
MARGINS = f"""
with rate as ({RATE})

select
    month_start(people.purchase_month)::date as cohort_start,
    if(is_total, 'all', coalesce(people.acquisition_channel, '(none)')) as channel,
    months.k as period_number,
    count(distinct people.person) as customers,
    coalesce(sum(
        case
            when orders.is_refund then -orders.amount * rate.margin_rate
            when orders.cost is null then orders.amount * rate.margin_rate
            else orders.amount - orders.cost
        end
    ), 0) as margin,
    coalesce(sum(orders.amount) filter (not orders.is_refund), 0) as gross_revenue,
    coalesce(sum(orders.amount) filter (orders.cost is not null), 0) as costed_revenue
from people
cross join rate
cross join (values (true), (false)) as totals (is_total)
inner join range(getvariable('months')) as months (k)
    on people.purchase_month + months.k < getvariable('months')
left join orders on people.person = orders.person and months.k = orders.k
where people.is_buyer
group by all
"""
# Visitors of the buyers of whom one in so many is not recognised.
UNRECOGNISED = """
select
    people.person,
    any_value(people.acquisition_channel) as channel,
    count(distinct path_touches.visitor_id) as visitors
from people
inner join path_touches using (person)
where people.is_buyer and people.person % {one_in} = 0
group by people.person
"""


def make_tables(company: Company) -> None:
    """Add the tables `orders` and `touched`; needs those of `planted_truths`."""
    company.connection.execute(TABLES)


def new_customers(company: Company, column: str) -> pd.DataFrame:
    """Return new customers by month and channel; `column` of people names these."""
    return company.connection.execute(NEW_CUSTOMERS.format(column=column)).df()


def spend(company: Company) -> pd.DataFrame:
    """Return spend by month and channel, and by how much rounding can be off."""
    return company.connection.execute(SPEND).df()


def conversion(company: Company, column: str) -> pd.DataFrame:
    """Return people and buyers by window (null: ever) and touched channel."""
    return company.connection.execute(
        CONVERSION.format(column=column, windows=WINDOWS)
    ).df()


def unrecognised(company: Company, one_in: int) -> pd.DataFrame:
    """Return one in so many buyers with a touch: person, channel, their visitors."""
    return company.connection.execute(UNRECOGNISED.format(one_in=one_in)).df()


def margins(company: Company) -> pd.DataFrame:
    """Return margins by cohort, channel and month number, also cumulated."""
    frame = company.connection.execute(MARGINS).df()
    key = ["cohort_start", "channel"]
    frame = frame.sort_values([*key, "period_number"], ignore_index=True)
    money = ["margin", "gross_revenue", "costed_revenue"]
    total = frame.groupby(key)[money].cumsum()
    return frame.assign(
        cumulative_margin=total["margin"],
        cumulative_margin_per_customer=total["margin"] / frame["customers"],
        known_cost_share=total["costed_revenue"]
        / total["gross_revenue"].where(total["gross_revenue"] > 0),
    )


def margin_rate(company: Company) -> float:
    """Return the share of the revenue of costed orders that is margin."""
    (row,) = company.rows(RATE)
    return float(row["margin_rate"])


def pooled_margin(frame: pd.DataFrame, number: int) -> float:
    """Return the margin per customer up to a month number, of all who reached it."""
    rows = frame[(frame["channel"] == "all") & (frame["period_number"] == number)]
    rows = rows.dropna(subset=["cumulative_margin"])
    return float(rows["cumulative_margin"].sum() / rows["customers"].sum())
