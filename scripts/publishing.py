"""Put what was built and found good in front of readers, whole and at once.

On DuckDB the public tables are written into a new file that takes the old one's name;
on PostgreSQL into a new schema that takes the old one's name. Whoever reads meanwhile
reads the old ones to the end. Killed at any point, this leaves the old or the new.
"""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from dbt_runner import Project, Table
from errors import ConfigurationError, PipelineError, of_the_database, of_the_disk
from published import (
    RUN_FIGURES,
    RUN_INFO,
    DuckdbFile,
    PostgresSchema,
    open_file,
    server_says,
)

# What every DuckDB from 1.2 on can open.
STORAGE_VERSION = "v1.2.0"
# What of the profile's settings bounds a copy.
BOUNDS = ("memory_limit", "threads", "temp_directory")
PARQUET_VERSIONS_KEPT = 2
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")
TYPES = {
    str: "varchar",
    int: "bigint",
    float: "double precision",
    date: "date",
    datetime: "timestamp",
}
RUN_INFO_DESCRIPTION = "One row: the run that was published, and what it was made of."
RUN_FIGURES_DESCRIPTION = (
    "One row per figure that the next run is compared with before it is published."
)
REMEDY_OF_A_BREAK = (
    "What was built is still there: run publish when the server answers again."
)


@dataclass(frozen=True)
class RunInfo:
    """What run_info says of a run, a column for each field.

    Times are UTC, lists have commas; the rows of an input are the raw ones, none where
    it is off. What a run has not looked at (its tests, when only `publish` was called)
    is none.
    """

    run_id: str
    as_of_date: date | None
    started_at: datetime
    published_at: datetime
    project_name: str
    package_version: str
    dbt_version: str
    engine: str
    engine_version: str
    git_revision: str | None
    reporting_timezone: str
    reporting_currency: str
    transactions_rows: int | None
    touchpoints_rows: int | None
    marketing_spend_rows: int | None
    survey_responses_rows: int | None
    customers_rows: int | None
    identities_rows: int | None
    exchange_rates_rows: int | None
    rejected_rows: int | None
    tests_passed: int | None
    tests_warned: int | None
    retention_verdict: str | None
    validation_verdict: str
    accepted_findings: str | None
    published_tables: str


@dataclass(frozen=True)
class Figure:
    """A row of run_figures: a figure's name, the table it is of, and its value."""

    figure: str
    table_name: str
    value: float | None


def publish_file(
    project: Project,
    work: Path,
    place: DuckdbFile,
    info: RunInfo,
    figures: Sequence[Figure],
) -> None:
    """Replace the published file by one with the public tables of the work file.

    Raises a PipelineError and leaves the old file if the new one cannot be written.
    """
    part = place.path.with_name(f".{place.path.name}.part")
    try:
        _write_file(project, work, part, info, figures)
        _sync(part)
        # Left by somebody who wrote into the old file; nobody could open the new one.
        _wal(place.path).unlink(missing_ok=True)
        part.replace(place.path)
        _sync(place.path.parent)
    except duckdb.Error as error:
        raise of_the_database(error, f"write {place.path}") from error
    except OSError as error:
        raise of_the_disk(error, f"write {place.path}") from error
    finally:
        _remove(part)


def publish_parquet(place: DuckdbFile) -> Path:
    """Write every table of the published file as Parquet and return their folder.

    The folder is a link that is set anew when all files are there; the version before
    is kept, for whoever is reading it.
    """
    folder = place.path.with_name(f"{place.path.stem}_parquet")
    part = folder / ".part"
    try:
        with closing(open_file(place.path, is_read_only=True)) as database:
            [(run_id,)] = database.execute(f"select run_id from {RUN_INFO}").fetchall()
            version = folder / run_id
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            for (name,) in database.execute(
                "select table_name from duckdb_tables()"
            ).fetchall():
                file = str(part / f"{name}.parquet").replace("'", "''")
                database.execute(f"copy {name} to '{file}' (format parquet)")
        shutil.rmtree(version, ignore_errors=True)
        part.replace(version)
        link = folder / "current"
        fresh = folder / ".current"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(run_id)
        fresh.replace(link)
    except duckdb.Error as error:
        raise of_the_database(error, f"write {folder}") from error
    except OSError as error:
        raise of_the_disk(error, f"write {folder}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _remove_versions(folder, run_id)
    return link


def _remove_versions(folder: Path, current: str) -> None:
    """Remove all but the newest versions; what others keep in the folder stays."""
    earlier = sorted(
        path
        for path in folder.iterdir()
        if RUN_ID.fullmatch(path.name) and path.is_dir() and path.name != current
    )
    # Their names begin with the time of their run.
    for old in earlier[: 1 - PARQUET_VERSIONS_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def require_rights(connection: Any) -> None:
    """Raise ConfigurationError if this user cannot create the schema to publish in."""
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "select current_user, current_database(), "
            "has_database_privilege(current_database(), 'create')"
        )
        user, database, may_create = cursor.fetchone()
    if not may_create:
        raise ConfigurationError(
            f"{user} may not create schemas in {database}, and each publication is "
            f"one: grant create on database {database} to {user}."
        )


def publish_schema(
    project: Project,
    place: PostgresSchema,
    connection: Any,
    info: RunInfo,
    figures: Sequence[Figure],
) -> list[str]:
    """Replace the published schema by one with the public tables, in one transaction.

    Whoever may use the old schema may use the new one. Returns warnings.
    """
    # Only PostgreSQL needs its driver.
    import psycopg2

    import schema_swap

    run_id = info.run_id.lower()
    fresh, old = (f"{place.schema}_{word}_{run_id}" for word in ("next", "old"))
    try:
        with connection, connection.cursor() as cursor:
            execute = cursor.execute
            execute(f'create schema "{fresh}"')
            for table in project.tables:
                execute(
                    f'create table "{fresh}".{table.name} as table {table.relation}'
                )
                # Until the server comes round to it, it would plan blindly.
                execute(f'analyze "{fresh}".{table.name}')
            for statement in _run_tables(info, figures, f'"{fresh}".'):
                execute(*statement)
            for comment in _comments(project.tables, f'"{fresh}".'):
                execute(comment)
            schema_swap.grant_as_before(cursor, place.schema, fresh)
            schema_swap.comment_as_before(cursor, place.schema, fresh)
        schema_swap.swap(connection, place.schema, fresh, old)
        return list(schema_swap.drop_old(connection, place.schema))
    except psycopg2.errors.InsufficientPrivilege as error:
        raise PipelineError(
            f"cannot publish {place}: {server_says(error)}. Let this user create "
            "schemas in the database, and own the published one."
        ) from error
    except psycopg2.Error as error:
        remedy = f" {REMEDY_OF_A_BREAK}" if connection.closed else ""
        raise PipelineError(
            f"cannot publish {place}: {server_says(error)}.{remedy}"
        ) from error


def _write_file(
    project: Project,
    work: Path,
    part: Path,
    info: RunInfo,
    figures: Sequence[Figure],
) -> None:
    part.parent.mkdir(parents=True, exist_ok=True)
    _remove(part)
    with closing(duckdb.connect()) as database:
        # Rows come in the order they lie in, which costs memory to keep; no reader may
        # rely on it.
        database.execute("set preserve_insertion_order = false")
        database.execute("set timezone = 'UTC'")
        for name in BOUNDS:
            if name in project.settings:
                database.execute(f"set {name} = '{project.settings[name]}'")
        database.execute(f"attach {_quoted(work)} as work (read_only)")
        database.execute(
            f"attach {_quoted(part)} as publication "
            f"(storage_version '{STORAGE_VERSION}')"
        )
        database.execute("use publication")
        for table in project.tables:
            source = f'work."{table.schema}".{table.name}'
            database.execute(f"create table {table.name} as from {source}")
        for statement, values in _run_tables(info, figures):
            database.execute(statement.replace("%s", "?"), values)
        for statement in _comments(project.tables):
            database.execute(statement)
        # On closing it would be tried too, but nobody would hear that it failed.
        database.execute("checkpoint publication")


def _run_tables(
    info: RunInfo, figures: Sequence[Figure], prefix: str = ""
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the statements that make run_info and run_figures, with their values."""
    for name, kind, rows in (
        (RUN_INFO, RunInfo, [info]),
        (RUN_FIGURES, Figure, figures),
    ):
        columns = ", ".join(f"{f.name} {_type(f.type)}" for f in fields(kind))
        yield f"create table {prefix}{name} ({columns})", []
        marks = ", ".join(["%s"] * len(fields(kind)))
        for row in rows:
            values = [getattr(row, field.name) for field in fields(kind)]
            yield f"insert into {prefix}{name} values ({marks})", values


def _type(annotation: Any) -> str:
    kinds = getattr(annotation, "__args__", (annotation,))
    return TYPES[kinds[0]]


def _comments(tables: Sequence[Table], prefix: str = "") -> Iterator[str]:
    """Yield the statements by which a SQL client shows what tables and columns say."""
    yield _comment("table", prefix + RUN_INFO, RUN_INFO_DESCRIPTION)
    yield _comment("table", prefix + RUN_FIGURES, RUN_FIGURES_DESCRIPTION)
    for table in tables:
        yield _comment("table", prefix + table.name, table.description)
        for column, description in table.columns.items():
            yield _comment("column", f"{prefix}{table.name}.{column}", description)


def _quoted(path: Path) -> str:
    text = str(path).replace("'", "''")
    return f"'{text}'"


def _comment(kind: str, name: str, text: str) -> str:
    quoted = text.replace("'", "''")
    return f"comment on {kind} {name} is '{quoted}'"


def _sync(path: Path) -> None:
    """Wait until what was written is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(part: Path) -> None:
    part.unlink(missing_ok=True)
    _wal(part).unlink(missing_ok=True)


def _wal(path: Path) -> Path:
    """Return where DuckDB keeps what is not yet in a file."""
    return path.with_name(f"{path.name}.wal")
