"""What the retention tables must hold, computed in pandas from the facts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from oracle import Cut, Facts, as_dates, cuts, stack
from oracle_readiness import hide, is_measurable
from oracle_rows import config
from oracle_survival import curve

HALF, TINY = 0.5, 1e-9
CELLS_HIDDEN = [
    *("retained_customers", "retained_on_or_after"),
    *("retention_rate", "retention_rate_lower", "retention_rate_upper"),
]
SHARES_HIDDEN = [
    *("customers", "rate", "rate_lower", "rate_upper"),
    *("days", "days_lower", "days_upper"),
]


def wilson(frame: pd.DataFrame, count: str, total: str, prefix: str) -> None:
    """Add a proportion and its 95% interval; null where it is not known."""
    known = (frame[total] > 0) & frame[count].notna()
    n = frame[total].astype(float).where(known)
    frame[f"{prefix}rate"] = frame[count].astype(float) / n
    k = frame[count].astype(float).where(known).fillna(0)
    low, high = proportion_confint(k, n.fillna(1), alpha=0.05, method="wilson")
    frame[f"{prefix}rate_lower"] = np.where(n.notna(), low, np.nan)
    frame[f"{prefix}rate_upper"] = np.where(n.notna(), high, np.nan)


def cohorts(cut: Cut, basis: str) -> pd.DataFrame:
    """Every cell of the cohorts of one grain, on one offset basis."""
    known, as_of = cut.facts, cut.facts.as_of
    rows = known.rows.dropna(subset="first_day")
    rows = rows[~rows["is_truncated"]]
    first = rows["first_day"].astype("int64")
    rows = rows.assign(cohort=cut.index(first))

    def offset(days: pd.Series) -> Any:
        calendar = cut.index(days) - rows["cohort"]
        number = calendar if basis == "calendar" else (days - first) // 30
        # A refund dated before the first purchase belongs to the start.
        return number.clip(lower=0)

    rows = rows.assign(k=offset(rows["day"]), order_k=offset(rows["order_day"]))
    buys = rows[rows["is_purchase"]]
    lasts = buys.groupby(["segment", "cohort", "customer"])["k"].max()
    limits = config("period_grains").set_index("period_grain")["cohort_period_limit"]
    limit = limits.fillna(as_of)[cut.grain]
    cells: list[tuple[Any, ...]] = []
    for (segment, cohort), ends in lasts.groupby(["segment", "cohort"]):
        elapsed = (as_of - cut.start(cohort)) // 30
        last = cut.index(as_of) - cohort if basis == "calendar" else elapsed
        numbers = range(int(min(last, limit)) + 1)
        later = len(ends) - np.searchsorted(np.sort(ends), numbers)
        cells += [(segment, cohort, k, len(ends), later[k]) for k in numbers]
    columns = ["segment", "cohort", "k", "cohort_size", "retained_on_or_after"]
    frame = pd.DataFrame(cells, columns=columns, dtype="int64").set_index(columns[:3])
    first_periods = frame.index.get_level_values("cohort")
    number = frame.index.get_level_values("k")
    frame = cut.label(frame)
    frame["offset_basis"], frame["period_number"] = basis, number
    frame["cohort_start"] = as_dates(cut.start(first_periods))
    calendar_end = cut.start(first_periods + number + 1)
    elapsed_end = cut.start(first_periods + 1) - 1 + 30 * (number + 1)
    ends_before = calendar_end if basis == "calendar" else elapsed_end
    frame["is_complete"] = ends_before - 1 <= as_of
    frame["eligible_customers"] = frame["cohort_size"].where(frame["is_complete"], 0)
    cell = buys.groupby(["segment", "cohort", "k"])
    frame["retained_customers"] = cell["customer"].nunique()
    frame["orders"] = cell.size()
    frame["net_revenue"] = rows.groupby(["segment", "cohort", "k"])["money"].sum()
    ordered = rows.groupby(["segment", "cohort", "order_k"])["money"].sum()
    ordered = ordered.rename_axis(frame.index.names).reindex(frame.index).fillna(0)
    frame["net_revenue_order_basis"] = ordered / 1e4
    spent = ordered.groupby(["segment", "cohort"]).cumsum() / 1e4
    frame["cumulative_revenue_per_customer"] = spent / frame["cohort_size"]
    counts = ["retained_customers", "orders", "net_revenue"]
    frame[counts] = frame[counts].astype(float).fillna(0)
    frame["net_revenue"] /= 1e4
    wilson(frame, "retained_customers", "eligible_customers", "retention_")
    hidden = [*counts, "retained_on_or_after", "net_revenue_order_basis"]
    hidden.append("cumulative_revenue_per_customer")
    frame[hidden] = frame[hidden].where(frame["is_complete"])
    return frame.assign(
        is_small_sample=frame["cohort_size"] < known.settings.small_sample_size
    )


def period_retention(cut: Cut) -> Iterator[pd.DataFrame]:
    """Count who of the buyers of the period before bought again, and who did not."""
    frame, buyers = cut.periods(), cut.buyers()
    before = [buyers.get((s, p - 1), set()) for s, p in frame.index]
    pairs = zip(frame.index, before, strict=True)
    kept = [len(old & buyers.get(key, set())) for key, old in pairs]
    frame["eligible_customers"] = [len(old) for old in before]
    lost = frame["eligible_customers"] - kept
    # The first period has none before it.
    later = frame["period_start"] > frame["period_start"].min()
    yield frame.assign(measure="period_retention", customers=kept)[later]
    yield frame.assign(measure="period_churn", customers=lost)[later]


def repeat_purchase(cut: Cut | None, known: Facts) -> Iterator[pd.DataFrame]:
    """Count who came back within each window, by period of first purchase."""
    people, label = known.people, cut or Cut(known, "all")
    people = people.assign(period=cut.index(people["day"]) if cut else 0)
    for window in [*config("observation_windows")["window_days"], None]:
        wait = people["wait"].fillna(np.inf)
        full = people["day"] + (window or 0) <= known.as_of
        back = full & (wait < np.inf if window is None else wait <= window)
        groups = people.assign(full=full, back=back).groupby(["segment", "period"])
        frame = label.label(
            groups.agg(
                eligible_customers=("full", "sum"),
                customers=("back", "sum"),
                is_complete=("full", "all"),
            )
        )
        if cut:
            periods = frame.index.get_level_values("period")
            frame["period_start"] = as_dates(cut.start(periods))
            frame["is_complete"] &= cut.start(periods + 1) - 1 <= known.as_of
        yield frame.assign(measure="repeat_purchase", window_days=window)


def cohort_averages(cells: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Average rows over the complete cells of the cohort table."""
    key = ["segment_column", "segment_value", "period_grain", "offset_basis"]
    groups = cells[cells["is_complete"]].groupby([*key, "period_number"])
    weighted = groups.agg(
        customers=("retained_customers", "sum"),
        eligible_customers=("eligible_customers", "sum"),
        simple_rate=("retention_rate", "mean"),
    ).reset_index()
    for kind in ("weighted", "simple"):
        yield weighted.assign(measure=f"cohort_average_{kind}", is_complete=True)


@lru_cache(maxsize=1)
def cohort_cells(known: Facts) -> pd.DataFrame:
    """Every cell of every cohort, whether the data carries it or not."""
    bases = ("calendar", "elapsed_30_days")
    return stack(cohorts(cut, basis) for cut in cuts(known) for basis in bases)


def cohort_retention(known: Facts) -> pd.DataFrame:
    """rpt_cohort_retention."""
    return hide(cohort_cells(known), CELLS_HIDDEN, known)


def second_purchases(known: Facts) -> pd.DataFrame:
    """Measures of the days until a second purchase, of those who wait for one too.

    A wait that no purchase has ended is censored on the last day.
    """
    rows = []
    for position, (column, value) in enumerate(known.segments):
        people = known.people[known.people["segment"] == position]
        if people.empty:
            continue
        repeated = people["wait"].notna()
        seen = people["wait"].fillna(known.as_of - people["day"])
        left = curve(seen, repeated)
        common = {
            "segment_column": column,
            "segment_value": value,
            "period_grain": "all",
            "eligible_customers": len(people),
        }
        for window in config("observation_windows")["window_days"]:
            known_until = seen.max() if left["survival"].min() > 0 else np.inf
            row = common | {"measure": "not_yet_repeated", "window_days": window}
            row["is_complete"] = bool(known_until >= window)
            if row["is_complete"]:
                now = left[left.index <= window].iloc[-1]
                row["customers"] = int((people["wait"] <= window).sum())
                row["rate"] = now["survival"]
                row["rate_lower"], row["rate_upper"] = now["lower"], now["upper"]
            rows.append(row)
        row = common | {"measure": "days_to_second_purchase"}
        row["customers"] = int(repeated.sum())
        for name, bound in (
            ("days", "survival"),
            ("days_lower", "lower"),
            ("days_upper", "upper"),
        ):
            reached = left.index[left[bound] <= HALF + TINY]
            row[name] = reached.min() if len(reached) else None
        row["is_complete"] = row["days"] is not None and is_measurable(known)
        rows.append(row)
    return pd.DataFrame(rows)


def retention(known: Facts) -> pd.DataFrame:
    """rpt_retention."""
    frames = [frame for cut in cuts(known) for frame in period_retention(cut)]
    for cut in [*cuts(known), None]:
        frames += repeat_purchase(cut, known)
    frames += cohort_averages(cohort_cells(known))
    frame = stack(frames)
    wilson(frame, "customers", "eligible_customers", "")
    simple = frame["measure"] == "cohort_average_simple"
    frame["rate"] = frame["simple_rate"].where(simple, frame["rate"])
    bounds = ["rate_lower", "rate_upper"]
    frame[bounds] = frame[bounds].mask(simple)
    unseen = frame["measure"].str.startswith("period_") & ~frame["is_complete"]
    unseen |= frame["eligible_customers"] == 0
    rates = ["customers", "rate", *bounds]
    frame[rates] = frame[rates].mask(unseen)
    frame = frame.drop(columns="simple_rate")
    frame = pd.concat([frame, second_purchases(known)], ignore_index=True)
    small = known.settings.small_sample_size
    frame["is_small_sample"] = frame["eligible_customers"] < small
    return hide(frame, SHARES_HIDDEN, known)
