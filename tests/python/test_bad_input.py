"""Bad input: a row is rejected with its reason, a run stops with one sentence."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from harness import compile_project, run_pipeline

GOOD = {
    "transaction_id": "T1",
    "customer_id": "C1",
    "occurred_at": "2024-01-10T12:00:00Z",
    "amount": "10.00",
    "loaded_at": "2024-01-10T13:00:00Z",
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"transaction_id": None}, "missing_transaction_id"),
        ({"transaction_id": "  "}, "missing_transaction_id"),
        ({"occurred_at": None}, "missing_occurred_at"),
        ({"occurred_at": "10.01.2024"}, "unparseable_occurred_at"),
        ({"occurred_at": "2024-02-30T12:00:00Z"}, "unparseable_occurred_at"),
        ({"occurred_at": "1970-01-01T12:00:00Z"}, "date_out_of_range"),
        ({"occurred_at": "9999-12-31"}, "date_out_of_range"),
        ({"occurred_at": "2024-01-12T12:00:00Z"}, "future_date"),
        ({"amount": None}, "missing_amount"),
        ({"amount": "12,50"}, "unparseable_amount"),
        ({"amount": "NaN"}, "unparseable_amount"),
        ({"transaction_type": "exchange"}, "unknown_transaction_type"),
        ({"currency": "XXX"}, "missing_exchange_rate"),
    ],
)
def test_bad_row_is_rejected_with_its_reason(
    changes: dict[str, str | None], reason: str
) -> None:
    """The bad row is kept with reason and content; the good one counts."""
    good = GOOD | {"transaction_id": "T0"}
    tables = compile_project({"max_rejected_share": 1}).run(
        {"transactions": pd.DataFrame([good, GOOD | changes])},
        ["fct_rejected_rows", "rpt_growth"],
    )
    rejected = tables["fct_rejected_rows"]
    assert rejected["reject_reason"].tolist() == [reason]
    for name, value in changes.items():
        assert f"{name}={value or ''}" in rejected["raw_values"].iloc[0]
    growth = tables["rpt_growth"].query(
        "segment_column == 'all' and period_grain == 'year'"
    )
    assert growth["net_revenue"].tolist() == [10]
    assert growth["orders"].tolist() == [1]


def test_one_id_with_two_amounts_keeps_the_row_loaded_last() -> None:
    """Of two versions of a transaction the later one counts, the other is merged."""
    corrected = GOOD | {"amount": "12.00", "loaded_at": "2024-01-11T09:00:00Z"}
    tables = compile_project({"max_rejected_share": 1}).run(
        {"transactions": pd.DataFrame([corrected, GOOD])},
        ["rpt_input_quality", "rpt_growth"],
    )
    quality = tables["rpt_input_quality"].query("input_name == 'transactions'")
    assert dict(zip(quality["row_status"], quality["status_reason"], strict=True)) == {
        "accepted": None,
        "merged": "superseded_by_later_row",
    }
    growth = tables["rpt_growth"].query(
        "segment_column == 'all' and period_grain == 'year'"
    )
    assert growth["net_revenue"].tolist() == [12]


@pytest.mark.parametrize(
    ("variables", "exit_code", "sentence"),
    [
        (
            "{transactions_input: null}",
            2,
            "transactions_input is null: transactions are the one required input;",
        ),
        (
            "{transactions_input: journey_channels}",
            2,
            "which has no column transaction_id, customer_id, occurred_at, amount: "
            "add it to that model.",
        ),
        (
            "{transactions_input: no_such_model}",
            2,
            "transactions_input names no_such_model, but there is no model or seed of "
            "that name: build one, or name another.",
        ),
        (
            "{reporting_timezone: Mars/Base}",
            2,
            "reporting_timezone is 'Mars/Base': no such time zone;",
        ),
        (
            "{segment_columns: [acquisition_channel, shoe_size]}",
            2,
            "which has no column shoe_size: add it to that model or take it out of "
            "segment_columns.",
        ),
        (
            "{as_of_date: '2024-02-30'}",
            2,
            "as_of_date is '2024-02-30': write a day that exists as YYYY-MM-DD.",
        ),
        (
            "{segment_columns: region}",
            2,
            "segment_columns is 'region': write a list of columns, [] for none.",
        ),
        (
            "{as_of_date: '2001-01-01'}",
            1,
            "as_of_date is 2001-01-01, before the first transaction on 2023-01-02:",
        ),
        (
            "{max_rejected_share: 0.002}",
            1,
            "exchange_rates_input: 3 of 736 rows are rejected, more than "
            "max_rejected_share = 0.002 allows:",
        ),
    ],
)
def test_run_stops_with_one_sentence(
    variables: str, exit_code: int, sentence: str, tmp_path: Path
) -> None:
    """No mart is built, the sentence names the input and the remedy."""
    options = ("--vars", variables, "--select", "+int_run_parameters")
    is_sample = "transactions_input" not in variables
    outcome = run_pipeline(tmp_path, *options, is_sample=is_sample)
    assert outcome.exit_code == exit_code, outcome.text
    assert sentence in outcome.text
