"""Look for what would keep a run from working, and say what to do about it.

Nothing is made or changed, and no run that begins meanwhile finds anything in its way.
"""

import importlib.metadata
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.table import Table as Grid

import dbt_runner
import locks
import published
import runs
import validation
import variables
from dbt_runner import Project
from errors import PipelineError
from last_build import Asked
from published import DuckdbFile
from summary import out

OLDEST_PYTHON = (3, 11)
# What the smallest real database and its publication need, in bytes.
LEAST_SPACE = 1_000_000_000
SAMPLE = "sample_{}"
EXTRAS = {"value": "scipy", "report": "altair", "metrics": "dbt-metricflow"}


@dataclass(frozen=True)
class Finding:
    """What was looked at: `status` is good, note or bad; `remedy` says what to do."""

    check: str
    status: str
    finding: str
    remedy: str = ""


def examine(
    folder: Path, target: str | None, given: str | None = None, *, is_json: bool
) -> bool:
    """Print what was found, and return whether a run can begin.

    `given` is what a run would be told by `--vars`.
    """
    findings = list(_look_at_everything(folder, target, given))
    is_good = not any(finding.status == "bad" for finding in findings)
    if is_json:
        content = {"is_good": is_good, "findings": [vars(one) for one in findings]}
        typer.echo(json.dumps(content))
        return is_good
    grid = Grid(box=None, pad_edge=False)
    for title in ("", "check", "finding"):
        grid.add_column(title)
    for one in findings:
        text = f"{one.finding} {one.remedy}".strip()
        grid.add_row(one.status, one.check, text)
    out.print(grid)
    return is_good


def _look_at_everything(
    folder: Path, target: str | None, given: str | None
) -> Iterator[Finding]:
    yield _python()
    yield from _extras()
    values: dict[str, Any] = {}
    try:
        with runs.explained(values), runs.aside(folder) as target_path:
            chosen = variables.given(folder, given, None)
            values |= variables.effective(folder, chosen)
            validation.check_variables(values)
            # dbt's log would lie in the project.
            elsewhere = ["--log-path", str(target_path)]
            options = [*Asked(target, chosen).options(), *elsewhere]
            project = dbt_runner.load(folder, options, target_path)
    except PipelineError as error:
        yield Finding("project", "bad", str(error))
        return
    named = ", ".join(_inputs(values)) or "none"
    yield Finding(
        "project",
        "good",
        f"{project.name}, {len(project.relations)} models of the package "
        f"{project.package_version} on {project.engine}; inputs: {named}.",
    )
    paths = [runs.target_folder(folder) / runs.LOCK_FILE]
    if project.database_file:
        paths.append(runs.work_lock(project.database_file))
    yield from _try("lock", lambda: _lock(paths, project))
    yield from _try("database", lambda: _database(paths, project))
    yield from _try("publication", lambda: _publication(project, values))


def _inputs(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the inputs that are on: beside tables of one's own the sample is not."""
    is_sample = values.get("transactions_input") == SAMPLE.format("transactions")
    for name in runs.INPUTS:
        model = values.get(f"{name}_input")
        if model and (is_sample or model != SAMPLE.format(name)):
            yield name


def _try(check: str, look: Callable[[], Finding]) -> Iterator[Finding]:
    try:
        with runs.explained({}):
            found = look()
    except PipelineError as error:
        found = Finding(check, "bad", str(error))
    yield found


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return Finding("Python", "bad", version, "Python 3.11 or later is needed.")
    core = importlib.metadata.version("dbt-core")
    return Finding("Python", "good", f"{version}, dbt {core}.")


def _extras() -> Iterator[Finding]:
    for extra, package in EXTRAS.items():
        try:
            version = importlib.metadata.version(package)
            yield Finding(f"extra {extra}", "good", f"{package} {version}.")
        except importlib.metadata.PackageNotFoundError:
            remedy = f"To use it: pip install '.[{extra}]'."
            yield Finding(f"extra {extra}", "note", f"{package} is missing.", remedy)


def _database(locks_of_a_run: Sequence[Path], project: Project) -> Finding:
    if project.engine == "postgres":
        with closing(dbt_runner.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select current_setting('server_version'), current_database(), "
                "has_database_privilege(current_database(), 'create')"
            )
            version, database, may_create = cursor.fetchone()
        found = f"PostgreSQL {version}, database {database}."
        if may_create:
            return Finding("database", "good", found)
        remedy = f"This user may not create schemas: grant create on {database} to it."
        return Finding("database", "bad", found, remedy)
    if project.engine == "spark":
        if shutil.which("java"):
            return Finding("database", "good", "Java is there for Spark.")
        return Finding("database", "bad", "Spark needs Java 17.", "Install it.")
    work = project.database_file
    if work is None:
        return Finding("database", "note", f"{project.engine} without a file.")
    # A run that has only begun opens the file seconds later.
    if any(map(locks.held, locks_of_a_run)):
        return Finding("database", "note", "Not looked at, as a run is under way.")
    if work.exists():
        published.open_file(work, is_read_only=True).close()
    _require_right(work, "write")
    folder = _nearest_folder(work)
    space = shutil.disk_usage(folder).free
    found = f"{work.resolve()}, {space / 1e9:,.1f} GB free."
    needed = max(LEAST_SPACE, 2 * work.stat().st_size if work.exists() else 0)
    if space < needed:
        remedy = f"A run may need {needed / 1e9:,.1f} GB: make room."
        return Finding("database", "note", found, remedy)
    if folder != work.parent:
        remedy = f"A run makes its folder, dbt alone does not: mkdir -p {work.parent}"
        return Finding("database", "note", found, remedy)
    return Finding("database", "good", found)


def _publication(project: Project, values: dict[str, object]) -> Finding:
    place = runs.find_place(project, values)
    if place is None:
        return Finding("publication", "note", f"None on {project.engine}.")
    last = published.last_publication(place)
    if isinstance(place, DuckdbFile):
        _require_right(place.path, "write")
    if last is None:
        return Finding("publication", "note", f"Nothing yet in {place}.")
    found = f"{place}, as of {last.as_of_date}, run {last.run_id}."
    return Finding("publication", "good", found)


def _lock(paths: Sequence[Path], project: Project) -> Finding:
    """Find who is at work; that is nothing to be mended."""
    for path in paths:
        if held := locks.held(path):
            return Finding("lock", "note", held)
        _require_right(path, "lock")
    place = "" if project.database_file else " in this folder"
    return Finding("lock", "good", f"No run is under way{place}.")


def _require_right(path: Path, action: str) -> None:
    """Raise a PipelineError if a run could not make a file, or change one."""
    with runs.explained({}, f"{action} {path}"):
        if path.exists():
            path.open("rb+").close()
        else:
            # A file without a name, which nobody sees.
            tempfile.TemporaryFile(dir=_nearest_folder(path)).close()


def _nearest_folder(path: Path) -> Path:
    """Return the folder that a path lies in, or will be made in."""
    return next(folder for folder in path.parents if folder.exists())
