"""The intervals that macros compute, against a library and published numbers."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
)

from harness import TEXT, dbt, write_root_project

BOUNDS = {
    "wilson_lower": ["a", "n"],
    "wilson_upper": ["a", "n"],
    "newcombe_lower": ["a", "n", "b", "m"],
    "newcombe_upper": ["a", "n", "b", "m"],
    "nps_lower": ["a", "b", "n"],
    "nps_upper": ["a", "b", "n"],
}


@pytest.fixture(scope="module")
def statistics(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Compile a query of all bounds over a table `grid`."""
    folder: Path = tmp_path_factory.mktemp("statistics") / "project"
    write_root_project(folder, {}, TEXT)
    dbt("deps", folder=folder)
    calls = [
        f"{{{{ customer_journey.{name}({', '.join(map(repr, columns))}) }}}} as {name}"
        for name, columns in BOUNDS.items()
    ]
    query = f"select *, {', '.join(calls)} from grid"
    result = dbt("compile", "--inline", query, folder=folder)
    return str(result.results[0].node.compiled_code)


def bounds_of(query: str, rows: list[dict[str, int]]) -> pd.DataFrame:
    """Return what the macros make of rows of whole numbers."""
    with duckdb.connect() as connection:
        connection.register("grid", pd.DataFrame(rows))
        return connection.execute(query).df()


def test_wilson_and_newcombe_equal_statsmodels(statistics: str) -> None:
    sizes = [1, 2, 5, 30, 1000]
    rows = [
        {"a": a, "n": n, "b": b, "m": m}
        for n in sizes
        for m in sizes
        for a in sorted({0, 1, n // 3, n - 1, n})
        for b in sorted({0, m // 2, m})
    ]
    found = bounds_of(statistics, rows)
    low, high = proportion_confint(found["a"], found["n"], 0.05, "wilson")
    np.testing.assert_allclose(found["wilson_lower"], low, atol=1e-12)
    np.testing.assert_allclose(found["wilson_upper"], high, atol=1e-12)
    pairs = [
        confint_proportions_2indep(a, n, b, m, method="newcomb")
        for a, n, b, m in zip(
            found["a"], found["n"], found["b"], found["m"], strict=True
        )
    ]
    expected = np.array(pairs)
    np.testing.assert_allclose(found["newcombe_lower"], expected[:, 0], atol=1e-12)
    np.testing.assert_allclose(found["newcombe_upper"], expected[:, 1], atol=1e-12)


@pytest.mark.parametrize(
    ("promoters", "detractors", "n", "lower", "upper"),
    [
        (18, 2, 31, 25.51, 68.61),
        (8, 2, 15, -0.23, 66.90),
        (500, 200, 1000, 25.08, 34.74),
    ],
)
def test_net_promoter_intervals_as_published(
    statistics: str, promoters: int, detractors: int, n: int, lower: float, upper: float
) -> None:
    """The source takes 1.96 for the normal percentile: a hundredth of a point apart."""
    found = bounds_of(statistics, [{"a": promoters, "b": detractors, "n": n, "m": n}])
    assert found["nps_lower"].tolist() == pytest.approx([lower], abs=0.01)
    assert found["nps_upper"].tolist() == pytest.approx([upper], abs=0.01)


def test_net_promoter_intervals_are_those_of_a_mean(statistics: str) -> None:
    """An answer is worth 1, 0 or -1: the interval is that of the mean of such values.

    Three answers are added, of which three quarters promote, three quarters detract.
    """
    rows = [
        {"a": a, "b": b, "n": n, "m": n}
        for n in (1, 2, 3, 10, 200)
        for a in range(0, n + 1, max(1, n // 5))
        for b in range(0, n - a + 1, max(1, n // 5))
    ]
    found = bounds_of(statistics, rows)
    values = np.array([1.0, 0.0, -1.0])
    for row in found.to_dict("records"):
        counts = np.array([row["a"], row["n"] - row["a"] - row["b"], row["b"]])
        weights = counts + np.array([0.75, 1.5, 0.75])
        total = weights.sum()
        mean = (weights * values).sum() / total
        variance = (weights * (values - mean) ** 2).sum() / total
        half = 1.959963984540054 * np.sqrt(variance / total)
        expected = np.clip([100 * (mean - half), 100 * (mean + half)], -100, 100)
        actual = [row["nps_lower"], row["nps_upper"]]
        np.testing.assert_allclose(actual, expected, atol=1e-9)


def test_intervals_of_nothing_are_null(statistics: str) -> None:
    found = bounds_of(statistics, [{"a": 0, "b": 0, "n": 0, "m": 0}])
    assert found[list(BOUNDS)].isna().all(axis=None)
