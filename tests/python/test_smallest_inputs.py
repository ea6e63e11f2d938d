"""The smallest inputs there are: no row at all, one row, nothing optional."""

from __future__ import annotations

import pandas as pd

from harness import compile_project

RETENTION = ["rpt_cohort_retention", "rpt_retention"]
JOURNEY = [
    *("fct_stage_history", "rpt_stage_transitions", "rpt_stage_funnel"),
    *("rpt_milestone_scorecard", "fct_survey_scores", "rpt_experience"),
    "rpt_brand_performance",
]
GROWTH = ["rpt_growth", "rpt_growth_accounting", "rpt_revenue_decomposition"]
ONE_PURCHASE = pd.DataFrame(
    {
        "transaction_id": ["T1"],
        "customer_id": ["C1"],
        "occurred_at": ["2024-02-10"],
        "amount": ["12.50"],
    }
)


def test_no_row_gives_empty_tables() -> None:
    """Without a row there is no date to observe until, and no period to report."""
    names = [*RETENTION, *GROWTH, *JOURNEY, "dim_customers", "dim_periods"]
    names.append("fct_journey_events")
    tables = compile_project({"max_rejected_share": 1}).run(
        {}, [*names, "int_run_parameters", "rpt_input_quality"]
    )
    assert {name: len(tables[name]) for name in names} == dict.fromkeys(names, 0)
    assert tables["int_run_parameters"]["as_of_date"].isna().tolist() == [True]
    assert tables["rpt_input_quality"]["row_count"].tolist() == [0] * 7


def test_one_row_is_one_customer_observed_for_one_day() -> None:
    """The day is over and complete; its week, month, quarter and year are not."""
    tables = compile_project({"max_rejected_share": 1}).run(
        {"transactions": ONE_PURCHASE}, [*RETENTION, *GROWTH]
    )
    growth = tables["rpt_growth"].query("segment_column == 'all'")
    assert sorted(growth["period_grain"]) == ["day", "month", "quarter", "week", "year"]
    assert set(growth["net_revenue"]) == {12.5}
    assert set(growth["new_customers"]) == {1}
    assert growth.set_index("period_grain")["is_complete"].to_dict() == {
        "day": True,
        "week": False,
        "month": False,
        "quarter": False,
        "year": False,
    }
    cells = tables["rpt_cohort_retention"].query(
        "segment_column == 'all' and offset_basis == 'calendar'"
    )
    assert set(cells["period_number"]) == {0}
    cells = cells.set_index("period_grain")
    assert cells.loc["day", "retention_rate"] == 1
    assert cells.drop("day")["retention_rate"].isna().all()
    repeat = tables["rpt_retention"].query(
        "measure == 'repeat_purchase' and period_grain == 'all'"
        " and segment_column == 'all'"
    )
    assert set(repeat["eligible_customers"]) == {0, 1}
    assert repeat.query("eligible_customers == 1")["rate"].tolist() == [0]


def test_only_required_columns_of_the_only_required_input() -> None:
    """With nothing optional the same purchase counts, under no channel."""
    columns = {"transactions": {str(name): "varchar" for name in ONE_PURCHASE}}
    tables = compile_project({}, columns).run(
        {"transactions": ONE_PURCHASE}, ["rpt_growth", "rpt_input_quality"]
    )
    year = tables["rpt_growth"].query("period_grain == 'year'")
    assert dict(zip(year["segment_value"], year["net_revenue"], strict=True)) == {
        "all": 12.5,
        "(none)": 12.5,
    }
    quality = tables["rpt_input_quality"].set_index("input_name")
    off = quality["is_switched_off"]
    assert sorted(off[~off].index) == ["transactions"]


def test_what_the_inputs_cannot_show_is_null() -> None:
    """One purchase and nothing else: nobody is known to consider or to recommend."""
    types = {"transactions": dict.fromkeys(map(str, ONE_PURCHASE), "varchar")}
    tables = compile_project({"segment_columns": []}, types).run(
        {"transactions": ONE_PURCHASE}, JOURNEY
    )
    funnel = tables["rpt_stage_funnel"].query("period_grain == 'all'")
    ever = funnel[funnel["window_days"].isna()].set_index("stage")
    assert ever["reached_people"].fillna(-1).to_dict() == {
        "awareness": 1,
        "consideration": -1,
        "conversion": 1,
        "retention": 0,
        "advocacy": -1,
    }
    assert ever["step_conversion_rate"].fillna(-1).to_dict() == {
        "awareness": -1,
        "consideration": -1,
        "conversion": -1,
        "retention": 0,
        "advocacy": -1,
    }
    (card,) = (
        tables["rpt_milestone_scorecard"].query("medium == 'all'").to_dict("records")
    )
    assert (card["milestone"], card["exposed_people"]) == ("purchase", 1)
    assert len(tables["rpt_experience"]) == len(tables["rpt_brand_performance"]) == 0
