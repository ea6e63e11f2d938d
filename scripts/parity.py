"""Build the sample on several engines and compare every public table with DuckDB's.

    python scripts/parity.py --engines duckdb,postgres,spark

PostgreSQL is a private server and Spark a session, both started here and gone after.
Rows are sorted by all columns that are exact (text, integers, dates, decimals) and have
to be equal one by one; floats may differ by 1e-9 of their size.
Exit codes: 0 equal; 1 different, or a build failed; 2 an engine is not available.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Table

from postgres_server import PostgresUnavailableError, postgres_server

BUILD_SCRIPT = Path(__file__).with_name("parity_build.py")
FLOAT_TOLERANCE = 1e-9
SHOWN_KEY_COLUMNS = 6
SPARK_JAVA = 17
# Not the defaults, so that what they switch on is compared too.
VARIABLES: dict[str, Any] = {
    "reporting_timezone": "America/New_York",
    "segment_columns": ["acquisition_channel", "country"],
    "history_start_date": "2023-01-01",
    "left_truncation_days": 30,
    "week_start": "sunday",
    "attribution_half_life_days": 2.5,
    "attribution_first_touch_weight": 0.3,
    "attribution_last_touch_weight": 0.5,
    "marketing_spend_repeats": "reject",
    "churn_window_months": 2,
    "readiness_min_repeat_share": 0.5,
    "readiness_max_guest_share": 0.05,
    "value_calibration_end_date": "2024-03-31",
    "rfm_score_levels": 10,
}


class Engine(StrEnum):
    """An engine that the models run on."""

    DUCKDB = "duckdb"
    POSTGRES = "postgres"
    SPARK = "spark"


TARGETS = {Engine.DUCKDB: "dev", Engine.POSTGRES: "postgres", Engine.SPARK: "spark"}


class EngineUnavailableError(Exception):
    """What an engine needs is not installed; the message is a sentence."""


class BuildFailedError(Exception):
    """The project does not build on an engine; the message says why."""


@dataclass(frozen=True)
class Build:
    """The public tables that an engine built, and how long each of them took."""

    engine: Engine
    tables: dict[str, pa.Table]
    seconds: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """A public table of an engine beside DuckDB's; `difference` is empty if equal."""

    table: str
    engine: Engine
    rows: int
    seconds: float
    difference: str


def check_available(engine: Engine) -> None:
    """Raise EngineUnavailableError when the engine's adapter or Java is missing."""
    adapter = f"dbt.adapters.{engine}"
    if importlib.util.find_spec(adapter) is None:
        raise EngineUnavailableError(
            f"dbt-{engine} is not installed: make venv installs it."
        )
    if engine is Engine.SPARK:
        home = os.environ.get("JAVA_HOME")
        java = shutil.which(f"{home}/bin/java" if home else "java")
        if java is None:
            raise EngineUnavailableError("Spark needs Java 17, and there is no java.")
        answer = subprocess.run([java, "-version"], capture_output=True, check=False)
        version = re.search(rb'version "(\d+)', answer.stderr)
        if version is None or int(version[1]) < SPARK_JAVA:
            raise EngineUnavailableError(
                f"Spark needs Java {SPARK_JAVA} or later, and {java} is older."
            )


@contextmanager
def engine_environment(engine: Engine, folder: Path) -> Iterator[dict[str, str]]:
    """Yield the variables by which the dbt profile finds the engine, while it runs.

    Raises EngineUnavailableError when it cannot be started.
    """
    check_available(engine)
    try:
        with (
            postgres_server() if engine is Engine.POSTGRES else nullcontext() as server
        ):
            yield {
                "CUSTOMER_JOURNEY_DUCKDB_PATH": str(folder / "sample.duckdb"),
                "CUSTOMER_JOURNEY_SPARK_WAREHOUSE": str(folder / "warehouse"),
                "DBT_TARGET_PATH": str(folder / "target"),
                "DBT_LOG_PATH": str(folder / "logs"),
                **(server.environment if server else {}),
            }
    except PostgresUnavailableError as error:
        raise EngineUnavailableError(str(error)) from error


def build(engine: Engine, folder: Path) -> Build:
    """Build the sample on an engine, in a process of its own, with `folder` for files.

    Raises EngineUnavailableError and BuildFailedError.
    """
    folder.mkdir(parents=True)
    with (
        engine_environment(engine, folder) as environment,
        (folder / "errors.log").open("w") as errors,
    ):
        variables = json.dumps(VARIABLES)
        result = subprocess.run(
            [sys.executable, BUILD_SCRIPT, TARGETS[engine], folder, variables],
            env=os.environ | environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            check=False,
        )
    if result.returncode != 0:
        reason = result.stdout or (folder / "errors.log").read_text()
        raise BuildFailedError(f"The build on {engine} failed:\n{reason.strip()}")
    return Build(
        engine=engine,
        tables={
            file.stem: normalise(pq.read_table(file))
            for file in sorted(folder.glob("*.parquet"))
        },
        seconds=json.loads((folder / "seconds.json").read_text()),
    )


def normalise(table: pa.Table) -> pa.Table:
    """Return the table with one type for all integers, texts, decimals, timestamps."""

    def family(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_integer(kind):
            return pa.int64()
        if pa.types.is_large_string(kind):
            return pa.string()
        if pa.types.is_decimal128(kind):
            return pa.decimal128(38, kind.scale)
        if pa.types.is_timestamp(kind):
            return pa.timestamp("us")
        return kind

    fields = [pa.field(field.name, family(field.type)) for field in table.schema]
    return table.cast(pa.schema(fields))


def differing_rows(
    expected: pa.ChunkedArray, found: pa.ChunkedArray
) -> npt.NDArray[np.bool_]:
    """Return for two columns of one type and length which rows are not equal.

    Null equals null only; floats are equal within FLOAT_TOLERANCE of their size.
    """
    nulls = pc.xor(pc.is_null(expected), pc.is_null(found))
    values = pc.fill_null(pc.not_equal(expected, found), False)
    differing = pc.or_(nulls, values).to_numpy()
    if pa.types.is_floating(expected.type):
        one, other = expected.to_numpy(), found.to_numpy()
        close = np.isclose(one, other, rtol=FLOAT_TOLERANCE, atol=0, equal_nan=True)
        differing &= nulls.to_numpy() | ~close
    return np.asarray(differing, dtype=np.bool_)


def first_difference(expected: pa.Table, found: pa.Table) -> str:
    """Return the first place where two normalised tables differ, empty if nowhere."""
    if expected.schema != found.schema:
        wanted, got = set(expected.schema), set(found.schema)
        missing = ", ".join(f"{field.name} {field.type}" for field in wanted - got)
        extra = ", ".join(f"{field.name} {field.type}" for field in got - wanted)
        return f"columns: {missing or 'none'} became {extra or 'none, or their order'}"
    exact = [
        (field.name, "ascending")
        for field in expected.schema
        if not pa.types.is_floating(field.type)
    ]
    expected, found = expected.sort_by(exact), found.sort_by(exact)
    rows = min(expected.num_rows, found.num_rows)
    first: dict[str, int] = {}
    for name in expected.column_names:
        differing = differing_rows(
            expected[name].slice(length=rows), found[name].slice(length=rows)
        )
        if differing.any():
            first[name] = int(differing.argmax())
    if first:
        name = min(first, key=lambda name: first[name])
        row = first[name]
        key = ", ".join(
            f"{column}={expected[column][row].as_py()}"
            for column in expected.column_names[:SHOWN_KEY_COLUMNS]
        )
        before, after = expected[name][row].as_py(), found[name][row].as_py()
        return f"{name}: {before!r} became {after!r} at {key}"
    if expected.num_rows != found.num_rows:
        return f"{expected.num_rows} rows became {found.num_rows}"
    return ""


def compare(reference: Build, other: Build) -> list[Comparison]:
    """Return every public table of either build, with the first difference."""
    comparisons = []
    for name in sorted(reference.tables.keys() | other.tables.keys()):
        if name in reference.tables and name in other.tables:
            difference = first_difference(reference.tables[name], other.tables[name])
        else:
            difference = "missing"
        comparisons.append(
            Comparison(
                table=name,
                engine=other.engine,
                rows=other.tables[name].num_rows if name in other.tables else 0,
                seconds=other.seconds.get(name, 0.0),
                difference=difference,
            )
        )
    return comparisons


def build_all(engines: Sequence[Engine], folder: Path) -> list[Build]:
    """Build the sample on DuckDB first, and then on the other engines.

    Raises EngineUnavailableError and BuildFailedError.
    """
    for engine in engines:
        check_available(engine)
    others = [engine for engine in engines if engine is not Engine.DUCKDB]
    return [build(engine, folder / engine) for engine in [Engine.DUCKDB, *others]]


def show(builds: Sequence[Build], comparisons: Sequence[Comparison]) -> None:
    """Print a line per table and engine, and the seconds of each build."""
    table = Table("table", "rows", "engine", "seconds", "against DuckDB")
    for row in comparisons:
        table.add_row(
            row.table,
            f"{row.rows:,}",
            row.engine,
            f"{row.seconds:.1f}",
            f"[red]{row.difference}" if row.difference else "equal",
        )
    console = Console()
    console.print(table)
    for done in builds:
        console.print(f"{done.engine}: built in {done.seconds['all']:.0f} s")


def main(
    engines: Annotated[
        str, typer.Option(help="Comma-separated; DuckDB is always built.")
    ] = ",".join(Engine),
) -> None:
    """Build the sample on several engines and compare every public table."""
    try:
        chosen = [Engine(name.strip()) for name in engines.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"{error}: use {', '.join(Engine)}.") from error
    try:
        with tempfile.TemporaryDirectory(prefix="customer_journey_parity_") as folder:
            builds = build_all(chosen, Path(folder))
    except EngineUnavailableError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    except BuildFailedError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    reference, *others = builds
    comparisons = [row for other in others for row in compare(reference, other)]
    show(builds, comparisons)
    raise typer.Exit(int(any(row.difference for row in comparisons)))


if __name__ == "__main__":
    typer.run(main)
