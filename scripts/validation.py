"""Decide whether what a run has built may be published.

The analyses of analyses/validation hold the marts against the raw inputs; this module
runs them, and compares the figures and the columns of the run with those of the last
publication, and the inputs with the clock.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from math import hypot
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dbt_runner
from dbt_runner import DbtConfigurationError, Node

# The checks and the figures in SQL, wherever the package is installed (dbt selection).
ANALYSES = "customer_journey.analysis.validation"
# Analyses that return figures to publish, not faults.
FIGURES_PREFIX = "run_figures_"
# The analysis that returns the as-of date and the last day of every input.
LAST_DAYS = "last_days"
AS_OF_DATE = "as_of_date"
DAYS_OBSERVED = "total.days_observed"
# Rejections have a limit of their own, and fewer of them are no loss.
REJECTED_ROWS = "rows.fct_rejected_rows"
# Points from the worst score to the best.
SCALE = 100
NPS, NPS_SCALE = "score.nps", 200
# Standard errors by which chance alone moves a score once in a few hundred times.
CHANCE = 3
# Rows of a table, and those of everybody where others are of segments.
ROWS, ROWS_OF_ALL = "rows.", "rows_of_all."
# One figure per segment column, and one for everybody.
SEGMENTS, SEGMENT_OF_ALL = "segments.", "all"
FAULTS_SHOWN = 3
# A small table may lose more than others, but not half of its rows.
SMALL_TABLE_LOSS = 0.49
Figure = tuple[str, str, float | None]


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
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Validation:
    """What was checked, what was found, and the figures of the run.

    `checks` has what must hold by the name of every check that was made. `figures` are
    figure, table and value; a value that is unknown, or too small to compare, is None.
    """

    checks: Mapping[str, str]
    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class _Outcome:
    """A check that was made: what must hold, what to do if not, and what does not."""

    check: str
    must_hold: str
    remedy: str
    faults: tuple[str, ...]


_ACCEPT = "publish with --accept if the change is meant."
# What must hold, and what to do when it does not, of the checks that are made here.
_RULES = {
    "as_of_date_is_not_earlier": (
        "The as-of date is not earlier than that of the last publication.",
        f"Set as_of_date to null or a later day, or {_ACCEPT}",
    ),
    "rows_are_as_before": (
        "No public table is empty that had rows at the last publication, or has lost "
        "or gained more of them than publish_max_loss and publish_max_growth allow.",
        f"Look for rows that an input has lost or delivered twice, or {_ACCEPT}",
    ),
    "totals_are_as_before": (
        "No total has fallen or risen by more since the last publication than "
        "publish_max_loss and publish_max_growth allow.",
        f"Look for rows that an input has lost or delivered twice, or {_ACCEPT}",
    ),
    "months_are_as_before": (
        "No month that was over at the last publication has changed by more than "
        "publish_max_month_change allows.",
        "Look for rows of that month that an input has lost, moved or delivered twice, "
        f"or {_ACCEPT}",
    ),
    "scores_are_as_before": (
        "No score has moved by more of its scale since the last publication than "
        "publish_max_score_change allows, or chance explains.",
        f"Look at the answers and purchases behind it, or {_ACCEPT}",
    ),
    "columns_are_as_before": (
        "Every table and column of the last publication is still there, with its type.",
        "Give readers back what they query, or raise the major version of the package "
        "(below 1.0 the minor one).",
    ),
    "settings_are_as_before": (
        "The time zone, the currency and the segments are those of the last "
        "publication.",
        f"Set them as they were, or {_ACCEPT}",
    ),
    "inputs_are_fresh": (
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
    public table with their types. Without a last publication nothing is compared with
    it. Raises dbt_runner.DbtError.
    """
    check_variables(variables)
    nodes = _compile(project, options)
    figures = tuple(
        figure
        for name, node in nodes.items()
        if name.startswith(FIGURES_PREFIX)
        for figure in _figures(node)
    )
    days = _last_days(nodes[LAST_DAYS])
    outcomes = [
        _check(node)
        for name, node in nodes.items()
        if name != LAST_DAYS and not name.startswith(FIGURES_PREFIX)
    ]
    if published is not None:
        outcomes += _compare(figures, days[AS_OF_DATE], variables, published)
        outcomes.append(_compare_columns(columns, package_version, published))
        outcomes.append(_compare_settings(figures, variables, published))
    if variables["input_max_age_days"]:
        outcomes.append(_check_ages(days, variables, now))
    return Validation(
        checks={outcome.check: outcome.must_hold for outcome in outcomes},
        findings=tuple(_finding(outcome) for outcome in outcomes if outcome.faults),
        figures=figures,
    )


def check_variables(variables: Mapping[str, Any]) -> None:
    """Raise DbtConfigurationError if a limit or the time zone cannot be one."""
    for name in ("loss", "growth", "month_change", "score_change"):
        limit = variables[f"publish_max_{name}"]
        if not _is_limit(limit):
            raise DbtConfigurationError(
                f"publish_max_{name} is '{limit}': it must be a number, 0 or more."
            )
    zone = variables["reporting_timezone"]
    try:
        ZoneInfo(str(zone))
    except (ZoneInfoNotFoundError, ValueError):
        raise DbtConfigurationError(
            f"reporting_timezone is '{zone}': write the name of a time zone, such as "
            "Europe/Berlin."
        ) from None
    ages = variables["input_max_age_days"]
    if ages is not None and not isinstance(ages, Mapping):
        raise DbtConfigurationError(
            f"input_max_age_days is '{ages}': write days by input, such as "
            "{transactions: 2}, or {} for none."
        )
    inputs = [name[:-6] for name in variables if name.endswith("_input")]
    for name, days in (ages or {}).items():
        if name not in inputs:
            raise DbtConfigurationError(
                f"input_max_age_days names {name}: the inputs are {', '.join(inputs)}."
            )
        if days is not None and not _is_limit(days):
            raise DbtConfigurationError(
                f"input_max_age_days of {name} is '{days}': it must be a number of "
                "days, 0 or more, or null."
            )


def _is_limit(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and bool(value >= 0)


def _compile(project: Path, options: Sequence[str]) -> dict[str, Node]:
    """Return the analyses by name, compiled under the options of the run."""
    chosen = ["--select", ANALYSES, "--no-populate-cache"]
    nodes = dbt_runner.run("compile", project, [*chosen, *options], lambda _: None)
    for node in nodes:
        if node.is_failed:
            raise DbtConfigurationError(dbt_runner.essential_sentence(node.message))
    found = {node.name: node for node in sorted(nodes, key=lambda node: node.name)}
    if LAST_DAYS not in found:
        raise DbtConfigurationError(
            "the analyses of the package customer_journey are switched off: without "
            "them nothing can be validated, so take `+enabled: false` off analyses."
        )
    return found


def _figures(node: Node) -> Iterator[Figure]:
    _, rows = dbt_runner.query(node.compiled_sql)
    for figure, table, value in sorted(rows, key=lambda row: str(row[0])):
        yield figure, table, None if value is None else float(value)


def _last_days(node: Node) -> dict[str, date | None]:
    """Return the as-of date and the last day of every input, by name."""
    _, rows = dbt_runner.query(node.compiled_sql)
    return {name: last and date.fromisoformat(last) for name, last in rows}


def _check(node: Node) -> _Outcome:
    """Run an analysis whose rows are faults, and tell the first one of each measure.

    The first sentence of its description says what must hold, the others what to do.
    """
    must_hold, _, remedy = node.description.partition(". ")
    _, rows = dbt_runner.query(node.compiled_sql)
    rows.sort(key=lambda row: (row[0], row[1] or ""))
    faults = []
    for measure, group in groupby(rows, key=lambda row: row[0]):
        (_, period, expected, found), *others = group
        place = f"{measure} of {period}" if period else measure
        more = f" ({len(others)} more)" if others else ""
        faults.append(
            f"{place}: expected {_number(expected)}, found {_number(found)}{more}"
        )
    return _Outcome(node.name, f"{must_hold}.", remedy, tuple(faults))


def _finding(outcome: _Outcome) -> Finding:
    """Say what is wrong; of many faults the first ones."""
    shown = list(outcome.faults[:FAULTS_SHOWN])
    if len(outcome.faults) > FAULTS_SHOWN:
        shown.append(f"and {len(outcome.faults) - FAULTS_SHOWN} more")
    return Finding(outcome.check, f"{'; '.join(shown)}.", outcome.remedy)


def _outcome(check: str, faults: Sequence[str]) -> _Outcome:
    """Return the outcome of a check that is made here."""
    must_hold, remedy = _RULES[check]
    return _Outcome(check, must_hold, remedy, tuple(faults))


def _compare(
    figures: Sequence[Figure],
    as_of_date: date | None,
    variables: Mapping[str, Any],
    published: Published,
) -> list[_Outcome]:
    """Compare the figures of the run with those of the last publication."""
    changes = _Changes(
        now={figure: value for figure, _, value in figures},
        before={
            figure: value
            for figure, value in sorted(published.figures.items())
            if value is not None
        },
        variables=variables,
    )
    last = published.as_of_date
    if as_of_date and last and as_of_date < last:
        dates = (
            f"the as-of date is {as_of_date}, and was {last} at the last publication"
        )
        # What an earlier day has not seen yet is no loss.
        return [
            _outcome("as_of_date_is_not_earlier", [dates]),
            _outcome("months_are_as_before", changes.of_months(is_earlier=True)),
        ]
    return [
        _outcome("as_of_date_is_not_earlier", []),
        _outcome("rows_are_as_before", changes.of_rows()),
        _outcome("totals_are_as_before", changes.of_sizes("total.")),
        _outcome("months_are_as_before", changes.of_months(is_earlier=False)),
        _outcome("scores_are_as_before", changes.of_scores()),
    ]


@dataclass(frozen=True)
class _Changes:
    """Figures of this run beside those of the last publication that were known."""

    now: Mapping[str, float | None]
    before: Mapping[str, float]
    variables: Mapping[str, Any]

    def of_rows(self) -> list[str]:
        """Name the tables that have shrunk or grown beyond the limits.

        Other segments are other rows, so that those of everybody are compared.
        """
        of_all = self._comparable(ROWS_OF_ALL)
        other = {figure.replace(ROWS_OF_ALL, ROWS) for figure in of_all}
        return sorted(
            [
                *self.of_sizes(ROWS_OF_ALL),
                *(self._told(one) for one in self._changed(ROWS) if one not in other),
            ]
        )

    def of_sizes(self, kind: str) -> list[str]:
        """Name the figures of a kind that have shrunk or grown beyond the limits."""
        return [self._told(figure) for figure in self._changed(kind)]

    def _changed(self, kind: str) -> list[str]:
        return [
            figure
            for figure in self._comparable(kind)
            if figure != DAYS_OBSERVED
            and (self._is_shrunk(figure) or self._is_grown(figure))
        ]

    def of_months(self, is_earlier: bool) -> list[str]:
        """Name the figures of months that differ, or are gone.

        A source that keeps two years lets go of the first month, bit by bit.
        """
        limit = self.variables["publish_max_month_change"]
        months = [_month(figure) for figure in self.now if figure.startswith("month.")]
        first = min(months, default="")
        gone = [
            figure
            for figure in self.before
            if figure.startswith("month.")
            and figure not in self.now
            and _month(figure) > first
            and not is_earlier
        ]
        changed = [
            figure
            for figure in self._comparable("month.")
            if self._distance(figure) > limit * abs(self.before[figure])
            and (_month(figure) > first or self._is_higher(figure))
        ]
        return [self._told(figure) for figure in sorted([*gone, *changed])]

    def of_scores(self) -> list[str]:
        """Name the scores that have moved by more than the limit, and than chance."""
        limit = self.variables["publish_max_score_change"]
        return [
            self._told(figure)
            for figure in self._comparable("score.")
            if self._distance(figure)
            > max(
                limit * (NPS_SCALE if figure == NPS else SCALE),
                CHANCE * self._standard_error(figure),
            )
        ]

    def _comparable(self, kind: str) -> list[str]:
        """Return the figures of a kind that this version of the package still has."""
        return [
            figure
            for figure in self.before
            if figure.startswith(kind) and figure in self.now
        ]

    def _distance(self, figure: str) -> float:
        """Return how far a figure has moved; one that is not known any more, any."""
        value = self.now[figure]
        return float("inf") if value is None else abs(value - self.before[figure])

    def _standard_error(self, score: str) -> float:
        """Return that of the difference between a score then and now.

        Answers that are in both make the difference smaller than this.
        """
        error = score.replace("score.", "error.", 1)
        return hypot(self.now.get(error) or 0, self.before.get(error) or 0)

    def _is_higher(self, figure: str) -> bool:
        value = self.now[figure]
        return value is not None and value > self.before[figure]

    def _is_shrunk(self, figure: str) -> bool:
        before, value = self.before[figure], self.now[figure]
        limit = float(self.variables["publish_max_loss"])
        if before < self.variables["small_sample_size"]:
            limit = max(limit, SMALL_TABLE_LOSS)
        if value is None:
            return True
        if figure == REJECTED_ROWS:
            return False
        is_emptied = figure.startswith((ROWS, ROWS_OF_ALL)) and value == 0 < before
        return is_emptied or before - value > limit * abs(before)

    def _is_grown(self, figure: str) -> bool:
        """Tell whether a figure has grown by more than time explains.

        Tables of periods grow with the days observed, cohorts with their square.
        """
        before, value = self.before[figure], self.now[figure]
        if value is None or before <= 0:
            # What was empty may become anything.
            return False
        days = self.now.get(DAYS_OBSERVED) or 1
        ratio = max(days / max(self.before.get(DAYS_OBSERVED, 1), 1), 1)
        size = max(before, float(self.variables["small_sample_size"]))
        growth = float(self.variables["publish_max_growth"])
        return value > size * ratio**2 * (1 + growth)

    def _told(self, figure: str) -> str:
        _, name = figure.split(".", maxsplit=1)
        value, before = _number(self.now.get(figure)), _number(self.before[figure])
        if figure.startswith(ROWS):
            return f"{name} has {value} rows and had {before}"
        if figure.startswith(ROWS_OF_ALL):
            return f"{name} has {value} rows of everybody and had {before}"
        return f"{name.replace('.', ' of ')} is {value} and was {before}"


def _month(figure: str) -> str:
    return figure.rsplit(".", maxsplit=1)[-1]


def _compare_columns(
    columns: Mapping[str, Mapping[str, str]],
    package_version: str,
    published: Published,
) -> _Outcome:
    """Compare the columns of the public tables with those of the last publication."""
    if _contract(package_version) > _contract(published.package_version):
        return _outcome("columns_are_as_before", [])
    faults = []
    for table, before in sorted(published.columns.items()):
        if table not in columns:
            faults.append(f"{table} is gone")
            continue
        for name, kind in before.items():
            found = columns[table].get(name)
            if found is None:
                faults.append(f"{table}.{name} is gone")
            elif found.casefold() != kind.casefold():
                faults.append(f"{table}.{name} is {found} and was {kind}")
    return _outcome("columns_are_as_before", faults)


def _compare_settings(
    figures: Sequence[Figure], variables: Mapping[str, Any], published: Published
) -> _Outcome:
    """Compare the time zone, the currency and the segments with those published."""
    faults = [
        f"{name} is {variables[name]} and was {before}"
        for name, before in published.settings.items()
        if variables[name] != before
    ]
    now = _segment_columns(figure for figure, *_ in figures)
    before = _segment_columns(published.figures)
    if now is not None and before is not None and now != before:
        faults.append(f"segment_columns are {_listed(now)} and were {_listed(before)}")
    return _outcome("settings_are_as_before", faults)


def _segment_columns(figures: Iterable[str]) -> list[str] | None:
    """Return the segment columns that figures are of; none if they do not tell."""
    names = {
        figure.removeprefix(SEGMENTS)
        for figure in figures
        if figure.startswith(SEGMENTS)
    }
    return sorted(names - {SEGMENT_OF_ALL}) if names else None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _contract(version: str) -> tuple[int, ...]:
    """Return the part of a version by which it says that readers have to change."""
    major, minor, *_ = (int(number) for number in re.findall(r"\d+", f"{version}.0"))
    return (major,) if major else (major, minor)


def _check_ages(
    days: Mapping[str, date | None], variables: Mapping[str, Any], now: datetime
) -> _Outcome:
    """Compare the last day of every input that has a limit with today."""
    today = now.astimezone(ZoneInfo(variables["reporting_timezone"])).date()
    faults = []
    for name, limit in variables["input_max_age_days"].items():
        last = days.get(name)
        if limit is None:
            continue
        if last is None:
            faults.append(f"{name} has no row with a date")
        elif (today - last).days > limit:
            faults.append(
                f"the last event of {name} was on {last}, {(today - last).days} days "
                f"ago, and {_number(limit)} are allowed"
            )
    return _outcome("inputs_are_fresh", faults)


def _number(value: Any) -> str:
    """Return a number as it is read, with at most four digits behind the point."""
    if value is None:
        return "unknown"
    text = f"{float(value):,.4f}"
    return text.rstrip("0").rstrip(".")
