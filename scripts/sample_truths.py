"""What is planted in the generated company: its true rates, and its bad rows."""

from dataclasses import dataclass
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
        ("missing_score", "score", None),
        ("unparseable_score", "score", "N/A"),
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
# The SQL plants duplicates among the events; of these inputs, rows are delivered twice.
# Spend has no key: two equal rows are two invoices, so none is repeated.
REPEATED_ROWS = {"customers": 3, "identities": 3, "exchange_rates": 2}


def expected(truths: Truths) -> dict[str, Any]:
    """Return rates that follow from the planted ones."""
    complaints = truths.first_complaint_share
    first, *later = truths.hazard_by_month_number
    first = complaints * truths.first_hazard_after_complaint + (1 - complaints) * first
    won = {row.channel: row.share * row.conversion_rate for row in truths.channels}
    introduced = {
        channel: buyers
        for channel, buyers in won.items()
        if channel not in (None, "direct")
    }
    passed_on = (1 - truths.same_channel_share) * sum(introduced.values())
    mix = {
        row.channel or "(none)": won[row.channel]
        * (truths.same_channel_share if row.channel in introduced else 1)
        + passed_on * row.closing_share
        for row in truths.channels
    }
    return {
        "conversion_rate": round(sum(won.values()), 6),
        "hazard_by_month_number": [round(hazard, 6) for hazard in (first, *later)],
        "acquisition_mix": {
            channel: round(buyers / sum(won.values()), 6)
            for channel, buyers in mix.items()
        },
    }
