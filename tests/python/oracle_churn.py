"""After which month customers leave, computed in pandas from the facts.

Written from the definitions in docs/metrics and not from the project's SQL; survival
and its intervals are those of lifelines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from oracle import Cut, Facts, as_dates, stack
from oracle_customers import LAPSE_SHARE, gap_percentile, lapse_days
from oracle_readiness import buyers, hide, is_measurable, last_complete_month
from oracle_retention import wilson
from oracle_survival import curve

DAYS_PER_MONTH = 30
# Of two months with the same chance to be left in, floats may prefer either.
TINY = 1e-9
HIDDEN = [
    *("at_risk_customers", "churned_customers", "active_customers"),
    *("censored_customers", "undetermined_customers"),
    *("hazard", "hazard_lower", "hazard_upper"),
    *("survival", "survival_lower", "survival_upper"),
    *("churn_probability", "modal_churn_month"),
]


def windows(known: Facts) -> dict[str, int]:
    """Calendar months without a purchase after which a customer has churned."""

    def months(days: int) -> int:
        return -(-days // DAYS_PER_MONTH)

    in_force = known.settings.churn_window_months or months(lapse_days(known))
    return {
        "in_force": in_force,
        "gap_80th_percentile": months(gap_percentile(known, 0.8)),
        "gap_90th_percentile": months(gap_percentile(known, LAPSE_SHARE)),
    }


def classify(known: Facts, window: int) -> pd.DataFrame:
    """Judge every customer, once per segment, by a window of calendar months.

    Columns: segment, cohort (number of the month), left (month number of churn, if it
    was churn), judged (last month number that can be judged; 0: none), churned, time
    (month number until which the customer is under observation).
    """
    people, months = buyers(known), Cut(known, "month")
    cohort = pd.Series(months.index(people["first"]), people.index)
    left = months.index(people["last"]) - cohort + 1
    judged = (last_complete_month(known) - cohort - window + 1).clip(lower=0)
    churned = left <= judged
    time = left.where(churned, judged)
    return pd.DataFrame(
        {
            "segment": people["segment"],
            "cohort": cohort,
            "left": left,
            "judged": judged,
            "churned": churned,
            "time": time,
        }
    )


def month_numbers(people: pd.DataFrame, last: int) -> dict[str, Any]:
    """Return columns with every month number of one group of customers."""
    number = np.arange(last + 1)
    churned = people["churned"].to_numpy()
    left, time = people["left"].to_numpy(), people["time"].to_numpy()

    def count(values: np.ndarray) -> np.ndarray:
        return np.bincount(values, minlength=last + 1)

    at_risk = len(people) - np.searchsorted(np.sort(time), number)
    is_complete = number <= people["judged"].max()
    stay = curve(time, churned)
    stay = stay.iloc[stay.index.searchsorted(number, side="right") - 1]
    # Who is left when nobody is at risk any more is not known, unless nobody is.
    known = is_complete & ((at_risk > 0) | (stay["survival"] == 0))
    survival, lower, upper = stay.to_numpy().T
    survival = np.where(known, survival, np.nan)
    chance = -np.diff(survival, prepend=np.nan)
    mode = np.nan
    if churned.any():
        mode = number[chance >= np.nanmax(chance) - TINY][0]
    return {
        "period_number": number,
        "cohort_size": len(people),
        "at_risk_customers": at_risk,
        "churned_customers": count(left[churned]),
        "active_customers": at_risk - count(left[churned]),
        "censored_customers": count(time[~churned]),
        "undetermined_customers": count(left[~churned]),
        "is_complete": is_complete,
        "survival": survival,
        "survival_lower": np.where(known, lower, np.nan),
        "survival_upper": np.where(known, upper, np.nan),
        "churn_probability": chance,
        "modal_churn_month": mode,
    }


def month_tables(known: Facts) -> Iterator[pd.DataFrame]:
    """Yield the month numbers of every segment, window and cohort, and of all."""
    months = Cut(known, "month")
    this_month = int(months.index(known.as_of))
    for name, window in windows(known).items():
        judged = classify(known, window)
        for position, (column, value) in enumerate(known.segments):
            people = judged[judged["segment"] == position]
            if people.empty:
                continue
            for cohort, group in [(None, people), *people.groupby("cohort")]:
                first = int(group["cohort"].min())
                labels = {
                    "segment_column": column,
                    "segment_value": value,
                    "churn_window": name,
                    "churn_window_months": window,
                    "period_grain": "all" if cohort is None else "month",
                    "first_month": first,
                }
                yield pd.DataFrame(
                    month_numbers(group, this_month - first + 1) | labels
                )


def churn(known: Facts) -> pd.DataFrame:
    """rpt_churn_by_month_number."""
    frame = stack(month_tables(known))
    if frame.empty:
        return frame
    start = pd.Series(as_dates(Cut(known, "month").start(frame["first_month"])))
    frame["cohort_start"] = start.where(frame["period_grain"] == "month")
    judged = frame["is_complete"] & (frame["period_number"] > 0)
    frame["judged"] = frame["churned_customers"].where(judged)
    wilson(frame, "judged", "at_risk_customers", "")
    names = {"rate": "hazard", "rate_lower": "hazard_lower"}
    frame = frame.rename(columns=names | {"rate_upper": "hazard_upper"})
    few = frame["at_risk_customers"] < known.settings.small_sample_size
    frame["is_small_sample"] = few & is_measurable(known)
    return hide(frame.drop(columns=["first_month", "judged"]), HIDDEN, known)
