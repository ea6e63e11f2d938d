"""What a run prints: progress while it works, then tables, failures and where to look.

On a terminal progress is a bar; elsewhere each node is one line that a log can keep.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

import dbt_runner
from dbt_runner import Node, Step

if TYPE_CHECKING:
    from value_fit import PeriodFit

PUBLIC_PREFIXES = ("dim_", "fct_", "rpt_")
FAILING_ROWS_SHOWN = 3
# As int_lapse_days has it, also where no gap between purchases has ended.
LONGEST_LAPSE_DAYS = 730
FIRST_QUERY = (
    "select * from {} where period_grain = 'month' and segment_value = 'all' "
    "order by period_start"
)

out = Console(highlight=False, markup=False, soft_wrap=True)
if not out.is_terminal:
    # A file has no edge that cells would have to be wrapped at.
    out.width = 120


@contextmanager
def progress() -> Iterator[Callable[[Step], None]]:
    """Yield the function that shows each step."""
    if not out.is_terminal:
        yield _print_step
        return
    with Progress(
        TextColumn("{task.description:<42.42}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=out,
        transient=True,
    ) as bar:
        task = bar.add_task("starting dbt", total=None)

        def show_step(step: Step) -> None:
            total = step.total or None
            bar.update(task, description=step.name, completed=step.done, total=total)

        yield show_step


def show(
    nodes: Sequence[Node], project: Path, fits: Sequence["PeriodFit"] = ()
) -> None:
    """Print the outcome of a run of `project` and of the fits that it made."""
    built = [node for node in nodes if node.status == "success" and node.relation]
    public = [node for node in built if node.name.startswith(PUBLIC_PREFIXES)]
    _show_tables(sorted(public, key=lambda table: table.name))
    _show_inputs(built)
    _show_lapse(built)
    _show_readiness(built)
    show_fits(fits)
    for node in nodes:
        if node.status == "warn":
            _show_problem("Warning", node, "bold yellow")
    for node in nodes:
        if node.is_failed:
            _show_problem("Failed", node, "bold red")
    _show_counts(nodes)
    if built:
        _show_whereabouts(built, project)


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


def _show_tables(tables: Sequence[Node]) -> None:
    if not tables:
        return
    counts = " union all ".join(
        f"select {number} as table_number, count(*) as row_count from {table.relation}"
        for number, table in enumerate(tables)
    )
    _, rows = dbt_runner.query(f"select * from ({counts}) as counts order by 1")
    grid = _grid("table", ("rows", "seconds"))
    for table, (_, row_count) in zip(tables, rows, strict=True):
        grid.add_row(table.relation, f"{row_count:,}", f"{table.seconds:.2f}")
    out.print(grid)


def _show_inputs(built: Sequence[Node]) -> None:
    quality = _find(built, "rpt_input_quality")
    if quality is None:
        return
    statuses = ("accepted", "merged", "rejected")
    sums = ", ".join(
        f"sum(case when row_status = '{status}' then row_count else 0 end)"
        for status in statuses
    )
    _, rows = dbt_runner.query(
        f"select input_name, {sums}, sum(row_count) from {quality.relation} "
        "group by input_name order by input_name"
    )
    grid = _grid("input", (*statuses, "rows"))
    for name, *counts in rows:
        grid.add_row(name, *(f"{int(count):,}" for count in counts))
    out.print(grid)


def _show_lapse(built: Sequence[Node]) -> None:
    lapse = _find(built, "int_lapse_days")
    if lapse is None:
        return
    _, [(days, is_from_data)] = dbt_runner.query(
        f"select lapse_days, is_from_data from {lapse.relation}"
    )
    source = "taken from the data" if is_from_data else "variable lapse_days"
    if is_from_data and days == LONGEST_LAPSE_DAYS:
        source = "the longest allowed: the data names none that is shorter"
    out.print(f"A customer lapses {days} days after the last purchase ({source}).")


def _show_readiness(built: Sequence[Node]) -> None:
    readiness = _find(built, "rpt_retention_readiness")
    if readiness is None:
        return
    _, [(verdict, reason, remedy)] = dbt_runner.query(
        f"select verdict, reason, remedy from {readiness.relation} "
        "where segment_column = 'all' and segment_value = 'all'"
    )
    words = {"weak": "weakly measurable", "not_measurable": "not measurable"}
    sentence = " ".join(filter(None, (reason, remedy)))
    out.print(f"Retention is {words.get(verdict, verdict)}: {sentence}")


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


def _show_counts(nodes: Sequence[Node]) -> None:
    kinds = {"model": "models", "seed": "seeds", "test": "tests", "unit_test": "tests"}
    counts = Counter(
        kinds[node.kind]
        for node in nodes
        if node.kind in kinds and not node.is_failed and node.status != "skipped"
    )
    good = ", ".join(f"{counts[kind]} {kind}" for kind in ("seeds", "models", "tests"))
    failed = sum(node.is_failed for node in nodes)
    skipped = sum(node.status == "skipped" for node in nodes)
    style = "bold red" if failed else "bold green"
    out.print(f"Good: {good}. Failed: {failed}. Skipped: {skipped}.", style=style)


def _show_whereabouts(built: Sequence[Node], project: Path) -> None:
    out.print(f"Output: {project / dbt_runner.location()}")
    growth = _find(built, "rpt_growth")
    if growth is not None:
        out.print(f"Query:  {FIRST_QUERY.format(growth.relation)}")


def _find(built: Sequence[Node], name: str) -> Node | None:
    return next((node for node in built if node.name == name), None)


def _grid(first: str, numbers: Sequence[str]) -> Table:
    grid = Table(box=None, pad_edge=False)
    grid.add_column(first)
    for name in numbers:
        grid.add_column(name, justify="right")
    return grid
