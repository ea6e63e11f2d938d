"""The tables written by hand equal the build's, and a difference would show."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import benchmark
from benchmark import fingerprint

TYPES = {"name": "VARCHAR", "amount": "DECIMAL(18,4)", "rate": "DOUBLE"}


def rows(*values: str) -> str:
    """Return a relation with the columns of TYPES, as SQL."""
    return f"(values {', '.join(values)}) as rows ({', '.join(TYPES)})"


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def test_order_and_number_type_do_not_count(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    left = rows("('a', 1.5, 0.25)", "('b', 2, 0.5)")
    right = rows("('b', 2.0000, 0.5)", "('a', 1.5000, 0.25)")
    assert fingerprint(connection, left, TYPES) == fingerprint(connection, right, TYPES)


@pytest.mark.parametrize(
    "others",
    [
        ("('a', 1.5, 0.25)",),
        ("('a', 1.5, 0.25)", "('b', 2, 0.5)", "('b', 2, 0.5)"),
        ("('a', 2, 0.25)", "('b', 1.5, 0.5)"),
        ("('a', 1.5, 0.5)", "('b', 2, 0.25)"),
        ("('a', 1.5, 0.25)", "('b', 2, null)"),
    ],
    ids=["row lost", "row twice", "amounts swapped", "rates swapped", "null"],
)
def test_difference_shows(
    connection: duckdb.DuckDBPyConnection, others: tuple[str, ...]
) -> None:
    left = rows("('a', 1.5, 0.25)", "('b', 2, 0.5)")
    right = rows(*others)
    assert fingerprint(connection, left, TYPES) != fingerprint(connection, right, TYPES)


def test_tables_by_hand_equal_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "WORK", tmp_path)
    outcome = benchmark.run_scale(20_000)
    assert outcome.transactions == pytest.approx(20_000, rel=0.1)
    assert "dbt build" in benchmark.render([outcome])
