"""What texts mean: numbers, amounts of money, times and words, in whatever writing.

A column's values are read in the way that most of them are written; what is written
otherwise counts as not read.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

# A value and how many of the rows looked at have it.
Counts = Sequence[tuple[str, int]]

_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL "
    "BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP "
    "ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS "
    "INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD "
    "LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK "
    "NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK "
    "SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX "
    "USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL"
)
CURRENCY_CODES = frozenset(_CODES.split())
# Currencies that signs stand for; several countries write $ and kr.
CURRENCY_SIGNS: Mapping[str, str | None] = {
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "₽": "RUB",
    "₩": "KRW",
    "₪": "ILS",
    "US$": "USD",
    "R$": "BRL",
    "zł": "PLN",
    "Kč": "CZK",
    "Ft": "HUF",
    "$": None,
    "¥": None,
    "kr": None,
}
# Share of a column's values that must be of a kind for the column to be of it.
MOST = 0.8

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_UNIT = r"[^\d\s.,()+-]{1,3}"
_NUMBER = re.compile(
    rf"(?P<open>\()?(?P<sign>[+-])?\s*(?P<before>{_UNIT})?\s*(?P<sign2>[+-])?"
    rf"(?P<digits>\d[\d.,'\u2019\s]*|[.,]\d+)\s*(?P<after>{_UNIT})?"
    r"(?P<trail>-)?(?P<close>\))?"
)
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_DECIMAL_COMMA = re.compile(
    r"\d+,(\d|\d\d|\d{4,})|\d{1,3}([.\s'\u2019]\d{3})+,\d+|,\d+"
)
_GROUPING_COMMA = re.compile(r"\d{1,3}(,\d{2,3})+\.\d*|\d{1,3}(,\d{3}){2,}")
_EITHER_COMMA = re.compile(r"\d{1,3},\d{3}")
_ISO_TIME = re.compile(
    r"[1-9]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"(?P<time>[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?)?"
    r"(?P<gap> ?)(?P<zone>Z|UTC|GMT|[+-](0\d|1[0-4])(:?[0-5]\d)?)?"
)
_TIME_OF_DAY = (
    r"(?:(?P<gap>,? |T)\d{1,2}:\d{2}(?P<seconds>:\d{2})?(?P<fraction>\.\d+)?"
    r"(?P<half> ?[AaPp][Mm])?)?"
)
_NUMERIC_DATE = re.compile(
    r"(?P<a>\d{1,4})(?P<mark>[/.-])(?P<b>\d{1,2})(?P=mark)(?P<c>\d{1,4})"
    rf"{_TIME_OF_DAY}"
)
_NAMED_DATE = re.compile(
    r"(?:(?P<day>\d{1,2})(?P<gap1>[ -]))?(?P<month>[A-Za-z]{3,9})(?P<gap2>\.? |-)"
    rf"(?:(?P<day2>\d{{1,2}})(?P<gap3>,? ))?(?P<year>\d{{4}}){_TIME_OF_DAY}"
)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?")
_BOOLEANS = frozenset({"true", "false", "t", "f", "yes", "no", "y", "n"})


class Kind(StrEnum):
    """What the values of a column are."""

    EMPTY = "empty"
    INTEGER = "whole number"
    DECIMAL = "number"
    MONEY = "written amount"
    DATE = "date"
    TIMESTAMP = "time"
    CLOCK = "time of day"
    YEAR = "year"
    BOOLEAN = "true or false"
    TEXT = "text"
    EMAIL = "e-mail address"
    CURRENCY = "currency"
    NESTED = "nested"


@dataclass(frozen=True)
class Format:
    """How values are written, as far as they must be rewritten for the package.

    `pattern` is strptime's; `is_ambiguous`: day and month could be the other way round.
    `loose_zone`: a `word` such as UTC, or a `gap` before the offset. `epoch_units` are
    ticks in a second; `is_spreadsheet_day`: days since the end of 1899, the time of day
    as a fraction. `currencies` are those that the amounts name.
    """

    pattern: str = ""
    is_ambiguous: bool = False
    loose_zone: str = ""
    has_zone: bool = False
    epoch_units: int = 0
    is_spreadsheet_day: bool = False
    decimal_mark: str = "."
    has_marks: bool = False
    has_odd_sign: bool = False
    is_whole_float: bool = False
    currencies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What a column's values are, how they are written, and what share is."""

    kind: Kind
    format: Format = Format()
    share: float = 1.0
    unread: tuple[str, ...] = ()


def read(values: Counts) -> Reading:
    """Return what most of these texts are."""
    total = sum(count for _, count in values)
    if not total:
        return Reading(Kind.EMPTY)
    readings = [
        _read_words(values),
        _read_times(values),
        _read_numbers(values),
    ]
    best = max(readings, key=lambda reading: reading.share)
    return best if best.share >= MOST else Reading(Kind.TEXT)


def is_email(text: str) -> bool:
    """Whether a text is an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def is_compact_date(text: str) -> bool:
    """Whether eight digits are a day of the last or this century."""
    if not re.fullmatch(r"(19|20)\d{6}", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _share(values: Counts, accepted: frozenset[str]) -> float:
    total = sum(count for _, count in values)
    return sum(count for text, count in values if text in accepted) / total


def _reading(
    kind: Kind, values: Counts, accepted: frozenset[str], written: Format
) -> Reading:
    others = tuple(text for text, _ in values if text not in accepted)
    return Reading(kind, written, _share(values, accepted), others)


def _read_words(values: Counts) -> Reading:
    """Read e-mail addresses, currency codes, booleans and times of day."""
    tests: dict[Kind, Callable[[str], bool]] = {
        Kind.EMAIL: is_email,
        Kind.CURRENCY: lambda text: text.upper() in CURRENCY_CODES,
        Kind.BOOLEAN: lambda text: text.lower() in _BOOLEANS,
        Kind.CLOCK: lambda text: _CLOCK.fullmatch(text) is not None,
    }
    readings = [
        _reading(kind, values, frozenset(t for t, _ in values if test(t)), Format())
        for kind, test in tests.items()
    ]
    return max(readings, key=lambda reading: reading.share)


def _read_numbers(values: Counts) -> Reading:
    """Read numbers, plain or with currency, marks between digits and odd signs."""
    found = {text: match for text, _ in values if (match := _number(text))}
    accepted = frozenset(found)
    if all(_PLAIN_NUMBER.fullmatch(text) for text in accepted):
        is_whole = all(re.fullmatch(r"[+-]?\d+(\.0*)?", text) for text in accepted)
        written = Format(is_whole_float=is_whole and any("." in t for t in accepted))
        kind = Kind.INTEGER if is_whole else Kind.DECIMAL
        return _reading(kind, values, accepted, written)
    digits = [match["digits"].strip() for match in found.values()]
    is_comma = sum(_DECIMAL_COMMA.fullmatch(one) is not None for one in digits) > sum(
        _GROUPING_COMMA.fullmatch(one) is not None for one in digits
    )
    units = {match[side] for match in found.values() for side in ("before", "after")}
    named = {CURRENCY_SIGNS.get(unit, unit.upper()) for unit in units if unit}
    written = Format(
        decimal_mark="," if is_comma else ".",
        has_marks=True,
        has_odd_sign=any(m["open"] or m["trail"] for m in found.values()),
        is_ambiguous=not is_comma
        and any(_EITHER_COMMA.fullmatch(one) for one in digits)
        and not any("." in one or _GROUPING_COMMA.fullmatch(one) for one in digits),
        currencies=tuple(sorted(name for name in named if name)),
    )
    return _reading(Kind.MONEY, values, accepted, written)


def _number(text: str) -> re.Match[str] | None:
    match = _NUMBER.fullmatch(text)
    if match is None or (match["open"] is None) != (match["close"] is None):
        return None
    for unit in (match["before"], match["after"]):
        known = unit is None or unit in CURRENCY_SIGNS or unit.upper() in CURRENCY_CODES
        if not known:
            return None
    return match


def _read_times(values: Counts) -> Reading:
    """Read dates and timestamps in the writing that most of them have."""
    counts: Counter[Format] = Counter()
    formats: dict[str, Format] = {}
    for text, count in values:
        written = _time_format(text)
        if written is not None:
            formats[text] = written
            counts[replace(written, has_zone=False)] += count
    if not counts:
        return Reading(Kind.DATE, share=0.0)
    [(main, _)] = counts.most_common(1)
    accepted = frozenset(
        text for text, one in formats.items() if replace(one, has_zone=False) == main
    )
    if "?" in main.pattern:
        main = _order_days_and_months(main, accepted)
    has_time = any(_has_time(text) for text in accepted)
    zoned = replace(main, has_zone=any(formats[text].has_zone for text in accepted))
    kind = Kind.TIMESTAMP if has_time else Kind.DATE
    return _reading(kind, values, accepted, zoned)


def _time_format(text: str) -> Format | None:
    if match := _ISO_TIME.fullmatch(text):
        if match["time"] is None and (match["gap"] or match["zone"]):
            return None
        is_word = match["zone"] in ("UTC", "GMT")
        loose = "word" if is_word else "gap" if match["gap"] else ""
        return Format(loose_zone=loose, has_zone=match["zone"] is not None)
    if is_compact_date(text):
        return Format(pattern="%Y%m%d")
    if re.fullmatch(r"\d{14}", text) and is_compact_date(text[:8]):
        return Format(pattern="%Y%m%d%H%M%S")
    return _numeric_date_format(text) or _named_date_format(text)


def _numeric_date_format(text: str) -> Format | None:
    """Read 5/1/2024: `?1` and `?2` stand for the day and month, not yet ordered."""
    match = _NUMERIC_DATE.fullmatch(text)
    if match is None:
        return None
    mark, tail = match["mark"], _tail_pattern(match)
    if len(match["a"]) == 4 and len(match["c"]) <= 2:
        return Format(pattern=f"%Y{mark}%m{mark}%d{tail}")
    if len(match["a"]) > 2 or len(match["c"]) not in (2, 4):
        return None
    if max(int(match["a"]), int(match["b"])) > 31 or "0" in (match["a"], match["b"]):
        return None
    year = "%Y" if len(match["c"]) == 4 else "%y"
    return Format(pattern=f"?1{mark}?2{mark}{year}{tail}")


def _named_date_format(text: str) -> Format | None:
    """Read 5 Jan 2024 and January 5, 2024."""
    match = _NAMED_DATE.fullmatch(text)
    if match is None or (match["day"] is None) == (match["day2"] is None):
        return None
    name = match["month"].lower()
    if name not in _MONTHS and name not in {month[:3] for month in _MONTHS}:
        return None
    # May is short and long at once: the short pattern reads it.
    month = "%B" if len(name) > 3 else "%b"
    before = f"%d{match['gap1']}" if match["day"] else ""
    behind = f"%d{match['gap3']}" if match["day2"] else ""
    return Format(
        pattern=f"{before}{month}{match['gap2']}{behind}%Y{_tail_pattern(match)}"
    )


def _tail_pattern(match: re.Match[str]) -> str:
    if match["gap"] is None:
        return ""
    half = match["half"]
    return "".join(
        [
            match["gap"],
            "%I:%M" if half else "%H:%M",
            ":%S" if match["seconds"] else "",
            ".%f" if match["fraction"] else "",
            (" %p" if half.startswith(" ") else "%p") if half else "",
        ]
    )


def _order_days_and_months(written: Format, texts: frozenset[str]) -> Format:
    """Put day and month in the order that all of these dates allow."""
    parts = [match for text in texts if (match := _NUMERIC_DATE.fullmatch(text))]
    is_day_first = any(int(match["a"]) > 12 for match in parts)
    is_month_first = any(int(match["b"]) > 12 for match in parts)
    # A point between them is written where the day comes first.
    if not is_day_first and not is_month_first:
        is_day_first = "." in written.pattern.split("?2")[0]
        is_ambiguous = not is_day_first
    else:
        is_ambiguous = is_day_first and is_month_first
    order = ("%d", "%m") if is_day_first else ("%m", "%d")
    pattern = written.pattern.replace("?1", order[0]).replace("?2", order[1])
    return replace(written, pattern=pattern, is_ambiguous=is_ambiguous)


def _has_time(text: str) -> bool:
    return ":" in text or re.fullmatch(r"\d{14}", text) is not None
