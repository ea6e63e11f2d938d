"""What new customers cost by channel, computed in pandas from credits and spend.

Written from the definitions in docs/metrics and not from the project's SQL.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from oracle import Cut, Facts, as_dates, cuts, is_direct, stack
from oracle_attribution import (
    NOBODY,
    credit_rows,
    every_model,
    full_join,
    over,
    spend_rows,
)
from oracle_rows import by_name, clean

PERIOD = ["period", "attribution_model"]


def paid_channels(known: Facts) -> set[str]:
    """Channels that cost money; of those not listed, those that have."""
    listed = by_name("journey_channels")
    paid = {name for name, row in listed.items() if row["is_paid"]}
    spent = spend_rows(known).groupby("channel")["spend"].sum()
    return paid | ({str(name) for name in spent[spent > 0].index} - set(listed))


def null_reason(customers: float, spend: float) -> str | None:
    """Why there is no cost per customer."""
    if np.isnan(spend):
        return "no_spend_input"
    if customers > 0:
        return None if spend > 0 else "no_spend"
    return "no_customers" if spend > 0 else "no_spend_and_no_customers"


def acquisition_of(cut: Cut) -> pd.DataFrame:
    """Spend and credited new customers of every period of one grain."""
    known = cut.facts
    rows, spent = credit_rows(known), spend_rows(known)
    rows = rows[rows["conversion_type"] == "first"]
    rows = rows.assign(period=cut.index(rows["day"]))
    spent = spent.assign(period=cut.index(spent["day"]))
    first, last = cut.index([known.begins, known.as_of])
    calendar = every_model(pd.DataFrame({"period": range(first, last + 1)}))
    whole = calendar.merge(full_join(rows, spent, ["period"]), how="left", on=PERIOD)
    whole = whole.fillna(0.0).assign(channel="all", campaign="all")
    by_channel = full_join(rows, spent, ["period", "channel"]).assign(campaign="all")
    finest = full_join(rows, spent, ["period", "channel", "campaign"])
    frame = stack([whole, by_channel, finest])
    if "marketing_spend" not in known.seen:
        frame["spend"] = whole["spend"] = by_channel["spend"] = np.nan
    paid = paid_channels(known)
    assert NOBODY not in paid
    frame["is_paid"] = [
        None if channel == "all" else channel in paid for channel in frame["channel"]
    ]
    bought = by_channel[by_channel["channel"].isin(paid)].groupby(PERIOD)
    ends = whole.set_index(PERIOD)
    costs = pd.DataFrame({"blended_cac": over(ends["spend"], ends["credit"])})
    costs["paid_cac"] = over(bought["spend"].sum(), bought["credit"].sum())
    # Customers for nothing have no cost, as nobody has.
    costs = costs.where(costs > 0)
    frame = frame.merge(costs.reset_index(), how="left", on=PERIOD)
    cac = over(frame["spend"], frame["credit"])
    frame["cac"] = cac.where(cac > 0)
    frame["cac_null_reason"] = [
        null_reason(*pair) for pair in zip(frame["credit"], frame["spend"], strict=True)
    ]
    frame["roas"] = over(frame["gross_revenue"], frame["spend"])
    period = frame.pop("period")
    frame["period_grain"] = cut.grain
    frame["period_start"] = as_dates(cut.start(period))
    frame["is_complete"] = cut.start(period + 1) - 1 <= known.as_of
    return frame.rename(
        columns={"credit": "new_customers", "gross_revenue": "new_customer_revenue"}
    )


def acquisition(known: Facts) -> pd.DataFrame:
    """rpt_acquisition."""
    return stack(acquisition_of(cut) for cut in cuts(known))


def channels(known: Facts) -> pd.DataFrame:
    """dim_channels."""
    touched = {touch.get("channel") for touch in known.seen.get("touchpoints", [])}
    sold = {sale.get("sales_channel") for sale in known.seen["transactions"]}
    spent = spend_rows(known).groupby("channel")["spend"].sum()
    listed = by_name("journey_channels")
    names = {*touched, *sold, *spent.index, *listed, NOBODY, "(guest)"} - {None, "all"}
    paid = paid_channels(known)
    records = [
        {
            "channel": name,
            "channel_group": clean(listed.get(name, {}).get("channel_group")) or name,
            "is_paid": name in paid,
            "is_direct": is_direct(name),
            "is_listed": name in listed,
            "has_touchpoints": name in touched,
            "has_transactions": name in sold,
            "has_spend": spent.get(name, 0) > 0,
        }
        for name in sorted(names)
    ]
    return pd.DataFrame(records)
