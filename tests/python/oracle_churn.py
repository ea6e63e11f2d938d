"""After which month customers leave, computed in pandas from the facts.

Written from the definitions in docs/metrics and not from the project's SQL; survival
and its intervals are those of lifelines.
"""

from __future__ import annotations

from collections.abc import Iterator

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


def month_numbers(people: pd.DataFrame, last: int) -> pd.DataFrame:
    """Every month number of one group of customers."""
    number = np.arange(last + 1)

    def count(values: pd.Series) -> np.ndarray:
        return np.bincount(values.to_numpy(dtype="int64"), minlength=last + 1)

    churned = people["churned"]
    at_risk = len(people) - np.searchsorted(np.sort(people["time"]), number)
    frame = pd.DataFrame(
        {
            "period_number": number,
            "cohort_size": len(people),
            "at_risk_customers": at_risk,
            "churned_customers": count(people.loc[churned, "left"]),
            "censored_customers": count(people.loc[~churned, "time"]),
            "undetermined_customers": count(people.loc[~churned, "left"]),
            "is_complete": number <= people["judged"].max(),
        }
    )
    left = curve(people["time"], churned).reindex(number, method="ffill")
    # Who is left when nobody is at risk any more is not known, unless nobody is.
    known = frame["is_complete"] & ((at_risk > 0) | (left["survival"] == 0))
    left = left.where(known)
    frame["survival"] = left["survival"]
    frame["survival_lower"], frame["survival_upper"] = left["lower"], left["upper"]
    chance = -left["survival"].diff()
    frame["churn_probability"] = chance
    if churned.any():
        most = chance >= chance.max() - TINY
        frame["modal_churn_month"] = int(number[most][0])
    return frame


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
                frame = month_numbers(group, this_month - first + 1)
                frame["segment_column"], frame["segment_value"] = column, value
                frame["churn_window"], frame["churn_window_months"] = name, window
                frame["period_grain"] = "all" if cohort is None else "month"
                start = pd.Series(as_dates(months.start([first] * len(frame))))
                frame["cohort_start"] = start.where(frame["period_grain"] == "month")
                yield frame


def churn(known: Facts) -> pd.DataFrame:
    """rpt_churn_by_month_number."""
    frame = stack(month_tables(known))
    if frame.empty:
        return frame
    at_risk = frame["at_risk_customers"]
    frame["active_customers"] = at_risk - frame["churned_customers"]
    judged = frame["is_complete"] & (frame["period_number"] > 0)
    frame["judged"] = frame["churned_customers"].where(judged)
    wilson(frame, "judged", "at_risk_customers", "")
    names = {"rate": "hazard", "rate_lower": "hazard_lower"}
    frame = frame.rename(columns=names | {"rate_upper": "hazard_upper"})
    few = at_risk < known.settings.small_sample_size
    frame["is_small_sample"] = few & is_measurable(known)
    return hide(frame.drop(columns="judged"), HIDDEN, known)
