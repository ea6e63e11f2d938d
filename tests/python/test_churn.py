"""Churn by month number and readiness of small companies, worked out by hand.

And what is published about CDNOW: when its customers left, and how long they waited for
a second purchase.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pandas as pd
import pytest

import cdnow
from harness import compile_project
from test_experience import is_null, only, rows

# One set of variables for all, since each takes seconds to compile. Whoever bought in
# December 1996 may have bought before; CDNOW begins with January 1997.
VARIABLES: dict[str, Any] = {
    "max_rejected_share": 1,
    "segment_columns": [],
    "churn_window_months": 3,
    "history_start_date": "1996-12-01",
    "left_truncation_days": 31,
}
CHURN, READINESS = "rpt_churn_by_month_number", "rpt_retention_readiness"
RETENTION, COHORTS = "rpt_retention", "rpt_cohort_retention"
COUNTS = ("at_risk", "churned", "active", "censored", "undetermined")
Tables = dict[str, pd.DataFrame]
Values = list[float | None]


def purchases(*values: tuple[str | None, str]) -> pd.DataFrame:
    """Purchases: who, when; their ids count up."""
    numbered = [(f"T{n:03}", *value, "10") for n, value in enumerate(values)]
    return rows("transaction_id customer_id occurred_at amount", *numbered)


def once(customers: int, day: str) -> pd.DataFrame:
    """One purchase each of so many customers."""
    return purchases(*((f"C{n}", day) for n in range(customers)))


def run(transactions: pd.DataFrame, *tables: str) -> list[pd.DataFrame]:
    """Build on these transactions and return the tables."""
    built = compile_project(VARIABLES).run({"transactions": transactions}, tables)
    return [built[name] for name in tables]


def months_of(
    table: pd.DataFrame, cohort: str | None = None, window: str = "in_force"
) -> pd.DataFrame:
    """Month numbers of a cohort, or of all, in order."""
    table = table[table["churn_window"] == window]
    ours = table["cohort_start"] == cohort
    if cohort is None:
        ours = table["period_grain"] == "all"
    months = table[ours].sort_values("period_number")
    assert months["period_number"].tolist() == list(range(len(months)))
    return months


def numbers(months: pd.DataFrame, *columns: str) -> list[Values]:
    """Values of each column; None: nothing."""
    return [
        [None if pd.isna(value) else float(value) for value in months[column]]
        for column in columns
    ]


def counts(months: pd.DataFrame) -> dict[str, str]:
    """Count customers of each kind by month number."""
    return {
        kind: " ".join(months[f"{kind}_customers"].astype(int).astype(str))
        for kind in COUNTS
    }


def about(values: Values) -> Any:
    """Values to 1e-9, and nothing where there is none."""
    return pytest.approx(values, abs=1e-9, nan_ok=True)


# Observed until 15 August, so July is the last month that is over. January's customers
# can be judged up to month number 4: May, June and July come after it.
COMPANY = pd.concat(
    [
        purchases(
            ("silent for 6 months", "1997-01-10"),
            ("silent for exactly 3 months", "1997-01-10"),
            ("silent for exactly 3 months", "1997-04-30"),
            ("silent for 2 months", "1997-01-05"),
            ("silent for 2 months", "1997-05-01"),
            ("back in the month that is not over", "1997-01-31"),
            ("back in the month that is not over", "1997-08-10"),
            ("only refunded since", "1997-01-20"),
            ("too young", "1997-05-03"),
            ("of this month", "1997-08-01"),
            ("perhaps older", "1996-12-31"),
            ("perhaps older", "1997-06-01"),
            (None, "1997-01-10"),
            (None, "1997-08-15"),
        ),
        rows(
            "transaction_id customer_id occurred_at amount transaction_type",
            ("R1", "only refunded since", "1997-06-20", "5", "refund"),
            ("R2", "silent for exactly 3 months", "1997-05-02", "-5", None),
        ),
    ]
)


@pytest.fixture(scope="module")
def company() -> pd.DataFrame:
    """Churn in COMPANY."""
    (table,) = run(COMPANY, CHURN)
    assert table["not_measurable_reason"].isna().all()
    return table


def test_who_is_judged_and_who_is_not(company: pd.DataFrame) -> None:
    """Month numbers go up to the one after August, whether anything is known or not.

    Nobody is judged by less than the window: whoever was last seen in May, June, July
    or August is undetermined, and the young leave observation before month number 1.
    """
    months = months_of(company)
    assert set(months["cohort_size"]) == {7}
    assert counts(months) == {
        "at_risk": "7 5 3 3 3 0 0 0 0",
        "churned": "0 2 0 0 1 0 0 0 0",
        "active": "7 3 3 3 2 0 0 0 0",
        "censored": "2 0 0 0 2 0 0 0 0",
        "undetermined": "0 2 0 0 0 1 0 0 1",
    }
    assert months["is_complete"].tolist() == [True] * 5 + [False] * 4
    assert months["is_small_sample"].all()
    assert set(months["churn_window_months"]) == {3}


def test_hazard_and_survival(company: pd.DataFrame) -> None:
    """Two of five leave after the first month, one of three after the fourth."""
    months = months_of(company)
    nothing: Values = [None] * 4
    hazard, survival, chance = numbers(
        months, "hazard", "survival", "churn_probability"
    )
    assert hazard == about([None, 0.4, 0, 0, 1 / 3, *nothing])
    assert survival == about([1, 0.6, 0.6, 0.6, 0.4, *nothing])
    assert chance == about([None, 0.4, 0, 0, 0.2, *nothing])
    assert set(months["modal_churn_month"]) == {1}


def test_intervals(company: pd.DataFrame) -> None:
    """Wilson of 2 in 5; exp(-exp(x)) with x = ln(-ln 0.6) -+ 1.96 * 0.7148."""
    months = months_of(company)
    bounds = ["hazard_lower", "hazard_upper", "survival_lower", "survival_upper"]
    at_start, after_one, after_two = months[bounds].astype(float).to_numpy()[:3]
    assert pd.isna(at_start[:2]).all()
    assert at_start[2:].tolist() == [1, 1]
    assert after_one == pytest.approx(
        [0.117621, 0.769276, 0.125730, 0.881756], abs=1e-6
    )
    assert after_two[2:] == pytest.approx(after_one[2:])


def test_cohorts(company: pd.DataFrame) -> None:
    january = counts(months_of(company, "1997-01-01"))
    assert january["at_risk"] == "5 5 3 3 3 0 0 0 0"
    assert january["undetermined"] == "0 0 0 0 0 1 0 0 1"
    assert months_of(company, "1996-12-01").empty
    for month, size in (("1997-05-01", 5), ("1997-08-01", 2)):
        young = months_of(company, month)
        zeros = " 0" * (size - 1)
        assert counts(young) == {
            "at_risk": f"1{zeros}",
            "churned": f"0{zeros}",
            "active": f"1{zeros}",
            "censored": f"1{zeros}",
            "undetermined": f"0 1{zeros[2:]}",
        }
        assert young["hazard"].isna().all()
        assert young["modal_churn_month"].isna().all()
        assert numbers(young, "survival") == [[1, *[None] * (size - 1)]]


def test_everybody_churned() -> None:
    """Nobody at risk has no hazard, and of nobody left there is no interval.

    Each of the three was as likely to leave in: the first of the months is the mode.
    """
    table, retention = run(
        purchases(
            ("A", "1997-01-01"),
            ("B", "1997-01-01"),
            ("B", "1997-02-28"),
            ("C", "1997-01-01"),
            ("C", "1997-04-01"),
            (None, "1997-12-31"),
        ),
        *(CHURN, RETENTION),
    )
    for cohort in (None, "1997-01-01"):
        months = months_of(table, cohort)
        assert len(months) == 13
        hazard, survival = numbers(months, "hazard", "survival")
        nothing: Values = [None] * 3
        unknown: Values = [None] * 5
        assert hazard == about([None, 1 / 3, 0.5, 0, 1, *unknown, *nothing])
        left = [1, 2 / 3, 1 / 3, 1 / 3, *[0.0] * 6]
        assert survival == about([*left, *nothing])
        bounds = months[["survival_lower", "survival_upper"]].isna()
        assert bounds.all(axis=1).tolist() == [False] * 4 + [True] * 9
        assert bounds.any(axis=1).tolist() == [False] * 4 + [True] * 9
        chance = months["churn_probability"].astype(float).sum()
        assert chance == pytest.approx(1)
        assert set(months["modal_churn_month"]) == {1}
        assert months["is_complete"].tolist() == [True] * 10 + [False] * 3
    # A never came back, so two thirds did, on days 58 and 90.
    days = only(retention, measure="days_to_second_purchase")
    assert (days["days"], days["customers"], days["eligible_customers"]) == (90, 2, 3)


def test_nobody_is_left_to_be_watched() -> None:
    """January's customer leaves at once, August's stays and is seen for two months.

    January can be judged up to month number 9, but nobody of it is there from 2 on.
    """
    (table,) = run(
        purchases(
            ("A", "1997-01-15"),
            ("B", "1997-08-15"),
            ("B", "1997-12-31"),
        ),
        CHURN,
    )
    months = months_of(table)
    nothing: Values = [None] * 10
    hazard, survival = numbers(months, "hazard", "survival")
    assert hazard == about([None, 0.5, 0, *nothing])
    assert survival == about([1, 0.5, 0.5, *nothing])
    assert months["is_complete"].sum() == 10
    assert set(months["modal_churn_month"]) == {1}


def test_a_later_month_is_the_mode() -> None:
    """Two leave after the third month, one after each of the others."""
    stays = {"A": 1, "B": 2, "C": 3, "D": 3, "E": 4}
    bought = [
        (name, f"1997-{month:02}-15")
        for name, last in stays.items()
        for month in {1, last}
    ]
    (table,) = run(purchases(*bought, (None, "1997-12-31")), CHURN)
    assert set(months_of(table)["modal_churn_month"]) == {3}


def test_windows_at_the_percentiles_of_gaps() -> None:
    """Ten gaps have ended, one is open: 8 within 10 days, one of 40 and one of 100.

    After 40 days two of eleven gaps are longer, less than a fifth; after 100 days one,
    less than a tenth. 40 days are two months, 100 are four, rounded up.
    """
    gaps = [*[10] * 8, 40, 100]
    first = pd.Timestamp("1997-01-01")
    days = [first + pd.Timedelta(days=sum(gaps[:n])) for n in range(len(gaps) + 1)]
    bought = [("A", str(day.date())) for day in days]
    table, lapse = run(
        purchases(*bought, (None, "1998-06-30")), CHURN, "int_lapse_days"
    )
    windows = table.groupby("churn_window")["churn_window_months"].agg(set).to_dict()
    assert windows == {
        "in_force": {3},
        "gap_80th_percentile": {2},
        "gap_90th_percentile": {4},
    }
    assert lapse["lapse_days"].tolist() == [100]
    # The last purchase was 220 days after the first, on 9 August, the 8th month. June
    # 1998 is 17 months after January 1997; the longer the window, the fewer are judged.
    judged = {"in_force": 15, "gap_80th_percentile": 16, "gap_90th_percentile": 14}
    for window, last in judged.items():
        months = months_of(table, window=window)
        assert counts(months)["churned"].split().index("1") == 8
        assert months["is_complete"].sum() == last + 1


def test_no_gap_has_ended() -> None:
    """Two years, the longest window there is, are 25 months of 30 days."""
    (table,) = run(once(3, "1997-01-01"), CHURN)
    windows = table.set_index("churn_window")["churn_window_months"].to_dict()
    assert windows == {
        "in_force": 3,
        "gap_80th_percentile": 25,
        "gap_90th_percentile": 25,
    }


def test_days_until_the_second_purchase() -> None:
    """One of four buys again after 10 days; one of the two still seen after 40.

    The others are seen for 20 and for 50 days without it. 3/4 wait longer than 10 days,
    3/8 longer than 40: the first share that is no more than half.
    """
    (table,) = run(
        purchases(
            ("A", "1997-02-10"),
            ("A", "1997-02-20"),
            ("B", "1997-03-12"),
            ("C", "1997-02-10"),
            ("C", "1997-03-22"),
            ("D", "1997-02-10"),
            (None, "1997-04-01"),
        ),
        RETENTION,
    )
    rates = {}
    for window in (30, 60):
        cell = {"measure": "not_yet_repeated", "window_days": str(float(window))}
        windows = table.assign(window_days=table["window_days"].astype(float))
        rates[window] = only(windows, **cell)
        assert rates[window]["eligible_customers"] == 4
    assert rates[30]["rate"] == pytest.approx(0.75)
    assert rates[30]["rate_lower"] == pytest.approx(0.127947, abs=1e-6)
    assert rates[30]["rate_upper"] == pytest.approx(0.960548, abs=1e-6)
    assert (rates[30]["customers"], rates[30]["is_complete"]) == (1, True)
    assert is_null(rates[60], "customers", "rate", "rate_lower", "rate_upper")
    assert not rates[60]["is_complete"]
    row = only(table, measure="days_to_second_purchase")
    # The lower bound is below a half from the first return on, the upper never.
    assert (row["days"], row["days_lower"]) == (40, 10)
    assert is_null(row, "days_upper", "rate", "rate_lower", "rate_upper")
    assert (row["customers"], row["is_complete"]) == (2, True)


def test_half_did_not_return() -> None:
    """Where more than half still wait there is no median, but a share."""
    (table,) = run(
        purchases(
            ("A", "1997-02-10"),
            ("A", "1997-02-20"),
            ("B", "1997-02-10"),
            ("C", "1997-02-10"),
            (None, "1998-04-01"),
        ),
        RETENTION,
    )
    row = only(table, measure="days_to_second_purchase")
    assert is_null(row, "days", "days_upper")
    assert (row["customers"], row["is_complete"]) == (1, False)
    shares = table[table["measure"] == "not_yet_repeated"]
    assert shares["rate"].tolist() == pytest.approx([2 / 3] * len(shares))


def verdict(transactions: pd.DataFrame) -> dict[str, Any]:
    """Readiness of everybody."""
    (table,) = run(transactions, READINESS)
    return only(table)


def assert_says(row: dict[str, Any], column: str, *said: float) -> None:
    """Assert that a sentence holds these numbers."""
    found = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", row[column])]
    assert set(found) >= set(said), row[column]


@pytest.mark.parametrize("customers", [10, 500])
def test_one_purchase_per_customer_measures_nothing(customers: int) -> None:
    """Neither 0% stay nor 100% leave: it is not known, and every row says why."""
    bought = [once(customers, "1997-01-15"), purchases((None, "1998-06-30"))]
    transactions = pd.concat(
        [bought[0], bought[1].assign(transaction_id="G")], ignore_index=True
    )
    readiness, months, shares, cells = run(
        transactions, READINESS, CHURN, RETENTION, COHORTS
    )
    row = only(readiness)
    assert row["verdict"] == "not_measurable"
    assert_says(row, "reason", customers)
    assert isinstance(row["remedy"], str)
    assert (row["customers"], row["months_observed"]) == (customers, 18)
    assert (row["purchases_per_customer"], row["one_time_customer_share"]) == (1, 1)
    assert row["guest_order_share"] == pytest.approx(1 / (customers + 1))
    hidden = {
        "hazard": ["at_risk_customers", "hazard_lower", "hazard_upper"],
        "survival": ["survival_lower", "survival_upper", "churn_probability"],
        "modal_churn_month": [f"{kind}_customers" for kind in COUNTS],
    }
    for table, columns in (
        (months, [*hidden, *(name for names in hidden.values() for name in names)]),
        (shares, ["customers", "rate", "rate_lower", "rate_upper"]),
        (shares, ["days", "days_lower", "days_upper"]),
        (cells, ["retained_customers", "retained_on_or_after", "retention_rate"]),
        (cells, ["retention_rate_lower", "retention_rate_upper"]),
    ):
        assert len(table)
        assert table[columns].isna().all(axis=None)
        assert set(table["not_measurable_reason"]) == {row["reason"]}
    # What was bought is known all the same.
    assert set(months["cohort_size"]) == {customers}
    assert cells["net_revenue"].max() == 10 * customers


def test_one_in_a_hundred_who_returns_is_measured() -> None:
    """The share of customers with a second purchase day must not be below 1%."""
    returning = [("C0", "1997-02-15")]
    enough = [once(100, "1997-01-15"), purchases(*returning, (None, "1998-06-30"))]
    too_few = [once(101, "1997-01-15"), *enough[1:]]
    found = []
    for parts in (enough, too_few):
        table = pd.concat(parts, ignore_index=True)
        table["transaction_id"] = table.index.astype(str)
        found.append(verdict(table))
    assert [row["verdict"] for row in found] == ["measurable", "not_measurable"]
    assert found[0]["remedy"] is None
    assert_says(found[1], "reason", 1, 101)


def test_a_single_month_is_not_measurable() -> None:
    """Nobody is seen for a whole month after that of the first purchase."""
    days = [(f"C{n}", f"1997-01-{day}") for n in range(10) for day in ("05", "25")]
    row = verdict(purchases(*days, (None, "1997-01-31")))
    assert row["verdict"] == "not_measurable"
    assert_says(row, "reason", 10)
    assert (row["months_observed"], row["missing_months"]) == (1, 11)
    assert row["eligible_customers_month_1"] == 0
    assert (row["one_time_customer_share"], row["purchases_per_customer"]) == (0, 2)
    row = verdict(purchases(*days, (None, "1997-02-27")))
    assert row["verdict"] == "not_measurable"
    row = verdict(purchases(*days, (None, "1997-02-28")))
    assert (row["verdict"], row["eligible_customers_month_1"]) == ("weak", 10)
    assert (row["months_observed"], row["missing_months"]) == (2, 10)


def year_of(customers: int, guests: int) -> pd.DataFrame:
    """Two orders each of some customers, and orders of guests, over a year."""
    days = ("1997-01-05", "1997-03-05")
    known = [(f"C{n}", day) for n in range(customers) for day in days]
    return purchases(*known, *[(None, "1997-12-31")] * guests)


def test_few_customers_are_weak() -> None:
    row = verdict(year_of(99, 1))
    assert (row["verdict"], row["eligible_customers_month_3"]) == ("weak", 99)
    assert_says(row, "reason", 99, 100)
    assert (row["months_observed"], row["missing_months"]) == (12, 0)
    assert row["eligible_customers_month_12"] == 0
    assert verdict(year_of(100, 1))["verdict"] == "measurable"


def test_more_orders_of_guests_than_of_customers_are_weak() -> None:
    """Half of the orders are not more than half."""
    assert verdict(year_of(100, 200))["verdict"] == "measurable"
    row = verdict(year_of(100, 201))
    assert row["verdict"] == "weak"
    assert row["guest_order_share"] == pytest.approx(201 / 401)
    assert_says(row, "reason", 50.1, 0.5)
    assert isinstance(row["remedy"], str)


def test_nobody_whose_first_purchase_is_known() -> None:
    """No transactions at all, only guests, or only customers who may be older."""
    for transactions in (
        purchases(),
        purchases((None, "1997-01-15"), (None, "1997-03-31")),
        purchases(("A", "1996-12-15"), ("A", "1997-03-31")),
    ):
        readiness, months, shares, cells = run(
            transactions, READINESS, CHURN, RETENTION, COHORTS
        )
        row = only(readiness)
        assert (row["verdict"], row["customers"]) == ("not_measurable", 0)
        assert isinstance(row["reason"], str)
        assert is_null(row, "purchases_per_customer", "one_time_customer_share")
        assert months.empty
        assert cells.empty
        assert (shares["not_measurable_reason"] == row["reason"]).all()
        assert shares["rate"].isna().all()


@cache
def cdnow_tables() -> Tables:
    """CDNOW's churn, readiness and retention."""
    names = (CHURN, READINESS, RETENTION)
    return dict(zip(names, run(cdnow.transactions(), *names), strict=True))


def test_cdnow_churn() -> None:
    months = months_of(cdnow_tables()[CHURN])
    published = "12755 894 616 532 427 486 430 409 464 561 565 577 724 503 310 0 0 0"
    assert counts(months)["churned"] == f"0 {published}"
    zeros = "0 " * 14
    assert counts(months)["undetermined"] == f"{zeros}234 612 1074 899 498"
    assert counts(months)["censored"] == f"{zeros[:-2]}1008 1223 1086 0 0 0"
    assert months["is_complete"].tolist() == [True] * 16 + [False] * 3
    assert set(months["modal_churn_month"]) == {1}
    # Those who have left and those who have not been seen to are all customers.
    columns = ["churned_customers", "undetermined_customers"]
    assert months[columns].to_numpy().sum() == 23_570


def test_cdnow_days_until_the_second_purchase() -> None:
    shares = cdnow_tables()[RETENTION].query("measure == 'not_yet_repeated'")
    shares = shares.sort_values("window_days")
    assert shares["window_days"].tolist() == [30, 60, 90, 180, 365]
    published = [0.825414, 0.748451, 0.707807, 0.625499, 0.541366]
    assert shares["rate"].round(6).tolist() == published
    assert shares["customers"].tolist() == [4115, 5929, 6887, 8827, 10810]


def test_cdnow_is_measurable() -> None:
    row = only(cdnow_tables()[READINESS])
    assert (row["verdict"], row["remedy"]) == ("measurable", None)
    assert (row["customers"], row["months_observed"]) == (23_570, 18)
    assert row["one_time_customer_share"] == pytest.approx(1 - 11_516 / 23_570)
    ages = [row[f"eligible_customers_month_{number}"] for number in (1, 3, 12)]
    assert ages == [23_570] * 3


def test_three_months_of_cdnow_are_weak() -> None:
    """March's customers have been observed for no whole month after it."""
    bought = cdnow.transactions()
    row = verdict(bought[bought["occurred_at"] <= "1997-03-31"])
    assert (row["verdict"], row["customers"]) == ("weak", 23_570)
    assert (row["months_observed"], row["missing_months"]) == (3, 9)
    assert_says(row, "reason", 3, 12)
    assert_says(row, "remedy", 9)
    ages = [row[f"eligible_customers_month_{number}"] for number in (1, 3, 12)]
    assert ages == [7846 + 8476, 0, 0]
