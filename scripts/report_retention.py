"""Who comes back, cohort by cohort, and in which month customers leave."""

from collections.abc import Sequence

import report_charts as charts
from report_parts import (
    SMALL,
    UNKNOWN,
    Chart,
    Column,
    Note,
    Part,
    Row,
    Run,
    Section,
    Table,
    amount,
    count,
    hints,
    interval,
    listed,
    period_name,
    plural,
    sentence,
    share,
    table,
)

COHORTS = """\
select
    cohort_start, period_number, cohort_size, retained_customers, retention_rate,
    retention_rate_lower, retention_rate_upper, cumulative_revenue_per_customer,
    is_small_sample
from rpt_cohort_retention
where segment_column = 'all' and offset_basis = 'calendar'
    and period_grain = '{grain}' and is_complete
    and period_number between 1 and {limit}
    and cohort_start in (
        select period_start from dim_periods
        where period_grain = '{grain}' and is_complete
        order by period_start desc
        limit {limit}
    )
order by cohort_start, period_number"""

AVERAGES = """\
select
    period_number, customers, eligible_customers, rate, rate_lower, rate_upper,
    is_small_sample
from rpt_retention
where measure = 'cohort_average_weighted' and segment_column = 'all'
    and offset_basis = 'calendar' and period_grain = '{grain}'
    and period_number between 1 and {limit}
order by period_number"""

CHURN = """\
select
    period_number, cohort_size, at_risk_customers, churned_customers,
    undetermined_customers, hazard, hazard_lower, hazard_upper, survival,
    survival_lower, survival_upper, churn_probability, modal_churn_month,
    churn_window_months, is_small_sample
from rpt_churn_by_month_number
where segment_column = 'all' and churn_window = 'in_force' and period_grain = 'all'
order by period_number"""

WINDOWS = """\
select
    churn_window,
    churn_window_months,
    max(modal_churn_month) as modal_churn_month,
    max(case when is_complete then period_number end) as last_judged_month,
    max(case when period_number = 3 then survival end) as survival_3_months,
    max(case when period_number = 12 then survival end) as survival_12_months
from rpt_churn_by_month_number
where segment_column = 'all' and period_grain = 'all'
group by churn_window, churn_window_months
order by case when churn_window = 'in_force' then 0 else 1 end, churn_window"""

ALL_COHORTS = "all cohorts"
NAMES = {
    "in_force": "in force (drawn above)",
    "gap_80th_percentile": "8 of 10 gaps between purchases",
    "gap_90th_percentile": "9 of 10 gaps between purchases",
}


def cohorts(run: Run) -> Section:
    """Show how many of each cohort bought again, by how long ago they first did."""
    queries = [
        query.format(grain=run.grain, limit=run.periods_drawn)
        for query in (COHORTS, AVERAGES)
    ]
    rows, averages = (run.rows(query) for query in queries)
    parts: list[Part]
    if unmeasurable := run.unmeasurable():
        parts = [Note(unmeasurable, is_empty=True)]
    elif rows:
        parts = [_heat_map(run, rows, averages, ";\n\n".join(queries))]
    else:
        missing = run.absence("transactions") or (
            f"No cohort has been followed for a whole {run.grain} after that of its "
            "first purchase."
        )
        parts = [Note(missing, is_empty=True)]
    return Section(
        "cohorts",
        "Cohort retention",
        f"Of the customers who first bought in one {run.grain}, how many bought again "
        "later?",
        parts,
        {
            "Cohort size": "rpt_cohort_retention.cohort_size",
            "Retention": "rpt_cohort_retention.retention_rate",
            f"{run.grain.capitalize()} number": "rpt_cohort_retention.period_number",
            "Incomplete": "rpt_cohort_retention.is_complete",
            "All cohorts": "rpt_retention.measure",
        },
        ("rpt_cohort_retention",),
        "docs/metrics/retention.md",
        {
            "All cohorts": "Those who bought again over everybody of the cohorts seen "
            f"for the whole of that {run.grain}: a mean in which a large cohort counts "
            "more."
        },
    )


def churn(run: Run) -> Section:
    """Show in which month after the first purchase customers leave."""
    rows = run.rows(CHURN)
    parts: list[Part]
    if unmeasurable := run.unmeasurable():
        parts = [Note(unmeasurable, is_empty=True)]
    elif any(row["hazard"] is not None for row in rows):
        parts = [_survival(rows), _hazard(rows), _windows(run)]
    else:
        missing = run.absence("transactions") or _too_early(run)
        parts = [Note(missing, is_empty=True)]
    return Section(
        "churn",
        "Survival and churn",
        "In which month after the first purchase do customers leave, and how sure is "
        "that?",
        parts,
        {
            "Survival": "rpt_churn_by_month_number.survival",
            "Interval of survival": "rpt_churn_by_month_number.survival_lower",
            "Hazard": "rpt_churn_by_month_number.hazard",
            "At risk": "rpt_churn_by_month_number.at_risk_customers",
            "Churned": "rpt_churn_by_month_number.churned_customers",
            "Undetermined": "rpt_churn_by_month_number.undetermined_customers",
            "Modal churn month": "rpt_churn_by_month_number.modal_churn_month",
            "Churn window": "rpt_churn_by_month_number.churn_window",
        },
        ("rpt_churn_by_month_number",),
        "docs/metrics/churn.md",
    )


def _too_early(run: Run) -> str:
    (longest,) = run.rows(
        "select max(churn_window_months) as months from rpt_churn_by_month_number "
        "where segment_column = 'all' and churn_window = 'in_force'"
    )
    months = longest["months"]
    silence = f"{plural(months, 'whole month')} of silence" if months else "silence"
    return f"Nobody can be judged yet: {silence} after a purchase must have been seen."


def _heat_map(
    run: Run, rows: Sequence[Row], averages: Sequence[Row], query: str
) -> Chart:
    columns = [
        Column("first bought", lambda row: _cohort(row, run), is_number=False),
        Column(f"{run.grain}s after", lambda row: str(row["period_number"])),
        Column("bought again", lambda row: share(row["retention_rate"])),
        Column("customers", lambda row: count(row["retained_customers"])),
        Column("of", lambda row: count(row["cohort_size"])),
        Column(
            "95% interval",
            lambda row: interval(
                row["retention_rate_lower"], row["retention_rate_upper"]
            ),
        ),
        Column(
            f"revenue so far each, {run.currency}",
            lambda row: amount(row["cumulative_revenue_per_customer"]),
        ),
    ]
    # The averages are drawn as a cohort of everybody, above the others.
    whole = [
        {
            "cohort_start": None,
            "period_number": row["period_number"],
            "cohort_size": row["eligible_customers"],
            "retained_customers": row["customers"],
            "retention_rate": row["rate"],
            "retention_rate_lower": row["rate_lower"],
            "retention_rate_upper": row["rate_upper"],
            "cumulative_revenue_per_customer": None,
            "is_small_sample": row["is_small_sample"],
        }
        for row in averages
        if row["rate"] is not None
    ]
    everything = [*whole, *rows]
    names = {row["cohort_start"]: _name(row, run) for row in everything}
    marks = [
        {
            "cohort": names[row["cohort_start"]],
            "period_number": row["period_number"],
            "retention_rate": row["retention_rate"],
            "label": f"{100 * row['retention_rate']:.0f}",
            "hints": hints(row, columns),
        }
        for row in everything
    ]
    title = (
        f"Bought again, in % of the cohort, by {run.grain}s since the first purchase"
    )
    return Chart(
        "cohorts",
        title,
        _cohort_sentence(run, rows, averages),
        charts.heat_map(
            marks, list(names.values()), f"{run.grain}s after", ALL_COHORTS
        ),
        _triangle(run, title, everything),
        query,
        narrowest=max(420, 150 + 26 * max(row["period_number"] for row in rows)),
        is_wide=True,
    )


def _cohort(row: Row, run: Run) -> str:
    start = row["cohort_start"]
    return ALL_COHORTS if start is None else period_name(start, run.grain)


def _name(row: Row, run: Run) -> str:
    """Name a cohort with its size."""
    name = _cohort(row, run)
    return (
        name if row["cohort_start"] is None else f"{name} \N{MIDDLE DOT} {_size(row)}"
    )


def _size(row: Row) -> str:
    return count(row["cohort_size"]) + ("*" if row["is_small_sample"] else "")


def _triangle(run: Run, title: str, rows: Sequence[Row]) -> Table:
    """Lay the cells out as a table: a row for each cohort, a column for each number."""
    numbers = sorted({row["period_number"] for row in rows})
    cells = {
        (row["cohort_start"], row["period_number"]): share(row["retention_rate"])
        for row in rows
    }
    first_cells = {row["cohort_start"]: row for row in reversed(rows)}
    return Table(
        f"{title}. A cell that is empty is not fully observed.",
        ["first bought", "customers", *map(str, numbers)],
        [
            [
                _cohort(row, run),
                _size(row),
                *(cells.get((start, number), "") for number in numbers),
            ]
            for start, row in reversed(first_cells.items())
        ],
        [False, *(True for _ in range(len(numbers) + 1))],
    )


def _cohort_sentence(run: Run, rows: Sequence[Row], averages: Sequence[Row]) -> str:
    known = {row["period_number"]: row for row in averages if row["rate"] is not None}
    found = listed(
        [
            f"{share(known[number]['rate'])} in {run.grain} {number}"
            for number in (1, 3, 6, 12, 24)
            if number in known
        ]
        or [f"{UNKNOWN} how many"]
    )
    cohort_count = len({row["cohort_start"] for row in rows})
    return sentence(
        f"Over all cohorts that are old enough, {found} after the first purchase.",
        f"Drawn: {plural(cohort_count, 'cohort')}, each with its number of customers.",
        "The stronger a shade the more. Cells that are not fully observed are left "
        "out.",
        "* marks a small sample."
        if any(row["is_small_sample"] for row in rows)
        else "",
    )


def _churn_columns() -> list[Column]:
    return [
        Column("month", lambda row: str(row["period_number"])),
        Column("still customers", lambda row: share(row["survival"])),
        Column(
            "95% interval",
            lambda row: interval(row["survival_lower"], row["survival_upper"]),
        ),
        Column("at risk", lambda row: count(row["at_risk_customers"])),
        Column("left", lambda row: count(row["churned_customers"])),
        Column("risk of leaving", lambda row: _hazard_text(row)),
        Column(
            "its 95% interval",
            lambda row: interval(row["hazard_lower"], row["hazard_upper"]),
        ),
        Column("undetermined", lambda row: count(row["undetermined_customers"])),
        Column("note", _sample, is_number=False),
    ]


def _hazard_text(row: Row) -> str:
    return "nobody yet" if row["period_number"] == 0 else share(row["hazard"])


def _sample(row: Row) -> str:
    return SMALL if row["is_small_sample"] else ""


def _survival(rows: Sequence[Row]) -> Chart:
    columns = _churn_columns()
    drawn = [row for row in rows if row["survival"] is not None]
    marks = [
        {
            "period_number": row["period_number"],
            "survival": row["survival"],
            "survival_lower": row["survival_lower"],
            "survival_upper": row["survival_upper"],
            "is_small_sample": row["is_small_sample"],
            "hints": hints(row, columns),
        }
        for row in drawn
    ]
    modal_month = rows[0]["modal_churn_month"]
    title = "Customers who have not left, by months since the first purchase"
    return Chart(
        "survival",
        title,
        _survival_sentence(drawn, modal_month),
        charts.survival(marks, modal_month),
        table(title, drawn, columns),
        CHURN,
        narrowest=320,
    )


def _survival_sentence(rows: Sequence[Row], modal_month: int | None) -> str:
    by_month = {row["period_number"]: row for row in rows}
    found = listed(
        [
            f"{share(row['survival'])} after month {month}{_bounds(row)}"
            for month, row in by_month.items()
            if month in (1, 6, 12, 24)
        ]
    )
    silence = plural(rows[0]["churn_window_months"], "whole month")
    pieces = [
        f"Of {plural(rows[0]['cohort_size'], 'customer')}, still there: {found}. "
        f"Whoever buys nothing for {silence} has left; the band is the 95% interval."
    ]
    if modal_month is None:
        pieces.append("Nobody has left yet, so no month is the one most leave in.")
    else:
        probability = by_month[modal_month]["churn_probability"]
        pieces.append(
            f"The modal churn month is {modal_month}: {share(probability)} of all "
            "customers leave in it, more than in any other."
        )
        if modal_month == rows[-1]["period_number"]:
            pieces.append(
                "It is the last month that can be judged, which looks worse than it is."
            )
    small = [row["period_number"] for row in rows if row["is_small_sample"]]
    if small:
        which = f"From month {min(small)} on" if min(small) else "All"
        pieces.append(f"{which} points are hollow: a {SMALL}.")
    return sentence(*pieces)


def _bounds(row: Row) -> str:
    """Write the interval of survival; when nobody is left there is none."""
    if row["survival_lower"] is None:
        return ""
    return f" ({interval(row['survival_lower'], row['survival_upper'])})"


def _hazard(rows: Sequence[Row]) -> Chart:
    columns = _churn_columns()
    drawn = [row for row in rows if row["hazard"] is not None]
    marks = [
        {
            "period_number": row["period_number"],
            "hazard": row["hazard"],
            "hazard_lower": row["hazard_lower"],
            "hazard_upper": row["hazard_upper"],
            "is_small_sample": row["is_small_sample"],
            "hints": hints(row, columns),
        }
        for row in drawn
    ]
    worst = max(
        [row for row in drawn if not row["is_small_sample"]] or drawn,
        key=lambda row: row["hazard"],
    )
    title = "Risk of leaving in each month, for those still there"
    undetermined = sum(row["undetermined_customers"] for row in rows)
    text = sentence(
        f"The risk is highest in month {worst['period_number']}: "
        f"{count(worst['churned_customers'])} of "
        f"{count(worst['at_risk_customers'])} at "
        f"risk left, {share(worst['hazard'])} "
        f"({interval(worst['hazard_lower'], worst['hazard_upper'])}).",
        "The last months rest on short silences and look worse than they are.",
        f"Too early to judge: {plural(undetermined, 'customer')}."
        if undetermined
        else "",
    )
    return Chart(
        "hazard",
        title,
        text,
        charts.hazard(marks),
        table(title, drawn, columns),
        CHURN,
        narrowest=320,
    )


def _windows(run: Run) -> Table:
    return table(
        "How much hangs on the number of silent months that count as leaving",
        run.rows(WINDOWS),
        [
            Column("window", lambda row: NAMES[row["churn_window"]], is_number=False),
            Column("silent months", lambda row: count(row["churn_window_months"])),
            Column("modal churn month", lambda row: count(row["modal_churn_month"])),
            Column("after month 3", lambda row: share(row["survival_3_months"])),
            Column("after month 12", lambda row: share(row["survival_12_months"])),
            Column("last month judged", lambda row: count(row["last_judged_month"])),
        ],
        WINDOWS,
    )
