"""What a proposed model gives when it is run over the user's table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from profile_proposal import Proposal, Rows
from profile_sql import model_sql

PROPOSED = "proposed_rows"
# Days outside are typing errors or stand for no date, as the package has it.
EARLIEST, LATEST = "1990-01-01", "2099-12-31"
NEWCOMER_DAYS = 31
# What says when, in one input or the other.
MOMENTS = ("occurred_at", "spend_date", "responded_at", "rate_date")


@dataclass(frozen=True)
class Counts:
    """What the proposed model gives, as far as the input has it.

    `newcomers` are customers who are first seen in the first and the second
    `NEWCOMER_DAYS`, where the data lasts as long. `months` and `currencies` have their
    rows, `hours` those of each hour of the day. Times are read as UTC.
    """

    rows: int = 0
    people: int = 0
    guests: int = 0
    purchases: int = 0
    refunds: int = 0
    revenue: float = 0.0
    refunded: float = 0.0
    zero_amounts: int = 0
    unread_amounts: int = 0
    unread_times: int = 0
    sentinels: int = 0
    future: int = 0
    first_date: date | None = None
    last_date: date | None = None
    newcomers: tuple[int, int] = (0, 0)
    months: Mapping[str, int] = field(default_factory=dict)
    currencies: Mapping[str, int] = field(default_factory=dict)
    hours: tuple[int, ...] = ()


def count(rows: Rows, proposal: Proposal) -> Counts:
    """Run the proposed model over the table and count what comes out."""
    _build(rows, proposal)
    try:
        counted = _count_rows(rows, proposal)
        return Counts(
            **counted,
            **_group(rows, proposal),
            newcomers=_newcomers(rows, counted["first_date"], counted["last_date"]),
        )
    finally:
        rows.connection.execute(f"drop table {PROPOSED}")


def _build(rows: Rows, proposal: Proposal) -> None:
    """Keep the proposed rows in columns of known types."""
    model = model_sql(proposal, f"select * from {rows.relation}")
    select = model.replace("{{ config(materialized='table') }}", "")
    described = rows.connection.execute(f"describe {select}").fetchall()
    types = {name: kind for name, kind, *_ in described}
    moment = next(
        (name for name in MOMENTS if name in types),
        None,
    )
    person = "nullif(trim(cast(customer_id as varchar)), '')"
    kind = "lower(cast(transaction_type as varchar))"
    rows.connection.execute(
        f"create or replace table {PROPOSED} as select "
        f"{person if 'customer_id' in types else 'null'} as person, "
        f"{_utc(moment, types[moment]) if moment else 'cast(null as timestamp)'} "
        "as happened_at, "
        f"{'try_cast(amount as decimal(18, 4))' if 'amount' in types else 'null'} "
        "as amount, "
        f"{kind if 'transaction_type' in types else 'null'} as kind, "
        f"{'upper(trim(currency))' if 'currency' in types else 'null'} as currency "
        f"from ({select})"
    )


def _utc(name: str, kind: str) -> str:
    """Return a moment as a timestamp in UTC, null where it cannot be read."""
    if kind == "VARCHAR":
        return f"timezone('UTC', try_cast({name} as timestamptz))"
    return (
        f"timezone('UTC', {name})"
        if "TIME ZONE" in kind
        else (f"cast({name} as timestamp)")
    )


def _count_rows(rows: Rows, proposal: Proposal) -> dict[str, Any]:
    names = {column.name for column in proposal.columns}
    is_refund = "(coalesce(kind, '') = 'refund' or amount < 0)"
    is_valid = f"happened_at between '{EARLIEST}' and '{LATEST}'"
    figures = {
        "rows": "count(*)",
        "people": "count(distinct person)",
        "guests": _where("person is null", "customer_id" in names),
        "purchases": f"count(*) filter (not {is_refund})",
        "refunds": f"count(*) filter ({is_refund})",
        "revenue": f"sum(amount) filter (not {is_refund})",
        "refunded": f"sum(abs(amount)) filter ({is_refund})",
        "zero_amounts": "count(*) filter (amount = 0)",
        "unread_amounts": _where("amount is null", "amount" in names),
        "unread_times": _where("happened_at is null", not names.isdisjoint(MOMENTS)),
        "sentinels": f"count(*) filter (not ({is_valid}))",
        "future": f"count(*) filter ({is_valid} and happened_at::date > current_date)",
        "first_date": f"min(happened_at::date) filter ({is_valid})",
        "last_date": (
            f"max(happened_at::date) filter ({is_valid} "
            "and happened_at::date <= current_date)"
        ),
    }
    cells = ", ".join(figures.values())
    found = rows.connection.execute(f"select {cells} from {PROPOSED}").fetchone() or ()
    counts = dict(zip(figures, found, strict=True))
    sums = {name: float(counts[name] or 0) for name in ("revenue", "refunded")}
    return counts | sums


def _newcomers(rows: Rows, first: date | None, last: date | None) -> tuple[int, int]:
    """Count customers by when they are first seen: at the beginning, or after it."""
    days = timedelta(days=NEWCOMER_DAYS)
    if first is None or last is None or last < first + 2 * days:
        return 0, 0
    ends = (first, first + days, first + 2 * days)
    counts = ", ".join(
        f"count(*) filter (first_date >= '{start}' and first_date < '{end}')"
        for start, end in pairwise(ends)
    )
    found = rows.connection.execute(
        f"select {counts} from (select min(happened_at::date) as first_date "
        f"from {PROPOSED} where person is not null and happened_at >= '{first}' "
        "group by person)"
    ).fetchone()
    return found or (0, 0)


def _where(condition: str, is_there: bool) -> str:
    """Return the count of rows with a condition; what is not there counts none."""
    return f"count(*) filter ({condition})" if is_there else "0"


def _group(rows: Rows, proposal: Proposal) -> dict[str, Any]:
    def groups(value: str, condition: str) -> dict[Any, int]:
        found = rows.connection.execute(
            f"select {value} as value, count(*) from {PROPOSED} where {condition} "
            "group by value order by value"
        )
        return dict(found.fetchall())

    is_valid = (
        f"happened_at between '{EARLIEST}' and '{LATEST}' "
        "and happened_at::date <= current_date"
    )
    is_timed = not proposal.facts.is_day
    hours = groups("hour(happened_at)", is_valid) if is_timed else {}
    currencies = groups("currency", "currency is not null")
    return {
        "months": groups("strftime(happened_at, '%Y-%m')", is_valid),
        "currencies": dict(sorted(currencies.items(), key=lambda one: -one[1])),
        "hours": tuple(hours.get(hour, 0) for hour in range(24)) if hours else (),
    }
