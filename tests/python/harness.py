"""Runs the project's models on small inputs, in a fraction of dbt's start-up time.

dbt reads the project once, as a package of a throw-away root project whose inputs are
empty seeds, and compiles it once for each set of variables and column types. After that
an example is its raw rows and the compiled statements, run in order in one DuckDB
transaction that is rolled back once the tables asked for have been read. The seeds that
define the journey can hold other rows for one run, or be replaced by seeds of the root
project.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any
from unittest.mock import patch

import duckdb
import pandas as pd
from typer.testing import CliRunner

PROJECT = Path(__file__).parents[2]
WORK = TemporaryDirectory(prefix="customer_journey_harness_")
DATABASE = "harness.duckdb"
# All columns of every input, as the contract names them, and one segment column.
COLUMNS = {
    "transactions": [
        *("transaction_id", "customer_id", "occurred_at", "amount", "currency"),
        *("transaction_type", "original_transaction_id", "cost", "sales_channel"),
        "loaded_at",
    ],
    "touchpoints": [
        *("touchpoint_id", "customer_id", "visitor_id", "occurred_at"),
        *("touchpoint_type", "channel", "campaign", "outcome", "loaded_at"),
    ],
    "marketing_spend": ["spend_date", "channel", "campaign", "amount", "currency"],
    "survey_responses": [
        *("response_id", "customer_id", "responded_at", "question_id", "score"),
        *("comment", "loaded_at"),
    ],
    "customers": ["customer_id", "created_at", "region"],
    "identities": ["visitor_id", "customer_id"],
    "exchange_rates": ["rate_date", "currency", "rate"],
}
Types = Mapping[str, Mapping[str, str]]
Tables = Mapping[str, pd.DataFrame]
TEXT: Types = {name: dict.fromkeys(cols, "varchar") for name, cols in COLUMNS.items()}


class DbtError(RuntimeError):
    """dbt did not carry out a command; the message says what it answered."""


@dataclass(frozen=True)
class Model:
    """A compiled model: name, quoted relation, its query and the models it reads."""

    name: str
    relation: str
    materialized: str
    sql: str
    parents: frozenset[str]


@dataclass(frozen=True)
class Compiled:
    """The project compiled for one set of variables and input columns."""

    connection: duckdb.DuckDBPyConnection
    models: list[Model]
    types: Types
    relations: dict[str, str] = field(default_factory=dict)

    def needed(self, tables: set[str]) -> list[Model]:
        """Return the models that these tables are made of, in the order to build."""
        names, models = set(tables), []
        for model in reversed(self.models):
            if model.name in names:
                names |= model.parents
                models.append(model)
        return models[::-1]

    def run(
        self, inputs: Tables, tables: Iterable[str], seeds: Tables | None = None
    ) -> dict[str, pd.DataFrame]:
        """Build on these raw rows and return the named tables.

        An input that is absent from `inputs` is empty; a configuration seed that is
        absent from `seeds` holds what it always holds. Raises duckdb.Error when a
        model stops the build.
        """
        self.connection.execute("begin")
        try:
            for name in seeds or {}:
                self.connection.execute(f"delete from {self.relations[name]}")
            for name, rows in (dict(inputs) | dict(seeds or {})).items():
                self.connection.register("raw_rows", rows)
                columns = ", ".join(f'"{column}"' for column in rows)
                self.connection.execute(
                    f"insert into {self.relations[name]} ({columns})"
                    f" select {columns} from raw_rows"
                )
                self.connection.unregister("raw_rows")
            tables = list(tables)
            for model in self.needed(set(tables)):
                kind = "view" if model.materialized == "view" else "table"
                self.connection.execute(
                    f"create or replace {kind} {model.relation} as {model.sql}"
                )
            places = {model.name: model.relation for model in self.models}
            return {
                table: self.connection.execute(f"select * from {places[table]}").df()
                for table in tables
            }
        finally:
            self.connection.execute("rollback")


def dbt(
    *arguments: str, folder: Path, profiles: Path | None = None, manifest: Any = None
) -> Any:
    """Run dbt on the project of a folder; return its result or raise DbtError.

    The profile lies in `folder` too unless `profiles` names another one. A `manifest`
    is the project as `dbt parse` has returned it, and is not read again.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    places = ["--project-dir", str(folder), "--profiles-dir", str(profiles or folder)]
    # Nobody reads the files.
    silence = ["--quiet", "--log-level-file", "none", "--no-write-json"]
    answer = dbtRunner(manifest=manifest).invoke([*silence, *arguments, *places])
    DuckDBConnectionManager.close_all_connections()
    if not answer.success:
        raise DbtError(
            f"dbt {' '.join(arguments)}: {answer.exception or answer.result}"
        )
    return answer.result


def write_profile(folder: Path) -> None:
    """Let dbt work on the folder's own database."""
    target = {"type": "duckdb", "path": str(folder / DATABASE), "threads": 1}
    profile = {"harness": {"target": "duckdb", "outputs": {"duckdb": target}}}
    (folder / "profiles.yml").write_text(json.dumps(profile))


def write_root_project(
    folder: Path,
    variables: Mapping[str, Any],
    types: Types,
    own_seeds: Mapping[str, str] | None = None,
) -> None:
    """Make a dbt project that installs this one and has an empty seed per input.

    `own_seeds` are configuration seeds of the new project, as CSV, that stand in for
    the package's of the same name.
    """
    own = dict(own_seeds or {})
    inputs = {
        f"{name}_input": f"raw_{name}" if name in types else None for name in COLUMNS
    }
    project = {
        "name": "harness",
        "profile": "harness",
        "flags": {
            "send_anonymous_usage_stats": False,
            "require_ref_searches_node_package_before_root": True,
        },
        "vars": {"customer_journey": inputs | dict(variables)},
        "seeds": {
            "customer_journey": {"config": {name: {"+enabled": False} for name in own}}
        },
    }
    seeds = [
        {"name": f"raw_{name}", "config": {"column_types": dict(columns)}}
        for name, columns in types.items()
    ]
    (folder / "seeds").mkdir(parents=True)
    # JSON is YAML too.
    for file, content in {
        "dbt_project.yml": project,
        "packages.yml": {"packages": [{"local": str(PROJECT)}]},
        "seeds/seeds.yml": {"seeds": seeds},
    }.items():
        (folder / file).write_text(json.dumps(content))
    write_profile(folder)
    headers = {f"raw_{name}": ",".join(columns) for name, columns in types.items()}
    for name, text in (headers | own).items():
        (folder / "seeds" / f"{name}.csv").write_text(text + "\n")


@cache
def parse_json(inputs: str, own_seeds: str) -> tuple[Path, Any]:
    """Read the project and make its seeds' tables; return its folder and manifest."""
    folder = Path(mkdtemp(dir=WORK.name)) / "project"
    write_root_project(folder, json.loads(inputs), TEXT, json.loads(own_seeds))
    dbt("deps", folder=folder)
    manifest = dbt("parse", folder=folder)
    dbt("seed", folder=folder, manifest=manifest)
    return folder, manifest


@cache
def compile_json(variables: str, types: str, own_seeds: str) -> Compiled:
    """`compile_project`, with its arguments as JSON so that they can be a key."""
    values, parsed = json.loads(variables), json.loads(types)
    # Only names of inputs change what a model reads, or whether there is one; an input
    # that is off is read by nobody, whatever the manifest says.
    inputs = {name: value for name, value in values.items() if name.endswith("_input")}
    project, manifest = parse_json(json.dumps(inputs), own_seeds)
    folder = Path(mkdtemp(dir=WORK.name))
    write_profile(folder)
    shutil.copy(project / DATABASE, folder)
    with duckdb.connect(str(folder / DATABASE)) as database:
        for name, columns in parsed.items():
            typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            database.execute(f"create or replace table raw_{name} ({typed})")
    off = {f"{name}_input": None for name in COLUMNS if name not in parsed}
    result = dbt(
        *("compile", "--select", "resource_type:model", "resource_type:seed"),
        *("--vars", json.dumps(off | values)),
        folder=project,
        profiles=folder,
        manifest=manifest,
    )
    nodes = [item.node for item in result.results]
    models = [
        Model(
            node.name,
            node.relation_name,
            node.config.materialized,
            node.compiled_code,
            frozenset(parent.rsplit(".", 1)[1] for parent in node.depends_on.nodes),
        )
        for node in nodes
        if node.resource_type == "model" and node.config.materialized != "ephemeral"
    ]
    relations = {
        node.name.removeprefix("raw_"): node.relation_name
        for node in nodes
        if node.resource_type == "seed"
        and node.name not in {f"raw_{name}" for name in COLUMNS if name not in parsed}
    }
    # Small tables are quicker on one thread.
    connection = duckdb.connect(str(folder / DATABASE), config={"threads": 1})
    for schema in sorted({model.relation.rsplit(".", 1)[0] for model in models}):
        connection.execute(f"create schema if not exists {schema}")
    return Compiled(connection, models, parsed, relations)


def compile_project(
    variables: Mapping[str, Any] | None = None,
    types: Types = TEXT,
    own_seeds: Mapping[str, str] | None = None,
) -> Compiled:
    """Compile the project under these variables, for inputs of these types.

    An input without types is switched off. `own_seeds` are CSV texts of configuration
    seeds that the root project replaces. Compiling takes more than a second and is done
    once for each set of arguments.
    """
    arguments = (variables or {}, types, own_seeds or {})
    return compile_json(*(json.dumps(each, sort_keys=True) for each in arguments))


@dataclass(frozen=True)
class Answer:
    """How a command ended: exit code and what it printed."""

    exit_code: int
    text: str


@cache
def sample_manifest() -> Any:
    """Return the project as dbt reads it, with the sample for inputs.

    It holds the name of the database, whoever asks first: that of a `work.duckdb`.
    """
    with patch.dict(os.environ, {"CUSTOMER_JOURNEY_DUCKDB_PATH": "work.duckdb"}):
        return dbt("parse", folder=PROJECT)


def run_pipeline(folder: Path, *options: str, is_sample: bool = True) -> Answer:
    """Run `scripts/pipeline.py run` in this process, into `work.duckdb` of a folder.

    On the sample dbt reads the project once for all runs: variables may not name
    inputs. An exception that the command lets through is raised.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    import dbt_runner
    import pipeline

    places = {
        "CUSTOMER_JOURNEY_DUCKDB_PATH": str(folder / "work.duckdb"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    with chdir(PROJECT), patch.dict(os.environ, places):
        runner = partial(dbtRunner, manifest=sample_manifest() if is_sample else None)
        with patch.object(dbt_runner, "dbtRunner", runner):
            done = CliRunner().invoke(pipeline.app, ["run", "--no-publish", *options])
        DuckDBConnectionManager.close_all_connections()
    if not isinstance(done.exception, SystemExit | None):
        raise done.exception
    return Answer(done.exit_code, done.output)
