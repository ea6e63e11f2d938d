"""Runs the package's own models on what the profile proposes.

Whether retention can be measured is for the package to say: a throw-away dbt project
installs it, with the proposed models over the user's tables, and is built on DuckDB.
"""

import csv
import json
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import variables
from profile_parts import INPUTS

PROJECT_DIR = Path(__file__).resolve().parent.parent
NAME = "profile_trial"
# Of memory, whatever the machine has beyond; what is more goes to disk.
MOST_MEMORY = 4 * 1024**3
SELECTION = ("+rpt_retention_readiness", "+rpt_input_quality")
# Share of an input's rows (0-1) from which the package stops, unless told otherwise.
MAX_REJECTED_SHARE = 0.05
QUESTIONS = "journey_survey_questions"
NO_TRANSACTIONS = "no_transactions"
# A business that sells nothing still has to name the input that is required.
NO_ROWS = """select
    cast(null as varchar) as transaction_id,
    cast(null as varchar) as customer_id,
    cast(null as date) as occurred_at,
    cast(null as decimal(18, 2)) as amount
where false
"""


@dataclass(frozen=True)
class Plan:
    """What to try: models by name, the model of each input, variables and seeds.

    `attached` are DuckDB files by the name of their database; `questions` is what
    `questions_seed` returns, if there are new ones.
    """

    models: Mapping[str, str]
    inputs: Mapping[str, str]
    variables: Mapping[str, Any]
    attached: Mapping[str, Path] = field(default_factory=dict)
    questions: str = ""


@dataclass(frozen=True)
class InputRows:
    """What became of the rows of an input; `reasons` have those not accepted."""

    name: str
    accepted: int
    merged: int
    rejected: int
    reasons: Mapping[str, int]
    known_customers: int | None = None
    customers: int | None = None


@dataclass(frozen=True)
class Trial:
    """What the package said; `problem` is why it could not."""

    verdict: str = ""
    reason: str = ""
    remedy: str = ""
    inputs: tuple[InputRows, ...] = ()
    max_rejected_share: float = 1.0
    problem: str = ""


def run(folder: Path, project: Path, plan: Plan) -> Trial:
    """Build the plan in a folder and return what the package says of it.

    Paths in the models count from `project`, whose seeds and variables hold.
    """
    import dbt_runner

    write(folder, project, plan)
    places = [
        "--target-path",
        str(folder / "target"),
        "--log-path",
        str(folder / "logs"),
    ]
    options = [
        *places,
        *("--select", *SELECTION),
        # They test the package, which has been done, and not these tables.
        *("--exclude-resource-type", "unit_test", "test"),
    ]
    with chdir(project):
        try:
            dbt_runner.run("deps", folder, places[2:], lambda _: None)
            nodes = dbt_runner.run("build", folder, options, lambda _: None)
        except dbt_runner.DbtError as error:
            return Trial(problem=str(error))
        try:
            for node in nodes:
                if node.is_failed:
                    sentence = dbt_runner.essential_sentence(node.message)
                    return Trial(problem=f"{node.kind} {node.name}: {sentence}")
            share = variables.effective(project, {}).get("max_rejected_share")
            return replace(_read(), max_rejected_share=share or MAX_REJECTED_SHARE)
        finally:
            dbt_runner.disconnect()


def write(folder: Path, project: Path, plan: Plan) -> None:
    """Write the throw-away project."""
    own = _seeds(project, plan.questions)
    off = {f"{name}_input": plan.inputs.get(name) for name in INPUTS}
    models = dict(plan.models)
    if off["transactions_input"] is None:
        off["transactions_input"] = NO_TRANSACTIONS
        models[NO_TRANSACTIONS] = NO_ROWS
    values = _variables(project) | off | dict(plan.variables)
    output = {
        "type": "duckdb",
        "path": str(folder / f"{NAME}.duckdb"),
        "threads": 2,
        "settings": {"TimeZone": "UTC", "memory_limit": _memory_limit()},
        "attach": [
            {"path": str(path), "alias": name, "read_only": True}
            for name, path in plan.attached.items()
        ],
    }
    files: dict[str, Any] = {
        "dbt_project.yml": {
            "name": NAME,
            "version": "0.0.1",
            "profile": NAME,
            "flags": {
                "send_anonymous_usage_stats": False,
                "require_ref_searches_node_package_before_root": True,
            },
            # Rows are counted, however many are rejected.
            "vars": {variables.PACKAGE: values | {"max_rejected_share": 1}},
            "seeds": {
                variables.PACKAGE: {
                    "config": {name: {"+enabled": False} for name in own}
                }
            },
        },
        "packages.yml": {"packages": [{"local": str(PROJECT_DIR)}]},
        "profiles.yml": {NAME: {"target": "dev", "outputs": {"dev": output}}},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        # JSON is YAML too.
        (folder / name).write_text(json.dumps(content))
    (folder / "models").mkdir()
    for name, text in models.items():
        (folder / "models" / f"{name}.sql").write_text(text)
    (folder / "seeds").mkdir()
    for name, text in own.items():
        (folder / "seeds" / f"{name}.csv").write_text(text)


def own_seed(project: Path, name: str) -> str:
    """Return a configuration seed of the project as CSV, or nothing."""
    for file in sorted(project.glob(f"seeds/**/{name}.csv")):
        if "dbt_packages" not in file.parts:
            return file.read_text()
    return ""


def seed(project: Path, name: str) -> str:
    """Return a configuration seed as CSV: the project's own, or the package's."""
    package = PROJECT_DIR / "seeds/config" / f"{name}.csv"
    return own_seed(project, name) or package.read_text()


def seed_column(project: Path, name: str, column: str) -> frozenset[str]:
    """Return the values of a column of a configuration seed."""
    rows = csv.DictReader(seed(project, name).splitlines())
    return frozenset(row[column] for row in rows if row.get(column))


def questions_seed(project: Path, asked: Collection[str], new: Sequence[str]) -> str:
    """Return the questions that tables ask as a seed; `new` are lines of a CSV.

    In a project that has the seed it is the lines to add, below their header.
    """
    header, *lines = seed(project, QUESTIONS).splitlines()
    if own_seed(project, QUESTIONS):
        lines = []
    kept = [line for line in lines if next(csv.reader([line]))[0] in asked]
    return "".join(f"{line}\n" for line in (header, *kept, *new))


def _seeds(project: Path, questions: str) -> dict[str, str]:
    """Return the configuration seeds that are not as the package has them."""
    names = [file.stem for file in sorted((PROJECT_DIR / "seeds/config").glob("*.csv"))]
    seeds = {name: seed(project, name) for name in names}
    if questions:
        header, lines = questions.split("\n", 1)
        own = own_seed(project, QUESTIONS).rstrip("\n") or header
        seeds[QUESTIONS] = f"{own}\n{lines}"
    return {
        name: text
        for name, text in seeds.items()
        if text != (PROJECT_DIR / "seeds/config" / f"{name}.csv").read_text()
    }


def _variables(project: Path) -> dict[str, Any]:
    """Return what the project says of the package's variables, inputs aside."""
    known = variables.effective(PROJECT_DIR, {})
    return {
        name: value
        for name, value in variables.effective(project, {}).items()
        if name in known and not name.endswith("_input") and name != "segment_columns"
    }


def _memory_limit() -> str:
    """Return half of the machine's memory, at most the most that is needed."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{min(MOST_MEMORY, memory // 2) // 1024**2}MiB"


def _read() -> Trial:
    """Return what the tables of the trial say."""
    import dbt_runner

    _, [(verdict, reason, remedy)] = dbt_runner.query(
        "select verdict, reason, remedy from main_marts.rpt_retention_readiness "
        "where segment_column = 'all'"
    )
    _, rows = dbt_runner.query(
        "select input_name, row_status, status_reason, row_count "
        "from main_marts.rpt_input_quality where not is_switched_off "
        "order by input_name, row_count desc"
    )
    names = sorted({row[0] for row in rows}, key=INPUTS.index)
    inputs = []
    for name in names:
        own = [row for row in rows if row[0] == name]
        counts = {
            status: sum(int(row[3]) for row in own if row[1] == status)
            for status in ("accepted", "merged", "rejected")
        }
        reasons = {row[2]: int(row[3]) for row in own if row[2]}
        inputs.append(InputRows(name, **counts, reasons=reasons, **_overlap(name)))
    return Trial(verdict, reason, remedy or "", tuple(inputs))


def _overlap(name: str) -> dict[str, int]:
    """Count the customers of an input, and those who are in the transactions."""
    import dbt_runner

    if name not in ("touchpoints", "survey_responses", "customers", "identities"):
        return {}
    _, [(customers, known)] = dbt_runner.query(
        "select count(*), count(buyers.customer_id) from "
        f"(select distinct customer_id from main_staging.stg_{name} "
        "where row_status = 'accepted' and customer_id is not null) as people "
        "left join (select distinct customer_id from main_staging.stg_transactions "
        "where row_status = 'accepted') as buyers "
        "on people.customer_id = buyers.customer_id"
    )
    return {"customers": int(customers), "known_customers": int(known)}
