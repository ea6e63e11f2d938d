"""What a run prints: progress while it works, then tables, failures and where to look.

On a terminal progress is a bar; elsewhere each node is one line that a log can keep.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

import dbt_runner
from dbt_runner import Node, Step
from outcome import STATUSES, BuiltTable, InputRows, Outcome

if TYPE_CHECKING:
    from validation import Finding
    from value_fit import PeriodFit

FAILING_ROWS_SHOWN = 3
# As int_lapse_days has it, also where no gap between purchases has ended.
LONGEST_LAPSE_DAYS = 730
VERDICTS = {"weak": "weakly measurable", "not_measurable": "not measurable"}
FIRST_QUERY = (
    "select * from {} where period_grain = 'month' and segment_value = 'all' "
    "order by period_start"
)


class _Output(Console):
    """Standard output, of which a run can tell why it stops when nobody reads it."""

    def on_broken_pipe(self) -> None:
        """Write to nobody from now on, and raise BrokenPipeError."""
        try:
            super().on_broken_pipe()
        except SystemExit:
            raise BrokenPipeError from None


out = _Output(highlight=False, markup=False, soft_wrap=True)
if not out.is_terminal:
    # A file has no edge that cells would have to be wrapped at.
    out.width = 120


class Voice(Protocol):
    """How a command speaks while it works and when it ends."""

    def progress(self) -> Any:
        """Return a context in which there is a function that shows each step."""

    def warn(self, sentence: str) -> None:
        """Say what the user should know of, and nothing fails for."""

    def say(self, sentence: str) -> None:
        """Say what happens next."""

    def build(self, outcome: Outcome) -> None:
        """Show what was built, while the database can still be asked."""

    def end(self, outcome: Outcome) -> None:
        """Show how the command ended."""


class Words:
    """Speaks to people: on a terminal with a bar, elsewhere a line for each node."""

    @contextmanager
    def progress(self) -> Iterator[Callable[[Step], None]]:
        """Yield the function that shows each step."""
        if not out.is_terminal:
            yield _print_step
            return
        with Progress(
            TextColumn("{task.description:<42.42}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=out,
            transient=True,
        ) as bar:
            task = bar.add_task("starting dbt", total=None)

            def show_step(step: Step) -> None:
                total = step.total or None
                bar.update(
                    task, description=step.name, completed=step.done, total=total
                )

            yield show_step

    def warn(self, sentence: str) -> None:
        """Print a warning beside what the command prints."""
        typer.echo(f"Warning: {sentence}", err=True)

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        out.print(sentence)

    def build(self, outcome: Outcome) -> None:
        """Print tables, inputs, verdicts, and what was not good."""
        _show_tables(outcome.tables)
        _show_inputs(outcome.inputs)
        _show_lapse(outcome)
        if outcome.readiness:
            verdict = outcome.readiness.verdict
            words = VERDICTS.get(verdict, verdict)
            out.print(f"Retention is {words}: {outcome.readiness.sentence}")
        show_fits(outcome.fits)
        for node in outcome.nodes:
            if node.status == "warn":
                _show_problem("Warning", node, "bold yellow")
        for node in outcome.nodes:
            if node.is_failed:
                _show_problem("Failed", node, "bold red")
        if outcome.nodes:
            _show_counts(outcome)

    def end(self, outcome: Outcome) -> None:
        """Print what validation found and where everything is."""
        if outcome.validation:
            _show_checks(len(outcome.validation.checks), outcome.validation.findings)
        places = dict(outcome.places)
        # The page that everybody can open comes last.
        report = places.pop("report", None)
        query = _first_query(outcome)
        for title, place in (places | {"query": query, "report": report}).items():
            if place:
                out.print(f"{title.capitalize() + ':':<10} {place}")


class Json:
    """Speaks to machines: JSON lines, of which the last one is the summary."""

    @contextmanager
    def progress(self) -> Iterator[Callable[[Step], None]]:
        """Yield the function that prints a line as each node ends."""

        def show_step(step: Step) -> None:
            if not step.is_start:
                _print_event("node", **vars(step))

        yield show_step

    def warn(self, sentence: str) -> None:
        """Print a warning for both, people and machines."""
        _print_event("warning", message=sentence)
        typer.echo(f"Warning: {sentence}", err=True)

    def say(self, sentence: str) -> None:
        """Print a sentence as an event."""
        _print_event("message", message=sentence)

    def build(self, outcome: Outcome) -> None:
        """Print nothing yet: it is all in the summary."""

    def end(self, outcome: Outcome) -> None:
        """Print the summary."""
        _print_event("summary", **outcome.summary())


def _first_query(outcome: Outcome) -> str | None:
    """Return what to ask the tables first, if there are any that can be asked."""
    growth = [table for table in outcome.tables if table.name == "rpt_growth"]
    if not outcome.places or not growth:
        return None
    place = outcome.places.get("published")
    if place is None:
        return FIRST_QUERY.format(growth[0].relation)
    # On PostgreSQL it is a schema, which need not be where names are looked for.
    schema = place.removeprefix("schema ")
    prefix = "" if schema == place else f"{schema}."
    return FIRST_QUERY.format(prefix + growth[0].name)


def _print_event(event: str, **values: Any) -> None:
    try:
        typer.echo(json.dumps({"event": event} | values, default=str))
    except BrokenPipeError:
        out.on_broken_pipe()


def show_fits(fits: Sequence["PeriodFit"]) -> None:
    """Print the parameters that each model was fitted with."""
    if not fits:
        return
    grid = _grid("fit", ("log-likelihood", "customers", "seconds"))
    grid.add_column("parameters")
    for one in fits:
        found = one.fit.log_likelihood
        grid.add_row(
            f"{one.fit_period} {one.fit.model}",
            "" if found is None else f"{found:,.1f}",
            f"{one.fit.customers:,}",
            f"{one.seconds:.2f}",
            ", ".join(f"{name} {x:.4g}" for name, x in one.fit.parameters.items()),
        )
    out.print(grid)


def _print_step(step: Step) -> None:
    if not step.is_start:
        count = f"[{step.done:>3}/{step.total}]"
        out.print(
            f"{count} {step.status:<8} {step.seconds:6.2f} s  {step.kind} {step.name}"
        )


def _show_tables(tables: Sequence[BuiltTable]) -> None:
    if not tables:
        return
    grid = _grid("table", ("rows", "seconds"))
    for table in tables:
        seconds = "" if table.seconds is None else f"{table.seconds:.2f}"
        grid.add_row(table.relation, f"{table.rows:,}", seconds)
    out.print(grid)


def _show_inputs(inputs: Sequence[InputRows]) -> None:
    if not inputs:
        return
    grid = _grid("input", (*STATUSES, "rows"))
    for one in inputs:
        counts = (one.accepted, one.merged, one.rejected, one.rows)
        cells = ["off"] if one.is_off else [f"{count:,}" for count in counts]
        grid.add_row(one.name, *cells)
    out.print(grid)


def _show_lapse(outcome: Outcome) -> None:
    days = outcome.lapse_days
    if days is None:
        return
    source = (
        "taken from the data" if outcome.is_lapse_from_data else ("variable lapse_days")
    )
    if outcome.is_lapse_from_data and days == LONGEST_LAPSE_DAYS:
        source = "the longest allowed: the data names none that is shorter"
    out.print(f"A customer lapses {days} days after the last purchase ({source}).")


def _show_checks(number: int, findings: Sequence["Finding"]) -> None:
    for finding in findings:
        out.print(f"Found by {finding.check}", style="bold red")
        out.print(f"  {finding.sentence}")
        out.print(f"  {finding.remedy}")
    if findings:
        return
    checks = "1 check" if number == 1 else f"{number} checks"
    out.print(f"Validated: {checks} found nothing wrong.", style="bold green")


def _show_problem(title: str, node: Node, style: str) -> None:
    out.print(f"{title} {node.kind} {node.name}", style=style)
    if node.description and node.kind == "test":
        out.print(f"  {node.description}")
    if node.kind == "unit_test":
        out.print(node.message)
        return
    out.print(f"  {dbt_runner.essential_sentence(node.message)}")
    if node.kind == "test" and node.status in ("fail", "warn"):
        for row in _failing_rows(node):
            out.print("  " + ", ".join(f"{name}={value}" for name, value in row))


def _failing_rows(test: Node) -> list[list[tuple[str, Any]]]:
    """Return the first rows that a data test found; none if they cannot be read."""
    try:
        names, rows = dbt_runner.query(
            f"select * from ({test.compiled_sql}) as failing_rows "
            f"limit {FAILING_ROWS_SHOWN}"
        )
    except dbt_runner.DbtConnectionError:
        return []
    return [list(zip(names, row, strict=True)) for row in rows]


def _show_counts(outcome: Outcome) -> None:
    counts = outcome.counts()
    good = ", ".join(f"{counts[kind]} {kind}" for kind in ("seeds", "models", "tests"))
    failed, skipped = counts["failed"], counts["skipped"]
    style = "bold red" if failed else "bold green"
    out.print(f"Good: {good}. Failed: {failed}. Skipped: {skipped}.", style=style)


def _grid(first: str, numbers: Sequence[str]) -> Table:
    grid = Table(box=None, pad_edge=False)
    grid.add_column(first)
    for name in numbers:
        grid.add_column(name, justify="right")
    return grid
