"""What is planted in the generated company: its true rates, and its bad rows."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any


@dataclass(frozen=True)
class Channel:
    """A way in. Rates are shares (0-1), costs are in the reporting currency.

    A channel None is a person who walks in: a buyer without any touch. `closing_share`
    is the share among the channels that close a journey another channel introduced.
    """

    channel: str | None
    share: float = 0.0
    conversion_rate: float = 0.0
    closing_share: float = 0.0
    first_touch_type: str | None = None
    closing_touch_type: str = "site_visit"
    cost_per_customer: float = 0.0
    cost_per_day: float = 0.0
    spend_currency: str = "USD"


@dataclass(frozen=True)
class Question:
    """A survey question: orders it follows, its scale and, for NPS, its groups."""

    question_id: str
    share_of_orders: float
    scale_min: int
    scale_max: int
    promoter_rate: float | None = None
    passive_rate: float | None = None
    is_lower_better: bool = False


@dataclass(frozen=True)
class FollowUp:
    """A touch after an order: the share of slots it takes, and its channel."""

    touchpoint_type: str
    share: float
    channel: str | None = None


@dataclass(frozen=True)
class Truths:
    """Everything planted, in one place. Shares and rates are between 0 and 1."""

    reporting_timezone: str = "America/New_York"
    season_factors: tuple[float, ...] = (
        0.8, 0.8, 0.9, 0.9, 1.0, 1.0, 0.9, 0.9, 1.0, 1.1, 1.3, 1.4,
    )  # fmt: skip
    # Chance to leave for good after month number 1, 2, ... (1 is the month of the first
    # purchase) of those still there; the last one holds for all later months.
    hazard_by_month_number: tuple[float, ...] = (0.35, 0.2, 0.15, 0.12, 0.1, 0.08)
    first_complaint_share: float = 0.15
    first_hazard_after_complaint: float = 0.65
    purchase_probability: float = 0.55  # in a month between the first and the last
    further_order_share: float = 0.2
    same_day_order_share: float = 0.05
    guest_orders_per_customer: float = 0.25
    free_order_share: float = 0.003
    evening_share: float = 0.35  # of orders placed from 19:00, the next day in UTC
    refund_share: float = 0.06
    full_refund_share: float = 0.6
    negative_refund_share: float = 0.3
    unlinked_refund_share: float = 0.15
    consideration_rate: float = 0.7
    same_channel_share: float = (
        0.6  # of buyers whom the introducing channel also closes
    )
    sent_link_share: float = 0.5  # of people introduced by referral, by a buyer
    negative_follow_up_share: float = 0.1  # of touches after an order
    not_applicable_share: float = 0.02  # of answers, which then have no score
    registered_share: float = 0.15  # of people who never buy
    unregistered_share: float = 0.01
    second_device_share: float = 0.1
    late_share: float = 0.03
    exact_duplicate_share: float = 0.004
    conflicting_duplicate_share: float = 0.003
    unknown_currency_share: float = 0.001
    paused_channel: str = "paid_social"
    paused_month_index: int = 5  # 0 is the first month
    countries: tuple[str | None, ...] = ("US", "DE", "FR", None)
    country_shares: tuple[float, ...] = (0.75, 0.15, 0.08, 0.02)
    age_bands: tuple[str, ...] = ("18-34", "35-54", "55+")
    age_shares: tuple[float, ...] = (0.4, 0.4, 0.2)
    channels: tuple[Channel, ...] = (
        Channel("paid_search", 0.22, 0.45, 0.35, "ad_click", "ad_click", 42.0),
        Channel("paid_social", 0.18, 0.30, 0.15, "ad_impression", "ad_click", 55.0),
        Channel("display", 0.12, 0.20, 0.05, "ad_impression", "ad_click", 80.0),
        Channel(
            "partner",
            0.06,
            0.50,
            0.05,
            "shared_link_view",
            cost_per_customer=30.0,
            spend_currency="EUR",
        ),
        Channel("organic_search", 0.18, 0.40, 0.10, "search_listing_view"),
        Channel("organic_social", 0.08, 0.25, 0.0, "social_post_view"),
        Channel("referral", 0.05, 0.60, 0.0, "shared_link_view"),
        Channel("email", 0.0, 0.0, 0.20, "email_open", "email_click"),
        Channel("store", 0.04, 0.50, 0.10, "store_visit", "store_visit"),
        Channel("direct", 0.05, 0.50, 0.0, "site_visit"),
        Channel("affiliate", cost_per_day=25.0),  # spend that wins nobody
        Channel(None, 0.02, 1.0),
    )
    follow_ups: tuple[FollowUp, ...] = (
        FollowUp("delivery", 0.16),
        FollowUp("app_session", 0.10),
        FollowUp("account_setup", 0.05),
        FollowUp("loyalty_offer", 0.05, "email"),
        FollowUp("support_call", 0.05),
        FollowUp("referral", 0.02),
        FollowUp("positive_review", 0.03),
        FollowUp("negative_review", 0.01),
    )
    questions: tuple[Question, ...] = (
        Question("nps_purchase", 0.10, 0, 10, 0.50, 0.30),
        Question("nps_onboarding", 0.07, 0, 10, 0.45, 0.30),
        Question("nps_support", 0.04, 0, 10, 0.25, 0.30),
        Question("css_checkout", 0.05, 1, 5),
        Question("css_delivery", 0.05, 1, 7),
        Question("css_effort", 0.03, 1, 7, is_lower_better=True),
        Question("exs_findability", 0.02, 0, 10),
        Question("exs_value", 0.02, 1, 5),
        Question("exs_resolution", 0.02, 1, 5),
    )


# What is wrong with a bad row, by input, after the reason for which it must be
# rejected. The rest of the row is the good row of its input; CSV only.
GOOD_ROWS: dict[str, dict[str, str]] = {
    "transactions": {
        "customer_id": "c1",
        "occurred_at": "2023-05-05T15:00:00Z",
        "amount": "20.00",
        "currency": "USD",
        "transaction_type": "purchase",
        "sales_channel": "web",
        "loaded_at": "2023-05-05T16:00:00Z",
    },
    "touchpoints": {
        "visitor_id": "v1",
        "occurred_at": "2023-05-05T15:00:00Z",
        "touchpoint_type": "site_visit",
        "loaded_at": "2023-05-05T16:00:00Z",
    },
    "marketing_spend": {
        "spend_date": "2023-05-05",
        "channel": "display",
        "campaign": "launch",
        "amount": "20.00",
        "currency": "USD",
    },
    "survey_responses": {
        "customer_id": "c1",
        "responded_at": "2023-05-05T15:00:00Z",
        "question_id": "nps_purchase",
        "score": "9",
        "loaded_at": "2023-05-05T16:00:00Z",
    },
    "customers": {"created_at": "2023-05-05T15:00:00Z", "country": "US"},
    "identities": {"visitor_id": "v1", "customer_id": "c1"},
    "exchange_rates": {"rate_date": "2023-05-05", "currency": "GBP", "rate": "1.25"},
}
BAD_VALUES: dict[str, tuple[tuple[str, str, str | None], ...]] = {
    "transactions": (
        ("missing_transaction_id", "transaction_id", None),
        ("missing_occurred_at", "occurred_at", None),
        ("missing_amount", "amount", None),
        ("unparseable_occurred_at", "occurred_at", "05/13/2023 3pm"),
        ("unparseable_occurred_at", "occurred_at", "2023-02-30T15:00:00Z"),
        ("unparseable_amount", "amount", "20,00 EUR"),
        ("date_out_of_range", "occurred_at", "1970-01-01T00:00:00Z"),
        ("future_date", "occurred_at", "2031-05-05T15:00:00Z"),
        ("unknown_transaction_type", "transaction_type", "chargeback"),
    ),
    "touchpoints": (
        ("missing_touchpoint_id", "touchpoint_id", None),
        ("missing_touchpoint_type", "touchpoint_type", None),
        ("unparseable_occurred_at", "occurred_at", "yesterday"),
        ("unknown_touchpoint_type", "touchpoint_type", "telepathy"),
        ("unknown_touchpoint_type", "touchpoint_type", "fax"),
        ("future_date", "occurred_at", "2030-01-01T15:00:00Z"),
    ),
    "marketing_spend": (
        ("missing_channel", "channel", None),
        ("unparseable_spend_date", "spend_date", "2023-13-05"),
        ("unparseable_amount", "amount", "n/a"),
        ("negative_amount", "amount", "-20.00"),
        ("missing_exchange_rate", "currency", "GBP"),
    ),
    "survey_responses": (
        ("missing_response_id", "response_id", None),
        ("unparseable_score", "score", "nine"),
        ("unparseable_score", "score", "9/10"),
        ("unparseable_responded_at", "responded_at", "soon"),
        ("unknown_question", "question_id", "nps_moon"),
        ("score_out_of_range", "score", "11"),
        ("score_out_of_range", "score", "-1"),
    ),
    "customers": (("missing_customer_id", "customer_id", None),),
    "identities": (
        ("missing_visitor_id", "visitor_id", None),
        ("missing_customer_id", "customer_id", None),
    ),
    "exchange_rates": (
        ("missing_rate", "rate", None),
        ("unparseable_rate", "rate", "n/a"),
        ("non_positive_rate", "rate", "0"),
    ),
}
# The column that tells the bad rows of an input apart, and how it is filled.
BAD_KEYS = {
    "transactions": ("transaction_id", "b{}"),
    "touchpoints": ("touchpoint_id", "b{}"),
    "marketing_spend": ("campaign", "launch {}"),
    "survey_responses": ("response_id", "b{}"),
    "customers": ("customer_id", "b{}"),
    "identities": ("visitor_id", "b{}"),
    "exchange_rates": ("rate_date", "2023-05-0{}"),
}
# What a missing value is written as in CSV, where it is not left empty: a person who
# fills in a form says that a question does not apply.
MISSING_TEXTS = {"survey_responses": {"score": "N/A"}}
# The SQL plants duplicates among the events; of these inputs, rows are delivered twice.
# Spend has no key: two equal rows are two invoices, so none is repeated.
REPEATED_ROWS = {"customers": 3, "identities": 3, "exchange_rates": 2}


def season_shares(truths: Truths, months: int) -> list[float]:
    """Return the share of people who are first seen in each month."""
    seasons = [truths.season_factors[month % 12] for month in range(months)]
    return [season / sum(seasons) for season in seasons]


def days_of_arrival(truths: Truths, first_day: date, months: int) -> dict[date, float]:
    """Return the share of people who are first seen on each day."""
    days: dict[date, float] = {}
    day = first_day
    for share in season_shares(truths, months):
        month_days = monthrange(day.year, day.month)[1]
        for _ in range(month_days):
            days[day] = share / month_days
            day += timedelta(days=1)
    return days


def days_of_first_purchase(
    truths: Truths, first_day: date, months: int
) -> dict[date, float]:
    """Return the share of buyers who first buy on each day, those after the end too.

    They do so 1 + 30 * draw * draw whole days after they would have arrived.
    """
    delays = {k: (k / 30) ** 0.5 - ((k - 1) / 30) ** 0.5 for k in range(1, 31)}
    days: dict[date, float] = {}
    for seen, share in days_of_arrival(truths, first_day, months).items():
        for delay, chance in delays.items():
            day = seen + timedelta(days=delay)
            days[day] = days.get(day, 0.0) + share * chance
    return days


def full_window_shares(
    truths: Truths, first_day: date, months: int, window_days: int
) -> tuple[float, float]:
    """Return shares of people whose window is over on the last day.

    First of those who are seen when they arrive, then of those who walk in and are seen
    when they buy.
    """
    arrivals = days_of_arrival(truths, first_day, months)
    purchases = days_of_first_purchase(truths, first_day, months)
    last_start = max(arrivals) - timedelta(days=window_days)
    arriving, walking_in = (
        sum(share for day, share in days.items() if day <= last_start)
        for days in (arrivals, purchases)
    )
    return arriving, walking_in


def expected_funnel(
    truths: Truths, first_day: date, months: int
) -> dict[str, float] | None:
    """Return the rates of people first seen at least 60 days before the last day.

    Whoever buys does so within 30 days, whoever considers within 12. A store visit and
    a direct visit are considered by being made, and a purchase is beyond that. None
    when nobody can be observed for so long.
    """
    arriving, walking_in = full_window_shares(truths, first_day, months, 60)
    if not arriving:
        return None
    weights = [arriving if row.channel else walking_in for row in truths.channels]
    seen = considering = buying = 0.0
    for row, weight in zip(truths.channels, weights, strict=True):
        is_considering = row.first_touch_type in (None, "site_visit", "store_visit")
        considers = max(row.conversion_rate, truths.consideration_rate)
        seen += weight * row.share
        considering += weight * row.share * (1 if is_considering else considers)
        buying += weight * row.share * row.conversion_rate
    return {
        "consideration": round(considering / seen, 6),
        "conversion": round(buying / seen, 6),
        "consideration_to_conversion": round(buying / considering, 6),
    }


def expected_milestone_success(truths: Truths) -> dict[str, float]:
    """Return how many of a milestone's people reach the next stage in 30 days.

    Those who become aware are those whom a channel shows something, before anything
    else; they consider at the planted rate. A chat before the sale is drawn among those
    who consider, whether they buy or not. Who has it, or buys after it, on the last
    days has no full window.
    """
    arriving = [row for row in truths.channels if row.channel]
    aware = [
        row
        for row in arriving
        if row.first_touch_type not in (None, "site_visit", "store_visit")
    ]
    rate = truths.consideration_rate
    considering = sum(row.share * max(row.conversion_rate, rate) for row in arriving)
    return {
        "awareness": round(
            sum(row.share * max(row.conversion_rate, rate) for row in aware)
            / sum(row.share for row in aware),
            6,
        ),
        "first_contact": round(
            sum(row.share * row.conversion_rate for row in arriving) / considering, 6
        ),
    }


def expected_scores(questions: tuple[Question, ...]) -> dict[str, dict[str, float]]:
    """Return the NPS, or the mean answer and the share of the two best answers.

    An answer lies floor(points * draw * draw) points away from the best one, so at most
    k points away with a chance of sqrt((k + 1) / points).
    """
    scores: dict[str, dict[str, float]] = {}
    for question in questions:
        if question.promoter_rate is not None and question.passive_rate is not None:
            detractors = 1 - question.promoter_rate - question.passive_rate
            nps = 100 * (question.promoter_rate - detractors)
            scores[question.question_id] = {"nps": round(nps, 6)}
            continue
        points = question.scale_max - question.scale_min + 1
        distance = sum(1 - (k / points) ** 0.5 for k in range(1, points))
        mean = (
            question.scale_min + distance
            if question.is_lower_better
            else question.scale_max - distance
        )
        scores[question.question_id] = {
            "mean": round(mean, 6),
            "two_best": round((2 / points) ** 0.5, 6),
        }
    return scores


def expected_mixes(truths: Truths) -> tuple[dict[str, float], dict[str, float]]:
    """Return the shares of buyers by introducing and by closing channel."""
    won = {row.channel: row.share * row.conversion_rate for row in truths.channels}
    introduced = {
        channel: buyers
        for channel, buyers in won.items()
        if channel not in (None, "direct")
    }
    passed_on = (1 - truths.same_channel_share) * sum(introduced.values())
    closed = {
        row.channel: won[row.channel]
        * (truths.same_channel_share if row.channel in introduced else 1)
        + passed_on * row.closing_share
        for row in truths.channels
    }
    first, last = (
        {
            channel or "(none)": round(buyers / sum(won.values()), 6)
            for channel, buyers in mix.items()
        }
        for mix in (won, closed)
    )
    return first, last


def expected_costs(truths: Truths, first_day: date, months: int) -> dict[str, Any]:
    """Return what a new customer costs, over all months, in the reporting currency.

    The paused channel wins customers in a month in which it costs nothing. The cost per
    day does not depend on the customers: of N of them in D days, all spend per customer
    is `spend_per_customer` + D * `spend_per_day` / N, and all spend per customer of the
    channels that cost something is that divided by `paid_customer_share`.
    """
    purchases = days_of_first_purchase(truths, first_day, months)
    end = max(days_of_arrival(truths, first_day, months))
    observed = sum(share for day, share in purchases.items() if day <= end)
    paused = sum(
        share
        for day, share in purchases.items()
        if day <= end
        and 12 * (day.year - first_day.year) + day.month - first_day.month
        == truths.paused_month_index
    )
    costs = {
        row.channel: row.cost_per_customer
        * (1 - paused / observed if row.channel == truths.paused_channel else 1)
        for row in truths.channels
        if row.channel and row.cost_per_customer
    }
    _, closing = expected_mixes(truths)
    per_customer = sum(closing[channel] * cost for channel, cost in costs.items())
    return {
        "observed_buyer_share": round(observed, 6),
        "cac": {channel: round(cost, 6) for channel, cost in costs.items()}
        # Spend that wins nobody has no cost per customer.
        | {row.channel: None for row in truths.channels if row.cost_per_day},
        "spend_per_customer": round(per_customer, 6),
        "paid_customer_share": round(sum(closing[channel] for channel in costs), 6),
        "spend_per_day": sum(row.cost_per_day for row in truths.channels),
    }


def expected(truths: Truths, first_day: date, months: int) -> dict[str, Any]:
    """Return rates that follow from the planted ones."""
    complaints = truths.first_complaint_share
    first, *later = truths.hazard_by_month_number
    first = complaints * truths.first_hazard_after_complaint + (1 - complaints) * first
    conversion = sum(row.share * row.conversion_rate for row in truths.channels)
    introducing, closing = expected_mixes(truths)
    return {
        "conversion_rate": round(conversion, 6),
        "hazard_by_month_number": [round(hazard, 6) for hazard in (first, *later)],
        "introducing_mix": introducing,
        "acquisition_mix": closing,
        "acquisition_cost": expected_costs(truths, first_day, months),
        # An order costs 0.5 to 0.7 of its amount; of 95% of the orders it is known.
        "margin_rate": 0.4,
        "known_cost_share": 0.95,
        "funnel_in_60_days": expected_funnel(truths, first_day, months),
        "milestone_success": expected_milestone_success(truths),
        "questions": expected_scores(truths.questions),
    }
