"""Small companies, made up by Hypothesis, with every kind of row that can go wrong."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from harness import COLUMNS

ZONE = "America/New_York"
# Both changes of New York's clocks lie inside: 2023-11-05 and 2024-03-10.
FIRST_DAY, LAST_DAY = date(2023, 10, 20), date(2024, 4, 10)
CHANGES = [date(2023, 11, 5), date(2024, 3, 10)]
# Around midnight, and the changes of the clocks, in New York; and no time at all.
CLOCKS = [
    "",
    "T03:59:59Z",
    "T04:00:00Z",
    "T04:59:59",
    " 05:00:00",
    "T05:30:00.250Z",
    "T06:30:00Z",
    "T07:00:00Z",
    "T12:00:00+02:00",
    "T23:30:00-05:00",
]
# Some are paid for, one is not listed, one is a name that the reports write.
CHANNELS = [
    *["paid_search", "paid_social", "email", "direct", "unheard_of", None] * 2,
    "(none)",
]
# Nobody is touched by the last two.
SPEND_CHANNELS = [
    *("paid_search", "paid_social", "email", "unheard_of", "(null)", None),
    *("display", "billboard"),
]
# Days from an advertisement to the purchase of whom it met, around each lookback; None:
# they buy at that very moment.
WAITS = [None, None, 0, 1, 2, 7, 8, 30, 31, 90, 91]
CAMPAIGNS = [*["spring", "autumn", None] * 3, "all"]
# Touches of every stage, and of none; what few people do stands here more than once.
TOUCHPOINT_TYPES = [
    *("ad_click", "direct_mail", "site_visit", "store_visit", "presales_call"),
    *("checkout", "delivery", "complaint", "support_call", "loyalty_offer"),
    *("positive_review", "negative_review", "telepathy", *["referral"] * 4),
]
OUTCOMES = [None, None, "positive", "Neutral", "negative", "splendid"]
QUESTIONS = [
    *["nps_purchase", "nps_support", "css_checkout", "css_effort"] * 2,
    *("exs_findability", "exs_resolution", "old", None),
]
# Some answer off the scale, some cannot answer, some cannot be read.
ANSWERS = [
    *("0", "6", "7", "8", "-1", "11", "N/A", " not applicable", None, "ten"),
    *["1", "2", "4", "5", "9", "10"] * 2,
]

instants = st.builds(
    lambda day, clock: f"{day}{clock}",
    st.dates(FIRST_DAY, LAST_DAY) | st.sampled_from(CHANGES),
    st.sampled_from(CLOCKS),
)


@st.composite
def calendars(draw: st.DrawFn) -> st.SearchStrategy[str]:
    """Instants of one company, of which some are taken again and again."""
    busy = draw(st.lists(instants, min_size=1, max_size=4))
    return instants | st.sampled_from(busy)


# Whole and half cents, so that a converted amount needs rounding.
amounts = st.sampled_from(["0", "10", "19.99", "0.005", "250.0000"]) | st.integers(
    0, 50_000
).map(lambda cents: f"{cents / 100:.2f}")
currencies = st.sampled_from(["USD", None, "EUR", "eur", "GBP"])
# A cost that cannot be read is not known.
COSTS: list[str | None] = [
    None,
    None,
    "0",
    "5",
    "9.99",
    "250",
    "-3",
    "unknown",
    " 12.3456 ",
]
SPENT = [*["10", "0.005", "33.33"] * 3, *("0", "-1", "free", None)]


def many(
    draw: st.DrawFn, row: st.SearchStrategy[dict[str, Any]], least: int, most: int
) -> list[dict[str, Any]]:
    """Rows of which any number is as likely; a list alone would mostly be short."""
    size = draw(st.integers(least, most))
    return draw(st.lists(row, min_size=size, max_size=size))


def faulty_rows() -> list[dict[str, Any]]:
    """One transaction for each reason to reject it."""
    good: dict[str, Any] = {
        "customer_id": "c0",
        "occurred_at": "2024-01-15T12:00:00Z",
        "amount": "10",
    }
    faults: list[dict[str, Any]] = [
        {"transaction_id": None},
        {"transaction_id": "  "},
        {"occurred_at": None},
        {"occurred_at": "2024-02-30"},
        {"occurred_at": "yesterday"},
        {"occurred_at": "1970-01-01"},
        {"occurred_at": "9999-12-31"},
        {"amount": None},
        {"amount": "12,50"},
        {"amount": "ten"},
        {"transaction_type": "exchange"},
        {"currency": "XXX"},
        {"loaded_at": "2024-01-10T00:00:00Z"},
        {"occurred_at": "soon", "amount": ""},
    ]
    return [
        good | {"transaction_id": f"bad{number}"} | fault
        for number, fault in enumerate(faults)
    ]


def frame(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Raw rows of an input with all its columns, as text."""
    return pd.DataFrame(rows, columns=COLUMNS[name], dtype=object)


@st.composite
def transactions(
    draw: st.DrawFn,
    people: list[str | None],
    moments: st.SearchStrategy[str],
    ties: bool,
) -> pd.DataFrame:
    """Purchases, refunds of known and unknown purchases, copies and faulty rows.

    With `ties` nothing but what they hold tells which of two copies is the newer.
    """
    someone = st.sampled_from(people)
    # Some companies know of no cost at all.
    costs: list[str | None] = draw(st.sampled_from([COSTS, COSTS, [None]]))
    bought = st.fixed_dictionaries(
        {
            "customer_id": someone,
            "occurred_at": moments,
            "amount": amounts,
            "currency": currencies,
            "transaction_type": st.sampled_from([None, "purchase"]),
            "sales_channel": st.sampled_from([None, "web"]),
            "cost": st.sampled_from(costs),
        }
    )
    rows = many(draw, bought, 1, 40)
    for number, row in enumerate(rows):
        row["transaction_id"] = f"p{number:02}"
    rows[0]["currency"] = "USD"
    purchases = list(rows)
    refunds = draw(
        st.lists(
            st.tuples(st.sampled_from(purchases), st.integers(0, 3), moments, amounts),
            max_size=12,
        )
    )
    for number, (purchase, kind, instant, amount) in enumerate(refunds):
        linked = kind != 0
        row = {
            "transaction_id": f"r{number:02}",
            "customer_id": draw(someone) if kind < 2 else purchase["customer_id"],
            "occurred_at": instant,
            "amount": amount if kind == 3 else f"-{amount}",
            "currency": purchase["currency"] if linked else draw(currencies),
            "transaction_type": "refund" if kind != 2 or float(amount) == 0 else None,
            "original_transaction_id": purchase["transaction_id"] if linked else "gone",
        }
        rows.append(row)
    copies = draw(st.lists(st.tuples(st.sampled_from(rows), st.integers(0, 3))))
    changes = [{}, {"amount": "77.70"}, {"customer_id": "c0"}, {"sales_channel": "app"}]
    for number, (row, change) in enumerate(copies[:6]):
        loaded = str(LAST_DAY + timedelta(days=30 + number))
        rows.append(row | changes[change] | {"loaded_at": None if ties else loaded})
    rows += draw(st.lists(st.sampled_from(faulty_rows()), max_size=4))
    return frame("transactions", draw(st.permutations(rows)))


@st.composite
def companies(draw: st.DrawFn, ties: bool = False) -> dict[str, pd.DataFrame]:
    """Raw rows of every input.

    Some people only touch, answer or buy; some answers and purchases have no name.
    """
    count = draw(st.sampled_from([1, 2, 3, 5, 8, 25]))
    people: list[str | None] = [f"c{number}" for number in range(count)]
    moments = draw(calendars())
    bought = draw(transactions([*people, None, " "], moments, ties))
    good = bought["transaction_id"].astype(str).str.startswith("p")
    purchases = st.sampled_from(bought[good].to_dict("records"))
    touch = st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from([None, *people]),
            # A visitor may be one person while somebody else is named.
            "visitor_id": st.sampled_from(["v0", "v1", "v2", None]),
            "occurred_at": moments,
            "touchpoint_type": st.sampled_from(TOUCHPOINT_TYPES),
            "channel": st.sampled_from(CHANNELS),
            "campaign": st.sampled_from(CAMPAIGNS),
            "outcome": st.sampled_from(OUTCOMES),
        }
    )
    touches = many(draw, touch, 0, 60)
    advertisement = st.fixed_dictionaries(
        {
            "buyer": purchases,
            "days": st.sampled_from(WAITS),
            "clock": st.sampled_from(CLOCKS),
            "channel": st.sampled_from(CHANNELS),
            "campaign": st.sampled_from(CAMPAIGNS),
        }
    )
    for seen in many(draw, advertisement, 0, 20):
        moment = seen["buyer"]["occurred_at"]
        if seen["days"] is not None:
            day = date.fromisoformat(moment[:10]) - timedelta(seen["days"])
            moment = f"{day}{seen['clock']}"
        touches.append(
            {
                "customer_id": seen["buyer"]["customer_id"],
                "occurred_at": moment,
                "touchpoint_type": "ad_click",
                "channel": seen["channel"],
                "campaign": seen["campaign"],
            }
        )
    # One buyer tells the next, at the moment at which that one buys.
    stories = draw(st.lists(st.tuples(purchases, purchases, st.booleans()), max_size=4))
    for teller, listener, is_early in stories:
        touches.append(
            {
                "customer_id": teller["customer_id"],
                "visitor_id": f"to {listener['customer_id']}",
                "occurred_at": (teller if is_early else listener)["occurred_at"],
                "touchpoint_type": "referral",
            }
        )
    for number, row in enumerate(touches):
        row["touchpoint_id"] = f"t{number:02}"
    answer = st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from([None, *people]),
            "responded_at": moments,
            "question_id": st.sampled_from(QUESTIONS),
            "score": st.sampled_from(ANSWERS),
        }
    )
    answers = many(draw, answer, 0, 40)
    for purchase in draw(st.lists(purchases, max_size=4)):
        praise = {"question_id": "nps_purchase", "score": "10"}
        person, moment = purchase["customer_id"], purchase["occurred_at"]
        answers.append(praise | {"customer_id": person, "responded_at": moment})
    for number, row in enumerate(answers):
        row["response_id"] = f"a{number:02}"
    # On some days the same channel and campaign is paid for again.
    spend = st.fixed_dictionaries(
        {
            "spend_date": st.dates(FIRST_DAY, LAST_DAY).map(str)
            | st.sampled_from([str(day) for day in CHANGES]),
            "channel": st.sampled_from(SPEND_CHANNELS),
            "campaign": st.sampled_from(CAMPAIGNS),
            "amount": st.sampled_from(SPENT),
            "currency": st.sampled_from(["USD", "GBP", None]),
        }
    )
    links = draw(
        st.lists(st.tuples(st.sampled_from(["v0", "v1"]), st.sampled_from(people)))
    )
    links += [(f"to {listener}", listener) for listener in people]
    regions = draw(st.lists(st.sampled_from(["north", "south", "", None])))
    days = pd.date_range(FIRST_DAY - timedelta(days=1), LAST_DAY + timedelta(days=1))
    # Euros have a rate on every day, pounds on some.
    rates = [
        {"rate_date": day.strftime("%Y-%m-%d"), "currency": currency, "rate": rate}
        for number, day in enumerate(days)
        for currency, rate in (
            ("EUR", f"1.{number:03}"),
            ("GBP", f"1.2{number:03}"),
        )
        if currency == "EUR" or number % 3
    ]
    return {
        "transactions": bought,
        "touchpoints": frame("touchpoints", touches),
        "survey_responses": frame("survey_responses", answers),
        "marketing_spend": frame("marketing_spend", many(draw, spend, 0, 25)),
        "identities": frame(
            "identities", [{"visitor_id": v, "customer_id": c} for v, c in links]
        ),
        "customers": frame(
            "customers",
            [{"customer_id": f"c{n}", "region": r} for n, r in enumerate(regions)],
        ),
        "exchange_rates": frame("exchange_rates", rates),
    }
