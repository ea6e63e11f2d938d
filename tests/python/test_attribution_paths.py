"""Attribution of paths whose answers are known: published, computed, worked by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare import assert_tables_equal
from harness import compile_project
from path_data import (
    PURCHASE,
    Paths,
    Person,
    Tables,
    as_inputs,
    effects,
    path_data,
    paths_of,
    shapley,
    transitions,
    words,
)
from test_journey import buy, company, link, touch
from test_oracle import EXAMPLES

CREDITS = "fct_attribution_credits"
EFFECTS = "rpt_channel_effects"
TRANSITIONS = "rpt_channel_transitions"
MODELS = [
    *("first", "last", "last_non_direct", "linear", "position_based", "time_decay"),
    *("markov", "shapley"),
]
# Other values of every variable of attribution, and a zone where days end later.
OTHERWISE: dict[str, Any] = {
    "attribution_half_life_days": 1,
    "attribution_lookback_days": 3000,
    "attribution_first_touch_weight": 0.5,
    "attribution_last_touch_weight": 0.3,
    "reporting_timezone": "America/New_York",
    "history_start_date": "2020-01-01",
    "left_truncation_days": 30,
}


def run(inputs: Tables, *tables: str, **variables: Any) -> list[pd.DataFrame]:
    """Build on these inputs and return the tables."""
    built = compile_project(variables).run(inputs, tables)
    return [built[name] for name in tables]


def assert_chain(built: Tables, paths: dict[str, Paths]) -> None:
    """Compare transitions and effects of every type of conversion."""
    for name, key, solve in [
        (TRANSITIONS, ["from_state", "to_state"], transitions),
        (EFFECTS, ["channel"], effects),
    ]:
        expected = pd.concat(
            [solve(each).assign(conversion_type=kind) for kind, each in paths.items()]
        )
        assert_tables_equal(built[name], expected, ["conversion_type", *key], name)


# Published: the paths of the R and Python package ChannelAttribution.


@pytest.fixture(scope="module")
def published() -> Paths:
    """Each path as often as it converts and as often as it does not."""
    paths: Paths = Counter()
    for path, conversions, failures in path_data()[
        ["path", "total_conversions", "total_null"]
    ].itertuples(index=False):
        paths[tuple(path.split(" > ")), True] += conversions
        paths[tuple(path.split(" > ")), False] += failures
    return +paths


@pytest.fixture(scope="module")
def attributed(published: Paths) -> Tables:
    """Report on one person per occurrence of a published path."""
    people = [
        [*channels, PURCHASE] if converts else channels
        for (channels, converts), number in published.items()
        for _ in range(number)
    ]
    names = ["rpt_attribution", EFFECTS, TRANSITIONS]
    return dict(zip(names, run(as_inputs(people), *names), strict=True))


@pytest.mark.parametrize(
    ("model", "printed"),
    [
        ("first", "alpha 6308 iota 4606 eta 3164 beta 2831 theta 1606 lambda 902"),
        ("last", "alpha 8447 eta 4167 iota 3355 lambda 1207"),
        ("linear", "alpha 7574.7186 iota 3857.0962 eta 3539.9512"),
    ],
)
def test_published_conversions(attributed: Tables, model: str, printed: str) -> None:
    table = attributed["rpt_attribution"].query(
        "conversion_type == 'first' and period_grain == 'year'"
    )
    table = table[table["attribution_model"] == model].set_index("channel")
    names, values = printed.split()[::2], printed.split()[1::2]
    found = table.loc[names, "conversions"].tolist()
    assert found == pytest.approx([float(value) for value in values], abs=5e-5)
    assert table["conversions"].sum() == pytest.approx(19_785, abs=1e-6)


def test_published_removal_effects(attributed: Tables) -> None:
    table = attributed[EFFECTS].set_index("channel")
    printed = {
        "alpha": (0.55840, 5344.948),
        "iota": (0.40584, 3884.615),
        "eta": (0.34903, 3340.847),
        "beta": (0.26404, 2527.352),
        "theta": (0.20601, None),
        "lambda": (0.13402, None),
    }
    for channel, (effect, conversions) in printed.items():
        found = table.loc[channel]
        assert round(found["removal_effect"], 5) == effect
        if conversions:
            assert round(found["markov_conversions"], 3) == conversions
    # What the chain says of all paths is what the paths say.
    chances = table["path_conversion_probability"]
    assert chances.tolist() == pytest.approx([19_785 / 88_387] * 12, rel=1e-12)


def test_published_paths_solved_apart(published: Paths, attributed: Tables) -> None:
    """All twelve channels, the rare ones too, against a linear solve."""
    assert_chain(attributed, {"first": published})


def expect(table: pd.DataFrame, conversion: str, **models: list[float]) -> None:
    """Compare the credits of a conversion by model, in the order of its path."""
    rows = table[table["conversion_id"] == conversion].sort_values("path_position")
    for model, expected in models.items():
        found = rows.loc[rows["attribution_model"] == model, "credit"].tolist()
        assert found == pytest.approx(expected, abs=1e-9), model


# Paths of any kind, against the chain solved and the coalitions counted by themselves.


def attribute(people: list[Person]) -> Tables:
    """Build on these people, hold it against what is computed here, and return it."""
    names = [CREDITS, EFFECTS, TRANSITIONS]
    inputs = as_inputs(people)
    built = dict(zip(names, run(inputs, *names), strict=True))
    paths, table = paths_of(people), built[CREDITS]
    if paths:
        assert_chain(built, paths)
    else:
        assert built[EFFECTS].empty
        assert built[TRANSITIONS].empty
    assert_spread(table, people)
    credit = table.groupby(["attribution_model", "conversion_type", "channel"])[
        "credit"
    ].sum()
    for kind, each in paths.items():
        values = shapley(each)
        found = {name: credit.get(("shapley", kind, name), 0) for name in values}
        assert found == pytest.approx(values, abs=1e-9)
    wholes = table.groupby(["attribution_model", "conversion_id"])["credit"].sum()
    assert np.allclose(wholes, 1, atol=1e-9)
    amounts = inputs["transactions"].set_index("transaction_id")["amount"]
    revenue = table["credit"] * table["conversion_id"].map(amounts).astype(float)
    assert np.allclose(table["gross_revenue"].astype(float), revenue)
    return built


def assert_spread(table: pd.DataFrame, people: list[Person]) -> None:
    """Each conversion is shared by the effects of its channels, each by its touches."""
    share = {
        kind: effects(paths).set_index("channel")["removal_effect_share"]
        for kind, paths in paths_of(people).items()
    }
    expected = []
    for number, person in enumerate(people):
        kind, path = "first", list[tuple[str | None, str]]()
        for position, word in enumerate(person):
            key = f"C{number}-{position:04}"
            if word != PURCHASE:
                path.append((key, word))
                continue
            touches = Counter(channel for _, channel in path)
            for touchpoint, channel in path or [(None, "(none)")]:
                part = 1.0
                if path:
                    whole = sum(share[kind][name] for name in touches)
                    part = share[kind][channel] / whole / touches[channel]
                expected.append((kind, key, touchpoint, channel, part))
            kind, path = "repeat", []
    columns = ["conversion_type", "conversion_id", "touchpoint_id", "channel", "credit"]
    assert_tables_equal(
        table.loc[table["attribution_model"] == "markov", columns],
        pd.DataFrame(expected, columns=columns),
        ["conversion_id", "touchpoint_id"],
        CREDITS,
    )


def test_three_paths_by_hand() -> None:
    """C1 > C2 > C3 converts; C1, and C2 > C3, do not."""
    built = attribute(words("c1 c2 c3 $", "c1", "c2 c3"))
    steps = built[TRANSITIONS].set_index(["from_state", "to_state"])
    assert steps["transition_probability"].to_dict() == pytest.approx(
        {
            ("(start)", "c1"): 2 / 3,
            ("(start)", "c2"): 1 / 3,
            ("c1", "c2"): 1 / 2,
            ("c1", "(null)"): 1 / 2,
            ("c2", "c3"): 1,
            ("c3", "(conversion)"): 1 / 2,
            ("c3", "(null)"): 1 / 2,
        }
    )
    assert steps["transition_count"].sum() == 9
    table = built[EFFECTS].sort_values("channel")
    assert table["removal_effect"].tolist() == pytest.approx([0.5, 1, 1])
    assert table["removal_effect_share"].tolist() == pytest.approx([0.2, 0.4, 0.4])
    assert table["markov_conversions"].tolist() == pytest.approx([0.2, 0.4, 0.4])
    expect(built[CREDITS], "C0-0003", markov=[0.2, 0.4, 0.4], shapley=[1 / 3] * 3)


people = st.lists(
    st.lists(st.sampled_from([*"abcdef", PURCHASE]), min_size=1, max_size=9),
    min_size=1,
    max_size=12,
)


@settings(EXAMPLES)
@given(people)
def test_any_paths(people: list[Person]) -> None:
    """Markov and Shapley, first and repeat purchases, with and without touches."""
    attribute(people)


@pytest.mark.parametrize(
    "people",
    [
        pytest.param(words("a $"), id="one path"),
        pytest.param(words("a a a a $", "a a", "a $"), id="one channel"),
        pytest.param(words("a b $", "b $", "c a $"), id="everybody converts"),
        pytest.param(words("a b", "b", "b a a"), id="nobody converts"),
        pytest.param(words("a b $", "c", "c c"), id="one channel only fails"),
        # Nobody who met c bought, yet who comes to a may buy.
        pytest.param(words("a b $", "c a", "a"), id="one channel fails by others"),
        pytest.param(words("a a b b a $", "b b", "a b"), id="stays on a channel"),
        pytest.param(words("a $ b $ b a $ a", "b $ a"), id="first and repeat apart"),
        pytest.param(words("$", "$ $", "a b"), id="purchases without touches"),
        pytest.param(
            words("a b " * 75 + "$", "b a " * 60, "a c $", "a b " * 75),
            id="long to and fro",
        ),
    ],
)
def test_special_paths(people: list[Person]) -> None:
    attribute(people)


def test_chain_that_nobody_converts_in() -> None:
    """There is nothing to lose, so what a channel's absence would cost is unknown."""
    table = attribute(words("a b", "b"))[EFFECTS]
    assert set(table["path_conversion_probability"]) == {0}
    assert set(table["conversion_probability"]) == {0}
    assert table[["removal_effect", "removal_effect_share"]].isna().all(axis=None)


def test_channel_that_only_fails_earns_nothing() -> None:
    """The chain holds it worth something; no conversion has it in its path."""
    built = attribute(words("a b $", "c a", "a"))
    worth = built[EFFECTS].set_index("channel")["markov_conversions"]
    assert worth["c"] > 0
    assert "c" not in set(built[CREDITS]["channel"])


# Closed-form models, worked by hand.


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, [[1], [0.5, 0.5], [0.4, 0.2, 0.4], [0.4, 0.1, 0.1, 0.4]]),
        (OTHERWISE, [[1], [0.625, 0.375], [0.5, 0.2, 0.3], [0.5, 0.1, 0.1, 0.3]]),
    ],
)
def test_position_based(variables: dict[str, Any], expected: list[list[float]]) -> None:
    people = words("a $", "a b $", "a b c $", "a b c d $")
    (table,) = run(as_inputs(people), CREDITS, **variables)
    for number, shares in enumerate(expected):
        expect(table, f"C{number}-{len(shares):04}", position_based=shares)


def test_last_non_direct() -> None:
    cases: dict[str, list[float]] = {
        "direct": [1],
        "direct direct": [0, 1],
        "email direct": [1, 0],
        "email store direct direct": [0, 1, 0, 0],
        "direct email direct": [0, 1, 0],
        "direct email": [0, 1],
        # Not named in journey_channels, so not known to be direct.
        "email unheard_of direct": [0, 1, 0],
    }
    (table,) = run(as_inputs(words(*(f"{path} $" for path in cases))), CREDITS)
    for number, shares in enumerate(cases.values()):
        length = len(shares)
        expect(
            table,
            f"C{number}-{length:04}",
            last_non_direct=shares,
            first=[1, *[0] * (length - 1)],
            last=[*[0] * (length - 1), 1],
            linear=[1 / length] * length,
        )


# Rows of one person, and of cases: of each a name, rows and what is expected.
Row = tuple[str, dict[str, Any]]


def seen(touchpoint_id: str, at: str, channel: str = "email", **more: str) -> Row:
    row: Row = touch(touchpoint_id, "a", at, "ad_click", channel=channel, **more)
    return row


def bought(transaction_id: str, at: str, amount: str = "10") -> Row:
    row: Row = buy(transaction_id, "a", at, amount)
    return row


def side_by_side(cases: Mapping[str, list[Row]]) -> Tables:
    """Rows of all cases in one company, with the name of its case in every id."""
    return company(
        *(
            (
                table,
                {
                    column: f"{name}: {value}"
                    if column.endswith("_id") and value
                    else value
                    for column, value in row.items()
                },
            )
            for name, rows in cases.items()
            for table, row in rows
        )
    )


DECAY: dict[str, tuple[list[str], list[float]]] = {
    "a half-life": (["2024-06-23", "2024-06-30"], [1 / 3, 2 / 3]),
    "half-lives": (
        ["2024-06-16", "2024-06-23", "2024-06-30"],
        [1 / 7, 2 / 7, 4 / 7],
    ),
    "half of a half-life": (
        ["2024-06-26T12:00:00", "2024-06-30"],
        [0.5**0.5 / (0.5**0.5 + 1), 1 / (0.5**0.5 + 1)],
    ),
    "one instant": (["2024-06-28", "2024-06-28"], [0.5, 0.5]),
}
# With a half-life of a day. Two to the power of -2990 is no float.
DECAY_OTHERWISE: dict[str, tuple[list[str], list[float]]] = {
    "a half-life": (["2024-06-28", "2024-06-29"], [1 / 3, 2 / 3]),
    "long ago": (["2016-04-23"], [1]),
    "both long ago": (["2016-04-23", "2016-04-24"], [1 / 3, 2 / 3]),
    "one long ago": (["2016-04-23", "2024-06-30"], [0, 1]),
}


@pytest.mark.parametrize(
    ("variables", "cases"), [({}, DECAY), (OTHERWISE, DECAY_OTHERWISE)]
)
def test_time_decay(
    variables: dict[str, Any], cases: dict[str, tuple[list[str], list[float]]]
) -> None:
    purchase = bought("p1", "2024-06-30")
    inputs = side_by_side(
        {
            name: [purchase, *(seen(f"t{n}", at) for n, at in enumerate(touches))]
            for name, (touches, _) in cases.items()
        }
    )
    (table,) = run(inputs, CREDITS, **variables)
    for name, (_, shares) in cases.items():
        expect(table, f"{name}: p1", time_decay=shares)


def paths_by_id(table: pd.DataFrame) -> dict[str, list[str]]:
    """Touches of each conversion's path, in order."""
    rows = table[table["attribution_model"] == "linear"].sort_values("path_position")
    assert (
        rows.groupby("conversion_id").size()
        == rows.groupby("conversion_id")["path_length"].first().clip(lower=1)
    ).all()
    return {
        str(conversion): ids.fillna("").tolist()
        for conversion, ids in rows.groupby("conversion_id")["touchpoint_id"]
    }


def test_touches_of_one_instant() -> None:
    """The smaller id comes first."""
    at = "2024-06-30"
    inputs = company(seen("t2", at), seen("t1", at), bought("p1", at))
    (table,) = run(inputs, CREDITS)
    assert paths_by_id(table) == {"p1": ["t1", "t2"]}
    expect(table, "p1", first=[1, 0], last=[0, 1], last_non_direct=[0, 1])


# Rows, and the touches that each conversion is credited to ("": to none).
CASES: dict[str, tuple[list[Row], dict[str, list[str]]]] = {
    "a touch and a purchase at one moment": (
        [seen("t1", "2024-06-01T12:00:00"), bought("p1", "2024-06-01T12:00:00")],
        {"p1": ["t1"]},
    ),
    "a touch a second later belongs to the next purchase": (
        [
            bought("p1", "2024-06-01T12:00:00"),
            seen("t1", "2024-06-01T12:00:01"),
            bought("p2", "2024-06-08"),
        ],
        {"p1": [""], "p2": ["t1"]},
    ),
    "a touch after the last purchase": (
        [bought("p1", "2024-06-01"), seen("t1", "2024-06-02")],
        {"p1": [""]},
    ),
    "first and last day of the lookback": (
        [
            seen("t1", "2024-04-01T23:59:59"),
            seen("t2", "2024-04-02T00:00:00"),
            bought("p1", "2024-07-01T23:00:00"),
        ],
        {"p1": ["t2"]},
    ),
    "touches too old for any purchase": (
        [seen("t1", "2024-01-01"), bought("p1", "2024-06-01")],
        {"p1": [""]},
    ),
    "touches without a channel": (
        [
            seen("t1", "2024-06-01"),
            seen("t2", "2024-06-02", channel=""),
            seen("t3", "2024-06-03"),
            bought("p1", "2024-06-03"),
            seen("t4", "2024-06-04", channel=""),
            bought("p2", "2024-06-05"),
        ],
        {"p1": ["t1", "t3"], "p2": [""]},
    ),
    "two purchases on a day are one conversion": (
        [
            seen("t1", "2024-06-01T10:00:00"),
            bought("p1", "2024-06-01T11:00:00"),
            seen("t2", "2024-06-01T12:00:00"),
            bought("p2", "2024-06-01T13:00:00"),
            seen("t3", "2024-06-02T10:00:00"),
            bought("p3", "2024-06-02T11:00:00"),
        ],
        {"p1": ["t1"], "p3": ["t2", "t3"]},
    ),
    "two purchases at one moment": (
        [
            bought("p2", "2024-06-01T11:00:00"),
            bought("p1", "2024-06-01T11:00:00"),
            seen("t1", "2024-06-01T10:00:00"),
        ],
        {"p1": ["t1"]},
    ),
    "each purchase has a cycle of its own": (
        [
            seen("t1", "2024-06-01"),
            bought("p1", "2024-06-02"),
            bought("p2", "2024-06-03"),
            seen("t2", "2024-06-04"),
            seen("t3", "2024-06-05"),
            bought("p3", "2024-06-06"),
        ],
        {"p1": ["t1"], "p2": [""], "p3": ["t2", "t3"]},
    ),
    "a refund ends no path": (
        [
            bought("p1", "2024-06-01"),
            seen("t1", "2024-06-02"),
            bought("r1", "2024-06-03", "-10"),
            seen("t2", "2024-06-04"),
            bought("p2", "2024-06-05"),
        ],
        {"p1": [""], "p2": ["t1", "t2"]},
    ),
    "a gift is a purchase": (
        [seen("t1", "2024-06-01"), bought("p1", "2024-06-02", "0")],
        {"p1": ["t1"]},
    ),
    "a purchase of nobody's": (
        [seen("t1", "2024-06-01"), buy("p1", "", "2024-06-02")],
        {},
    ),
    "touches of a visitor known later": (
        [
            touch("t1", "", "2024-06-01", "ad_click", visitor_id="v", channel="email"),
            touch("t2", "", "2024-06-01", "ad_click", visitor_id="w", channel="email"),
            link("v", "a"),
            bought("p1", "2024-06-02"),
        ],
        {"p1": ["t1"]},
    ),
}
# The same where New York's days count, and 3000 of them.
CASES_OTHERWISE: dict[str, tuple[list[Row], dict[str, list[str]]]] = {
    "two purchases on a local day": (
        [
            bought("p1", "2024-02-01T23:00:00Z"),
            seen("t1", "2024-02-02T01:00:00Z"),
            bought("p2", "2024-02-02T04:59:59Z"),
            bought("p3", "2024-02-02T05:00:00Z"),
        ],
        {"p1": [""], "p3": ["t1"]},
    ),
    "first local day of the lookback": (
        [
            seen("t1", "2015-11-15T04:59:59Z"),
            seen("t2", "2015-11-15T05:00:00Z"),
            bought("p1", "2024-02-02T04:00:00Z"),
        ],
        {"p1": ["t2"]},
    ),
}


@pytest.mark.parametrize(
    ("variables", "cases"), [({}, CASES), (OTHERWISE, CASES_OTHERWISE)]
)
def test_touches_of_a_conversion(
    variables: dict[str, Any], cases: dict[str, tuple[list[Row], dict[str, list[str]]]]
) -> None:
    inputs = side_by_side({name: rows for name, (rows, _) in cases.items()})
    (table,) = run(inputs, CREDITS, **variables)
    assert paths_by_id(table) == {
        f"{name}: {conversion}": [each and f"{name}: {each}" for each in path]
        for name, (_, paths) in cases.items()
        for conversion, path in paths.items()
    }


def test_rows_of_conversions() -> None:
    """Every column, with two purchases on a day and one that nothing led to."""
    rows = [
        seen("t1", "2024-06-01T10:00:00", "email", campaign="spring"),
        seen("t2", "2024-06-01T11:00:00", "store"),
        bought("p1", "2024-06-02T12:00:00", "10.50"),
        bought("p2", "2024-06-02T13:00:00", "9.50"),
        bought("r1", "2024-06-02T14:00:00", "-3"),
        bought("p3", "2024-06-03T12:00:00", "7"),
    ]
    (table,) = run(company(*rows), CREDITS)
    assert len(table) == len(MODELS) * 3
    first = {
        "conversion_type": "first",
        "conversion_id": "p1",
        "customer_id": "a",
        "conversion_date": pd.Timestamp("2024-06-02"),
        "converted_at": pd.Timestamp("2024-06-02 12:00:00"),
        "path_length": 2,
        "attribution_model": "linear",
        "credit": 0.5,
        "gross_revenue": 10,
    }
    repeat = {
        "conversion_type": "repeat",
        "conversion_id": "p3",
        "customer_id": "a",
        "conversion_date": pd.Timestamp("2024-06-03"),
        "converted_at": pd.Timestamp("2024-06-03 12:00:00"),
        "channel": "(none)",
        "campaign": "(none)",
        "path_length": 0,
        "credit": 1,
        "gross_revenue": 7,
    }
    touched = [
        ("t1", pd.Timestamp("2024-06-01 10:00:00"), "email", "spring", 1),
        ("t2", pd.Timestamp("2024-06-01 11:00:00"), "store", "(none)", 2),
    ]
    names = ["touchpoint_id", "touched_at", "channel", "campaign", "path_position"]
    expected = [first | dict(zip(names, each, strict=True)) for each in touched]
    expected += [repeat | {"attribution_model": model} for model in MODELS]
    found = table[
        (table["attribution_model"] == "linear") | (table["conversion_id"] == "p3")
    ]
    key = ["conversion_id", "touchpoint_id", "attribution_model"]
    assert_tables_equal(found, pd.DataFrame(expected), key, CREDITS)


def test_path_of_nobody_who_bought() -> None:
    """It goes back from its last touch, as far as that of a conversion would."""
    rows = [
        seen("t1", "2024-03-31", "early"),
        bought("p1", "2024-03-31T12:00:00"),
        seen("t2", "2024-04-01T23:59:59", "old"),
        seen("t3", "2024-04-02T00:00:00", "email"),
        seen("t4", "2024-07-01T23:00:00", "store"),
        touch("t5", "b", "2024-04-01", "ad_click", channel="email"),
        touch("t6", "b", "2024-07-01", "ad_click", channel="store"),
    ]
    (table,) = run(company(*rows), TRANSITIONS)
    steps = table.set_index(["conversion_type", "from_state", "to_state"])
    assert steps["transition_count"].to_dict() == {
        ("first", "(start)", "early"): 1,
        ("first", "early", "(conversion)"): 1,
        ("first", "(start)", "store"): 1,
        ("first", "store", "(null)"): 1,
        ("repeat", "(start)", "email"): 1,
        ("repeat", "email", "store"): 1,
        ("repeat", "store", "(null)"): 1,
    }


def test_purchases_that_need_not_be_first() -> None:
    """They are a type of their own, with a chain of their own."""
    rows = [
        seen("t1", "2020-01-10", "email"),
        seen("t2", "2020-01-10", "store"),
        bought("p1", "2020-01-15T12:00:00"),
        seen("t3", "2020-02-10", "email"),
        bought("p2", "2020-02-15T12:00:00"),
        touch("t4", "b", "2020-02-10", "ad_click", channel="display"),
        buy("p3", "b", "2020-02-15T12:00:00"),
    ]
    table, chain = run(company(*rows), CREDITS, EFFECTS, **OTHERWISE)
    types = table.groupby("conversion_id")["conversion_type"].unique()
    assert types.explode().to_dict() == {
        "p1": "left_truncated",
        "p2": "repeat",
        "p3": "first",
    }
    kinds = chain.set_index(["conversion_type", "channel"])
    assert kinds["removal_effect"].to_dict() == pytest.approx(
        {
            ("left_truncated", "email"): 1,
            ("left_truncated", "store"): 1,
            ("repeat", "email"): 1,
            ("first", "display"): 1,
        }
    )
