"""The page docs/querying.md: its queries, its results, its reader's role."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

import publishing
from dbt_runner import Project, Table
from postgres_server import PostgresServer, postgres_server
from published import PostgresSchema
from publishing import RunInfo

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "querying.md").read_text()
SAMPLE = PROJECT / "warehouse" / "customer_journey.duckdb"
OLD_DUCKDB = PROJECT / ".venv" / "duckdb-1.2"
SCHEMA = "customer_journey"
WORK_SCHEMA = f"{SCHEMA}_marts"
READER = "analyst"
# Types whose names the engines do not share.
POSTGRES_TYPES = {"DOUBLE": "double precision"}
# What a client asks a file for, as JSON, to be run by two releases of DuckDB.
LOOK_AT_EVERYTHING = """
import duckdb, json, sys
database = duckdb.connect(sys.argv[1], read_only=True)
columns = {}
for table, column, kind, comment in database.execute(
    "select table_name, column_name, data_type, comment from duckdb_columns() "
    "where not internal order by table_name, column_index"
).fetchall():
    columns.setdefault(table, {})[column] = (kind, comment)
tables = dict(database.execute(
    "select table_name, comment from duckdb_tables() order by table_name"
).fetchall())
values = {}
for table, names in columns.items():
    asked = ", ".join(f"count({name}), min({name}), max({name})" for name in names)
    [found] = database.execute(f"select count(*), {asked} from {table}").fetchall()
    values[table] = [repr(value) for value in found]
print(json.dumps([duckdb.__version__, columns, tables, values]))
"""


@dataclass(frozen=True)
class Question:
    """A question of the page: its number, its query, and the result that it prints."""

    number: int
    sql: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def _questions() -> Iterator[Question]:
    for section in re.split(r"^### (?=\d+\. )", PAGE, flags=re.M)[1:]:
        [sql] = re.findall(r"^```sql\n(.*?)^```$", section, flags=re.M | re.S)
        header, _, *rows = re.findall(r"^\| ?(.*?) ?\|$", section, flags=re.M)
        yield Question(
            int(section.split(".")[0]),
            sql,
            _cells(header),
            tuple(_cells(row) for row in rows),
        )


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.split("|"))


QUESTIONS = list(_questions())
EACH_QUESTION = pytest.mark.parametrize(
    "question", QUESTIONS, ids=[str(one.number) for one in QUESTIONS]
)


@pytest.fixture(scope="module")
def sample() -> Iterator[duckdb.DuckDBPyConnection]:
    assert SAMPLE.exists(), "make demo publishes the sample"
    with closing(duckdb.connect(str(SAMPLE), read_only=True)) as database:
        zones = database.execute("select reporting_timezone from run_info").fetchall()
        assert zones == [("America/New_York",)], "make demo publishes the sample"
        yield database


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        with closing(_connect(running, "postgres")) as connection:
            connection.autocommit = True
            connection.cursor().execute(f"create database {SCHEMA}")
        yield running


@pytest.fixture(scope="module")
def reader(
    server: PostgresServer,
    sample: duckdb.DuckDBPyConnection,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Any]:
    """Return a connection of the role that the page makes, to the sample published."""
    file = tmp_path_factory.mktemp("copy") / "rows.csv"
    with closing(_connect(server, SCHEMA)) as owner:
        tables = [_copy(sample, name, owner, file) for name in _tables_asked_for()]
        _publish(sample, tables, owner)
        [role] = re.findall(r"^```postgresql\n(.*?)^```$", PAGE, flags=re.M | re.S)
        with owner, owner.cursor() as cursor:
            cursor.execute(role)
    with closing(_connect(server, SCHEMA, READER)) as connection:
        connection.autocommit = True
        yield connection


def _connect(server: PostgresServer, database: str, user: str | None = None) -> Any:
    return psycopg2.connect(
        host=str(server.folder), user=user or server.user, dbname=database
    )


def _tables_asked_for() -> list[str]:
    """Return the marts that the queries read."""
    text = " ".join(question.sql for question in QUESTIONS)
    return sorted(set(re.findall(r"\b(?:from|join) ((?:dim|fct|rpt)_\w+)", text)))


def _copy(
    sample: duckdb.DuckDBPyConnection, name: str, owner: Any, file: Path
) -> Table:
    """Copy a table, by way of a file, to where PostgreSQL would have built it."""
    columns = sample.execute(
        "select column_name, data_type, comment from duckdb_columns() "
        "where table_name = ? order by column_index",
        [name],
    ).fetchall()
    typed = ", ".join(
        f"{column} {POSTGRES_TYPES.get(kind, kind)}" for column, kind, _ in columns
    )
    [(description,)] = sample.execute(
        "select comment from duckdb_tables() where table_name = ?", [name]
    ).fetchall()
    relation = f"{WORK_SCHEMA}.{name}"
    sample.execute(f"copy {name} to '{file}' (format csv, header false, nullstr '\\N')")
    with owner, owner.cursor() as cursor, file.open() as rows:
        cursor.execute(f"create schema if not exists {WORK_SCHEMA}")
        cursor.execute(f"create table {relation} ({typed})")
        cursor.copy_expert(f"copy {relation} from stdin (format csv, null '\\N')", rows)
    described = {column: comment for column, _, comment in columns}
    return Table(name, WORK_SCHEMA, relation, description, described)


def _publish(
    sample: duckdb.DuckDBPyConnection, tables: Sequence[Table], owner: Any
) -> None:
    """Publish the tables by the code that a run does, as the run of the sample."""
    run = sample.execute("select * from run_info")
    names = [column[0] for column in run.description]
    [values] = run.fetchall()
    project = Project(
        name="customer_journey",
        folder=PROJECT,
        package_version="",
        dbt_version="",
        engine="postgres",
        database_file=None,
        settings={},
        schema=SCHEMA,
        target_path=PROJECT,
        tables=tuple(tables),
        relations={},
    )
    place = PostgresSchema(SCHEMA, "customer_journey", lambda: None)
    info = RunInfo(**dict(zip(names, values, strict=True)))
    assert publishing.publish_schema(project, place, owner, info, []) == []


def test_the_page_has_twenty_questions_about_every_concern() -> None:
    assert [question.number for question in QUESTIONS] == list(range(1, 21))
    assert len(re.findall(r"^```sql$", PAGE, flags=re.M)) == len(QUESTIONS)
    marts = PROJECT / "models" / "marts"
    asked = set(_tables_asked_for())
    silent = {
        folder.name
        for folder in marts.iterdir()
        if folder.is_dir() and not asked & {file.stem for file in folder.glob("*.sql")}
    }
    assert silent == set()


@EACH_QUESTION
def test_the_page_prints_what_the_sample_answers(
    question: Question, sample: duckdb.DuckDBPyConnection
) -> None:
    found = sample.execute(question.sql)
    assert tuple(column[0] for column in found.description) == question.columns
    rows = found.fetchall()
    assert rows
    assert len(rows) == len(question.rows)
    different = [
        (column, cell, value)
        for printed, row in zip(question.rows, rows, strict=True)
        for column, cell, value in zip(question.columns, printed, row, strict=True)
        if not _is_printed(cell, value)
    ]
    assert different == []


def _is_printed(cell: str, value: Any) -> bool:
    """Return whether a cell of the page shows a value, numbers rounded."""
    if isinstance(value, bool):
        return cell == ("true" if value else "false")
    if value is None or isinstance(value, str | date):
        return cell == str(value or "")
    number = Decimal(cell.replace(",", ""))
    digits = -int(number.as_tuple().exponent)
    return bool(abs(float(number) - float(value)) <= 0.5 / 10**digits + 1e-9)


@EACH_QUESTION
def test_postgresql_answers_the_same(
    question: Question, sample: duckdb.DuckDBPyConnection, reader: Any
) -> None:
    with reader.cursor() as cursor:
        cursor.execute(question.sql)
        columns = tuple(column.name for column in cursor.description)
        rows = cursor.fetchall()
    assert columns == question.columns
    expected = sample.execute(question.sql).fetchall()
    assert len(rows) == len(expected) > 0
    different = [
        (column, one, other)
        for row, known in zip(rows, expected, strict=True)
        for column, one, other in zip(columns, row, known, strict=True)
        if not _is_equal(one, other)
    ]
    assert different == []


def _is_equal(one: Any, other: Any) -> bool:
    numbers = (int, float, Decimal)
    if isinstance(one, numbers) and isinstance(other, numbers):
        return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)


def test_the_reader_can_do_nothing_but_read(
    server: PostgresServer, reader: Any
) -> None:
    forbidden = [
        f"select * from {WORK_SCHEMA}.rpt_growth",
        "insert into run_info (run_id) values ('mine')",
        "update rpt_growth set orders = 0",
        "delete from rpt_growth",
        "truncate rpt_growth",
        "drop table rpt_growth",
        "alter table rpt_growth add column mine integer",
        f"create table {SCHEMA}.mine (id integer)",
        "create table public.mine (id integer)",
        "create temporary table mine (id integer)",
        "create schema mine",
        f"drop schema {SCHEMA} cascade",
        "create role another",
        f"grant select on rpt_growth to {server.user}",
    ]
    with reader.cursor() as cursor:
        for statement in forbidden[:-1]:
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)
        # PostgreSQL only warns of a grant without effect.
        cursor.execute(forbidden[-1])
        cursor.execute(
            "select distinct privilege_type "
            "from information_schema.table_privileges "
            "where grantee = current_user or grantor = current_user"
        )
        assert cursor.fetchall() == [("SELECT",)]


def test_the_lines_for_python_run(
    sample: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    [lines] = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.M | re.S)
    names: dict[str, Any] = {}
    monkeypatch.chdir(SAMPLE.parents[1])
    exec(lines, names)  # noqa: S102
    names["connection"].close()
    [(months,)] = sample.execute(
        "select count(*) from rpt_growth "
        "where segment_column = 'all' and period_grain = 'month'"
    ).fetchall()
    assert len(names["frame"]) == months > 0
    assert "2024-12-01" in capfd.readouterr().out


@pytest.mark.usefixtures("sample")
def test_duckdb_1_2_reads_everything() -> None:
    assert OLD_DUCKDB.exists(), f"make {OLD_DUCKDB.relative_to(PROJECT)} installs it"
    [(old, *found), (new, *expected)] = (
        json.loads(
            subprocess.run(
                [sys.executable, "-c", LOOK_AT_EVERYTHING, str(SAMPLE)],
                env=os.environ | environment,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for environment in ({"PYTHONPATH": str(OLD_DUCKDB)}, {})
    )
    assert old.startswith("1.2.")
    assert new == duckdb.__version__
    assert found == expected
    columns, tables, values = found
    assert set(tables) == set(columns) == set(values)
    assert None not in tables.values()
    kinds = {kind for table in columns.values() for kind, _ in table.values()}
    assert {"DATE", "TIMESTAMP", "DECIMAL(18,4)", "DOUBLE", "BOOLEAN"} <= kinds
    own = {"run_info", "run_figures"}
    described = [table for name, table in columns.items() if name not in own]
    assert None not in [comment for table in described for _, comment in table.values()]
