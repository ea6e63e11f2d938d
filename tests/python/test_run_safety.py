"""What a run leaves behind that is killed, stopped, or meets another: no harm."""

from __future__ import annotations

import getpass
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb
import pytest

from small_project import (
    PIPELINE,
    PROJECT,
    PUBLISHED_FILE,
    WORK_FILE,
    Answer,
    call,
    copy,
    rows,
    write,
)

# Long enough for the busiest machine; nothing waits so long that works.
PATIENCE = 240
COUNTS = "select figure, value from run_figures where starts_with(figure, 'rows.')"


@dataclass
class Started:
    """A run in a process of its own, and the lines that it has printed."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def has_printed(self, beginning: str) -> bool:
        """Return whether a line begins with these words."""
        return any(line.startswith(beginning) for line in self.lines)

    def holds(self, lock: Path) -> bool:
        """Return whether it has taken a lock."""
        try:
            holder = json.loads(lock.with_name(f"{lock.name}.json").read_text())
        except (OSError, ValueError):
            return False
        return bool(holder["process"] == self.process.pid)

    def wait_until(self, is_reached: Callable[[], bool]) -> None:
        """Wait for something that happens while it runs."""
        deadline = time.monotonic() + PATIENCE
        has_ended = False
        while not is_reached():
            assert not has_ended, self.end()
            assert time.monotonic() < deadline, self.lines[-3:]
            time.sleep(0.005)
            has_ended = self.process.poll() is not None

    def end(self) -> Answer:
        """Wait for its end and return what it answered."""
        exit_code = self.process.wait(timeout=PATIENCE)
        self._reader.join()
        assert self.process.stderr is not None
        err = self.process.stderr.read()
        assert "Traceback" not in err
        return Answer(exit_code, "\n".join(self.lines), err)


def start(
    project: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Started:
    """Start a run without a report."""
    words = [sys.executable, str(PIPELINE), "run", "--no-report", *options]
    return Started(
        subprocess.Popen(
            [*words, "--project-dir", str(project)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | dict(environment or {}),
        )
    )


# A run of the sample that is killed: the published file is the old or the new one.


@dataclass(frozen=True)
class Place:
    """Where the sample is built and published."""

    folder: Path

    @property
    def published(self) -> Path:
        """The file that readers open."""
        return self.folder / "customer_journey.duckdb"

    @property
    def part(self) -> Path:
        """What it is written as, before it takes its name."""
        return self.folder / ".customer_journey.duckdb.part"

    @property
    def target(self) -> Path:
        """The folder of dbt's files."""
        return self.folder / "target"

    @property
    def environment(self) -> dict[str, str]:
        """What makes the project build here."""
        return {
            "CUSTOMER_JOURNEY_DUCKDB_PATH": str(self.folder / "work.duckdb"),
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.folder / "logs"),
        }

    def start(self, *options: str) -> Started:
        """Start a run of the sample."""
        options = ("--no-unit-tests", *options)
        return start(PROJECT, *options, environment=self.environment)


@dataclass(frozen=True)
class Before:
    """What lay there when a run was started, to see what it has changed."""

    place: Place
    inode: int
    bytes: int
    compiled: float
    part: float

    @property
    def is_replaced(self) -> bool:
        """Whether another file has been published."""
        return self.place.published.stat().st_ino != self.inode

    @property
    def is_validating(self) -> bool:
        """Whether the checks have been compiled anew."""
        return newest(self.place.target) > self.compiled

    def is_written(self, share: float) -> bool:
        """Whether so much of a new file is there, in parts of the old one."""
        try:
            found = self.place.part.stat()
        except FileNotFoundError:
            return False
        return found.st_mtime > self.part and found.st_size >= share * self.bytes


def newest(target: Path) -> float:
    """Return when a check was last compiled."""
    files = target.glob("compiled/*/analyses/validation/*.sql")
    return max((file.stat().st_mtime for file in files), default=0.0)


def look(place: Place) -> Before:
    """Return what lies there now."""
    found = place.published.stat()
    part = place.part.stat().st_mtime if place.part.exists() else 0.0
    return Before(place, found.st_ino, found.st_size, newest(place.target), part)


Reached = Callable[[Started, Before], bool]


def nodes(number: int) -> Reached:
    """Return what is true when so many nodes have been built."""
    return lambda run, _: run.has_printed(f"[{number:>3}/")


def part_of(share: float) -> Reached:
    """Return what is true when so much has been written of what will be published."""
    return lambda _, before: before.is_written(share)


def lock(name: str) -> Reached:
    """Return what is true when a lock has been taken."""
    return lambda run, before: run.holds(before.place.folder / name)


# Where runs are killed. A part of the tables is built where the build is not what
# matters; all of them are validated and published even so.
PART = ("--select", "dim_channels", "--publish")
PARQUET = (*PART, "--parquet")
POINTS: dict[str, tuple[tuple[str, ...], Reached]] = {
    "while dbt is imported": ((), lambda run, _: run.seconds > 1),
    "as it locks the folder": ((), lock("target/pipeline.lock")),
    "as it locks the work file": ((), lock("work.duckdb.lock")),
    "after the first node": ((), nodes(1)),
    "after 25 nodes": ((), nodes(25)),
    "after 50 nodes": ((), nodes(50)),
    "after 100 nodes": ((), nodes(100)),
    "after 150 nodes": ((), nodes(150)),
    "after 180 nodes": ((), nodes(180)),
    "as everything is published": ((), lambda _, before: before.is_replaced),
    "after a part": (PART, lambda run, _: run.has_printed("Good: ")),
    "as checks are compiled": (PART, lambda _, before: before.is_validating),
    "as a new file appears": (PART, part_of(0)),
    "with a tenth of the file": (PART, part_of(0.1)),
    "with half of the file": (PART, part_of(0.5)),
    "with nearly all of the file": (PART, part_of(0.9)),
    "as the file is replaced": (PART, lambda _, before: before.is_replaced),
    "as the summary is written": (
        PART,
        lambda _, before: (before.place.target / "run_summary.json").exists(),
    ),
    "as Parquet files are written": (
        PARQUET,
        lambda _, before: any(
            before.place.folder.glob("customer_journey_parquet/.part/*")
        ),
    ),
    "as Parquet files are published": (
        PARQUET,
        lambda _, before: (
            before.place.folder / "customer_journey_parquet" / "current"
        ).exists(),
    ),
}


def check_whole(file: Path) -> str:
    """Read all of a published file and return the id of its run."""
    with duckdb.connect(str(file), read_only=True) as database:
        [(run_id, names)] = database.execute(
            "select run_id, published_tables from run_info"
        ).fetchall()
        expected = dict(database.execute(COUNTS).fetchall())
        assert {f"rows.{name}" for name in names.split(", ")} == expected.keys()
        for figure, count in expected.items():
            name = figure.removeprefix("rows.")
            [(found, content)] = database.execute(
                f"select count(*), bit_xor(hash({name})) from {name}"
            ).fetchall()
            assert found == count, name
            assert (content is None) == (count == 0)
    return str(run_id)


# Readers: each in a process of its own, as DuckDB shares a file within a process.


def find_version(database: duckdb.DuckDBPyConnection) -> str:
    """Return the id of the run, if all tables have as many rows as it has counted."""
    [(run_id,)] = database.execute("select run_id from run_info").fetchall()
    expected = dict(database.execute(COUNTS).fetchall())
    tables = [name.removeprefix("rows.") for name in expected]
    found = database.execute(
        " union all ".join(
            f"select 'rows.{name}' as figure, count(*) as row_count from {name}"
            for name in tables
        )
    ).fetchall()
    if dict(found) != expected:
        raise AssertionError(f"{run_id} is not whole: {found}, not {expected}")
    return str(run_id)


def stamp(file: Path) -> int:
    """Return what changes as a file is written; nothing while there is none."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def read_for_ever(
    place: Place, is_holding: bool, stop: Event, seen: Queue[tuple[int, str]]
) -> None:
    """Query the published file until told to stop; say what was seen how often.

    As fast as it can while a new file is written, four times a second otherwise.
    `is_holding` is whether over one connection, which sees one version for ever.
    """
    reads, versions = 0, ""
    try:
        held = duckdb.connect(str(place.published), read_only=True)
        written = 0
        while not stop.is_set():
            if is_holding:
                version = find_version(held)
            else:
                held.close()
                held = duckdb.connect(str(place.published), read_only=True)
                version = find_version(held)
            reads += 1
            if not versions.endswith(version):
                versions = f"{versions} {version}"
            deadline = time.monotonic() + 0.25
            while time.monotonic() < deadline and stamp(place.part) in (0, written):
                time.sleep(0.005)
            written = stamp(place.part)
        held.close()
    except Exception as error:
        versions = f"{versions} {error!r}"
    seen.put((reads, versions))


@contextmanager
def readers(place: Place) -> Iterator[list[tuple[int, str]]]:
    """Let a reader come again and again and another one stay; yield what they saw."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    started = []
    for is_holding in (False, True):
        seen: Queue[tuple[int, str]] = context.Queue()
        process = context.Process(
            target=read_for_ever, args=(place, is_holding, stop, seen), daemon=True
        )
        process.start()
        started.append((process, seen))
    found: list[tuple[int, str]] = []
    try:
        yield found
    finally:
        stop.set()
        for process, seen in started:
            found.append(seen.get(timeout=PATIENCE))
            process.join()


def test_a_killed_run_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """Each next run is the proof that the one before did no harm."""
    place = Place(tmp_path)
    first = place.start().end()
    assert first.exit_code == 0, first
    versions = [check_whole(place.published)]
    killed = 0
    with readers(place) as seen:
        for name, (options, is_reached) in POINTS.items():
            before = look(place)
            run = place.start(*options)
            run.wait_until(partial(is_reached, run, before))
            run.process.kill()
            exit_code = run.end().exit_code
            # On a busy machine the last moments may have passed before it is killed.
            assert exit_code == -signal.SIGKILL or (
                exit_code == 0 and before.is_replaced
            ), name
            killed += exit_code < 0
            version = check_whole(place.published)
            assert before.is_replaced == (version != versions[-1]), name
            if before.is_replaced:
                assert version not in versions
                versions.append(version)
            # Of a run that was killed nobody reads that it was good.
            assert not (place.target / "run_summary.json").exists() or (
                json.loads((place.target / "run_summary.json").read_text())["run_id"]
                == version
            ), name
        last = place.start().end()
    assert last.exit_code == 0, last
    assert last.err == ""
    versions.append(check_whole(place.published))
    coming, staying = seen
    assert staying[1].split() == versions[:1]
    assert coming[1].split() == versions
    assert len(versions) >= 6
    assert killed >= 17
    assert min(coming[0], staying[0]) > 100
    assert not place.part.exists()
    parquet = tmp_path / "customer_journey_parquet"
    assert (parquet / "current").resolve().name in versions


# Runs that meet: the small project is enough.


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small project whose first run was good."""
    project = write(tmp_path_factory.mktemp("small") / "project")
    answer = call(project, "run", "--no-report")
    assert answer.exit_code == 0, answer
    return project


@pytest.fixture
def project(published: Path, tmp_path: Path) -> Path:
    """Return a copy of that project for one test."""
    return copy(published, tmp_path / "project")


def locked(lock: Path, process: subprocess.Popen[str]) -> str:
    """Return how the sentence about a lock begins that a process holds."""
    return (
        f"Error: another run holds the lock {lock}: process {process.pid} of "
        f"{getpass.getuser()} on {socket.gethostname()}, since 20"
    )


def test_of_two_runs_that_start_together_one_works(project: Path) -> None:
    options = ("--accept", "--vars", "numbers: 3000000")
    both = [start(project, *options) for _ in range(2)]
    answers = [run.end() for run in both]
    loser = max(range(2), key=lambda number: answers[number].exit_code)
    winner = both[1 - loser].process
    assert [answers[1 - loser].exit_code, answers[loser].exit_code] == [0, 4]
    [error] = answers[loser].err.splitlines()
    assert error.startswith(locked(project / "target" / "pipeline.lock", winner))
    assert error.endswith("+00:00. Wait for it to end.")


@contextmanager
def stopped(run: Started) -> Iterator[None]:
    """Let a run stand still for a while."""
    run.process.send_signal(signal.SIGSTOP)
    yield
    run.process.send_signal(signal.SIGCONT)


def test_who_comes_while_a_run_works(project: Path, tmp_path: Path) -> None:
    """Others leave with 4, readers read, and the run goes on as if nobody had come."""
    checkout = copy(project, tmp_path / "checkout")
    shared = tmp_path / "shared.duckdb"
    publication = ("--vars", f"published_path: {shared}")
    run = start(project, *publication, "--no-unit-tests")
    folder_lock = project / "target" / "pipeline.lock"
    place_lock = tmp_path / ".shared.duckdb.lock"
    run.wait_until(lambda: run.holds(place_lock))
    with stopped(run):
        for command in ("run", "fit", "validate", "publish"):
            answer = call(project, command, "--json")
            assert answer.exit_code == answer.summary["exit_code"] == 4
            assert answer.err.startswith(locked(folder_lock, run.process))
        # A checkout of its own, or a folder, is no way around the database.
        work = str(project / WORK_FILE)
        for folder, environment in (
            (checkout, {"WORK_FILE": work}),
            (project, {"DBT_TARGET_PATH": str(tmp_path / "target")}),
        ):
            answer = call(folder, "run", environment=environment)
            assert answer.exit_code == 4
            lock_file = project / f"{WORK_FILE}.lock"
            assert answer.err.startswith(locked(lock_file, run.process))
        # Nor is a database of its own one to the same published file.
        answer = call(checkout, "run", *publication)
        assert answer.exit_code == 4
        assert answer.err.startswith(locked(place_lock, run.process))

        # That somebody works is nothing to be mended.
        examined = call(project, "doctor", "--json")
        assert examined.exit_code == 0
        notes = {
            one["check"]: one["finding"]
            for one in examined.events[0]["findings"]
            if one["status"] == "note"
        }
        assert f"process {run.process.pid} of " in notes["lock"]
        assert notes["database"] == "Not looked at, as a run is under way."
        # It lacks the tables that a report shows, which it says of the right file.
        drawn = call(project, "report")
        assert f"cannot read {project / PUBLISHED_FILE}: " in drawn.err
    answer = run.end()
    assert (answer.exit_code, answer.err) == (0, "")
    assert rows(shared, "select count(*) from fct_numbers") == [(100,)]


def test_no_lock_outlives_its_run(project: Path) -> None:
    run = start(project, "--no-unit-tests", environment={"FAIL": "slow"})
    run.wait_until(lambda: run.has_printed("[  2/3]"))
    assert call(project, "run").exit_code == 4
    run.process.kill()
    run.end()
    again = call(project, "run", "--retry", "--no-report")
    assert again.exit_code == 2
    assert "it did not come to its end: run without --retry." in again.err
    answer = call(project, "run", "--no-report")
    assert (answer.exit_code, answer.err) == (0, "")


@pytest.mark.parametrize(
    ("number", "exit_code", "name"),
    [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")],
)
def test_a_run_that_is_stopped_ends_at_once(
    project: Path, number: signal.Signals, exit_code: int, name: str
) -> None:
    before = (project / PUBLISHED_FILE).stat()
    run = start(project, "--json", "--no-unit-tests", environment={"FAIL": "slow"})
    run.wait_until(lambda: len(run.lines) == 2)
    # The query that works now would take hours.
    time.sleep(0.5)
    run.process.send_signal(number)
    answer = run.end()
    assert answer.exit_code == answer.summary["exit_code"] == exit_code
    sentence = "what readers have is whole, and the next run begins anew."
    assert answer.err == f"Error: stopped by {name}: {sentence}\n"
    written = json.loads((project / "target" / "run_summary.json").read_text())
    assert written["exit_code"] == exit_code
    after = (project / PUBLISHED_FILE).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert call(project, "run", "--no-report").exit_code == 0


# Clients of DuckDB that have a file open.

CLIENT = """
import sys, duckdb
database = duckdb.connect(sys.argv[1])
print("open", flush=True)
for sql in sys.stdin:
    print(database.execute(sql).fetchall(), flush=True)
"""


@dataclass(frozen=True)
class Client:
    """A process that has a file open for writing."""

    process: subprocess.Popen[str]

    def ask(self, sql: str) -> str:
        """Run a statement and return what it gives."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{sql}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def client(file: Path) -> Iterator[Client]:
    """Open a file as the command line of DuckDB does unless told otherwise."""
    words = [sys.executable, "-c", CLIENT, str(file)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        try:
            yield Client(process)
        finally:
            process.kill()


def test_a_work_file_that_somebody_has_open_is_named(project: Path) -> None:
    with client(project / WORK_FILE) as opened:
        who = f"process {opened.process.pid} ("
        has_open = f") has {project / WORK_FILE} open: close it there."
        for command in ("run", "publish"):
            answer = call(project, command)
            assert answer.exit_code == 4
            assert answer.err.startswith(f"Error: {who}")
            assert has_open in answer.err
        examined = call(project, "doctor", "--json")
        assert examined.exit_code == 2
        [bad] = [o for o in examined.events[0]["findings"] if o["status"] == "bad"]
        assert bad["check"] == "database"
        assert bad["finding"].startswith(who)
    assert call(project, "run", "--no-report").exit_code == 0


def test_who_writes_into_the_published_file_is_in_nobodys_way(project: Path) -> None:
    """Neither of the run nor of those who open the new file."""
    file = project / PUBLISHED_FILE
    with client(file) as opened:
        opened.ask("insert into rpt_sums values (7)")
        beside = file.with_name(f"{file.name}.wal")
        assert beside.exists()
        answer = call(project, "run", "--no-report")
        assert (answer.exit_code, answer.err) == (0, "")
        # They go on with the old file, and leave nothing that would belong to none.
        assert opened.ask("select count(*) from rpt_sums") == "[(2,)]"
        assert not beside.exists()
        assert rows(file, "select count(*) from rpt_sums") == [(1,)]
    assert rows(file, "select count(*) from rpt_sums") == [(1,)]


def test_files_that_a_killed_run_has_cut_off_are_no_obstacle(project: Path) -> None:
    target = project / "target"
    for name in (
        *("partial_parse.msgpack", "manifest.json", "run_results.json"),
        *("run_summary.json", "junit.xml", "last_build/asked.json"),
        "last_build/run_results.json",
    ):
        content = (target / name).read_bytes()
        (target / name).write_bytes(content[: len(content) // 2])
    (project / f"{WORK_FILE}.lock.json").write_text("{")
    (project / "warehouse" / ".customer_journey.duckdb.part").write_text("half")
    (project / "warehouse" / ".customer_journey.duckdb.part.wal").write_text("half")
    retried = call(project, "run", "--retry", "--no-report")
    assert retried.exit_code == 2
    assert "run without --retry." in retried.err
    answer = call(project, "run", "--no-report")
    assert (answer.exit_code, answer.err) == (0, "")
    beside = {file.name for file in (project / "warehouse").iterdir()}
    assert beside == {
        *("customer_journey.duckdb", ".customer_journey.duckdb.lock"),
        *("work.duckdb", "work.duckdb.lock"),
    }
