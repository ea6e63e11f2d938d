"""Credit for conversions: what must add up whatever the rows, and cases by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from harness import COLUMNS, Compiled, compile_project
from oracle import facts
from oracle_attribution import MODELS, attribution_credits, channel_effects
from oracle_rows import Settings, accepted, judge
from strategies import ZONE, companies, frame

Tables = dict[str, pd.DataFrame]
CREDITS, EFFECTS = "fct_attribution_credits", "rpt_channel_effects"
TABLES = [
    *(CREDITS, EFFECTS, "rpt_channel_transitions", "rpt_attribution"),
    *("rpt_acquisition", "rpt_growth", "dim_customers", "dim_periods"),
    "fct_journey_events",
]
PERIOD = ["period_grain", "period_start"]
ACCOUNT = ["attribution_model", *PERIOD]
# A millionth of what is summed, so that no rounding of floats counts.
CLOSE = 1e-6
KNOWN = Settings(
    reporting_timezone=ZONE, segment_columns=("acquisition_channel", "region")
)
CHANGED = Settings(
    reporting_timezone=ZONE,
    segment_columns=("region",),
    history_start_date=date(2023, 11, 1),
    left_truncation_days=30,
    week_start="sunday",
    acquisition_attribution_model="first",
    attribution_lookback_days=7,
    attribution_half_life_days=0.02,
    attribution_first_touch_weight=0.7,
    attribution_last_touch_weight=0.3,
    marketing_spend_repeats="reject",
)


def assert_close(actual: pd.Series, expected: pd.Series, name: str) -> None:
    """Compare two series by their index; a key that one lacks counts as 0."""
    left, right = (side.astype(float) for side in (actual, expected))
    left, right = left.align(right, fill_value=0)
    off = ~np.isclose(left, right, CLOSE, CLOSE)
    found = pd.DataFrame({"actual": left, "expected": right})[off]
    assert found.empty, f"{name}:\n{found.head()}"


def by_period(tables: Tables, dated: pd.DataFrame, day: str) -> pd.DataFrame:
    """Repeat dated rows for every period that holds their day."""
    rows = dated.merge(tables["dim_periods"], how="cross")
    return rows[rows[day].between(rows["period_start"], rows["period_end"])]


def assert_credits_add_up(tables: Tables) -> None:
    """Every conversion is credited once, in every model."""
    rows = tables[CREDITS]
    assert set(rows["attribution_model"]) <= set(MODELS)
    assert rows["credit"].between(0, 1).all()
    groups = rows.groupby(["conversion_id", "attribution_model"])
    assert (groups["credit"].sum() - 1).abs().max() < CLOSE
    assert groups.ngroups == rows["conversion_id"].nunique() * len(MODELS)
    assert not (rows["touched_at"] > rows["converted_at"]).any()
    events = tables["fct_journey_events"]
    bought = events[events["event_type"] == "purchase"].dropna(subset="customer_id")
    days = bought.groupby(["customer_id", "occurred_date"])["amount"].sum()
    for model, credited in rows.groupby("attribution_model"):
        earned = credited.groupby(["customer_id", "conversion_date"])["gross_revenue"]
        assert_close(
            earned.sum(), days.rename_axis(earned.sum().index.names), str(model)
        )


def assert_periods_add_up(tables: Tables) -> None:
    """Every conversion is reported once in each period, with its revenue."""
    report = tables["rpt_attribution"]
    one = ["conversion_id", "conversion_type", "conversion_date"]
    conversions = tables[CREDITS].query("attribution_model == 'first'")
    conversions = conversions.groupby(one)["gross_revenue"].sum().reset_index()
    conversions = pd.concat([conversions, conversions.assign(conversion_type="all")])
    dated = by_period(tables, conversions, "conversion_date")
    whole = dated.groupby(["conversion_type", *PERIOD]).agg(
        conversions=("conversion_id", "count"), gross_revenue=("gross_revenue", "sum")
    )
    growth = tables["rpt_growth"].query("segment_column == 'all'").set_index(PERIOD)
    for model, rows in report.groupby("attribution_model"):
        sums = rows.groupby(["conversion_type", *PERIOD]).sum(numeric_only=True)
        for column in ("conversions", "gross_revenue"):
            assert_close(sums[column], whole[column], f"{column} by {model}")
        for kind, column in (("all", "purchase_days"), ("first", "new_customers")):
            total = sums[sums.index.get_level_values(0) == kind].droplevel(0)
            assert_close(total["conversions"], growth[column], f"{column} by {model}")
    keys = ["conversion_type", *ACCOUNT]
    for column in ("conversion_share", "revenue_share"):
        shares = report.groupby(keys)[column].sum(min_count=1).dropna()
        assert (shares - 1).abs().max() < CLOSE or shares.empty, column


def spent_by_period(tables: Tables, inputs: Tables, known: Settings) -> pd.Series:
    """Sum the accepted raw rows of spend by period."""
    rows = accepted(judge(inputs, known)["marketing_spend"])
    spent = pd.DataFrame(
        [(row["local"], row["money"] / 1e4) for row in rows], columns=["day", "spend"]
    ).astype({"day": "datetime64[us]"})
    return by_period(tables, spent, "day").groupby(PERIOD)["spend"].sum()


def assert_spend_adds_up(tables: Tables, spent: pd.Series) -> None:
    """Every amount spent comes out in every period, level and model."""
    acquisition = tables["rpt_acquisition"]
    total, channel = acquisition["channel"] == "all", acquisition["campaign"] == "all"
    of_all = tables["rpt_attribution"].query("conversion_type == 'all'")
    accounts = {
        "total": acquisition[total],
        "channels": acquisition[channel & ~total],
        "campaigns": acquisition[~channel],
        "attribution": of_all,
    }
    for name, rows in accounts.items():
        for model in MODELS:
            sums = rows[rows["attribution_model"] == model].groupby(PERIOD)["spend"]
            assert_close(sums.sum(), spent, f"spend of {name} by {model}")
            # No period of a grain is left out, and none is there twice.
            grains = sums.sum().groupby("period_grain").sum()
            assert_close(grains, spent.groupby("period_grain").sum(), name)
    periods = tables["dim_periods"]
    assert acquisition[total].groupby("attribution_model").size().to_dict() == (
        dict.fromkeys(MODELS, len(periods))
    )


def assert_customers_add_up(tables: Tables, credited_by: str) -> None:
    """Every new customer is won once, by the channel that dim_customers names."""
    rows = tables["rpt_acquisition"]
    total, channel = rows["channel"] == "all", rows["campaign"] == "all"
    growth = tables["rpt_growth"].query("segment_column == 'all'").set_index(PERIOD)
    for part in (total, channel & ~total, ~channel):
        for model in MODELS:
            own = rows[part & (rows["attribution_model"] == model)]
            sums = own.groupby(PERIOD)["new_customers"].sum()
            assert_close(sums, growth["new_customers"], f"new customers by {model}")
    people = tables["dim_customers"].dropna(subset="first_purchase_date")
    people = people[~people["is_left_truncated"].astype(bool)]
    dated = by_period(tables, people, "first_purchase_date")
    key = [*PERIOD, "channel"]
    dated = dated.rename(columns={"acquisition_channel": "channel"})
    own = rows[channel & ~total & (rows["attribution_model"] == credited_by)]
    counts = own.set_index(key)["new_customers"]
    assert_close(counts, dated.groupby(key).size(), "acquisition channels")
    has_cost = rows["cac"].notna()
    assert (has_cost == rows["cac_null_reason"].isna()).all()
    assert (rows.loc[has_cost, "spend"] > 0).all()


def assert_chain_is_whole(tables: Tables) -> None:
    """Probabilities of moves and shares of channels add up to 1."""
    moves = tables["rpt_channel_transitions"]
    sums = moves.groupby(["conversion_type", "from_state"])
    off = (sums["transition_probability"].sum() - 1).abs()
    assert not (off > CLOSE).any()
    for _, rows in tables[EFFECTS].groupby("conversion_type"):
        paths, converting = (int(rows[n].max()) for n in ("paths", "converting_paths"))
        share = rows["path_conversion_probability"] - converting / paths
        assert share.abs().max() < CLOSE
        if converting:
            assert abs(rows["removal_effect_share"].sum() - 1) < CLOSE
            assert abs(rows["markov_conversions"].sum() - converting) < CLOSE
            assert rows["removal_effect"].between(0, 1 + CLOSE).all()
        else:
            assert rows["removal_effect"].isna().all()


@settings(
    max_examples=10,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@pytest.mark.parametrize("known", [KNOWN, CHANGED], ids=["default", "changed"])
@given(inputs=companies())
def test_credit_and_spend_add_up(known: Settings, inputs: Tables) -> None:
    assume(accepted(judge(inputs, known)["transactions"]))
    plain = asdict(Settings())
    changed = {k: v for k, v in asdict(known).items() if v != plain[k]}
    variables = json.loads(json.dumps(changed | {"max_rejected_share": 1}, default=str))
    tables = compile_project(variables).run(inputs, TABLES)
    assert_credits_add_up(tables)
    assert_periods_add_up(tables)
    assert_spend_adds_up(tables, spent_by_period(tables, inputs, known))
    assert_customers_add_up(tables, known.acquisition_attribution_model)
    assert_chain_is_whole(tables)


def company(
    purchases: Iterable[tuple[str | None, str]],
    touches: Iterable[tuple[str, str, str, str | None]],
) -> Tables:
    """Raw rows of purchases (customer, time) and touches (id, customer, time, channel).

    A purchase is known by its customer and day, and costs 10.
    """
    bought = [
        {
            "transaction_id": f"{person} {when}",
            "customer_id": person,
            "occurred_at": when,
            "amount": "10",
        }
        for person, when in purchases
    ]
    touched = [
        {
            "touchpoint_id": key,
            "customer_id": person,
            "occurred_at": when,
            "touchpoint_type": "ad_click",
            "channel": channel,
        }
        for key, person, when, channel in touches
    ]
    return {name: frame(name, []) for name in COLUMNS} | {
        "transactions": frame("transactions", bought),
        "touchpoints": frame("touchpoints", touched),
    }


def both(project: Compiled, inputs: Tables) -> Iterable[tuple[Tables, str]]:
    """Credits and effects, first of the project and then of the oracle."""
    yield project.run(inputs, [CREDITS, EFFECTS]), "marts"
    known = facts(judge(inputs, Settings()), Settings())
    computed = {CREDITS: attribution_credits(known), EFFECTS: channel_effects(known)}
    yield computed, "oracle"


NOON = "2024-01-10T12:00:00Z"
PURCHASES = [
    *[(who, NOON) for who in ("one", "two", "three", "tie", "none", "late", "old")],
    *[("late", "2024-01-10T14:00:00Z"), ("late", "2024-01-20"), (None, NOON)],
]
TOUCHES: list[tuple[str, str, str, str | None]] = [
    ("1", "one", "2023-10-12T12:00:00Z", "email"),
    ("2", "two", "2024-01-03T12:00:00Z", "email"),
    ("3", "two", NOON, "direct"),
    ("4", "three", "2023-12-27T12:00:00Z", "email"),
    ("5", "three", "2024-01-03T12:00:00Z", "email"),
    ("6", "three", NOON, "paid_search"),
    ("8", "tie", "2024-01-09T12:00:00Z", "email"),
    ("7", "tie", "2024-01-09T12:00:00Z", "paid_search"),
    ("a", "none", "2024-01-09T12:00:00Z", None),
    ("b", "late", "2024-01-10T13:00:00Z", "email"),
    ("c", "old", "2023-10-11T12:00:00Z", "email"),
    ("d", "prospect", NOON, "email"),
]
# Credits of each touch, or of a purchase day without any: first, last, last_non_direct,
# linear, position_based, time_decay, shapley.
BY_HAND: dict[str, list[float]] = {
    # 90 days before the purchase.
    "1": [1, 1, 1, 1, 1, 1, 1],
    "2": [1, 0, 1, 1 / 2, 1 / 2, 1 / 3, 1 / 2],
    # At the moment of the purchase, one half-life later.
    "3": [0, 1, 0, 1 / 2, 1 / 2, 2 / 3, 1 / 2],
    "4": [1, 0, 0, 1 / 3, 0.4, 1 / 7, 1 / 4],
    "5": [0, 0, 0, 1 / 3, 0.2, 2 / 7, 1 / 4],
    "6": [0, 1, 1, 1 / 3, 0.4, 4 / 7, 1 / 2],
    # Of touches at one moment the lower id is the earlier.
    "7": [1, 0, 0, 1 / 2, 1 / 2, 1 / 2, 1 / 2],
    "8": [0, 1, 1, 1 / 2, 1 / 2, 1 / 2, 1 / 2],
    # Between two purchases of one day: it belongs to the next day's.
    "b": [1, 1, 1, 1, 1, 1, 1],
    f"none {NOON}": [1, 1, 1, 1, 1, 1, 1],
    f"late {NOON}": [1, 1, 1, 1, 1, 1, 1],
    # 91 days before the purchase is too long ago.
    f"old {NOON}": [1, 1, 1, 1, 1, 1, 1],
}


def test_credits_worked_by_hand() -> None:
    for tables, name in both(compile_project(), company(PURCHASES, TOUCHES)):
        rows = tables[CREDITS]
        rows["key"] = rows["touchpoint_id"].where(
            rows["touchpoint_id"].notna(), rows["conversion_id"]
        )
        wide = rows.pivot_table("credit", "key", "attribution_model")
        wide = wide[[model for model in MODELS if model != "markov"]]
        expected = pd.DataFrame.from_dict(BY_HAND, "index").set_axis(
            wide.columns, axis=1
        )
        assert sorted(wide.index) == sorted(expected.index), name
        assert np.allclose(wide, expected.loc[wide.index]), f"{name}:\n{wide}"
        late = rows[rows["customer_id"] == "late"].set_index("key")
        assert set(late.loc[["b"], "conversion_type"]) == {"repeat"}, name
        day = late.loc[[f"late {NOON}"]]
        assert set(day["gross_revenue"]) == {20.0}, name
        assert set(day["channel"]) == set(day["campaign"]) == {"(none)"}, name


def test_touch_of_long_ago_keeps_its_share() -> None:
    """However many half-lives have passed, only the difference of ages counts."""
    touches: list[tuple[str, str, str, str | None]] = [
        ("1", "a", "2024-01-01T00:00:00Z", "email"),
        ("2", "a", "2024-01-01T01:12:00Z", "display"),
    ]
    project = compile_project({"attribution_half_life_days": 0.05})
    tables = project.run(company([("a", "2024-03-25")], touches), [CREDITS])
    rows = tables[CREDITS].query("attribution_model == 'time_decay'")
    credit = dict(zip(rows["touchpoint_id"], rows["credit"], strict=True))
    assert credit == pytest.approx({"1": 1 / 3, "2": 2 / 3})


def test_three_paths_worked_by_hand() -> None:
    """Of the paths C1 > C2 > C3, C1 and C2 > C3 the first alone converts."""
    steps = {"a": "123", "b": "1", "c": "23"}
    touches: list[tuple[str, str, str, str | None]] = [
        (f"{who}{channel}", who, f"2024-01-0{channel}", f"C{channel}")
        for who, channels in steps.items()
        for channel in channels
    ]
    for tables, name in both(
        compile_project(), company([("a", "2024-01-10")], touches)
    ):
        effects = tables[EFFECTS].set_index("channel").sort_index()
        assert np.allclose(effects["removal_effect"], [0.5, 1, 1]), name
        assert np.allclose(effects["removal_effect_share"], [0.2, 0.4, 0.4]), name
        rows = tables[CREDITS].query("attribution_model == 'markov'")
        credit = rows.set_index("channel")["credit"].sort_index()
        assert np.allclose(credit, [0.2, 0.4, 0.4]), name
