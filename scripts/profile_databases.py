"""Opens tables of a DuckDB file, or of the database of a project's target."""

import difflib
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from profile_columns import quote, split_words
from profile_proposal import POSTGRES
from profile_sql import identifier, literal
from profile_workspace import (
    DATABASE,
    ProfileError,
    Source,
    Table,
    Workspace,
    check_file,
    is_full_disk,
    sentence_of,
)

# Tables of a server are read from a copy under this name.
COPY = "copied_tables"
UNQUALIFIED = (
    "A view that names tables of the schema main without it: dbt reads it from an "
    "attached file once it is created anew, with main. before the name of each table."
)
# Names that DuckDB has for something else.
TAKEN_NAMES = frozenset({"main", "memory", "system", "temp", COPY, DATABASE})

_POSTGRES_TYPES: Mapping[str, str] = {
    "smallint": "bigint",
    "integer": "bigint",
    "bigint": "bigint",
    "real": "double",
    "double precision": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
}

_SHORT_TYPES: Mapping[str, str] = {
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "double precision": "double",
}


def open_database(
    work: Workspace, path: Path, tables: Sequence[str], is_target: bool = False
) -> list[Table]:
    """Return tables of a DuckDB file: those that are named, or all.

    `is_target` says that dbt builds in this file, so that nothing needs attaching.
    What cannot be read is left out with a sentence in the workspace.
    """
    name = _attach(work, path)
    found = work.connection.execute(
        "select schema_name, table_name from duckdb_tables() "
        "where database_name = ? and not internal union all "
        "select schema_name, view_name from duckdb_views() "
        "where database_name = ? and not internal order by 1, 2",
        [name, name],
    ).fetchall()
    if not found:
        raise ProfileError(f"{path} has no table.")
    opened = [
        one
        for schema, table in _choose(found, tables, str(path))
        if (one := _open_table(work, path, (name, schema, table), is_target))
    ]
    if not opened:
        raise ProfileError(work.left_out[-1])
    return opened


def _open_table(
    work: Workspace, path: Path, place: tuple[str, str, str], is_target: bool
) -> Table | None:
    """Return a table or view of an attached file, or nothing if it cannot be read."""
    name, schema, table = place
    label = f"{path.name}: {schema}.{table}"
    relation = ".".join(quote(part) for part in place)
    notes: tuple[str, ...] = ()
    try:
        work.connection.execute(f"describe select * from {relation}")
    except duckdb.Error as error:
        relation = _copy_view(work, *place)
        if not relation:
            work.left_out.append(sentence_of(label, error))
            return None
        # The database that dbt builds in reads its own views.
        notes = () if is_target else (UNQUALIFIED,)
    source = Source(
        name=_source_name(work, name, schema),
        schema=schema,
        table=table,
        database="" if is_target else name,
    )
    return Table(
        name=split_words(table),
        label=label,
        relation=relation,
        import_sql=_source_select(source.name, table),
        source=source,
        notes=notes,
    )


def _source_name(work: Workspace, database: str, schema: str) -> str:
    """Return a name for the tables of a schema that no other schema gets."""
    if schema == "main":
        return database
    is_alone = not work.attached.keys() - {database, COPY}
    return schema if is_alone and schema != database else f"{database}_{schema}"


def _attach(work: Workspace, path: Path) -> str:
    """Attach a DuckDB file and return its name, which dbt writes without quotes."""
    absolute = path.absolute()
    for name, file in work.attached.items():
        if file == absolute:
            return name
    plain = split_words(path.stem)
    if identifier(plain) != plain:
        plain = f"data_{plain}".rstrip("_")
    names = (plain, *(f"{plain}_{number}" for number in range(2, 100)))
    taken = TAKEN_NAMES | work.attached.keys()
    name = next(one for one in names if one not in taken)
    try:
        work.connection.execute(
            f"attach {literal(str(absolute))} as {name} (read_only)"
        )
    except duckdb.Error as error:
        raise ProfileError(sentence_of(str(path), error)) from error
    work.attached[name] = absolute
    return name


def _copy_view(work: Workspace, database: str, schema: str, view: str) -> str:
    """Copy a view that is read only where its database is the one in use.

    It names tables of the schema main without that. Returns the copy, or nothing where
    the view cannot be read there either.
    """
    place = f"{_copies(work)}.{quote(f'{database}_{schema}')}"
    relation = f"{place}.{quote(view)}"
    work.connection.execute(f"create schema if not exists {place}")
    work.connection.execute(f"use {database}")
    try:
        work.connection.execute(
            f"create table {relation} as select * from {quote(schema)}.{quote(view)}"
        )
    except duckdb.Error as error:
        if is_full_disk(error):
            raise
        return ""
    finally:
        work.connection.execute(f"use {DATABASE}")
    return relation


def _copies(work: Workspace) -> str:
    """Return the database that tables are copied into, made when it is needed."""
    if COPY not in work.attached:
        path = work.folder / f"{COPY}.duckdb"
        work.connection.execute(f"attach {literal(str(path))} as {COPY}")
        work.attached[COPY] = path
    return COPY


def open_target(
    work: Workspace, target: str | None, tables: Sequence[str]
) -> list[Table]:
    """Return the named tables of the database of a project's target.

    Raises ProfileError if there is no such target, database or table.
    """
    # dbt takes seconds to import, and a file needs none of it before the trial.
    import dbt_runner

    profiles = dbt_runner.profiles_folder(work.project) / dbt_runner.PROFILES
    if not profiles.exists():
        raise ProfileError(
            f"there is no {profiles}, which would say where the tables are: name a "
            "project with --project-dir, or files instead of --table."
        )
    folder = work.folder / "target_reader"
    folder.mkdir()
    shutil.copy(profiles, folder)
    name = _profile_name(work.project / "dbt_project.yml")
    (folder / "dbt_project.yml").write_text(
        f"name: profile_reader\nversion: 0.0.1\nprofile: {name}\n"
        "flags: {send_anonymous_usage_stats: false}\n"
    )
    options = ["--target", target] if target else []
    try:
        loaded = dbt_runner.load(folder, options, folder / "target")
        if loaded.engine == POSTGRES:
            work.server = dbt_runner.connect()
            return _copy_tables(work, tables)
    except dbt_runner.DbtError as error:
        raise ProfileError(str(error)) from error
    if loaded.database_file is None:
        raise ProfileError(
            f"profile reads tables of DuckDB and PostgreSQL, not of {loaded.engine}: "
            "export them as Parquet files and name those."
        )
    file = loaded.database_file
    if file.is_relative_to(folder):
        file = work.project / file.relative_to(folder)
    check_file(file)
    return open_database(work, file, tables, is_target=True)


def explain(work: Workspace, table: Table, sql: str) -> str:
    """Ask PostgreSQL for the plan of a model; return what it has against it."""
    if table.engine != POSTGRES or table.source is None:
        return ""
    import psycopg2

    place = f"{quote(table.source.schema)}.{quote(table.source.table)}"
    query = re.sub(r"\{\{ source\(.*?\) \}\}", lambda _: place, sql)
    try:
        with work.server.cursor() as cursor:
            cursor.execute(f"explain {query}")
    except psycopg2.Error as error:
        return str(error).splitlines()[0]
    return ""


def _source_select(source: str, table: str) -> str:
    return f"select *\nfrom {{{{ source('{source}', '{table}') }}}}"


def _choose(
    found: Sequence[tuple[str, str]], wanted: Sequence[str], place: str
) -> list[tuple[str, str]]:
    """Return the tables that are asked for, with or without their schema."""
    if not wanted:
        return list(found)
    chosen = []
    for name in wanted:
        schema, _, table = name.rpartition(".")
        matches = [one for one in found if one[1] == table and schema in ("", one[0])]
        if not matches:
            known = [f"{one[0]}.{one[1]}" for one in found]
            near = difflib.get_close_matches(
                name, [*known, *(t for _, t in found)], n=1
            )
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ProfileError(f"there is no table {name} in {place}.{hint}")
        if len(matches) > 1:
            places = ", ".join(f"{one[0]}.{one[1]}" for one in matches)
            raise ProfileError(f"{name} could be {places}: name the schema too.")
        chosen += matches
    return chosen


def _profile_name(project_file: Path) -> str:
    import yaml

    try:
        content = yaml.safe_load(project_file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ProfileError(f"{project_file} cannot be read as YAML: {error}") from error
    name = (content or {}).get("profile")
    if not name:
        raise ProfileError(f"{project_file} names no profile.")
    return str(name)


def _copy_tables(work: Workspace, wanted: Sequence[str]) -> list[Table]:
    """Copy tables of PostgreSQL into a DuckDB file of the workspace."""
    import psycopg2

    _copies(work)
    try:
        work.server.set_session(readonly=True, autocommit=True)
        with work.server.cursor() as cursor:
            cursor.execute("set timezone to 'UTC'")
            cursor.execute("set datestyle to 'ISO'")
            cursor.execute(
                "select table_schema, table_name from information_schema.tables "
                "where table_schema not in ('pg_catalog', 'information_schema') "
                "order by 1, 2"
            )
            chosen = _choose(cursor.fetchall(), wanted, "the target's database")
            return [
                _copy_table(work, cursor, schema, table) for schema, table in chosen
            ]
    except psycopg2.Error as error:
        raise ProfileError(" ".join(str(error).split())) from error


def _copy_table(work: Workspace, cursor: Any, schema: str, table: str) -> Table:
    """Copy a table by way of a file, whose rows need no memory."""
    cursor.execute(
        "select column_name, data_type, numeric_precision, numeric_scale "
        "from information_schema.columns where table_schema = %s and table_name = %s "
        "order by ordinal_position",
        (schema, table),
    )
    described = cursor.fetchall()
    types = {name: _SHORT_TYPES.get(kind, kind) for name, kind, *_ in described}
    columns = ", ".join(
        f"{literal(name)}: {literal(_duckdb_type(kind, digits, scale))}"
        for name, kind, digits, scale in described
    )
    place = f"{quote(schema)}.{quote(table)}"
    file = work.folder / "copied.csv"
    with file.open("wb") as target:
        cursor.copy_expert(
            f"copy (select * from {place}) to stdout with (format csv, null '\\N')",
            target,
        )
    relation = f"{COPY}.{place}"
    work.connection.execute(f"create schema if not exists {COPY}.{quote(schema)}")
    if described:
        work.connection.execute(
            f"create table {relation} as select * from read_csv("
            f"{literal(str(file))}, columns = {{{columns}}}, header = false, "
            "delim = ',', quote = '\"', escape = '\"', nullstr = '\\N', "
            "auto_detect = false, new_line = '\\n')"
        )
    file.unlink()
    return Table(
        name=split_words(table),
        label=f"{schema}.{table}",
        relation=relation,
        import_sql=_source_select(schema, table),
        engine=POSTGRES,
        source=Source(schema, schema, table),
        types=types,
    )


def _duckdb_type(kind: str, digits: int | None, scale: int | None) -> str:
    if kind == "numeric":
        is_small = digits is not None and digits <= 38
        return f"decimal({digits}, {scale})" if is_small else "double"
    return _POSTGRES_TYPES.get(kind, "varchar")
