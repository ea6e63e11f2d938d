"""Comparison of two tables that says where they differ."""

from __future__ import annotations

import numpy as np
import pandas as pd

SHOWN = 5
RELATIVE = 1e-9
# Money is stored to four decimals; a difference below this is rounding of a float.
ABSOLUTE = 1e-9


def as_key(values: pd.Series) -> pd.Series:
    """Values as text that is equal for equal numbers, dates and nulls."""
    if pd.api.types.is_datetime64_any_dtype(values):
        moments = values.dt.strftime("%Y-%m-%d %H:%M:%S.%f")
        texts = moments.str.removesuffix(" 00:00:00.000000")
    else:
        numbers = pd.to_numeric(values, errors="coerce")
        numeric = values.notna().any() and numbers.notna().eq(values.notna()).all()
        texts = numbers.astype(float).map(repr) if numeric else values.astype(str)
    return pd.Series(texts.where(values.notna(), ""))


def differs(
    actual: pd.Series, expected: pd.Series, relative: float, absolute: float
) -> np.ndarray:
    """Where two columns of equal length hold different values."""
    left, right = (pd.to_numeric(side, errors="coerce") for side in (actual, expected))
    numeric = left.notna().eq(actual.notna()) & right.notna().eq(expected.notna())
    if numeric.all() and not pd.api.types.is_datetime64_any_dtype(actual):
        close = np.isclose(
            left.astype(float), right.astype(float), relative, absolute, equal_nan=True
        )
        return ~close
    return (as_key(actual) != as_key(expected)).to_numpy()


def assert_tables_equal(
    actual: pd.DataFrame,
    expected: pd.DataFrame,
    key: list[str],
    name: str = "table",
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
) -> None:
    """Fail with the first differing keys and columns unless two tables hold the same.

    The order of rows and columns does not count; `key` names the columns that tell
    rows apart. Numbers may differ by `relative` of their size or by `absolute`.
    """
    extra = sorted(map(str, set(actual) ^ set(expected)))
    assert not extra, f"{name}: only one side has the columns {extra}"
    sides = []
    for side, frame in (("actual", actual), ("expected", expected)):
        texts = [as_key(frame[column]) for column in key]
        keys = [" | ".join(parts) for parts in zip(*texts, strict=True)]
        indexed = frame.set_axis(pd.Index(keys, dtype=object))
        repeated = indexed.index[indexed.index.duplicated()].unique()
        assert repeated.empty, f"{name}: {side} repeats {list(repeated[:SHOWN])}"
        sides.append(indexed.sort_index())
    left, right = sides
    missing = right.index.difference(left.index)
    added = left.index.difference(right.index)
    assert not len(missing) + len(added), (
        f"{name} by {key}: {len(missing)} rows missing, as {list(missing[:SHOWN])};"
        f" {len(added)} rows too many, as {list(added[:SHOWN])}"
    )
    faults = []
    for column in (column for column in expected if column not in key):
        off = differs(left[column], right[column], relative, absolute)
        where = np.flatnonzero(off)
        faults += [
            f"{column} of [{left.index[row]}]: {left[column].iloc[row]!r},"
            f" expected {right[column].iloc[row]!r}"
            for row in where[:SHOWN]
        ]
        if len(where) > SHOWN:
            faults.append(f"{column}: {len(where)} rows differ")
    assert not faults, f"{name} by {key}:\n" + "\n".join(faults)
