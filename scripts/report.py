"""The report: one page that shows what was published, and opens without a network.

Every figure is a query on the published tables, and each section gives its query; this
module and its sections only choose, order and word what the tables say.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import report_acquisition
import report_charts
import report_definitions
import report_experience
import report_growth
import report_journey
import report_quality
import report_retention
from published import Reader
from report_parts import GRAINS, Chart, Input, Part, Run, Section, day

PAGE = "report_page.html.j2"
HERE = Path(__file__).resolve().parent
SECTIONS: Sequence[Callable[[Run], Section]] = (
    report_growth.headlines,
    report_journey.funnel,
    report_growth.accounting,
    report_retention.cohorts,
    report_retention.churn,
    report_acquisition.costs,
    report_acquisition.attribution,
    report_experience.experience,
    report_journey.milestones,
    report_quality.quality,
    report_quality.facts,
)

PERIODS = """\
select
    period_grain,
    sum(case when is_complete then 1 else 0 end) as complete_periods,
    max(case when is_complete then period_start end) as last_complete_start
from dim_periods
group by period_grain"""

READINESS = (
    "select * from rpt_retention_readiness "
    "where segment_column = 'all' and segment_value = 'all'"
)


@dataclass(frozen=True)
class _Definition:
    """A word of a section, what it means, and where it is found."""

    term: str
    text: str
    place: str


def write(reader: Reader, path: Path, *, charts: Path | None = None) -> None:
    """Draw the page of what was published.

    `charts` is a folder that gets a PNG and an SVG of every chart. Whoever opens the
    page meanwhile finds the old one or the new one, whole.
    """
    run = find_run(reader)
    sections = [section(run) for section in SECTIONS]
    path.parent.mkdir(parents=True, exist_ok=True)
    _put(path, _page(run, sections).encode())
    if charts is None:
        return
    charts.mkdir(parents=True, exist_ok=True)
    source = f"{run.info['project_name']}, as of {day(run.info['as_of_date'])}"
    for chart in _charts(sections):
        svg, png = report_charts.picture(chart, source)
        _put(charts / f"{chart.name}.svg", svg.encode())
        _put(charts / f"{chart.name}.png", png)


def find_run(reader: Reader) -> Run:
    """Find what was run, and the periods that its report counts in."""
    (info,) = reader.query("select * from run_info")
    (readiness,) = reader.query(READINESS)
    periods = {row["period_grain"]: row for row in reader.query(PERIODS)}
    grain = next((name for name in GRAINS if name in periods), next(iter(GRAINS)))
    return Run(
        reader,
        info,
        grain,
        periods[grain]["last_complete_start"] if periods else None,
        {name: int(row["complete_periods"]) for name, row in periods.items()},
        {
            row["input_name"]: Input(row["is_switched_off"], int(row["accepted_rows"]))
            for row in reader.query(report_quality.INPUTS)
        },
        readiness,
    )


def _page(run: Run, sections: Sequence[Section]) -> str:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        # But for the page's own style and script, all that it is given is data.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["rows_of"] = _rows
    environment.globals["definitions_of"] = _definitions
    script = (HERE / "report_page.js").read_text("utf-8")
    return environment.get_template(PAGE).render(
        run=run,
        sections=sections,
        marks=report_quality.marks(run),
        as_of=day(run.info["as_of_date"]),
        light=report_charts.LIGHT,
        dark=report_charts.DARK,
        config=report_charts.CONFIG,
        style=(HERE / "report_page.css").read_text("utf-8"),
        script=vl_convert.javascript_bundle(script),
    )


def _definitions(section: Section) -> list[_Definition]:
    return [
        _Definition(
            term,
            section.meanings.get(term) or report_definitions.of_column(place),
            place,
        )
        for term, place in section.terms.items()
    ] + [
        _Definition(table, report_definitions.of_table(table), table)
        for table in section.tables
    ]


def _rows(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Put charts that follow each other and are not wide into one row."""

    def is_narrow(part: Part) -> bool:
        return isinstance(part, Chart) and not part.is_wide

    for are_narrow, group in groupby(parts, is_narrow):
        if are_narrow:
            yield list(group)
        else:
            for part in group:
                yield [part]


def _charts(sections: Sequence[Section]) -> Iterator[Chart]:
    for section in sections:
        for part in section.parts:
            if isinstance(part, Chart):
                yield part


def _put(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there whole."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
