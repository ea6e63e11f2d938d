"""The smallest inputs there are: no row at all, one row, nothing optional."""

from __future__ import annotations

import pandas as pd
import pytest

from harness import compile_project

RETENTION = ["rpt_cohort_retention", "rpt_retention", "rpt_churn_by_month_number"]
JOURNEY = [
    *("fct_stage_history", "rpt_stage_transitions", "rpt_stage_funnel"),
    *("rpt_milestone_scorecard", "fct_survey_scores", "rpt_experience"),
    "rpt_brand_performance",
]
GROWTH = ["rpt_growth", "rpt_growth_accounting", "rpt_revenue_decomposition"]
VALUE = ["fct_customer_value", "rpt_value_calibration"]
READINESS = "rpt_retention_readiness"
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
ONE_REFUND = ONE_PURCHASE.assign(amount="-12.50")
ONE_GUEST = ONE_PURCHASE.drop(columns="customer_id")
# Somebody who came back, and somebody who came on the last day.
TWO_CUSTOMERS = pd.DataFrame(
    {
        "transaction_id": ["T1", "T2", "T3"],
        "customer_id": ["C1", "C1", "C2"],
        "occurred_at": ["2024-01-05", "2024-02-01", "2024-03-31"],
        "amount": ["10", "20", "30"],
    }
)
PARAMETERS = pd.DataFrame(
    [
        {"model": "mbg_nbd", "r": 0.5, "alpha": 6.0, "a": 0.75, "b": 1.5},
        {"model": "bg_nbd", "r": 0.25, "alpha": 4.5, "a": 0.75, "b": 2.5},
        {"model": "gamma_gamma", "p": 6.0, "q": 4.0, "gamma": 15.0},
    ]
).merge(pd.DataFrame({"fit_period": ["full", "calibration"]}), how="cross")
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
    names = [*RETENTION, *GROWTH, *VALUE, *JOURNEY, *ACQUISITION]
    names += ["dim_customers", "dim_periods", "fct_journey_events"]
    tables = compile_project({"max_rejected_share": 1}).run(
        {},
        [*names, "dim_channels", "int_run_parameters", "rpt_input_quality", READINESS],
    )
    assert {name: len(tables[name]) for name in names} == dict.fromkeys(names, 0)
    channels = tables["dim_channels"]
    assert channels["is_listed"].sum() == len(channels) - len(["(none)", "(guest)"])
    assert not channels[["has_touchpoints", "has_transactions", "has_spend"]].any(
        axis=None
    )
    assert tables["int_run_parameters"]["as_of_date"].isna().tolist() == [True]
    assert tables["rpt_input_quality"]["row_count"].tolist() == [0] * 7
    (ready,) = tables[READINESS].to_dict("records")
    assert (ready["verdict"], ready["customers"]) == ("not_measurable", 0)
    assert (ready["months_observed"], ready["missing_months"]) == (0, 12)
    unknown = ["purchases_per_customer", "one_time_customer_share", "guest_order_share"]
    assert tables[READINESS][unknown].isna().all(None)


def test_one_row_is_one_customer_observed_for_one_day() -> None:
    """The day is over and complete; its week, month, quarter and year are not.

    Of one purchase nobody can say whether its customer stays.
    """
    tables = compile_project({"max_rejected_share": 1}).run(
        {"transactions": ONE_PURCHASE}, [*RETENTION, *GROWTH, READINESS]
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
    assert cells["cohort_size"].tolist() == [1] * 5
    assert cells.loc["day", "eligible_customers"] == cells.loc["day", "orders"] == 1
    assert cells[["retained_customers", "retention_rate"]].isna().all(None)
    repeat = tables["rpt_retention"].query("segment_column == 'all'")
    assert set(repeat["measure"]) == {
        *("repeat_purchase", "cohort_average_weighted", "cohort_average_simple"),
        *("not_yet_repeated", "days_to_second_purchase"),
    }
    assert set(repeat["eligible_customers"]) == {0, 1}
    assert repeat[["customers", "rate", "rate_lower", "days"]].isna().all(None)
    (ready,) = tables[READINESS].query("segment_column == 'all'").to_dict("records")
    assert (ready["verdict"], ready["customers"]) == ("not_measurable", 1)
    assert (ready["one_time_customer_share"], ready["guest_order_share"]) == (1, 0)
    for name in RETENTION:
        assert set(tables[name]["not_measurable_reason"]) == {ready["reason"]}


def test_one_purchase_alone_neither_stays_nor_leaves() -> None:
    """Without a gap between purchases the window is as long as it can be."""
    tables = compile_project({"max_rejected_share": 1}).run(
        {"transactions": ONE_PURCHASE}, ["rpt_churn_by_month_number", *VALUE]
    )
    churn = tables["rpt_churn_by_month_number"]
    assert len(churn) == 2 * 3 * 2 * 2
    assert set(churn["churn_window_months"]) == {25}
    assert set(churn["cohort_size"]) == {1}
    assert churn.set_index("period_number")["is_complete"].to_dict() == {
        0: True,
        1: False,
    }
    counts = ["at_risk_customers", "churned_customers", "active_customers"]
    counts += ["censored_customers", "undetermined_customers", "modal_churn_month"]
    assert churn[[*counts, "hazard", "survival", "churn_probability"]].isna().all(None)
    (value,) = tables["fct_customer_value"].to_dict("records")
    assert value["rfm_score"] == "1-1-1"
    assert value["revenue_rank_share"] == value["cumulative_revenue_share"] == 1
    known = ["repeat_purchase_days", "last_repeat_age_days", "age_days"]
    assert [value[name] for name in ["recency_days", *known]] == [0, 0, 0, 0]
    assert [value[f"calibration_{name}"] for name in known] == [0, 0, 0]
    assert (value["holdout_purchase_days"], value["holdout_revenue"]) == (0, 0)
    assert pd.isna(value["mean_repeat_value"])
    assert pd.isna(value["probability_alive"])
    reasons = ["expected_purchases", "bg_nbd", "expected_value"]
    assert {value[f"{name}_null_reason"] for name in reasons} == {"not_measurable"}
    groups = tables["rpt_value_calibration"]
    assert len(groups) == 2 * 2 * 2
    assert set(groups["frequency_group"]) == {"all", "0"}
    assert set(groups["null_reason"]) == {"not_measurable"}
    assert set(groups["holdout_days"]) == set(groups["actual_purchases"]) == {0}
    unknown = ["expected_purchases", "expected_revenue", "top_tenth_expected_share"]
    assert groups[unknown].isna().all(None)


def test_one_refund_alone_is_a_customer_of_no_purchase() -> None:
    """What they cost is known, and nothing else."""
    tables = compile_project({"max_rejected_share": 1}).run(
        {"transactions": ONE_REFUND}, [*RETENTION, *VALUE, READINESS]
    )
    for name in [*RETENTION, "rpt_value_calibration"]:
        assert tables[name].empty
    (value,) = tables["fct_customer_value"].to_dict("records")
    assert (value["purchase_days"], value["net_revenue"]) == (0, -12.5)
    unknown = ["recency_days", "rfm_score", "rfm_segment", "revenue_rank_share"]
    unknown += ["cumulative_revenue_share", "repeat_purchase_days", "age_days"]
    unknown += ["holdout_revenue", "probability_alive"]
    assert tables["fct_customer_value"][unknown].isna().all(None)
    reasons = ["expected_purchases", "bg_nbd", "expected_value"]
    assert {value[f"{name}_null_reason"] for name in reasons} == {"no_purchase"}
    (ready,) = tables[READINESS].to_dict("records")
    assert (ready["verdict"], ready["customers"]) == ("not_measurable", 0)
    assert pd.isna(ready["guest_order_share"])


def test_one_guest_alone_is_no_customer() -> None:
    """There is an order, and nobody who could come back."""
    tables = compile_project({"max_rejected_share": 1}).run(
        {"transactions": ONE_GUEST}, [*RETENTION, *VALUE, READINESS]
    )
    (ready,) = tables[READINESS].to_dict("records")
    assert (ready["verdict"], ready["customers"]) == ("not_measurable", 0)
    assert ready["guest_order_share"] == 1
    for name in [*VALUE, "rpt_cohort_retention", "rpt_churn_by_month_number"]:
        assert tables[name].empty


def test_first_purchase_on_the_last_day_is_scored_and_not_yet_judged() -> None:
    """They are alive as everybody is at first, and in no month that is over."""
    tables = compile_project({"max_rejected_share": 1}).run(
        {"transactions": TWO_CUSTOMERS},
        ["rpt_churn_by_month_number", *VALUE, READINESS],
        seeds={"value_parameters": PARAMETERS},
    )
    (ready,) = tables[READINESS].query("segment_column == 'all'").to_dict("records")
    assert (ready["verdict"], ready["missing_months"]) == ("weak", 9)
    eligible = [ready[f"eligible_customers_month_{k}"] for k in (1, 3, 12)]
    assert eligible == [1, 0, 0]
    values = tables["fct_customer_value"].set_index("customer_id")
    scores = values.filter(regex="expected.*(days|value)$")
    assert scores.shape == (2, 13)
    assert (scores > 0).all(None)
    assert values.loc["C2", "age_days"] == 0
    assert values.loc["C2", "probability_alive"] == pytest.approx(1.5 / (0.75 + 1.5))
    assert values.loc["C2", "bg_nbd_probability_alive"] == 1
    assert values.loc["C2", "expected_purchase_value"] == pytest.approx(6 * 15 / 3)
    known = values.filter(regex="calibration|holdout")
    assert known.loc["C2"].isna().all()
    assert known.loc["C1", "calibration_age_days"] == 43
    groups = tables["rpt_value_calibration"].query("segment_column == 'all'")
    assert set(groups["frequency_group"]) == {"all", "1"}
    assert set(groups["customers"]) == {1}
    # The only gap ended after 27 days: one month without a purchase is enough.
    churn = tables["rpt_churn_by_month_number"].query("segment_column == 'all'")
    churn = churn.query("churn_window == 'in_force'").astype({"cohort_start": str})
    assert set(churn["churn_window_months"]) == {1}
    late = churn.query("cohort_start == '2024-03-01'").set_index("period_number")
    assert late["censored_customers"].to_dict() == {0: 1, 1: 0}
    assert late["undetermined_customers"].to_dict() == {0: 0, 1: 1}
    assert late["survival"].fillna(-1).to_dict() == {0: 1, 1: -1}
    everybody = churn.query("period_grain == 'all'").set_index("period_number")
    assert everybody["at_risk_customers"].to_dict() == {0: 2, 1: 1, 2: 1, 3: 0}
    assert everybody["survival"].fillna(-1).to_dict() == {0: 1, 1: 1, 2: 0, 3: -1}
    assert set(everybody["modal_churn_month"]) == {2}


def test_only_required_columns_of_the_only_required_input() -> None:
    """With nothing optional the same purchase counts, under no channel."""
    columns = {"transactions": {str(name): "varchar" for name in ONE_PURCHASE}}
    tables = compile_project({}, columns).run(
        {"transactions": ONE_PURCHASE},
        ["rpt_growth", "rpt_input_quality", *VALUE, READINESS],
    )
    year = tables["rpt_growth"].query("period_grain == 'year'")
    assert dict(zip(year["segment_value"], year["net_revenue"], strict=True)) == {
        "all": 12.5,
        "(none)": 12.5,
    }
    quality = tables["rpt_input_quality"].set_index("input_name")
    off = quality["is_switched_off"]
    assert sorted(off[~off].index) == ["transactions"]
    assert set(tables[READINESS]["segment_value"]) == {"all", "(none)"}
    assert tables["fct_customer_value"]["net_revenue"].tolist() == [12.5]
    assert set(tables["rpt_value_calibration"]["segment_value"]) == {"all", "(none)"}


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


def test_where_nobody_has_bought_nobody_is_known_to_recommend() -> None:
    """A touch and no transaction: what is beyond the first purchase is null, not 0."""
    tables = compile_project({"max_rejected_share": 1}).run(
        {"touchpoints": ONE_TOUCH}, ["rpt_stage_funnel"]
    )
    funnel = tables["rpt_stage_funnel"].query("period_grain == 'all'")
    ever = funnel[funnel["window_days"].isna()].set_index("stage")
    assert ever["reached_people"].fillna(-1).to_dict() == {
        "awareness": 1,
        "consideration": 1,
        "conversion": -1,
        "retention": -1,
        "advocacy": -1,
    }


@pytest.mark.parametrize("amount", ["1000000", "99999999999.99"])
def test_largest_amounts_are_converted(amount: str) -> None:
    """Money has room for yen and rupiah, also when multiplied by a rate."""
    rows = ONE_PURCHASE.assign(amount=amount, cost=amount)
    tables = compile_project().run({"transactions": rows}, ["dim_customers"])
    (customer,) = tables["dim_customers"].to_dict("records")
    assert f"{customer['gross_revenue']:.2f}" == f"{float(amount):.2f}"
    assert f"{customer['cost_amount']:.2f}" == f"{float(amount):.2f}"
