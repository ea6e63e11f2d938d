r"""Measure a build of this project beside the same tables written by hand.

    python scripts/benchmark.py
    python scripts/benchmark.py --scales 1000000,3000000,10000000 \
        --report docs/performance.md

Three ways to the same public tables, each in a process of its own and into a new file,
on DuckDB with the same threads and memory limit: `dbt build` of this project as a
package (models and config seeds, no tests), the SQL that dbt compiled for it run in one
session without dbt, and `benchmark_baseline.sql`, written by hand. The tables of the
first and the last must be equal, or their seconds would mean nothing. Customers are
scored by published parameters of the customer value models; nothing is fitted. Beside
them stands what `scripts/pipeline.py` does after a build: validate and publish the
tables, and draw the report.

Inputs and databases stay in warehouse/benchmark/<transactions>/.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer

PROJECT = Path(__file__).resolve().parents[1]
WORK = PROJECT / "warehouse" / "benchmark"
INPUTS = (
    "transactions", "touchpoints", "marketing_spend", "survey_responses", "customers",
    "identities", "exchange_rates",
)  # fmt: skip
TABLES = (
    "dim_periods", "dim_channels", "dim_customers", "fct_journey_events",
    "fct_stage_history",
    "rpt_stage_transitions", "rpt_stage_funnel", "rpt_milestone_scorecard",
    "fct_survey_scores", "rpt_experience", "rpt_brand_performance",
    "rpt_cohort_retention", "rpt_retention", "rpt_churn_by_month_number",
    "rpt_retention_readiness", "rpt_growth", "rpt_growth_accounting",
    "rpt_revenue_decomposition", "fct_customer_value", "rpt_value_calibration",
    "fct_attribution_credits", "rpt_attribution",
    "rpt_acquisition", "rpt_conversion", "rpt_cac_payback", "rpt_channel_transitions",
    "rpt_channel_effects", "fct_rejected_rows", "rpt_input_quality",
)  # fmt: skip
# Sentences of the build alone; what they tell is in other columns too.
SENTENCES = frozenset({"reason", "remedy"})
# The seed that gives parameters of customer value, and its columns r to gamma: those
# published for CDNOW (Fader, Hardie & Lee 2005; Fader & Hardie 2013), and mbg_nbd
# fitted to the same customers. Without parameters nobody would be scored.
PARAMETERS = "value_parameters"
VALUE_PARAMETERS = {
    "bg_nbd": "0.243,4.414,0.793,2.426,,,",
    "mbg_nbd": "0.525,6.183,0.891,1.614,,,",
    "gamma_gamma": ",,,,6.25,3.74,15.44",
}
TIMEZONE = "America/New_York"
TOUCHPOINTS_PER_TRANSACTION = 3
THREADS = 2
MEMORY_LIMIT = "7GB"
STORAGE = "v1.2.0"
TOLERANCE = 1e-9  # of a sum of floats, relative to the sum of their magnitudes
REPORT_MARKER = "<!-- Below this line scripts/benchmark.py writes. -->\n"
SHOWN_MODELS = 12


class BenchmarkError(Exception):
    """A run failed, or two ways to a table disagree; the message says which."""


@dataclass(frozen=True)
class Usage:
    """What a process took: wall and CPU seconds (user + system), peak memory in bytes.

    `disk` is the size in bytes of the database that it wrote.
    """

    wall: float
    cpu: float
    memory: int
    disk: int


@dataclass(frozen=True)
class Node:
    """A seed or model that dbt built: its own seconds, how and where it is stored.

    `folder` is where its project keeps it, like models/marts/growth.
    """

    name: str
    folder: str
    seconds: float
    materialized: str
    relation: str
    sql: str


@dataclass(frozen=True)
class Outcome:
    """The measurements at one scale.

    `build_seconds` is the wall time from the first node's start to the last one's end;
    `reads` has the columns of each scan of raw Parquet.
    """

    transactions: int
    ways: dict[str, Usage]
    nodes: tuple[Node, ...]
    build_seconds: float
    reads: dict[str, list[str]]


def measure(command: Sequence[str], database: Path) -> Usage:
    """Run a command that writes a database; raises BenchmarkError if it fails."""
    database.unlink(missing_ok=True)
    log = database.with_suffix(".log")
    start = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=database.parent, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = "\n".join(log.read_text().splitlines()[-20:])
        raise BenchmarkError(f"{log} ends with\n{tail}")
    # Linux counts ru_maxrss in kibibytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = used.ru_utime + used.ru_stime
    return Usage(wall, cpu, used.ru_maxrss * unit, database.stat().st_size)


def make_inputs(transactions: int, folder: Path) -> int:
    """Generate the inputs unless they are there; return the number of transactions."""
    sizes = {
        "transactions": transactions,
        "touchpoints": TOUCHPOINTS_PER_TRANSACTION * transactions,
    }
    truths = folder / "truths.json"
    if not truths.exists() or not (
        sizes.items() <= json.loads(truths.read_text())["request"].items()
    ):
        generator = Path(__file__).with_name("generate_sample_data.py")
        options = [word for name, n in sizes.items() for word in (f"--{name}", str(n))]
        places = ["--format", "parquet", "--output", str(folder)]
        subprocess.run([sys.executable, str(generator), *options, *places], check=True)
    for name in INPUTS:
        (folder / f"{name}.parquet").read_bytes()  # every run finds a warm page cache
    return int(json.loads(truths.read_text())["inputs"]["transactions"]["rows"])


def write_value_parameters(folder: Path) -> None:
    """Write a seed of the root project that stands in for the package's empty one."""
    package = PROJECT / "seeds" / "config" / f"{PARAMETERS}.csv"
    header, *_ = package.read_text().splitlines()
    rows = [
        f"{period},{model},{values},week,USD,,,,true,"
        for period in ("full", "calibration")
        for model, values in VALUE_PARAMETERS.items()
    ]
    folder.mkdir()
    (folder / package.name).write_text("\n".join([header, *rows, ""]))


def write_root_project(folder: Path, inputs: Path) -> None:
    """Make a dbt project that installs this one and views the inputs as Parquet."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "models").mkdir(parents=True)
    write_value_parameters(folder / "seeds")
    variables = {f"{name}_input": f"raw_{name}" for name in INPUTS}
    target = {
        "type": "duckdb",
        "path": str(folder / "ours.duckdb"),
        "threads": THREADS,
        "settings": {
            "TimeZone": "UTC",
            "threads": THREADS,
            "memory_limit": MEMORY_LIMIT,
        },
        "config_options": {"storage_compatibility_version": STORAGE},
    }
    # JSON is YAML too.
    for file, content in {
        "dbt_project.yml": {
            "name": "benchmark",
            "profile": "benchmark",
            "flags": {"send_anonymous_usage_stats": False},
            "vars": {"customer_journey": variables | {"reporting_timezone": TIMEZONE}},
            "seeds": {
                "customer_journey": {
                    "config": {"value_parameters": {"+enabled": False}}
                }
            },
        },
        "profiles.yml": {"benchmark": {"target": "dev", "outputs": {"dev": target}}},
        "packages.yml": {"packages": [{"local": str(PROJECT)}]},
    }.items():
        (folder / file).write_text(json.dumps(content))
    for name in INPUTS:
        (folder / "models" / f"raw_{name}.sql").write_text(
            "{{ config(materialized='view') }}\n"
            f"select * from read_parquet('{inputs / name}.parquet')\n"
        )


def build_with_dbt(folder: Path) -> tuple[Usage, tuple[Node, ...], float]:
    """Build the root project; return what it took, its nodes and dbt's elapsed time."""
    dbt = [str(Path(sys.executable).with_name("dbt"))]
    places = ["--project-dir", str(folder), "--profiles-dir", str(folder)]
    subprocess.run([*dbt, "--quiet", "deps", *places], cwd=folder, check=True)
    kinds = ["--resource-type", "model", "--resource-type", "seed"]
    usage = measure([*dbt, "build", *kinds, *places], folder / "ours.duckdb")
    results = json.loads((folder / "target" / "run_results.json").read_text())
    manifest = json.loads((folder / "target" / "manifest.json").read_text())
    nodes = tuple(
        Node(
            name=node["name"],
            folder=str(Path(node["original_file_path"]).parent),
            seconds=result["execution_time"],
            materialized=node["config"]["materialized"],
            relation=node["relation_name"],
            sql=result["compiled_code"] or "",
        )
        for result in results["results"]
        for node in [manifest["nodes"][result["unique_id"]]]
    )
    return usage, nodes, float(results["elapsed_time"])


def open_new(database: Path) -> duckdb.DuckDBPyConnection:
    """Open a session that writes a new database, named ours, as dbt's build does."""
    connection = duckdb.connect()
    connection.execute(
        f"""
        set TimeZone = 'UTC';
        set threads = {THREADS};
        set memory_limit = '{MEMORY_LIMIT}';
        attach '{database}' as ours (storage_version '{STORAGE}');
        use ours
        """
    )
    return connection


def run_compiled(folder: Path) -> None:
    """Run what dbt compiled, in the same order, in one session without dbt."""
    connection = open_new(folder / "sql.duckdb")
    connection.execute(f"attach '{folder / 'ours.duckdb'}' as built (read_only)")
    for fields in json.loads((folder / "nodes.json").read_text()):
        node = Node(**fields)
        schema = node.relation.rsplit(".", 1)[0]
        kind = "view" if node.materialized == "view" else "table"
        query = node.sql or f"from {node.relation.replace('ours', 'built', 1)}"
        connection.execute(f"create schema if not exists {schema}")
        connection.execute(f"create {kind} {node.relation} as {query}")
    connection.close()


def run_baseline(folder: Path, inputs: Path) -> None:
    """Run the tables written by hand."""
    connection = open_new(folder / "hand.duckdb")
    for name, value in {
        "inputs": inputs,
        "seeds": PROJECT / "seeds" / "config",
        "parameters": folder / "seeds" / f"{PARAMETERS}.csv",
        "timezone": TIMEZONE,
    }.items():
        connection.execute(f"set variable {name} = '{value}'")
    connection.execute(Path(__file__).with_name("benchmark_baseline.sql").read_text())
    connection.close()


def in_own_process(function: str, *arguments: Path) -> list[str]:
    """Return a command that calls a function of this module on paths."""
    code = (
        "import pathlib, sys; sys.path.insert(0, sys.argv[1]); import benchmark; "
        f"benchmark.{function}(*map(pathlib.Path, sys.argv[2:]))"
    )
    folder = str(Path(__file__).parent)
    return [sys.executable, "-c", code, folder, *map(str, arguments)]


def fingerprint(
    connection: duckdb.DuckDBPyConnection, source: str, types: dict[str, str]
) -> tuple[Any, ...]:
    """Return a number for all rows of a table, then a sum and a size for each float.

    The number counts and hashes the rows by every column that is exact and by which
    floats are null. A float's sum is weighted with the hash of its row, so that a value
    on the wrong row shows; its size is the sum of the magnitudes.
    """
    floats = [name for name, kind in types.items() if kind == "DOUBLE"]
    hashed = [f"{name} is null" if name in floats else name for name in types]
    casts = [f"cast({name} as {kind}) as {name}" for name, kind in types.items()]
    sums = ["sum(cast(row_hash as hugeint))"]
    for name in floats:
        sums += [f"sum({name} * (row_hash % 1000))", f"sum(abs({name})) * 1000"]
    row = connection.execute(
        f"""
        select {", ".join(sums)}
        from (
            select *, hash({", ".join(hashed)}) as row_hash
            from (select {", ".join(casts)} from {source})
        )
        """
    ).fetchone()
    return row or ()


def check_equal(folder: Path, nodes: Sequence[Node]) -> None:
    """Raise BenchmarkError unless dbt's tables equal those written by hand."""
    connection = duckdb.connect()
    for name in ("ours", "hand"):
        connection.execute(f"attach '{folder / name}.duckdb' as {name} (read_only)")
    relations = {node.name: node.relation for node in nodes}
    for table in TABLES:
        columns = connection.execute(f"describe {relations[table]}").fetchall()
        types = {
            f'"{name}"': kind for name, kind, *_ in columns if name not in SENTENCES
        }
        ours = fingerprint(connection, relations[table], types)
        hand = fingerprint(connection, f"hand.{table}", types)
        if ours[0] != hand[0]:
            raise BenchmarkError(f"{table}: the rows by hand are others.")
        for left, right, size in zip(ours[1::2], hand[1::2], ours[2::2], strict=True):
            if left is not None and abs(left - right) > TOLERANCE * size:
                raise BenchmarkError(f"{table}: {left} in dbt, {right} by hand.")


def list_scans(
    connection: duckdb.DuckDBPyConnection, query: str
) -> Iterator[dict[str, Any]]:
    """Yield what DuckDB's plan of a query says of every table and file it reads."""

    def walk(operators: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for operator in operators:
            if operator["name"] in ("SEQ_SCAN", "READ_PARQUET"):
                columns = operator["extra_info"].get("Projections") or []
                columns = [columns] if isinstance(columns, str) else columns
                yield operator["extra_info"] | {"Projections": columns}
            yield from walk(operator["children"])

    plan = connection.execute(f"explain (format json) {query}").fetchall()[0][1]
    yield from walk(json.loads(plan))


def find_reads(folder: Path, nodes: Sequence[Node]) -> dict[str, list[str]]:
    """Return the columns of each scan of raw Parquet, by model and number of scan."""
    connection = duckdb.connect(folder / "ours.duckdb", read_only=True)
    return {
        f"{node.name} ({number})": scan["Projections"]
        for node in nodes
        if node.materialized == "table"
        for number, scan in enumerate(
            (
                scan
                for scan in list_scans(connection, node.sql)
                if scan.get("Function") == "READ_PARQUET"
            ),
            start=1,
        )
    }


def run_scale(transactions: int) -> Outcome:
    """Build the tables in the three ways and compare them; raises BenchmarkError."""
    folder = WORK / str(transactions)
    rows = make_inputs(transactions, folder / "inputs")
    project = folder / "project"
    write_root_project(project, folder / "inputs")
    dbt, nodes, seconds = build_with_dbt(project)
    (project / "nodes.json").write_text(json.dumps([asdict(node) for node in nodes]))
    sql = measure(in_own_process("run_compiled", project), project / "sql.duckdb")
    (project / "sql.duckdb").unlink()
    pipeline = [sys.executable, str(Path(__file__).with_name("pipeline.py"))]
    place = ["--project-dir", str(project)]
    published = project / "benchmark.duckdb"
    publish = measure([*pipeline, "publish", *place], published)
    report = measure([*pipeline, "report", *place], project / "benchmark.html")
    hand = measure(
        in_own_process("run_baseline", project, folder / "inputs"),
        project / "hand.duckdb",
    )
    check_equal(project, nodes)
    ways = {
        "dbt build": dbt,
        "its SQL without dbt": sql,
        "written by hand": hand,
        "validating and publishing": publish,
        "drawing the report": report,
    }
    return Outcome(rows, ways, nodes, seconds, find_reads(project, nodes))


def describe_machine() -> str:
    """Return a sentence on processor, memory and versions."""
    processors = Path("/proc/cpuinfo")
    lines = processors.read_text().splitlines() if processors.exists() else []
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = [
        f"{name} {version(name)}" for name in ("duckdb", "dbt-core", "dbt-duckdb")
    ]
    return (
        f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, "
        f"{memory:.0f} GiB; {platform.system()}, Python {platform.python_version()}, "
        f"{', '.join(versions)}; {THREADS} threads, memory limit {MEMORY_LIMIT}."
    )


def table(header: str, rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table; the header separates columns with |, numbers right."""
    names = header.split("|")
    marks = ["---" if number == 0 else "---:" for number in range(len(names))]
    lines = [names, marks, *[[str(cell) for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def render(outcomes: Sequence[Outcome]) -> str:
    """Return the report in Markdown: every scale, then where the largest one goes."""
    measured = []
    for outcome in outcomes:
        hand = outcome.ways["written by hand"]
        measured += [
            (
                name,
                f"{outcome.transactions:,}",
                f"{used.wall:.1f}",
                f"{used.cpu:.1f}",
                f"{used.memory / 2**30:.2f}",
                f"{used.disk / 2**30:.2f}",
                f"{used.wall / outcome.transactions * 1e6:.2f}",
                f"{used.wall / hand.wall:.2f}",
                f"{used.cpu / hand.cpu:.2f}",
            )
            for name, used in outcome.ways.items()
        ]
    last = outcomes[-1]
    dbt, sql = last.ways["dbt build"], last.ways["its SQL without dbt"]
    start = dbt.wall - last.build_seconds
    slowest = sorted(last.nodes, key=lambda node: node.seconds, reverse=True)
    rest = slowest[SHOWN_MODELS:]
    folders: dict[str, list[float]] = {}
    for node in last.nodes:
        folders.setdefault(node.folder, []).append(node.seconds)
    return "\n".join(
        [
            f"{describe_machine()}\n",
            table(
                "way|transactions|wall s|CPU s|peak GiB|database GiB"
                "|wall s per million|wall / hand|CPU / hand",
                measured,
            ),
            f"`dbt build` at {last.transactions:,} transactions: of {dbt.wall:.1f} s, "
            f"{start:.1f} s pass before the first node and after the last one (start, "
            f"parse, artifacts). With that start and its work around {len(last.nodes)} "
            f"nodes it takes {dbt.cpu - sql.cpu:.1f} s of CPU more than its SQL alone. "
            f"Seconds of each node, {THREADS} at a time:\n",
            table(
                "node|wall s",
                [(node.name, f"{node.seconds:.2f}") for node in slowest[:SHOWN_MODELS]]
                + [
                    (
                        f"the other {len(rest)}",
                        f"{sum(node.seconds for node in rest):.2f}",
                    )
                ],
            ),
            "The same by folder:\n",
            table(
                "folder|nodes|wall s",
                [
                    (name, len(seconds), f"{sum(seconds):.2f}")
                    for name, seconds in sorted(
                        folders.items(), key=lambda item: sum(item[1]), reverse=True
                    )
                ],
            ),
            "Scans of raw Parquet in the plans of all tables:\n",
            table(
                "model (scan)|columns read",
                [(name, len(columns)) for name, columns in last.reads.items()],
            ),
        ]
    )


def main(
    scales: Annotated[
        str, typer.Option(help="Transactions, about; several with commas between.")
    ] = "10000000",
    report: Annotated[
        Path | None, typer.Option(help="Markdown file to end with the tables.")
    ] = None,
) -> None:
    """Measure a build of this project beside the same tables written by hand."""
    try:
        outcomes = [run_scale(int(scale)) for scale in scales.split(",")]
    except (BenchmarkError, subprocess.CalledProcessError, ValueError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ValueError) else 1) from error
    text = render(outcomes)
    typer.echo(text)
    if report is not None:
        prose = report.read_text().split(REPORT_MARKER)[0]
        report.write_text(f"{prose}{REPORT_MARKER}\n{text}")


if __name__ == "__main__":
    typer.run(main)
