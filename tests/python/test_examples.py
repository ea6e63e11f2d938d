"""The package installed in a project of its own, on real data with known answers."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("example", ["cdnow", "complete_journey"])
def test_example_meets_its_known_answers(example: str) -> None:
    """The example builds, and each of its own dbt tests on published numbers passes."""
    outcome = subprocess.run(
        [sys.executable, "scripts/run_example.py", example],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert (PROJECT / "warehouse" / f"{example}.duckdb").exists()
