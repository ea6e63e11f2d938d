"""A journey that is defined wrongly stops the run: seed, row and remedy are named."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pandas as pd
import pytest

from harness import PROJECT, compile_project

CONFIG = PROJECT / "seeds" / "config"
PURCHASE = pd.DataFrame(
    {
        "transaction_id": ["T1"],
        "customer_id": ["C1"],
        "occurred_at": ["2024-02-10"],
        "amount": ["12.50"],
    }
)


def defined(seed: str) -> pd.DataFrame:
    """Rows of a configuration seed, as text."""
    return pd.read_csv(CONFIG / f"{seed}.csv", dtype=str)


def changed(seed: str, row: str, **cells: str | None) -> pd.DataFrame:
    """Rows of a seed, in one of them (named by its first column) other cells."""
    rows = defined(seed)
    is_meant = rows[rows.columns[0]] == row
    assert is_meant.sum() == 1
    rows.loc[is_meant, list(cells)] = [list(cells.values())]
    return rows


def repeated(seed: str, row: str, **cells: str) -> pd.DataFrame:
    """Rows of a seed, and one of them once more, with other cells."""
    rows = changed(seed, row, **cells)
    return pd.concat([defined(seed), rows[rows[rows.columns[0]] == row]])


def complaint(seeds: dict[str, pd.DataFrame]) -> str:
    """Return what a run says that these seeds stop."""
    project = compile_project({"max_rejected_share": 1})
    with pytest.raises(duckdb.Error) as stop:
        project.run({"transactions": PURCHASE}, ["int_run_parameters"], seeds)
    return str(stop.value)


NOT_LISTED = "has milestone shipping, which journey_milestones does not list: add it"
IMPORTANCE = "has an importance that is not a number from 0 to 1"
WINDOW = "has a window_days that is not 1 or more"
SCALE = "has a scale_min that is not below its scale_max"
NPS = "is of survey_type nps, which is asked from 0 to 10, higher is better: correct"
INDICATOR = "is of survey_type exs: it needs a weight above 0 and a target better than"
MISTAKES: dict[str, list[tuple[str, str, str | None, str]]] = {
    "journey_stages": [
        ("retention", "stage_order", "3", "shares its stage_order with another"),
        ("retention", "stage_order", None, "has no stage_order: number the stages"),
        (
            "retention",
            "reached_by",
            "repeat",
            "has reached_by repeat: write touchpoint",
        ),
        ("retention", "reached_by", None, "has reached_by null: write touchpoint"),
        (
            *("retention", "reached_by", "first_purchase"),
            "is not the only one that is reached_by first_purchase: one stage can be",
        ),
    ],
    "journey_milestones": [
        (
            *("purchase", "stage", "closing"),
            "has stage closing, which journey_stages does not list: add it",
        ),
        ("usage", "stage", None, "has no stage: name one of journey_stages"),
        ("research", "milestone_order", "3", "shares its milestone_order with another"),
        ("research", "milestone_order", None, "has no milestone_order: number the"),
        ("research", "importance", "1.5", IMPORTANCE),
        ("research", "importance", "-0.1", IMPORTANCE),
        ("research", "importance", None, IMPORTANCE),
        ("research", "window_days", "0", WINDOW),
        ("research", "window_days", "-30", WINDOW),
        ("research", "window_days", None, WINDOW),
    ],
    "journey_touchpoint_types": [
        ("delivery", "milestone", "shipping", NOT_LISTED),
        ("delivery", "milestone", None, "has milestone null, which journey_milestones"),
        (
            "delivery",
            "medium",
            "phone",
            "a medium that is neither digital nor physical",
        ),
        (
            "delivery",
            "default_outcome",
            "good",
            "not positive, neutral or negative",
        ),
    ],
    "journey_survey_questions": [
        ("css_effort", "survey_type", "ces", "has survey_type ces: write nps, css or"),
        ("css_effort", "survey_type", None, "has survey_type null: write nps, css or"),
        ("css_effort", "milestone", "shipping", NOT_LISTED),
        ("css_effort", "direction", "down", "no higher_is_better or lower_is_better"),
        ("css_checkout", "scale_min", "5", SCALE),
        ("css_checkout", "scale_min", "7", SCALE),
        ("css_checkout", "scale_min", None, SCALE),
        ("nps_support", "scale_min", "1", NPS),
        ("nps_support", "scale_max", "11", NPS),
        ("nps_support", "direction", "lower_is_better", NPS),
        ("exs_value", "target", None, INDICATOR),
        ("exs_value", "target", "1", INDICATOR),
        ("exs_value", "target", "9", "has a target that no answers can reach"),
        ("exs_value", "target", "-3", "has a target that no answers can reach"),
        ("css_effort", "target", "101", "has a target that no answers can reach"),
        ("nps_support", "target", "500", "has a target that no answers can reach"),
        ("exs_value", "weight", "0", INDICATOR),
        ("exs_value", "weight", None, INDICATOR),
    ],
}


@pytest.mark.parametrize(
    ("seed", "row", "column", "value", "words"),
    [(seed, *mistake) for seed, mistakes in MISTAKES.items() for mistake in mistakes],
)
def test_mistake_is_named(
    seed: str, row: str, column: str, value: str | None, words: str
) -> None:
    message = complaint({seed: changed(seed, row, **{column: value})})
    assert re.search(f"{seed}: {defined(seed).columns[0]} {row} .*{words}", message)


def test_the_first_stage_is_reached_by_a_touch() -> None:
    stages = changed("journey_stages", "awareness", reached_by="second_purchase")
    message = complaint({"journey_stages": stages})
    assert "no stage of stage_order 1 is reached_by touchpoint" in message


@pytest.mark.parametrize(
    ("seed", "row", "word"),
    [
        ("journey_stages", "awareness", "(unknown)"),
        ("journey_touchpoint_types", "delivery", "all"),
        ("journey_touchpoint_types", "delivery", "purchase"),
        ("journey_survey_questions", "css_effort", "all"),
    ],
)
def test_words_of_the_reports_are_taken(seed: str, row: str, word: str) -> None:
    key = defined(seed).columns[0]
    message = complaint({seed: changed(seed, row, **{key: word})})
    assert f"{seed}: {key} {word} is a word that the reports use" in message


def test_both_rows_that_share_an_order_are_named() -> None:
    stages = changed("journey_stages", "retention", stage_order="3")
    message = complaint({"journey_stages": stages})
    assert "stage conversion shares" in message
    assert "stage retention shares" in message


@pytest.mark.parametrize(
    ("seed", "row", "cells"),
    [
        ("journey_stages", "retention", {"stage_order": "6"}),
        ("journey_milestones", "usage", {"milestone_order": "12"}),
        ("journey_touchpoint_types", "delivery", {}),
        ("journey_survey_questions", "css_effort", {}),
        ("journey_channels", "email", {"is_paid": "true"}),
    ],
)
def test_name_given_twice_is_named(seed: str, row: str, cells: dict[str, str]) -> None:
    message = complaint({seed: repeated(seed, row, **cells)})
    key = defined(seed).columns[0]
    assert f"{seed}: {key} {row} is missing or there more than once" in message
    assert f"each row needs a {key} of its own" in message


def test_row_without_a_name_is_named() -> None:
    message = complaint(
        {"journey_channels": changed("journey_channels", "email", channel=None)}
    )
    assert "journey_channels: channel null is missing" in message


def test_journey_needs_a_first_purchase() -> None:
    stages = changed("journey_stages", "conversion", reached_by="touchpoint")
    message = complaint({"journey_stages": stages})
    assert "journey_stages: no stage is reached_by first_purchase" in message


def test_all_mistakes_are_named_at_once() -> None:
    """In every seed, and two in one of them."""
    questions = changed("journey_survey_questions", "css_effort", survey_type="ces")
    questions.loc[questions["question_id"] == "exs_value", "target"] = None
    message = complaint(
        {
            "journey_stages": changed("journey_stages", "advocacy", stage_order="4"),
            "journey_milestones": changed(
                "journey_milestones", "usage", importance="7"
            ),
            "journey_touchpoint_types": changed(
                "journey_touchpoint_types", "delivery", milestone="shipping"
            ),
            "journey_survey_questions": questions,
            "journey_channels": repeated("journey_channels", "email"),
        }
    )
    for start in (
        "journey_stages: stage advocacy shares",
        "journey_stages: stage retention shares",
        "journey_milestones: milestone usage has an importance",
        "journey_touchpoint_types: touchpoint_type delivery has milestone shipping",
        "journey_survey_questions: question_id css_effort has survey_type ces",
        "journey_survey_questions: question_id exs_value is of survey_type exs",
        "journey_channels: channel email is missing or there more than once",
    ):
        assert start in message


def test_definition_is_named_before_the_rows_it_spoils() -> None:
    """A touch of a type that nobody lists is rejected; what is wrong is the list."""
    touches = pd.DataFrame(
        {
            "touchpoint_id": ["V1"],
            "customer_id": ["C1"],
            "occurred_at": ["2024-02-10"],
            "touchpoint_type": ["delivery"],
        }
    )
    types = changed("journey_touchpoint_types", "delivery", touchpoint_type=None)
    with pytest.raises(duckdb.Error, match="touchpoint_type null is missing"):
        compile_project().run(
            {"transactions": PURCHASE, "touchpoints": touches},
            ["int_run_parameters"],
            {"journey_touchpoint_types": types},
        )


def rows_of(columns: str, *rows: tuple[Any, ...]) -> pd.DataFrame:
    """Rows of a seed."""
    return pd.DataFrame(rows, columns=columns.split(), dtype=object)


def test_journey_may_be_short() -> None:
    """Two stages, no repeat purchase, no advocacy, a question about no milestone."""
    seeds = {
        "journey_stages": rows_of(
            "stage stage_order reached_by",
            ("curious", 1, "touchpoint"),
            ("customer", 2, "first_purchase"),
        ),
        "journey_milestones": rows_of(
            "milestone stage milestone_order importance window_days",
            ("visit", "curious", 1, 0.5, 30),
            ("sale", "customer", 2, 1, 30),
        ),
        "journey_touchpoint_types": rows_of(
            "touchpoint_type milestone medium default_outcome",
            ("store_visit", "visit", "physical", "neutral"),
        ),
        "journey_survey_questions": rows_of(
            "question_id survey_type milestone scale_min scale_max direction target",
            ("recommend", "nps", None, 0, 10, "higher_is_better", None),
        ),
    }
    answer = {
        "response_id": ["A1"],
        "customer_id": ["C1"],
        "responded_at": ["2024-02-12"],
        "question_id": ["recommend"],
        "score": ["10"],
    }
    purchases = pd.concat(
        [PURCHASE, PURCHASE.assign(transaction_id="T2", occurred_at="2024-02-11")]
    )
    tables = compile_project({"max_rejected_share": 1}).run(
        {"transactions": purchases, "survey_responses": pd.DataFrame(answer)},
        ["dim_customers", "fct_stage_history"],
        seeds,
    )
    assert tables["dim_customers"]["current_stage"].tolist() == ["customer"]
    assert tables["fct_stage_history"]["stage"].tolist() == ["customer"]
    assert tables["fct_stage_history"]["skipped_stages"].tolist() == ["curious"]
