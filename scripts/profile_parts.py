"""The parts that columns can play in an input: names that claim one, values that fit.

A name is compared in lower case with underscores, without a unit at its end.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from profile_columns import Column
from profile_values import Kind

INPUTS = (
    *("transactions", "touchpoints", "marketing_spend", "survey_responses"),
    *("customers", "identities", "exchange_rates"),
)
CATEGORY_VALUES = 60

_REFUNDS = (
    "refund refunded refunds return returned returns chargeback reversal reversed "
    "credit credit_note credit_memo partial_refund payment_refund dispute storno"
)
_PURCHASES = (
    "purchase purchased sale sales order charge payment invoice capture captured paid "
    "checkout subscription renewal buy bought sold debit completed"
)
REFUND_WORDS = frozenset(_REFUNDS.split())
PURCHASE_WORDS = frozenset(_PURCHASES.split())

_ID = "(id|no|nr|num|number|key|code|uuid|guid|ref|reference|identifier|pk)"
_ORDER = (
    "(order|transaction|purchase|sales?|invoice|receipt|basket|charge|payment|booking|"
    "ticket|bill|txn|trx|checkout|rental|reservation|sales_order)"
)
_PERSON = (
    "(customer|client|user|member|buyer|shopper|household|account|contact|person|"
    "subscriber|cust|respondent|resp|passenger|patient|consumer|loyalty_card|panelist|"
    "payer|player|donor)"
)
_WHEN = "(at|on|date|day|time|timestamp|datetime|date_time|dt|ts)"
_OTHER_MOMENT = (
    "(updated|modified|loaded|synced|cancel|ship|deliver|fulfil|due|birth|expir|end|"
    "refund|valid|last|first|next|import|insert|sign|regist|join|deleted|dispute)"
)
_NO_SALE = (
    "(tax|vat|discount|disc|coupon|shipping|freight|delivery|fee|fees|refund|refunded|"
    "tip|cost|cogs|margin|profit|qty|quantity|count|balance|spend|spent|converted|"
    "compare|weight|outstanding|lifetime|points|score|taxes)"
)


@dataclass(frozen=True)
class Part:
    """A column of the input contract: names that claim it and how values must fit.

    `names` are patterns with the strength of their claim (0-1); `weight` is how much
    the part says about the input.
    """

    column: str
    names: tuple[tuple[float, str], ...]
    fits: Callable[[Column], float]
    weight: float = 0.0


def _fits_key(column: Column) -> float:
    if column.kind not in (Kind.INTEGER, Kind.TEXT) or column.distinct < 2:
        # An empty table or one of a single row has no better key.
        return 0.8 if column.rows == 1 and column.filled == 1 else 0.0
    share = column.distinct / column.rows
    fits = 1.0 if share >= 0.95 else 0.85 if share >= 0.02 else 0.3
    return fits * (1.0 if column.empty_share < 0.1 else 0.5)


def _fits_reference(column: Column) -> float:
    return 1.0 if column.kind in (Kind.INTEGER, Kind.TEXT) else 0.0


def _fits_person(column: Column) -> float:
    if column.kind not in (Kind.INTEGER, Kind.TEXT, Kind.EMAIL):
        return 0.0
    return 1.0 if column.empty_share < 0.6 else 0.8


def _fits_time(column: Column) -> float:
    if column.kind is Kind.YEAR:
        return 0.5
    return column.reading.share if column.is_time else 0.0


def _fits_money(column: Column) -> float:
    if not column.is_number:
        return 0.0
    return 1.0 if column.kind is not Kind.INTEGER else 0.85


def _fits_currency(column: Column) -> float:
    return 1.0 if column.kind is Kind.CURRENCY else 0.0


def _fits_category(column: Column) -> float:
    is_word = column.kind in (Kind.TEXT, Kind.CURRENCY, Kind.BOOLEAN)
    return 1.0 if is_word and column.distinct <= CATEGORY_VALUES else 0.0


def _fits_event(column: Column) -> float:
    is_repeated = column.distinct <= max(20, column.filled / 5)
    return 1.0 if column.kind is Kind.TEXT and is_repeated else 0.0


def _fits_label(column: Column) -> float:
    if column.kind not in (Kind.TEXT, Kind.INTEGER):
        return 0.0
    return 1.0 if column.distinct <= max(20, column.filled / 5) else 0.3


def _fits_type(column: Column) -> float:
    """Only a column that tells refunds from purchases is a type."""
    if column.distinct > CATEGORY_VALUES:
        return 0.0
    values = {word_of(text) for text, _ in column.values}
    return 1.0 if values & (REFUND_WORDS | PURCHASE_WORDS) else 0.0


def _fits_outcome(column: Column) -> float:
    values = {word_of(text) for text, _ in column.values}
    known = {"positive", "neutral", "negative"}
    return 1.0 if values & known else 0.0


def _fits_score(column: Column) -> float:
    """Only small numbers are scores, whatever stands in for no answer."""
    if column.kind not in (Kind.INTEGER, Kind.DECIMAL):
        return 0.0
    low, high = number_range(column)
    return 1.0 if low >= -1 and high <= 100 and column.distinct <= 210 else 0.0


def _fits_comment(column: Column) -> float:
    return 1.0 if column.kind is Kind.TEXT else 0.0


def word_of(text: str) -> str:
    """Return a category's value as a word: `Credit Note` is credit_note."""
    return re.sub(r"[^a-z\d]+", "_", text.lower()).strip("_")


def number_range(column: Column) -> tuple[float, float]:
    """Return the ends of the numbers among the sampled values."""
    numbers = []
    for text, _ in column.values:
        try:
            numbers.append(float(text))
        except ValueError:
            continue
    return (min(numbers), max(numbers)) if numbers else (0.0, 0.0)


_CUSTOMER_NAMES = (
    (1.0, rf"{_PERSON}_?{_ID}"),
    (0.95, rf"(?!staff|sales|agent|employee|created|\w*campaign)\w+_{_PERSON}_?{_ID}"),
    (0.9, _PERSON),
    (0.75, r"((customer|billing|buyer|contact|user|client)_)?e?_?mail(_address)?"),
    (0.5, r"((customer|billing|buyer)_)?(phone|mobile)(_number)?"),
)
_TIME_NAMES = (
    (0.9, rf"created(_{_WHEN})*|date_created|creation_{_WHEN}|{_WHEN}(_{_WHEN})?"),
    (0.75, rf"(paid|processed|completed|closed|captured|settled|placed)(_{_WHEN})?"),
    (0.6, rf"(?!{_OTHER_MOMENT})\w+_{_WHEN}"),
)
_VISITOR = Part(
    "visitor_id",
    (
        (
            1.0,
            r"(visitor|anonymous|anon|device|cookie|browser|distinct|user_pseudo|pseudo|"
            rf"full_?visitor|tracking|installation|client)_?{_ID}",
        ),
        (0.9, "cookie|visitor|domain_userid"),
        (0.5, rf"session_?{_ID}"),
    ),
    _fits_reference,
    1.0,
)
_LOADED = Part(
    "loaded_at",
    (
        (1.0, rf"(load|loaded|ingested|synced|inserted|extracted|imported)_?{_WHEN}"),
        (1.0, r"(fivetran|airbyte|stitch|sdc|etl|dlt|dw)_\w+"),
        (0.7, rf"(last_)?(updated|modified)(_{_WHEN})?|date_(updated|modified)"),
    ),
    _fits_time,
)
_CURRENCY = Part(
    "currency",
    (
        (1.0, r"currency(_code)?|ccy|curr?(_code)?|currency_iso\w*"),
        (0.7, r"\w+_currency"),
    ),
    _fits_currency,
)
_CAMPAIGN = Part(
    "campaign",
    (
        (1.0, r"(utm_|context_)?campaign(_name)?"),
        (0.9, r"(utm_)?campaign_?id|utm_id|ad_?group(_name)?"),
    ),
    _fits_label,
)
_CHANNEL_NAMES = (
    (1.0, r"(marketing_)?channel(_group(ing)?)?|default_channel_group(ing)?"),
    (0.9, r"(utm_|traffic_)?medium"),
    (0.8, r"(utm_|traffic_)?source|platform|(ad_)?network|publisher|media(_type)?"),
)

PARTS: Mapping[str, tuple[Part, ...]] = {
    "transactions": (
        Part(
            "transaction_id",
            (
                (1.0, rf"{_ORDER}_?{_ID}"),
                (
                    0.9,
                    rf"(?!original|parent|related|refund|source|previous)\w+_{_ORDER}_?{_ID}",
                ),
                (0.8, _ORDER),
                (0.75, "id|uuid|guid|pk|name|number|order_name"),
            ),
            _fits_key,
            1.0,
        ),
        Part(
            "occurred_at",
            (
                (1.0, rf"(occurred|ordered|purchased|{_ORDER})_?{_WHEN}"),
                *_TIME_NAMES,
            ),
            _fits_time,
            1.0,
        ),
        Part(
            "amount",
            (
                (
                    1.0,
                    r"amount|total|grand_total|total_(price|amount|value|sum|paid|sales)|"
                    rf"{_ORDER}_(total|amount|value)|amount_(paid|charged|total|net|gross)|"
                    r"(net|gross)_(amount|sales|total|revenue)|revenue|turnover|"
                    r"dollar_value|paid_amount|price_total",
                ),
                (0.8, r"sales|net|gross|value|price_paid|extended_price"),
                (0.7, rf"(?!\w*{_NO_SALE}(_|$))\w+_(amount|total|value|sales|revenue)"),
                (0.6, r"subtotal|((unit|item|lineitem|line_item|list)_)?price"),
            ),
            _fits_money,
            1.5,
        ),
        Part("customer_id", _CUSTOMER_NAMES, _fits_person, 1.0),
        _CURRENCY,
        Part(
            "transaction_type",
            (
                (
                    1.0,
                    rf"({_ORDER}|record|line|entry|document|doc)_(type|kind|category)",
                ),
                (1.0, "type|kind|reporting_category|event_type"),
            ),
            _fits_type,
        ),
        Part(
            "original_transaction_id",
            (
                (
                    1.0,
                    r"(original|parent|related|refunded|initial|linked|reversed)"
                    rf"(_?{_ORDER})?_?{_ID}|original_{_ORDER}|refund_(of|for)\w*",
                ),
            ),
            _fits_reference,
        ),
        Part(
            "cost",
            (
                (1.0, r"cost|cogs|cost_of_goods(_sold)?|cost_(price|amount|total)"),
                (0.9, r"(total|product|item|order|landed|unit)_costs?"),
            ),
            _fits_money,
        ),
        Part(
            "sales_channel",
            (
                (1.0, r"(sales|order)_?(channel|source)|channel|source_name"),
                (0.7, r"source|platform|store|shop|store_(name|type)|marketplace"),
            ),
            _fits_category,
        ),
        _LOADED,
    ),
    "touchpoints": (
        Part(
            "touchpoint_id",
            (
                (
                    1.0,
                    r"(touchpoint|touch|event|interaction|activity|message|hit|click|visit|"
                    rf"log|insert|pageview)_?{_ID}",
                ),
                (0.75, "id|uuid|guid|pk"),
            ),
            _fits_key,
            0.5,
        ),
        Part(
            "occurred_at",
            (
                (
                    1.0,
                    r"(occurred|event|interaction|activity|touch|visit|hit|click|sent|"
                    rf"received|redemption|session)_?{_WHEN}",
                ),
                *_TIME_NAMES,
            ),
            _fits_time,
            1.0,
        ),
        Part(
            "touchpoint_type",
            (
                (
                    1.0,
                    r"(touchpoint|touch|event|interaction|activity|action)"
                    r"(_(type|name|action))?",
                ),
                (0.7, "type|name|kind|category|event_category"),
            ),
            _fits_event,
            1.5,
        ),
        _VISITOR,
        Part("customer_id", _CUSTOMER_NAMES, _fits_person, 1.0),
        Part("channel", _CHANNEL_NAMES, _fits_label),
        _CAMPAIGN,
        Part("outcome", ((1.0, "outcome|sentiment|result"),), _fits_outcome),
        _LOADED,
    ),
    "marketing_spend": (
        Part(
            "amount",
            (
                (
                    1.0,
                    r"((ad|ads|media|marketing|total|gross|net)_?)?(spend|spent|costs?)|"
                    r"amount_spent|(spend|cost)_amount|metrics_cost",
                ),
                (0.7, "amount|value"),
            ),
            _fits_money,
            1.5,
        ),
        Part(
            "spend_date",
            (
                (1.0, rf"(spend|cost|report|reporting|campaign|stats?)_?{_WHEN}"),
                (0.95, "date|day|date_start|reporting_starts|segments_date|timestamp"),
                (0.7, "week|month|period|(week|month|period)_start|start_date"),
            ),
            _fits_time,
            1.0,
        ),
        Part("channel", _CHANNEL_NAMES, _fits_label, 1.0),
        _CAMPAIGN,
        _CURRENCY,
    ),
    "survey_responses": (
        Part(
            "question_id",
            (
                (1.0, r"question(_?(id|key|code|name|text))?"),
                (0.7, r"metric|survey_(type|name|id)|survey|kpi|measure|item"),
            ),
            _fits_label,
            1.0,
        ),
        Part(
            "score",
            (
                (
                    1.0,
                    r"score|rating|(nps|csat|ces|enps)(_(score|rating|value))?|stars?|"
                    r"answer(_value)?|response_value|satisfaction|answer_score",
                ),
                (0.9, r"(nps|csat|ces|css|exs)_\w+|\w+_(nps|csat|score|rating|stars)"),
                (0.6, r"value|response|grade|recommend\w*|likelihood\w*"),
            ),
            _fits_score,
            1.5,
        ),
        Part(
            "responded_at",
            (
                (
                    1.0,
                    r"(responded|answered|submitted|response|survey|submission|answer|"
                    rf"interview|completed|recorded)_?{_WHEN}|date_submitted",
                ),
                *_TIME_NAMES,
                (0.9, r"(survey_)?year"),
            ),
            _fits_time,
            1.0,
        ),
        Part(
            "response_id",
            (
                (1.0, rf"((survey_)?response|answer|submission)_?{_ID}"),
                (0.75, "id|uuid|guid|pk|token"),
            ),
            _fits_key,
            0.5,
        ),
        Part("customer_id", _CUSTOMER_NAMES, _fits_person),
        Part(
            "comment",
            (
                (
                    1.0,
                    r"comments?|feedback|verbatim|remarks?|free_text|text|answer_text",
                ),
            ),
            _fits_comment,
        ),
        _LOADED,
    ),
    "customers": (
        Part(
            "customer_id",
            (
                *_CUSTOMER_NAMES,
                (0.85, "id|uuid|guid|pk"),
            ),
            _fits_person,
            1.0,
        ),
        Part(
            "created_at",
            (
                (
                    1.0,
                    rf"(created|registered|registration|signup|sign_up|joined)(_{_WHEN})*",
                ),
                (0.9, rf"(customer|member)_since|first_seen(_{_WHEN})?|date_created"),
            ),
            _fits_time,
        ),
    ),
    "identities": (
        _VISITOR,
        Part("customer_id", _CUSTOMER_NAMES, _fits_person, 1.0),
    ),
    "exchange_rates": (
        Part(
            "rate_date",
            ((1.0, rf"(rate|exchange|fx|valid|as_of)_?{_WHEN}|{_WHEN}"),),
            _fits_time,
            1.0,
        ),
        Part(
            "currency",
            (
                (
                    1.0,
                    r"((from|base|source|foreign)_)?(currency|ccy)(_code)?|code|symbol",
                ),
            ),
            _fits_currency,
            1.0,
        ),
        Part(
            "rate",
            ((1.0, r"((exchange|fx|conversion)_)?rate|rate_to_\w+|value|price|close"),),
            _fits_money,
            1.0,
        ),
    ),
}
