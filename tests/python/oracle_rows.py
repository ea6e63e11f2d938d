"""What becomes of each raw row, computed in plain Python from the input contract.

Money is held as whole ten-thousandths of the reporting currency, so that sums are
exact. Written from the definitions in docs/metrics and not from the project's SQL.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

CONFIG = Path(__file__).parents[2] / "seeds" / "config"
# The columns of each input that must hold a value, in the order they are looked at.
REQUIRED = {
    "transactions": ["transaction_id", "occurred_at", "amount"],
    "touchpoints": ["touchpoint_id", "occurred_at", "person", "touchpoint_type"],
    "marketing_spend": ["spend_date", "channel", "amount"],
    "survey_responses": ["response_id", "responded_at", "question_id"],
    "customers": ["customer_id"],
    "identities": ["visitor_id", "customer_id"],
    "exchange_rates": ["rate_date", "currency", "rate"],
}
KEY_LENGTH = {"exchange_rates": 2}
INSTANTS = {"occurred_at", "spend_date", "responded_at", "rate_date", "created_at"}
NUMBERS = {"amount", "score", "rate"}
# What people answer who cannot answer, in any case.
NOT_APPLICABLE = {"n/a", "na", "not applicable"}
OUTCOMES = {None, "positive", "neutral", "negative"}
# Names that the reports write themselves.
RESERVED = {"all", "(none)", "(start)", "(conversion)", "(null)"}
Inputs = Mapping[str, pd.DataFrame]
Row = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """The project's variables that bear on the tables computed here."""

    as_of_date: date | None = None
    history_start_date: date | None = None
    left_truncation_days: int = 0
    reporting_timezone: str = "UTC"
    reporting_currency: str = "USD"
    week_start: str = "monday"
    earliest_valid_date: date = date(1990, 1, 1)
    latest_valid_date: date = date(2099, 12, 31)
    future_tolerance_days: int = 1
    segment_columns: tuple[str, ...] = ("acquisition_channel",)
    acquisition_attribution_model: str = "last_non_direct"
    attribution_lookback_days: int = 90
    attribution_half_life_days: float = 7
    attribution_first_touch_weight: float = 0.4
    attribution_last_touch_weight: float = 0.4
    gross_margin_rate: float | None = None
    marketing_spend_repeats: str = "sum"
    small_sample_size: int = 30
    lapse_days: int | None = None
    churn_window_months: int | None = None
    readiness_min_repeat_share: float = 0.01
    readiness_min_months: int = 12
    readiness_min_customers: int = 100
    readiness_max_guest_share: float = 0.5
    value_calibration_end_date: date | None = None
    rfm_score_levels: int = 5
    survey_answers_counted: str = "latest"
    survey_follow_up_days: int = 90
    # Inputs that are switched off, so that nobody can be seen to reach some stages.
    inputs_off: tuple[str, ...] = ()


@cache
def config(name: str) -> pd.DataFrame:
    """Rows of one of the project's configuration seeds."""
    return pd.read_csv(CONFIG / f"{name}.csv")


@cache
def by_name(name: str) -> dict[str, Row]:
    """Rows of a configuration seed under what its first column names."""
    rows = config(name).to_dict("records")
    first = config(name).columns[0]
    return {row[first]: {str(column): row[column] for column in row} for row in rows}


def parse_time(value: Any, zone: str) -> datetime | None:
    """Local time of a raw instant; a bare date is local already; None: not a time."""
    if isinstance(value, str):
        try:
            kind = date if len(value) == len("2024-01-31") else datetime
            value = kind.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    aware = value if value.tzinfo else value.replace(tzinfo=ZoneInfo("UTC"))
    return aware.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def parse_number(value: Any) -> Decimal | None:
    """Decimal value of a raw number; None when it is not one."""
    number = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", str(value))
    return Decimal(str(value)) if number else None


def clean(value: Any) -> Any:
    """Trim a raw cell; None when it holds nothing."""
    value = value.strip() if isinstance(value, str) else value
    return None if value is None or value != value or value == "" else value


def time_fault(row: Row, column: str, settings: Settings) -> str | None:
    """Say what is wrong with the moment at which a row happened."""
    if row["local"] is None:
        return f"unparseable_{column}"
    day, loaded = row["local"].date(), row["loaded"]
    if not settings.earliest_valid_date <= day <= settings.latest_valid_date:
        return "date_out_of_range"
    tolerance = timedelta(days=settings.future_tolerance_days)
    return "future_date" if loaded and day > loaded.date() + tolerance else None


def survey_fault(row: Row) -> str | None:
    """Say what is wrong with a question or with the answer to it."""
    question = by_name("journey_survey_questions").get(row["question_id"])
    if question is None:
        return "unknown_question"
    if row["is_not_applicable"]:
        return None
    if row["number"] is None:
        return "unparseable_score"
    on_scale = question["scale_min"] <= row["number"] <= question["scale_max"]
    return None if on_scale else "score_out_of_range"


def reserved_fault(row: Row) -> str | None:
    """Say which name of a row is one that the reports write themselves."""
    taken = (name for name in ("channel", "campaign") if row.get(name) in RESERVED)
    return next((f"reserved_{name}" for name in taken), None)


def value_fault(name: str, row: Row, column: str) -> str | None:
    """Say what is wrong with a value that can be read."""
    number = row["number"]
    if column in {"touchpoint_type", "channel"} and (fault := reserved_fault(row)):
        return fault
    if column == "touchpoint_type":
        if row[column] not in by_name("journey_touchpoint_types"):
            return "unknown_touchpoint_type"
        return None if row["outcome"] in OUTCOMES else "unknown_outcome"
    if column == "question_id":
        return survey_fault(row)
    if name == "transactions" and column == "amount":
        known_types = (None, "purchase", "refund")
        return None if row["type"] in known_types else "unknown_transaction_type"
    if name == "marketing_spend" and column == "amount" and number < 0:
        return "negative_amount"
    return "non_positive_rate" if column == "rate" and number <= 0 else None


def first_fault(name: str, row: Row, settings: Settings) -> str | None:
    """Why to reject a row, exchange rates left aside; None when it is good."""
    if name == "customers" and row.get("created_at") is not None:
        fault = time_fault(row, "created_at", settings)
        if row["customer_id"] is not None and fault:
            return fault
    for column in REQUIRED[name]:
        if row[column] is None:
            return f"missing_{column}"
        if column in INSTANTS and (fault := time_fault(row, column, settings)):
            return fault
        if column in NUMBERS and row["number"] is None:
            return f"unparseable_{column}"
        if fault := value_fault(name, row, column):
            return fault
    return None


def read_row(name: str, raw: Mapping[Any, Any], settings: Settings) -> Row:
    """Read a raw row: its typed values stand under names of their own."""
    row: Row = {str(column): clean(value) for column, value in raw.items()}
    zone = settings.reporting_timezone
    row["loaded"] = parse_time(row["loaded_at"], zone) if row.get("loaded_at") else None
    moments = [row[c] for c in row if c in INSTANTS and row[c] is not None]
    row["local"] = parse_time(moments[0], zone) if moments else None
    numbers = [row[c] for c in row if c in NUMBERS and row[c] is not None]
    row["number"] = parse_number(numbers[0]) if numbers else None
    row["outcome"] = str(row.get("outcome") or "").lower() or None
    answer = str(row.get("score") or "").lower()
    row["is_not_applicable"] = answer in NOT_APPLICABLE or row.get("score") is None
    row["person"] = row.get("customer_id") or row.get("visitor_id")
    row["kind"] = None
    row["type"] = str(row.get("transaction_type") or "").lower() or None
    row["currency"] = str(row.get("currency") or "").upper() or None
    if name != "exchange_rates":
        row["currency"] = row["currency"] or settings.reporting_currency
    read = INSTANTS | NUMBERS | {"loaded_at", "loaded", "transaction_type", "type"}
    row["content"] = tuple(str(row[c]) for c in sorted(row) if c not in read)
    return row


def accepted(rows: list[Row]) -> list[Row]:
    """Keep the rows that stand."""
    return [row for row in rows if row["status"] == "accepted"]


def is_purchase(row: Row) -> bool:
    """Whether a judged transaction is a purchase and not a refund."""
    return bool(row["kind"] == "purchase")


def reject(row: Row, reason: str | None) -> None:
    """Give a row its status as far as it depends on itself alone."""
    row["reason"], row["status"] = reason, "rejected" if reason else "accepted"


def newest_first(row: Row) -> tuple[Any, ...]:
    """Sort key by which the row to keep under a key comes first."""
    instants = (row["loaded"] or datetime.min, row["local"] or datetime.min)
    ages = [(datetime.max - instant).total_seconds() for instant in instants]
    return (*ages, -(row["number"] or 0), row["content"])


def merge(name: str, rows: list[Row]) -> None:
    """Mark all but one of the good rows under each key as merged, in place."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in accepted(rows):
        key = [row[column] for column in REQUIRED[name][: KEY_LENGTH.get(name, 1)]]
        groups.setdefault(tuple(key), []).append(row)
    for group in groups.values():
        kept, *others = sorted(group, key=newest_first)
        for row in others:
            same = all(
                row[c] == kept[c] for c in ("content", "local", "kind", "number")
            )
            row["status"] = "merged"
            row["reason"] = "exact_duplicate" if same else "superseded_by_later_row"


Rates = dict[tuple[date, str], Decimal]


def judge_input(
    name: str, inputs: Inputs, rates: Rates, settings: Settings
) -> list[Row]:
    """Every visible row of an input, typed, with its status and reason."""
    raw_rows = inputs[name].to_dict("records")
    rows = [read_row(name, raw, settings) for raw in raw_rows]
    last = settings.as_of_date or date.max
    rows = [row for row in rows if not row["local"] or row["local"].date() <= last]
    for row in rows:
        reject(row, first_fault(name, row, settings))
    if name == "transactions":
        judge_transactions(rows, rates, settings)
    elif name == "marketing_spend":
        judge_spend(rows, rates, settings)
    else:
        merge(name, rows)
    return rows


def judge(inputs: Inputs, settings: Settings) -> dict[str, list[Row]]:
    """Every visible row of the inputs that are switched on, with its status."""
    rates: Rates = {}
    judged: dict[str, list[Row]] = {}
    # The rates come first: the others are valued at them.
    for name in sorted(inputs, key=lambda name: name != "exchange_rates"):
        judged[name] = judge_input(name, inputs, rates, settings)
        if name == "exchange_rates":
            for row in accepted(judged[name]):
                rates[row["local"].date(), row["currency"]] = row["number"]
    return judged


def own_rate(row: Row, day: date, rates: Rates, settings: Settings) -> Decimal | None:
    """Rate of a row's currency on a day; None when nobody gave one."""
    home = row["currency"] == settings.reporting_currency
    return Decimal(1) if home else rates.get((day, row["currency"]))


def judge_spend(rows: list[Row], rates: Rates, settings: Settings) -> None:
    """Give spend its money; of a day, channel and campaign named again say so."""
    for row in accepted(rows):
        rate = own_rate(row, row["local"].date(), rates, settings)
        if rate is None:
            reject(row, "missing_exchange_rate")
        else:
            row["exact"] = row["number"] * rate
            row["money"] = ten_thousandths(row["exact"])
    invoices: dict[tuple[Any, ...], list[Row]] = {}
    for row in accepted(rows):
        key = (row["local"].date(), row["channel"], row.get("campaign"))
        invoices.setdefault(key, []).append(row)
    for same in invoices.values():
        for row in sorted(same, key=lambda row: -row["exact"])[1:]:
            row["reason"] = "repeated_day_channel_campaign"
            if settings.marketing_spend_repeats == "reject":
                row["status"] = "rejected"


def ten_thousandths(amount: Decimal) -> int:
    """Money as it is stored, halves rounded away from 0."""
    return int(amount.scaleb(4).quantize(Decimal(1), ROUND_HALF_UP))


def order_of(row: Row) -> str:
    """Id of the purchase that a transaction is about, its own unless it names one."""
    return str(row.get("original_transaction_id") or row["transaction_id"])


def judge_transactions(rows: list[Row], rates: Rates, settings: Settings) -> None:
    """Give transactions sign, purchase, customer and money; reject what has no rate."""
    good = accepted(rows)
    for row in good:
        refund = row["type"] == "refund" or row["number"] < 0
        row["kind"] = "refund" if refund else "purchase"
        row["number"] = -abs(row["number"]) if refund else row["number"]
        row["rate"] = own_rate(row, row["local"].date(), rates, settings)
    # A refund on a day without a rate takes that of any version of its purchase.
    known: dict[tuple[str, str], Decimal] = {}
    for row in good:
        if row["kind"] == "purchase" and row["rate"] is not None:
            order = order_of(row), row["currency"]
            known[order] = max(known.get(order, row["rate"]), row["rate"])
    for row in good:
        if row["kind"] == "refund" and row["rate"] is None:
            row["rate"] = known.get((order_of(row), row["currency"]))
        if row["rate"] is None:
            reject(row, "missing_exchange_rate")
    merge("transactions", rows)
    purchases = {r["transaction_id"]: r for r in accepted(rows) if is_purchase(r)}
    for row in accepted(rows):
        link = None if is_purchase(row) else row.get("original_transaction_id")
        purchase = purchases.get(link, row)
        row["order_day"] = purchase["local"].date()
        row["customer_id"] = row["customer_id"] or purchase["customer_id"]
        if purchase["currency"] == row["currency"]:
            row["rate"] = purchase["rate"]
        row["money"] = ten_thousandths(row["number"] * row["rate"])


def input_quality(judged: Mapping[str, list[Row]]) -> pd.DataFrame:
    """rpt_input_quality: rows of each input by status and reason."""
    records: list[tuple[Any, ...]] = []
    for name in REQUIRED:
        rows = judged.get(name, [])
        if not rows:
            records.append((name, "accepted", None, 0, None, name not in judged))
        for (status, reason), count in Counter(
            (row["status"], row["reason"]) for row in rows
        ).items():
            records.append((name, status, reason, count, count / len(rows), False))
    columns = ["input_name", "row_status", "status_reason", "row_count", "row_share"]
    return pd.DataFrame(records, columns=[*columns, "is_switched_off"])
