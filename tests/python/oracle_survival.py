"""Kaplan-Meier curves with their intervals, by lifelines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import pandas as pd
from lifelines import KaplanMeierFitter

BOUNDS = ["lower", "upper"]


def curve(times: Iterable[int], ended: Iterable[bool]) -> pd.DataFrame:
    """Share left, and its bounds, after each time at which somebody ended or was lost.

    `ended` says of each time whether it is an end or the last that was seen.
    """
    people = Counter(zip(map(int, times), map(bool, ended), strict=True))
    return fit(tuple(sorted(people.items())))


# Small groups are often alike, and a fit takes milliseconds.
@lru_cache(maxsize=100_000)
def fit(people: tuple[tuple[tuple[int, bool], int], ...]) -> pd.DataFrame:
    """`curve` of how many people have each time, and whether it ended."""
    times, ended = zip(*(key for key, _ in people), strict=True)
    weights = [count for _, count in people]
    fitter = KaplanMeierFitter(alpha=0.05).fit(times, ended, weights=weights)
    found = fitter.survival_function_, fitter.confidence_interval_
    frame = pd.DataFrame(
        np.hstack(found), index=found[0].index, columns=["survival", *BOUNDS]
    )
    # Nobody ended: certain as far as it goes. For nobody left the formula has no
    # interval; lifelines writes 0 to 0, which would claim to be sure.
    frame.loc[frame["survival"] == 1, BOUNDS] = 1.0
    frame.loc[frame["survival"] == 0, BOUNDS] = np.nan
    return frame
