"""What happened to each person, and through which stages, in plain Python.

Written from the definitions in docs/metrics and not from the project's SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property, lru_cache
from itertools import groupby, pairwise
from typing import Any

import pandas as pd

from oracle import Facts, number_of
from oracle_rows import Row, by_name, is_purchase

TYPE_ORDER = ["touchpoint", "purchase", "refund", "survey_response"]
PROMOTER = 9


@dataclass(frozen=True)
class Stages:
    """The stages in order, and what brings a person to them."""

    rows: dict[str, Row]
    milestones: dict[str, Row]

    @cached_property
    def names(self) -> dict[int, str]:
        """Name of each stage, in their order."""
        orders = {row["stage_order"]: name for name, row in self.rows.items()}
        return dict(sorted(orders.items()))

    def reached_by(self, what: str) -> int | None:
        """Order of the first stage that is reached by something."""
        orders = (order for order, name in self.names.items())
        return next((o for o in orders if self.how(o) == what), None)

    def how(self, order: int) -> str:
        """By what a stage is reached."""
        return str(self.rows[self.names[order]]["reached_by"])

    def of_milestone(self, milestone: str) -> int:
        """Order of the stage that a milestone belongs to."""
        return int(self.rows[self.milestones[milestone]["stage"]]["stage_order"])

    def first_milestone(self, order: int | None) -> str | None:
        """First milestone of a stage."""
        own = [m for m in self.milestones if self.of_milestone(m) == order]
        key = {m: self.milestones[m]["milestone_order"] for m in own}
        return min(own, key=key.__getitem__, default=None)


@cache
def stages() -> Stages:
    """Read the stages and milestones that are set up."""
    return Stages(by_name("journey_stages"), by_name("journey_milestones"))


def unobservable(known: Facts) -> set[int]:
    """Orders of the stages that the inputs cannot show anybody to reach."""
    needed = {
        "touchpoint": {"touchpoints"},
        "advocacy": {"touchpoints", "survey_responses"},
    }
    off = set(known.settings.inputs_off)
    found = stages()
    return {
        order
        for order in found.names
        if order > 1 and needed.get(found.how(order), {"transactions"}) <= off
    }


def event(row: Row, kind: str, key: str, person: Any, **columns: Any) -> Row:
    """One event; what its kind does not have is null."""
    names = ["milestone", "touchpoint_type", "medium", "question_id", "channel"]
    names += ["campaign", "amount", "score", "outcome", "visitor_id"]
    return dict.fromkeys(names) | {
        "event_id": f"{kind}:{row[key]}",
        "source_id": row[key],
        "event_type": kind,
        "customer_id": person,
        "occurred_at": row["local"],
        "row": row,
        **columns,
    }


def read_events(known: Facts) -> Iterator[Row]:
    """Yield every accepted event with what it says of itself."""
    order = stages()
    first_bought = order.first_milestone(order.reached_by("first_purchase"))
    bought_again = order.first_milestone(order.reached_by("second_purchase"))
    for row in known.seen["transactions"]:
        person, day = row["customer_id"], number_of(row["local"])
        milestone = None
        if is_purchase(row):
            # A guest's purchase stands alone.
            again = person is not None and day > known.traits[person]["first_day"]
            milestone = bought_again if again else first_bought
        yield event(
            row,
            row["kind"],
            "transaction_id",
            person,
            milestone=milestone,
            channel=row.get("sales_channel"),
            amount=row["money"] / 1e4,
        )
    for row in known.seen.get("touchpoints", []):
        kind = by_name("journey_touchpoint_types")[row["touchpoint_type"]]
        yield event(
            row,
            "touchpoint",
            "touchpoint_id",
            row["customer"],
            milestone=kind["milestone"],
            touchpoint_type=row["touchpoint_type"],
            medium=kind["medium"],
            channel=row.get("channel"),
            campaign=row.get("campaign"),
            outcome=row["outcome"] or kind["default_outcome"],
            visitor_id=row.get("visitor_id"),
        )
    for row in known.seen.get("survey_responses", []):
        question = by_name("journey_survey_questions")[row["question_id"]]
        number = None if row["is_not_applicable"] else float(row["number"])
        yield event(
            row,
            "survey_response",
            "response_id",
            row.get("customer_id"),
            milestone=question["milestone"],
            question_id=row["question_id"],
            score=number,
        )


def stage_reached(step: Row, first_purchase: datetime | None) -> int | None:
    """Order of the stage that a named person's step reaches; None: it reaches none."""
    order = stages()
    has_bought = first_purchase is not None and step["occurred_at"] >= first_purchase
    conversion = order.reached_by("first_purchase") or 0
    if step["event_type"] == "purchase":
        again = order.reached_by("second_purchase")
        later = first_purchase and step["occurred_at"].date() > first_purchase.date()
        return again if later and again else conversion
    if step["event_type"] == "touchpoint":
        stage = order.of_milestone(step["milestone"])
        if order.how(stage) == "touchpoint":
            return stage if stage < conversion or has_bought else None
        praises = order.how(stage) == "advocacy" and step["outcome"] == "positive"
        return stage if praises and has_bought else None
    if step["question_id"]:
        question = by_name("journey_survey_questions")[step["question_id"]]
        promotes = question["survey_type"] == "nps" and (step["score"] or 0) >= PROMOTER
        return order.reached_by("advocacy") if promotes and has_bought else None
    return None


@dataclass(frozen=True, eq=False)
class Journey:
    """Every event with its place in its person's journey, and everybody's stages."""

    events: list[Row]
    # Stage intervals of each person: the columns of fct_stage_history.
    intervals: dict[str, list[Row]]


def walk(steps: list[Row], first_purchase: datetime | None) -> Iterator[Row]:
    """Yield the stage intervals of a person, in order, and number the sorted steps."""
    names = stages().names
    current, previous = None, None
    for number, step in enumerate(steps, 1):
        step["step_number"] = number
        step["reached"] = stage_reached(step, first_purchase)
    for before, step in pairwise(steps):
        passed = step["occurred_at"] - before["occurred_at"]
        step["seconds_since_previous"] = passed.total_seconds()
    for moment, tied in groupby(steps, key=lambda step: step["occurred_at"]):
        now = list(tied)
        reached = [step["reached"] for step in now if step["reached"] is not None]
        # Whoever has reached nothing stands at the start.
        furthest = max([*reached, current or min(names)])
        if furthest != current:
            entering = [step for step in now if step["reached"] == furthest] or now
            between = [o for o in names if (current or min(names) - 1) < o < furthest]
            yield {
                "customer_id": entering[0]["customer_id"],
                "stage": names[furthest],
                "stage_order": furthest,
                "entered_at": moment,
                "entering_event_id": entering[0]["event_id"],
                "entering_event_type": entering[0]["event_type"],
                "entering_milestone": entering[0]["milestone"],
                "entering_touchpoint_type": entering[0]["touchpoint_type"],
                "previous_stage": previous,
                "skipped_stage_count": len(between),
                "skipped_stages": ", ".join(names[o] for o in between) or None,
            }
            current, previous = furthest, names[furthest]
        for step in now:
            step["stage"] = names[furthest]


@lru_cache(maxsize=1)
def journey(known: Facts) -> Journey:
    """Give every event its place and everybody their stages."""
    place = ("stage", "step_number", "seconds_since_previous", "reached")
    events = [dict.fromkeys(place) | row for row in read_events(known)]
    people: dict[str, list[Row]] = {}
    for row in events:
        if row["customer_id"] is not None:
            people.setdefault(row["customer_id"], []).append(row)
    intervals = {}
    for person, steps in people.items():
        steps.sort(
            key=lambda step: (
                step["occurred_at"],
                TYPE_ORDER.index(step["event_type"]),
                step["source_id"],
            )
        )
        found = list(walk(steps, known.traits[person]["first_purchase_at"]))
        ends = [later["entered_at"] for later in found[1:]]
        for interval, left in zip(found, [*ends, None], strict=True):
            end = known.as_of if left is None else number_of(left)
            interval["left_at"], interval["is_current"] = left, left is None
            interval["days_in_stage"] = end - number_of(interval["entered_at"])
        intervals[person] = found
    return Journey(events, intervals)


def stage_history(known: Facts) -> pd.DataFrame:
    """fct_stage_history."""
    found = journey(known).intervals.values()
    return pd.DataFrame([interval for person in found for interval in person])


@lru_cache(maxsize=1)
def referrals(known: Facts) -> dict[str, str]:
    """Who referred whom: the first who spoke of us to a customer who then bought."""
    advocacy = stages().reached_by("advocacy")
    touches = [row for row in journey(known).events if row["visitor_id"]]
    found: dict[str, str] = {}
    for touch in sorted(touches, key=lambda t: (t["occurred_at"], t["source_id"])):
        if touch["reached"] != advocacy or not (referred := referral(known, touch)):
            continue
        bought = known.traits.get(referred, {}).get("first_purchase_at")
        if bought is not None and bought >= touch["occurred_at"]:
            found.setdefault(referred, touch["customer_id"])
    return found


def referral(known: Facts, step: Row) -> str | None:
    """Whom a customer's advocacy was given to, when identities know."""
    advocacy = stages().reached_by("advocacy")
    if step["visitor_id"] is None or step["reached"] != advocacy:
        return None
    other = known.owner.get(step["visitor_id"])
    return other if other != step["customer_id"] else None


def journey_events(known: Facts) -> pd.DataFrame:
    """fct_journey_events."""
    frame = pd.DataFrame(journey(known).events)
    frame["referred_customer_id"] = [
        referral(known, step) for step in journey(known).events
    ]
    frame["occurred_date"] = frame["occurred_at"].dt.normalize()
    frame["seconds_since_previous"] = frame["seconds_since_previous"].astype(float) // 1
    return frame.drop(columns=["row", "visitor_id", "reached"])
