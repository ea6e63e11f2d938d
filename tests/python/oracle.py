"""The facts that the reports are computed from, in pandas.

Written from the definitions in docs/metrics and not from the project's SQL. Days are
whole days since 1970, money whole ten-thousandths until it is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from oracle_rows import Row, Settings, accepted, by_name, config, is_purchase

EPOCH = date(1970, 1, 1)
# A day, counted from 1970-01-01, on which a week starts.
WEEK_ANCHOR = {"monday": 4, "sunday": 3, "saturday": 2}
# The inputs that tell of something that happened.
OBSERVED = ("transactions", "touchpoints", "marketing_spend", "survey_responses")
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def number_of(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - EPOCH.toordinal()


@dataclass(frozen=True, eq=False)
class Facts:
    """What was accepted, and the transactions once for every segment they count in.

    Columns of `rows`: segment (position in `segments`), customer (null: guest), day,
    order_day (of the purchase, for a refund), money, is_purchase; and of the customer
    first_day and is_truncated.
    """

    settings: Settings
    segments: list[tuple[str, str]]
    rows: pd.DataFrame
    as_of: int
    # Accepted rows of each input, a touch's person under "customer".
    seen: dict[str, list[Row]]
    # Customer that each known visitor is.
    owner: dict[str, str]
    # Of everybody seen in any input (None: those without a name) first_purchase_at,
    # first_day, is_truncated, acquisition_channel, and segments: pairs of the column
    # and the person's value.
    traits: dict[str | None, Row]

    @cached_property
    def begins(self) -> int:
        """First day of the calendar: of the first event, or of history before it."""
        days = [row["local"] for name in OBSERVED for row in self.seen.get(name, [])]
        start = self.settings.history_start_date
        return min(map(number_of, [*days, start] if start else days))

    @cached_property
    def people(self) -> pd.DataFrame:
        """First purchase day of each customer and days until the second (or null)."""
        bought = self.rows[self.rows["is_purchase"] & ~self.rows["is_truncated"]]
        days = bought.dropna(subset="customer").sort_values("day")
        days = days.drop_duplicates(["segment", "customer", "day"])
        person = ["segment", "customer"]
        days["wait"] = days.groupby(person)["day"].shift(-1) - days["day"]
        return days.drop_duplicates(person)


def acquisition_channel(
    touches: list[Row], until: datetime | None, settings: Settings
) -> str:
    """Channel credited with a first purchase, or with a prospect's interest so far."""
    # A touch without a channel is not marketing.
    touches = [touch for touch in touches if touch.get("channel")]
    if until is None:
        until = max((touch["local"] for touch in touches), default=datetime.min)
    path = [
        touch
        for touch in sorted(touches, key=lambda t: (t["local"], t["touchpoint_id"]))
        if touch["local"] <= until
        and (until.date() - touch["local"].date()).days
        <= settings.attribution_lookback_days
    ]
    if settings.acquisition_attribution_model == "last_non_direct":
        path = [touch for touch in path if not is_direct(touch["channel"])] or path
    if not path:
        return "(none)"
    chosen = 0 if settings.acquisition_attribution_model == "first" else -1
    return str(path[chosen]["channel"])


def is_direct(channel: str) -> bool:
    """Whether a channel is no marketing of its own."""
    return bool(by_name("journey_channels").get(channel, {}).get("is_direct", False))


def describe_people(
    seen: Mapping[str, list[Row]], settings: Settings
) -> dict[str | None, Row]:
    """`Facts.traits` of everybody."""
    touches: dict[Any, list[Row]] = {}
    for row in seen.get("touchpoints", []):
        touches.setdefault(row["customer"], []).append(row)
    firsts: dict[Any, datetime] = {}
    for row in sorted(seen["transactions"], key=lambda row: row["local"]):
        if is_purchase(row):
            firsts.setdefault(row["customer_id"], row["local"])
    described = {row["customer_id"]: row for row in seen.get("customers", [])}
    # A first purchase before this day is not known to be first.
    start = settings.history_start_date or date.min
    known_from = start + timedelta(days=settings.left_truncation_days)

    def describe(customer: Any) -> Row:
        first = firsts.get(customer) if customer is not None else None
        path = touches.get(customer, [])
        channel = acquisition_channel(path, first, settings)
        values = described.get(customer, {}) | {"acquisition_channel": channel}
        segments = [("all", "all")]
        for column in settings.segment_columns:
            value = values.get(column) or "(unknown)"
            segments.append((column, "(guest)" if customer is None else value))
        return {
            "first_purchase_at": first,
            "first_day": number_of(first) if first else None,
            "is_truncated": first is not None and first.date() < known_from,
            "acquisition_channel": channel,
            "segments": segments,
        }

    events = [seen["transactions"], seen.get("survey_responses", [])]
    named = {row.get("customer_id") for rows in events for row in rows}
    people = named | set(touches) | set(described)
    return {person: describe(person) for person in people}


def facts(judged: Mapping[str, list[Row]], settings: Settings) -> Facts:
    """Everything that the reports of this module are computed from."""
    seen = {name: accepted(rows) for name, rows in judged.items()}
    owner = {r["visitor_id"]: r["customer_id"] for r in seen.get("identities", [])}
    for row in seen.get("touchpoints", []):
        visitor = row.get("visitor_id")
        named = row.get("customer_id")
        row["customer"] = named or owner.get(visitor, f"visitor:{visitor}")
    traits = describe_people(seen, settings)
    # The reports on revenue know the segments in which somebody bought.
    buyers = {row["customer_id"] for row in seen["transactions"]}
    pairs = {pair for buyer in buyers for pair in traits[buyer]["segments"]}
    order = ["all", *settings.segment_columns]
    segments = sorted(pairs, key=lambda pair: (order.index(pair[0]), pair[1]))
    records = [
        (
            segments.index(segment),
            row["customer_id"],
            number_of(row["local"]),
            number_of(row["order_day"]),
            row["money"],
            is_purchase(row),
            traits[row["customer_id"]]["first_day"],
            traits[row["customer_id"]]["is_truncated"],
        )
        for row in seen["transactions"]
        for segment in traits[row["customer_id"]]["segments"]
    ]
    columns = ["segment", "customer", "day", "order_day", "money", "is_purchase"]
    rows = pd.DataFrame(records, columns=[*columns, "first_day", "is_truncated"])
    days = [row["local"].date() for name in OBSERVED for row in seen.get(name, [])]
    as_of = number_of(settings.as_of_date or max(days))
    return Facts(settings, segments, rows, as_of, seen, owner, traits)


@dataclass(frozen=True)
class Cut:
    """Calendar periods of one grain over the facts."""

    facts: Facts
    grain: str

    def index(self, days: Any) -> Any:
        """Consecutive number of the period that holds each day."""
        days = np.asarray(days, dtype="int64")
        if self.grain == "day":
            return days
        if self.grain == "week":
            return (days - WEEK_ANCHOR[self.facts.settings.week_start]) // 7
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype("int64")
        return months // MONTHS[self.grain]

    def start(self, index: Any) -> Any:
        """First day of each numbered period."""
        index = np.asarray(index, dtype="int64")
        if self.grain == "day":
            return index
        if self.grain == "week":
            return index * 7 + WEEK_ANCHOR[self.facts.settings.week_start]
        months = (index * MONTHS[self.grain]).astype("datetime64[M]")
        return months.astype("datetime64[D]").astype("int64")

    def label(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Add the columns that name segment and grain; indexed by segment first."""
        positions = frame.index.get_level_values("segment")
        pairs = [self.facts.segments[position] for position in positions]
        frame["segment_column"] = [column for column, _ in pairs]
        frame["segment_value"] = [value for _, value in pairs]
        return frame.assign(period_grain=self.grain)

    def periods(self) -> pd.DataFrame:
        """Every segment and period, from the first transaction of all to the as-of."""
        first, last = self.index([self.facts.rows["day"].min(), self.facts.as_of])
        span = [range(len(self.facts.segments)), range(first, last + 1)]
        keys = pd.MultiIndex.from_product(span, names=["segment", "period"])
        frame = self.label(pd.DataFrame(index=keys))
        period = keys.get_level_values("period")
        frame["period_start"] = as_dates(self.start(period))
        frame["is_complete"] = self.start(period + 1) - 1 <= self.facts.as_of
        return frame

    def buyers(self) -> dict[tuple[int, int], set[Any]]:
        """Collect identified customers with a purchase, by segment and period."""
        rows, found = self.facts.rows, dict[tuple[int, int], set[Any]]()
        known = rows[rows["is_purchase"] & rows["customer"].notna()]
        for segment, period, customer in zip(
            known["segment"], self.index(known["day"]), known["customer"], strict=True
        ):
            found.setdefault((segment, period), set()).add(customer)
        return found


def as_dates(days: Any) -> Any:
    """Calendar dates of day numbers."""
    return np.asarray(days, dtype="int64").astype("datetime64[D]")


def cuts(known: Facts) -> list[Cut]:
    """Cut the facts in every grain."""
    return [Cut(known, grain) for grain in config("period_grains")["period_grain"]]


def stack(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All rows of frames, null in the columns that a frame does not have."""
    frames = list(frames)
    columns = dict.fromkeys(column for frame in frames for column in frame)
    return pd.DataFrame(
        {
            column: np.concatenate(
                [frame.get(column, np.full(len(frame), None)) for frame in frames]
            )
            for column in columns
        }
    ).infer_objects()
