"""How much each milestone matters and how well it goes, in plain Python.

Written from the definitions in docs/metrics and not from the project's SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.weightstats import DescrStatsW

from oracle import Facts, number_of
from oracle_journey import journey, stages, unobservable
from oracle_retention import wilson
from oracle_rows import Row, by_name

# Milestone, touchpoint type and medium.
Unit = tuple[str, str, str]


@dataclass
class Tally:
    """What is known of one unit in one segment."""

    # Outcome of every step; a purchase has none.
    outcomes: list[str | None] = field(default_factory=list)
    people: int = 0
    # Outcome of the first exposure and success of everybody who can be judged.
    eligible: list[tuple[str | None, bool]] = field(default_factory=list)
    satisfaction: list[float] = field(default_factory=list)


def units_of(step: Row) -> list[Unit]:
    """List what a touch or purchase counts for."""
    kind = step["touchpoint_type"] or "purchase"
    medium, milestone = step["medium"] or "(unknown)", step["milestone"]
    return [
        (milestone, kind, medium),
        (milestone, "all", medium),
        (milestone, "all", "all"),
    ]


def next_stage(milestone: str) -> int | None:
    """Order of the stage after a milestone's."""
    own = stages().of_milestone(milestone)
    return next((order for order in stages().names if order > own), None)


def verdict(known: Facts, intervals: list[Row], exposure: Row) -> bool | None:
    """Whether a first exposure was followed by the next stage; None: not to be told."""
    milestone = exposure["milestone"]
    aim, window = next_stage(milestone), stages().milestones[milestone]["window_days"]
    if (
        aim is None
        or aim in unobservable(known)
        or number_of(exposure["occurred_at"]) + window > known.as_of
    ):
        return None
    entered = [i["entered_at"] for i in intervals if i["stage_order"] >= aim]
    if not entered:
        return False
    if entered[0] < exposure["occurred_at"]:
        return None
    last = exposure["occurred_at"].date() + timedelta(days=window)
    return bool(entered[0].date() <= last)


def exposures_of(known: Facts) -> list[Row]:
    """List the touches and purchases of named people."""
    return [
        step
        for step in journey(known).events
        if step["customer_id"] is not None
        and step["event_type"] in ("touchpoint", "purchase")
    ]


def satisfaction(known: Facts) -> Iterator[tuple[Any, list[Unit], float]]:
    """Yield person, units and normalised score of every answer that counts."""
    asked = by_name("journey_survey_questions")
    answers = [
        step
        for step in journey(known).events
        if step["score"] is not None
        and asked[step["question_id"]]["survey_type"] == "css"
    ]
    answers.sort(key=lambda step: (step["occurred_at"], step["source_id"]))
    if known.settings.survey_answers_counted == "latest":
        # The later answer takes the place of the earlier.
        latest = {
            (step["question_id"], step["customer_id"] or step["event_id"]): step
            for step in answers
        }
        answers = list(latest.values())
    exposures: dict[tuple[Any, str], list[Row]] = {}
    for step in sorted(exposures_of(known), key=lambda step: step["step_number"]):
        place = (step["customer_id"], step["milestone"])
        exposures.setdefault(place, []).append(step)
    for answer in answers:
        question = asked[answer["question_id"]]
        span = question["scale_max"] - question["scale_min"]
        score = 100 * (answer["score"] - question["scale_min"]) / span
        if question["direction"] == "lower_is_better":
            score = 100 - score
        place = (answer["customer_id"], answer["milestone"])
        touches = [
            step
            for step in exposures.get(place, [])
            if step["occurred_at"] <= answer["occurred_at"]
        ]
        whole = (answer["milestone"], "all", "all")
        units = units_of(touches[-1]) if touches else [whole]
        yield answer["customer_id"], units, score


def tallies(known: Facts) -> dict[tuple[str, str], dict[Unit, Tally]]:
    """Count every unit in every segment."""
    found: dict[tuple[str, str], dict[Unit, Tally]] = {}
    steps = exposures_of(known)
    steps.sort(key=lambda step: (step["customer_id"], step["step_number"]))
    for person, own in groupby(steps, key=lambda step: step["customer_id"]):
        met: set[Unit] = set()
        for step in own:
            success = verdict(known, journey(known).intervals[person], step)
            for unit in units_of(step):
                for segment in known.traits[person]["segments"]:
                    tally = found.setdefault(segment, {}).setdefault(unit, Tally())
                    tally.outcomes.append(step["outcome"])
                    tally.people += unit not in met
                    if unit not in met and success is not None:
                        tally.eligible.append((step["outcome"], success))
                met.add(unit)
    for person, units, score in satisfaction(known):
        for segment in known.traits[person]["segments"]:
            for unit in units:
                if unit in found.get(segment, {}):
                    found[segment][unit].satisfaction.append(score)
    return found


def association(eligible: list[tuple[str | None, bool]]) -> Row:
    """Success after a favourable first exposure, less success after another."""
    known = [pair for pair in eligible if pair[0] is not None]
    outcomes = {outcome for outcome, _ in known}
    favourable = "positive" if "positive" in outcomes else "neutral"
    good = [success for outcome, success in known if outcome == favourable]
    rest = [success for outcome, success in known if outcome != favourable]
    row: Row = {"favourable_outcome": favourable if good and rest else None}
    row["derived_importance_people"] = len(known) if good and rest else None
    row["derived_importance"] = np.nan
    row["derived_importance_lower"] = row["derived_importance_upper"] = np.nan
    if good and rest:
        counts = sum(good), len(good), sum(rest), len(rest)
        row["derived_importance"] = counts[0] / counts[1] - counts[2] / counts[3]
        low, high = confint_proportions_2indep(*counts, method="newcomb")
        row["derived_importance_lower"], row["derived_importance_upper"] = low, high
    return row


def mean_with_interval(scores: list[float]) -> tuple[float, float, float]:
    """Mean of scores from 0 to 100 and its 95% interval; null below two scores."""
    if len(scores) < 2:
        return (scores[0] if scores else np.nan), np.nan, np.nan
    low, high = DescrStatsW(scores).zconfint_mean()
    return float(np.mean(scores)), max(low, 0.0), min(high, 100.0)


def describe(known: Facts, unit: Unit, tally: Tally) -> Row:
    """Turn one tally into a row of the scorecard."""
    milestone, kind, medium = unit
    seed, aim = stages().milestones[milestone], next_stage(milestone)
    blind = aim is None or aim in unobservable(known)
    score, low, high = mean_with_interval(tally.satisfaction)
    successes = sum(success for _, success in tally.eligible)
    counts = {
        f"{outcome}_touches": tally.outcomes.count(outcome)
        for outcome in ("positive", "neutral", "negative")
    }
    return {
        "milestone": milestone,
        "milestone_order": seed["milestone_order"],
        "stage": seed["stage"],
        "next_stage": None if aim is None else stages().names[aim],
        "touchpoint_type": kind,
        "medium": medium,
        "window_days": seed["window_days"],
        "exposed_people": tally.people,
        "touches": len(tally.outcomes),
        **counts,
        "importance": seed["importance"],
        **association(tally.eligible),
        "eligible_people": len(tally.eligible),
        "succeeded_people": None if blind else successes,
        "satisfaction_score": score,
        "satisfaction_lower": low,
        "satisfaction_upper": high,
        "satisfaction_answers": len(tally.satisfaction),
        "quadrant": None,
        "pain_point_score": np.nan,
        "pain_point_rank": None,
    }


QUADRANTS = {
    (True, True): "keep_up",
    (True, False): "concentrate_here",
    (False, True): "possible_overkill",
    (False, False): "low_priority",
}


def rank(rows: list[Row]) -> None:
    """Give the rows of one segment quadrants and ranks, in place.

    In fractions, so that what is equal does not differ by rounding.
    """
    judged = [row for row in rows if row["eligible_people"]]
    for row in judged:
        row["weight"] = Fraction(str(row["importance"]))
        row["success"] = Fraction(row["succeeded_people"], row["eligible_people"])
        row["pain"] = row["weight"] * (1 - row["success"])
        row["pain_point_score"] = float(row["pain"])
        is_milestone = row["medium"] == "all"
        row["level"] = (is_milestone, row["touchpoint_type"] == "all")
    whole = [row for row in judged if row["level"][0]]
    for row in judged:
        is_high = [
            row[column]
            >= sum((peer[column] for peer in whole), Fraction()) / len(whole)
            for column in ("weight", "success")
        ]
        row["quadrant"] = QUADRANTS[is_high[0], is_high[1]]

    def worst_first(row: Row) -> tuple[Any, ...]:
        names = (row["milestone_order"], row["touchpoint_type"], row["medium"])
        return (row["level"], -row["pain"], *names)

    judged.sort(key=worst_first)
    for _, level in groupby(judged, key=lambda row: row["level"]):
        for position, row in enumerate(level, 1):
            row["pain_point_rank"] = position


def scorecard(known: Facts) -> pd.DataFrame:
    """rpt_milestone_scorecard."""
    records = []
    for (column, value), found in tallies(known).items():
        segment = {"segment_column": column, "segment_value": value}
        rows = [segment | describe(known, unit, tally) for unit, tally in found.items()]
        rank(rows)
        records += rows
    if not records:
        return pd.DataFrame()
    frame = pd.DataFrame(records).drop(
        columns=["weight", "success", "pain", "level"], errors="ignore"
    )
    wilson(frame, "succeeded_people", "eligible_people", "success_")
    kinds = [f"{outcome}_touches" for outcome in ("positive", "neutral", "negative")]
    frame["judged_touches"] = frame[kinds].sum(axis=1)
    for share in ("positive", "negative"):
        wilson(frame, f"{share}_touches", "judged_touches", "share_")
        for suffix in ("", "_lower", "_upper"):
            frame[f"{share}_share{suffix}"] = frame.pop(f"share_rate{suffix}")
    small = known.settings.small_sample_size
    compared = frame["derived_importance_people"]
    return frame.assign(
        is_small_sample=frame["eligible_people"] < small,
        is_small_touch_sample=frame.pop("judged_touches") < small,
        is_small_importance_sample=~(compared >= small),
        is_small_satisfaction_sample=frame["satisfaction_answers"] < small,
    )
