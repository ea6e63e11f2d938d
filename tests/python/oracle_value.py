"""What customers are worth, computed in pandas from the facts.

Written from the definitions in docs/metrics and not from the project's SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

import pandas as pd

from oracle import Facts, number_of
from oracle_customers import day, purchase_days
from oracle_readiness import is_measurable
from oracle_rows import Row, config
from oracle_value_models import (
    NEEDED,
    PUBLISHED,
    Numbers,
    alive,
    expected_purchases,
    purchase_value,
)

# Days of the models' unit of time.
WEEK = 7
HORIZONS = (30, 90, 365)
# The models of purchases, and how their columns begin.
MODELS = {"mbg_nbd": "", "bg_nbd": "bg_nbd_"}
# From this many repeat purchases on customers are one group.
MANY = 7
FIT_PERIODS = ("full", "calibration")
Key = tuple[str, str]
Outcome = tuple[Numbers | None, str | None]


@dataclass(frozen=True)
class History:
    """What the models know of a customer: x, t_x and T in days, and m_x."""

    repeats: int
    last: int
    age: int
    mean: float | None


@dataclass(frozen=True)
class Customer:
    """Days with a purchase, money by day on the order basis, and all money."""

    name: str
    days: list[int]
    entries: list[tuple[int, int]]
    money: int
    is_truncated: bool

    def history(self, end: int) -> History | None:
        """Return what was known at the end of a day; None: nothing."""
        seen = [bought for bought in self.days if bought <= end]
        if not seen or self.is_truncated:
            return None
        first, repeats = seen[0], len(seen) - 1
        spent = sum(money for on, money in self.entries if first < on <= end)
        mean = spent / repeats / 1e4 if repeats else None
        return History(repeats, seen[-1] - first, end - first, mean)

    def spent_after(self, end: int) -> int:
        """Return the money that came after a day."""
        return sum(money for on, money in self.entries if on > end)

    def bought_after(self, end: int) -> int:
        """Return the number of days with a purchase after a day."""
        return sum(bought > end for bought in self.days)


def buyers(known: Facts) -> list[Customer]:
    """Everybody with a purchase or a refund, in the order of their ids."""
    entries: dict[str, list[tuple[int, int]]] = {}
    for row in known.seen["transactions"]:
        if row["customer_id"] is not None:
            entry = (number_of(row["order_day"]), row["money"])
            entries.setdefault(row["customer_id"], []).append(entry)
    bought = purchase_days(known)
    return [
        Customer(
            name,
            bought.get(name, []),
            entries[name],
            sum(money for _, money in entries[name]),
            known.traits[name]["is_truncated"],
        )
        for name in sorted(entries)
    ]


def histories_at(people: Iterable[Customer], end: int) -> dict[str, History]:
    """Histories of those of whom something was known at the end of a day."""
    seen = {who.name: who.history(end) for who in people}
    return {name: found for name, found in seen.items() if found}


def calibration_end(known: Facts) -> int:
    """Last day that the models of the calibration period have seen."""
    if known.settings.value_calibration_end_date:
        return min(known.as_of, number_of(known.settings.value_calibration_end_date))
    start = known.settings.history_start_date
    first = number_of(start) if start else int(known.rows["day"].min())
    return first + (known.as_of - first) // 2


def fault(model: str, row: Row, currency: str) -> str | None:
    """Say why parameters cannot be used."""
    if row.get("is_converged") is False:
        return "not_converged"
    if (row.get("time_unit") or "week") != "week":
        return "other_time_unit"
    if (row.get("currency") or currency) != currency:
        return "other_currency"
    numbers = [row[name] for name in NEEDED[model]]
    if any(number is None or number <= 0 for number in numbers):
        return "invalid_parameters"
    endless = model == "gamma_gamma" and row["q"] <= 1
    return "invalid_parameters" if endless else None


def read_parameters(table: pd.DataFrame, known: Facts) -> dict[Key, Outcome]:
    """Parameters by fit period and model, or why there are none."""
    found: dict[Key, Outcome] = {
        (fit_period, model): (None, "no_parameters")
        for fit_period in FIT_PERIODS
        for model in NEEDED
    }
    for raw in table.to_dict("records"):
        row: Row = {str(k): None if pd.isna(raw[k]) else raw[k] for k in raw}
        model = str(row["model"])
        reason = fault(model, row, known.settings.reporting_currency)
        numbers = None if reason else {name: row[name] for name in NEEDED[model]}
        found[row["fit_period"], model] = (numbers, reason)
    return found


def scores(ordered: list[Customer], levels: int) -> dict[str, int]:
    """Score customers in groups of one size, the first of them one larger if need be.

    Worth the least comes first.
    """
    size, larger = divmod(len(ordered), levels)
    sizes = [size + (level < larger) for level in range(levels)]
    given = [level for level, count in enumerate(sizes, start=1) for _ in range(count)]
    return {who.name: score for who, score in zip(ordered, given, strict=True)}


def rfm_segment(recency: int, frequency: int, monetary: int, levels: int) -> str:
    """Name of what three scores have in common."""
    fifths = [ceil(score * 5 / levels) for score in (recency, frequency, monetary)]
    both = ceil((fifths[1] + fifths[2]) / 2)
    (name,) = (
        row["rfm_segment"]
        for row in config("rfm_segments").to_dict("records")
        if row["recency_score_min"] <= fifths[0] <= row["recency_score_max"]
        and row["frequency_monetary_score_min"] <= both
        and both <= row["frequency_monetary_score_max"]
    )
    return str(name)


def marketing_columns(known: Facts, people: list[Customer]) -> dict[str, Row]:
    """Recency, frequency and money of buyers, by customer."""
    levels = known.settings.rfm_score_levels
    # Customers come in the order of their ids, which sorting keeps among equals.
    recency = scores(sorted(people, key=lambda who: who.days[-1]), levels)
    frequency = scores(sorted(people, key=lambda who: len(who.days)), levels)
    monetary = scores(sorted(people, key=lambda who: who.money), levels)
    total, reached = sum(who.money for who in people), 0
    found: dict[str, Row] = {}
    richest = sorted(people, key=lambda who: -who.money)
    for rank, who in enumerate(richest, start=1):
        reached += who.money
        three = (recency[who.name], frequency[who.name], monetary[who.name])
        found[who.name] = {
            "first_purchase_date": day(who.days[0]),
            "last_purchase_date": day(who.days[-1]),
            "recency_days": known.as_of - who.days[-1],
            "recency_score": three[0],
            "frequency_score": three[1],
            "monetary_score": three[2],
            "rfm_score": "-".join(map(str, three)),
            "rfm_segment": rfm_segment(*three, levels),
            "revenue_rank_share": rank / len(people),
            "cumulative_revenue_share": reached / total if total > 0 else None,
        }
    return found


def weeks_of(histories: Mapping[str, History]) -> pd.DataFrame:
    """Histories as the models read them."""
    return pd.DataFrame(
        [(h.repeats, h.last / WEEK, h.age / WEEK, h.mean) for h in histories.values()],
        columns=["x", "last", "age", "mean"],
    )


def predict(
    model: str,
    histories: Mapping[str, History],
    numbers: Numbers | None,
    lengths: Iterable[int],
) -> dict[str, dict[str, float]]:
    """Probability to be alive, and expected purchases by days to come, by customer."""
    if numbers is None:
        return {}
    known = weeks_of(histories)
    columns = {"alive": alive(model, known, numbers)}
    for days in lengths:
        columns[str(days)] = expected_purchases(model, known, days / WEEK, numbers)
    return {
        name: {column: float(columns[column][place]) for column in columns}
        for place, name in enumerate(histories)
    }


def worth(
    histories: Mapping[str, History], numbers: Numbers | None
) -> dict[str, float]:
    """Value expected of a purchase, by customer; not of those who paid nothing."""
    if numbers is None:
        return {}
    paid = {
        name: seen
        for name, seen in histories.items()
        if not seen.repeats or (seen.mean is not None and seen.mean > 0)
    }
    values = purchase_value(weeks_of(paid), numbers).tolist()
    return dict(zip(paid, values, strict=True))


def history_columns(seen: History, prefix: str) -> Row:
    """Columns of fct_customer_value that the models read."""
    return {
        f"{prefix}repeat_purchase_days": seen.repeats,
        f"{prefix}last_repeat_age_days": seen.last,
        f"{prefix}age_days": seen.age,
        f"{prefix}mean_repeat_value": seen.mean,
    }


def holdout_columns(who: Customer, end: int) -> Row:
    """Columns of fct_customer_value on the calibration period and what came after."""
    seen = who.history(end)
    if seen is None:
        return {}
    return history_columns(seen, "calibration_") | {
        "holdout_purchase_days": who.bought_after(end),
        "holdout_revenue": who.spent_after(end) / 1e4,
    }


def prediction_columns(
    found: Mapping[str, float], value: float | None, prefix: str
) -> Row:
    """Columns of fct_customer_value that a model gives."""
    columns: Row = {f"{prefix}probability_alive": found["alive"]}
    for days in HORIZONS:
        count = found[str(days)]
        columns[f"{prefix}expected_purchases_{days}_days"] = count
        columns[f"{prefix}expected_value_{days}_days"] = (
            None if value is None else count * value
        )
    return columns


NOBODY = History(0, 0, 0, None)
NOTHING = dict.fromkeys(("alive", *map(str, HORIZONS)), 0.0)
VALUE_COLUMNS = [
    *("customer_id", "first_purchase_date", "last_purchase_date", "recency_days"),
    *("purchase_days", "net_revenue", "recency_score", "frequency_score"),
    *("monetary_score", "rfm_score", "rfm_segment", "revenue_rank_share"),
    "cumulative_revenue_share",
    *history_columns(NOBODY, ""),
    *history_columns(NOBODY, "calibration_"),
    *("holdout_purchase_days", "holdout_revenue", "expected_purchase_value"),
    *prediction_columns(NOTHING, None, ""),
    *prediction_columns(NOTHING, None, "bg_nbd_"),
    *("expected_purchases_null_reason", "bg_nbd_null_reason"),
    "expected_value_null_reason",
]


def customer_value(known: Facts, table: pd.DataFrame = PUBLISHED) -> pd.DataFrame:
    """fct_customer_value, when these are the rows of parameters."""
    people, end = buyers(known), calibration_end(known)
    described = marketing_columns(known, [who for who in people if who.days])
    outcomes = read_parameters(table, known)
    histories = histories_at(people, known.as_of)
    unready = None if is_measurable(known) else "not_measurable"
    spending, no_spending = outcomes["full", "gamma_gamma"]
    values = worth(histories, spending)
    found = {
        model: predict(model, histories, outcomes["full", model][0], HORIZONS)
        for model in MODELS
    }
    records = []
    for who in people:
        seen, value = histories.get(who.name), values.get(who.name)
        unknown = "left_truncated" if who.days else "no_purchase"
        because = unready if seen else unknown
        reasons = {model: because or outcomes["full", model][1] for model in MODELS}
        unpaid = None if value is not None else "monetary_not_positive"
        record: Row = described.get(who.name, {}) | {
            "customer_id": who.name,
            "purchase_days": len(who.days),
            "net_revenue": who.money / 1e4,
            "expected_purchases_null_reason": reasons["mbg_nbd"],
            "bg_nbd_null_reason": reasons["bg_nbd"],
            "expected_value_null_reason": reasons["mbg_nbd"] or no_spending or unpaid,
        }
        if seen:
            record |= history_columns(seen, "") | holdout_columns(who, end)
        if because is None:
            record["expected_purchase_value"] = value
        for model, prefix in MODELS.items():
            if reasons[model] is None:
                predicted = found[model][who.name]
                record |= prediction_columns(predicted, value, prefix)
        records.append(record)
    frame = pd.DataFrame(records, columns=VALUE_COLUMNS)
    for name in ("first_purchase_date", "last_purchase_date"):
        frame[name] = pd.to_datetime(frame[name])
    return frame


def share_of(part: pd.Series, whole: pd.Series) -> float | None:
    """Share of a sum; None of nothing."""
    return float(part.sum() / whole.sum()) if whole.sum() > 0 else None


def top_tenth(group: pd.DataFrame) -> Row:
    """Shares of the tenth of whom most was expected."""
    ranked = group.sort_values(["expected", "customer"], ascending=[False, True])
    top = ranked[: ceil(len(ranked) / 10)]
    return {
        "top_tenth_actual_share": share_of(top["bought"], ranked["bought"]),
        "top_tenth_expected_share": share_of(top["expected"], ranked["expected"]),
    }


def compare_group(
    group: pd.DataFrame,
    frequency: str,
    reason: str | None,
    value_reason: str | None,
    small: int,
) -> Row:
    """Compare what customers did after the calibration with what was expected."""
    size, bought = len(group), int(group["bought"].sum())
    row: Row = {
        "frequency_group": frequency,
        "customers": size,
        "actual_purchases": bought,
        "actual_purchases_per_customer": bought / size,
        "actual_revenue": group["revenue"].sum() / 1e4,
        "is_small_sample": size < small,
        "null_reason": reason,
        "expected_revenue_null_reason": reason
        or value_reason
        or "monetary_not_positive",
    }
    if reason is None:
        expected = group["expected"].sum()
        row["expected_purchases"] = expected
        row["expected_purchases_per_customer"] = expected / size
        known = group.dropna(subset="value")
        if len(known):
            row["expected_revenue"] = (known["expected"] * known["value"]).sum()
            row["expected_revenue_null_reason"] = None
        if frequency == "all":
            row |= top_tenth(group)
    return row


CALIBRATION_COLUMNS = [
    *("segment_column", "segment_value", "model", "frequency_group"),
    *("calibration_end_date", "holdout_days", "customers", "actual_purchases"),
    *("expected_purchases", "actual_purchases_per_customer"),
    *("expected_purchases_per_customer", "actual_revenue", "expected_revenue"),
    *("top_tenth_actual_share", "top_tenth_expected_share", "is_small_sample"),
    *("null_reason", "expected_revenue_null_reason"),
]


def value_calibration(known: Facts, table: pd.DataFrame = PUBLISHED) -> pd.DataFrame:
    """rpt_value_calibration, when these are the rows of parameters."""
    end, people = calibration_end(known), {who.name: who for who in buyers(known)}
    holdout, outcomes = known.as_of - end, read_parameters(table, known)
    histories = histories_at(people.values(), end)
    value_numbers, value_reason = outcomes["calibration", "gamma_gamma"]
    values = worth(histories, value_numbers)
    unready = None if is_measurable(known) else "not_measurable"
    described = pd.DataFrame(
        {
            "customer": name,
            "segment": known.segments.index(segment),
            "frequency": str(seen.repeats) if seen.repeats < MANY else f"{MANY}+",
            "bought": people[name].bought_after(end),
            "revenue": people[name].spent_after(end),
            "value": values.get(name),
        }
        for name, seen in histories.items()
        for segment in known.traits[name]["segments"]
    )
    small, records = known.settings.small_sample_size, []
    for model in MODELS if histories else ():
        numbers, reason = outcomes["calibration", model]
        found = predict(model, histories, numbers, [holdout])
        expected = {name: each[str(holdout)] for name, each in found.items()}
        scored = described.assign(expected=described["customer"].map(expected))
        for position, (column, value) in enumerate(known.segments):
            group = scored[scored["segment"] == position]
            parts = {str(key): part for key, part in group.groupby("frequency")}
            for frequency, part in (parts | {"all": group}).items():
                if len(part):
                    why = unready or reason
                    row = compare_group(part, frequency, why, value_reason, small)
                    names = {"segment_column": column, "segment_value": value}
                    records.append(row | names | {"model": model})
    frame = pd.DataFrame(records, columns=CALIBRATION_COLUMNS)
    return frame.assign(
        calibration_end_date=pd.Timestamp(str(day(end))), holdout_days=holdout
    )
