"""Decide whether what a run has built may be published.

The analyses of analyses/validation hold the marts against the raw inputs; this module
runs them, and compares the figures and the columns of the run with those of the last
publication, and the inputs with the clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dbt_runner
from dbt_runner import DbtConfigurationError, Node

# The checks and the figures in SQL, wherever the package is installed (dbt selection).
ANALYSES = "customer_journey.analysis.validation"
# Analyses that return figures to publish, not faults.
FIGURES_PREFIX = "run_figures_"
# The analysis that returns the as-of date and the last day of every input.
LAST_DAYS = "last_days"
AS_OF_DATE = "as_of_date"
# Rejections have a limit of their own, and fewer of them are no loss.
FREE_TO_SHRINK = frozenset({"rows.fct_rejected_rows"})
DAYS_OBSERVED = "total.days_observed"
DIFFERENCES_SHOWN = 3
# Half of its rows is more than a small table may lose.
SMALL_TABLE_LOSS = 0.5

SHARES = ("publish_max_loss", "publish_max_growth", "publish_max_month_change")
POINTS = "publish_max_score_change"
MAX_AGES = "input_max_age_days"
SMALL = "small_sample_size"


@dataclass(frozen=True)
class Finding:
    """Something that speaks against publishing.

    `sentence` says what is wrong, with names and numbers, `remedy` what to do about it.
    """

    check: str
    sentence: str
    remedy: str


@dataclass(frozen=True)
class Published:
    """What is known of the last publication; `columns`: table -> column -> type.

    `as_of_date` is none when no input had a row.
    """

    as_of_date: date | None
    package_version: str
    figures: Mapping[str, float | None]
    columns: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Validation:
    """What was checked, what was found, and the figures of the run.

    `checks` has every check that was made with what must hold; `figures` are figure,
    table and value, of which null is unknown or too small to be compared.
    """

    checks: Mapping[str, str]
    findings: tuple[Finding, ...]
    figures: tuple[tuple[str, str, float | None], ...]


@dataclass(frozen=True)
class _Rule:
    """What must hold, and what to do when it does not."""

    must_hold: str
    remedy: str


@dataclass(frozen=True)
class _Outcome:
    """A check that was made, and what of its rule is broken."""

    name: str
    rule: _Rule
    faults: tuple[str, ...]


ACCEPT = "publish with --accept if the change is meant"
RULES: Mapping[str, _Rule] = {
    "as_of_date_is_not_earlier": _Rule(
        "The as-of date is not earlier than that of the last publication.",
        f"Set as_of_date to null or to a later day, or {ACCEPT}.",
    ),
    "rows_are_as_before": _Rule(
        "No public table has lost or gained more rows since the last publication than "
        "publish_max_loss and publish_max_growth allow.",
        f"Look for rows that an input has lost or delivered twice, or {ACCEPT}.",
    ),
    "totals_are_as_before": _Rule(
        "No total has fallen or risen by more since the last publication than "
        "publish_max_loss and publish_max_growth allow.",
        f"Look for rows that an input has lost or delivered twice, or {ACCEPT}.",
    ),
    "months_are_as_before": _Rule(
        "No month that was over at the last publication has changed by more than "
        "publish_max_month_change allows.",
        "Look for rows of these months that an input has lost, moved or delivered "
        f"twice, or {ACCEPT}.",
    ),
    "scores_are_as_before": _Rule(
        "No score has moved by more points since the last publication than "
        "publish_max_score_change allows.",
        f"Look at the answers and the purchases behind it, or {ACCEPT}.",
    ),
    "columns_are_as_before": _Rule(
        "Every table and column of the last publication is still there, with its type.",
        "Give readers back what they query, or raise the major version of the package "
        "(of 0.x the minor one).",
    ),
    "inputs_are_fresh": _Rule(
        "No input's last event is older than input_max_age_days allows.",
        "Look at what loads the input, and run again when it has.",
    ),
}


def validate(
    project: Path,
    options: Sequence[str],
    variables: Mapping[str, Any],
    columns: Mapping[str, Mapping[str, str]],
    package_version: str,
    published: Published | None,
    now: datetime,
) -> Validation:
    """Check the tables that the last run of `project` has built.

    `options` go to dbt, `variables` are the effective ones, `columns` those of every
    public table, with their types. Without a last publication nothing is compared with
    it. Raises dbt_runner.DbtError.
    """
    _check_variables(variables)
    analyses = _compile(project, options)
    figures = tuple(
        row
        for node in analyses
        if node.name.startswith(FIGURES_PREFIX)
        for row in _figures(node)
    )
    days = _last_days(analyses)
    outcomes = [_check(node) for node in analyses if _is_check(node)]
    if published is not None:
        outcomes += _compare(figures, days[AS_OF_DATE], variables, published)
        outcomes.append(_compare_columns(columns, package_version, published))
    if variables[MAX_AGES]:
        outcomes.append(_check_ages(days, variables, now))
    return Validation(
        checks={outcome.name: outcome.rule.must_hold for outcome in outcomes},
        findings=tuple(_finding(outcome) for outcome in outcomes if outcome.faults),
        figures=figures,
    )


def _check_variables(variables: Mapping[str, Any]) -> None:
    """Raise DbtConfigurationError if a limit is none."""
    for name in (*SHARES, POINTS):
        if not _is_number(variables[name]):
            raise DbtConfigurationError(
                f"{name} is '{variables[name]}': it must be a number, 0 or more."
            )
    ages = variables[MAX_AGES]
    inputs = {name.removesuffix("_input") for name in variables if "_input" in name}
    if ages is not None and not isinstance(ages, Mapping):
        raise DbtConfigurationError(
            f"{MAX_AGES} is '{ages}': write days by input, such as {{transactions: 2}}."
        )
    for name, days in (ages or {}).items():
        if name not in inputs:
            raise DbtConfigurationError(
                f"{MAX_AGES} names {name}: the inputs are {', '.join(sorted(inputs))}."
            )
        if days is not None and not _is_number(days):
            raise DbtConfigurationError(
                f"{MAX_AGES} of {name} is '{days}': it must be a number of days, 0 or "
                "more, or null."
            )


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and value >= 0


def _compile(project: Path, options: Sequence[str]) -> list[Node]:
    """Return the analyses, compiled for the target and the variables of the options."""
    chosen = ["--select", ANALYSES, "--no-populate-cache"]
    nodes = dbt_runner.run("compile", project, [*chosen, *options], lambda _: None)
    for node in nodes:
        if node.is_failed:
            raise DbtConfigurationError(dbt_runner.essential_sentence(node.message))
    if not any(node.name == LAST_DAYS for node in nodes):
        raise DbtConfigurationError(
            f"the package has no analysis {LAST_DAYS}: install it with its folder "
            "analyses, and leave its analyses enabled."
        )
    return sorted(nodes, key=lambda node: node.name)


def _is_check(node: Node) -> bool:
    return node.name != LAST_DAYS and not node.name.startswith(FIGURES_PREFIX)


def _figures(node: Node) -> Iterator[tuple[str, str, float | None]]:
    _, rows = dbt_runner.query(node.compiled_sql)
    for figure, table_name, value in sorted(rows):
        yield figure, table_name, None if value is None else float(value)


def _last_days(analyses: Sequence[Node]) -> dict[str, date | None]:
    """Return the as-of date and the last day of every input, by name."""
    (node,) = (node for node in analyses if node.name == LAST_DAYS)
    _, rows = dbt_runner.query(node.compiled_sql)
    return {name: last and date.fromisoformat(last) for name, last in rows}


def _check(node: Node) -> _Outcome:
    """Run an analysis, whose rows are faults.

    The first sentence of its description says what must hold, the others what to do.
    """
    must_hold, _, remedy = node.description.partition(". ")
    _, rows = dbt_runner.query(node.compiled_sql)
    faults = tuple(
        f"{measure}{f' of {period}' if period else ''} should be {_amount(expected)} "
        f"and is {_amount(found)}"
        for measure, period, expected, found in rows
    )
    return _Outcome(node.name, _Rule(f"{must_hold}.", remedy), faults)


def _finding(outcome: _Outcome) -> Finding:
    """Say what is wrong, of many faults the first ones."""
    shown = list(outcome.faults[:DIFFERENCES_SHOWN])
    if len(outcome.faults) > DIFFERENCES_SHOWN:
        shown.append(f"and {len(outcome.faults) - DIFFERENCES_SHOWN} more")
    return Finding(outcome.name, f"{'; '.join(shown)}.", outcome.rule.remedy)


def _compare(
    figures: Sequence[tuple[str, str, float | None]],
    as_of_date: date | None,
    variables: Mapping[str, Any],
    published: Published,
) -> list[_Outcome]:
    """Compare the figures of the run with those of the last publication."""
    now = {figure: value for figure, _, value in figures}
    known = {figure: x for figure, x in published.figures.items() if x is not None}
    faults: dict[str, list[str]] = {
        name: [] for name in RULES if name.endswith("_as_before")
    }
    del faults["columns_are_as_before"]
    last = published.as_of_date
    is_earlier = bool(as_of_date and last and as_of_date < last)
    for figure, before in sorted(known.items()):
        kind, _ = figure.split(".", maxsplit=1)
        fault = _change(figure, before, now, known, variables, is_earlier)
        if fault:
            faults[f"{kind.rstrip('s')}s_are_as_before"].append(fault)
    dates = f"the as-of date is {as_of_date}, and was {last} at the last publication"
    name = "as_of_date_is_not_earlier"
    outcomes = [_Outcome(name, RULES[name], (dates,) if is_earlier else ())]
    return outcomes + [
        _Outcome(name, RULES[name], tuple(found)) for name, found in faults.items()
    ]


def _change(
    figure: str,
    before: float,
    figures: Mapping[str, float | None],
    known: Mapping[str, float],
    variables: Mapping[str, Any],
    is_earlier: bool,
) -> str:
    """Say how a figure has changed by more than its limit, or nothing."""
    kind, name = figure.split(".", maxsplit=1)
    value = figures.get(figure)
    change = f"{name} is {_amount(value)} and was {_amount(before)}"
    if kind == "month":
        if value is None:
            is_missing = not is_earlier and _month(figure) >= _first_month(figures)
            return f"{change}" if is_missing else ""
        limit = variables["publish_max_month_change"]
        return change if abs(value - before) > limit * abs(before) else ""
    if value is None:
        return change
    if kind == "score":
        return change if abs(value - before) > variables[POINTS] else ""
    if figure == DAYS_OBSERVED or is_earlier:
        return ""
    max_loss = variables["publish_max_loss"]
    small = variables[SMALL]
    if before < small:
        max_loss = max(max_loss, SMALL_TABLE_LOSS)
    if before - value > max_loss * abs(before) and figure not in FREE_TO_SHRINK:
        return change
    # Tables of periods grow with the days that are observed, those of cohorts with
    # the square of them.
    days = max(figures.get(DAYS_OBSERVED) or 1, 1) / max(known.get(DAYS_OBSERVED, 1), 1)
    allowed = max(abs(before), small) * (1 + variables["publish_max_growth"])
    return change if value > allowed * max(days, 1) ** 2 and before > 0 else ""


def _month(figure: str) -> str:
    return figure.rsplit(".", maxsplit=1)[-1]


def _first_month(figures: Mapping[str, float | None]) -> str:
    """Return the first month that has figures; what an input has let go is no loss."""
    months = [_month(figure) for figure in figures if figure.startswith("month.")]
    return min(months, default="")


def _compare_columns(
    columns: Mapping[str, Mapping[str, str]],
    package_version: str,
    published: Published,
) -> _Outcome:
    """Compare the columns of the public tables with those of the last publication."""
    faults: list[str] = []
    for table, before in sorted(published.columns.items()):
        if table not in columns:
            faults.append(f"{table} is gone")
            continue
        now = columns[table]
        faults += [
            f"{table}.{name} is gone"
            if name not in now
            else f"{table}.{name} is {now[name]} and was {kind}"
            for name, kind in before.items()
            if name not in now or now[name].casefold() != kind.casefold()
        ]
    is_new = _contract(package_version) > _contract(published.package_version)
    name = "columns_are_as_before"
    return _Outcome(name, RULES[name], () if is_new else tuple(faults))


def _contract(version: str) -> tuple[int, int]:
    """Return the part of a version that changes when readers have to change."""
    major, minor, *_ = (int(part) for part in version.split("-")[0].split("."))
    return (major, 0 if major else minor)


def _check_ages(
    days: Mapping[str, date | None], variables: Mapping[str, Any], now: datetime
) -> _Outcome:
    """Compare the last day of every input that has a limit with today."""
    today = now.astimezone(ZoneInfo(variables["reporting_timezone"])).date()
    faults = []
    for name, limit in variables[MAX_AGES].items():
        last = days.get(name)
        if limit is None:
            continue
        if last is None:
            faults.append(f"{name} has no row that could tell its age")
        elif (today - last).days > limit:
            faults.append(
                f"the last event of {name} is of {last}, {(today - last).days} days "
                f"ago, and {limit} are allowed"
            )
    return _Outcome("inputs_are_fresh", RULES["inputs_are_fresh"], tuple(faults))


def _amount(value: Any) -> str:
    """Return a number as people write it, with the decimals that it has, at most 4."""
    if value is None:
        return "unknown"
    text = f"{float(value):,.4f}"
    return text.rstrip("0").rstrip(".")
