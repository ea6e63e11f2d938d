"""The generated company is as described: same bytes, planted truths, every trap."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from generate_sample_data import SAMPLE_FOLDER, Format, Request, generate

SCRIPT = Path(__file__).parents[2] / "scripts" / "generate_sample_data.py"
INPUTS = (
    "transactions",
    "touchpoints",
    "marketing_spend",
    "survey_responses",
    "customers",
    "identities",
    "exchange_rates",
)
TIMEZONE = "America/New_York"
SILENT_MONTHS = 6  # who is silent so long and is observed so long has left


@pytest.fixture(scope="module")
def truths() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SAMPLE_FOLDER / "truths.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def raw() -> dict[str, pd.DataFrame]:
    return {
        name: pd.read_csv(
            SAMPLE_FOLDER / f"sample_{name}.csv",
            dtype=str,
            keep_default_na=False,
            na_values=[""],
        )
        for name in INPUTS
    }


def local_time(text: pd.Series) -> pd.Series:
    """Return naive local times, NaT where the text is none."""
    parsed = pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601")
    local: pd.Series = parsed.dt.tz_convert(TIMEZONE).dt.tz_localize(None)
    return local


def month_index(times: pd.Series) -> pd.Series:
    """Return calendar months since January 2023."""
    months: pd.Series = (times.dt.year - 2023) * 12 + times.dt.month - 1
    return months


@pytest.fixture(scope="module")
def orders(raw: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Good purchases of customers, with local time and month."""
    rows = raw["transactions"].dropna(subset=["transaction_id"])
    rows = rows.sort_values("loaded_at").drop_duplicates("transaction_id", keep="last")
    rows = rows.assign(
        time=local_time(rows["occurred_at"]),
        value=pd.to_numeric(rows["amount"], errors="coerce"),
    )
    good = (
        rows["time"].between("2023-01-01", "2025-01-01")
        & (rows["value"] >= 0)
        & (rows["transaction_type"] == "purchase")
        & rows["currency"].isin(["USD", "EUR"])
        & rows["customer_id"].notna()
    )
    return rows[good].assign(month=lambda frame: month_index(frame["time"]))


@pytest.fixture(scope="module")
def buyers(orders: pd.DataFrame) -> pd.DataFrame:
    """One row per customer: first purchase, its month, months from it to the last."""
    grouped = orders.groupby("customer_id")
    table = grouped.agg(
        first_purchase=("time", "min"), first=("month", "min"), last=("month", "max")
    )
    return table.assign(last_number=table["last"] - table["first"] + 1)


@pytest.fixture(scope="module")
def touches(raw: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Good touches of a channel with the person who made them, in time order."""
    owner = (
        raw["identities"]
        .dropna()
        .drop_duplicates()
        .set_index("visitor_id")["customer_id"]
    )
    rows = raw["touchpoints"].dropna(subset=["touchpoint_id", "channel"])
    rows = rows.drop_duplicates("touchpoint_id")
    person = (
        rows["customer_id"]
        .fillna(rows["visitor_id"].map(owner))
        .fillna(rows["visitor_id"])
    )
    rows = rows.assign(person=person, time=local_time(rows["occurred_at"]))
    return rows.sort_values(["time", "touchpoint_id"])


def assert_rate(count: float, total: float, rate: float, what: str) -> None:
    """Assert that a share lies within four standard errors of the planted rate."""
    error = 4 * (rate * (1 - rate) / total) ** 0.5
    assert abs(count / total - rate) <= error, f"{what}: {count}/{total}, not {rate}"


def test_committed_seeds_are_a_fresh_generation(tmp_path: Path) -> None:
    generate(Request(), Format.CSV, tmp_path)
    fresh = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(fresh) == sorted(
        [f"sample_{name}.csv" for name in INPUTS] + ["truths.json"]
    )
    for name, content in fresh.items():
        assert content == (SAMPLE_FOLDER / name).read_bytes(), name
    assert sum(map(len, fresh.values())) < 3_000_000


def test_another_seed_is_another_company(tmp_path: Path) -> None:
    generate(Request(customers=50, months=6), Format.CSV, tmp_path / "a")
    generate(Request(customers=50, months=6), Format.CSV, tmp_path / "b")
    generate(Request(customers=50, months=6, seed=8), Format.CSV, tmp_path / "c")
    first, again, other = (
        (tmp_path / folder / "sample_transactions.csv").read_text() for folder in "abc"
    )
    assert first == again
    assert first != other


def test_a_company_too_young_for_a_full_window(tmp_path: Path) -> None:
    report = generate(Request(customers=1, months=1), Format.CSV, tmp_path)
    assert report["expected"]["funnel_in_60_days"] is None
    assert report["realised"]["referrals"][0]["links"] == 0


def test_hazard_by_month_number(buyers: pd.DataFrame, truths: dict[str, Any]) -> None:
    hazards = truths["expected"]["hazard_by_month_number"]
    for number, hazard in enumerate(hazards, start=1):
        observed = buyers[buyers["first"] + number - 1 + SILENT_MONTHS <= 23]
        at_risk = observed[observed["last_number"] >= number]
        leaving = (at_risk["last_number"] == number).sum()
        assert_rate(leaving, len(at_risk), hazard, f"month number {number}")


def test_first_complaint_costs_the_second_purchase(
    buyers: pd.DataFrame, raw: dict[str, pd.DataFrame], truths: dict[str, Any]
) -> None:
    rows = raw["touchpoints"]
    complained = buyers.index.isin(
        rows.loc[rows["touchpoint_type"] == "complaint", "customer_id"]
    )
    observed = buyers["first"] + SILENT_MONTHS <= 23
    planted = truths["planted"]
    for group, hazard in (
        (complained, planted["first_hazard_after_complaint"]),
        (~complained, planted["hazard_by_month_number"][0]),
    ):
        members = buyers[group & observed]
        left = (members["last_number"] == 1).sum()
        assert_rate(left, len(members), hazard, "leaving after the first month")


def test_conversion_and_season_of_prospects(
    buyers: pd.DataFrame, touches: pd.DataFrame, truths: dict[str, Any]
) -> None:
    first = touches.drop_duplicates("person").set_index("person")
    first = first.assign(bought=first.index.isin(buyers.index))
    # Journeys of the last month may not have ended; customers who walked in and were
    # only later touched were no prospects.
    bought_at = buyers["first_purchase"].reindex(first.index)
    prospects = first[~(bought_at < first["time"])]
    settled = prospects[prospects["time"] < "2024-11-30"]
    planted = {row["channel"]: row for row in truths["planted"]["channels"]}
    for channel, group in settled.groupby("channel"):
        rate = planted[channel]["conversion_rate"]
        assert_rate(group["bought"].sum(), len(group), rate, str(channel))
    seasons = truths["planted"]["season_factors"]
    for month, group in prospects.groupby(prospects["time"].dt.month):
        share = seasons[month - 1] / sum(seasons)
        assert_rate(len(group), len(prospects), share, f"month {month}")


def test_last_channel_but_direct_is_the_planted_one(
    buyers: pd.DataFrame, touches: pd.DataFrame, truths: dict[str, Any]
) -> None:
    before = touches[touches["time"] < touches["person"].map(buyers["first_purchase"])]
    ranked = before.assign(other=before["channel"] != "direct")
    last = ranked.sort_values(["other", "time"]).drop_duplicates("person", keep="last")
    credited = last["channel"].value_counts().to_dict()
    credited[None] = len(buyers) - len(last)
    realised = truths["realised"]["acquisition_channels"]
    assert credited == {row["channel"]: row["buyers"] for row in realised}
    for channel, share in truths["expected"]["acquisition_mix"].items():
        count = credited.get(None if channel == "(none)" else channel, 0)
        assert_rate(count, len(buyers), share, channel)


def test_cost_per_customer(
    raw: dict[str, pd.DataFrame], truths: dict[str, Any]
) -> None:
    rates = raw["exchange_rates"].query("currency == 'EUR'").drop_duplicates()
    spend = raw["marketing_spend"].drop_duplicates()
    spend = spend.assign(amount=pd.to_numeric(spend["amount"], errors="coerce"))
    spend = spend[(spend["amount"] >= 0) & (spend["currency"] != "GBP")]
    spend = spend[spend["spend_date"].isin(rates["rate_date"])]
    rate = spend["spend_date"].map(rates.set_index("rate_date")["rate"].astype(float))
    rate = rate.where(spend["currency"] == "EUR", 1.0)
    cost = (spend["amount"] * rate).groupby(spend["channel"]).sum()
    won = {
        row["channel"]: row["buyers"]
        for row in truths["realised"]["acquisition_channels"]
    }
    for row in truths["planted"]["channels"]:
        if row["cost_per_customer"] and row["channel"] != "paid_social":
            found = cost[row["channel"]] / won[row["channel"]]
            assert found == pytest.approx(row["cost_per_customer"], rel=0.02)
    assert cost["affiliate"] == pytest.approx(731 * 25, rel=0.01)
    assert "affiliate" not in won
    paused = spend["spend_date"].str.startswith("2023-06")
    assert "paid_social" not in set(spend.loc[paused, "channel"])
    assert {"organic_search", "email", "store"} <= set(won) - set(cost.index)


def test_nps_groups(raw: dict[str, pd.DataFrame], truths: dict[str, Any]) -> None:
    rows = raw["survey_responses"].dropna(subset=["response_id"])
    rows = rows[~rows["response_id"].str.startswith("b")]
    rows = rows.drop_duplicates("response_id")
    has_none = rows["score"] == "N/A"
    planted = truths["planted"]
    assert_rate(has_none.sum(), len(rows), planted["not_applicable_share"], "N/A")
    realised = {row["question_id"]: row for row in truths["realised"]["questions"]}
    scores = rows["score"].mask(has_none).astype("Int64")
    for question in planted["questions"]:
        name = question["question_id"]
        given = scores[rows["question_id"] == name]
        answers = given.dropna()
        assert len(given) == realised[name]["answers"]
        assert len(given) - len(answers) == realised[name]["not_applicable"]
        assert answers.between(question["scale_min"], question["scale_max"]).all()
        if question["promoter_rate"] is not None:
            for count, key in (
                ((answers >= 9).sum(), "promoter_rate"),
                (answers.isin([7, 8]).sum(), "passive_rate"),
            ):
                assert_rate(count, len(answers), question[key], key)
        else:
            truth = truths["expected"]["questions"][name]["mean"]
            error = 4 * float(answers.std()) / len(answers) ** 0.5
            assert float(answers.mean()) == pytest.approx(truth, abs=error)


def test_a_buyer_sent_the_link_before_the_friend_came(
    raw: dict[str, pd.DataFrame],
    buyers: pd.DataFrame,
    touches: pd.DataFrame,
    truths: dict[str, Any],
) -> None:
    rows = raw["touchpoints"]
    sent = rows[rows["touchpoint_id"].str.startswith("i", na=False)]
    sent = sent.drop_duplicates("touchpoint_id").set_index("visitor_id")
    assert set(sent["touchpoint_type"]) == {"referral"}
    assert sent.index.is_unique
    time = local_time(sent["occurred_at"])
    assert (sent["customer_id"].map(buyers["first_purchase"]) < time).all()
    first = touches.drop_duplicates("person").set_index("person")
    owner = (
        raw["identities"]
        .dropna()
        .drop_duplicates()
        .set_index("visitor_id")["customer_id"]
    )
    friends = pd.Series(sent.index, index=sent.index)
    known = friends.isin(owner.index)
    friends = friends.map(owner).fillna(friends)
    wait = friends.map(first["time"]) - time
    assert wait.between(pd.Timedelta(minutes=10), pd.Timedelta(days=1, hours=2)).all()
    assert set(friends.map(first["touchpoint_type"])) == {"shared_link_view"}
    assert set(friends.map(first["channel"])) == {"referral"}
    (realised,) = truths["realised"]["referrals"]
    bought = friends.isin(buyers.index)
    assert len(sent) == realised["links"]
    assert known.sum() == realised["known_friends"] < len(sent)
    assert bought.sum() == realised["referred_buyers"] < known.sum()
    assert sent.loc[bought, "customer_id"].nunique() == realised["referrers"]
    introduced = first.index[first["channel"] == "referral"]
    assert introduced.isin(buyers.index).sum() == realised["buyers"]
    share = truths["planted"]["sent_link_share"]
    assert_rate(bought.sum(), realised["buyers"], share, "links sent to buyers")
    # Referrals that lead to nobody else: the sender's own device, or none.
    others = rows[
        (rows["touchpoint_type"] == "referral")
        & rows["touchpoint_id"].str.startswith("f", na=False)
    ]
    own = others["visitor_id"].str[1:] == others["customer_id"].str[1:]
    assert own.any()
    assert (own | others["visitor_id"].isna()).all()


def test_complaints_cost_the_return_within_90_days(
    buyers: pd.DataFrame,
    orders: pd.DataFrame,
    raw: dict[str, pd.DataFrame],
    truths: dict[str, Any],
) -> None:
    rows = raw["touchpoints"]
    complained = buyers.index.isin(
        rows.loc[rows["touchpoint_type"] == "complaint", "customer_id"]
    )
    first = buyers["first_purchase"].dt.normalize()
    days = orders["time"].dt.normalize() - orders["customer_id"].map(first)
    soon = orders.loc[(days.dt.days > 0) & (days.dt.days <= 90), "customer_id"]
    over = first + pd.Timedelta(days=90) <= "2024-12-31"
    for row in truths["realised"]["complaints"]:
        group = buyers.index[over & (complained == row["complains"])]
        assert len(group) == row["buyers_over_90_days"]
        assert group.isin(soon).sum() == row["back_within_90_days"]


def test_shares_of_transactions(
    raw: dict[str, pd.DataFrame], orders: pd.DataFrame, truths: dict[str, Any]
) -> None:
    planted, realised = truths["planted"], truths["realised"]["transactions"][0]
    rows = raw["transactions"].drop_duplicates("transaction_id")
    refunds = rows[rows["transaction_id"].str.startswith("r", na=False)]
    negative = refunds["amount"].str.startswith("-").sum()
    unlinked = refunds["original_transaction_id"].isna().sum()
    assert len(refunds) == realised["refunds"]
    assert_rate(negative, len(refunds), planted["negative_refund_share"], "negative")
    assert_rate(unlinked, len(refunds), planted["unlinked_refund_share"], "unlinked")
    assert_rate(len(refunds), realised["purchases"], planted["refund_share"], "refunds")
    utc = pd.to_datetime(orders["occurred_at"], utc=True).dt.tz_localize(None)
    evening = (utc.dt.date != orders["time"].dt.date).mean()
    assert 0.25 < evening < planted["evening_share"]
    late = (
        pd.to_datetime(orders["loaded_at"], utc=True).dt.tz_localize(None) - utc
    ) > (pd.Timedelta(days=2, hours=12))
    assert_rate(late.sum(), len(orders), planted["late_share"], "late")


def test_guests_and_customers_missing_from_the_register(
    raw: dict[str, pd.DataFrame], buyers: pd.DataFrame, truths: dict[str, Any]
) -> None:
    rows = raw["transactions"].drop_duplicates("transaction_id")
    guests = rows["customer_id"].isna() & rows["currency"].isin(["USD", "EUR"])
    realised = truths["realised"]["transactions"][0]
    assert guests.sum() == realised["guest_rows"] > 300
    unregistered = ~buyers.index.isin(raw["customers"]["customer_id"])
    assert 5 <= unregistered.sum() <= 30
    assert raw["customers"]["country"].isna().sum() > 10


Predicate = Callable[[pd.DataFrame], "pd.Series[bool]"]


def unparseable(column: str) -> Predicate:
    """Return the test for a value that is there and is no number or no time."""

    def is_unparseable(rows: pd.DataFrame) -> "pd.Series[bool]":
        if column.endswith(("_at", "_date")):
            parsed = local_time(rows[column])
        else:
            parsed = pd.to_numeric(rows[column], errors="coerce")
        is_answer = rows[column].notna() & (rows[column] != "N/A")
        return is_answer & parsed.isna()

    return is_unparseable


def unknown(column: str, seed: str) -> Predicate:
    """Return the test for a value that the configuration seed does not list."""
    listed = pd.read_csv(SAMPLE_FOLDER.parent / "config" / f"{seed}.csv")[column]
    return lambda rows: rows[column].notna() & ~rows[column].isin(listed)


SPECIAL: dict[str, Predicate] = {
    "date_out_of_range": lambda rows: local_time(rows["occurred_at"]) < "1990-01-01",
    "future_date": lambda rows: local_time(rows["occurred_at"]) > "2030-01-01",
    "unknown_transaction_type": lambda rows: (
        rows["transaction_type"].notna()
        & ~rows["transaction_type"].isin(["purchase", "refund"])
    ),
    "missing_exchange_rate": lambda rows: rows["currency"] == "GBP",
    "unknown_touchpoint_type": unknown("touchpoint_type", "journey_touchpoint_types"),
    "unknown_question": unknown("question_id", "journey_survey_questions"),
    "score_out_of_range": lambda rows: rows["score"].isin(["11", "-1"]),
    "negative_amount": lambda rows: rows["amount"].str.startswith("-", na=False),
    "non_positive_rate": lambda rows: rows["rate"] == "0",
}


@pytest.mark.parametrize("name", INPUTS)
def test_every_trap_is_there(
    name: str, raw: dict[str, pd.DataFrame], truths: dict[str, Any]
) -> None:
    rows, counts = raw[name], truths["inputs"][name]
    found = {}
    for reason in counts["rejected"]:
        kind, _, column = reason.partition("_")
        if reason in SPECIAL:
            mask = SPECIAL[reason](rows)
        elif kind == "missing":
            mask = rows[column].isna()
        else:
            mask = unparseable(column)(rows)
        found[reason] = int(mask.sum())
    assert found == counts["rejected"]
    assert rows.duplicated().sum() == counts["merged"]["exact_duplicate"]
    assert rows.duplicated().any() == (name != "marketing_spend")
    distinct = rows.drop_duplicates()
    if name == "transactions":
        again = distinct["transaction_id"].dropna().duplicated().sum()
        assert again == counts["merged"]["superseded_by_later_row"] > 0
    bad = sum(counts["rejected"].values())
    assert 0 < bad < 0.02 * len(rows)
    assert counts["rows"] == len(rows)
    assert len(rows) == bad + counts["accepted"] + sum(counts["merged"].values())


def test_large_output_is_typed_and_of_the_size_asked_for(tmp_path: Path) -> None:
    request = Request(transactions=20_000, touchpoints=60_000)
    report = generate(request, Format.PARQUET, tmp_path)
    columns = {
        name: str(kind)
        for name, kind, *_ in duckdb.execute(
            f"describe from '{tmp_path}/transactions.parquet'"
        ).fetchall()
    }
    assert columns["occurred_at"] == columns["loaded_at"] == "TIMESTAMP"
    assert columns["amount"] == columns["cost"] == "DECIMAL(18,2)"
    counts = report["inputs"]
    assert counts["transactions"]["rows"] == pytest.approx(20_000, rel=0.03)
    assert counts["touchpoints"]["rows"] == pytest.approx(60_000, rel=0.03)
    kinds = duckdb.execute(
        f"""
        select
            count(*) > count(distinct transaction_id),
            count(*) > count(customer_id),
            bool_or(currency = 'GBP'),
            bool_or(amount < 0)
        from '{tmp_path}/transactions.parquet'
        """
    ).fetchone()
    assert kinds == (True, True, True, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--customers", "0"], "--customers must be at least 1, not 0."),
        (["--months", "0"], "--months must be at least 1, not 0."),
        (["--months", "100"], "--months must be at most 99, not 100."),
        (["--transactions", "-5"], "--transactions must be at least 1, not -5."),
        (["--format", "xml"], "'xml' is not one of"),
        (["--output", str(SCRIPT)], "File exists"),
    ],
)
def test_bad_arguments(arguments: list[str], message: str, tmp_path: Path) -> None:
    output = [] if "--output" in arguments else ["--output", str(tmp_path)]
    result = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments, *output],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []
