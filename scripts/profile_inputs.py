"""Which input of the package a table looks like, and which column plays which part.

A column's claim to a part is what its name says times how its values fit. An input is
recognised by its required parts, by the table's name, and by what speaks against it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from profile_columns import Column
from profile_parts import INPUTS, PARTS, Part

# Of each group one part must be there, or the table cannot be the input at all.
ESSENTIAL: Mapping[str, tuple[str, ...]] = {
    "transactions": ("occurred_at", "amount"),
    "touchpoints": ("occurred_at", "customer_id visitor_id"),
    "marketing_spend": ("spend_date", "amount", "channel campaign"),
    "survey_responses": ("score",),
    "customers": ("customer_id",),
    "identities": ("visitor_id", "customer_id"),
    "exchange_rates": ("rate_date", "currency", "rate"),
}
TABLE_NAMES: Mapping[str, str] = {
    "transactions": (
        r"order|transaction|purchase|sales?(_|$)|invoice|receipt|payment|charge|basket|"
        r"booking"
    ),
    "touchpoints": (
        r"event|touch|interaction|session|page_?view|visits|click|activit|redemption|"
        r"tracks"
    ),
    "marketing_spend": r"spend|(^|_)costs?(_|$)|(^|_)ads(_|$)|adwords|ad_report",
    "survey_responses": r"survey|response|answer|nps|csat|feedback|rating|review",
    "customers": r"customer|users|clients|members|contacts|people|persons|demograph",
    "identities": r"identit|devices|visitors|alias|id_map|crosswalk",
    "exchange_rates": r"exchange|(^|_)rates|(^|_)fx(_|$)|currenc",
}
SURE, LIKELY, UNSURE = 0.8, 0.6, 0.4
LEAST_CLAIM = 0.25
# What a name that says nothing claims, if its values fit without a doubt.
NAMELESS_CLAIM = 0.4
_NAMELESS = re.compile(r"(column|col|c|f|field|unnamed|x|v|var)?_?\d+")
_UNITS = re.compile(
    r"_(usd|eur|gbp|cad|aud|chf|jpy|cents?|minor|micros|utc|raw|dollars|euros)$"
)


@dataclass(frozen=True)
class Claim:
    """A column for a part of an input; `others` could play it as well."""

    part: str
    column: Column
    strength: float
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Guess:
    """How much a table looks like an input, and why.

    `is_by_values` says that parts were given to columns whose names say nothing.
    """

    input: str
    score: float
    claims: Mapping[str, Claim] = field(default_factory=dict)
    reason: str = ""
    is_by_values: bool = False

    @property
    def confidence(self) -> str:
        """The score in a word."""
        for limit, word in ((SURE, "sure"), (LIKELY, "likely"), (UNSURE, "unsure")):
            if self.score >= limit:
                return word
        return "no"

    def column(self, part: str) -> Column | None:
        """Return the column that plays a part, if one does."""
        return self.claims[part].column if part in self.claims else None


def rank(columns: Sequence[Column], table: str) -> list[Guess]:
    """Return a guess for every input, the likeliest first."""
    guesses = [guess(name, columns, table) for name in INPUTS]
    return sorted(
        guesses, key=lambda one: (-one.score, len(_missing(one.input, one.claims)))
    )


def guess_by_values(name: str, columns: Sequence[Column]) -> Guess:
    """Return which columns would do for an input, whatever their names are."""
    claims = _cast_parts(PARTS[name], columns, are_named=False)
    return Guess(name, UNSURE, claims, _reason(claims), is_by_values=True)


def guess(name: str, columns: Sequence[Column], table: str) -> Guess:
    """Return how much the columns look like this input."""
    claims = _cast_parts(PARTS[name], columns)
    if name == "customers" and not _is_of_persons(claims):
        claims = {}
    reason = _reason(claims)
    missing = _missing(name, claims)
    if missing:
        lacking = ", ".join(group.replace(" ", " or ") for group in missing)
        return Guess(name, 0.0, claims, f"no column for {lacking}")
    weights = {part.column: part.weight for part in PARTS[name]}
    strengths = {part: claims[part].strength for part in claims}
    if name == "touchpoints":
        # Whichever of the two names the person better.
        strengths["customer_id"] = max(
            strengths.get("customer_id", 0), strengths.get("visitor_id", 0)
        )
    if name == "survey_responses" and len(score_columns(columns)) > 1:
        # One column per question: its name is the question.
        strengths["question_id"] = 1.0
    total = sum(weight * strengths.get(part, 0) for part, weight in weights.items())
    score = total / sum(weights.values()) + _circumstances(name, columns, table, claims)
    return Guess(name, max(0.0, min(1.0, score)), claims, reason)


def lacks(one: Guess) -> bool:
    """Whether a table cannot be the guessed input at all."""
    return bool(_missing(one.input, one.claims))


def _missing(name: str, claims: Mapping[str, Claim]) -> list[str]:
    return [
        group for group in ESSENTIAL[name] if claims.keys().isdisjoint(group.split())
    ]


def _is_of_persons(claims: Mapping[str, Claim]) -> bool:
    """Whether next to every row is another person."""
    person = claims.get("customer_id")
    return person is not None and person.column.distinct_share >= 0.9


def score_columns(columns: Sequence[Column]) -> list[Column]:
    """Return the columns that each hold the answers to one question."""
    (part,) = [part for part in PARTS["survey_responses"] if part.column == "score"]
    return [column for column in columns if _strength(part, column) >= 0.7]


def product_column(columns: Sequence[Column]) -> Column | None:
    """Return the column that says what was bought, if rows are lines of an order."""
    pattern = (
        r"(^|_)(product|sku|item|lineitem|line|upc|stock|article|variant|ean)(_|$)"
    )
    named = [column for column in columns if re.search(pattern, column.words)]
    return named[0] if named else None


def quantity_column(columns: Sequence[Column]) -> Column | None:
    """Return the column with the number of pieces."""
    pattern = r"(\w+_)?(quantity|qty|units|pieces)"
    named = [c for c in columns if re.fullmatch(pattern, c.words) and c.is_number]
    return named[0] if named else None


def _circumstances(
    name: str, columns: Sequence[Column], table: str, claims: Mapping[str, Claim]
) -> float:
    """Return what speaks for an input beyond its parts, and against it."""
    hinted = {one for one, pattern in TABLE_NAMES.items() if re.search(pattern, table)}
    score = 0.15 if name in hinted else -0.15 if hinted else 0.0
    words = {word for column in columns for word in column.words.split("_")}
    if name == "transactions" and all(_NAMELESS.fullmatch(c.words) for c in columns):
        # Without a header nothing can be named, and most tables are of sales.
        score += 0.1
    if name == "marketing_spend":
        score += 0.15 if words & {"impressions", "clicks", "ctr", "cpc"} else 0.0
        score -= 0.4 if _plays("transactions", "customer_id", columns) > 0.8 else 0.0
    if name == "transactions" and words & {"impressions", "clicks", "ctr"}:
        score -= 0.4
    if name == "touchpoints" and "touchpoint_type" not in claims:
        score += 0.1 if name in hinted else -0.1
    is_sale = min(
        _plays("transactions", "amount", columns),
        _plays("transactions", "transaction_id", columns),
    )
    if name == "touchpoints" and is_sale >= 0.7:
        score -= 0.4
    if name == "customers":
        score += 0.1 if any(column.is_personal for column in columns) else 0.0
        events = (
            is_sale,
            _plays("touchpoints", "touchpoint_type", columns),
            _plays("survey_responses", "score", columns),
            _plays("identities", "visitor_id", columns),
        )
        score -= 0.4 if max(events) >= 0.8 else 0.0
    if name == "identities" and len(columns) > 4:
        score -= 0.4
    return score


def _plays(name: str, part: str, columns: Sequence[Column]) -> float:
    """Return the strongest claim of any column to a part of another input."""
    (found,) = [one for one in PARTS[name] if one.column == part]
    return max((_strength(found, column) for column in columns), default=0.0)


def _cast_parts(
    parts: Sequence[Part], columns: Sequence[Column], are_named: bool = True
) -> dict[str, Claim]:
    """Give each part, in order, to the column with the best claim that is left."""
    claims: dict[str, Claim] = {}
    taken: set[str] = set()
    for part in parts:
        strengths = {
            column.name: strength
            for column in columns
            if (strength := _strength(part, column, are_named)) >= LEAST_CLAIM
            and column.name not in taken
        }
        if not strengths:
            continue
        # Of equals the first, as the table has them.
        best = max(strengths, key=lambda name: strengths[name])
        others = [
            name
            for name, strength in strengths.items()
            if name != best and strength >= 0.9 * strengths[best]
        ]
        column = next(column for column in columns if column.name == best)
        claims[part.column] = Claim(part.column, column, strengths[best], tuple(others))
        taken.add(best)
    return claims


def _strength(part: Part, column: Column, are_named: bool = True) -> float:
    """Return how strongly a column claims a part (0-1)."""
    words = _UNITS.sub("", column.words)
    named = [strength for strength, names in part.names if re.fullmatch(names, words)]
    if named:
        return max(named) * part.fits(column)
    is_nameless = not are_named or _NAMELESS.fullmatch(words) is not None
    if part.weight and is_nameless and part.fits(column) >= 0.95:
        return NAMELESS_CLAIM
    return 0.0


def _reason(claims: Mapping[str, Claim]) -> str:
    return ", ".join(f"{claim.column.name} as {part}" for part, claim in claims.items())
