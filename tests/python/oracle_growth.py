"""What the growth tables must hold, computed in pandas from the facts."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from itertools import permutations
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from oracle import Cut, Facts, as_dates, cuts, stack
from oracle_rows import config


def ratio(top: pd.Series, bottom: pd.Series) -> pd.Series:
    """Quotient; null where the denominator is 0."""
    return top / bottom.where(bottom != 0)


@lru_cache(maxsize=8)
def growth_of(cut: Cut) -> pd.DataFrame:
    """Revenue, orders and customers of every period of one grain."""
    frame, rows = cut.periods(), cut.facts.rows
    guest, bought = rows["customer"].isna(), rows["is_purchase"]

    def total(of: Any, chosen: Any = True, days: str = "day") -> pd.Series:
        values = pd.Series(of, rows.index) * pd.Series(chosen, rows.index)
        sums = values.groupby([rows["segment"], cut.index(rows[days])]).sum()
        return sums.reindex(frame.index).fillna(0).astype(float)

    money = rows["money"]
    days = ~rows[bought & ~guest].duplicated(["segment", "customer", "day"])
    known = rows["first_day"].notna() & ~rows["is_truncated"]
    debut = ~rows[bought & known & (rows["day"] == rows["first_day"])].duplicated(
        ["segment", "customer"]
    )
    frame["period_end"] = as_dates(cut.start(frame.index.get_level_values(1) + 1) - 1)
    frame["net_revenue"] = total(money) / 1e4
    frame["net_revenue_order_basis"] = total(money, days="order_day") / 1e4
    frame["gross_revenue"] = total(money, bought) / 1e4
    frame["refund_amount"] = total(money, ~bought) / 1e4
    frame["orders"] = total(1, bought)
    frame["customer_orders"] = orders = total(1, bought & ~guest)
    frame["customer_revenue"] = revenue = total(money, ~guest) / 1e4
    frame["guest_orders"] = total(1, bought & guest)
    frame["guest_revenue"] = total(money, guest) / 1e4
    frame["purchase_days"] = total(1, days.reindex(rows.index, fill_value=False))
    buyers = cut.buyers()
    active = pd.Series([float(len(buyers.get(key, ()))) for key in frame.index])
    frame["active_customers"] = active = active.set_axis(frame.index)
    frame["new_customers"] = total(1, debut.reindex(rows.index, fill_value=False))
    frame["average_order_value"] = ratio(frame["net_revenue"], frame["orders"])
    frame["customer_average_order_value"] = ratio(revenue, orders)
    frame["order_frequency"] = ratio(orders, active)
    frame["revenue_per_customer"] = ratio(revenue, active)
    per_year = config("period_grains").set_index("period_grain")["periods_per_year"]
    for suffix, lag in (("", 1), ("_yoy", int(per_year[cut.grain]))):
        past = frame.groupby("segment").shift(lag)
        for name in ("revenue", "orders", "active_customers"):
            column = "net_revenue" if name == "revenue" else name
            # A period before a complete one is complete.
            base = past[column].where((past[column] > 0) & frame["is_complete"])
            frame[f"{name}_growth_rate{suffix}"] = (frame[column] - base) / base
    return frame


def growth(known: Facts) -> pd.DataFrame:
    """rpt_growth."""
    return stack(growth_of(cut) for cut in cuts(known))


FLOWS = ["new", "left_truncated", "resurrected", "churned"]
REVENUES = [f"{flow}_revenue" for flow in [*FLOWS, "expansion", "contraction"]]
CUSTOMERS = [f"{flow}_customers" for flow in [*FLOWS, "retained"]]


def accounting_of(cut: Cut) -> pd.DataFrame:
    """Who came, stayed, came back and left in each period, and their revenue."""
    frame, buyers = cut.periods(), cut.buyers()
    rows = cut.facts.rows.dropna(subset="customer")
    debut = rows.dropna(subset="first_day")
    first = dict(zip(debut["customer"], cut.index(debut["first_day"]), strict=True))
    truncated = set(rows.loc[rows["is_truncated"], "customer"])
    revenue: dict[Any, dict[Any, int]] = {}
    for segment, period, who, money in zip(
        rows["segment"],
        cut.index(rows["day"]),
        rows["customer"],
        rows["money"],
        strict=True,
    ):
        spent = revenue.setdefault((segment, period), {})
        spent[who] = spent.get(who, 0) + money
    records = []
    for segment, period in frame.index:
        now, before = (buyers.get((segment, p), set()) for p in (period, period - 1))
        earned, past = (revenue.get((segment, p), {}) for p in (period, period - 1))
        moves = dict.fromkeys([*REVENUES, *CUSTOMERS], 0)
        for who in now | before | set(earned) | set(past):
            change = earned.get(who, 0) - past.get(who, 0)
            direction = "expansion" if change > 0 else "contraction"
            if who in now and first[who] == period:
                kind = flow = "left_truncated" if who in truncated else "new"
            elif who in now and who in before:
                kind, flow = "retained", direction
            elif who in now:
                kind = flow = "resurrected"
            elif who in before:
                kind = flow = "churned"
            else:
                kind, flow = None, direction
            moves[f"{flow}_revenue"] += change
            if kind:
                moves[f"{kind}_customers"] += 1
        active = {
            "active_customers": len(now),
            "previous_active_customers": len(before),
        }
        money = (sum(earned.values()), sum(past.values()))
        names = ("customer_revenue", "previous_customer_revenue")
        records.append(moves | active | dict(zip(names, money, strict=True)))
    frame = frame.join(pd.DataFrame(records, frame.index))
    money_columns = [*REVENUES, "customer_revenue", "previous_customer_revenue"]
    frame[money_columns] /= 1e4
    past_revenue = frame["previous_customer_revenue"]
    frame["revenue_change"] = frame["customer_revenue"] - past_revenue
    back = frame["new_customers"] + frame["resurrected_customers"]
    frame["customer_quick_ratio"] = ratio(back, frame["churned_customers"])
    lost = frame["contraction_revenue"] + frame["churned_revenue"]
    expansion = frame["expansion_revenue"]
    won = frame["new_revenue"] + frame["resurrected_revenue"] + expansion
    frame["revenue_quick_ratio"] = ratio(won, -lost).where(lost < 0)
    kept = past_revenue + lost
    gained = past_revenue > 0
    frame["gross_revenue_retention"] = ratio(kept, past_revenue).where(gained)
    frame["net_revenue_retention"] = ratio(kept + expansion, past_revenue).where(gained)
    ratios = ["customer_quick_ratio", "revenue_quick_ratio", "revenue_change"]
    ratios += ["gross_revenue_retention", "net_revenue_retention"]
    hidden = [*REVENUES, *CUSTOMERS, *ratios]
    frame[hidden] = frame[hidden].where(frame["is_complete"])
    return frame


def growth_accounting(known: Facts) -> pd.DataFrame:
    """rpt_growth_accounting."""
    return stack(accounting_of(cut) for cut in cuts(known))


def shapley(before: list[Fraction], now: list[Fraction]) -> list[Fraction]:
    """Share out the change of a product over its factors, in all orderings."""
    shares = [Fraction(0)] * len(now)
    orderings = list(permutations(range(len(now))))
    for ordering in orderings:
        factors = list(before)
        for factor in ordering:
            start = prod(factors, start=Fraction(1))
            factors[factor] = now[factor]
            change = prod(factors, start=Fraction(1)) - start
            shares[factor] += change / len(orderings)
    return shares


EFFECTS = ["customers_effect", "frequency_effect", "order_value_effect"]


def decomposition_of(cut: Cut) -> pd.DataFrame:
    """Each change of revenue, shared out over what moved it."""
    frame, table = cut.periods(), growth_of(cut)
    factors = []
    for customers, orders, revenue in zip(
        table["active_customers"],
        table["customer_orders"],
        (table["customer_revenue"] * 10_000).round(),
        strict=True,
    ):
        people, buys = Fraction(customers), Fraction(orders)
        money = Fraction(revenue) / 10_000
        factors.append([people, buys / (people or 1), money / (buys or 1)])
    changes = table.groupby("segment")["customer_revenue"].diff()
    shares = []
    for position, change in enumerate(changes):
        before, now = factors[position - 1], factors[position]
        if np.isnan(change) or (before[0] and now[0]):
            shares.append([float(share) for share in shapley(before, now)])
        else:
            shares.append([change, 0.0, 0.0])
    frame[EFFECTS] = shares
    frame["net_revenue"] = table["net_revenue"]
    past = table.groupby("segment").shift()
    frame["previous_net_revenue"] = past["net_revenue"]
    frame["revenue_change"] = frame["net_revenue"] - past["net_revenue"]
    frame["guest_effect"] = table["guest_revenue"] - past["guest_revenue"]
    hidden = [*EFFECTS, "previous_net_revenue", "revenue_change", "guest_effect"]
    compared = frame["is_complete"] & past["net_revenue"].notna()
    frame[hidden] = frame[hidden].where(compared)
    return frame


def revenue_decomposition(known: Facts) -> pd.DataFrame:
    """rpt_revenue_decomposition."""
    return stack(decomposition_of(cut) for cut in cuts(known))
