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
ACQUISITION = [
    *("fct_attribution_credits", "rpt_attribution", "rpt_acquisition"),
    *("rpt_conversion", "rpt_cac_payback"),
    *("rpt_channel_transitions", "rpt_channel_effects"),
]
MODELS = {
    *("first", "last", "last_non_direct", "linear", "position_based", "time_decay"),
    *("markov", "shapley"),
}
ONE_PURCHASE = pd.DataFrame(
    {
        "transaction_id": ["T1"],
        "customer_id": ["C1"],
        "occurred_at": ["2024-02-10"],
        "amount": ["12.50"],
    }
)
ONE_TOUCH = pd.DataFrame(
    {
        "touchpoint_id": ["P1"],
        "visitor_id": ["V1"],
        "occurred_at": ["2024-02-10"],
        "touchpoint_type": ["email_open"],
        "channel": ["email"],
    }
)
ONE_SPEND = pd.DataFrame(
    {"spend_date": ["2024-02-10"], "channel": ["email"], "amount": ["5.00"]}
)


def test_no_row_gives_empty_tables() -> None:
    """Without a row there is no date to observe until, and no period to report."""
    names = [*RETENTION, *GROWTH, *JOURNEY, *ACQUISITION]
    names += ["dim_customers", "dim_periods", "fct_journey_events"]
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


def test_one_purchase_alone_is_credited_to_nothing() -> None:
    """It came by itself and cost nothing, as far as anybody knows."""
    tables = compile_project({"max_rejected_share": 1}).run(
        {"transactions": ONE_PURCHASE}, ACQUISITION
    )
    rows = tables["fct_attribution_credits"]
    assert set(rows["attribution_model"]) == MODELS
    assert len(rows) == len(MODELS)
    assert set(rows["credit"]) == {1}
    assert set(rows["gross_revenue"]) == {12.5}
    assert set(rows["channel"]) == set(rows["campaign"]) == {"(none)"}
    assert set(rows["path_length"]) == {0}
    assert rows[["touchpoint_id", "touched_at", "path_position"]].isna().all(None)
    shares = tables["rpt_attribution"]
    assert len(shares) == 2 * len(MODELS) * 5
    assert set(shares["conversion_type"]) == {"all", "first"}
    assert set(shares["conversion_share"]) == set(shares["revenue_share"]) == {1}
    assert set(shares.query("conversion_type == 'all'")["spend"]) == {0}
    assert shares["roas"].isna().all()
    assert shares.query("conversion_type == 'first'")["spend"].isna().all()
    costs = tables["rpt_acquisition"]
    assert len(costs) == 3 * len(MODELS) * 5
    assert set(costs["cac_null_reason"]) == {"no_spend"}
    assert set(costs["new_customers"]) == {1}
    assert costs[["cac", "blended_cac", "paid_cac", "roas"]].isna().all(None)
    rates = tables["rpt_conversion"].query("period_grain == 'all'")
    assert set(rates["channel"]) == {"all", "(none)"}
    assert set(rates["people"]) == set(rates["walk_in_people"]) == {1}
    assert set(rates["eligible_people"]) == {0, 1}
    assert rates.dropna(subset="window_days")["converted_people"].isna().all()
    assert set(rates["conversion_rate"].dropna()) == {1}
    # Its month is not over, and without a cost nobody can say what it earned.
    cells = tables["rpt_cac_payback"].set_index("channel")
    assert sorted(cells.index) == ["(none)", "all"]
    assert set(cells["cac_null_reason"]) == {"no_spend"}
    assert set(cells["payback_status"]) == {"no_cac"}
    assert cells[["margin", "ltv_cac_ratio", "payback_month"]].isna().all(None)
    assert tables["rpt_channel_transitions"].empty
    assert tables["rpt_channel_effects"].empty


def test_one_touch_alone_leads_to_nothing() -> None:
    """There is a path to learn from, and no conversion to credit."""
    tables = compile_project({"max_rejected_share": 1}).run(
        {"touchpoints": ONE_TOUCH}, ACQUISITION
    )
    for name in ("fct_attribution_credits", "rpt_attribution", "rpt_cac_payback"):
        assert tables[name].empty
    steps = tables["rpt_channel_transitions"]
    assert set(zip(steps["from_state"], steps["to_state"], strict=True)) == {
        ("(start)", "email"),
        ("email", "(null)"),
    }
    assert set(steps["transition_count"]) == set(steps["transition_probability"]) == {1}
    (effect,) = tables["rpt_channel_effects"].to_dict("records")
    assert (effect["paths"], effect["converting_paths"]) == (1, 0)
    assert (effect["visit_probability"], effect["conversion_probability"]) == (1, 0)
    assert effect["path_conversion_probability"] == 0
    unknown = ["removal_effect", "removal_effect_share", "markov_conversions"]
    assert tables["rpt_channel_effects"][unknown].isna().all(None)
    costs = tables["rpt_acquisition"]
    assert len(costs) == len(MODELS) * 5
    assert set(costs["cac_null_reason"]) == {"no_spend_and_no_customers"}
    rates = tables["rpt_conversion"].query("period_grain == 'all'")
    assert set(rates["channel"]) == {"all", "email"}
    assert set(rates["walk_in_people"]) == {0}
    # Without transactions nobody can be seen to buy.
    unknown = ["converted_people", "conversion_rate", "new_customers"]
    assert rates[[*unknown, "period_basis_conversion_rate"]].isna().all(None)


def test_spend_alone_wins_nobody() -> None:
    """It is in every account of spend, and divides by nothing."""
    tables = compile_project({"max_rejected_share": 1}).run(
        {"marketing_spend": ONE_SPEND}, ACQUISITION
    )
    empty = {name for name, rows in tables.items() if rows.empty}
    assert empty == set(ACQUISITION) - {
        "rpt_attribution",
        "rpt_acquisition",
        "rpt_cac_payback",
    }
    shares = tables["rpt_attribution"]
    assert len(shares) == len(MODELS) * 5
    assert set(shares["conversions"]) == set(shares["roas"]) == {0}
    assert set(shares["spend"]) == {5}
    assert shares[["conversion_share", "revenue_share"]].isna().all(None)
    costs = tables["rpt_acquisition"]
    assert len(costs) == 3 * len(MODELS) * 5
    assert set(costs["cac_null_reason"]) == {"no_customers"}
    assert set(costs["spend"]) == {5}
    assert costs[["cac", "blended_cac", "paid_cac"]].isna().all(None)
    cells = tables["rpt_cac_payback"]
    assert sorted(cells["channel"]) == ["all", "email"]
    assert set(cells["customers"]) == {0}
    assert set(cells["cac_null_reason"]) == {"no_customers"}
    assert set(cells["payback_status"]) == {"no_cac"}


def test_without_optional_inputs_costs_are_unknown_and_not_zero() -> None:
    """Nobody recorded spend or touches: all came by themselves, at no known cost."""
    types = {"transactions": dict.fromkeys(map(str, ONE_PURCHASE), "varchar")}
    tables = compile_project({"segment_columns": []}, types).run(
        {"transactions": ONE_PURCHASE}, ACQUISITION
    )
    assert set(tables["fct_attribution_credits"]["credit"]) == {1}
    assert set(tables["rpt_attribution"]["channel"]) == {"(none)"}
    assert tables["rpt_attribution"][["spend", "roas"]].isna().all(None)
    costs = tables["rpt_acquisition"]
    assert set(costs["cac_null_reason"]) == {"no_spend_input"}
    assert set(costs["new_customers"]) == {1}
    assert set(costs.query("channel == '(none)'")["is_paid"]) == {False}
    unknown = ["spend", "cac", "blended_cac", "paid_cac", "roas"]
    assert costs[unknown].isna().all(None)
    rates = tables["rpt_conversion"].query("period_grain == 'all'")
    assert set(rates["walk_in_people"]) == set(rates["new_customers"]) == {1}
    cells = tables["rpt_cac_payback"]
    assert set(cells["cac_null_reason"]) == {"no_spend_input"}
    assert set(cells["payback_status"]) == {"no_cac"}
    assert cells[["spend", "cac", "margin"]].isna().all(None)
    assert tables["rpt_channel_transitions"].empty
    assert tables["rpt_channel_effects"].empty


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
