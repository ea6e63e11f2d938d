"""Whether the data can carry retention at all, computed in pandas from the facts.

Written from the definitions in docs/metrics and not from the project's SQL.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pandas as pd

from oracle import Cut, Facts, number_of
from oracle_rows import Row, is_purchase

TOTAL = ("all", "all")
# Texts are not worked out a second time, only that there is one.
STATED = "stated"


@lru_cache(maxsize=1)
def buyers(known: Facts) -> pd.DataFrame:
    """Find customers whose first purchase is known to be first, once per segment.

    Columns: segment (position in `known.segments`), first, last (days since 1970),
    purchase_days.
    """
    bought = known.rows[known.rows["is_purchase"] & ~known.rows["is_truncated"]]
    days = bought.dropna(subset="customer").groupby(["segment", "customer"])["day"]
    found = days.agg(first="min", last="max", purchase_days="nunique")
    return found.reset_index("segment").astype("int64")


def last_complete_month(known: Facts) -> int:
    """Return the number of the last calendar month that is over."""
    months = Cut(known, "month")
    month = int(months.index(known.as_of))
    return month if months.start(month + 1) - 1 <= known.as_of else month - 1


def months_observed(known: Facts) -> int:
    """Complete calendar months from that of the first transaction on."""
    days = [number_of(row["local"]) for row in known.seen["transactions"]]
    if not days:
        return 0
    first = int(Cut(known, "month").index(min(days)))
    return max(last_complete_month(known) - first + 1, 0)


def guest_share(known: Facts) -> float | None:
    """Share of the orders that nobody is known to have placed."""
    orders = [row for row in known.seen["transactions"] if is_purchase(row)]
    guests = [row for row in orders if row["customer_id"] is None]
    return len(guests) / len(orders) if orders else None


def judge_row(row: Row, repeat_share: float, known: Facts) -> str:
    """Verdict on the numbers of a segment."""
    limits = known.settings
    guests = row["guest_order_share"]
    if (
        row["customers"] == 0
        or repeat_share < limits.readiness_min_repeat_share
        or row["eligible_customers_month_1"] == 0
    ):
        return "not_measurable"
    if (
        row["months_observed"] < limits.readiness_min_months
        or row["eligible_customers_month_3"] < limits.readiness_min_customers
        or (guests is not None and guests > limits.readiness_max_guest_share)
    ):
        return "weak"
    return "measurable"


def assess(segment: tuple[str, str], people: pd.DataFrame, known: Facts) -> Row:
    """Row of one segment."""
    months, end = Cut(known, "month"), last_complete_month(known)
    size = len(people)
    ages = end - months.index(people["first"])
    once = int((people["purchase_days"] == 1).sum())
    observed = months_observed(known)
    limits = known.settings
    row: dict[str, Any] = {
        "segment_column": segment[0],
        "segment_value": segment[1],
        "customers": size,
        "purchases_per_customer": people["purchase_days"].sum() / size
        if size
        else None,
        "one_time_customer_share": once / size if size else None,
        "guest_order_share": guest_share(known) if segment == TOTAL else None,
        "months_observed": observed,
        "missing_months": max(limits.readiness_min_months - observed, 0),
        "is_small_sample": size < limits.small_sample_size,
    }
    for number in (1, 3, 12):
        row[f"eligible_customers_month_{number}"] = int((ages >= number).sum())
    row["verdict"] = judge_row(row, 1 - once / size if size else 0.0, known)
    remedy = None if row["verdict"] == "measurable" else STATED
    return row | {"reason": STATED, "remedy": remedy}


def readiness(known: Facts) -> pd.DataFrame:
    """rpt_retention_readiness."""
    people = buyers(known)
    rows = [assess(TOTAL, people[people["segment"] == 0], known)]
    for position, segment in enumerate(known.segments):
        group = people[people["segment"] == position]
        if segment != TOTAL and len(group):
            rows.append(assess(segment, group, known))
    return pd.DataFrame(rows)


@lru_cache(maxsize=1)
def is_measurable(known: Facts) -> bool:
    """Whether the data as a whole carries retention."""
    people = buyers(known)
    total = assess(TOTAL, people[people["segment"] == 0], known)
    return bool(total["verdict"] != "not_measurable")


def hide(frame: pd.DataFrame, columns: list[str], known: Facts) -> pd.DataFrame:
    """Leave nothing in these columns, and say why, of what is not measurable."""
    if is_measurable(known):
        return frame.assign(not_measurable_reason=None)
    return frame.assign(**dict.fromkeys(columns), not_measurable_reason=STATED)
