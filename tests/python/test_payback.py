"""Payback and conversion of small companies, worked out by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from harness import TEXT, compile_project
from test_experience import is_null, only, rows

Tables = dict[str, pd.DataFrame]
# They come to the same every time: who pays back what, and after how long.
OUTCOME = ["payback_month", "payback_status"]
MARGINS = ["margin", "cumulative_margin", "cumulative_margin_per_customer"]


def purchases(*values: tuple[Any, ...]) -> pd.DataFrame:
    """Purchases: id, who, when, amount, cost."""
    return rows("transaction_id customer_id occurred_at amount cost", *values)


def refunds(*values: tuple[Any, ...]) -> pd.DataFrame:
    """Refunds: id, who, when, amount, id of the purchase if known."""
    columns = "transaction_id customer_id occurred_at amount original_transaction_id"
    return rows(columns, *values).assign(transaction_type="refund")


def touches(*values: tuple[Any, ...]) -> pd.DataFrame:
    """Clicks on advertisements: who, when, channel; their ids count up."""
    numbered = [(f"V{n:03}", *value) for n, value in enumerate(values)]
    table = rows("touchpoint_id customer_id occurred_at channel", *numbered)
    return table.assign(touchpoint_type="ad_click")


def spend(*values: tuple[Any, ...]) -> pd.DataFrame:
    """Marketing spend: when, channel, amount."""
    return rows("spend_date channel amount", *values)


def guest(day: str) -> pd.DataFrame:
    """Observe until a day: somebody without a name buys at cost price on it."""
    return purchases(("T9", None, day, "10", "10"))


def run(inputs: Tables, table: str, *off: str, **variables: Any) -> pd.DataFrame:
    """Build on these inputs, some others switched off, and return one table."""
    types = {name: columns for name, columns in TEXT.items() if name not in off}
    project = compile_project({"max_rejected_share": 1} | variables, types)
    inputs = {name: table for name, table in inputs.items() if name not in off}
    return project.run(inputs, [table])[table]


def payback(inputs: Tables, *off: str, **variables: Any) -> pd.DataFrame:
    return run(inputs, "rpt_cac_payback", *off, **variables)


def cohort(table: pd.DataFrame, start: str, channel: str) -> pd.DataFrame:
    """Months of one cohort, in order."""
    ours = (table["cohort_start"] == start) & (table["channel"] == channel)
    months = table[ours].sort_values("period_number")
    assert months["period_number"].tolist() == list(range(len(months)))
    return months


def the_same(months: pd.DataFrame, *columns: str) -> list[Any]:
    """Return what every month of a cohort says in these columns; None: nothing."""
    (found,) = months[list(columns)].drop_duplicates().to_numpy(object).tolist()
    return [None if pd.isna(value) else value for value in found]


def numbers(months: pd.DataFrame, column: str) -> list[float | None]:
    """Values of a column; None: nothing."""
    return [None if pd.isna(value) else float(value) for value in months[column]]


# The costs of two purchases are known: 60 of 100 and 40 of 100. Half of what they
# brought is left, so half of any other revenue counts as left. The guest's cost is
# nobody's here.
PARTLY = {
    "transactions": pd.concat(
        [
            purchases(
                ("T1", "C1", "2024-01-10", "100", "60"),
                ("T2", "C2", "2024-01-20", "200", None),
                ("T3", "C1", "2024-02-10", "50", None),
                ("T4", "C3", "2024-02-05", "100", "40"),
            ),
            guest("2024-03-31"),
        ]
    ),
    "touchpoints": touches(
        ("C1", "2024-01-05", "email"), ("C2", "2024-01-06", "email")
    ),
    "marketing_spend": spend(
        ("2024-01-01", "email", "100"),
        ("2024-01-15", "display", "30"),
        ("2024-01-31", "email", "50"),
    ),
}
COSTLESS = PARTLY | {"transactions": PARTLY["transactions"].drop(columns="cost")}


@pytest.fixture(scope="module")
def partly() -> pd.DataFrame:
    """Payback of the company of which some costs are known."""
    return payback(PARTLY)


def test_unknown_costs_take_the_margin_of_the_known(partly: pd.DataFrame) -> None:
    """January: 100 - 60 and half of 200. February: half of 50."""
    months = cohort(partly, "2024-01-01", "email")
    assert the_same(months, "customers", "spend", "cac") == [2, 150, 75]
    assert the_same(months, "cac_null_reason") == [None]
    assert numbers(months, "margin") == [140, 25, 0]
    assert numbers(months, "cumulative_margin") == [140, 165, 165]
    assert numbers(months, "cumulative_margin_per_customer") == [70, 82.5, 82.5]
    shares = [100 / 300, 100 / 350, 100 / 350]
    assert numbers(months, "known_cost_share") == pytest.approx(shares)
    ratios = [70 / 75, 1.1, 1.1]
    assert numbers(months, "ltv_cac_ratio") == pytest.approx(ratios)
    later = [f"ltv_cac_ratio_{number}_months" for number in (3, 6, 12)]
    assert the_same(months, *later) == [None, None, None]
    assert the_same(months, *OUTCOME) == [1, "paid_back"]
    assert months["is_complete"].all()


def test_all_channels_pay_for_the_spend_of_all(partly: pd.DataFrame) -> None:
    """The same two customers at 180, so at 90 each, of which 82.50 came back."""
    months = cohort(partly, "2024-01-01", "all")
    assert the_same(months, "customers", "spend", "cac") == [2, 180, 90]
    assert numbers(months, "cumulative_margin_per_customer") == [70, 82.5, 82.5]
    assert the_same(months, *OUTCOME) == [None, "not_yet"]


def test_spend_that_won_nobody_is_kept(partly: pd.DataFrame) -> None:
    """What display cost is in the 180 of all channels, and its own."""
    months = cohort(partly, "2024-01-01", "display")
    assert the_same(months, "customers", "spend", "cac") == [0, 30, None]
    assert the_same(months, "cac_null_reason") == ["no_customers"]
    assert numbers(months, "cumulative_margin") == [0, 0, 0]
    assert numbers(months, "cumulative_margin_per_customer") == [None, None, None]
    assert the_same(months, *OUTCOME) == [None, "no_cac"]
    cohorts = partly[["cohort_start", "channel"]].astype(str).drop_duplicates()
    assert set(zip(cohorts["cohort_start"], cohorts["channel"], strict=True)) == {
        *(("2024-01-01", channel) for channel in ("all", "display", "email")),
        *(("2024-02-01", channel) for channel in ("all", "(none)")),
    }


def test_customers_without_spend_have_no_cac(partly: pd.DataFrame) -> None:
    """C3 came by themselves in February and left 60."""
    for channel in ("(none)", "all"):
        months = cohort(partly, "2024-02-01", channel)
        assert the_same(months, "customers", "spend", "cac") == [1, 0, None]
        assert the_same(months, "cac_null_reason") == ["no_spend"]
        assert numbers(months, "cumulative_margin") == [60, 60]
        assert numbers(months, "known_cost_share") == [1, 1]
        assert numbers(months, "ltv_cac_ratio") == [None, None]
        assert the_same(months, *OUTCOME) == [None, "no_cac"]


def test_given_margin_stands_for_unknown_costs_alone() -> None:
    """January: 100 - 60 and 35% of 200. February: 35% of 50."""
    months = cohort(payback(PARTLY, gross_margin_rate=0.35), "2024-01-01", "email")
    assert numbers(months, "margin") == pytest.approx([110, 17.5, 0])
    each = numbers(months, "cumulative_margin_per_customer")
    assert each == pytest.approx([55, 63.75, 63.75])
    assert numbers(months, "known_cost_share")[0] == pytest.approx(1 / 3)
    assert the_same(months, *OUTCOME) == [None, "not_yet"]


def test_given_margin_stands_for_all_costs_where_none_is_known() -> None:
    """January: 35% of 300. February: 35% of 50."""
    months = cohort(payback(COSTLESS, gross_margin_rate=0.35), "2024-01-01", "email")
    assert numbers(months, "margin") == pytest.approx([105, 17.5, 0])
    assert numbers(months, "known_cost_share") == [0, 0, 0]


def test_cost_that_is_met_to_the_cent_is_paid_back() -> None:
    """35% of 90, twice, is 63, and in floating point a hair less."""
    inputs = {
        "transactions": pd.concat(
            [
                purchases(
                    ("T1", "C1", "2024-01-10", "90", None),
                    ("T2", "C1", "2024-02-10", "90", None),
                ),
                guest("2024-02-29"),
            ]
        ),
        "marketing_spend": spend(("2024-01-01", "email", "63")),
    }
    months = cohort(payback(inputs, gross_margin_rate=0.35), "2024-01-01", "all")
    assert numbers(months, "ltv_cac_ratio") == pytest.approx([0.5, 1])
    assert the_same(months, *OUTCOME) == [1, "paid_back"]


def test_without_any_cost_there_is_no_margin() -> None:
    table = payback(COSTLESS)
    months = cohort(table, "2024-01-01", "email")
    assert the_same(months, "customers", "spend", "cac") == [2, 150, 75]
    assert the_same(months, *MARGINS, "ltv_cac_ratio") == [None] * 4
    # That no cost is known is known.
    assert numbers(months, "known_cost_share") == [0, 0, 0]
    assert the_same(months, *OUTCOME) == [None, "no_margin"]
    # What is not even known to have cost anything cannot pay back, margin or not.
    months = cohort(table, "2024-02-01", "(none)")
    assert the_same(months, *OUTCOME) == [None, "no_cac"]


def test_without_spend_there_is_no_cac_and_the_margin_stays() -> None:
    table = payback(PARTLY, "marketing_spend")
    months = cohort(table, "2024-01-01", "email")
    assert the_same(months, "customers", "spend", "cac") == [2, None, None]
    assert the_same(months, "cac_null_reason") == ["no_spend_input"]
    assert numbers(months, "cumulative_margin") == [140, 165, 165]
    assert numbers(months, "ltv_cac_ratio") == [None] * 3
    assert the_same(months, *OUTCOME) == [None, "no_cac"]
    assert set(table["channel"]) == {"email", "(none)", "all"}


def test_without_touchpoints_nobody_came_through_a_channel() -> None:
    """All cost 180 whichever channel they came through; none cost anything."""
    table = payback(PARTLY, "touchpoints")
    for channel, paid in (("all", 180), ("(none)", 0)):
        months = cohort(table, "2024-01-01", channel)
        assert the_same(months, "customers", "spend") == [2, paid]
    for channel, paid in (("email", 150), ("display", 30)):
        months = cohort(table, "2024-01-01", channel)
        assert the_same(months, "customers", "spend") == [0, paid]
    assert set(table["channel"]) == {"all", "(none)", "email", "display"}


def test_refund_takes_back_its_margin_where_it_belongs() -> None:
    """Three customers, won for 30 each, pay 100 that cost 60: 40% are left.

    50 of the first are taken back in February, nobody knows of what: 40, then 40 - 20.
    50 of the second are taken back of their purchase: 40 - 20 from the start. From the
    third 10 were taken back before anything was seen to be bought: 40 - 4.
    """
    inputs = {
        "transactions": pd.concat(
            [
                purchases(
                    ("T1", "C1", "2024-01-10", "100", "60"),
                    ("T2", "C2", "2024-01-10", "100", "60"),
                    ("T3", "C3", "2024-01-10", "100", "60"),
                ),
                refunds(
                    ("R1", "C1", "2024-02-15", "50", None),
                    ("R2", "C2", "2024-02-15", "50", "T2"),
                    ("R3", "C3", "2023-12-20", "10", None),
                ),
                guest("2024-03-31"),
            ]
        ),
        "touchpoints": touches(
            ("C1", "2024-01-05", "email"),
            ("C2", "2024-01-05", "display"),
            ("C3", "2024-01-05", "affiliate"),
        ),
        "marketing_spend": spend(
            ("2024-01-01", "email", "30"),
            ("2024-01-01", "display", "30"),
            ("2024-01-01", "affiliate", "30"),
        ),
    }
    table = payback(inputs)
    for channel, margins, outcome in (
        # What had come back in January had come back, whatever went later.
        ("email", [40, 20, 20], [0, "paid_back"]),
        ("display", [20, 20, 20], [None, "not_yet"]),
        ("affiliate", [36, 36, 36], [0, "paid_back"]),
        # 96 and then 76 of 90.
        ("all", [96, 76, 76], [0, "paid_back"]),
    ):
        months = cohort(table, "2024-01-01", channel)
        assert numbers(months, "cumulative_margin") == pytest.approx(margins)
        assert the_same(months, *OUTCOME) == outcome
    months = cohort(table, "2024-01-01", "email")
    ratios = [40 / 30, 20 / 30, 20 / 30]
    assert numbers(months, "ltv_cac_ratio") == pytest.approx(ratios)
    assert set(table["cohort_start"].astype(str)) == {"2024-01-01"}


@pytest.mark.parametrize(
    ("last_day", "february", "outcome"),
    [
        ("2024-02-28", None, [None, "not_yet"]),
        ("2024-02-29", 1000, [1, "paid_back"]),
    ],
)
def test_month_counts_once_it_is_over(
    last_day: str, february: float | None, outcome: list[Any]
) -> None:
    """40 of January do not pay 50; 1000 of February do, when it has ended."""
    inputs = {
        "transactions": pd.concat(
            [
                purchases(
                    ("T1", "C1", "2024-01-10", "100", "60"),
                    ("T2", "C1", "2024-02-20", "1000", "0"),
                    ("T3", "C2", "2024-02-20", "100", "60"),
                ),
                guest(last_day),
            ]
        ),
        "marketing_spend": spend(
            ("2024-01-01", "email", "50"), ("2024-02-01", "email", "10")
        ),
    }
    table = payback(inputs)
    months = cohort(table, "2024-01-01", "all")
    assert months["is_complete"].tolist() == [True, february is not None]
    assert numbers(months, "margin") == [40, february]
    total = february and 40 + february
    assert numbers(months, "cumulative_margin_per_customer") == [40, total]
    assert numbers(months, "known_cost_share") == [1, february and 1]
    assert numbers(months, "ltv_cac_ratio") == [0.8, total and total / 50]
    assert the_same(months, *OUTCOME) == outcome
    # C2, won for 10 in February.
    months = cohort(table, "2024-02-01", "all")
    assert the_same(months, "customers", "cac") == [1, 10]
    assert numbers(months, "margin") == [february and 40]
    assert the_same(months, *OUTCOME) == ([0, "paid_back"] if february else outcome)


@pytest.mark.parametrize(
    ("last_day", "ratios"),
    [
        ("2024-04-29", [None, None, None]),
        ("2024-07-30", [1.2, None, None]),
        ("2025-01-31", [1.2, 1.4, 2.2]),
    ],
)
def test_value_against_cost_after_some_months(
    last_day: str, ratios: list[float | None]
) -> None:
    """Won for 50. Of each payment 40% are left: 40, 20, 10 and 40 in months 0 to 12."""
    bought = [
        ("T1", "C1", "2024-01-10", "100", "60"),
        ("T2", "C1", "2024-04-02", "50", "30"),
        ("T3", "C1", "2024-07-30", "25", "15"),
        ("T4", "C1", "2025-01-02", "100", "60"),
    ]
    known = [row for row in bought if row[2] <= last_day]
    inputs = {
        "transactions": pd.concat([purchases(*known), guest(last_day)]),
        "marketing_spend": spend(("2024-01-01", "email", "50")),
    }
    months = cohort(payback(inputs), "2024-01-01", "all")
    columns = [f"ltv_cac_ratio_{number}_months" for number in (3, 6, 12)]
    assert the_same(months, *columns) == pytest.approx(ratios)
    month = None if ratios[0] is None else 3
    status = "not_yet" if month is None else "paid_back"
    assert the_same(months, *OUTCOME) == [month, status]


# The first purchase of C1 need not be the first: purchases are known since January,
# and only from February on would a customer be known to be new.
TRUNCATED = {"history_start_date": "2024-01-01", "left_truncation_days": 31}
OLD_AND_NEW = {
    "transactions": pd.concat(
        [
            purchases(
                ("T1", "C1", "2024-01-31", "100", "60"),
                ("T2", "C2", "2024-02-01", "100", None),
            ),
            guest("2024-02-29"),
        ]
    ),
    "touchpoints": touches(
        ("C1", "2024-01-05", "email"), ("C2", "2024-01-06", "email")
    ),
    "marketing_spend": spend(
        ("2024-01-01", "email", "20"), ("2024-02-01", "email", "20")
    ),
}


def test_left_truncated_customers_are_in_no_cohort() -> None:
    """Nobody new was won in January, which cost 20 all the same.

    What C1's purchase cost still says what C2's did.
    """
    table = payback(OLD_AND_NEW, **TRUNCATED)
    for channel in ("email", "all"):
        months = cohort(table, "2024-01-01", channel)
        assert the_same(months, "customers", "spend", "cac") == [0, 20, None]
        assert numbers(months, "margin") == [0, 0]
        months = cohort(table, "2024-02-01", channel)
        assert the_same(months, "customers", "spend", "cac") == [1, 20, 20]
        assert numbers(months, "margin") == [40]
        assert numbers(months, "known_cost_share") == [0]
        assert the_same(months, *OUTCOME) == [0, "paid_back"]


def conversion(inputs: Tables, *off: str, **variables: Any) -> pd.DataFrame:
    table = run(inputs, "rpt_conversion", *off, **variables)
    # Windows as text, to be looked up: ever is None.
    days = ["None" if pd.isna(w) else str(int(w)) for w in table["window_days"]]
    return table.assign(window_days=days)


def people(table: pd.DataFrame, window: str | None, **cells: str) -> dict[str, Any]:
    """Return the row of January, or of other cells, and of all channels or one."""
    where = {"period_grain": "month", "period_start": "2024-01-01", "channel": "all"}
    return only(table, window_days=str(window), **(where | cells))


# Seen in January: P1, who buys 30 days later, P2 31 days, P3 never; W1 comes in and
# buys; W2 buys at the moment of the first touch. Observed until 60 days after P1.
FOLLOWED = {
    "transactions": pd.concat(
        [
            purchases(
                ("T1", "P1", "2024-01-31T23:00:00Z", "10", None),
                ("T2", "P2", "2024-02-01T01:00:00Z", "10", None),
                ("T3", "W1", "2024-01-20", "10", None),
                ("T4", "W2", "2024-01-25T12:00:00Z", "10", None),
                ("T5", "W1", "2024-02-20", "10", None),
            ),
            guest("2024-03-01"),
        ]
    ),
    "touchpoints": touches(
        ("P1", "2024-01-01T01:00:00Z", "email"),
        ("P2", "2024-01-01T23:00:00Z", "email"),
        ("P3", "2024-01-15", "email"),
        ("W2", "2024-01-25T12:00:00Z", "email"),
        ("W1", "2024-01-21", "email"),
    ),
}
COUNTS = ["people", "eligible_people", "converted_people", "conversion_rate"]


@pytest.fixture(scope="module")
def followed() -> pd.DataFrame:
    return conversion(FOLLOWED)


@pytest.mark.parametrize(
    ("window", "counts", "is_complete"),
    [
        # P1, W1 and W2. The last of January is followed until 1 March.
        ("30", [5, 5, 3, 0.6], True),
        # P1 and P2 are followed to the day, the others are not.
        ("60", [5, 2, 2, 1], False),
        # All but P3, as long as each could.
        (None, [5, 5, 4, 0.8], True),
    ],
)
def test_conversion_within_a_window(
    followed: pd.DataFrame, window: str | None, counts: list[float], is_complete: bool
) -> None:
    row = people(followed, window)
    assert [row[name] for name in COUNTS] == pytest.approx(counts)
    assert row["is_complete"] == is_complete
    assert row["is_small_sample"]
    # P1, W1 and W2 bought in January; who else did is of no window.
    assert (row["walk_in_people"], row["new_customers"]) == (1, 3)
    assert row["period_basis_conversion_rate"] == pytest.approx(0.6)


def test_conversion_has_the_interval_of_a_share(followed: pd.DataFrame) -> None:
    """3 of 5: (0.6 + 0.384) / 1.768 -+ 1.96 sqrt(0.048 + 0.0384) / 1.768."""
    row = people(followed, "30")
    ends = [row["conversion_rate_lower"], row["conversion_rate_upper"]]
    assert ends == pytest.approx([0.2307, 0.8824], abs=1e-4)


def test_nobody_followed_long_enough_converts_at_no_rate(
    followed: pd.DataFrame,
) -> None:
    for window in ("90", "180", "365"):
        row = people(followed, window)
        assert (row["people"], row["eligible_people"]) == (5, 0)
        ends = ["conversion_rate_lower", "conversion_rate_upper"]
        assert is_null(row, *COUNTS[2:], *ends)
        assert not row["is_complete"]


def test_conversion_by_channel(followed: pd.DataFrame) -> None:
    """W1's touch came after the purchase and led to nothing."""
    row = people(followed, "30", channel="email")
    assert [row[name] for name in COUNTS] == [4, 4, 2, 0.5]
    assert (row["walk_in_people"], row["new_customers"]) == (0, 2)
    row = people(followed, "30", channel="(none)")
    assert [row[name] for name in COUNTS] == [1, 1, 1, 1]
    assert (row["walk_in_people"], row["new_customers"]) == (1, 1)
    assert set(followed["channel"]) == {"all", "email", "(none)"}
    assert set(followed["segment_column"]) == {"all"}


def test_period_with_buyers_alone(followed: pd.DataFrame) -> None:
    """P2 was seen in January and bought in February."""
    for channel in ("all", "email"):
        for window in ("30", None):
            february = {"period_start": "2024-02-01", "channel": channel}
            row = people(followed, window, **february)
            found = [row["people"], row["eligible_people"], row["walk_in_people"]]
            assert found == [0, 0, 0]
            assert row["new_customers"] == 1
            ends = ["conversion_rate_lower", "conversion_rate_upper"]
            assert is_null(row, *COUNTS[2:], *ends, "period_basis_conversion_rate")
            assert row["is_small_sample"]
            assert row["is_complete"] == (window is None)
    # Nobody came through no channel in February, and nobody at all in March.
    starts = followed[["period_grain", "period_start", "channel"]].astype(str)
    months = starts[starts["period_grain"] == "month"].drop_duplicates()
    assert set(zip(months["period_start"], months["channel"], strict=True)) == {
        *(("2024-01-01", channel) for channel in ("all", "email", "(none)")),
        *(("2024-02-01", channel) for channel in ("all", "email")),
    }


def test_conversion_over_all_time(followed: pd.DataFrame) -> None:
    """The last to be seen came on 25 January, and are followed for 30 days."""
    table = followed[followed["period_grain"] == "all"]
    assert table["period_start"].isna().all()
    for window, counts, is_complete in (
        ("30", [5, 5, 3, 0.6], True),
        ("60", [5, 2, 2, 1], False),
        ("None", [5, 5, 4, 0.8], True),
    ):
        row = only(table, window_days=window, channel="all")
        assert [row[name] for name in COUNTS] == pytest.approx(counts)
        assert row["is_complete"] == is_complete
        assert (row["walk_in_people"], row["new_customers"]) == (1, 4)
        assert row["period_basis_conversion_rate"] == pytest.approx(0.8)


def test_more_can_buy_in_a_period_than_are_first_seen_in_it() -> None:
    """A and B are seen in January and buy in February, when only C is first seen."""
    inputs = {
        "transactions": purchases(
            ("T1", "A", "2024-02-05", "10", None),
            ("T2", "B", "2024-02-06", "10", None),
        ),
        "touchpoints": touches(
            ("A", "2024-01-01", "email"),
            ("B", "2024-01-02", "email"),
            ("C", "2024-02-10", "email"),
        ),
    }
    row = people(conversion(inputs), None, period_start="2024-02-01")
    assert [row[name] for name in COUNTS] == [1, 1, 0, 0]
    assert (row["new_customers"], row["period_basis_conversion_rate"]) == (2, 2)


def test_without_touchpoints_everybody_walks_in() -> None:
    """Of the buyers P1, W1 and W2 buy in January and P2 in February."""
    table = conversion(FOLLOWED, "touchpoints")
    for channel in ("all", "(none)"):
        row = people(table, "30", channel=channel)
        assert [row[name] for name in COUNTS] == [3, 3, 3, 1]
        assert (row["walk_in_people"], row["new_customers"]) == (3, 3)
    assert set(table["channel"]) == {"all", "(none)"}


def test_left_truncated_customers_are_no_prospects() -> None:
    """C1 was first seen in January, as was C2, and need not have been new."""
    table = conversion(OLD_AND_NEW, **TRUNCATED)
    row = people(table, None)
    assert [row[name] for name in COUNTS] == [1, 1, 1, 1]
    assert (row["new_customers"], row["period_basis_conversion_rate"]) == (0, 0)
    row = people(table, None, period_start="2024-02-01")
    assert (row["people"], row["new_customers"]) == (0, 1)
