"""When the customers of a month have paid for what they cost to win, in fractions.

Written from the definitions in docs/metrics and not from the project's SQL. Money is
whole ten-thousandths until it is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pandas as pd

from oracle import Cut, Facts, as_dates, number_of
from oracle_rows import Row, is_purchase, parse_number, ten_thousandths

MILESTONES = (3, 6, 12)
Key = tuple[int, str]


@dataclass
class Sums:
    """Money of a cohort in one month, and all of it up to that month."""

    net: int = 0
    gross: int = 0
    costed: int = 0
    cost: int = 0

    def add(self, row: Row) -> None:
        """Count a transaction."""
        self.net += row["money"]
        if is_purchase(row):
            self.gross += row["money"]
            cost = cost_of(row)
            if cost is not None:
                self.costed += row["money"]
                self.cost += cost

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.net + other.net,
            self.gross + other.gross,
            self.costed + other.costed,
            self.cost + other.cost,
        )

    def margin(self, rate: Fraction | None) -> Fraction | None:
        """Take off the costs; of what costs nobody knows the rate is left."""
        if rate is None:
            return None
        return self.costed - self.cost + (self.net - self.costed) * rate


def cost_of(row: Row) -> int | None:
    """Cost of a purchase in the reporting currency; None: nobody knows."""
    cost = parse_number(row["cost"]) if row.get("cost") is not None else None
    if cost is None:
        return None
    return ten_thousandths(cost * row["rate"])


def margin_rate(known: Facts) -> Fraction | None:
    """Margin of a unit of revenue whose costs nobody knows."""
    if known.settings.gross_margin_rate is not None:
        return Fraction(str(known.settings.gross_margin_rate))
    total = Sums()
    for row in known.seen["transactions"]:
        if row["customer_id"] is not None:
            total.add(row)
    return Fraction(total.costed - total.cost, total.costed) if total.costed else None


def cohorts_of(known: Facts, months: Cut) -> dict[str, list[Key]]:
    """Cohorts that each customer is in: a month, with their channel and with all."""
    return {
        person: [
            (int(months.index(traits["first_day"])), channel)
            for channel in (traits["acquisition_channel"], "all")
        ]
        for person, traits in known.traits.items()
        if person is not None
        and traits["first_day"] is not None
        and not traits["is_truncated"]
    }


def spend_of(known: Facts, months: Cut) -> dict[Key, int]:
    """Spend of each month, by channel and in all."""
    spend: dict[Key, int] = {}
    for row in known.seen.get("marketing_spend", []):
        month = int(months.index(number_of(row["local"])))
        for channel in (row["channel"], "all"):
            key = (month, channel)
            spend[key] = spend.get(key, 0) + row["money"]
    return spend


def sums_of(
    known: Facts, months: Cut, cohorts: dict[str, list[Key]]
) -> dict[tuple[Key, int], Sums]:
    """Sum what each cohort brought in each month since its own."""
    sums: dict[tuple[Key, int], Sums] = {}
    for row in known.seen["transactions"]:
        for key in cohorts.get(row["customer_id"], []):
            month = int(months.index(number_of(row["order_day"])))
            # A refund dated before the first purchase belongs to the start.
            number = max(month - key[0], 0)
            sums.setdefault((key, number), Sums()).add(row)
    return sums


def cac_of(customers: int, spend: int | None) -> tuple[Fraction | None, str | None]:
    """Cost of winning a customer, and why it is not known."""
    if spend is None:
        return None, "no_spend_input"
    if not spend:
        return None, "no_spend"
    return (Fraction(spend, customers), None) if customers else (None, "no_customers")


def publish(value: Fraction | int | None, unit: int = 1) -> float | None:
    """Turn a number into what is published."""
    return None if value is None else float(Fraction(value) / unit)


def cells_of(
    known: Facts, months: Cut, key: Key, sums: list[Sums], rate: Fraction | None
) -> Iterator[dict[str, Any]]:
    """Yield what each complete month of a cohort adds, and nothing of the others."""
    total = Sums()
    for number, month in enumerate(sums):
        total = total + month
        complete = bool(months.start(key[0] + number + 1) - 1 <= known.as_of)
        yield {
            "period_number": number,
            "is_complete": complete,
            "margin": month.margin(rate) if complete else None,
            "cumulative_margin": total.margin(rate) if complete else None,
            "known_cost_share": Fraction(total.costed, total.gross)
            if complete and total.gross
            else None,
        }


def rows_of(
    cells: list[dict[str, Any]], customers: int, spend: int | None, has_margin: bool
) -> Iterator[dict[str, Any]]:
    """Yield the published rows of one cohort."""
    cac, reason = cac_of(customers, spend)
    ratios: dict[int, Fraction | None] = {}
    payback = None
    for cell in cells:
        total, number = cell["cumulative_margin"], cell["period_number"]
        each = Fraction(total, customers) if customers and total is not None else None
        cell["each"] = each
        ratios[number] = None if each is None or cac is None else each / cac
        if payback is None and cac is not None and each is not None and each >= cac:
            payback = number
    if cac is None:
        status = "no_cac"
    elif payback is not None:
        status = "paid_back"
    else:
        status = "not_yet" if has_margin else "no_margin"
    for cell in cells:
        number = cell["period_number"]
        yield {
            "period_number": number,
            "customers": customers,
            "spend": publish(spend, 10_000),
            "cac": publish(cac, 10_000),
            "cac_null_reason": reason,
            "margin": publish(cell["margin"], 10_000),
            "cumulative_margin": publish(cell["cumulative_margin"], 10_000),
            "cumulative_margin_per_customer": publish(cell["each"], 10_000),
            "known_cost_share": publish(cell["known_cost_share"]),
            "ltv_cac_ratio": publish(ratios[number]),
            **{
                f"ltv_cac_ratio_{months}_months": publish(ratios.get(months))
                for months in MILESTONES
            },
            "payback_month": payback,
            "payback_status": status,
            "is_complete": cell["is_complete"],
        }


def cac_payback(known: Facts) -> pd.DataFrame:
    """rpt_cac_payback."""
    months = Cut(known, "month")
    last = int(months.index(known.as_of))
    cohorts, rate = cohorts_of(known, months), margin_rate(known)
    sums, spend = sums_of(known, months, cohorts), spend_of(known, months)
    sizes: dict[Key, int] = {}
    for keys in cohorts.values():
        for key in keys:
            sizes[key] = sizes.get(key, 0) + 1
    records = []
    # Spend that won nobody is a cohort of none.
    paying = {key for key, money in spend.items() if money > 0}
    for key in sorted(sizes.keys() | paying):
        numbers = range(last - key[0] + 1)
        months_sums = [sums.get((key, number), Sums()) for number in numbers]
        cells = list(cells_of(known, months, key, months_sums, rate))
        # Nothing spent is zero where spend is told, and unknown where it is not.
        paid = spend.get(key, 0) if "marketing_spend" in known.seen else None
        (start,) = as_dates([months.start(key[0])])
        named = {"period_grain": "month", "cohort_start": start, "channel": key[1]}
        published = rows_of(cells, sizes.get(key, 0), paid, rate is not None)
        records += [named | row for row in published]
    return pd.DataFrame(records)
