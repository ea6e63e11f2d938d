"""The marts against an independent computation, and both against published numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import cdnow
from compare import assert_tables_equal
from harness import COLUMNS, PROJECT, compile_project
from oracle import Facts, facts
from oracle_acquisition import acquisition, channels
from oracle_attribution import (
    attribution,
    attribution_credits,
    channel_effects,
    channel_transitions,
)
from oracle_churn import churn
from oracle_conversion import conversion
from oracle_customers import customers
from oracle_experience import brand_performance, experience, survey_scores
from oracle_funnel import funnel, transitions
from oracle_growth import growth, growth_accounting, revenue_decomposition
from oracle_journey import journey_events, stage_history
from oracle_payback import cac_payback
from oracle_readiness import STATED, readiness
from oracle_retention import cohort_retention, retention
from oracle_rows import (
    INSTANTS,
    Inputs,
    Settings,
    accepted,
    clean,
    input_quality,
    judge,
    parse_time,
)
from oracle_scorecard import scorecard
from oracle_value import customer_value, value_calibration
from oracle_value_models import PUBLISHED
from strategies import ZONE, companies

SAMPLE = PROJECT / "seeds" / "sample"
SEGMENT = ["segment_column", "segment_value"]
PERIOD = [*SEGMENT, "period_grain", "period_start"]
OFFSET = ["offset_basis", "period_number"]
MODEL = "attribution_model"
ACCOUNT = ["period_grain", "period_start", "channel", "campaign"]
KEYS = {
    "rpt_cohort_retention": [*SEGMENT, "period_grain", "cohort_start", *OFFSET],
    "rpt_retention": ["measure", *PERIOD, *OFFSET, "window_days"],
    "rpt_churn_by_month_number": [
        *SEGMENT,
        *("churn_window", "period_grain", "cohort_start", "period_number"),
    ],
    "rpt_retention_readiness": SEGMENT,
    "rpt_growth": PERIOD,
    "rpt_growth_accounting": PERIOD,
    "rpt_revenue_decomposition": PERIOD,
    "rpt_input_quality": ["input_name", "row_status", "status_reason"],
    "dim_channels": ["channel"],
    "dim_customers": ["customer_id"],
    "fct_journey_events": ["event_id"],
    "fct_stage_history": ["customer_id", "stage"],
    "rpt_stage_transitions": [*PERIOD, "from_stage", "to_stage"],
    "rpt_stage_funnel": [*PERIOD, "window_days", "stage"],
    "rpt_milestone_scorecard": [*SEGMENT, "milestone", "touchpoint_type", "medium"],
    "fct_survey_scores": ["response_id"],
    "rpt_experience": [*PERIOD, "survey_type", "question_id"],
    "rpt_brand_performance": [*PERIOD, "nps_group"],
    "fct_attribution_credits": ["conversion_id", "touchpoint_id", MODEL],
    "rpt_attribution": ["conversion_type", MODEL, *ACCOUNT],
    "rpt_acquisition": [MODEL, *ACCOUNT],
    "rpt_conversion": [*PERIOD, "channel", "window_days"],
    "rpt_cac_payback": ["cohort_start", "channel", "period_number"],
    "rpt_channel_transitions": ["conversion_type", "from_state", "to_state"],
    "rpt_channel_effects": ["conversion_type", "channel"],
    "fct_customer_value": ["customer_id"],
    "rpt_value_calibration": [*SEGMENT, "model", "frequency_group"],
}
# Of these the oracle computes some columns only: the others tell of money, or of what
# was read and when.
PARTLY = {"dim_customers", "rpt_input_quality"}
REPORTS: dict[str, Callable[[Facts], pd.DataFrame]] = {
    "rpt_cohort_retention": cohort_retention,
    "rpt_retention": retention,
    "rpt_churn_by_month_number": churn,
    "rpt_retention_readiness": readiness,
    "rpt_growth": growth,
    "rpt_growth_accounting": growth_accounting,
    "rpt_revenue_decomposition": revenue_decomposition,
    "dim_channels": channels,
    "dim_customers": customers,
    "fct_journey_events": journey_events,
    "fct_stage_history": stage_history,
    "rpt_stage_transitions": transitions,
    "rpt_stage_funnel": funnel,
    "rpt_milestone_scorecard": scorecard,
    "fct_survey_scores": survey_scores,
    "rpt_experience": experience,
    "rpt_brand_performance": brand_performance,
    "fct_attribution_credits": attribution_credits,
    "rpt_attribution": attribution,
    "rpt_acquisition": acquisition,
    "rpt_conversion": conversion,
    "rpt_cac_payback": cac_payback,
    "rpt_channel_transitions": channel_transitions,
    "rpt_channel_effects": channel_effects,
    "fct_customer_value": customer_value,
    "rpt_value_calibration": value_calibration,
}
# Without parameters nobody would be scored.
SEEDS = {"value_parameters": PUBLISHED}
PUBLIC_KEYS = KEYS | {
    "dim_periods": ["period_grain", "period_start"],
    "fct_rejected_rows": ["input_name", "reject_reason", "raw_values"],
    "rpt_reconciliation": ["input_name", "measure", "period_grain"],
}
# Sentences, of which the oracle knows only whether there is one.
TEXTS = ["reason", "remedy", "not_measurable_reason"]
SEGMENTS = ("acquisition_channel", "region")
OPTIONAL = ("touchpoints", "survey_responses")
CDNOW = Settings(segment_columns=(), inputs_off=OPTIONAL, churn_window_months=3)
# Made-up companies have more bad rows than a run would bear, and are small and young.
READY: dict[str, Any] = {
    "churn_window_months": 2,
    "readiness_min_repeat_share": 0.2,
    "readiness_min_months": 4,
    "readiness_min_customers": 2,
    "readiness_max_guest_share": 0.3,
}
MADE_UP: dict[str, Any] = READY | {
    "reporting_timezone": ZONE,
    "segment_columns": list(SEGMENTS),
    "max_rejected_share": 1,
}
KNOWN = Settings(segment_columns=SEGMENTS, reporting_timezone=ZONE, **READY)
AS_OF = date(2024, 3, 10)
# A smaller example would take minutes to find; the message names what differs.
EXAMPLES = settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FEWER = settings(EXAMPLES, max_examples=10)
Tables = dict[str, pd.DataFrame]


def assert_equal_oracle(actual: Tables, inputs: Inputs, known: Settings) -> None:
    """Compare every table that the oracle computes, row by row."""
    judged = judge(inputs, known)
    base = facts(judged, known)
    expected = {name: report(base) for name, report in REPORTS.items()}
    expected["rpt_input_quality"] = input_quality(judged)
    for name, table in expected.items():
        if table.empty:
            assert actual[name].empty, name
            continue
        columns = table.columns if name in PARTLY else actual[name].columns
        ours = actual[name][columns]
        for text in set(TEXTS) & set(columns):
            ours = ours.assign(**{text: ours[text].where(ours[text].isna(), STATED)})
        assert_tables_equal(ours, table, KEYS[name], name)
    assert_reasons(actual)


def assert_reasons(tables: Tables) -> None:
    """Check that reports repeat the reason for which nothing can be measured."""
    verdicts = tables["rpt_retention_readiness"].query("segment_column == 'all'")
    reasons = verdicts.query("verdict == 'not_measurable'")["reason"]
    for name in ("rpt_cohort_retention", "rpt_retention", "rpt_churn_by_month_number"):
        repeated = tables[name]["not_measurable_reason"]
        assert repeated.dropna().isin(reasons).all(), name


def assert_same(actual: Tables, expected: Tables) -> None:
    """Compare every public table of two runs, row by row."""
    for name, key in PUBLIC_KEYS.items():
        left, right = actual[name], expected[name]
        if name == "fct_rejected_rows":
            # Rows without a key can be alike.
            left, right = (
                side.groupby(list(side), dropna=False).size().reset_index(name="count")
                for side in (left, right)
            )
        assert_tables_equal(left, right, key, name)


@cache
def cdnow_facts() -> Facts:
    """CDNOW as the oracle sees it."""
    return facts(judge({"transactions": cdnow.transactions()}, CDNOW), CDNOW)


@cache
def cdnow_report(name: str) -> pd.DataFrame:
    """One of the oracle's tables on CDNOW, the rows by month."""
    table = REPORTS[name](cdnow_facts())
    return table[table["period_grain"].isin(["month", "all"])]


def test_cdnow_totals() -> None:
    rows = cdnow_facts().rows
    assert len(rows) == 69_659
    assert rows["customer"].nunique() == 23_570
    assert rows["money"].sum() == 25_003_156_300


COHORTS = {
    "1997-01-01": "7846 1157 964 810 679 736 720 582 559 528 472 498",
    "1997-02-01": "8476 1312 980 783 847 786 626 619 666 568 548",
    "1997-03-01": "7248 1032 752 756 674 564 561 579 634 678 457",
}
COLUMNS_SHOWN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 17]


@pytest.mark.parametrize(("cohort", "counts"), COHORTS.items())
def test_cdnow_cohorts(cohort: str, counts: str) -> None:
    cells = cdnow_report("rpt_cohort_retention")
    cells = cells[cells["offset_basis"] == "calendar"]
    cells = cells[cells["cohort_start"] == cohort].set_index("period_number")
    published = [float(count) for count in counts.split()]
    shown = cells["retained_customers"].reindex(COLUMNS_SHOWN[: len(published)])
    assert shown.tolist() == published
    later = cells["retained_customers"].reindex(range(len(cells), 18))
    assert later.isna().all()


def test_cdnow_on_or_after() -> None:
    cells = cdnow_report("rpt_cohort_retention")
    cells = cells[cells["offset_basis"] == "calendar"]
    later = cells.groupby("period_number")["retained_on_or_after"].sum()
    assert later.loc[:5].tolist() == [23570, 10815, 9921, 9305, 8773, 8346]


@pytest.mark.parametrize(
    ("measure", "published"),
    [("cohort_average_weighted", 0.148536), ("cohort_average_simple", 0.148213)],
)
def test_cdnow_averages(measure: str, published: float) -> None:
    rows = cdnow_report("rpt_retention")
    rows = rows[(rows["measure"] == measure) & (rows["offset_basis"] == "calendar")]
    (rate,) = rows.loc[rows["period_number"] == 1, "rate"]
    assert round(rate, 6) == published


def test_cdnow_repeat_purchases() -> None:
    rows = cdnow_report("rpt_retention")
    rows = rows[
        (rows["measure"] == "repeat_purchase") & (rows["period_grain"] == "all")
    ]
    counts = dict(zip(rows["window_days"].fillna(0), rows["customers"], strict=True))
    published = {30: 4115, 60: 5929, 90: 6887, 180: 8827, 365: 10810, 0: 11516}
    assert counts == published


def test_cdnow_second_purchases_are_the_retention_stage() -> None:
    """The funnel's windows and the scorecard's 60 days count the same people."""
    rows = cdnow_report("rpt_stage_funnel").query("period_grain == 'all'")
    rows = rows[rows["stage"] == "retention"]
    counts = dict(
        zip(rows["window_days"].fillna(0), rows["reached_people"], strict=True)
    )
    published = {30: 4115, 60: 5929, 90: 6887, 180: 8827, 365: 10810, 0: 11516}
    assert counts == published
    cards = scorecard(cdnow_facts()).query("milestone == 'purchase'")
    assert set(cards["succeeded_people"]) == {5929}


def test_cdnow_growth_accounting() -> None:
    rows = cdnow_report("rpt_growth_accounting").set_index("period_start")
    names = ["active", "new", "retained", "resurrected", "churned"]
    counts = rows[[f"{name}_customers" for name in names]].T
    assert counts[pd.Timestamp("1997-02-01")].tolist() == [9633, 8476, 1157, 0, 6689]
    assert counts[pd.Timestamp("1997-03-01")].tolist() == [9524, 7248, 1681, 595, 7952]
    assert counts[pd.Timestamp("1997-04-01")].tolist() == [2822, 0, 1773, 1049, 7751]


def test_cdnow_averages_of_growth() -> None:
    total = cdnow_report("rpt_growth")[["net_revenue", "orders"]].sum()
    assert round(total["net_revenue"] / total["orders"], 4) == 35.8936
    assert round(total["net_revenue"] / 23_570, 4) == 106.0804


def text_types(inputs: Inputs) -> dict[str, dict[str, str]]:
    """Take every column of these inputs for text."""
    return {
        name: dict.fromkeys(map(str, rows), "varchar") for name, rows in inputs.items()
    }


def test_marts_equal_oracle_on_cdnow() -> None:
    inputs = {"transactions": cdnow.transactions()}
    variables = {"segment_columns": [], "churn_window_months": 3}
    tables = compile_project(variables, text_types(inputs)).run(inputs, KEYS, SEEDS)
    assert_equal_oracle(tables, inputs, CDNOW)


def test_marts_equal_oracle_on_sample() -> None:
    inputs = {
        name: pd.read_csv(
            SAMPLE / f"sample_{name}.csv", dtype=str, keep_default_na=False
        )
        for name in COLUMNS
    }
    project = compile_project({"reporting_timezone": ZONE}, text_types(inputs))
    known = Settings(reporting_timezone=ZONE)
    assert_equal_oracle(project.run(inputs, KEYS, SEEDS), inputs, known)


def assert_adds_up(parts: pd.Series, whole: pd.Series, name: str) -> None:
    """Compare sums row by row, to a millionth."""
    off = (parts - whole).abs() > 1e-6
    assert not off.any(), f"{name} do not add up:\n{whole[off].head()}\n{parts[off]}"


def assert_identities(tables: Tables) -> None:
    """Check what must hold in the tables whatever the rows."""
    moved = tables["rpt_growth_accounting"].query("is_complete")
    now = ["new", "left_truncated", "retained", "resurrected"]
    for column, kinds in (
        ("active_customers", now),
        ("previous_active_customers", ["retained", "churned"]),
    ):
        parts = moved[[f"{kind}_customers" for kind in kinds]].sum(axis=1)
        assert (parts == moved[column]).all(), column
    flows = ["new", "left_truncated", "expansion", "contraction", "resurrected"]
    parts = moved[[f"{flow}_revenue" for flow in [*flows, "churned"]]].sum(axis=1)
    assert_adds_up(parts, moved["revenue_change"], "revenue movements")
    shared = tables["rpt_revenue_decomposition"].dropna(subset="revenue_change")
    effects = ["customers_effect", "frequency_effect", "order_value_effect"]
    parts = shared[[*effects, "guest_effect"]].sum(axis=1)
    assert_adds_up(parts, shared["revenue_change"], "effects")
    keys = ["period_grain", "period_start", "segment_column"]
    summed = tables["rpt_growth"].groupby(keys)[["net_revenue", "orders"]].sum()
    total = summed.xs("all", level="segment_column")
    for column in SEGMENTS:
        part = summed.xs(column, level="segment_column")
        for figure in ("net_revenue", "orders"):
            assert_adds_up(part[figure], total[figure], f"{figure} by {column}")
    cells = tables["rpt_cohort_retention"]
    assert_churn_adds_up(tables["rpt_churn_by_month_number"])
    cells = cells[cells["not_measurable_reason"].isna()]
    whole = cells.query("is_complete")
    assert (whole["retained_customers"] <= whole["retained_on_or_after"]).all()
    assert (whole["retained_on_or_after"] <= whole["cohort_size"]).all()
    first = whole.query("period_number == 0")
    assert (first["retained_customers"] == first["cohort_size"]).all()
    assert cells.query("not is_complete")["retained_customers"].isna().all()


def assert_churn_adds_up(months: pd.DataFrame) -> None:
    """Check that each customer leaves, is lost from sight or stays, and only once."""
    known = months[months["not_measurable_reason"].isna()].sort_values("period_number")
    names = ("at_risk", "churned", "active", "censored", "undetermined")
    columns = [f"{name}_customers" for name in names]
    known = known.astype(dict.fromkeys(columns, "int64"))
    at_risk, churned, active, censored, undetermined = (known[c] for c in columns)
    assert (churned + active == at_risk).all()
    known["gone"], known["left"] = churned + censored, churned + undetermined
    group = [*SEGMENT, "churn_window", "period_grain", "cohort_start"]
    groups = known.groupby(group, dropna=False)
    gone = groups["gone"].shift().dropna()
    steps = -groups[["at_risk_customers", "survival"]].diff().loc[gone.index]
    assert (steps["at_risk_customers"] == gone).all()
    falls = steps["survival"].dropna()
    assert (falls >= 0).all()
    assert_adds_up(known["churn_probability"][falls.index], falls, "chances")
    first = groups["at_risk_customers"].first()
    assert (first == groups["cohort_size"].first()).all()
    assert (first == groups["left"].sum()).all()


@EXAMPLES
@given(companies())
def test_marts_equal_oracle(inputs: Tables) -> None:
    tables = compile_project(MADE_UP).run(inputs, KEYS, SEEDS)
    assert_identities(tables)
    assert_equal_oracle(tables, inputs, KNOWN)


@FEWER
@given(companies())
def test_marts_equal_oracle_under_other_settings(inputs: Tables) -> None:
    known = replace(
        KNOWN,
        as_of_date=AS_OF,
        history_start_date=date(2023, 11, 1),
        left_truncation_days=10,
        week_start="sunday",
        acquisition_attribution_model="first",
        attribution_lookback_days=30,
        attribution_half_life_days=0.02,
        attribution_first_touch_weight=0.7,
        attribution_last_touch_weight=0.3,
        marketing_spend_repeats="reject",
        gross_margin_rate=0.35,
        small_sample_size=3,
        lapse_days=14,
        churn_window_months=None,
        readiness_min_repeat_share=0,
        survey_answers_counted="all",
        survey_follow_up_days=20,
        rfm_score_levels=10,
        value_calibration_end_date=date(2024, 1, 15),
    )
    assume(accepted(judge(inputs, known)["transactions"]))
    changed = {k: v for k, v in asdict(known).items() if v != getattr(KNOWN, k)}
    variables = json.loads(json.dumps(MADE_UP | changed, default=str))
    tables = compile_project(variables).run(inputs, KEYS, SEEDS)
    assert_identities(tables)
    assert_equal_oracle(tables, inputs, known)


@FEWER
@given(companies())
def test_earlier_as_of_date_equals_truncated_input(inputs: Tables) -> None:
    touch = {"touchpoint_id": "last", "customer_id": "c0", "occurred_at": str(AS_OF)}
    rows = [
        inputs["touchpoints"],
        pd.DataFrame([touch | {"touchpoint_type": "ad_click"}]),
    ]
    inputs = inputs | {"touchpoints": pd.concat(rows, ignore_index=True)}
    seen = judge(inputs, replace(KNOWN, as_of_date=AS_OF))
    assume(accepted(seen["transactions"]))
    known_then = {
        name: rows[np.array([is_visible(row) for row in rows.to_dict("records")], bool)]
        for name, rows in inputs.items()
    }
    later = compile_project(MADE_UP | {"as_of_date": str(AS_OF)})
    then = compile_project(MADE_UP)
    assert_same(
        later.run(inputs, PUBLIC_KEYS, SEEDS), then.run(known_then, PUBLIC_KEYS, SEEDS)
    )


def is_visible(row: dict[Any, Any]) -> bool:
    """Whether a raw row could be seen on AS_OF; what has no date always can."""
    for column in INSTANTS & set(row):
        moment = parse_time(row[column], ZONE) if clean(row[column]) else None
        if moment is not None:
            return moment.date() <= AS_OF
    return True


@FEWER
@given(companies(ties=True), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_count(inputs: Tables, random: Random) -> None:
    shuffled = {
        name: rows.sample(frac=1, random_state=random.randrange(1_000_000))
        for name, rows in inputs.items()
    }
    project = compile_project(MADE_UP)
    assert_same(
        project.run(shuffled, PUBLIC_KEYS, SEEDS),
        project.run(inputs, PUBLIC_KEYS, SEEDS),
    )
