"""How pytest-xdist shares the tests among its workers: `pytest --numprocesses 2`.

A worker is given whole files, so that what a file builds or compiles for several of its
tests is made once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# They build the examples, and a DuckDB file takes one writer.
EXAMPLES = {"test_examples", "test_funnel_by_pandas"}
# What takes minutes begins first, so that no worker is left with it at the end.
LONG = [
    *("test_parity", "test_oracle", "test_planted_truths", *sorted(EXAMPLES)),
    *("test_run_safety", "test_exit_codes", "test_schedules", "test_semantic_layer"),
    "test_validation",
]


def share_of(nodeid: str) -> str:
    """Return the name of the tests that one worker runs together with this one."""
    file, *_ = nodeid.split("::")
    return "examples" if Path(file).stem in EXAMPLES else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let workers take a share at a time, in order, whatever `--dist` says."""
    config.option.loadscopereorder = False
    scheduler = LoadFileScheduling(config, log)
    scheduler._split_scope = share_of
    return scheduler


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of long files first, otherwise keep the order."""
    items.sort(key=lambda item: [item.path.stem != name for name in LONG])
