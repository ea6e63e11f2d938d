"""The package installed in a project of its own, on data with known answers."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from run_example import SOURCES

PROJECT = Path(__file__).parents[2]


@cache
def built(example: str) -> Path:
    """Return the database of an example, built and tested by its own command."""
    outcome = subprocess.run(
        [sys.executable, "scripts/run_example.py", example],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    database = PROJECT / "warehouse" / f"{example}_work.duckdb"
    assert database.exists()
    return database


@pytest.mark.parametrize("example", SOURCES)
def test_example_meets_its_known_answers(example: str) -> None:
    """The example builds, and each of its own dbt tests on known answers passes."""
    built(example)
