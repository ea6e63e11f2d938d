"""Runs the small project on disks that are full, or that nobody may write to.

    unshare -Urm python limited_disks.py PROJECT FOLDER

Started in a namespace of its own, nobody else sees what it mounts in FOLDER, and it
goes away with the process. Where nothing can be mounted, a limit on the size of files
stands in for a small disk, and a folder without rights for a disk that is read only.
Prints what each run answered, as JSON by name.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]

from small_project import Answer, call, rows  # noqa: E402

# Bytes in which MANY rows do not fit, and in which dbt's own files do not.
TOO_FEW_FOR_ROWS = 3_000_000
TOO_FEW_FOR_DBT = 100_000
MANY = "200000"
LARGE = 1 << 28
# Not even an administrator makes folders here.
FORBIDDEN = Path("/sys/customer_journey")


def mount(folder: Path, *options: str) -> bool:
    """Mount a disk on a folder, or mount it anew; return whether that can be done."""
    folder.mkdir(exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@contextmanager
def full(folder: Path, spare: int, *, is_mounting: bool) -> Iterator[None]:
    """Leave as many bytes in a folder for a while, or in any file."""
    if is_mounting:
        disk = os.statvfs(folder)
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        mount(folder, "remount", f"size={used + spare}")
        yield
        mount(folder, "remount", f"size={LARGE}")
        return
    # Python does not want to be killed for it.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (spare, resource.RLIM_INFINITY))
    yield
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)


@contextmanager
def read_only(folder: Path, *, is_mounting: bool) -> Iterator[Path]:
    """Yield a folder with the same content that cannot be written to."""
    if is_mounting:
        mount(folder, "remount", "ro")
        yield folder
        mount(folder, "remount", "rw")
    elif os.geteuid() == 0:
        yield FORBIDDEN
    else:
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def readers(file: Path) -> Answer:
    """Return what readers find in a published file, and what lies beside it."""
    [(found,)] = rows(file, "select count(*) from fct_numbers")
    beside = sorted(path.name for path in file.parent.iterdir())
    return Answer(0, f"{found} {' '.join(beside)}", "")


def answers(project: Path, folder: Path) -> Iterator[tuple[str, Answer]]:
    """Yield what runs answer, by name; `again` is the same when there is room."""
    is_mounting = mount(folder, f"size={LARGE}")
    few = ("run", "--no-report")
    many = (*few, "--accept", "--vars")
    published = f"published_path: {folder}/published.duckdb"

    yield "publish before", call(project, *many, f"{{numbers: 10, {published}}}")
    yield "publish nowhere", call(project, *many, f"numbers: {MANY}", "--no-publish")
    publish = ("publish", "--accept", "--vars", f"{{numbers: {MANY}, {published}}}")
    with full(folder, TOO_FEW_FOR_ROWS, is_mounting=is_mounting):
        yield "publish", call(project, *publish)
    yield "readers", readers(folder / "published.duckdb")
    yield "publish again", call(project, *publish)
    yield "readers again", readers(folder / "published.duckdb")
    for name, spare, variable, options in (
        ("build", TOO_FEW_FOR_ROWS, "WORK_FILE", [*many, f"numbers: {MANY}"]),
        ("target", TOO_FEW_FOR_DBT, "DBT_TARGET_PATH", [*few]),
    ):
        places = {variable: str(folder / name)}
        with full(folder, spare, is_mounting=is_mounting):
            yield name, call(project, *options, environment=places)
        yield f"{name} again", call(project, *options, environment=places)

    with read_only(folder, is_mounting=is_mounting) as place:
        for name, variable in (
            ("read-only target", "DBT_TARGET_PATH"),
            ("read-only work file", "WORK_FILE"),
        ):
            places = {variable: str(place / "new")}
            yield name, call(project, *few, environment=places)
            yield f"{name}: doctor", call(project, "doctor", environment=places)
        words = (*few, "--vars", f"published_path: {place}/published.duckdb")
        yield "read-only publication", call(project, *words)


if __name__ == "__main__":
    found = answers(*(Path(word) for word in sys.argv[1:]))
    json.dump({name: asdict(answer) for name, answer in found}, sys.stdout)
