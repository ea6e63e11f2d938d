"""The command doctor: it looks, and leaves everything as it is."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import doctor
from small_project import WORK_FILE, call, write

LOCK = "target/pipeline.lock"


def content(project: Path) -> dict[str, bytes]:
    """Return what lies in a project, empty for a folder."""
    return {
        str(path.relative_to(project)): path.read_bytes() if path.is_file() else b""
        for path in project.rglob("*")
    }


def findings(out: str) -> dict[str, dict[str, str]]:
    """Return what `--json` prints, by what was looked at."""
    return {one["check"]: one for one in json.loads(out)["findings"]}


def left_by_a_killed_run(project: Path) -> None:
    """Leave what stays of a lock when its process is killed."""
    (project / "target").mkdir()
    (project / LOCK).touch()
    (project / f"{LOCK}.json").write_text(json.dumps({"process": 1}))


@pytest.mark.parametrize("before", [lambda _: None, left_by_a_killed_run])
def test_nothing_is_made_or_changed(
    tmp_path: Path, before: Callable[[Path], Any]
) -> None:
    project = write(tmp_path)
    before(project)
    was = content(project)
    answer = call(project, "doctor", "--json")
    assert answer.exit_code == 0
    assert content(project) == was
    found = findings(answer.out)
    assert found["lock"]["finding"] == "No run is under way."
    assert found["database"]["status"] == "note"
    folder = (project / WORK_FILE).parent
    assert found["database"]["remedy"].endswith(f"mkdir -p {folder}")


def test_whoever_holds_the_lock_is_at_work(tmp_path: Path) -> None:
    """Schedulers take it by other programs, which write nothing of themselves."""
    project = write(tmp_path)
    (project / "target").mkdir()
    with (project / LOCK).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = findings(call(project, "doctor", "--json").out)
    assert found["lock"]["status"] == "note"
    assert found["lock"]["finding"].startswith("another run holds the lock ")
    assert found["database"]["finding"] == "Not looked at, as a run is under way."


def test_two_may_look_at_once(tmp_path: Path) -> None:
    project = write(tmp_path)
    left_by_a_killed_run(project)
    with (project / LOCK).open("rb") as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        found = findings(call(project, "doctor", "--json").out)
    assert found["lock"]["status"] == "good"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("number: 1", "the project has no variable number, did you mean numbers?"),
        ("publish_max_loss: much", "publish_max_loss is 'much': it must be a number"),
        ("published_path: target", "is a folder: name a file in the variable"),
    ],
)
def test_variables_are_looked_at_as_a_run_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, sentence: str
) -> None:
    project = write(tmp_path)
    (project / "target").mkdir()
    assert not doctor.examine(project, None, given, is_json=True)
    bad = [
        one["finding"]
        for one in findings(capsys.readouterr().out).values()
        if one["status"] == "bad"
    ]
    assert len(bad) == 1
    assert sentence in bad[0]
