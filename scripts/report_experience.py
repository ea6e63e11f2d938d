"""How people feel about it: NPS, satisfaction and the key success indicators."""

from collections.abc import Sequence

import report_charts as charts
from report_parts import (
    NPS_MEANING,
    SMALL,
    UNKNOWN,
    Chart,
    Column,
    Note,
    Part,
    Row,
    Run,
    Section,
    bounds,
    count,
    hints,
    hundredths,
    interval,
    period_name,
    plural,
    score,
    sentence,
    share,
    spoken,
    table,
)

TREND = """\
select
    survey_type, period_start, responses, score, score_lower, score_upper,
    is_small_sample
from rpt_experience
where segment_column = 'all' and question_id = 'all' and period_grain = '{grain}'
    and is_complete
    and period_start in (
        select period_start from dim_periods
        where period_grain = '{grain}' and is_complete
        order by period_start desc
        limit {limit}
    )
order by survey_type, period_start"""

QUESTIONS = """\
select
    survey_type, question_id, responses, score, score_lower, score_upper, mean_answer,
    target, attainment, shortfall, top_two_box_rate, missed_indicators, is_small_sample
from rpt_experience
where segment_column = 'all' and period_grain = 'all'
order by
    case survey_type when 'nps' then 1 when 'css' then 2 else 3 end,
    case when question_id = 'all' then 0 else 1 end,
    question_id"""

FOLLOW_UP = """\
select
    nps_group, nps_responses, css_score, css_lower, css_upper, css_responses,
    eligible_people, repeating_people, repeat_rate, repeat_rate_lower,
    repeat_rate_upper, revenue_per_person, is_small_sample
from rpt_brand_performance
where segment_column = 'all' and period_grain = 'all' and nps_group <> 'all'
order by
    case nps_group when 'promoter' then 1 when 'passive' then 2 else 3 end"""

# Name and span of each score.
TYPES = {
    "nps": ("Net promoter score (NPS)", (-100.0, 100.0)),
    "css": ("Customer satisfaction (CSS)", (0.0, 100.0)),
    "exs": ("Key success indicators (ExS)", (0.0, 100.0)),
}
# Fewer answers are too few for a month of their own.
TREND_GRAIN = {"month": "quarter"}
FEWEST_PERIODS = 2


def experience(run: Run) -> Section:
    """Show how people feel, over time and by question, and what they do then."""
    questions = run.rows(QUESTIONS)
    grain = _grain(run)
    query = TREND.format(grain=grain, limit=run.periods_drawn)
    trend = run.rows(query) if questions else []
    parts: list[Part] = []
    if questions:
        parts = [_scores(name, trend, questions, grain, query) for name in TYPES]
        parts += [_questions(questions), *_follow_up(run)]
    else:
        missing = run.absence("survey_responses") or "Nobody has answered a question."
        parts.append(Note(f"How people feel is {UNKNOWN}. {missing}", is_empty=True))
    return Section(
        "experience",
        "Experience",
        "How do people feel about it, how sure is that, and what do they do then?",
        parts,
        {
            "Score": "rpt_experience.score",
            "Interval": "rpt_experience.score_lower",
            "Answers": "rpt_experience.responses",
            "Two best answers": "rpt_experience.top_two_box_rate",
            "Target": "rpt_experience.target",
            "Short of target": "rpt_experience.shortfall",
            "NPS group": "rpt_brand_performance.nps_group",
            "People followed": "rpt_brand_performance.eligible_people",
            "Bought again": "rpt_brand_performance.repeat_rate",
            "Revenue each": "rpt_brand_performance.revenue_per_person",
        },
        ("rpt_experience", "rpt_brand_performance"),
        "docs/metrics/experience.md",
        {
            "Score": f"NPS: {NPS_MEANING} CSS: mean of the answers from 0 to 100. ExS: "
            "attainment times 100.",
            "NPS group": "People by their NPS answer: promoters (9 and 10), passives "
            "(7 and 8), detractors (0 to 6).",
        },
    )


def _grain(run: Run) -> str:
    """Choose longer periods than the report's where there are enough of them."""
    longer = TREND_GRAIN.get(run.grain, run.grain)
    enough = run.complete_periods.get(longer, 0) >= FEWEST_PERIODS
    return longer if enough else run.grain


def _scores(
    survey_type: str,
    trend: Sequence[Row],
    questions: Sequence[Row],
    grain: str,
    query: str,
) -> Part:
    title, span = TYPES[survey_type]
    whole = next(
        (
            row
            for row in questions
            if (row["survey_type"], row["question_id"]) == (survey_type, "all")
        ),
        None,
    )
    if whole is None:
        return Note(f"{title}: {UNKNOWN}, nobody has answered such a question.")
    columns = [
        Column(grain, lambda row: period_name(row["period_start"], grain), False),
        Column("score", lambda row: score(row["score"])),
        Column("95% interval", lambda row: _bounds(row)),
        Column("answers", lambda row: count(row["responses"])),
        Column("note", _sample, is_number=False),
    ]
    rows = [row for row in trend if row["survey_type"] == survey_type]
    if not rows:
        return Note(
            f"{title}: {_sentence(whole)} No {grain} that is over has an answer to it."
        )
    marks = [
        {
            "period": f"{period_name(row['period_start'], grain)} "
            f"n={count(row['responses'])}",
            "score": row["score"],
            "score_lower": row["score_lower"],
            "score_upper": row["score_upper"],
            "is_small_sample": row["is_small_sample"],
            "hints": hints(row, columns),
        }
        for row in rows
    ]
    last = rows[-1]
    text = sentence(
        f"{period_name(last['period_start'], grain)}: {_sentence(last)}",
        f"Over all time: {_sentence(whole)}",
        "In brackets and as lines the 95% intervals.",
        f"Hollow points are a {SMALL}."
        if any(row["is_small_sample"] for row in rows)
        else "",
    )
    name = f"{title} by {grain}"
    return Chart(
        survey_type,
        name,
        text,
        charts.scores(marks, span),
        table(name, rows, columns),
        query,
        is_over_time=True,
    )


def _sentence(row: Row) -> str:
    return (
        f"{score(row['score'])} ({_bounds(row)}) from "
        f"{plural(row['responses'], 'answer')}"
        f"{', a ' + SMALL if row['is_small_sample'] else ''}."
    )


def _bounds(row: Row) -> str:
    if row["score_lower"] is None or row["score_upper"] is None:
        return "too few answers for an interval"
    return bounds(row["score_lower"], row["score_upper"])


def _sample(row: Row) -> str:
    return SMALL if row["is_small_sample"] else ""


def _questions(rows: Sequence[Row]) -> Part:
    return table(
        "Every question, over all time",
        rows,
        [
            Column("question", _question, is_number=False),
            Column("score", lambda row: score(row["score"])),
            Column("95% interval", _bounds),
            Column("answers", lambda row: count(row["responses"])),
            Column("two best answers", _top_two),
            Column("target", _target),
            Column("short of it", _shortfall),
            Column("note", _sample, is_number=False),
        ],
        QUESTIONS,
    )


def _question(row: Row) -> str:
    kind = str(row["survey_type"]).upper().replace("EXS", "ExS")
    if row["question_id"] == "all":
        return f"{kind}, all questions"
    name = row["question_id"].removeprefix(f"{row['survey_type']}_")
    return f"{kind}: {spoken(name)}"


def _top_two(row: Row) -> str:
    return share(row["top_two_box_rate"]) if row["survey_type"] == "css" else ""


def _target(row: Row) -> str:
    if row["question_id"] == "all":
        return ""
    if row["target"] is None:
        return "none set"
    # An indicator is held against its target as it was answered.
    of_what = "mean answer " if row["survey_type"] == "exs" else ""
    return f"{of_what}{count(row['target'])}"


def _shortfall(row: Row) -> str:
    if row["missed_indicators"] is not None:
        return f"{count(row['missed_indicators'])} missed"
    if row["shortfall"] is None:
        return ""
    if row["shortfall"] == 0:
        return "met"
    if row["survey_type"] == "exs":
        return f"{hundredths(row['shortfall'])}, at {hundredths(row['mean_answer'])}"
    return score(row["shortfall"])


def _follow_up(run: Run) -> list[Part]:
    rows = run.rows(FOLLOW_UP)
    if not rows:
        return []
    return [
        table(
            "What people did after they answered, by what they answered",
            rows,
            [
                Column("group", lambda row: f"{row['nps_group']}s", is_number=False),
                Column("answers", lambda row: count(row["nps_responses"])),
                Column("satisfaction", _satisfaction),
                Column("followed", lambda row: count(row["eligible_people"])),
                Column("bought again", lambda row: share(row["repeat_rate"])),
                Column(
                    "95% interval",
                    lambda row: interval(
                        row["repeat_rate_lower"], row["repeat_rate_upper"]
                    ),
                ),
                Column(
                    "revenue each", lambda row: run.money(row["revenue_per_person"])
                ),
                Column("note", _followed, is_number=False),
            ],
            FOLLOW_UP,
        )
    ]


def _followed(row: Row) -> str:
    return _sample(row) if row["eligible_people"] else "nobody long enough"


def _satisfaction(row: Row) -> str:
    if row["css_score"] is None:
        return "not asked"
    answers = plural(row["css_responses"], "answer")
    return f"{score(row['css_score'])} ({answers})"
