"""The only module that imports dbt: reads a project, runs it, reads its results.

dbt takes seconds to import, so import this module where a build starts and not before.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from dbt.adapters.contracts.connection import Connection, ConnectionState
from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.factory import FACTORY
from dbt.cli.main import dbtRunner
from dbt_common.events.base_types import EventMsg
from dbt_common.exceptions import DbtDatabaseError, DbtRuntimeError

BATCH_SIZE = 50_000
PACKAGE = "customer_journey"
PROFILES = "profiles.yml"
PUBLIC_PREFIXES = ("dim_", "fct_", "rpt_")
IN_MEMORY = ":memory:"
FAILED_STATUSES = frozenset({"error", "fail", "runtime error", "partial success"})

_DECORATION = re.compile(r"^(?:[A-Z]\w+ )+Error(?: in .*)?$")
_TRACE = re.compile(r"^(?:> (?:in|called by) |compiled code at |LINE \d+:|-{5})")
_ERROR_CLASS = re.compile(r"^(?:[A-Z]\w+ )+(?:Error|Exception): ")
# What PostgreSQL and Spark put around a message that a model stops with.
_STOP_WRAPPER = re.compile(
    r'^(?:invalid input syntax for type boolean: "|\[USER_RAISED_EXCEPTION\] )'
    r'|(?:"| SQLSTATE: P0001)$'
)
_PLACE = re.compile(r"^(?:[A-Z]\w+ )+Error in (.+)")
_LINE = re.compile(r"Syntax error near line \d+")
# What a server answers as long as nobody corrects what it is asked with.
_LASTING = re.compile(
    r'(?:database|role) ".*" does not exist|authentication failed|no pg_hba\.conf entry'
)
# What to do about what stops dbt, by its own words; all else is to be corrected.
_REMEDIES = {
    "Could not find profile": (
        "Add it to profiles.yml, or name another one in dbt_project.yml (profile)."
    ),
    "does not have a target named": "Choose one of them with --target.",
    "Could not find previous run": "Run without --retry.",
    "Could not find selector": "Choose one that selectors.yml has.",
    "Could not find adapter type": (
        "Install the extra of the engine: pip install '.[postgres]' or '.[spark]'."
    ),
    "Env var required": "Set this variable of the environment.",
    "connection to server": (
        "Start the server, or correct the target in profiles.yml; scripts/pipeline.py "
        "doctor tries it."
    ),
    'Run "dbt deps"': "",
}


class DbtError(Exception):
    """dbt stopped before it ran a node; the message is one sentence."""


class DbtConfigurationError(DbtError):
    """The project, the profile or an option is wrong."""


class DbtConnectionError(DbtError):
    """The database could not be reached or opened."""


@dataclass(frozen=True)
class Node:
    """One seed, model or test of a run; `seconds` is its own wall time.

    `relation` is schema.table, empty for what leaves no table.
    """

    name: str
    kind: str
    status: str
    seconds: float
    message: str = ""
    description: str = ""
    relation: str = ""
    compiled_sql: str = ""
    unique_id: str = ""

    @property
    def is_failed(self) -> bool:
        """Whether this node itself failed, not one that it waits for."""
        return self.status in FAILED_STATUSES

    @property
    def is_misconfigured(self) -> bool:
        """Whether a macro refused what it was given, before any SQL ran."""
        return self.is_failed and self.message.startswith("Compilation Error")


@dataclass(frozen=True)
class Table:
    """A public table: its name, the relation it is built as, and what it says.

    `columns` has the description of each column by name.
    """

    name: str
    schema: str
    relation: str
    description: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Project:
    """A dbt project and the database that its target builds in.

    `database_file` and `settings` are DuckDB's, `schema` is the target's; `relations`
    has the relation of every model of the package by name.
    """

    name: str
    folder: Path
    package_version: str
    dbt_version: str
    engine: str
    database_file: Path | None
    settings: Mapping[str, Any]
    schema: str
    target_path: Path
    tables: tuple[Table, ...]
    relations: Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """A node that starts or has just ended; `done` of `total` nodes have ended."""

    name: str
    kind: str
    status: str
    seconds: float
    done: int
    total: int

    @property
    def is_start(self) -> bool:
        """Whether the node has only started."""
        return self.status == "started"


def essential_sentence(message: str) -> str:
    """Strip dbt's and the database's decoration from an error message."""
    lines = [line.strip() for line in message.strip().splitlines()]
    while lines and (not lines[0] or _DECORATION.match(lines[0])):
        lines.pop(0)
    sentence: list[str] = []
    for line in lines:
        if not line or _TRACE.match(line):
            break
        sentence.append(line)
    stripped = _ERROR_CLASS.sub("", " ".join(sentence))
    if _STOP_WRAPPER.match(stripped):
        stripped = _STOP_WRAPPER.sub("", stripped)
    return stripped or message.strip()


def _stopping_sentence(message: str) -> str:
    """Say what has stopped dbt before it ran a node, where, and what to do."""
    sentence = essential_sentence(message)
    if place := _PLACE.match(message):
        sentence = f"{place[1]}: {sentence}"
    line = _LINE.search(message)
    if line and line[0] not in sentence:
        sentence = f"{sentence.rstrip('.')}: {line[0]}"
    remedies = (text for words, text in _REMEDIES.items() if words in sentence)
    remedy = next(remedies, "Correct it and run again.")
    end = "" if sentence.endswith((".", "?", "!")) else "."
    return f"{sentence}{end} {remedy}".strip()


def load(
    project: Path, options: Sequence[str], target_path: Path | None = None
) -> Project:
    """Read a project and its profile, without a look at the database.

    What runs in this process with the same `--target` and `--vars` need not read it
    again. Another `target_path` keeps this out of the way of a run. Raises `DbtError`
    with dbt's own words.
    """
    _parsed.clear()
    elsewhere = ["--target-path", str(target_path)] if target_path else []
    command = ["parse", "--no-write-json", *elsewhere]
    manifest = _invoke(command, project, options).result
    _parsed[_key(project, options)] = manifest
    config = _adapter().config
    credentials = config.credentials
    path = getattr(credentials, "path", None)
    package = config.load_dependencies().get(PACKAGE)
    models = [
        node
        for node in manifest.nodes.values()
        if node.resource_type == "model" and node.package_name == PACKAGE
    ]
    tables = [
        Table(
            node.name,
            node.schema,
            node.relation_name,
            _text(node),
            {name: _text(column) for name, column in node.columns.items()},
        )
        for node in sorted(models, key=lambda node: node.name)
        if node.name.startswith(PUBLIC_PREFIXES)
    ]
    return Project(
        name=config.project_name,
        folder=project,
        package_version=str((package or config).version),
        dbt_version=manifest.metadata.dbt_version,
        engine=_adapter().type(),
        database_file=project / path if path and path != IN_MEMORY else None,
        settings=getattr(credentials, "settings", None) or {},
        schema=credentials.schema,
        target_path=Path(config.project_target_path),
        tables=tuple(tables),
        relations={node.name: node.relation_name for node in models},
    )


def run(
    command: str,
    project: Path,
    options: Sequence[str],
    on_step: Callable[[Step], None],
) -> tuple[Node, ...]:
    """Run a dbt command on `project` and return every node, in the order they ended.

    `options` go to dbt unread; `on_step` is called as a node starts and ends.
    Raises `DbtError` if dbt stops before it runs a node.
    """
    outcome = _invoke([command], project, options, on_step)
    results = getattr(outcome.result, "results", ())
    return tuple(_node_of_result(result) for result in results)


def _invoke(
    command: Sequence[str],
    project: Path,
    options: Sequence[str],
    on_step: Callable[[Step], None] = lambda _: None,
) -> Any:
    """Run a dbt command and return its outcome, or raise what stopped it."""
    steps = _Steps(on_step)
    manifest = _parsed.get(_key(project, options))
    read = {"manifest": manifest} if manifest is not None else {}
    outcome = dbtRunner(callbacks=[steps.observe], **read).invoke(
        [
            *command,
            *("--project-dir", str(project)),
            *("--profiles-dir", str(profiles_folder(project))),
            *("--log-level", "none", "--no-send-anonymous-usage-stats"),
            # The difference that a unit test finds goes into files too.
            "--no-use-colors",
            *options,
        ]
    )
    if steps.broken is not None:
        raise steps.broken
    if isinstance(outcome.exception, KeyboardInterrupt | OSError):
        raise outcome.exception
    if outcome.exception is not None:
        sentence = _stopping_sentence(str(outcome.exception))
        if isinstance(outcome.exception, DbtDatabaseError | FailedToConnectError):
            raise _not_connected(sentence)
        raise DbtConfigurationError(sentence)
    return outcome


def _not_connected(sentence: str) -> DbtError:
    """Return what a refusal asks for: to try again, or to correct the profile."""
    is_lasting = _LASTING.search(sentence)
    return (DbtConfigurationError if is_lasting else DbtConnectionError)(sentence)


def profiles_folder(project: Path) -> Path:
    """Return where the profile of a project is: in it, or else where dbt looks."""
    if not (project / PROFILES).exists():
        usual = Path(os.environ.get("DBT_PROFILES_DIR") or Path.home() / ".dbt")
        if (usual / PROFILES).exists():
            return usual
    return project


# Projects that this process has read, by what makes dbt read them differently.
_parsed: dict[tuple[str, ...], Any] = {}


def _key(project: Path, options: Sequence[str]) -> tuple[str, ...]:
    given = dict(pairwise(options))
    return (str(project), given.get("--target", ""), given.get("--vars", ""))


def query(sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return column names and rows of `sql`, over the connection of the last run.

    Raises `DbtConnectionError` with the database's own words if it cannot be run.
    """
    adapter = _adapter()
    try:
        with adapter.connection_named("summary"):
            _, table = adapter.execute(sql, fetch=True)
    except DbtRuntimeError as error:
        raise DbtConnectionError(essential_sentence(str(error))) from error
    return list(table.column_names), [tuple(row) for row in table.rows]


def fetch(sql: str) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Yield the rows of `sql` in batches, so that a few million need little memory.

    Raises `DbtConnectionError` with the database's own words if it cannot be run.
    """
    adapter = _adapter()
    connections = adapter.connections
    try:
        with adapter.connection_named("fetch"), connections.exception_handler(sql):
            if adapter.type() == "postgres":
                # A cursor with a name leaves the rows on the server until asked for.
                handle = connections.get_thread_connection().handle
                cursor = handle.cursor("fetched_rows")
                cursor.execute(sql)
            else:
                _, cursor = connections.add_query(sql, auto_begin=False)
            if hasattr(cursor, "fetchmany"):
                yield from iter(lambda: cursor.fetchmany(BATCH_SIZE), [])
            else:
                # Spark's cursors only give all rows at once.
                yield cursor.fetchall()
    except DbtRuntimeError as error:
        raise DbtConnectionError(essential_sentence(str(error))) from error


def execute(sql: str) -> None:
    """Run one statement that writes, in a transaction of its own, and commit it.

    Raises `DbtConnectionError` with the database's own words if it cannot be run.
    """
    adapter = _adapter()
    try:
        with adapter.connection_named("execute"):
            adapter.execute(sql, auto_begin=True)
            adapter.commit_if_has_connection()
    except DbtRuntimeError as error:
        raise DbtConnectionError(essential_sentence(str(error))) from error


class _Steps:
    """Turns dbt's events into steps and counts them."""

    def __init__(self, on_step: Callable[[Step], None]) -> None:
        self._on_step = on_step
        self._done = 0
        self._total = 0
        self.broken: BaseException | None = None

    def observe(self, event: EventMsg) -> None:
        """Take one event; dbt calls this in its worker threads."""
        if self.broken is not None:
            return
        try:
            self._observe(event.info.name, event.data)
        except BaseException as error:
            # Let through, it would end the worker and dbt would wait for it for ever;
            # a reader that closed the pipe is enough (rich then exits).
            self.broken = error

    def _observe(self, name: str, data: Any) -> None:
        if name == "LogStartLine":
            self._total = data.total
        elif name == "NodeStart":
            self._report(data.node_info, "started", 0.0)
        elif name == "NodeFinished":
            self._done += 1
            result = data.run_result
            self._report(data.node_info, result.status, result.execution_time)

    def _report(self, node: Any, status: str, seconds: float) -> None:
        self._on_step(
            Step(
                node.node_name,
                node.resource_type,
                status,
                seconds,
                self._done,
                self._total,
            )
        )


def location() -> str:
    """Return where the tables of the last run are: a file, or host/database."""
    credentials = _adapter().config.credentials
    path = getattr(credentials, "path", None)
    return path or f"{credentials.host}/{credentials.database}"


def disconnect() -> None:
    """Close DuckDB's file, so that this process may open it with other settings."""
    connections = _adapter().connections
    # The connection that was last read over would keep the file open.
    connections.clear_thread_connection()
    connections.close_all_connections()


def connect() -> Any:
    """Return a psycopg2 connection of its own to the PostgreSQL of the last run.

    Raises `DbtError` if the server cannot be reached, or lets nobody in.
    """
    adapter = _adapter()
    connection = Connection(
        type=adapter.type(),
        name="publication",
        state=ConnectionState.INIT,
        credentials=adapter.config.credentials,
    )
    try:
        return type(adapter.connections).open(connection).handle
    except (DbtRuntimeError, FailedToConnectError) as error:
        raise _not_connected(_stopping_sentence(str(error))) from error


def _text(described: Any) -> str:
    return " ".join(described.description.split())


def _adapter() -> Any:
    (adapter,) = FACTORY.adapters.values()
    return adapter


def _node_of_result(result: Any) -> Node:
    node = result.node
    is_table = bool(getattr(node, "relation_name", None))
    return Node(
        name=node.name,
        kind=str(node.resource_type),
        status=str(result.status),
        seconds=result.execution_time,
        message=result.message or "",
        description=" ".join(node.description.split()),
        relation=f"{node.schema}.{node.alias}" if is_table else "",
        compiled_sql=getattr(node, "compiled_code", None) or "",
        unique_id=node.unique_id,
    )
