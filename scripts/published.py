"""What is published, for whoever reads it: a DuckDB file or a PostgreSQL schema."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import duckdb

from errors import ConfigurationError, LockedError, PipelineError, of_the_database

RUN_INFO = "run_info"
RUN_FIGURES = "run_figures"
# Variables that run_info knows, and that change every figure.
SETTINGS = ("reporting_timezone", "reporting_currency")
# What is read of the last publication, by table.
COLUMNS_READ = {
    RUN_INFO: {
        *("run_id", "as_of_date", "project_name", "package_version"),
        *("published_tables", *SETTINGS),
    },
    RUN_FIGURES: {"figure", "value"},
}
MAX_SCHEMA_LENGTH = 36
COLUMN_TYPES = (
    "select table_name, column_name, data_type from information_schema.columns "
    "where table_catalog = current_catalog and table_schema = '{}' "
    "order by table_name, ordinal_position"
)
# Whatever stands in a PostgreSQL schema, readable or not, and not only tables: a schema
# is swapped with all that is in it. Sequences that a column owns go with their table.
OBJECTS = (
    "select coalesce(objects.name, objects.identity) as name "
    "from pg_namespace as schemas inner join pg_depend as uses "
    "on uses.refclassid = 'pg_namespace'::regclass and uses.refobjid = schemas.oid "
    "and uses.deptype = 'n' cross join lateral "
    "pg_identify_object(uses.classid, uses.objid, 0) as objects "
    "where schemas.nspname = '{}' and not (objects.type = 'sequence' and exists ("
    "select from pg_depend as owners where owners.classid = uses.classid "
    "and owners.objid = uses.objid and owners.deptype in ('a', 'i'))) "
    "order by name"
)
# The same of a DuckDB file, which is replaced with all its schemas.
FILE_OBJECTS = (
    "select case when schema_name = '{}' then name else schema_name || '.' || name end "
    "as name from ("
    "select database_name, schema_name, table_name as name from duckdb_tables() "
    "union all select database_name, schema_name, view_name from duckdb_views() "
    "where not internal "
    "union all select database_name, schema_name, sequence_name "
    "from duckdb_sequences() "
    "union all select database_name, schema_name, type_name from duckdb_types() "
    "where not internal "
    "union all select database_name, schema_name, function_name || '()' "
    "from duckdb_functions() where not internal"
    ") as objects where database_name = current_database()"
)
# What others rely on, and what the server keeps for itself.
RESERVED_SCHEMAS = ("public", "information_schema")

_HOLDER = re.compile(r"held in (.+) \(PID (\d+)\)")


class Reader(Protocol):
    """Answers SQL over the published tables, which are named without a schema."""

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of `sql`, each as a dictionary by column."""


@dataclass(frozen=True)
class DuckdbFile:
    """A file that DuckDB 1.2 and later open; `project` is who may replace it."""

    path: Path
    project: str
    schema: str = "main"

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class PostgresSchema:
    """A schema, with what opens a psycopg2 connection to its database."""

    schema: str
    project: str
    connect: Callable[[], Any]

    def __post_init__(self) -> None:
        # PostgreSQL cuts names at 63 bytes, and publishing adds a word and a run's id.
        length = len(self.schema.encode())
        if {"'", '"'} & set(self.schema) or not 0 < length <= MAX_SCHEMA_LENGTH:
            raise ConfigurationError(
                f"published_schema is '{self.schema}': it must be a name of 1 to "
                f"{MAX_SCHEMA_LENGTH} bytes without quotes."
            )
        if self.schema in RESERVED_SCHEMAS or self.schema.startswith("pg_"):
            raise ConfigurationError(
                f"published_schema is '{self.schema}', which is not ours to replace: "
                f"{_remedy(self)}."
            )

    def __str__(self) -> str:
        return f"schema {self.schema}"


Place = DuckdbFile | PostgresSchema


@dataclass(frozen=True)
class Publication:
    """The last publication at a place, as far as the next one is compared with it.

    `columns` has the type of each column of the marts by table, `figures` the rows of
    run_figures, `settings` the variables that every figure depends on.
    """

    run_id: str
    as_of_date: date | None
    package_version: str
    figures: Mapping[str, float | None]
    columns: Mapping[str, Mapping[str, str]]
    settings: Mapping[str, str]


@contextmanager
def read(place: Place) -> Iterator[Reader]:
    """Open what is published, for reading only.

    Raises ConfigurationError if nothing is published there, or nothing that opens.
    """
    if isinstance(place, PostgresSchema):
        import psycopg2

        try:
            with closing(place.connect()) as connection:
                connection.set_session(readonly=True, autocommit=True)
                with connection.cursor() as cursor:
                    cursor.execute(f'set search_path to "{place.schema}"')
                yield _PostgresReader(connection)
        except psycopg2.Error as error:
            raise PipelineError(
                f"cannot read {place}: {server_says(error)}."
            ) from error
        return
    with ExitStack() as stack:
        try:
            database = open_file(place.path, is_read_only=True)
        except LockedError:
            # A client that opened it for writing keeps everybody out. What we put there
            # stands in it all the same.
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            copy = Path(shutil.copy(place.path, folder))
            database = open_file(copy, is_read_only=True)
        stack.enter_context(closing(database))
        yield _DuckdbReader(database, place.path)


def last_publication(place: Place) -> Publication | None:
    """Return what is published at a place; nothing if the place is empty.

    Raises ConfigurationError if the place holds what this project has not published.
    """
    if isinstance(place, DuckdbFile) and not place.path.exists():
        return None
    with read(place) as reader:
        columns: dict[str, dict[str, str]] = {}
        for row in reader.query(COLUMN_TYPES.format(place.schema)):
            types = columns.setdefault(row["table_name"], {})
            types[row["column_name"]] = row["data_type"]
        is_file = isinstance(place, DuckdbFile)
        listing = FILE_OBJECTS if is_file else OBJECTS
        rows = reader.query(listing.format(place.schema))
        objects = {row["name"] for row in rows}
        if not objects and not is_file:
            return None
        run = _run(reader, columns)
        if run is None:
            raise ConfigurationError(
                f"{place} was not published by this project: {_remedy(place)}."
            )
        if run["project_name"] != place.project:
            raise ConfigurationError(
                f"{place} was published by the project {run['project_name']}, and this "
                f"is {place.project}: {_remedy(place)}."
            )
        figures = reader.query(f"select figure, value from {RUN_FIGURES}")
    for name in (RUN_INFO, RUN_FIGURES):
        del columns[name]
    ours = {RUN_INFO, RUN_FIGURES, *run["published_tables"].split(", ")}
    if foreign := sorted(objects - ours):
        raise ConfigurationError(
            f"{place} holds {', '.join(foreign)}, which the next publication would "
            "remove: move it elsewhere."
        )
    return Publication(
        run["run_id"],
        run["as_of_date"],
        run["package_version"],
        {row["figure"]: row["value"] for row in figures},
        columns,
        {name: run[name] for name in SETTINGS},
    )


def _run(
    reader: Reader, columns: Mapping[str, Mapping[str, str]]
) -> dict[str, Any] | None:
    """Return the row of run_info; nothing if it is not one that publishing writes."""
    if any(
        names - columns.get(table, {}).keys() for table, names in COLUMNS_READ.items()
    ):
        return None
    runs = reader.query(f"select * from {RUN_INFO}")
    return runs[0] if len(runs) == 1 and runs[0]["published_tables"] else None


def open_file(path: Path, *, is_read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, or raise a PipelineError that says what is wrong with it."""
    if is_read_only and not path.exists():
        raise ConfigurationError(
            f"there is no {path}: scripts/pipeline.py run publishes it."
        )
    try:
        return duckdb.connect(str(path), read_only=is_read_only)
    except duckdb.IOException as error:
        text = str(error)
        if "Could not set lock" in text:
            held = _HOLDER.search(text)
            who = f"process {held[2]} ({Path(held[1]).name})" if held else "a process"
            raise LockedError(
                f"{who} has {path} open: close it there. The published file can be "
                "queried at any time."
            ) from error
        if "not a valid DuckDB database" in text:
            raise ConfigurationError(
                f"{path} is not a DuckDB database, or is damaged: move it away and run "
                "the pipeline again."
            ) from error
        reason = text.removeprefix("IO Error: ").splitlines()[0]
        raise ConfigurationError(f"{path} cannot be opened: {reason}") from error
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(
            f"{path} cannot be opened: {reason}. Move it away and run again."
        ) from error


def server_says(error: Exception) -> str:
    """Return in one line what PostgreSQL says."""
    import psycopg2

    cause = error.__context__
    # A transaction that cannot be rolled back says so, and not what had broken it.
    told = cause if isinstance(cause, psycopg2.Error) else error
    return str(told).strip().splitlines()[0]


def _remedy(place: Place) -> str:
    if isinstance(place, DuckdbFile):
        return "move it away, or name another file in the variable published_path"
    return "name another schema in the variable published_schema"


@dataclass(frozen=True)
class _DuckdbReader:
    database: duckdb.DuckDBPyConnection
    path: Path

    def query(self, sql: str) -> list[dict[str, Any]]:
        try:
            cursor = self.database.execute(sql)
        except duckdb.Error as error:
            raise of_the_database(error, f"read {self.path}") from error
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@dataclass(frozen=True)
class _PostgresReader:
    connection: Any

    def query(self, sql: str) -> list[dict[str, Any]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
