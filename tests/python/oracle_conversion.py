"""Who became a customer within a while of being first seen, computed in pandas.

Written from the definitions in docs/metrics and not from the project's SQL.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from oracle import Cut, Facts, as_dates, cuts, number_of, stack
from oracle_funnel import SEGMENT, ask, by_segment
from oracle_journey import journey
from oracle_retention import wilson

CELL = [*SEGMENT, "channel", "window", "period"]


def first_events(known: Facts) -> pd.DataFrame:
    """Day first seen of everybody whose start is known, and days until they bought."""
    rows = []
    for step in journey(known).events:
        # Nobody numbers the steps of guests.
        traits = known.traits[step["customer_id"]]
        if step["step_number"] != 1 or traits["is_truncated"]:
            continue
        seen, bought = number_of(step["occurred_at"]), traits["first_day"]
        rows.append(
            {
                "person": step["customer_id"],
                "seen": seen,
                "bought": np.inf if bought is None else bought,
                "wait": np.inf if bought is None else bought - seen,
                "walks_in": step["event_type"] == "purchase",
                "channel": traits["acquisition_channel"],
            }
        )
    return pd.DataFrame(rows)


def cells(rows: pd.DataFrame, cut: Cut | None, known: Facts) -> pd.DataFrame:
    """Count the people of each period, and the customers who came to be in it."""
    rows = rows.assign(period=cut.index(rows["seen"]) if cut else 0)
    seen = rows.groupby(CELL).agg(
        people=("person", "size"),
        eligible_people=("full", "sum"),
        converted_people=("converted", "sum"),
        walk_in_people=("walks_in", "sum"),
        last=("end", "max"),
    )
    buyers = rows[np.isfinite(rows["bought"])]
    buyers = buyers.assign(period=cut.index(buyers["bought"]) if cut else 0)
    frame = seen.join(buyers.groupby(CELL).size().rename("new_customers"), how="outer")
    # Whom a period did not see first can still have become a customer in it.
    counts = frame.columns.drop("last")
    frame[counts] = frame[counts].fillna(0)
    frame = frame.reset_index()
    asked = frame["eligible_people"] > 0
    frame["converted_people"] = frame["converted_people"].where(asked)
    people = frame["people"].where(frame["people"] > 0)
    frame["period_basis_conversion_rate"] = frame["new_customers"] / people
    period, last = frame.pop("period"), frame.pop("last")
    frame["period_grain"], frame["period_start"] = "all", None
    if cut:
        frame["period_grain"] = cut.grain
        frame["period_start"] = as_dates(cut.start(period))
        length = frame["window"].where(np.isfinite(frame["window"]), 0)
        last = cut.start(period + 1) - 1 + length
    return frame.assign(is_complete=last <= known.as_of)


def conversion(known: Facts) -> pd.DataFrame:
    """rpt_conversion."""
    people = first_events(known)
    if people.empty:
        return people
    rows = by_segment(known, people)
    # The channel is a column of its own.
    rows = rows[rows["segment_column"] != "acquisition_channel"]
    rows = ask(pd.concat([rows, rows.assign(channel="all")], ignore_index=True))
    ever = np.isinf(rows["window"])
    rows["end"] = rows["seen"] + rows["window"].mask(ever, 0)
    rows["full"] = rows["end"] <= known.as_of
    soon = np.isfinite(rows["wait"]) & (rows["wait"] <= rows["window"])
    rows["converted"] = rows["full"] & soon
    frame = stack(cells(rows, cut, known) for cut in [*cuts(known), None])
    window = frame.pop("window")
    frame["window_days"] = window.where(np.isfinite(window))
    if not known.seen["transactions"]:
        # Nobody can be seen to buy.
        frame["converted_people"] = np.nan
        frame["new_customers"] = frame["period_basis_conversion_rate"] = np.nan
    wilson(frame, "converted_people", "eligible_people", "conversion_")
    small = known.settings.small_sample_size
    return frame.assign(is_small_sample=frame["eligible_people"] < small)
