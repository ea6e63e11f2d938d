"""The stages of people: laws that hold on random journeys, cases worked by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import assume, given, settings

from compare import assert_tables_equal
from harness import compile_project
from oracle_rows import accepted, judge
from strategies import companies, frame
from test_oracle import AS_OF, EXAMPLES, KNOWN, MADE_UP, Tables

HISTORY = "fct_stage_history"
EVENTS = "fct_journey_events"


def assert_history_is_whole(history: pd.DataFrame, events: pd.DataFrame) -> None:
    """Everybody is in exactly one stage from their first event on, and moves up."""
    named = events.dropna(subset="customer_id")
    assert set(history["customer_id"]) == set(named["customer_id"])
    history = history.sort_values(["customer_id", "entered_at"])
    people = history.groupby("customer_id")
    following = people["entered_at"].shift(-1)
    open_ended = history["left_at"].isna() & following.isna()
    assert ((history["left_at"] == following) | open_ended).all()
    assert (history["is_current"] == history["left_at"].isna()).all()
    assert (people["is_current"].sum() == 1).all()
    assert not (people["stage_order"].diff() <= 0).any()
    starts = named.groupby("customer_id")["occurred_at"].min()
    assert (people["entered_at"].min() == starts).all()
    columns = ["customer_id", "stage", "entered_at", "left_at", "entering_event_id"]
    pairs = named.merge(history[columns], on="customer_id", suffixes=("", "_held"))
    holds = (pairs["entered_at"] <= pairs["occurred_at"]) & ~(
        pairs["left_at"] <= pairs["occurred_at"]
    )
    assert sorted(pairs.loc[holds, "event_id"]) == sorted(named["event_id"])
    assert (pairs["stage"] == pairs["stage_held"])[holds].all()
    opening = pairs[pairs["event_id"] == pairs["entering_event_id"]]
    assert len(opening) == len(history)
    assert (opening["occurred_at"] == opening["entered_at"]).all()


def history_until(history: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Cut a history back to what it was at the end of a day."""
    known: pd.DataFrame = history[history["entered_at"].dt.normalize() <= day].copy()
    known["left_at"] = known["left_at"].where(known["left_at"].dt.normalize() <= day)
    known["is_current"] = known["left_at"].isna()
    end = known["left_at"].fillna(day).dt.normalize()
    known["days_in_stage"] = (end - known["entered_at"].dt.normalize()).dt.days
    return known


@settings(EXAMPLES, max_examples=50)
@given(companies())
def test_stages_neither_overlap_nor_gap_and_the_past_does_not_change(
    inputs: Tables,
) -> None:
    # What a refund without a name belongs to can come to light later.
    rows = inputs["transactions"]
    named = rows["customer_id"].str.strip().fillna("") != ""
    inputs["transactions"] = rows[rows["original_transaction_id"].isna() | named]
    later = compile_project(MADE_UP).run(inputs, [HISTORY, EVENTS, "dim_customers"])
    assert_history_is_whole(later[HISTORY], later[EVENTS])
    current = later[HISTORY].query("is_current").set_index("customer_id")
    people = later["dim_customers"].set_index("customer_id")
    assert people["current_stage"].dropna().to_dict() == current["stage"].to_dict()
    judged = judge(inputs, KNOWN)
    assume(
        any(row["local"].date() <= AS_OF for row in accepted(judged["transactions"]))
    )
    then = compile_project(MADE_UP | {"as_of_date": str(AS_OF)}).run(inputs, [HISTORY])
    past = history_until(later[HISTORY], pd.Timestamp(AS_OF))
    assert_tables_equal(then[HISTORY], past, ["customer_id", "stage"], HISTORY)


# Rows of the cases below: an id, a person, a moment (a date is its midnight) and more.
def touch(touchpoint_id: str, person: str, at: str, kind: str, **more: str) -> Any:
    key = {"touchpoint_id": touchpoint_id, "customer_id": person, "occurred_at": at}
    return "touchpoints", key | {"touchpoint_type": kind} | more


def buy(transaction_id: str, person: str, at: str, amount: str = "10") -> Any:
    key = {"transaction_id": transaction_id, "customer_id": person}
    return "transactions", key | {"occurred_at": at, "amount": amount}


def answer(response_id: str, person: str, at: str, score: str) -> Any:
    key = {"response_id": response_id, "customer_id": person, "responded_at": at}
    return "survey_responses", key | {"question_id": "nps_purchase", "score": score}


def link(visitor_id: str, customer_id: str) -> Any:
    return "identities", {"visitor_id": visitor_id, "customer_id": customer_id}


def company(*rows: tuple[str, dict[str, Any]]) -> Tables:
    """Raw rows by input."""
    names = dict.fromkeys(name for name, _ in rows)
    return {name: frame(name, [row for n, row in rows if n == name]) for name in names}


# Of each person the rows, and the stages: name, entered and by which event, skipped.
JOURNEYS: dict[str, tuple[list[Any], list[str]]] = {
    "a touch and a purchase at one moment": (
        [
            touch("a1", "a", "2024-01-10T15:00:00Z", "ad_click"),
            buy("a2", "a", "2024-01-10T15:00:00Z"),
        ],
        ["conversion 2024-01-10 10:00 purchase:a2 [awareness, consideration]"],
    ),
    "four stages on one day without a time": (
        [
            touch("b1", "b", "2024-01-05", "ad_click"),
            answer("b2", "b", "2024-01-10", "9"),
            buy("b3", "b", "2024-01-10"),
            touch("b4", "b", "2024-01-10", "site_visit"),
            touch("b5", "b", "2024-01-10", "referral"),
        ],
        [
            "awareness 2024-01-05 00:00 touchpoint:b1 []",
            "advocacy 2024-01-10 00:00 touchpoint:b5"
            " [consideration, conversion, retention]",
        ],
    ),
    "events before the first touch": (
        [
            buy("c1", "c", "2024-01-03", "-5"),
            answer("c2", "c", "2024-01-04", "10"),
            touch("c3", "c", "2024-01-05", "ad_click"),
            touch("c4", "c", "2024-01-06", "site_visit"),
        ],
        [
            "awareness 2024-01-03 00:00 refund:c1 []",
            "consideration 2024-01-06 00:00 touchpoint:c4 []",
        ],
    ),
    "purchases without a touch, the third one a day later in New York": (
        [
            buy("d1", "d", "2024-01-10T06:00:00Z"),
            buy("d2", "d", "2024-01-11T04:59:59Z"),
            buy("d3", "d", "2024-01-11T05:00:00Z"),
        ],
        [
            "conversion 2024-01-10 01:00 purchase:d1 [awareness, consideration]",
            "retention 2024-01-11 00:00 purchase:d3 []",
        ],
    ),
    "advocacy before the purchase never counts": (
        [
            touch("e1", "e", "2024-01-01", "referral"),
            answer("e2", "e", "2024-01-02", "10"),
            buy("e3", "e", "2024-01-03"),
            touch("e4", "e", "2024-01-04", "negative_review"),
            touch("e5", "e", "2024-01-04", "referral", outcome="neutral"),
            answer("e6", "e", "2024-01-05", "8"),
        ],
        [
            "awareness 2024-01-01 00:00 touchpoint:e1 []",
            "conversion 2024-01-03 00:00 purchase:e3 [consideration]",
        ],
    ),
    "a promoter at the moment of the purchase": (
        [answer("f1", "f", "2024-01-03", "9"), buy("f2", "f", "2024-01-03")],
        [
            "advocacy 2024-01-03 00:00 survey_response:f1"
            " [awareness, consideration, conversion, retention]",
        ],
    ),
    "what reaches no stage, and no way back": (
        [
            touch("g1", "g", "2024-01-01", "checkout"),
            touch("g2", "g", "2024-01-02", "loyalty_offer"),
            buy("g3", "g", "2024-01-03"),
            touch("g4", "g", "2024-01-04", "site_visit"),
            touch("g5", "g", "2024-01-05", "positive_review"),
            buy("g6", "g", "2024-01-06"),
        ],
        [
            "awareness 2024-01-01 00:00 touchpoint:g1 []",
            "conversion 2024-01-03 00:00 purchase:g3 [consideration]",
            "advocacy 2024-01-05 00:00 touchpoint:g5 [retention]",
        ],
    ),
    "a visitor whom nobody knows": (
        [touch("h1", "", "2024-01-01", "product_view", visitor_id="h")],
        ["consideration 2024-01-01 00:00 touchpoint:h1 [awareness]"],
    ),
}


@pytest.fixture(scope="module")
def journeys() -> Tables:
    rows = [row for given_rows, _ in JOURNEYS.values() for row in given_rows]
    rows += [touch("z", "z", str(AS_OF), "ad_click"), buy("guest", "", "2024-01-01")]
    inputs = company(*rows)
    return compile_project(MADE_UP).run(inputs, [HISTORY, EVENTS])


@pytest.mark.parametrize("case", JOURNEYS)
def test_stages_of_a_journey_worked_out_by_hand(journeys: Tables, case: str) -> None:
    rows, expected = JOURNEYS[case]
    person = rows[0][1]["customer_id"] or "visitor:h"
    history = journeys[HISTORY].sort_values("entered_at")
    history = history[history["customer_id"] == person]
    entered = history["entered_at"].dt.strftime("%Y-%m-%d %H:%M")
    skipped = history["skipped_stages"].fillna("")
    texts = history["stage"] + " " + entered + " " + history["entering_event_id"]
    assert (texts + " [" + skipped + "]").tolist() == expected
    counts = [len(names.split(", ")) if names else 0 for names in skipped]
    assert history["skipped_stage_count"].tolist() == counts
    before = [None, *history["stage"].iloc[:-1]]
    assert history["previous_stage"].tolist() == before


def test_events_carry_their_place_in_the_journey(journeys: Tables) -> None:
    """Events at one moment share their stage; a guest's have neither."""
    events = journeys[EVENTS].set_index("source_id")
    columns = ["step_number", "stage", "milestone", "seconds_since_previous"]
    steps = events.loc[["b1", "b4", "b5", "b3", "b2"], columns]
    assert steps["step_number"].tolist() == [1, 2, 3, 4, 5]
    assert steps["stage"].tolist() == ["awareness", *["advocacy"] * 4]
    names = ["awareness", "research", "advocacy", "purchase", "purchase"]
    assert steps["milestone"].tolist() == names
    assert steps["seconds_since_previous"].fillna(-1).tolist() == [-1, 432000, 0, 0, 0]
    bought = events.loc[["d1", "d2", "d3"], "milestone"].tolist()
    assert bought == ["purchase", "purchase", "repeat_purchase"]
    (guest,) = events.loc[["guest"], columns].isna().to_numpy().tolist()
    assert guest == [True, True, False, True]


def test_a_promoter_of_tomorrow_is_not_one_yet() -> None:
    """An answer after the as-of date changes neither stage nor its length."""
    rows = [buy("a1", "a", "2024-03-01"), answer("a2", "a", "2024-03-11", "10")]
    then = compile_project(MADE_UP | {"as_of_date": str(AS_OF)})
    (stage,) = then.run(company(*rows), [HISTORY])[HISTORY].to_dict("records")
    assert (stage["stage"], stage["is_current"]) == ("conversion", True)
    assert stage["days_in_stage"] == 9
    later = compile_project(MADE_UP).run(company(*rows), [HISTORY])[HISTORY]
    assert sorted(later["stage"]) == ["advocacy", "conversion"]
    assert later.set_index("stage")["days_in_stage"].to_dict() == {
        "advocacy": 0,
        "conversion": 10,
    }


def test_who_was_referred_by_whom() -> None:
    """The first referral at or before the first purchase, by its id among equals."""
    rows = [
        *(buy(f"{who}1", who, "2024-01-01") for who in "abc"),
        # d buys at the moment of the second referral, e before the only one.
        touch("t1", "b", "2024-01-05", "referral", visitor_id="vd"),
        touch("t2", "a", "2024-01-05", "referral", visitor_id="vd"),
        touch("t3", "c", "2024-01-04", "referral", visitor_id="vd", outcome="neutral"),
        buy("d1", "d", "2024-01-05"),
        buy("e1", "e", "2024-01-06T12:00:00Z"),
        touch("t4", "a", "2024-01-06T12:00:01Z", "referral", visitor_id="ve"),
        touch("t5", "b", "2024-01-08", "positive_review", visitor_id="vf"),
        buy("f1", "f", "2024-01-09"),
        # Of oneself, of nobody known, of somebody who never bought, and before buying.
        touch("t6", "a", "2024-01-07", "referral", visitor_id="va"),
        touch("t7", "a", "2024-01-07", "referral", visitor_id="nobody"),
        touch("t8", "a", "2024-01-07", "referral", visitor_id="vg"),
        touch("t9", "a", "2023-12-31", "referral", visitor_id="vh"),
        touch("g1", "g", "2024-01-07", "ad_click"),
        buy("h1", "h", "2024-01-07"),
        *(link(f"v{who}", who) for who in "abcdefgh"),
    ]
    tables = compile_project(MADE_UP).run(company(*rows), ["dim_customers", EVENTS])
    people = tables["dim_customers"].set_index("customer_id")
    assert people["referred_by_customer_id"].dropna().to_dict() == {"d": "b", "f": "b"}
    assert people.loc[list("abc"), "referred_customers"].tolist() == [0, 2, 0]
    events = tables[EVENTS].set_index("source_id")["referred_customer_id"].dropna()
    expected = {"t1": "d", "t2": "d", "t4": "e", "t5": "f", "t8": "g"}
    assert events.to_dict() == expected


def bought_on(*calendars: list[int]) -> Tables:
    """Make customers of the days, from 2024-01-01 as day 0, on which they bought."""
    start = pd.Timestamp("2024-01-01")
    return company(
        *(
            buy(
                f"{number}-{day}",
                f"c{number}",
                str((start + pd.Timedelta(day, "D")).date()),
            )
            for number, days in enumerate(calendars)
            for day in days
        )
    )


@pytest.mark.parametrize(
    ("calendars", "expected"),
    [
        # Gaps 10, 20, 30 ended and 15 open: shares left 3/4, then 1/2 of it, then none.
        ([[0, 10, 40], [20, 40], [25]], 30),
        # Open at 35 instead: 3/4, 1/2, 1/4 and no further. Of the three quarters that
        # end, nine tenths are 67.5%, so the share left is 32.5%, and 30 is below it.
        ([[0, 10, 40], [20, 40], [5]], 30),
        # Two long open gaps: 4/5, 3/5, 2/5; nine tenths of 3/5 leave 46%.
        ([[0, 10, 40], [20, 40], [5], [4]], 30),
        # One of ten gaps is longer than 19 days: a tenth, however floats put it.
        ([[40 - gap, 40] for gap in range(11, 21)], 19),
        ([[0, 1], [0, 1]], 7),
        ([[0, 800]], 730),
        ([[0], [3]], 730),
    ],
)
def test_lapse_days_from_gaps(calendars: list[list[int]], expected: int) -> None:
    tables = compile_project(MADE_UP).run(bought_on(*calendars), ["dim_customers"])
    assert set(tables["dim_customers"]["lapse_days"]) == {expected}


def test_lifecycle_at_the_boundary_days_of_the_variable() -> None:
    """With 21 days: lapsed from day 21, at risk from day 11, back after day 22."""
    project = compile_project(MADE_UP | {"lapse_days": 21})
    days = [[100 - idle] for idle in (21, 20, 11, 10, 0)]
    inputs = bought_on(*days, [58, 79, 100], [56, 78, 100])
    people = project.run(inputs | company(link("v", "x")), ["dim_customers"])
    dim = people["dim_customers"].sort_values("customer_id")
    idle = dim["days_since_last_purchase"].tolist()
    assert idle == [21, 20, 11, 10, 0, 0, 0]
    statuses = ["lapsed", "at_risk", "at_risk", *["active"] * 4]
    assert dim["lifecycle_status"].tolist() == statuses
    assert dim["won_back_count"].tolist() == [0, 0, 0, 0, 0, 0, 2]
    assert set(dim["lapse_days"]) == {21}


def test_people_without_a_purchase_or_without_an_event() -> None:
    """A prospect has a stage once they did something, and no days since a purchase."""
    described = pd.DataFrame([{"customer_id": "q", "created_at": "2023-12-01"}])
    rows = [buy("a1", "a", "2024-01-01"), touch("p1", "p", "2024-01-02", "site_visit")]
    inputs = company(*rows) | {"customers": described}
    tables = compile_project(MADE_UP).run(inputs, ["dim_customers", HISTORY])
    people = tables["dim_customers"].set_index("customer_id")
    assert people["lifecycle_status"].to_dict() == {
        "a": "active",
        "p": "prospect",
        "q": "prospect",
    }
    assert people["current_stage"].dropna().to_dict() == {
        "a": "conversion",
        "p": "consideration",
    }
    assert people["first_seen_at"].isna().to_dict() == {
        "a": False,
        "p": False,
        "q": True,
    }
    assert people["days_since_last_purchase"].dropna().to_dict() == {"a": 1}
    assert people["won_back_count"].tolist() == [0, 0, 0]
    assert sorted(tables[HISTORY]["customer_id"]) == ["a", "p"]
