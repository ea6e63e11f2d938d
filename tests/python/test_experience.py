"""Experience scores worked out by hand, on questions of a project's own."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from harness import compile_project

# A project replaces the package's questions by a seed of the same name.
QUESTIONS = """\
question_id,survey_type,milestone,scale_min,scale_max,direction,target,weight,question_text
recommend,nps,purchase,0,10,higher_is_better,50,1,
recommend_help,nps,after_sales_service,0,10,higher_is_better,,1,
five,css,purchase,1,5,higher_is_better,80,1,
seven,css,onboarding,1,7,higher_is_better,,1,
eleven,css,after_sales_service,0,10,higher_is_better,,1,
effort,css,after_sales_service,1,7,lower_is_better,70,1,
found,exs,research,0,10,higher_is_better,8,0.2,
value,exs,usage,1,5,higher_is_better,4,0.5,
wait,exs,onboarding,0,30,lower_is_better,5,0.3,"""
SCORES = ["score", "score_lower", "score_upper"]
Tables = dict[str, pd.DataFrame]


def rows(columns: str, *values: tuple[Any, ...]) -> pd.DataFrame:
    """Raw rows with these columns."""
    return pd.DataFrame(values, columns=columns.split(), dtype=object)


def answers(*values: tuple[Any, ...]) -> pd.DataFrame:
    """Survey answers: who, when, question, score; their ids count up."""
    numbered = [(f"A{number:03}", *value) for number, value in enumerate(values)]
    columns = "response_id customer_id responded_at question_id score"
    return rows(columns, *numbered)


def purchases(*values: tuple[Any, ...]) -> pd.DataFrame:
    """Transactions: id, who, when, amount, sales channel."""
    columns = "transaction_id customer_id occurred_at amount sales_channel"
    return rows(columns, *values)


def touches(*values: tuple[Any, ...]) -> pd.DataFrame:
    """Touchpoints: id, who, when, type, channel."""
    columns = "touchpoint_id customer_id occurred_at touchpoint_type channel"
    return rows(columns, *values)


GUEST = ("T0", None, "2024-01-01", "1", None)


def run(inputs: Tables, *tables: str, **variables: Any) -> list[pd.DataFrame]:
    """Build on these inputs, or one purchase of a guest's, and return the tables."""
    inputs = {"transactions": purchases(GUEST)} | inputs
    project = compile_project(
        {"max_rejected_share": 1} | variables,
        own_seeds={"journey_survey_questions": QUESTIONS},
    )
    built = project.run(inputs, tables)
    return [built[name] for name in tables]


def only(table: pd.DataFrame, **cells: str) -> dict[str, Any]:
    """Return the one row of a table that holds these values, of all people by default.

    period_start is compared as text.
    """
    if "segment_column" in table:
        cells = {"segment_column": "all", "segment_value": "all"} | cells
    for column, value in cells.items():
        table = table[table[column].astype(str) == value]
    assert len(table) == 1, table
    (row,) = table.to_dict("records")
    return {str(column): value for column, value in row.items()}


def is_null(row: dict[str, Any], *columns: str) -> bool:
    """Whether a row holds nothing in any of these columns."""
    return all(pd.isna(row[column]) for column in columns)


@pytest.fixture(scope="module")
def scored() -> pd.DataFrame:
    """Answers at both ends and in the middle of every scale."""
    given = {
        "five": "1 3 4 5",
        "seven": "1 4 5 6 7",
        "eleven": "0 5 8 9 10",
        "effort": "1 2 3 4 7",
        "recommend": "0 6 7 8 9 10",
        "value": "1 2.5 4 5",
        "wait": "30 17.5 5 0",
    }
    asked = [
        (None, "2024-01-02", question, score)
        for question, scores in given.items()
        for score in scores.split()
    ]
    (table,) = run({"survey_responses": answers(*asked)}, "fct_survey_scores")
    return table.sort_values("response_id")


@pytest.mark.parametrize(
    ("question", "normalised", "top_two"),
    [
        ("five", [0, 50, 75, 100], [False, False, True, True]),
        (
            *("seven", [0, 50, 66.6667, 83.3333, 100]),
            [False, False, False, True, True],
        ),
        ("eleven", [0, 50, 80, 90, 100], [False, False, False, True, True]),
        ("effort", [100, 83.3333, 66.6667, 50, 0], [True, True, False, False, False]),
    ],
)
def test_satisfaction_on_any_scale(
    scored: pd.DataFrame, question: str, normalised: list[float], top_two: list[bool]
) -> None:
    """The scale is stretched to 0 to 100, a reversed one turned."""
    table = scored[scored["question_id"] == question]
    assert table["normalised_score"].tolist() == pytest.approx(normalised, abs=1e-4)
    assert table["is_top_two_box"].tolist() == top_two
    assert table[["nps_group", "attainment"]].isna().all(axis=None)


def test_groups_of_promotion(scored: pd.DataFrame) -> None:
    table = scored[scored["question_id"] == "recommend"]
    assert table["nps_group"].tolist() == [
        *("detractor", "detractor", "passive", "passive", "promoter", "promoter")
    ]
    assert table["normalised_score"].tolist() == [0, 60, 70, 80, 90, 100]
    assert table[["is_top_two_box", "attainment"]].isna().all(axis=None)
    assert set(table["target"]) == {50}


@pytest.mark.parametrize("question", ["value", "wait"])
def test_attainment_of_an_indicator(scored: pd.DataFrame, question: str) -> None:
    """From the worst answer to the target, and no further."""
    table = scored[scored["question_id"] == question]
    assert table["attainment"].tolist() == [0, 0.5, 1, 1]
    assert table[["nps_group", "is_top_two_box"]].isna().all(axis=None)


def test_not_applicable_counts_in_no_score() -> None:
    given = [None, "  ", "N/A", " na ", "Not Applicable", "5"]
    asked = [("C1", f"2024-01-0{day}", "five", x) for day, x in enumerate(given, 2)]
    table, report, quality = run(
        {"survey_responses": answers(*asked)},
        *("fct_survey_scores", "rpt_experience", "rpt_input_quality"),
        survey_answers_counted="all",
    )
    table = table.sort_values("response_id")
    assert table["is_not_applicable"].tolist() == [True] * 5 + [False]
    nothing = ["score", "normalised_score", "is_top_two_box", "attainment"]
    assert table.head(5)[nothing].isna().all(axis=None)
    assert only(report, question_id="five", period_grain="year")["responses"] == 1
    days = report.query("segment_column == 'all' and period_grain == 'day'")
    assert set(days["period_start"].astype(str)) == {"2024-01-07"}
    row = only(quality, input_name="survey_responses")
    assert (row["row_status"], row["row_count"]) == ("accepted", 6)


def test_not_applicable_does_not_replace_an_answer() -> None:
    """Of a person's two answers the later one says nothing: the earlier one counts."""
    asked = [("C1", "2024-01-02", "five", "5"), ("C1", "2024-01-03", "five", "n/a")]
    (report,) = run({"survey_responses": answers(*asked)}, "rpt_experience")
    row = only(report, question_id="five", period_grain="month")
    assert (row["responses"], row["score"]) == (1, 100)


def test_answer_outside_its_scale_is_rejected() -> None:
    given = [("five", "0"), ("five", "6"), ("seven", "8"), ("eleven", "-1")]
    given += [("effort", "0"), ("recommend", "11"), ("wait", "30.5"), ("five", "good")]
    asked = [(f"C{i}", "2024-01-02", *each) for i, each in enumerate(given)]
    asked.append(("C9", "2024-01-02", "five", "5"))
    rejected, table = run(
        {"survey_responses": answers(*asked)}, "fct_rejected_rows", "fct_survey_scores"
    )
    assert set(rejected["input_name"]) == {"survey_responses"}
    rejected = rejected.sort_values("row_key")
    assert rejected["row_key"].tolist() == [f"A00{number}" for number in range(8)]
    reasons = rejected["reject_reason"].tolist()
    assert reasons == ["score_out_of_range"] * 7 + ["unparseable_score"]
    assert "score=30.5" in rejected["raw_values"].iloc[6]
    assert table["customer_id"].tolist() == ["C9"]


def test_answer_without_a_name_counts_and_has_no_stage() -> None:
    asked = [(None, "2024-01-02", "recommend", x) for x in ("10", "10", "0", "8")]
    table, report, people = run(
        {"survey_responses": answers(*asked)},
        *("fct_survey_scores", "rpt_experience", "dim_customers"),
    )
    nobody = ["customer_id", "stage", "touch_event_id", "touchpoint_type", "channel"]
    assert table[nobody].isna().all(axis=None)
    for segment in ({}, {"segment_column": "acquisition_channel"}):
        named = {"segment_value": "(guest)"} if segment else {}
        row = only(report, question_id="all", period_grain="month", **segment, **named)
        assert (row["responses"], row["score"]) == (4, 25)
    assert people.empty


def test_answer_by_somebody_seen_nowhere_else_makes_a_person() -> None:
    asked = [("C1", "2024-01-02", "recommend", "10")]
    table, people, report = run(
        {"survey_responses": answers(*asked)},
        *("fct_survey_scores", "dim_customers", "rpt_experience"),
    )
    assert table["stage"].tolist() == ["awareness"]
    person = only(people, customer_id="C1")
    # A promoter who never bought advocates nothing.
    assert person["current_stage"] == "awareness"
    assert person["lifecycle_status"] == "prospect"
    assert str(person["first_seen_at"]) == "2024-01-02 00:00:00"
    cells = {"segment_column": "acquisition_channel", "segment_value": "(none)"}
    row = only(report, question_id="all", period_grain="month", **cells)
    assert row["responses"] == 1


def stages_of(inputs: Tables) -> list[str]:
    """Stage at the time of each answer, in the order of their ids."""
    (table,) = run(inputs, "fct_survey_scores")
    return list(table.sort_values("response_id")["stage"])


def test_stage_at_the_time_of_answering() -> None:
    """The answer itself does not count, what came before it does."""
    moments = [
        ("2024-01-01T12:00:00Z", "seven", "4"),  # before anything else
        ("2024-01-02T12:00:00Z", "seven", "4"),  # at the moment of a store visit
        ("2024-01-09T12:00:00Z", "recommend", "10"),  # a promoter who never bought
        ("2024-01-10T12:00:00Z", "seven", "4"),  # at the moment of the purchase
        ("2024-01-10T18:00:00Z", "seven", "4"),  # after two purchases of one day
        ("2024-01-25T12:00:00Z", "recommend", "9"),  # after a purchase on another day
        ("2024-01-25T12:00:00Z", "recommend_help", "10"),  # at the same moment
        ("2024-01-26T12:00:00Z", "recommend", "0"),  # after having been a promoter
    ]
    inputs = {
        "survey_responses": answers(*[("C1", *moment) for moment in moments]),
        "touchpoints": touches(
            ("V1", "C1", "2024-01-02T12:00:00Z", "store_visit", None),
        ),
        "transactions": purchases(
            ("T1", "C1", "2024-01-10T12:00:00Z", "10", None),
            ("T2", "C1", "2024-01-10T17:00:00Z", "10", None),
            ("T3", "C1", "2024-01-20T12:00:00Z", "10", None),
        ),
    }
    assert stages_of(inputs) == [
        *("awareness", "consideration", "consideration", "conversion", "conversion"),
        *("retention", "retention", "advocacy"),
    ]


def test_promoter_at_the_moment_of_the_purchase_had_bought() -> None:
    """Dates without times: purchase and answer share midnight, the purchase counts."""
    inputs = {
        "survey_responses": answers(("C1", "2024-01-10", "recommend", "10")),
        "transactions": purchases(("T1", "C1", "2024-01-10", "10", None)),
    }
    assert stages_of(inputs) == ["conversion"]


TWICE = [
    ("C1", "2024-01-05", "recommend", "3"),
    ("C1", "2024-01-20", "recommend", "10"),
    ("C1", "2024-02-01", "recommend", "8"),
    ("C1", "2024-01-05", "five", "5"),
    ("C1", "2024-01-06", "five", "1"),
    ("C1", "2024-01-04", "seven", "4"),
    # At one moment the answer with the larger id is the later one.
    ("C2", "2024-03-01", "recommend", "0"),
    ("C2", "2024-03-01", "recommend", "10"),
]


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        (
            "latest",
            {
                ("nps", "month", "2024-01-01"): (1, 100),
                ("nps", "month", "2024-02-01"): (1, 0),
                ("nps", "month", "2024-03-01"): (1, 100),
                ("nps", "day", "2024-01-05"): (1, -100),
                ("nps", "year", "2024-01-01"): (2, 50),
                ("nps", "all", "NaT"): (2, 50),
                ("css", "month", "2024-01-01"): (2, 25),
            },
        ),
        (
            "all",
            {
                ("nps", "month", "2024-01-01"): (2, 0),
                ("nps", "month", "2024-03-01"): (2, 0),
                ("nps", "year", "2024-01-01"): (5, 0),
                ("nps", "all", "NaT"): (5, 0),
                ("css", "month", "2024-01-01"): (3, 50),
            },
        ),
    ],
)
def test_of_two_answers_in_a_period(
    counted: str, expected: dict[tuple[str, str, str], tuple[int, float]]
) -> None:
    """The latest counts; of another question or period the person has another one."""
    (report,) = run(
        {"survey_responses": answers(*TWICE)},
        "rpt_experience",
        survey_answers_counted=counted,
    )
    for (kind, grain, start), values in expected.items():
        row = only(
            report,
            survey_type=kind,
            question_id="all",
            period_grain=grain,
            period_start=start,
        )
        assert (row["responses"], row["score"]) == pytest.approx(values)


def test_promotion_counts_a_person_once_over_several_questions() -> None:
    """Each question and each milestone has its own answer, the brand one of both."""
    asked = [
        ("C1", "2024-01-05", "recommend", "10"),
        ("C1", "2024-01-06", "recommend_help", "0"),
        ("C2", "2024-01-05", "recommend_help", "9"),
    ]
    (report,) = run({"survey_responses": answers(*asked)}, "rpt_experience")
    report = report[report["period_grain"] == "month"]
    assert only(report, question_id="all")["responses"] == 2
    assert only(report, question_id="all")["score"] == 0
    assert only(report, question_id="recommend")["score"] == 100
    assert only(report, question_id="recommend_help")["score"] == 0
    for milestone, responses, score in (
        ("purchase", 1, 100),
        ("after_sales_service", 2, 0),
    ):
        row = only(report, segment_column="milestone", segment_value=milestone)
        assert (row["responses"], row["score"]) == (responses, score)


def test_promotion_score_and_its_interval() -> None:
    """Published figures of the adjusted Wald interval, one month each."""
    published = {
        "2024-01": (18, 2, 31, [51.61, 25.51, 68.61]),
        "2024-02": (8, 2, 15, [40.0, -0.23, 66.90]),
        "2024-03": (500, 200, 1000, [30.0, 25.08, 34.74]),
    }
    asked = [
        (None, f"{month}-02", "recommend", score)
        for month, (promoters, detractors, n, _) in published.items()
        for score in ["9"] * promoters
        + ["6"] * detractors
        + ["8"] * (n - promoters - detractors)
    ]
    (report,) = run({"survey_responses": answers(*asked)}, "rpt_experience")
    for month, (promoters, detractors, n, scores) in published.items():
        row = only(
            report,
            question_id="recommend",
            period_grain="month",
            period_start=f"{month}-01",
        )
        assert [row[name] for name in SCORES] == pytest.approx(scores, abs=0.01)
        assert (row["promoters"], row["detractors"]) == (promoters, detractors)
        assert row["passives"] == n - promoters - detractors
        assert row["is_small_sample"] == (n < 30)
        assert row["shortfall"] == pytest.approx(max(50 - row["score"], 0))
    assert only(report, question_id="all", period_grain="all")["responses"] == 1046


def test_satisfaction_and_its_interval() -> None:
    """50, 75, 100: mean 75, s 25, half width 1.96 * 25 / sqrt(3); 2 of 3 on top."""
    asked = [(f"C{x}", "2024-01-02", "five", x) for x in "345"]
    asked.append(("C1", "2024-02-02", "effort", "3"))
    (report,) = run({"survey_responses": answers(*asked)}, "rpt_experience")
    report = report[report["period_grain"] == "month"]
    row = only(report, question_id="five")
    assert [row[name] for name in SCORES] == pytest.approx([75, 46.7104, 100], abs=1e-4)
    boxes = [row[f"top_two_box_rate{end}"] for end in ("", "_lower", "_upper")]
    assert boxes == pytest.approx([0.666667, 0.207655, 0.938511], abs=1e-5)
    assert (row["mean_answer"], row["target"], row["shortfall"]) == (4, 80, 5)
    assert is_null(row, "promoters", "passives", "detractors")
    assert is_null(row, "attainment", "missed_indicators")
    # One answer has a score and no interval; a reversed item a mean in its own unit.
    row = only(report, question_id="effort")
    assert row["score"] == pytest.approx(66.6667, abs=1e-4)
    assert is_null(row, "score_lower", "score_upper")
    assert row["mean_answer"] == 3
    assert row["shortfall"] == pytest.approx(3.3333, abs=1e-4)
    # Over several questions there is no unit in which to average or to miss.
    row = only(report, question_id="all", period_start="2024-01-01")
    assert row["score"] == 75
    assert is_null(row, "mean_answer", "target", "shortfall")


def test_indicators_and_their_index() -> None:
    """Means 7, 4.5 and 15: attainments 7/8, 1 and 15/25; weights 0.2, 0.5, 0.3."""
    given = {"found": ("6", "8"), "value": ("4", "5"), "wait": ("10", "20")}
    asked = [
        (f"C{number}", "2024-01-02", question, score)
        for question, scores in given.items()
        for number, score in enumerate(scores)
    ]
    asked.append(("C1", "2024-02-02", "found", "5"))
    (report,) = run({"survey_responses": answers(*asked)}, "rpt_experience")
    report = report[report["period_grain"] == "month"]
    january = report[report["period_start"] == "2024-01-01"]
    for question, scores, mean, shortfall in (
        ("found", [87.5, 63.0005, 100], 7, 1),
        # Its target is met; the interval is that of 3.5 / 3, cut at 100.
        ("value", [100, 84.0006, 100], 4.5, 0),
        ("wait", [60, 20.8007, 99.1993], 15, 10),
    ):
        row = only(january, question_id=question)
        assert [row[name] for name in SCORES] == pytest.approx(scores, abs=1e-4)
        assert (row["mean_answer"], row["shortfall"]) == (mean, shortfall)
        assert row["attainment"] == pytest.approx(scores[0] / 100)
        assert is_null(row, "missed_indicators", "top_two_box_rate", "promoters")
    index = only(january, question_id="all")
    assert [index[name] for name in SCORES] == pytest.approx(
        [85.5, 64.7860, 100], abs=1e-3
    )
    assert index["attainment"] == pytest.approx(0.855)
    assert (index["responses"], index["missed_indicators"]) == (6, 2)
    assert is_null(index, "mean_answer", "target", "shortfall")
    # Where one indicator was answered, it is the index; once: there is no interval.
    index = only(report, question_id="all", period_start="2024-02-01")
    assert (index["score"], index["missed_indicators"]) == (62.5, 1)
    assert is_null(index, "score_lower", "score_upper")


def test_touch_that_an_answer_is_about() -> None:
    """The latest touch or purchase of the question's milestone, the person's own."""
    inputs = {
        "survey_responses": answers(
            ("C1", "2024-01-01", "found", "8"),  # a visit before the name was known
            ("C1", "2024-01-02", "five", "5"),  # the purchase
            ("C1", "2024-01-04", "seven", "4"),  # nothing of onboarding yet
            ("C1", "2024-01-06", "seven", "4"),  # the delivery
            ("C1", "2024-01-08", "seven", "4"),  # the account, at this very moment
            ("C1", "2024-01-20", "five", "5"),  # not the second purchase
            ("C1", "2024-01-25", "five", "5"),  # the checkout
        ),
        "touchpoints": touches(
            ("V1", "C1", "2024-01-05", "delivery", "email"),
            ("V2", "C1", "2024-01-08", "account_setup", None),
            ("V3", "C1", "2024-01-22", "checkout", "direct"),
            ("V4", "C2", "2024-01-24", "store_checkout", "store"),
        ),
        "transactions": purchases(
            ("T1", "C1", "2024-01-02", "10", "web"),
            ("T2", "C1", "2024-01-15", "10", "app"),
        ),
        "identities": rows("visitor_id customer_id", ("visitor", "C1")),
    }
    visit = touches(("V0", None, "2023-12-31", "site_visit", "paid_search"))
    inputs["touchpoints"] = pd.concat(
        [inputs["touchpoints"], visit.assign(visitor_id="visitor")]
    )
    table, report = run(inputs, "fct_survey_scores", "rpt_experience")
    table = table.sort_values("response_id")
    touch = table[["touch_event_id", "touchpoint_type", "channel"]].fillna("")
    assert list(touch.itertuples(index=False, name=None)) == [
        ("touchpoint:V0", "site_visit", "paid_search"),
        ("purchase:T1", "purchase", "web"),
        ("", "", ""),
        ("touchpoint:V1", "delivery", "email"),
        ("touchpoint:V2", "account_setup", ""),
        ("purchase:T1", "purchase", "web"),
        ("touchpoint:V3", "checkout", "direct"),
    ]
    report = report[(report["period_grain"] == "day")]
    counts = {
        (column, value)
        for column, value in zip(
            report["segment_column"], report["segment_value"], strict=True
        )
        if column in ("touchpoint_type", "channel", "milestone")
    }
    assert counts >= {
        ("touchpoint_type", "delivery"),
        ("touchpoint_type", "purchase"),
        ("channel", "web"),
        ("channel", "email"),
        ("channel", "(none)"),
        ("milestone", "onboarding"),
    }
    of_touch = report[report["segment_column"].isin(["channel", "stage"])]
    assert set(of_touch["question_id"]) == {"all"}


def test_brand_performance() -> None:
    """Observed until April 30, so answers of March cannot be followed for 90 days."""
    inputs = {
        "survey_responses": answers(
            ("C1", "2024-01-10", "recommend", "10"),
            ("C2", "2024-01-15", "recommend", "3"),
            ("C3", "2024-01-20", "recommend", "8"),
            ("C4", "2024-01-25", "recommend", "9"),
            (None, "2024-01-30", "recommend", "10"),
            ("C5", "2024-03-01", "recommend", "10"),
            ("C1", "2024-01-12", "five", "5"),
            ("C2", "2024-01-12", "five", "2"),
            ("C4", "2024-02-12", "five", "1"),
        ),
        "transactions": pd.concat(
            [
                purchases(
                    ("T1", "C1", "2024-01-01", "100", None),
                    ("T2", "C1", "2024-04-09", "30", None),  # day 90
                    ("T3", "C2", "2024-01-15", "20", None),  # day 0
                    ("T4", "C2", "2024-04-15", "20", None),  # day 91
                    ("T5", "C3", "2024-01-21", "40", None),
                    ("T6", "C5", "2024-03-02", "50", None),
                    ("T7", None, "2024-04-30", "60", None),
                ),
                purchases(("R1", "C1", "2024-02-01", "-5", None)),
            ]
        ),
    }
    (table,) = run(inputs, "rpt_brand_performance")
    table = table[table["period_grain"] == "month"]
    assert table.query("segment_column == 'all'").shape[0] == 7
    counts = ["nps_responses", "css_responses", "eligible_people"]
    after = ["repeating_people", "repeat_rate", "revenue_per_person"]
    january = table[table["period_start"] == "2024-01-01"]
    for group, numbers, followed, css_score in (
        ("all", [5, 2, 4], [2, 0.5, 16.25], 62.5),
        ("promoter", [3, 1, 2], [1, 0.5, 12.5], 100),
        ("passive", [1, 0, 1], [1, 1, 40], None),
        ("detractor", [1, 1, 1], [0, 0, 0], 25),
    ):
        row = only(january, nps_group=group)
        assert [row[name] for name in counts] == numbers
        assert [row[name] for name in after] == pytest.approx(followed)
        if css_score is None:
            assert is_null(row, "css_score", "css_lower", "css_upper")
        else:
            assert row["css_score"] == pytest.approx(css_score)
        assert row["is_small_sample"]
        assert row["is_complete"]
    row = only(january, nps_group="all")
    ends = [row["repeat_rate_lower"], row["repeat_rate_upper"]]
    assert ends == pytest.approx([0.150036, 0.849964], abs=1e-5)
    assert row["nps_score"] == 40
    assert (row["css_lower"], row["css_upper"]) == (0, 100)
    assert row["exs_responses"] == 0
    assert is_null(row, "exs_score", "exs_lower", "exs_upper")
    row = only(january, nps_group="promoter")
    # What key indicators say of a group is not asked; that is not "none".
    assert is_null(row, "nps_score", "nps_lower", "nps_upper")
    assert is_null(row, "exs_responses", "exs_score", "exs_lower", "exs_upper")
    # Satisfaction alone is a row; nobody is followed from it.
    row = only(table, nps_group="all", period_start="2024-02-01")
    assert (row["nps_responses"], row["css_responses"]) == (0, 1)
    for start in ("2024-02-01", "2024-03-01"):
        row = only(table, nps_group="all", period_start=start)
        assert row["eligible_people"] == 0
        assert is_null(row, *after, "repeat_rate_lower", "repeat_rate_upper")


def test_where_all_answers_count_each_is_followed() -> None:
    """The promoter's answer sees 40 paid, the detractor's before it 20 and 40."""
    inputs = {
        "survey_responses": answers(
            ("C1", "2024-01-10", "recommend", "3"),
            ("C1", "2024-01-20", "recommend", "10"),
        ),
        "transactions": purchases(
            ("T1", "C1", "2024-01-15", "20", None),
            ("T2", "C1", "2024-02-01", "40", None),
            ("T3", None, "2024-06-01", "60", None),
        ),
    }
    (table,) = run(inputs, "rpt_brand_performance", survey_answers_counted="all")
    table = table[table["period_grain"] == "month"]
    for group, responses, revenue in (
        ("all", 2, 50),
        ("promoter", 1, 40),
        ("detractor", 1, 60),
    ):
        row = only(table, nps_group=group)
        assert (row["nps_responses"], row["eligible_people"]) == (responses, responses)
        assert row["repeating_people"] == responses
        assert row["revenue_per_person"] == revenue
