"""What a command did, for people and machines: run_summary.json and junit.xml."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

import dbt_runner
from dbt_runner import PUBLIC_PREFIXES, Node, Project
from errors import PipelineError

if TYPE_CHECKING:
    from validation import Validation
    from value_fit import PeriodFit

SUMMARY_FILE = "run_summary.json"
JUNIT_FILE = "junit.xml"
STATUSES = ("accepted", "merged", "rejected")
# What XML cannot carry; data that stands in a message can hold anything.
_UNPRINTABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
KINDS = {"model": "models", "seed": "seeds", "test": "tests", "unit_test": "tests"}


@dataclass(frozen=True)
class BuiltTable:
    """A public table: its rows, and the seconds that it took (none: not built now)."""

    name: str
    relation: str
    rows: int
    seconds: float | None


@dataclass(frozen=True)
class InputRows:
    """Raw rows of an input by what became of them; `is_off`: no model is named."""

    name: str
    is_off: bool
    accepted: int
    merged: int
    rejected: int
    rows: int


@dataclass(frozen=True)
class Readiness:
    """Whether the data can carry retention at all, and why."""

    verdict: str
    sentence: str


@dataclass
class Outcome:
    """What is known of a command while it works; `places` has paths by what is there.

    `is_whole` is whether everything was asked for, not a selection.
    """

    command: str
    run_id: str
    started_at: datetime
    is_whole: bool = True
    nodes: tuple[Node, ...] = ()
    as_of_date: date | None = None
    tables: Sequence[BuiltTable] = ()
    inputs: Sequence[InputRows] = ()
    lapse_days: int | None = None
    is_lapse_from_data: bool = False
    readiness: Readiness | None = None
    fits: Sequence["PeriodFit"] = ()
    validation: "Validation | None" = None
    accepted: Sequence[str] = ()
    places: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    exit_code: int = 0

    def stop(self, error: PipelineError) -> None:
        """Remember what stopped the command; what comes of that is not the cause."""
        if self.error is None:
            self.error = str(error)
            self.exit_code = error.exit_code

    def explain_failure(self, *, is_publishing: bool) -> None:
        """Say which node failed and what to do, if the build has failed."""
        failed = [node for node in self.nodes if node.is_failed]
        if not failed:
            return
        # What was refused before any SQL ran has made the exit code.
        first = min(failed, key=lambda node: not node.is_misconfigured)
        more = f" and {len(failed) - 1} more" if failed[1:] else ""
        self.error = (
            f"{first.kind.replace('_', ' ')} {first.name}{more} failed{_reason(first)}."
            + " Nothing is published, what readers have is as it was." * is_publishing
            + " Mend what failed, and go on with --retry."
        )

    def counts(self) -> Mapping[str, int]:
        """Return how many seeds, models and tests are good, and what failed."""
        good = Counter(
            KINDS[node.kind]
            for node in self.nodes
            if node.kind in KINDS and not node.is_failed and node.status != "skipped"
        )
        return {
            **{kind: good[kind] for kind in ("seeds", "models", "tests")},
            "warnings": sum(node.status == "warn" for node in self.nodes),
            "failed": sum(node.is_failed for node in self.nodes),
            "skipped": sum(node.status == "skipped" for node in self.nodes),
        }

    def summary(self) -> dict[str, Any]:
        """Return the outcome as JSON knows it; times are UTC."""
        now = datetime.now(UTC)
        checks = self.validation.checks if self.validation else {}
        findings = self.validation.findings if self.validation else ()
        return {
            "command": self.command,
            "exit_code": self.exit_code,
            "error": self.error,
            "run_id": self.run_id,
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "seconds": round((now - self.started_at).total_seconds(), 2),
            "as_of_date": self.as_of_date and str(self.as_of_date),
            "is_whole": self.is_whole,
            "counts": self.counts(),
            "failures": [_described(node) for node in self.nodes if node.is_failed],
            "warnings": [
                *self.warnings,
                *(_sentence(node) for node in self.nodes if node.status == "warn"),
            ],
            "tables": [vars(table) for table in self.tables],
            "inputs": [vars(one) for one in self.inputs],
            "lapse_days": self.lapse_days,
            "readiness": vars(self.readiness) if self.readiness else None,
            "fits": [
                {
                    "fit_period": one.fit_period,
                    "model": one.fit.model,
                    "parameters": dict(one.fit.parameters),
                    "is_converged": one.fit.is_converged,
                }
                for one in self.fits
            ],
            "checks": list(checks),
            "findings": [vars(finding) for finding in findings],
            "accepted": list(self.accepted),
            "places": self.places,
        }

    def forget(self, folder: Path) -> None:
        """Remove what the last run has written: one that is killed says nothing."""
        for name in (SUMMARY_FILE, JUNIT_FILE):
            (folder / name).unlink(missing_ok=True)

    def write(self, folder: Path) -> None:
        """Write the summary and the results of all tests into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.summary(), indent=2, default=str) + "\n"
        (folder / SUMMARY_FILE).write_text(text)
        report = JUnitXml("customer_journey")
        report.add_testsuite(_suite("pipeline", iter([_ending(self)])))
        report.add_testsuite(_suite("dbt", map(_case, self.nodes)))
        if self.validation:
            report.add_testsuite(_suite("validation", _checks(self.validation)))
        report.write(str(folder / JUNIT_FILE), pretty=True)


def collect(project: Project, outcome: Outcome, built: Collection[str]) -> None:
    """Read from the database what came out, as far as its tables were built."""
    relations = {
        name: relation for name, relation in project.relations.items() if name in built
    }
    seconds = {node.name: node.seconds for node in outcome.nodes if node.relation}
    outcome.tables = list(_count_rows(outcome.nodes, project, relations, seconds))
    if relation := relations.get("rpt_input_quality"):
        outcome.inputs = list(_count_inputs(relation))
    if relation := relations.get("int_run_parameters"):
        [(day,)] = _rows(f"select cast(as_of_date as varchar(10)) from {relation}")
        outcome.as_of_date = date.fromisoformat(day) if day else None
    if relation := relations.get("int_lapse_days"):
        [(days, is_from_data)] = _rows(
            f"select lapse_days, is_from_data from {relation}"
        )
        outcome.lapse_days, outcome.is_lapse_from_data = int(days), bool(is_from_data)
    if relation := relations.get("rpt_retention_readiness"):
        [(verdict, reason, remedy)] = _rows(
            f"select verdict, reason, remedy from {relation} "
            "where segment_column = 'all' and segment_value = 'all'"
        )
        outcome.readiness = Readiness(verdict, " ".join(filter(None, (reason, remedy))))


def _count_rows(
    nodes: Sequence[Node],
    project: Project,
    relations: Mapping[str, str],
    seconds: Mapping[str, float],
) -> Iterator[BuiltTable]:
    """Yield public tables, also those of a project that has none of the package's."""
    own = {
        node.name: node.relation
        for node in nodes
        if node.status == "success" and node.relation and node.kind == "model"
    }
    schemas = {table.name: f"{table.schema}.{table.name}" for table in project.tables}
    tables = {
        name: schemas.get(name, relation)
        for name, relation in sorted((own | dict(relations)).items())
        if name.startswith(PUBLIC_PREFIXES)
    }
    if not tables:
        return
    counts = " union all ".join(
        f"select {number} as table_number, count(*) as row_count from {relation}"
        for number, relation in enumerate(tables.values())
    )
    rows = _rows(f"select * from ({counts}) as counts order by 1")
    for (name, relation), (_, row_count) in zip(tables.items(), rows, strict=True):
        yield BuiltTable(name, relation, int(row_count), seconds.get(name))


def _count_inputs(relation: str) -> Iterator[InputRows]:
    sums = ", ".join(
        f"sum(case when row_status = '{status}' then row_count else 0 end)"
        for status in STATUSES
    )
    rows = _rows(
        "select input_name, max(case when is_switched_off then 1 else 0 end), "
        f"{sums}, sum(row_count) from {relation} group by input_name "
        "order by input_name"
    )
    for name, is_off, *counts in rows:
        yield InputRows(name, bool(is_off), *(int(count) for count in counts))


def _rows(sql: str) -> list[tuple[Any, ...]]:
    return dbt_runner.query(sql)[1]


def _described(node: Node) -> dict[str, str]:
    return {"kind": node.kind, "name": node.name, "message": _message(node)}


def _sentence(node: Node) -> str:
    return f"{node.kind} {node.name}: {node.description or _message(node)}"


def _reason(node: Node) -> str:
    """Return why a node failed, to follow a sentence; a unit test's is a table."""
    if node.kind == "unit_test":
        return ""
    is_test = node.kind == "test"
    text = node.description if is_test and node.description else _message(node)
    return f": {text.rstrip('.')}"


def _message(node: Node) -> str:
    text = node.message
    if node.kind != "unit_test":
        text = dbt_runner.essential_sentence(text)
    return _printable(text)


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("", text)


def _suite(name: str, cases: Iterator[TestCase]) -> TestSuite:
    suite = TestSuite(name)
    suite.add_testcases(list(cases))
    return suite


def _ending(outcome: Outcome) -> TestCase:
    """Return how the command ended, which need not be for a test's sake."""
    case = TestCase(outcome.command, "pipeline")
    if outcome.error:
        case.result = [Error(_printable(outcome.error))]
    return case


def _case(node: Node) -> TestCase:
    case = TestCase(node.name, f"dbt.{node.kind}", round(node.seconds, 3))
    if node.status == "skipped":
        case.result = [Skipped("what it reads was not built")]
    elif node.is_failed:
        kind = Failure if node.status == "fail" else Error
        case.result = [kind(_message(node))]
    return case


def _checks(validation: "Validation") -> Iterator[TestCase]:
    for name in validation.checks:
        case = TestCase(name, "validation")
        case.result = [
            Failure(_printable(f"{finding.sentence} {finding.remedy}"))
            for finding in validation.findings
            if finding.check == name
        ]
        yield case
