"""Who moved through the stages and when, computed in pandas from the journey.

Written from the definitions in docs/metrics and not from the project's SQL.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from oracle import Cut, Facts, as_dates, cuts, number_of, stack
from oracle_journey import journey, stages, unobservable
from oracle_retention import wilson
from oracle_rows import config

SEGMENT = ["segment_column", "segment_value"]


def by_segment(known: Facts, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of named people, once for every segment that the person counts in."""
    pairs = frame["person"].map(lambda person: known.traits[person]["segments"])
    rows = frame.assign(pair=pairs).explode("pair", ignore_index=True)
    for position, column in enumerate(SEGMENT):
        rows[column] = rows["pair"].str[position]
    return rows.drop(columns="pair")


def transitions(known: Facts) -> pd.DataFrame:
    """rpt_stage_transitions."""
    moves = [
        {
            "person": person,
            "day": number_of(interval["entered_at"]),
            "from_stage": interval["previous_stage"] or "(first seen)",
            "to_stage": interval["stage"],
            "waited": before["days_in_stage"] if before else np.nan,
        }
        for person, intervals in journey(known).intervals.items()
        for before, interval in zip([None, *intervals], intervals, strict=False)
    ]
    if not moves:
        return pd.DataFrame()
    rows = by_segment(known, pd.DataFrame(moves))
    frames = []
    for cut in cuts(known):
        key = [*SEGMENT, "period", "from_stage", "to_stage"]
        groups = rows.assign(period=cut.index(rows["day"])).groupby(key)
        frame = groups.agg(
            people=("person", "nunique"), average_days_in_from_stage=("waited", "mean")
        ).reset_index()
        period = frame.pop("period")
        frame["period_grain"] = cut.grain
        frame["period_start"] = as_dates(cut.start(period))
        frame["is_complete"] = cut.start(period + 1) - 1 <= known.as_of
        frames.append(frame)
    return stack(frames)


def days_to_reach(known: Facts) -> pd.DataFrame:
    """Day first seen of everybody whose start is known, and days to each stage."""
    rows = []
    for person, intervals in journey(known).intervals.items():
        if known.traits[person]["is_truncated"]:
            continue
        first = number_of(intervals[0]["entered_at"])
        for order, name in stages().names.items():
            entered = [
                number_of(interval["entered_at"])
                for interval in intervals
                if interval["stage_order"] >= order
            ]
            wait = min(entered) - first if entered else np.inf
            rows.append((person, first, name, order, wait))
    columns = ["person", "day", "stage", "stage_order", "wait"]
    return pd.DataFrame(rows, columns=columns)


def ask(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows once for every window; infinite: ever."""
    windows = [*config("observation_windows")["window_days"], np.inf]
    return rows.merge(pd.DataFrame({"window": windows}, dtype=float), how="cross")


def count_reached(rows: pd.DataFrame, cut: Cut | None, known: Facts) -> pd.DataFrame:
    """Count who reached each stage in each window, by period of the first event."""
    rows["period"] = cut.index(rows["day"]) if cut else 0
    group = [*SEGMENT, "window", "period"]
    frame = (
        rows.groupby([*group, "stage_order", "stage"])
        .agg(
            people=("day", "size"),
            eligible_people=("full", "sum"),
            reached_people=("reached", "sum"),
            median_days_to_reach=("known_wait", "median"),
            last=("end", "max"),
        )
        .reset_index()
    )
    frame["reached_people"] = frame["reached_people"].where(
        frame["eligible_people"] > 0
    )
    hidden = frame["stage_order"].isin(unobservable(known))
    for column in ("reached_people", "median_days_to_reach"):
        frame[column] = frame[column].mask(hidden)
    before = frame.groupby(group)["reached_people"].shift()
    frame["previous_reached_people"] = before
    ever = np.isinf(frame["window"])
    frame["median_days_to_reach"] = frame["median_days_to_reach"].where(ever)
    period, last = frame.pop("period"), frame.pop("last")
    frame["period_grain"], frame["period_start"] = "all", None
    if cut:
        frame["period_grain"] = cut.grain
        frame["period_start"] = as_dates(cut.start(period))
        last = cut.start(period + 1) - 1 + frame["window"].where(~ever, 0)
    frame["is_complete"] = last <= known.as_of
    return frame


def funnel(known: Facts) -> pd.DataFrame:
    """rpt_stage_funnel."""
    people = days_to_reach(known)
    if people.empty:
        return people
    rows = ask(by_segment(known, people))
    rows["end"] = rows["day"] + rows["window"].where(np.isfinite(rows["window"]), 0)
    rows["full"] = rows["end"] <= known.as_of
    rows["known_wait"] = rows["wait"].where(np.isfinite(rows["wait"]))
    rows["reached"] = rows["full"] & (rows["known_wait"] <= rows["window"])
    frame = stack(count_reached(rows, cut, known) for cut in [*cuts(known), None])
    window = frame.pop("window")
    frame["window_days"] = window.where(np.isfinite(window))
    wilson(frame, "reached_people", "eligible_people", "conversion_")
    wilson(frame, "reached_people", "previous_reached_people", "step_conversion_")
    small = known.settings.small_sample_size
    before = frame["previous_reached_people"]
    return frame.assign(
        is_small_sample=frame["eligible_people"] < small,
        is_small_step_sample=(before < small).where(before.notna()),
    )
