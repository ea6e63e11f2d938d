"""What readers of a PostgreSQL schema see while it is published anew, and after."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest

import locks
import published
import publishing
import schema_swap
from dbt_runner import Project, Table
from errors import ConfigurationError, LockedError, PipelineError
from postgres_server import PostgresServer, postgres_server
from published import PostgresSchema
from publishing import RunInfo

PIPELINE = Path(__file__).parents[2] / "scripts" / "pipeline.py"
SCHEMA = "customer_journey"
TABLES = ("dim_people", "fct_orders", "rpt_growth", "rpt_experience", "rpt_retention")
# A project by the package's name, with what a run of the pipeline asks for.
FILES = {
    "dbt_project.yml": """
name: customer_journey
version: 0.1.0
profile: scratch
models: {+materialized: table, +schema: marts}
vars:
  customer_journey:
    as_of_date: null
    version: 1
    transactions_input: null
    reporting_timezone: UTC
    reporting_currency: EUR
    published_path: null
    published_schema: customer_journey
    small_sample_size: 30
    input_max_age_days: {}
    publish_max_loss: 0.1
    publish_max_growth: 0.5
    publish_max_month_change: 0.25
    publish_max_score_change: 10
""",
    "profiles.yml": """
scratch:
  target: postgres
  outputs:
    postgres:
      type: postgres
      host: "{{ env_var('PGHOST') }}"
      port: 5432
      user: "{{ env_var('PGUSER') }}"
      password: ""
      dbname: "{{ env_var('PGDATABASE') }}"
      schema: "{{ env_var('SCRATCH_SCHEMA', 'customer_journey') }}"
      threads: 1
""",
    "models/int_run_parameters.sql": """
select
    date '2024-12-31' as as_of_date,
    cast('{{ var('reporting_timezone') }}' as text) as reporting_timezone,
    cast('{{ var('reporting_currency') }}' as text) as reporting_currency
""",
    "models/rpt_growth.sql": """
select cast({{ var('version') }} as integer) as version, number
from generate_series(1, 100) as numbers (number)
""",
    "models/rpt_growth.yml": """
models:
  - name: rpt_growth
    description: One row per number, it's 100% made up.
    columns:
      - name: number
        description: A number.
""",
    "analyses/validation/last_days.sql": (
        "select 'as_of_date' as day_name, '2024-12-31' as last_day"
    ),
}


@dataclass(frozen=True)
class Answer:
    """How the command ended: exit code and what it printed on standard error."""

    exit_code: int
    err: str


@dataclass
class Publisher:
    """Publishes tables that are made by hand, through the code that a run does."""

    connect: Callable[[], Any]
    tables: Sequence[str] = TABLES
    version: int = 0

    @property
    def place(self) -> PostgresSchema:
        """Where it publishes."""
        return PostgresSchema(SCHEMA, "customer_journey", self.connect)

    def publish(self) -> list[str]:
        """Publish the next version, which stands in every row of every table."""
        self.version += 1
        with closing(self.connect()) as connection:
            _rows(connection, "create schema if not exists work")
            for name in self.tables:
                _rows(connection, f"drop table if exists work.{name}")
                _rows(
                    connection,
                    f"create table work.{name} as select {self.version} as version, "
                    "number from generate_series(1, 200) as numbers (number)",
                )
            return self.publish_over(connection)

    def publish_over(self, connection: Any) -> list[str]:
        """Publish the tables as they are, over a connection."""
        tables = tuple(
            Table(name, "work", f"work.{name}", f"It's {name}.", {"number": "100%"})
            for name in self.tables
        )
        project = Project(
            name="customer_journey",
            folder=Path(),
            package_version="0.1.0",
            dbt_version="1.11",
            engine="postgres",
            database_file=None,
            settings={},
            schema=SCHEMA,
            target_path=Path(),
            tables=tables,
            relations={},
        )
        return publishing.publish_schema(
            project, self.place, connection, self._run_info(), []
        )

    def _run_info(self) -> RunInfo:
        samples: dict[Any, Any] = {str: "x", int: self.version}
        samples |= {date: date(2024, 12, 31), datetime: datetime(2025, 1, 1)}
        values: dict[str, Any] = {
            field.name: samples[getattr(field.type, "__args__", (field.type,))[0]]
            for field in fields(RunInfo)
        }
        values["run_id"] = f"20250101T{self.version:06d}Z-0abc"
        values["project_name"] = "customer_journey"
        values["published_tables"] = ", ".join(self.tables)
        return RunInfo(**values)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def database(server: PostgresServer) -> str:
    """Return the name of a database of the test's own."""
    with closing(_connect(server, "postgres")) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("drop database if exists own with (force)")
        cursor.execute("create database own")
    return "own"


@pytest.fixture
def publisher(
    server: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> Publisher:
    monkeypatch.setattr(schema_swap, "QUIET_SECONDS", 0.5)
    monkeypatch.setattr(schema_swap, "DROP_TIMEOUT", "100ms")
    return Publisher(lambda: _connect(server, database))


def _connect(server: PostgresServer, database: str, user: str | None = None) -> Any:
    return psycopg2.connect(
        host=str(server.folder), user=user or server.user, dbname=database
    )


def _rows(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []


def _schemas(connection: Any) -> list[str]:
    """Return the schemas of publications, also those on their way in or out."""
    rows = _rows(
        connection,
        f"select nspname from pg_namespace where nspname like '{SCHEMA}%' order by 1",
    )
    return [name for (name,) in rows]


def test_readers_see_no_error_and_whole_versions_only(publisher: Publisher) -> None:
    publisher.publish()
    columns = ", ".join(
        f"(select array_agg(distinct version) from {name})" for name in TABLES
    )
    # The names in any order: nobody says which tables a statement begins with.
    statements = (
        f"select transactions_rows, {columns} from run_info",
        "select transactions_rows, array_agg(distinct growth.version), "
        "array_agg(distinct orders.version) from rpt_growth as growth "
        "inner join fct_orders as orders on growth.number = orders.number "
        "cross join run_info group by transactions_rows",
    )
    is_over = threading.Event()
    seen: list[set[int]] = []
    errors: list[psycopg2.Error] = []

    def read(sql: str) -> None:
        with closing(publisher.connect()) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"set search_path to {SCHEMA}")
                while not is_over.is_set():
                    try:
                        cursor.execute(sql)
                    except psycopg2.Error as error:
                        errors.append(error)
                        return
                    [(version, *found)] = cursor.fetchall()
                    seen.append({version, *(one for each in found for one in each)})

    readers = [threading.Thread(target=read, args=(sql,)) for sql in statements]
    for reader in readers:
        reader.start()
    try:
        for _ in range(10):
            assert publisher.publish() == []
    finally:
        is_over.set()
        for reader in readers:
            reader.join()
    assert errors == []
    assert [versions for versions in seen if len(versions) > 1] == []
    assert len({version for versions in seen for version in versions}) > 5


def test_an_open_transaction_puts_nothing_off(publisher: Publisher) -> None:
    publisher.publish()
    with closing(publisher.connect()) as reader, closing(publisher.connect()) as other:
        cursor = reader.cursor("rows_one_by_one")
        cursor.itersize = 10
        cursor.execute(f"select version from {SCHEMA}.rpt_growth")
        first = [cursor.fetchone()]
        [warning] = publisher.publish()
        assert "_old_20250101t000002z-0abc of an earlier publication stays" in warning
        assert "somebody is reading it." in warning
        assert _rows(other, f"select max(version) from {SCHEMA}.rpt_growth") == [(2,)]
        # What was begun is read to the end.
        assert {*first, *cursor} == {(1,)}
        reader.rollback()
        assert publisher.publish() == []
        assert _schemas(other) == [SCHEMA]


def test_a_snapshot_of_before_finds_new_tables_empty(publisher: Publisher) -> None:
    publisher.publish()
    with closing(publisher.connect()) as reader:
        reader.set_session(isolation_level="REPEATABLE READ", autocommit=False)
        cursor = reader.cursor()
        cursor.execute("select 1")
        publisher.publish()
        cursor.execute(f"select count(*) from {SCHEMA}.run_info")
        assert cursor.fetchall() == [(0,)]


def test_what_others_made_of_it_or_put_there_stays(publisher: Publisher) -> None:
    publisher.publish()
    with closing(publisher.connect()) as analyst:
        _rows(analyst, f"create view public.sales as select * from {SCHEMA}.rpt_growth")
        _rows(analyst, f"create schema {SCHEMA}_old_times")
        [warning] = publisher.publish()
        assert "view sales depends on table " in warning
        assert _rows(analyst, "select max(version) from public.sales") == [(1,)]
        _rows(analyst, "drop view public.sales")
        _rows(analyst, f"create table {SCHEMA}.targets as select 1 as target")
        [warning] = publisher.publish()
        assert f"{SCHEMA}_old_20250101t000003z-0abc.targets" in warning.replace('"', "")
        stays = f"{SCHEMA}_old_20250101t000003z-0abc"
        assert _schemas(analyst) == [SCHEMA, stays, f"{SCHEMA}_old_times"]
        assert _rows(analyst, f'select * from "{stays}".targets') == [(1,)]


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ("materialized view {}.own as select 1 as one", "own"),
        ("function {}.own(integer) returns integer return 1", "{}.own(integer)"),
        ("sequence {}.own", "own"),
        ("type {}.own as enum ('one')", "own"),
        ("domain {}.own as text", "own"),
        ("table {}.own ()", "own"),
        ("table {}.own (entry serial)", "own"),
        ("view {}.own as select 1 as one", "own"),
        ('collation {}.own from "C"', "own"),
    ],
)
def test_whatever_others_have_put_there_is_refused(
    publisher: Publisher, made: str, name: str
) -> None:
    with closing(publisher.connect()) as owner:
        assert published.last_publication(publisher.place) is None
        _rows(owner, f"create schema {SCHEMA}")
        assert published.last_publication(publisher.place) is None
        _rows(owner, f"create {made.format(SCHEMA)}")
        with pytest.raises(ConfigurationError, match="was not published by this proj"):
            published.last_publication(publisher.place)
        _rows(owner, f"drop schema {SCHEMA} cascade")
        publisher.publish()
        assert published.last_publication(publisher.place) is not None
        _rows(owner, f"create {made.format(SCHEMA)}")
        with pytest.raises(ConfigurationError) as caught:
            published.last_publication(publisher.place)
    assert str(caught.value) == (
        f"schema {SCHEMA} holds {name.format(SCHEMA)}, which the next publication "
        "would remove: move it elsewhere."
    )


@pytest.mark.parametrize(
    "change",
    [
        "drop table {0}.run_info; create table {0}.run_info as select 1 as id",
        "drop table {0}.run_figures; create table {0}.run_figures as select 1 as id",
        "alter table {0}.run_info drop column published_tables",
        "alter table {0}.run_info drop column reporting_timezone",
        "truncate {0}.run_info",
        "insert into {0}.run_info select * from {0}.run_info",
        "update {0}.run_info set published_tables = null",
    ],
)
def test_tables_by_the_same_names_are_no_publication(
    publisher: Publisher, change: str
) -> None:
    publisher.publish()
    with closing(publisher.connect()) as owner:
        _rows(owner, change.format(SCHEMA))
    with pytest.raises(ConfigurationError, match="was not published by this project"):
        published.last_publication(publisher.place)


def test_a_table_that_this_user_may_not_read_is_seen(
    server: PostgresServer, publisher: Publisher
) -> None:
    with closing(publisher.connect()) as owner:
        _rows(owner, "drop role if exists stranger")
        _rows(owner, "create role stranger login")
        _rows(owner, f"create schema {SCHEMA}")
        _rows(owner, f"create table {SCHEMA}.ledger as select 1 as entry")
    place = PostgresSchema(
        SCHEMA, "customer_journey", lambda: _connect(server, "own", "stranger")
    )
    with pytest.raises(ConfigurationError, match="was not published by this project"):
        published.last_publication(place)


def test_who_could_read_can_read_the_same(
    server: PostgresServer, publisher: Publisher
) -> None:
    publisher.publish()
    all_of_it, some_of_it = "\"Sales & 'Ops'\"", "board"
    with closing(publisher.connect()) as owner:
        for role in (all_of_it, some_of_it, "nobody_yet"):
            _rows(owner, f"drop role if exists {role}")
            _rows(owner, f"create role {role} login")
        for role in (all_of_it, some_of_it, "public"):
            _rows(owner, f"grant usage on schema {SCHEMA} to {role}")
        _rows(owner, f"grant select on all tables in schema {SCHEMA} to {all_of_it}")
        _rows(owner, f"grant select on {SCHEMA}.rpt_growth to {some_of_it}")
        _rows(owner, f"grant select on {SCHEMA}.rpt_experience to public")
    publisher.tables = ("rpt_fresh", *(one for one in TABLES if one != "rpt_retention"))
    for _ in range(2):
        assert publisher.publish() == []
    readable = {
        user: {
            name for name in [*publisher.tables, "run_info"] if _can_read(reader, name)
        }
        for user in ("Sales & 'Ops'", some_of_it, "nobody_yet")
        if (reader := _connect(server, "own", user))
    }
    assert readable == {
        "Sales & 'Ops'": {*publisher.tables, "run_info"},
        some_of_it: {"rpt_growth", "rpt_experience"},
        "nobody_yet": {"rpt_experience"},
    }


def _can_read(connection: Any, table: str) -> bool:
    try:
        return bool(_rows(connection, f"select count(*) from {SCHEMA}.{table}"))
    except psycopg2.errors.InsufficientPrivilege:
        return False


def test_comments_say_what_tables_and_columns_are(publisher: Publisher) -> None:
    publisher.publish()
    with closing(publisher.connect()) as reader:
        relation = f"'{SCHEMA}.rpt_growth'::regclass"
        assert _rows(
            reader,
            f"select obj_description({relation}), col_description({relation}, 2)",
        ) == [("It's rpt_growth.", "100%")]


def test_what_the_schema_says_of_itself_stays(publisher: Publisher) -> None:
    publisher.publish()
    with closing(publisher.connect()) as owner:
        _rows(owner, f"comment on schema {SCHEMA} is 'Ask the data team, it''s 100%.'")
        publisher.publish()
        assert _rows(
            owner, f"select obj_description('{SCHEMA}'::regnamespace, 'pg_namespace')"
        ) == [("Ask the data team, it's 100%.",)]


def test_the_server_knows_the_tables_before_anybody_reads(publisher: Publisher) -> None:
    publisher.publish()
    with closing(publisher.connect()) as reader:
        known = _rows(
            reader,
            "select distinct tablename from pg_stats "
            f"where schemaname = '{SCHEMA}' and attname = 'number'",
        )
    assert {name for (name,) in known} == set(TABLES)


def test_a_connection_that_breaks_is_one_sentence(publisher: Publisher) -> None:
    publisher.publish()
    connection = publisher.connect()
    with closing(publisher.connect()) as other:
        _rows(other, f"select pg_terminate_backend({connection.info.backend_pid})")
        with pytest.raises(PipelineError) as caught:
            publisher.publish_over(connection)
        sentence = str(caught.value)
        assert sentence.startswith(f"cannot publish schema {SCHEMA}: ")
        assert "\n" not in sentence
        assert "already closed" not in sentence
        assert sentence.endswith(
            ". What was built is still there: run publish when the server answers "
            "again."
        )
        assert _rows(other, f"select max(version) from {SCHEMA}.rpt_growth") == [(1,)]


def test_a_user_without_a_name_can_hold_the_lock(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    with (
        closing(publisher.connect()) as holder,
        closing(publisher.connect()) as other,
        locks.postgres_lock(holder, SCHEMA),
        pytest.raises(LockedError, match=r"of 54321 on .* Wait for it to end\."),
        locks.postgres_lock(other, SCHEMA),
    ):
        pass


@pytest.mark.parametrize(
    ("content", "who"),
    [
        ('{"process": 7, "host": "db"}', "process 7 of unknown on db, since unknown"),
        ("[7]", "a process that has not said who it is"),
        ("{", "a process that has not said who it is"),
    ],
)
def test_who_holds_a_lock_is_told_as_far_as_it_is_known(
    tmp_path: Path, content: str, who: str
) -> None:
    path = tmp_path / "work.lock"
    with locks.file_lock(path):
        path.with_name("work.lock.json").write_text(content)
        with pytest.raises(LockedError) as caught, locks.file_lock(path):
            pass
    assert str(caught.value) == (
        f"another run holds the lock {path}: {who}. Wait for it to end."
    )


@pytest.mark.parametrize(
    ("own", "source"), [("", "session"), ("keepalives_idle=30", "default")]
)
def test_a_session_that_waits_for_the_build_is_kept_alive(
    server: PostgresServer, database: str, own: str, source: str
) -> None:
    connection = psycopg2.connect(
        own, host=str(server.folder), user=server.user, dbname=database
    )
    with closing(connection), locks.postgres_lock(connection, SCHEMA):
        assert _rows(
            connection,
            "select source from pg_settings where name = 'tcp_keepalives_idle'",
        ) == [(source,)]


@pytest.mark.parametrize("name", ["", "a" * 37, 'a"b', "a'b"])
def test_a_name_that_cannot_be_swapped_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="it must be a name of 1 to 36 bytes"):
        PostgresSchema(name, "customer_journey", lambda: None)


@pytest.mark.parametrize("name", ["public", "information_schema", "pg_catalog", "pg_x"])
def test_a_schema_that_others_rely_on_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PostgresSchema(name, "customer_journey", lambda: None)
    assert str(caught.value) == (
        f"published_schema is '{name}', which is not ours to replace: name another "
        "schema in the variable published_schema."
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@dataclass(frozen=True)
class Runs:
    """Starts runs of the scratch project on a database."""

    project: Path
    variables: dict[str, str]

    def run(self, *options: str, **environment: str) -> Answer:
        """Run to the end, whatever the end is."""
        started = self.start(options, environment)
        _, err = started.communicate(timeout=240)
        assert "Traceback" not in err
        return Answer(started.returncode, err)

    def start(
        self, options: Sequence[str], environment: dict[str, str]
    ) -> subprocess.Popen[str]:
        """Start a run and return its process."""
        command = [sys.executable, str(PIPELINE), "run", "--no-report"]
        return subprocess.Popen(
            [*command, "--project-dir", str(self.project), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | self.variables | environment,
        )


@pytest.fixture
def runs(project: Path, server: PostgresServer, database: str) -> Runs:
    return Runs(project, server.environment | {"PGDATABASE": database})


def _wait_for(connection: Any, condition: str) -> list[tuple[Any, ...]]:
    """Return the sessions of publishers that fulfil a condition, once there are any."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        rows = _rows(
            connection,
            "select pid from pg_stat_activity where datname = current_database() "
            f"and application_name like 'customer_journey process %' and {condition}",
        )
        if rows:
            return rows
        time.sleep(0.05)
    raise AssertionError(f"nobody is there of whom {condition}")


def test_a_run_that_is_killed_leaves_what_was_there_and_no_lock(
    runs: Runs, server: PostgresServer, database: str
) -> None:
    assert runs.run("--vars", "version: 1") == Answer(0, "")
    with (
        closing(_connect(server, database)) as reader,
        closing(_connect(server, database)) as blocker,
    ):
        whole = (
            f"select min(version), max(version), run_id from {SCHEMA}.rpt_growth "
            f"cross join {SCHEMA}.run_info group by run_id"
        )
        [before] = _rows(reader, whole)
        assert before[:2] == (1, 1)
        # Nobody can rename a schema that somebody else is just renaming.
        blocker.cursor().execute(f"alter schema {SCHEMA} rename to elsewhere")
        killed = runs.start(["--vars", "version: 2"], {})
        [(backend,)] = _wait_for(reader, "wait_event_type = 'Lock'")
        second = runs.run(DBT_TARGET_PATH="elsewhere")
        assert second.exit_code == 4
        assert (
            f"Error: another run holds the lock of {database}.{SCHEMA}: " in second.err
        )
        assert f"customer_journey process {killed.pid} of " in second.err
        assert f"(server process {backend}, since " in second.err
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        blocker.rollback()
        assert _rows(reader, whole) == [before]
        while _rows(reader, f"select 1 from pg_stat_activity where pid = {backend}"):
            time.sleep(0.05)
        assert _rows(reader, whole) == [before]
        assert [name for name in _schemas(reader) if "_next_" in name]
        assert runs.run("--vars", "version: 3") == Answer(0, "")
        [after] = _rows(reader, whole)
        assert after[:2] == (3, 3)
        assert after[2] > before[2]
        assert _schemas(reader) == [SCHEMA, f"{SCHEMA}_marts"]


def test_a_schema_of_somebody_else_is_refused(
    runs: Runs, server: PostgresServer, database: str
) -> None:
    with closing(_connect(server, database)) as owner:
        _rows(owner, "create schema finance")
        _rows(owner, "create table finance.ledger as select 1 as entry")
        answer = runs.run("--vars", "published_schema: finance")
        assert answer.exit_code == 2
        assert answer.err == (
            "Error: schema finance was not published by this project: name another "
            "schema in the variable published_schema.\n"
        )
        assert _rows(owner, "select * from finance.ledger") == [(1,)]


def test_who_may_not_publish_is_told_so(
    runs: Runs, server: PostgresServer, database: str
) -> None:
    with closing(_connect(server, database)) as owner:
        _rows(owner, "drop role if exists builder")
        _rows(owner, "create role builder login")
        _rows(owner, "create schema build_marts authorization builder")
    answer = runs.run(PGUSER="builder", SCRATCH_SCHEMA="build")
    assert answer == Answer(
        2,
        f"Error: builder may not create schemas in {database}, and each publication is "
        f"one: grant create on database {database} to builder.\n",
    )


def test_a_server_that_is_not_there_is_one_sentence(runs: Runs, tmp_path: Path) -> None:
    answer = runs.run(PGHOST=str(tmp_path))
    assert answer.exit_code == 1
    assert answer.err.startswith("Error: ")
    assert str(tmp_path) in answer.err
    assert answer.err.count("\n") == 1


def test_a_database_that_is_not_there_is_told_apart(runs: Runs) -> None:
    """To try again mends nothing."""
    answer = runs.run(PGDATABASE="nowhere")
    assert answer.exit_code == 2
    assert 'database "nowhere" does not exist' in answer.err
    assert answer.err.count("\n") == 1
