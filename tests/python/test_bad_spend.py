"""Bad spend, reserved names, absent inputs: what acquisition makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness import TEXT, compile_project, dbt, run_pipeline, write_root_project

MODELS = [
    *("first", "last", "last_non_direct", "linear", "position_based", "time_decay"),
    *("markov", "shapley"),
]
# Somebody who clicks on Monday buys on Wednesday, and again in the next month.
TRANSACTIONS = pd.DataFrame(
    {
        "transaction_id": ["T1", "T2"],
        "customer_id": ["C1", "C1"],
        "occurred_at": ["2024-01-10T12:00:00Z", "2024-02-10T12:00:00Z"],
        "amount": ["100.00", "40.00"],
        "cost": ["60.00", "24.00"],
    }
)
TOUCHES = pd.DataFrame(
    {
        "touchpoint_id": ["P1"],
        "customer_id": ["C1"],
        "occurred_at": ["2024-01-08T12:00:00Z"],
        "touchpoint_type": ["ad_click"],
        "channel": ["display"],
        "campaign": ["launch"],
    }
)
SPEND = {
    "spend_date": "2024-01-05",
    "channel": "display",
    "campaign": "launch",
    "amount": "20.00",
}
RATES = pd.DataFrame(
    {"rate_date": ["2024-01-05"], "currency": ["EUR"], "rate": ["1.10"]}
)
RESERVED = ["all", "(none)", "(start)", "(conversion)", "(null)"]
REPEATED = "repeated_day_channel_campaign"

Rows = list[dict[str, Any]]


def build(
    spend: Rows,
    tables: list[str],
    variables: Mapping[str, Any] | None = None,
    without: tuple[str, ...] = (),
    touches: pd.DataFrame = TOUCHES,
) -> dict[str, pd.DataFrame]:
    """Return tables of the one customer with this spend, some inputs off."""
    inputs = {
        "transactions": TRANSACTIONS,
        "touchpoints": touches,
        "marketing_spend": pd.DataFrame(spend, columns=[*SPEND, "currency"]),
        "exchange_rates": RATES,
    }
    compiled = compile_project(
        {"max_rejected_share": 1} | dict(variables or {}),
        {name: columns for name, columns in TEXT.items() if name not in without},
    )
    given = {name: rows for name, rows in inputs.items() if name not in without}
    return compiled.run(given, tables)


def months(
    acquisition: pd.DataFrame, model: str = "last_non_direct"
) -> dict[tuple[str, str, str], dict[Any, Any]]:
    """Return a model's rows by month, channel and campaign, nulls as None."""
    rows = acquisition[
        (acquisition["attribution_model"] == model)
        & (acquisition["period_grain"] == "month")
    ]
    return {
        (str(row["period_start"])[:7], row["channel"], row["campaign"]): {
            column: None if pd.isna(value) else value for column, value in row.items()
        }
        for row in rows.to_dict("records")
    }


def statuses(quality: pd.DataFrame, name: str) -> dict[tuple[str, str | None], int]:
    """Return the rows of an input by status and reason."""
    rows = quality[quality["input_name"] == name]
    counts = zip(
        rows["row_status"], rows["status_reason"], rows["row_count"], strict=True
    )
    return {
        (status, None if pd.isna(reason) else reason): int(count)
        for status, reason, count in counts
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": "-0.01"}, "negative_amount"),
        ({"amount": None}, "missing_amount"),
        ({"amount": "20,00"}, "unparseable_amount"),
        ({"currency": "XXX"}, "missing_exchange_rate"),
        # There is a rate for the day before.
        ({"currency": "EUR", "spend_date": "2024-01-06"}, "missing_exchange_rate"),
        ({"channel": None}, "missing_channel"),
        ({"channel": "  "}, "missing_channel"),
        ({"spend_date": None}, "missing_spend_date"),
        ({"spend_date": "05/01/2024"}, "unparseable_spend_date"),
        ({"spend_date": "1970-01-01"}, "date_out_of_range"),
        *(({"channel": name}, "reserved_channel") for name in RESERVED),
        *(({"campaign": name}, "reserved_campaign") for name in RESERVED),
    ],
)
def test_bad_spend_is_rejected_with_its_reason(
    changes: dict[str, str | None], reason: str
) -> None:
    """The bad row is kept with reason and content; only the good one is spend."""
    tables = build([SPEND, SPEND | changes], ["fct_rejected_rows", "rpt_acquisition"])
    (rejected,) = tables["fct_rejected_rows"].to_dict("records")
    assert rejected["input_name"] == "marketing_spend"
    assert rejected["reject_reason"] == reason
    for name, value in changes.items():
        assert f"{name}={value or ''}" in rejected["raw_values"]
    found = months(tables["rpt_acquisition"])
    assert {key[0] for key, row in found.items() if row["spend"]} == {"2024-01"}
    assert found["2024-01", "all", "all"]["spend"] == 20
    assert found["2024-01", "display", "launch"]["cac"] == 20


@pytest.mark.parametrize("column", ["channel", "campaign"])
@pytest.mark.parametrize("name", RESERVED)
def test_a_touch_of_a_reserved_name_is_rejected(column: str, name: str) -> None:
    """It would be taken for a total or for a state of the chain; nobody is credited."""
    touches = TOUCHES.assign(**{column: name})
    tables = build(
        [SPEND],
        ["fct_rejected_rows", "fct_attribution_credits"],
        touches=touches,
    )
    (rejected,) = tables["fct_rejected_rows"].to_dict("records")
    assert rejected["input_name"] == "touchpoints"
    assert rejected["reject_reason"] == f"reserved_{column}"
    assert f"{column}={name}" in rejected["raw_values"]
    assert set(tables["fct_attribution_credits"]["channel"]) == {"(none)"}


def test_spend_in_another_currency_is_converted_at_the_rate_of_its_day() -> None:
    """Twenty euros at 1.10 are 22 dollars."""
    tables = build(
        [SPEND | {"currency": "EUR"}], ["rpt_acquisition", "rpt_reconciliation"]
    )
    row = months(tables["rpt_acquisition"])["2024-01", "display", "launch"]
    assert (row["spend"], row["cac"]) == (22, 22)
    assert not tables["rpt_reconciliation"]["difference"].any()


def test_spend_on_a_channel_nobody_listed_is_kept() -> None:
    """It has its own row, is taken for paid, and counts in what customers cost."""
    podcast = SPEND | {"channel": "podcast", "campaign": None, "amount": "30.00"}
    tables = build(
        [SPEND, podcast],
        ["rpt_acquisition", "rpt_attribution", "rpt_input_quality", "rpt_cac_payback"],
    )
    accepted = statuses(tables["rpt_input_quality"], "marketing_spend")
    assert accepted == {("accepted", None): 2}
    for model in MODELS:
        found = months(tables["rpt_acquisition"], model)
        for campaign in ("(none)", "all"):
            row = found["2024-01", "podcast", campaign]
            assert (row["spend"], row["new_customers"], row["is_paid"]) == (30, 0, True)
            assert (row["cac"], row["cac_null_reason"]) == (None, "no_customers")
        total = found["2024-01", "all", "all"]
        assert (total["spend"], total["new_customers"]) == (50, 1)
        assert (total["blended_cac"], total["paid_cac"]) == (50, 50)
    attribution = tables["rpt_attribution"].query(
        "conversion_type == 'all' and period_grain == 'month' and channel == 'podcast'"
    )
    assert sorted(attribution["attribution_model"]) == sorted(MODELS)
    assert set(attribution["spend"].astype(float)) == {30.0}
    assert set(attribution["conversions"]) == {0.0}
    payback = tables["rpt_cac_payback"].query("channel == 'all'")
    assert set(payback["spend"].astype(float)) == {50.0}


def test_a_channel_nobody_listed_is_named_in_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run succeeds, says that something is wrong, and names the channel."""
    given = {
        "transactions": TRANSACTIONS,
        "marketing_spend": pd.DataFrame([SPEND, SPEND | {"channel": "podcast"}]),
    }
    types = {
        name: dict.fromkeys(map(str, rows.columns), "varchar")
        for name, rows in given.items()
    }
    folder = tmp_path / "project"
    write_root_project(folder, {}, types)
    for name, rows in given.items():
        rows.to_csv(folder / "seeds" / f"raw_{name}.csv", index=False)
    dbt("deps", folder=folder)
    # No other test of the models that this one reads.
    monkeypatch.setenv("DBT_INDIRECT_SELECTION", "empty")
    options = ("--project-dir", str(folder), "--select", "+every_channel_is_listed")
    outcome = run_pipeline(tmp_path, *options, is_sample=False)
    assert outcome.exit_code == 0, outcome.text
    _, warning = outcome.text.split("Warning test every_channel_is_listed")
    assert "list them, or correct their names" in warning
    assert "channel=podcast, spend=20.0000, new_customers=0" in warning
    assert "channel=display" not in warning


@pytest.mark.parametrize("campaign", ["launch", None])
def test_the_same_day_channel_and_campaign_add_up_and_are_counted(
    campaign: str | None,
) -> None:
    """Three invoices: all are spend, and two of them are counted as repeated."""
    rows: Rows = [
        SPEND | {"campaign": campaign, "amount": amount}
        for amount in ("20.00", "5.00", "20.00")
    ]
    # Neither of these is the same again, and a bad row is nothing to repeat.
    others: Rows = [
        SPEND | {"campaign": "other"},
        SPEND | {"channel": "affiliate", "campaign": campaign},
        SPEND | {"spend_date": "2024-01-06", "campaign": campaign},
        SPEND | {"campaign": campaign, "amount": "-20.00"},
    ]
    tables = build(
        [*rows, *others],
        ["rpt_input_quality", "rpt_acquisition", "rpt_reconciliation"],
    )
    assert statuses(tables["rpt_input_quality"], "marketing_spend") == {
        ("accepted", None): 4,
        ("accepted", REPEATED): 2,
        ("rejected", "negative_amount"): 1,
    }
    found = months(tables["rpt_acquisition"])
    assert found["2024-01", "display", campaign or "(none)"]["spend"] == 45 + 20
    assert found["2024-01", "all", "all"]["spend"] == 45 + 60
    assert not tables["rpt_reconciliation"]["difference"].any()


@pytest.mark.parametrize("reverse", [False, True])
def test_repeated_spend_is_rejected_but_for_the_highest(reverse: bool) -> None:
    """Amounts are compared in the reporting currency: 19 euros are 20.90 dollars."""
    rows: Rows = [
        SPEND,
        SPEND | {"amount": "19.00", "currency": "EUR"},
        SPEND | {"amount": "-50.00"},
        SPEND | {"campaign": "other"},
    ]
    tables = build(
        rows[::-1] if reverse else rows,
        [
            *("rpt_input_quality", "rpt_acquisition", "fct_rejected_rows"),
            "rpt_reconciliation",
        ],
        {"marketing_spend_repeats": "reject"},
    )
    assert statuses(tables["rpt_input_quality"], "marketing_spend") == {
        ("accepted", None): 2,
        ("rejected", REPEATED): 1,
        ("rejected", "negative_amount"): 1,
    }
    rejected = tables["fct_rejected_rows"].set_index("reject_reason")["raw_values"]
    assert "amount=20.00" in rejected[REPEATED]
    found = months(tables["rpt_acquisition"])
    assert found["2024-01", "display", "launch"]["spend"] == pytest.approx(20.9)
    assert found["2024-01", "all", "all"]["spend"] == pytest.approx(40.9)
    assert not tables["rpt_reconciliation"]["difference"].any()


def acquisition_tables(
    without: tuple[str, ...], variables: Mapping[str, Any] | None = None
) -> dict[str, pd.DataFrame]:
    """Return every table of acquisition, with these inputs off."""
    names = [
        *("fct_attribution_credits", "rpt_attribution", "rpt_acquisition"),
        *("rpt_conversion", "rpt_cac_payback", "rpt_channel_transitions"),
        *("rpt_channel_effects", "dim_customers"),
    ]
    return build([SPEND], names, variables, without)


def assert_all_is_credited_to_none(tables: dict[str, pd.DataFrame]) -> None:
    """Assert that two purchases are credited, in every model, to no channel."""
    credited = tables["fct_attribution_credits"]
    assert len(credited) == 2 * len(MODELS)
    assert set(credited["attribution_model"]) == set(MODELS)
    assert set(credited["channel"]) == set(credited["campaign"]) == {"(none)"}
    assert set(credited["credit"]) == {1.0}
    assert credited["touchpoint_id"].isna().all()
    assert credited["path_position"].isna().all()
    assert set(credited["path_length"]) == {0}
    assert set(tables["dim_customers"]["acquisition_channel"]) == {"(none)"}
    assert set(tables["rpt_conversion"]["channel"]) == {"all", "(none)"}
    assert len(tables["rpt_channel_transitions"]) == 0
    assert len(tables["rpt_channel_effects"]) == 0
    attributed = tables["rpt_attribution"].query(
        "conversion_type == 'all' and period_grain == 'year' and channel == '(none)'"
    )
    assert attributed["conversions"].tolist() == [2.0] * len(MODELS)
    assert attributed["gross_revenue"].tolist() == [140.0] * len(MODELS)


def assert_spend_is_unknown(tables: dict[str, pd.DataFrame]) -> None:
    """Assert that no table says zero of spend that nobody recorded."""
    acquisition = tables["rpt_acquisition"]
    assert set(acquisition["cac_null_reason"]) == {"no_spend_input"}
    for column in ("spend", "cac", "blended_cac", "paid_cac", "roas"):
        assert acquisition[column].isna().all(), column
    for column in ("spend", "roas"):
        assert tables["rpt_attribution"][column].isna().all(), column
    payback = tables["rpt_cac_payback"]
    assert len(payback)
    assert set(payback["cac_null_reason"]) == {"no_spend_input"}
    assert set(payback["payback_status"]) == {"no_cac"}
    for column in ("spend", "cac", "ltv_cac_ratio", "payback_month"):
        assert payback[column].isna().all(), column


def assert_margins_are_known(tables: dict[str, pd.DataFrame]) -> None:
    """Assert what is left of 100 and 40 after their costs; February is not over."""
    payback = tables["rpt_cac_payback"].query("channel == 'all'")
    cells = payback.set_index("period_number")["cumulative_margin"]
    assert cells[0] == pytest.approx(40)
    assert pd.isna(cells[1])


def test_without_touchpoints_everything_is_credited_to_none() -> None:
    """Spend meets no customer: it is kept, and a customer of the total costs it."""
    tables = acquisition_tables(("touchpoints",))
    assert_all_is_credited_to_none(tables)
    for model in MODELS:
        found = months(tables["rpt_acquisition"], model)
        spent = found["2024-01", "display", "all"]
        assert (spent["spend"], spent["new_customers"]) == (20, 0)
        assert (spent["cac"], spent["cac_null_reason"]) == (None, "no_customers")
        won = found["2024-01", "(none)", "all"]
        assert (won["spend"], won["new_customers"], won["is_paid"]) == (0, 1, False)
        assert (won["cac"], won["cac_null_reason"]) == (None, "no_spend")
        total = found["2024-01", "all", "all"]
        assert (total["cac"], total["blended_cac"]) == (20, 20)
        assert (total["paid_cac"], total["is_paid"]) == (None, None)
    payback = tables["rpt_cac_payback"].query("period_number == 0")
    status = payback.set_index("channel")["payback_status"].to_dict()
    assert status == {"all": "paid_back", "(none)": "no_cac", "display": "no_cac"}
    assert_margins_are_known(tables)


def test_without_spend_nobody_knows_what_a_customer_costs() -> None:
    """The touch is credited all the same."""
    tables = acquisition_tables(("marketing_spend",))
    assert_spend_is_unknown(tables)
    assert_margins_are_known(tables)
    for model in MODELS:
        found = months(tables["rpt_acquisition"], model)
        assert found["2024-01", "display", "launch"]["new_customers"] == 1
        assert found["2024-01", "all", "all"]["new_customer_revenue"] == 100
        # The second purchase is no new customer's.
        assert found["2024-02", "all", "all"]["new_customers"] == 0
        assert ("2024-02", "(none)", "all") not in found


def test_without_touchpoints_and_spend_everything_builds() -> None:
    """Purchases alone: two conversions, of no channel and of unknown cost."""
    tables = acquisition_tables(("touchpoints", "marketing_spend"))
    assert_all_is_credited_to_none(tables)
    assert_spend_is_unknown(tables)
    assert_margins_are_known(tables)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            "{attribution_half_life_days: 0}",
            "attribution_half_life_days is '0': it must be a number of days above 0.",
        ),
        (
            "{attribution_last_touch_weight: half}",
            "attribution_last_touch_weight is 'half': it must be a number from 0 to 1.",
        ),
        (
            "{attribution_first_touch_weight: 0.7}",
            "attribution_first_touch_weight and attribution_last_touch_weight add up "
            "to 1.1: lower them to 1 together at most, and leave one above 0.",
        ),
        (
            "{attribution_first_touch_weight: 0, attribution_last_touch_weight: 0}",
            "add up to 0: lower them to 1 together at most, and leave one above 0.",
        ),
        (
            "{gross_margin_rate: 40}",
            "gross_margin_rate is '40': it must be a number from 0 to 1, or null.",
        ),
        (
            "{marketing_spend_repeats: merge}",
            "marketing_spend_repeats is 'merge': it must be one of sum, reject.",
        ),
        (
            "{marketing_spend_input: journey_channels}",
            "which has no column spend_date, amount: add it to that model.",
        ),
    ],
)
def test_run_stops_with_one_sentence(
    variables: str, sentence: str, tmp_path: Path
) -> None:
    """The sentence names the variable and the remedy."""
    options = ("--vars", variables, "--select", "+stg_marketing_spend")
    is_sample = "marketing_spend_input" not in variables
    outcome = run_pipeline(tmp_path, *options, is_sample=is_sample)
    assert outcome.exit_code == 2, outcome.text
    assert sentence in outcome.text
