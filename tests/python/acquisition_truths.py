"""What the marts must say of the acquisition of a generated company.

What a customer costs is drawn from nothing: a month's spend on a channel is the planted
cost times the customers whom the channel won. So costs are compared cent by cent, and
intervals are kept for what chance decides: who wins whom, who buys, and the margins.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from functools import partial

import pandas as pd

import planted_acquisition as planted
from compare import assert_tables_equal
from generate_sample_data import FIRST_DAY, Company
from recovery import (
    CUSTOMERS,
    Derived,
    Frames,
    Interval,
    Quantity,
    cost_per_customer,
    ratio,
    wilson,
)
from sample_truths import Truths, expected

ACQUISITION, PAYBACK, CONVERSION = TABLES = (
    "rpt_acquisition",
    "rpt_cac_payback",
    "rpt_conversion",
)
# rpt_conversion of a project whose acquisition channel is that of the first touch.
FIRST_CONVERSION = "rpt_conversion by introducing channel"
TOTALS = {"segment_column": "all", "segment_value": "all", "period_grain": "all"}
# Attribution models of which the truth is known, and what `people` calls their channel.
INTRODUCING, CLOSING = "first", "last_non_direct"
PEOPLE_COLUMNS = {INTRODUCING: "channel", CLOSING: "acquisition_channel"}
MONTH_NUMBERS = (0, 3, 6, 12)


def channel_months(tables: Frames, model: str = CLOSING) -> pd.DataFrame:
    """Return the months of a model's channels, and of `all`."""
    rows = tables[ACQUISITION]
    rows = rows[
        (rows["attribution_model"] == model)
        & (rows["period_grain"] == "month")
        & (rows["campaign"] == "all")
    ]
    assert rows["is_complete"].all()
    return rows


def mix(tables: Frames, model: str, channel: str) -> Interval:
    """Return the share of new customers whom a channel is credited with."""
    rows = channel_months(tables, model).groupby("channel")["new_customers"].sum()
    return wilson(float(rows.get(channel, 0.0)), float(rows["all"]))


def cost_while_pausing(tables: Frames, channel: str) -> Interval:
    """Return the cost per customer of a channel that wins some while it pauses.

    Its spend follows its other customers exactly, so only their share varies.
    """
    rows = channel_months(tables)
    rows = rows[rows["channel"] == channel]
    paying = rows.loc[rows["spend"] > 0, "new_customers"].sum()
    share, lower, upper = wilson(paying, rows["new_customers"].sum())
    cost = float(rows["spend"].sum()) / paying
    return cost * share, cost * lower, cost * upper


def average_cost(tables: Frames, *, paid_only: bool) -> Interval:
    """Return what a new customer costs over all channels, or over all paid ones."""
    rows = channel_months(tables).query("channel != 'all'")
    if paid_only:
        rows = rows[rows["is_paid"].astype(bool)]
    return cost_per_customer(rows["spend"].astype(float), rows["new_customers"])


def total_cells(tables: Frames) -> pd.DataFrame:
    """Return the cells of whole cohorts, which are all observed."""
    return tables[PAYBACK].query("channel == 'all' and customers > 0")


def margin_rate(tables: Frames) -> Interval:
    """Return the share of net revenue that is margin, over all customers.

    Where no cost is known the margin follows the rate and says nothing about it.
    """
    cells = total_cells(tables).astype({"margin": float, "known_cost_share": float})
    by_cohort = cells.sort_values("period_number").groupby("cohort_start")
    buyers = tables["dim_customers"].dropna(subset=["first_purchase_date"])
    months = buyers["first_purchase_date"].dt.to_period("M").dt.start_time
    net, gross = (
        buyers[column].astype(float).groupby(months).sum()
        for column in ("net_revenue", "gross_revenue")
    )
    rate, lower, upper = ratio(by_cohort["margin"].sum(), net)
    known = float((by_cohort["known_cost_share"].last() * gross).sum() / gross.sum())
    return rate, rate - (rate - lower) / known, rate + (upper - rate) / known


def margin_per_customer(tables: Frames, number: int) -> Interval:
    """Return the margin per customer up to a month number, over complete cells."""
    cells = total_cells(tables)
    cells = cells[(cells["period_number"] == number) & cells["is_complete"]]
    return ratio(
        cells["cumulative_margin"].astype(float), cells["customers"].astype(float)
    )


def quantities(
    truths: Truths, months: int, counted: pd.DataFrame
) -> Iterator[Quantity]:
    """Yield everything that is to be recovered; `counted` are margins of many."""
    follows = expected(truths, FIRST_DAY, months)
    for model, shares in (
        (INTRODUCING, follows["introducing_mix"]),
        (CLOSING, follows["acquisition_mix"]),
    ):
        for channel, share in shares.items():
            if share:
                yield Derived(
                    ACQUISITION,
                    "share of new_customers",
                    (("attribution_model", model), ("channel", channel)),
                    share,
                    "follows",
                    partial(mix, model=model, channel=channel),
                )
    costs = follows["acquisition_cost"]
    paused = truths.paused_channel
    yield Derived(
        ACQUISITION,
        "cac",
        (("channel", paused),),
        costs["cac"][paused],
        "follows",
        partial(cost_while_pausing, channel=paused),
    )
    days = sum(
        monthrange(FIRST_DAY.year + month // 12, 1 + month % 12)[1]
        for month in range(months)
    )
    buyers = CUSTOMERS * costs["observed_buyer_share"]
    blended = costs["spend_per_customer"] + costs["spend_per_day"] * days / buyers
    for column, truth in (
        ("blended_cac", blended),
        ("paid_cac", blended / costs["paid_customer_share"]),
    ):
        yield Derived(
            ACQUISITION,
            column,
            (),
            truth,
            "follows",
            partial(average_cost, paid_only=column == "paid_cac"),
        )
    for row in truths.channels:
        if row.channel and row.share:
            cell = TOTALS | {"channel": row.channel, "window_days": 60}
            yield Quantity(
                FIRST_CONVERSION,
                "conversion_rate",
                tuple(cell.items()),
                row.conversion_rate,
                "planted",
            )
    rate = follows["margin_rate"]
    yield Derived(PAYBACK, "margin / net revenue", (), rate, "planted", margin_rate)
    for number in MONTH_NUMBERS:
        yield Derived(
            PAYBACK,
            "cumulative_margin_per_customer",
            (("period_number", f"to month {number}"),),
            planted.pooled_margin(counted, number),
            "counted",
            partial(margin_per_customer, number=number),
        )


def assert_acquisition(made: Company, tables: Frames, what: str) -> None:
    """Assert that customers, spend and costs are the company's own, to the cent."""
    key = ["period_start", "channel"]
    columns = [*key, "new_customers"]
    for model, column in PEOPLE_COLUMNS.items():
        found = channel_months(tables, model).query("channel != 'all'")
        own = planted.new_customers(made, column)
        assert_tables_equal(
            found.loc[found["new_customers"] > 0, columns], own, key, f"{model} {what}"
        )
    # Channels to which only another model credits somebody have a row in every model.
    found = found[(found["spend"] > 0) | (found["new_customers"] > 0)]
    spend = planted.spend(made).query("spend > 0")
    # The last customers are those of the closing channel.
    cells = own.merge(spend, on=key, how="outer").fillna(0.0)
    is_won, is_spent = cells["new_customers"] > 0, cells["spend"] > 0
    cells["cac"] = (cells["spend"] / cells["new_customers"]).where(is_won & is_spent)
    cells["cac_null_reason"] = None
    cells.loc[~is_won, "cac_null_reason"] = "no_customers"
    cells.loc[~is_spent, "cac_null_reason"] = "no_spend"
    names = [*columns, "spend", "cac", "cac_null_reason"]
    assert_tables_equal(found[names], cells[names], key, f"costs of {what}")

    truths = made.truths
    channels = {row.channel or "(none)": row for row in truths.channels}
    paused = (truths.paused_channel, truths.paused_month_index)
    for cell in cells.to_dict("records"):
        month, channel = cell["period_start"], channels[cell["channel"]]
        index = 12 * (month.year - FIRST_DAY.year) + month.month - FIRST_DAY.month
        truth = channel.cost_per_customer * cell["new_customers"]
        truth += channel.cost_per_day * month.days_in_month
        if (channel.channel, index) == paused:
            truth = 0.0
        assert abs(cell["spend"] - truth) <= cell["rounding"], f"{cell} of {what}"

    paid = [
        row.channel
        for row in truths.channels
        if row.cost_per_customer or row.cost_per_day
    ]
    sums = ["spend", "new_customers"]
    total = cells.groupby("period_start")[sums].sum()
    of_paid = cells[cells["channel"].isin(paid)].groupby("period_start")[sums].sum()
    averages = channel_months(tables).query("channel == 'all'")
    own = pd.DataFrame(
        {
            "blended_cac": total["spend"] / total["new_customers"],
            "paid_cac": of_paid["spend"] / of_paid["new_customers"],
        }
    ).reset_index()
    assert_tables_equal(averages[list(own)], own, key[:1], f"averages of {what}")


def assert_payback(made: Company, tables: Frames, what: str) -> None:
    """Assert that cohorts, costs and margins are the company's own."""
    key = ["cohort_start", "channel", "period_number"]
    own = planted.margins(made)
    found = tables[PAYBACK].query("customers > 0")
    assert found["is_complete"].all()
    spend = planted.spend(made).rename(columns={"period_start": "cohort_start"})
    total = spend.groupby("cohort_start", as_index=False)[["spend"]].sum()
    spend = pd.concat([spend, total.assign(channel="all")])
    own = own.merge(spend, on=key[:2], how="left").fillna({"spend": 0.0})
    own["cac"] = (own["spend"] / own["customers"]).where(own["spend"] > 0)
    value = own["cumulative_margin_per_customer"]
    own["ltv_cac_ratio"] = value / own["cac"]
    actual, truth = (
        frame.set_index(key)[
            [
                *("customers", "spend", "cac", "margin", "cumulative_margin"),
                *("cumulative_margin_per_customer", "known_cost_share"),
                "ltv_cac_ratio",
            ]
        ]
        .astype(float)
        .sort_index()
        for frame in (found, own)
    )
    # Each row of money is rounded to four decimals in the marts.
    pd.testing.assert_frame_equal(
        actual,
        truth,
        check_index_type=False,
        rtol=1e-4,
        atol=1e-3,
        obj=f"payback of {what}",
    )
    paid_back = own[value >= own["cac"]].groupby(key[:2])["period_number"].min()
    cohorts = found.query("period_number == 0").set_index(key[:2])["payback_month"]
    assert_tables_equal(
        cohorts.reset_index(),
        paid_back.reindex(cohorts.index).rename("payback_month").reset_index(),
        key[:2],
        f"payback month of {what}",
    )


def assert_conversion(made: Company, tables: Frames, what: str) -> None:
    """Assert that people and buyers by channel are the company's own."""
    key = ["channel", "window_days"]
    for table, column in ((FIRST_CONVERSION, "introducing"), (CONVERSION, "closing")):
        found = tables[table]
        for name, value in TOTALS.items():
            found = found[found[name] == value]
        own = planted.conversion(made, column)
        # A window of null days is ever.
        assert_tables_equal(
            found[list(own)].fillna({"window_days": 0}),
            own.fillna({"window_days": 0}),
            key,
            f"{table} of {what}",
        )


def shares_of_many(
    many: Company, months: int
) -> Iterator[tuple[str, float, float, float]]:
    """Yield closed forms: name, count, total and what their share must be."""
    follows = expected(many.truths, FIRST_DAY, months)
    for model, shares in (
        (INTRODUCING, follows["introducing_mix"]),
        (CLOSING, follows["acquisition_mix"]),
    ):
        own = planted.new_customers(many, PEOPLE_COLUMNS[model])
        won = own.groupby("channel")["new_customers"].sum()
        for channel, share in shares.items():
            yield f"{model} {channel}", won.get(channel, 0.0), won.sum(), share
    paused = many.truths.paused_channel
    won = own[own["channel"] == paused].set_index("period_start")["new_customers"]
    month = many.truths.paused_month_index
    pausing = won[FIRST_DAY + pd.DateOffset(months=month)]
    cost = follows["acquisition_cost"]["cac"][paused]
    cost /= next(
        row.cost_per_customer for row in many.truths.channels if row.channel == paused
    )
    yield "customers who cost nothing", pausing, won.sum(), 1 - cost
    bought = planted.conversion(many, "introducing").query("window_days == 60")
    rates = {row.channel: row.conversion_rate for row in many.truths.channels}
    for row in bought.query("channel not in ('all', '(none)')").to_dict("records"):
        counts = row["converted_people"], row["eligible_people"]
        yield f"conversion {row['channel']}", *counts, rates[row["channel"]]
