"""How far people get on the journey, and which of its moments matter and work."""

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
    count,
    hints,
    hundredths,
    interval,
    listed,
    plural,
    score,
    sentence,
    share,
    spoken,
    table,
)

FUNNEL = """\
select
    window_days, stage, stage_order, people, eligible_people, reached_people,
    conversion_rate, conversion_rate_lower, conversion_rate_upper,
    step_conversion_rate, median_days_to_reach, is_small_sample
from rpt_stage_funnel
where segment_column = 'all' and period_grain = 'all'
order by window_days, stage_order"""

SCORECARD = """\
select
    milestone, stage, next_stage, window_days, importance, success_rate,
    success_rate_lower, success_rate_upper, eligible_people, succeeded_people,
    derived_importance, derived_importance_lower, derived_importance_upper,
    satisfaction_score, satisfaction_answers, quadrant, pain_point_rank,
    is_small_sample,
    avg(case when success_rate is not null then importance end) over ()
        as mean_importance,
    avg(success_rate) over () as mean_success_rate
from rpt_milestone_scorecard
where segment_column = 'all' and touchpoint_type = 'all' and medium = 'all'
order by pain_point_rank, milestone_order"""

ADVICE = "what to do"


def funnel(run: Run) -> Section:
    """Show how many people reach each stage."""
    rows = run.rows(FUNNEL)
    parts: list[Part]
    if rows:
        parts = _funnel(rows)
    else:
        parts = [Note("Nobody whom the inputs name has been seen yet.", is_empty=True)]
    return Section(
        "funnel",
        "Stage funnel",
        "Of the people first seen, how many consider, buy, come back and recommend?",
        parts,
        {
            "Stage": "rpt_stage_funnel.stage",
            "Window": "rpt_stage_funnel.window_days",
            "People who could": "rpt_stage_funnel.eligible_people",
            "Reached": "rpt_stage_funnel.reached_people",
            "Share": "rpt_stage_funnel.conversion_rate",
            "Share of the stage before": "rpt_stage_funnel.step_conversion_rate",
            "Median days": "rpt_stage_funnel.median_days_to_reach",
        },
        ("rpt_stage_funnel",),
        "docs/metrics/journey.md",
    )


def milestones(run: Run) -> Section:
    """Show which moments matter and which of them work."""
    rows = run.rows(SCORECARD)
    drawn = [row for row in rows if row["quadrant"] is not None]
    parts: list[Part] = []
    if drawn:
        parts.extend(_quadrants(drawn, rows))
    else:
        missing = run.absence("touchpoints") or (
            "Nobody has been watched for long enough after a milestone."
        )
        parts.append(Note(f"No milestone has a success rate. {missing}", is_empty=True))
    if drawn and (missing := run.absence("touchpoints")):
        parts.append(Note(f"{missing} Only purchases are milestones then."))
    return Section(
        "milestones",
        "Milestones: importance and success",
        "Which moments of the journey matter, which of them fail, and which first?",
        parts,
        {
            "Importance": "rpt_milestone_scorecard.importance",
            "Success rate": "rpt_milestone_scorecard.success_rate",
            "People who could go on": "rpt_milestone_scorecard.eligible_people",
            "Quadrant": "rpt_milestone_scorecard.quadrant",
            "Pain point rank": "rpt_milestone_scorecard.pain_point_rank",
            "Derived importance": "rpt_milestone_scorecard.derived_importance",
            "Satisfaction": "rpt_milestone_scorecard.satisfaction_score",
        },
        ("rpt_milestone_scorecard",),
        "docs/importance_and_success.md",
    )


def _funnel(rows: Sequence[Row]) -> list[Part]:
    window_days = _window(rows)
    shown = [row for row in rows if row["window_days"] == window_days]
    columns = [
        Column("stage", lambda row: spoken(row["stage"]), is_number=False),
        Column("reached", lambda row: count(row["reached_people"])),
        Column("of", lambda row: count(row["eligible_people"])),
        Column("share", lambda row: share(row["conversion_rate"])),
        Column(
            "95% interval",
            lambda row: interval(
                row["conversion_rate_lower"], row["conversion_rate_upper"]
            ),
        ),
        Column(
            "of the stage before",
            lambda row: "" if row is shown[0] else share(row["step_conversion_rate"]),
        ),
    ]
    marks = [
        {
            "stage": row["stage"],
            "whole": 1,
            "conversion_rate": row["conversion_rate"],
            "label": _stage_label(row, row is shown[0]),
            "hints": hints(row, columns),
        }
        for row in shown
    ]
    title = (
        "People who ever reached each stage"
        if window_days is None
        else f"People who reached each stage within {window_days} days"
    )
    return [
        Chart(
            "funnel",
            title,
            _funnel_sentence(shown, window_days),
            charts.funnel(marks),
            table(title, shown, columns),
            FUNNEL,
            is_wide=True,
        ),
        _windows(rows),
    ]


def _window(rows: Sequence[Row]) -> int | None:
    """Choose the longest window that at least half of the people have been seen for."""
    fitting = [
        int(row["window_days"])
        for row in rows
        if row["window_days"] is not None
        and row["eligible_people"] > 0
        and row["eligible_people"] >= row["people"] / 2
    ]
    return max(fitting, default=None)


def _stage_label(row: Row, is_first: bool) -> str:
    name = spoken(row["stage"])
    if row["reached_people"] is None:
        return f"{name}: {UNKNOWN}"
    text = f"{name}: {count(row['reached_people'])} ({share(row['conversion_rate'])})"
    step = row["step_conversion_rate"]
    if not is_first and step is not None:
        text += f", step {share(step)}"
    return text


def _funnel_sentence(rows: Sequence[Row], window_days: int | None) -> str:
    first, *later = rows
    people = plural(first["eligible_people"], "person", "people")
    known = [row for row in later if row["reached_people"] is not None]
    unknown = [spoken(row["stage"]) for row in rows if row["reached_people"] is None]
    stages = [
        f"{share(row['conversion_rate'])} {'' if number else 'reached '}"
        f"{spoken(row['stage'])}"
        for number, row in enumerate(known)
    ]
    watched, when = (
        ("ever seen", "so far")
        if window_days is None
        else (f"watched for {window_days} days", "in that time")
    )
    reached = (
        f"{listed(stages)} {when}"
        if stages
        else "it is not known how many reached a later stage"
    )
    pieces = [f"Of {people} {watched}, {reached}."]
    steps = [row for row in known if row["step_conversion_rate"] is not None]
    if steps:
        worst = min(steps, key=lambda row: row["step_conversion_rate"])
        pieces.append(
            "A step is the share of the stage before. The hardest step is to "
            f"{spoken(worst['stage'])}: {share(worst['step_conversion_rate'])} take it."
        )
    if unknown:
        pieces.append(f"What the inputs cannot show is {UNKNOWN}: {listed(unknown)}.")
    if first["is_small_sample"]:
        pieces.append(f"It is a {SMALL}.")
    return sentence(*pieces)


def _windows(rows: Sequence[Row]) -> Table:
    """Lay out the share who reached each stage, by window."""
    windows = list(dict.fromkeys(row["window_days"] for row in rows))
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    found = {(row["window_days"], row["stage"]): row for row in rows}

    def cell(window_days: int | None, stage: str) -> str:
        return share(found[window_days, stage]["conversion_rate"])

    return Table(
        "Share who reached each stage, by the days they had",
        ["within", "people", *map(spoken, stages)],
        [
            [
                "ever" if window is None else f"{window} days",
                count(found[window, stages[0]]["eligible_people"]),
                *(cell(window, stage) for stage in stages),
            ]
            for window in windows
        ]
        + [
            [
                "median days",
                "",
                *(_days(found.get((None, stage))) for stage in stages),
            ]
        ],
        [False, *(True for _ in range(len(stages) + 1))],
        FUNNEL,
    )


def _days(row: Row | None) -> str:
    return count(row["median_days_to_reach"]) if row else UNKNOWN


def _quadrants(drawn: Sequence[Row], rows: Sequence[Row]) -> list[Part]:
    columns = [
        Column("milestone", lambda row: spoken(row["milestone"]), is_number=False),
        Column("matters", lambda row: hundredths(row["importance"])),
        Column("works", lambda row: share(row["success_rate"])),
        Column(
            "95% interval",
            lambda row: interval(row["success_rate_lower"], row["success_rate_upper"]),
        ),
        Column("people", lambda row: count(row["eligible_people"])),
        Column("within days", lambda row: count(row["window_days"])),
        Column(ADVICE, _advice, is_number=False),
        Column("derived importance", _derived),
        Column("pain rank", lambda row: count(row["pain_point_rank"])),
        Column("satisfaction", _satisfaction),
        Column("note", _sample, is_number=False),
    ]
    success, importance = drawn[0]["mean_success_rate"], drawn[0]["mean_importance"]
    marks = [
        {
            "milestone": spoken(row["milestone"])
            + (f" ({SMALL})" if row["is_small_sample"] else ""),
            "success_rate": row["success_rate"],
            "success_rate_lower": row["success_rate_lower"],
            "success_rate_upper": row["success_rate_upper"],
            "importance": row["importance"],
            "quadrant": spoken(row["quadrant"]),
            "hints": hints(row, columns),
        }
        for row in drawn
    ]
    title = "How much each milestone matters, and how often it works"
    if len(drawn) == 1:
        # Means of one are the one: there is nothing to compare it with.
        text = (
            "Only one milestone has a success rate, "
            f"{spoken(drawn[0]['milestone'])}. {_next_step(drawn[0])}"
        )
        said = [column for column in columns if column.title != ADVICE]
        return [Note(text), table(title, rows, said, SCORECARD)]
    return [
        Chart(
            "milestones",
            title,
            _quadrant_sentence(drawn),
            charts.quadrants(marks, success, importance),
            table(title, rows, columns),
            SCORECARD,
            narrowest=560,
            is_wide=True,
        )
    ]


def _worst(row: Row) -> str:
    return (
        f"First by importance and failure: {spoken(row['milestone'])}. "
        f"{_next_step(row)}"
    )


def _next_step(row: Row) -> str:
    return (
        f"Within {row['window_days']} days {share(row['success_rate'])} of "
        f"{plural(row['eligible_people'], 'person', 'people')} took the next step."
    )


def _quadrant_sentence(rows: Sequence[Row]) -> str:
    worst = rows[0]
    urgent = [
        spoken(row["milestone"])
        for row in rows
        if row["quadrant"] == "concentrate_here"
    ]
    return sentence(
        f"Concentrate on {listed(urgent)}: more important than the mean, and less "
        "often successful."
        if urgent
        else "Nothing is more important than the mean and less often successful.",
        _worst(worst),
        f"Dashed lines are the means: {share(worst['mean_success_rate'])} and "
        f"{hundredths(worst['mean_importance'])}. A line through a point is its 95% "
        "interval.",
    )


def _advice(row: Row) -> str:
    if row["quadrant"] is None:
        return "last stage" if row["next_stage"] is None else UNKNOWN
    return spoken(row["quadrant"])


def _derived(row: Row) -> str:
    """Write by how much success hangs on a good touch, with its interval."""
    if row["derived_importance"] is None:
        return UNKNOWN
    lower, upper = row["derived_importance_lower"], row["derived_importance_upper"]
    limits = (
        f" ({hundredths(lower)} to {hundredths(upper)})" if lower is not None else ""
    )
    return f"{hundredths(row['derived_importance'])}{limits}"


def _satisfaction(row: Row) -> str:
    if row["satisfaction_score"] is None:
        return "not asked"
    answers = plural(row["satisfaction_answers"], "answer")
    return f"{score(row['satisfaction_score'])} ({answers})"


def _sample(row: Row) -> str:
    return SMALL if row["is_small_sample"] and row["quadrant"] is not None else ""
