"""rpt_stage_funnel, counted again from the raw files in a few lines of pandas.

Two companies: a grocer of which 1.5 million lines of till receipts are known, and the
generated sample. What is a stage of each is written here once more, by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from compare import assert_tables_equal
from harness import COLUMNS, PROJECT, compile_project
from run_example import fetch
from test_examples import built

ZONE = "America/New_York"
SAMPLE = PROJECT / "seeds" / "sample"
WINDOWS = [30, 60, 90, 180, 365, None]
KEY = ["period_grain", "period_start", "window_days", "stage_order"]
SMALL = 30
# Of the sample: types of touch that bring to awareness, to consideration and, told
# well of and after a purchase, to advocacy.
AWARE = ["ad_impression", "ad_click", "social_post_view", "search_listing_view"]
AWARE += ["shared_link_view", "direct_mail"]
CONSIDERING = ["site_visit", "product_view", "store_visit", "email_open", "email_click"]
CONSIDERING += ["coupon_redemption", "presales_chat", "presales_call"]
PRAISING = ["referral", "positive_review", "negative_review"]
# The only one of them that is not praise unless it says so.
BY_DEFAULT_NEGATIVE = "negative_review"


def in_new_york(moments: pd.Series) -> pd.Series:
    """Clock times in the business's zone of moments in UTC."""
    return pd.to_datetime(moments, utc=True).dt.tz_convert(ZONE).dt.tz_localize(None)


def days_to_stages(
    events: pd.DataFrame, first_purchases: pd.Series, last_stage: int
) -> pd.DataFrame:
    """Per person, the day first seen and the days until each stage or a later one.

    `events` has person, moment, stage (the one that the event brings to, or null) and
    after_purchase (whether it does so only for somebody who has bought).
    """
    bought = events["moment"] >= events["person"].map(first_purchases)
    events = events.assign(
        day=events["moment"].dt.normalize(),
        stage=events["stage"].where(bought | ~events["after_purchase"]),
    )
    people = pd.DataFrame({"seen": events.groupby("person")["day"].min()})
    people[1] = 0.0
    for stage in range(2, last_stage + 1):
        reached = events[events["stage"] >= stage].groupby("person")["day"].min()
        people[stage] = (reached - people["seen"]).dt.days
    return people


def funnel(people: pd.DataFrame, stages: list[str], as_of: Any) -> pd.DataFrame:
    """rpt_stage_funnel of everybody, by month of the first event and over all."""
    months = people.groupby(people["seen"].dt.to_period("M"))
    return pd.DataFrame(
        row
        for month, part in [(None, people), *months]
        for window in WINDOWS
        for row in cells(part, stages, as_of, window, month)
    )


def cells(
    people: pd.DataFrame, stages: list[str], as_of: Any, window: int | None, month: Any
) -> Iterator[dict[str, Any]]:
    """One row per stage for the people of one month, or all of them, and one window."""
    days = pd.Timedelta(days=window or 0)
    eligible = people[people["seen"] + days <= as_of]
    end = people["seen"].max() if month is None else month.end_time.normalize()
    before = None
    for order, stage in enumerate(stages, start=1):
        took = eligible[order].dropna()
        reached = (took if window is None else took[took <= window]).size
        known = len(eligible) > 0
        yield {
            "period_grain": "all" if month is None else "month",
            "period_start": None if month is None else month.start_time,
            "window_days": window,
            "stage": stage,
            "stage_order": order,
            "people": len(people),
            "eligible_people": len(eligible),
            "reached_people": reached if known else None,
            **share("conversion_rate", reached, len(eligible)),
            "previous_reached_people": before if known else None,
            **share("step_conversion_rate", reached, before or 0),
            "median_days_to_reach": took.median() if window is None else None,
            "is_small_sample": len(eligible) < SMALL,
            "is_small_step_sample": None
            if not known or before is None
            else before < SMALL,
            "is_complete": end + days <= as_of,
        }
        before = reached


def share(name: str, part: int, whole: int) -> dict[str, float | None]:
    """Return a share and its interval, or nulls of nobody."""
    if not whole:
        return {name: None, f"{name}_lower": None, f"{name}_upper": None}
    lower, upper = proportion_confint(part, whole, method="wilson")
    return {name: part / whole, f"{name}_lower": lower, f"{name}_upper": upper}


def assert_equal(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Compare the rows of everybody, by month and over all, cell by cell."""
    found = found[found["segment_column"] == "all"]
    found = found[found["period_grain"].isin(["all", "month"])]
    found = found.drop(columns=["segment_column", "segment_value"])
    assert_tables_equal(found, expected, KEY, "rpt_stage_funnel")


def read_funnel(database: Path) -> pd.DataFrame:
    with duckdb.connect(str(database), read_only=True) as connection:
        found: pd.DataFrame = connection.table("main_marts.rpt_stage_funnel").df()
        return found


def test_funnel_of_the_complete_journey() -> None:
    """486 households that came in 2017; January's panel was there before."""
    database, folder = built("complete_journey"), fetch("complete_journey")
    receipts = pd.read_parquet(
        folder / "transactions.parquet",
        columns=["household_id", "basket_id", "transaction_timestamp"],
    ).drop_duplicates()
    purchases = pd.DataFrame(
        {
            "person": receipts["household_id"],
            "moment": in_new_york(receipts["transaction_timestamp"]),
            "after_purchase": False,
        }
    )
    firsts = purchases.groupby("person")["moment"].min()
    first_days = purchases["person"].map(firsts).dt.normalize()
    later = purchases["moment"].dt.normalize() > first_days
    purchases["stage"] = later.map({False: 2, True: 3})
    sent = pd.read_parquet(folder / "campaigns.parquet").merge(
        pd.read_parquet(folder / "campaign_descriptions.parquet"), on="campaign_id"
    )
    redeemed = pd.read_parquet(folder / "coupon_redemptions.parquet")
    touches = [
        pd.DataFrame(
            {
                "person": rows["household_id"],
                "moment": pd.to_datetime(rows[day]),
                "after_purchase": True,
                "stage": stage,
            }
        )
        for rows, day, stage in [
            (sent, "start_date", 4),
            (redeemed, "redemption_date", 5),
        ]
    ]
    people = days_to_stages(pd.concat([purchases, *touches]), firsts, 5)
    people = people[firsts.reindex(people.index) >= "2017-02-01"]
    assert len(people) == 486
    stages = ["approached", "shopper", "regular", "mailed", "redeemer"]
    expected = funnel(people, stages, pd.Timestamp("2017-12-31"))
    assert_equal(read_funnel(database), expected)


def good_rows(name: str, inputs: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows of a sample input that count: bad ones have no key or one with a b."""
    rows = inputs[name]
    key = rows.columns[0]
    rows = rows[rows[key].notna() & ~rows[key].str.match(r"b\d+$", na=True)]
    if "currency" in rows:
        # Nobody gives a rate of it.
        rows = rows[rows["currency"] != "GBP"]
    return rows.sort_values("loaded_at").drop_duplicates(key, keep="last")


def sample_events(inputs: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.Series]:
    """Events of everybody who has a name or a device, and their first purchases."""
    money = good_rows("transactions", inputs)
    money["moment"] = in_new_york(money["occurred_at"])
    refund = (money["transaction_type"] == "refund") | (
        money["amount"].astype(float) < 0
    )
    # A refund without a name is of whom the purchase was.
    owners = money.set_index("transaction_id")["customer_id"]
    owner = money["original_transaction_id"].map(owners)
    money["person"] = money["customer_id"].fillna(owner)
    firsts = money[~refund].groupby("person")["moment"].min()
    later = money["moment"].dt.normalize() > money["person"].map(firsts).dt.normalize()
    money["stage"] = later.map({False: 3.0, True: 4.0}).mask(refund)
    money["after_purchase"] = False

    touches = good_rows("touchpoints", inputs)
    touches["moment"] = in_new_york(touches["occurred_at"])
    devices = inputs["identities"].dropna().drop_duplicates("visitor_id")
    owner = touches["visitor_id"].map(devices.set_index("visitor_id")["customer_id"])
    visitor = "visitor:" + touches["visitor_id"]
    touches["person"] = touches["customer_id"].fillna(owner).fillna(visitor)
    kind = touches["touchpoint_type"]
    by_default = (kind == BY_DEFAULT_NEGATIVE).map(
        {True: "negative", False: "positive"}
    )
    praise = kind.isin(PRAISING) & (touches["outcome"].fillna(by_default) == "positive")
    touches["stage"] = pd.NA
    touches.loc[kind.isin(AWARE), "stage"] = 1
    touches.loc[kind.isin(CONSIDERING), "stage"] = 2
    touches.loc[praise, "stage"] = 5
    touches["after_purchase"] = praise

    answers = good_rows("survey_responses", inputs)
    answers["moment"] = in_new_york(answers["responded_at"])
    answers["person"] = answers["customer_id"]
    score = pd.to_numeric(answers["score"], errors="coerce")
    promotes = answers["question_id"].str.startswith("nps") & (score >= 9)
    answers["stage"] = promotes.map({True: 5.0, False: float("nan")})
    answers["after_purchase"] = True

    columns = ["person", "moment", "stage", "after_purchase"]
    events = pd.concat([part[columns] for part in (money, touches, answers)])
    events["stage"] = pd.to_numeric(events["stage"])
    return events, firsts


def test_funnel_of_the_sample() -> None:
    """The sample company, with its duplicates, late rows, guests and devices."""
    inputs = {
        name: pd.read_csv(SAMPLE / f"sample_{name}.csv", dtype=str) for name in COLUMNS
    }
    events, firsts = sample_events(inputs)
    spend = inputs["marketing_spend"]["spend_date"]
    last_spend = pd.to_datetime(spend, errors="coerce").max()
    as_of = max(events["moment"].max().normalize(), last_spend)
    people = days_to_stages(events.dropna(subset="person"), firsts, 5)
    stages = ["awareness", "consideration", "conversion", "retention", "advocacy"]
    types = {
        name: dict.fromkeys(map(str, rows), "varchar") for name, rows in inputs.items()
    }
    project = compile_project({"reporting_timezone": ZONE}, types)
    found = project.run(inputs, ["rpt_stage_funnel"])["rpt_stage_funnel"]
    assert_equal(found, funnel(people, stages, as_of))
