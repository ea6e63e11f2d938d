"""Build the project on one engine, fit, score, validate, export the tables to Parquet.

    python scripts/parity_build.py TARGET FOLDER VARIABLES

A process of its own: Spark forgets the tables when the process ends that built them.
Writes `<table>.parquet` into FOLDER, that of the figures that would be published too,
and `seconds.json`: seconds per table, of the validation, and in all.
VARIABLES are dbt's, as JSON. Exit codes: 0 good; 1 with the reasons on standard output.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import dbt_runner
import validation
import value_fit
from variables import effective

PROJECT = Path(__file__).resolve().parents[1]
MAX_SCALE = 38
PUBLIC_PREFIXES = ("dim_", "fct_", "rpt_")
# Queries that are compared like tables: what each engine's counts were fitted by, and
# edge values through the macros.
PARAMETERS_QUERY = """
select fit_period, model, r, alpha, a, b, p, q, gamma, customers, log_likelihood
from {{ ref('int_fitted_parameters') }}
"""
VALUES_QUERIES = ("engine_values", "engine_statistics")


class BuildError(Exception):
    """Nodes failed, or checks found something; the message is a line for each."""


def build(options: list[str]) -> dict[str, tuple[str, float]]:
    """Build all but the tests; return source and seconds of every public table.

    Raises BuildError when a node fails, value_fit.FitError and dbt_runner.DbtError.
    """
    nodes = build_nodes(["--exclude", value_fit.SCORED, *options])
    value_fit.fit(PROJECT, options)
    nodes += build_nodes(["--select", value_fit.SCORED, *options])
    sources = {
        node.name: (node.relation, node.seconds)
        for node in nodes
        if node.name.startswith(PUBLIC_PREFIXES)
    }
    queries = {
        name: Path(__file__).with_name(f"{name}.sql").read_text()
        for name in VALUES_QUERIES
    }
    for name, query in ({"fitted_parameters": PARAMETERS_QUERY} | queries).items():
        inline = ["--inline", query, *options]
        (values,) = dbt_runner.run("compile", PROJECT, inline, lambda _: None)
        sources[name] = (f"({values.compiled_sql}) as {name}", 0.0)
    return sources


def build_nodes(options: list[str]) -> tuple[dbt_runner.Node, ...]:
    """Build seeds and models and return them; raises BuildError when one fails."""
    # The tables are equal to those of the demo, whose build runs the tests.
    untested = ["--exclude-resource-type", "test", "unit_test"]
    nodes = dbt_runner.run("build", PROJECT, [*untested, *options], lambda _: None)
    failed = [node for node in nodes if node.is_failed]
    if failed:
        lines = (dbt_runner.essential_sentence(node.message) for node in failed)
        names = (node.name for node in failed)
        raise BuildError("\n".join(map(": ".join, zip(names, lines, strict=True))))
    return nodes


def validate(options: list[str], variables: Mapping[str, Any]) -> pa.Table:
    """Check the tables as before a publication and return the figures of the run.

    Raises BuildError when a check finds anything, and dbt_runner.DbtError.
    """
    found = validation.validate(
        PROJECT,
        options,
        effective(PROJECT, variables),
        columns={},
        package_version="",
        published=None,
        now=datetime.now(UTC),
    )
    if found.findings:
        lines = (f"{one.check}: {one.sentence}" for one in found.findings)
        raise BuildError("\n".join(lines))
    names, tables, values = zip(*found.figures, strict=True)
    return pa.table({"figure": names, "table_name": tables, "value": values})


def read_duckdb(queries: Mapping[str, str]) -> dict[str, pa.Table]:
    """Return the result of each query on the DuckDB file of the dbt profile."""
    import duckdb

    dbt_runner.disconnect()
    path = os.environ["CUSTOMER_JOURNEY_DUCKDB_PATH"]
    with duckdb.connect(path, read_only=True) as connection:
        return {
            name: connection.sql(query).to_arrow_table()
            for name, query in queries.items()
        }


def read_postgres(queries: Mapping[str, str]) -> dict[str, pa.Table]:
    """Return the result of each query on the server that the PG* variables name."""
    import psycopg2

    types = {
        "bool": pa.bool_(),
        "int2": pa.int64(),
        "int4": pa.int64(),
        "int8": pa.int64(),
        "float8": pa.float64(),
        "text": pa.string(),
        "varchar": pa.string(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
    }
    tables = {}
    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        cursor.execute("select oid, typname from pg_type")
        type_names = dict(cursor.fetchall())
        for name, query in queries.items():
            cursor.execute(query)
            fields = [
                pa.field(
                    column.name,
                    types.get(type_names[column.type_code])
                    or _decimal_type(column.scale),
                )
                for column in cursor.description or ()
            ]
            values = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(fields)
            arrays = [
                pa.array(column, field.type)
                for column, field in zip(values, fields, strict=True)
            ]
            tables[name] = pa.table(arrays, schema=pa.schema(fields))
    return tables


def _decimal_type(scale: int) -> pa.DataType:
    """Return the type of a PostgreSQL numeric; without a scale it has a type apart."""
    is_declared = 0 <= scale <= MAX_SCALE
    return pa.decimal128(38, scale) if is_declared else pa.decimal256(76, MAX_SCALE)


def read_spark(queries: Mapping[str, str]) -> dict[str, pa.Table]:
    """Return the result of each query in the Spark session of this process."""
    from pyspark.sql import SparkSession

    session = SparkSession.builder.getOrCreate()
    try:
        return {name: session.sql(query).toArrow() for name, query in queries.items()}
    finally:
        session.stop()


READERS = {"dev": read_duckdb, "postgres": read_postgres, "spark": read_spark}


def main(target: str, folder: Path, variables: str) -> int:
    """Build and export; return the exit code."""
    start = time.perf_counter()
    options = ["--target", target, "--vars", variables]
    try:
        sources = build(options)
        built = time.perf_counter()
        figures = validate(options, json.loads(variables))
    except (BuildError, value_fit.FitError, dbt_runner.DbtError) as error:
        sys.stdout.write(f"{error}\n")
        return 1
    seconds = {name: spent for name, (_, spent) in sources.items()}
    seconds["run_figures"] = time.perf_counter() - built
    seconds["all"] = time.perf_counter() - start
    pq.write_table(figures, folder / "run_figures.parquet")
    queries = {name: f"select * from {source}" for name, (source, _) in sources.items()}
    for name, table in READERS[target](queries).items():
        pq.write_table(table, folder / f"{name}.parquet")
    (folder / "seconds.json").write_text(json.dumps(seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
