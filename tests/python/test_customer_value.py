"""Customer value against SciPy, against CDNOW, and against cases worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cdnow
from compare import assert_tables_equal
from harness import TEXT, Compiled, compile_project
from oracle import Facts, facts
from oracle_rows import Settings, config, judge
from oracle_value import CALIBRATION_COLUMNS, customer_value, value_calibration
from oracle_value_models import (
    NEEDED,
    PUBLISHED,
    closed_form,
    expected_purchases,
    integral,
)
from test_experience import is_null, only, rows
from test_payback import guest, purchases, refunds

Tables = dict[str, pd.DataFrame]
VALUE, CALIBRATION = "fct_customer_value", "rpt_value_calibration"
# Everybody can be a segment of their own.
VARIABLES: dict[str, Any] = {"max_rejected_share": 1, "segment_columns": ["region"]}
KNOWN = Settings(segment_columns=("region",))
TYPES = {name: TEXT[name] for name in ("transactions", "customers")}
WEEK = 7
PERIODS = ("full", "calibration")
SCORES = ["recency_score", "frequency_score", "monetary_score"]
REASONS = [
    *("expected_purchases_null_reason", "bg_nbd_null_reason"),
    "expected_value_null_reason",
]
HISTORY = ["repeat_purchase_days", "last_repeat_age_days", "age_days"]
DAYS = (30, 90, 365)
PURCHASES = [
    *("probability_alive", *(f"expected_purchases_{days}_days" for days in DAYS)),
]
VALUES = ["expected_purchase_value", *(f"expected_value_{days}_days" for days in DAYS)]
BG_PURCHASES = [f"bg_nbd_{name}" for name in PURCHASES]
BG_VALUES = [f"bg_nbd_{name}" for name in VALUES[1:]]


def project(**variables: Any) -> Compiled:
    """Compile for transactions and customers alone."""
    return compile_project(VARIABLES | variables, TYPES)


def run(
    inputs: Tables, *tables: str, seed: pd.DataFrame = PUBLISHED, **variables: Any
) -> list[pd.DataFrame]:
    """Build on these inputs and parameters and return the tables."""
    found = project(**variables).run(inputs, tables, {"value_parameters": seed})
    return [found[table] for table in tables]


def known_facts(inputs: Tables) -> Facts:
    """See what the oracle sees."""
    return facts(judge(inputs, KNOWN), KNOWN)


def assert_close(
    actual: pd.DataFrame, expected: pd.DataFrame, key: list[str], tolerance: float
) -> None:
    """Compare all columns, numbers by their relative size however small they are."""
    # The probability that hundreds of purchases came by chance ends somewhere.
    assert_tables_equal(actual, expected, key, relative=tolerance, absolute=1e-200)


# Repeat purchase days, days from the first purchase to the last, and until the end.
GRID = [
    *((0, 0, age) for age in (0, 1, 7, 272, 4000)),
    *((1, 1, 1), (1, 1, 1000), (1, 500, 1000), (1, 1000, 1000), (1, 1, 4000)),
    *((2, 2, 2), (2, 213, 272), (2, 272, 272)),
    *((10, 10, 10), (10, 300, 300), (10, 300, 1500)),
    *((100, 100, 100), (100, 700, 700), (100, 100, 1500)),
    *((600, 600, 600), (600, 1400, 1400), (600, 600, 4000)),
]
END = date(2024, 12, 31)
# r, alpha, a, b: few and many leave, all alike and all different, and a = 1, where the
# closed forms divide by 0.
SETS = {
    "a below 1": (2, 10, 0.05, 0.3),
    "a tiny": (0.5, 6, 0.01, 5),
    "a is 1": (0.3, 3, 1, 2),
    "a hardly above 1": (0.3, 3, 1.001, 2),
    "a above 1, b small": (1, 5, 2.5, 0.02),
    "a and b large": (0.1, 0.5, 30, 80),
    "a very large": (5, 100, 100, 3),
    "alpha tiny": (1, 0.01, 0.5, 0.5),
    "b tiny": (1, 5, 0.5, 1e-9),
}


def published(model: str) -> dict[str, float]:
    """Return the published parameters of a model."""
    (row,) = PUBLISHED[PUBLISHED["model"] == model][:1].to_dict("records")
    return {name: float(row[name]) for name in NEEDED[model]}


def given(r: float, alpha: float, a: float, b: float) -> pd.DataFrame:
    """Give both models of purchases these parameters."""
    ours = PUBLISHED["model"] != "gamma_gamma"
    numbers = {"r": r, "alpha": alpha, "a": a, "b": b}
    return PUBLISHED.assign(
        **{name: PUBLISHED[name].mask(ours, value) for name, value in numbers.items()}
    )


def layout(repeats: int, last: int) -> Iterable[int]:
    """Lay out purchase days, counted from the first."""
    return [0, *range(1, repeats), last] if repeats else [0]


@cache
def grid() -> Tables:
    """Lay out the customers of the grid, each a segment."""
    bought, people = [], []
    for number, (repeats, last, age) in enumerate(GRID):
        name = f"c{number:02}"
        people.append((name, name))
        for offset in layout(repeats, last):
            on = END - timedelta(days=age - offset)
            key, amount = f"{name} {offset:04}", f"{5 + offset % 40}.25"
            bought.append((key, name, str(on), amount, None))
    return {
        "transactions": purchases(*bought),
        "customers": rows("customer_id region", *people),
    }


@cache
def grid_facts() -> Facts:
    return known_facts(grid())


def test_grid_is_laid_out_as_wanted() -> None:
    value, report = run(grid(), VALUE, CALIBRATION)
    found = value.sort_values("customer_id")[HISTORY].astype(int)
    assert list(found.itertuples(index=False, name=None)) == GRID
    assert set(report["holdout_days"]) == {2000}
    assert_close(value, customer_value(grid_facts()), ["customer_id"], 1e-8)
    key = CALIBRATION_COLUMNS[:4]
    assert_close(report, value_calibration(grid_facts()), key, 1e-8)


@pytest.mark.parametrize("name", SETS)
def test_scores_equal_scipy(name: str) -> None:
    seed = given(*SETS[name])
    value, report = run(grid(), VALUE, CALIBRATION, seed=seed)
    assert value[[*PURCHASES, *BG_PURCHASES]].notna().all().all()
    expected = customer_value(grid_facts(), seed)
    assert_close(value, expected, ["customer_id"], 1e-6)
    key = CALIBRATION_COLUMNS[:4]
    assert_close(report, value_calibration(grid_facts(), seed), key, 1e-6)


@pytest.mark.parametrize("name", ["published", "a below 1", "a above 1, b small"])
def test_closed_form_is_the_integral(name: str) -> None:
    published = (0.243, 4.414, 0.793, 2.426)
    r, alpha, a, b = SETS.get(name, published)
    for repeats, age, weeks in product((0, 2, 10), (0, 38.86, 200), (4.3, 52.1)):
        case = (r + repeats, alpha + age, b + repeats, weeks, a)
        assert closed_form(*case) == pytest.approx(integral(*case), rel=1e-10)


def test_published_expectation() -> None:
    """Fader, Hardie and Lee (2005): 1.226 purchases in 39 weeks."""
    customer = pd.DataFrame([(2, 30.43, 38.86)], columns=["x", "last", "age"])
    (found,) = expected_purchases("bg_nbd", customer, 39, published("bg_nbd"))
    assert round(found, 3) == 1.226


@pytest.fixture(scope="module")
def sample() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Value and calibration of CDNOW's tenth; the first customer is a segment."""
    inputs = {
        "transactions": cdnow.sample(),
        "customers": rows("customer_id region", ("0001", "first")),
    }
    value, report = run(inputs, VALUE, CALIBRATION)
    return value, report


def test_first_customer_of_cdnow(sample: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """x, t_x and T are 2, 30.43 and 38.86; 273 days are 39 weeks."""
    value, report = sample
    row = only(value, customer_id="0001")
    assert row["calibration_repeat_purchase_days"] == 2
    assert round(row["calibration_last_repeat_age_days"] / WEEK, 2) == 30.43
    assert round(row["calibration_age_days"] / WEEK, 2) == 38.86
    ours = {"segment_column": "region", "segment_value": "first", "model": "bg_nbd"}
    found = only(report, frequency_group="2", **ours)
    assert str(found["calibration_end_date"])[:10] == "1997-09-30"
    assert found["holdout_days"] == 39 * WEEK
    assert found["customers"] == 1
    assert round(found["expected_purchases"], 3) == 1.226


# Customers by repeat purchases in the first 39 weeks, in the paper of 2005.
FREQUENCIES = {"0": 1411, "1": 439, "2": 214, "3": 100, "4": 62, "5": 38, "6": 29}


def test_holdout_of_cdnow(sample: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Actual and expected purchases of 39 weeks, by those of the 39 weeks before."""
    _, report = sample
    bought = cdnow.sample()[["customer_id", "occurred_at"]].drop_duplicates()
    bought["day"] = pd.to_datetime(bought["occurred_at"])
    bought["is_late"] = bought["day"] > "1997-09-30"
    known = bought[~bought["is_late"]].groupby("customer_id")["day"]
    people = pd.DataFrame(known.agg(first="min", latest="max", x="count"))
    people["x"] -= 1
    people["late"] = bought.groupby("customer_id")["is_late"].sum()
    people["last"] = (people["latest"] - people["first"]).dt.days / WEEK
    people["age"] = (pd.Timestamp("1997-09-30") - people["first"]).dt.days / WEEK
    assert len(people) == 2357
    group = people["x"].clip(upper=7).map({n: str(n) for n in range(7)} | {7: "7+"})
    for model in ("mbg_nbd", "bg_nbd"):
        people["expected"] = expected_purchases(model, people, 39, published(model))
        total = report.query("segment_value == 'all' and model == @model")
        total = total.set_index("frequency_group")
        parts = people.groupby(group)
        assert parts.size().to_dict() == FREQUENCIES | {"7+": 64}
        for key, part in [("all", people), *parts]:
            row = total.loc[key]
            assert row["customers"] == len(part)
            assert row["actual_purchases"] == part["late"].sum()
            close = pytest.approx(part["expected"].sum(), rel=1e-8)
            assert row["expected_purchases"] == close
            assert pd.isna(row["null_reason"])
        assert len(total) == 9
        ranked = people.reset_index().sort_values(
            ["expected", "customer_id"], ascending=[False, True]
        )
        top = ranked[:236]
        share = top["late"].sum() / people["late"].sum()
        assert total.loc["all", "top_tenth_actual_share"] == pytest.approx(share)


# Three buy once, on the same day or for the same amount.
BUYERS = {
    "transactions": purchases(
        ("T01", "A", "2024-01-01", "100", None),
        ("T02", "B", "2024-01-01", "50", None),
        ("T03", "C", "2024-01-05", "60", None),
        ("T04", "C", "2024-02-01", "60", None),
        ("T05", "D", "2024-02-01", "100", None),
        ("T06", "E", "2024-01-02", "20", None),
        ("T07", "E", "2024-03-01", "20", None),
        ("T08", "F", "2024-01-03", "100", None),
        ("T09", "F", "2024-02-03", "100", None),
        ("T10", "F", "2024-03-02", "50", None),
        ("T11", "F", "2024-03-02", "50", None),
        ("T12", "G", "2024-03-03", "0", None),
    )
}


def test_scores_of_seven_customers() -> None:
    """Groups of 2, 2, 1, 1 and 1; among equals the first id has the lower score.

    By date A B C D E F G, by purchase days A B D G C E F, by money G E B A D C F.
    """
    (value,) = run(BUYERS, VALUE)
    value = value.sort_values("customer_id").set_index("customer_id")
    assert value.index.tolist() == list("ABCDEFG")
    scores = ["1-1-2", "1-1-2", "2-3-4", "2-2-3", "3-4-1", "4-5-5", "5-2-1"]
    assert value["rfm_score"].tolist() == scores
    for place, name in enumerate(SCORES):
        parts = value["rfm_score"].str.split("-").str[place].astype(int)
        assert (value[name] == parts).all()
    # Frequency and money together: 2, 2, 4, 3, 3, 5, 2.
    assert value["rfm_segment"].tolist() == [
        *("hibernating", "hibernating", "at_risk", "at_risk", "needs_attention"),
        *("champions", "potential_loyalists"),
    ]
    assert value["recency_days"].tolist() == [62, 62, 31, 31, 2, 1, 0]
    assert value["purchase_days"].tolist() == [1, 1, 2, 1, 2, 3, 1]
    ranks = {"F": 1, "C": 2, "A": 3, "D": 4, "B": 5, "E": 6, "G": 7}
    shares = value["revenue_rank_share"].astype(float) * 7
    assert shares.to_dict() == pytest.approx(ranks)
    sums = {"F": 300, "C": 420, "A": 520, "D": 620, "B": 670, "E": 710, "G": 710}
    shares = value["cumulative_revenue_share"].astype(float) * 710
    assert shares.to_dict() == pytest.approx(sums)


def test_fewer_customers_than_levels() -> None:
    """Three are told apart by the lowest three levels."""
    bought = BUYERS["transactions"]
    few = bought[bought["customer_id"].isin(["A", "C", "F"])]
    (value,) = run({"transactions": few}, VALUE)
    value = value.set_index("customer_id")
    expected = {"A": "1-1-1", "C": "2-2-2", "F": "3-3-3"}
    assert value["rfm_score"].to_dict() == expected


def test_no_share_of_no_revenue() -> None:
    bought = purchases(
        ("T1", "A", "2024-01-01", "0", None), ("T2", "B", "2024-01-01", "0", None)
    )
    (value,) = run({"transactions": bought}, VALUE)
    assert value["cumulative_revenue_share"].isna().all()
    assert sorted(value["revenue_rank_share"]) == [0.5, 1]
    assert sorted(value["rfm_score"]) == ["1-1-1", "2-2-2"]


def test_segments_cover_each_cell_once() -> None:
    blocks = config("rfm_segments").to_dict("records")
    sides = ("recency_score", "frequency_monetary_score")
    names = set()
    for cell in product(range(1, 6), repeat=2):
        (block,) = (
            block
            for block in blocks
            if all(
                block[f"{side}_min"] <= score <= block[f"{side}_max"]
                for side, score in zip(sides, cell, strict=True)
            )
        )
        names.add(block["rfm_segment"])
    assert names == {block["rfm_segment"] for block in blocks}


# Observed from 1 January to 30 April. Only A has bought again and kept it.
COMPANY = {
    "transactions": pd.concat(
        [
            purchases(
                ("T01", "A", "2024-01-06", "30", None),
                ("T02", "A", "2024-02-05", "10", None),
                ("T03", "A", "2024-03-06", "20", None),
                ("T04", "nothing kept", "2024-01-06", "10", None),
                ("T05", "nothing kept", "2024-02-01", "10", None),
                ("T06", "sent back more", "2024-01-06", "10", None),
                ("T07", "sent back more", "2024-02-02", "10", None),
                ("T08", "once, sent back", "2024-01-10", "25", None),
                ("T09", "today", "2024-04-30", "25", None),
                ("T10", "old", "2024-01-05", "10", None),
                ("T11", "old", "2024-03-05", "10", None),
            ),
            refunds(
                ("R1", "nothing kept", "2024-03-01", "-10", "T05"),
                ("R2", "sent back more", "2024-03-01", "-30", "T07"),
                ("R3", "once, sent back", "2024-01-10", "-25", "T08"),
                ("R4", "refund only", "2024-02-10", "-7", None),
            ),
            guest("2024-01-01"),
        ]
    )
}
# Whoever first bought before the sixth of January need not have been new, and the
# models of the calibration period have seen January and February.
TRUNCATED: dict[str, Any] = {
    "history_start_date": "2024-01-01",
    "left_truncation_days": 5,
    "value_calibration_end_date": "2024-02-29",
    "rfm_score_levels": 10,
}


@pytest.fixture(scope="module")
def company() -> pd.DataFrame:
    """Value of the company, whose first days may hide earlier ones."""
    (value,) = run(COMPANY, VALUE, **TRUNCATED)
    return value


def reasons(row: Mapping[str, Any]) -> list[str | None]:
    """Why purchases, those of the other model, and value are not known."""
    return [None if pd.isna(row[name]) else row[name] for name in REASONS]


def scored(row: Mapping[str, Any], *names: str) -> bool:
    """Whether all of these are numbers."""
    return all(np.isfinite(float(row[name])) for name in names)


def test_whoever_bought_and_paid_is_scored(company: pd.DataFrame) -> None:
    """A: two repeat purchases of 15 on average, the last after 60 of 115 days."""
    row = only(company, customer_id="A")
    assert reasons(row) == [None, None, None]
    assert [row[name] for name in HISTORY] == [2, 60, 115]
    assert row["mean_repeat_value"] == 15
    names = ["repeat_purchase_days", "last_repeat_age_days", "age_days"]
    assert [row[f"calibration_{name}"] for name in names] == [1, 30, 54]
    assert row["calibration_mean_repeat_value"] == 10
    assert (row["holdout_purchase_days"], row["holdout_revenue"]) == (1, 20)
    assert scored(row, *PURCHASES, *VALUES, *BG_PURCHASES, *BG_VALUES)
    # p (gamma + x m) / (p x + q - 1).
    value = 6.25 * (15.44 + 30) / (6.25 * 2 + 2.74)
    assert row["expected_purchase_value"] == pytest.approx(value)
    month = row["expected_purchases_30_days"] * value
    assert row["expected_value_30_days"] == pytest.approx(month)


@pytest.mark.parametrize(
    ("customer", "mean"), [("nothing kept", 0), ("sent back more", -20)]
)
def test_nothing_paid_for_repeat_purchases(
    company: pd.DataFrame, customer: str, mean: float
) -> None:
    row = only(company, customer_id=customer)
    assert reasons(row) == [None, None, "monetary_not_positive"]
    assert row["mean_repeat_value"] == mean
    assert scored(row, *PURCHASES, *BG_PURCHASES)
    assert is_null(row, *VALUES, *BG_VALUES)


def test_first_purchase_alone_says_nothing_of_money(company: pd.DataFrame) -> None:
    """The value of the one purchase is left to what everybody pays."""
    row = only(company, customer_id="once, sent back")
    assert reasons(row) == [None, None, None]
    assert is_null(row, "mean_repeat_value")
    assert row["net_revenue"] == 0
    value = 6.25 * 15.44 / 2.74
    assert row["expected_purchase_value"] == pytest.approx(value)


def test_first_purchase_on_the_last_day(company: pd.DataFrame) -> None:
    row = only(company, customer_id="today")
    assert reasons(row) == [None, None, None]
    assert [row[name] for name in HISTORY] == [0, 0, 0]
    assert scored(row, *PURCHASES, *VALUES, *BG_PURCHASES, *BG_VALUES)
    assert row["bg_nbd_probability_alive"] == 1
    # 1 / (1 + a / b).
    assert row["probability_alive"] == pytest.approx(1.614 / (1.614 + 0.891))
    names = map(str, company)
    later = [name for name in names if name.startswith("calibration_")]
    assert is_null(row, *later, "holdout_purchase_days", "holdout_revenue")


def test_left_truncated_customers_are_not_modelled(company: pd.DataFrame) -> None:
    row = only(company, customer_id="old")
    assert reasons(row) == ["left_truncated"] * 3
    assert is_null(row, *HISTORY, "mean_repeat_value", *PURCHASES, *BG_PURCHASES)
    assert is_null(row, *VALUES, *BG_VALUES)
    assert row["purchase_days"] == 2
    assert (row["recency_days"], row["net_revenue"]) == (56, 20)
    assert scored(row, *SCORES)


def test_refunds_only(company: pd.DataFrame) -> None:
    row = only(company, customer_id="refund only")
    assert reasons(row) == ["no_purchase"] * 3
    assert (row["purchase_days"], row["net_revenue"]) == (0, -7)
    known = {"customer_id", "purchase_days", "net_revenue", *REASONS}
    assert {name for name in row if not is_null(row, name)} == known


def test_ten_levels(company: pd.DataFrame) -> None:
    """Six buyers on ten levels: 1 to 6, of which a segment takes halves.

    By date: once 2024-01-10, nothing kept, sent back more, old, A, today; by purchase
    days: once, today, nothing kept, old, sent back more, A; by money: sent back more
    -10, once 0, nothing kept 10, old 20, today 25, A 60.
    """
    buyers = company.dropna(subset="rfm_score").set_index("customer_id")
    assert buyers["rfm_score"].to_dict() == {
        "once, sent back": "1-1-2",
        "nothing kept": "2-3-3",
        "sent back more": "3-5-1",
        "old": "4-4-4",
        "A": "5-6-6",
        "today": "6-2-5",
    }
    assert buyers["rfm_segment"].to_dict() == {
        "once, sent back": "hibernating",
        "nothing kept": "hibernating",
        "sent back more": "hibernating",
        "old": "hibernating",
        "A": "needs_attention",
        "today": "about_to_sleep",
    }


def test_calibration_ends_halfway() -> None:
    """Of 120 days 60 are for the calibration, of 121 too; and a variable decides."""
    later = purchases(("T99", None, "2024-05-01", "10", None))
    late = {"transactions": pd.concat([COMPANY["transactions"], later])}
    for inputs, days in ((COMPANY, 60), (late, 61)):
        (report,) = run(inputs, CALIBRATION)
        assert set(report["calibration_end_date"].astype(str)) == {"2024-03-01"}
        assert set(report["holdout_days"]) == {days}
    (report,) = run(COMPANY, CALIBRATION, **TRUNCATED)
    assert set(report["calibration_end_date"].astype(str)) == {"2024-02-29"}
    # A, three others and nobody who is old.
    row = only(report, model="mbg_nbd", frequency_group="all")
    assert (row["customers"], row["actual_purchases"]) == (4, 1)
    assert (row["holdout_days"], row["actual_revenue"]) == (61, 20)
    assert row["is_small_sample"]


def test_calibration_ends_with_the_data_at_the_latest() -> None:
    (report,) = run(COMPANY, CALIBRATION, value_calibration_end_date="2024-12-31")
    assert set(report["calibration_end_date"].astype(str)) == {"2024-04-30"}
    row = only(report, model="bg_nbd", frequency_group="all")
    assert (row["customers"], row["holdout_days"]) == (6, 0)
    assert (row["actual_purchases"], row["expected_purchases"]) == (0, 0)
    assert row["expected_revenue"] == 0
    assert is_null(row, "top_tenth_actual_share", "top_tenth_expected_share")


def test_no_parameters() -> None:
    value, report = run(COMPANY, VALUE, CALIBRATION, seed=PUBLISHED[:0], **TRUNCATED)
    row = only(value, customer_id="A")
    assert reasons(row) == ["no_parameters"] * 3
    assert [row[name] for name in HISTORY] == [2, 60, 115]
    assert is_null(row, *PURCHASES, *VALUES, *BG_PURCHASES, *BG_VALUES)
    # What holds of the customer comes first.
    row = only(value, customer_id="refund only")
    assert reasons(row) == ["no_purchase"] * 3
    row = only(value, customer_id="old")
    assert reasons(row) == ["left_truncated"] * 3
    assert set(report["null_reason"]) == {"no_parameters"}
    assert set(report["model"]) == {"mbg_nbd", "bg_nbd"}
    assert set(report["expected_revenue_null_reason"]) == set(report["null_reason"])
    expected = report.filter(like="expected").columns.astype(str)
    unknown = [name for name in expected if "reason" not in name]
    assert report[unknown].isna().all().all()
    row = only(report, model="bg_nbd", frequency_group="1")
    assert (row["customers"], row["actual_purchases"]) == (3, 1)


def test_data_that_cannot_be_measured() -> None:
    """Nobody ever came back: the parameters do not help."""
    bought = purchases(
        ("T1", "A", "2024-01-01", "10", None),
        ("T2", "B", "2024-02-01", "10", None),
        ("T3", "C", "2024-04-30", "10", None),
    )
    value, report = run({"transactions": bought}, VALUE, CALIBRATION)
    for customer, age in {"A": 120, "B": 89, "C": 0}.items():
        row = only(value, customer_id=customer)
        assert reasons(row) == ["not_measurable"] * 3
        assert [row[name] for name in HISTORY] == [0, 0, age]
        assert is_null(row, *PURCHASES, *VALUES, *BG_PURCHASES, *BG_VALUES)
        assert scored(row, *SCORES)
    assert set(report["null_reason"]) == {"not_measurable"}
    assert set(report["expected_revenue_null_reason"]) == set(report["null_reason"])
    expected = report.filter(like="expected").columns.astype(str)
    unknown = [name for name in expected if "reason" not in name]
    assert report[unknown].isna().all().all()
    row = only(report, model="mbg_nbd", frequency_group="0")
    assert (row["customers"], row["actual_purchases"]) == (2, 0)


def changed(model: str, **cells: Any) -> pd.DataFrame:
    """Change the published parameters of a model."""
    ours = PUBLISHED["model"] == model
    texts = {name: value for name, value in cells.items() if name not in PUBLISHED}
    seed = PUBLISHED.assign(**dict.fromkeys(texts)).astype(dict.fromkeys(texts, object))
    for name, value in cells.items():
        seed.loc[ours, name] = value
    return seed


FAULTS: list[tuple[dict[str, Any], str | None]] = [
    ({"is_converged": False}, "not_converged"),
    ({"is_converged": True}, None),
    ({"time_unit": "day"}, "other_time_unit"),
    ({"time_unit": "week", "currency": "USD"}, None),
    ({"currency": "EUR"}, "other_currency"),
    ({"r": 0.0}, "invalid_parameters"),
    ({"alpha": -1.0}, "invalid_parameters"),
    ({"a": None}, "invalid_parameters"),
    ({"b": float("nan")}, "invalid_parameters"),
    # The first that holds.
    ({"is_converged": False, "time_unit": "day", "r": 0.0}, "not_converged"),
    ({"time_unit": "day", "currency": "EUR"}, "other_time_unit"),
    ({"currency": "EUR", "a": 0.0}, "other_currency"),
]


@pytest.mark.parametrize(("cells", "reason"), FAULTS)
def test_parameters_that_cannot_be_used(
    cells: dict[str, Any], reason: str | None
) -> None:
    (found,) = run(COMPANY, "int_value_parameters", seed=changed("bg_nbd", **cells))
    assert len(found) == 6
    ours = found["model"] == "bg_nbd"
    assert set(found.loc[ours, "null_reason"].replace(np.nan, None)) == {reason}
    assert found.loc[~ours, "null_reason"].isna().all()
    assert set(found["source"]) == {"seed"}


@pytest.mark.parametrize(
    ("name", "value"), [("q", 1.0), ("q", 0.5), ("p", 0.0), ("gamma", None)]
)
def test_spending_that_has_no_mean(name: str, value: float | None) -> None:
    seed = changed("gamma_gamma", **{name: value})
    (found,) = run(COMPANY, "int_value_parameters", seed=seed)
    faults = found.set_index("model")["null_reason"]
    assert set(faults["gamma_gamma"]) == {"invalid_parameters"}
    assert faults[["mbg_nbd", "bg_nbd"]].isna().all()


def test_unusable_parameters_leave_nothing_of_their_model() -> None:
    seed = changed("gamma_gamma", q=1.0)
    seed["is_converged"] = [None if m != "bg_nbd" else False for m in seed["model"]]
    value, report = run(COMPANY, VALUE, CALIBRATION, seed=seed, **TRUNCATED)
    row = only(value, customer_id="A")
    assert reasons(row) == [None, "not_converged", "invalid_parameters"]
    assert scored(row, *PURCHASES)
    assert is_null(row, *VALUES, *BG_PURCHASES, *BG_VALUES)
    # The parameters come before the customer's own money.
    row = only(value, customer_id="nothing kept")
    assert reasons(row)[2] == "invalid_parameters"
    row = only(report, model="mbg_nbd", frequency_group="all")
    assert is_null(row, "null_reason", "expected_revenue")
    assert row["expected_revenue_null_reason"] == "invalid_parameters"
    assert scored(row, "expected_purchases", "top_tenth_expected_share")
    row = only(report, model="bg_nbd", frequency_group="all")
    assert row["null_reason"] == "not_converged"
    assert is_null(row, "expected_purchases", "expected_revenue")
    assert is_null(row, "top_tenth_actual_share", "top_tenth_expected_share")


FITS = """
select
    fit_period, 'bg_nbd' as model, r, 4.0 as alpha, 0.8 as a, 2.5 as b,
    cast(null as double) as p, cast(null as double) as q,
    cast(null as double) as gamma, 'week' as time_unit, 'USD' as currency,
    cast(as_of_date as date) as as_of_date, cast(10 as bigint) as customers,
    cast(-1 as double) as log_likelihood, true as is_converged,
    cast(fitted_at as timestamp) as fitted_at
from (values
    ('full', 0.1, '2024-04-29', '2024-06-01'),
    ('full', 0.2, '2024-04-30', '2024-05-01 10:00:00'),
    ('full', 0.3, '2024-04-30', '2024-05-01 11:00:00'),
    ('full', 0.4, '2024-05-01', '2024-07-01'),
    ('calibration', 0.5, '2024-03-01', '2024-05-01'),
    ('calibration', 0.6, '2024-03-02', '2024-06-01')
) as fits (fit_period, r, as_of_date, fitted_at)
"""


def test_which_parameters_are_used() -> None:
    """The seed's; else of the fits that had seen no later day the latest.

    The calibration ends on the first of March.
    """
    compiled = project()
    models = [
        replace(model, sql=FITS) if model.name == "int_fitted_parameters" else model
        for model in compiled.models
    ]
    fitted = replace(compiled, models=models)
    for seed, source, full, calibration in (
        (PUBLISHED[:0], "fit", 0.3, 0.5),
        (PUBLISHED, "seed", 0.243, 0.243),
    ):
        found = fitted.run(
            COMPANY, ["int_value_parameters"], {"value_parameters": seed}
        )["int_value_parameters"]
        assert len(found) == len(PERIODS) * len(NEEDED)
        for fit_period, r in zip(PERIODS, (full, calibration), strict=True):
            row = only(found, fit_period=fit_period, model="bg_nbd")
            assert (row["r"], row["source"]) == (r, source)
            assert is_null(row, "null_reason")
        if source == "fit":
            others = found[found["model"] != "bg_nbd"]
            assert set(others["null_reason"]) == {"no_parameters"}
            assert others["source"].isna().all()
