"""What the report is made of: the run it is about, numbers as text, parts of a page."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from published import Reader

Row = Mapping[str, Any]

UNKNOWN = "not known"
SMALL = "small sample"
NPS_MEANING = (
    "Answers from 0 to 10: promoters (9 and 10) less detractors (0 to 6) in percent of "
    "all answers, from -100 to 100."
)
LONGEST_NAME = 40
NO_TOUCH = "(none)"
NO_CHANNELS = {"all": "all channels", NO_TOUCH: "no recorded touch"}
# What a variable of the readiness is to a limit.
LIMITS = {"min": " asked for", "max": " allowed"}
_LIMIT = re.compile(r" of readiness_(min|max)_\w+")
_DIGITS = re.compile(r"(?<![\d.,])\d{4,}(?![\d.])")
_ONE = re.compile(r"(?<![\d.,])(1 (?:complete )?(?:month|customer))s( are)?\b")
_IDENTIFIER = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
# Grains by preference, with how many periods a year has and how many are drawn.
GRAINS = {
    "month": (12, 24),
    "quarter": (4, 16),
    "year": (1, 10),
    "week": (52, 52),
    "day": (364, 60),
}
REASONS = {
    "no_customers": "The spend won nobody.",
    "no_spend": "Nothing was spent.",
    "no_spend_and_no_customers": "Nothing was spent, and nobody won.",
    "no_spend_input": "The input marketing spend is switched off.",
}


@dataclass(frozen=True)
class Input:
    """An input of the run; `rows` are those accepted."""

    is_off: bool
    rows: int


@dataclass(frozen=True)
class Run:
    """The published run that a report is about.

    `grain` is the period that the report counts in, `period_start` the last one that is
    over, null when none is; `complete_periods` says how many are, for each grain;
    `readiness` is the row of the total.
    """

    reader: Reader
    info: Row
    grain: str
    period_start: date | None
    complete_periods: Mapping[str, int]
    inputs: Mapping[str, Input]
    readiness: Row

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query, numbers as floats where they have decimals."""
        rows = self.reader.query(sql)
        return [{name: _plain(value) for name, value in row.items()} for row in rows]

    @property
    def periods_of_a_year(self) -> int:
        """How many periods the last year has."""
        return GRAINS[self.grain][0]

    @property
    def periods_drawn(self) -> int:
        """How many of the last periods a chart shows."""
        return GRAINS[self.grain][1]

    def money(self, value: float | None) -> str:
        """Write an amount with its currency."""
        return UNKNOWN if value is None else f"{amount(value)} {self.currency}"

    @property
    def currency(self) -> str:
        """The currency of every amount."""
        return str(self.info["reporting_currency"])

    def unmeasurable(self) -> str:
        """Say why nobody is seen to stay or to leave; nothing if they are."""
        if self.readiness["verdict"] != "not_measurable":
            return ""
        return sentence(
            "Who stays and who leaves is not measurable.",
            readable(self.readiness["reason"]),
            readable(self.readiness["remedy"]),
        )

    def absence(self, *names: str) -> str:
        """Say which of these inputs is off or empty; nothing if all have rows."""
        for name in names:
            given = self.inputs[name]
            if given.is_off:
                return f"The input {spoken(name)} is switched off."
            if not given.rows:
                return f"The input {spoken(name)} has no row that counts."
        return ""

    def waiting(self) -> str:
        """Say what keeps a table of periods empty."""
        if missing := self.absence("transactions"):
            return missing
        if self.period_start is None:
            return f"No {self.grain} is over yet, and one that is not has no rates."
        return "There is nothing to show for the periods that are over."


@dataclass(frozen=True)
class Column:
    """A column of a table; numbers stand to the right."""

    title: str
    text: Callable[[Row], str]
    is_number: bool = True


@dataclass(frozen=True)
class Table:
    """A table whose cells are text; `numeric` says which columns hold numbers."""

    kind: ClassVar[str] = "table"

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[bool]
    query: str = ""


@dataclass(frozen=True)
class Chart:
    """A drawing with its text alternative, its numbers and the query behind both.

    Below `narrowest` pixels it scrolls in its box instead of shrinking. One that is
    wide has a row of the page for itself. One over time is first seen at its end.
    """

    kind: ClassVar[str] = "chart"

    name: str
    title: str
    sentence: str
    spec: Mapping[str, Any]
    numbers: Table
    query: str
    narrowest: int = 300
    is_wide: bool = False
    is_over_time: bool = False


@dataclass(frozen=True)
class Tile:
    """A headline number: what it rests on, its changes, its past as a line."""

    title: str
    value: str
    unit: str
    basis: str
    changes: Sequence[tuple[str, str]] = ()
    trend: str = ""

    @property
    def is_unknown(self) -> bool:
        """Whether there is no number."""
        return self.value == UNKNOWN


@dataclass(frozen=True)
class Tiles:
    """Headline numbers side by side."""

    kind: ClassVar[str] = "tiles"

    tiles: Sequence[Tile]
    query: str


@dataclass(frozen=True)
class Note:
    """A sentence of the page; `is_empty` when it stands where a figure would be."""

    kind: ClassVar[str] = "note"

    text: str
    is_empty: bool = False


Part = Table | Chart | Tiles | Note


@dataclass(frozen=True)
class Section:
    """A question, what answers it, and where its words are defined.

    `terms` are figures of the section with the column that each is, as table.column;
    `meanings` say what one is where the column says less, or much besides.
    """

    id: str
    title: str
    question: str
    parts: Sequence[Part]
    terms: Mapping[str, str] = field(default_factory=dict)
    tables: Sequence[str] = ()
    page: str = ""
    meanings: Mapping[str, str] = field(default_factory=dict)


def table(
    caption: str, rows: Sequence[Row], columns: Sequence[Column], query: str = ""
) -> Table:
    """Make a table of what each column says of each row, without silent columns."""
    cells = [[column.text(row) for row in rows] for column in columns]
    shown = [number for number, texts in enumerate(cells) if any(texts)]
    return Table(
        caption,
        [columns[number].title for number in shown],
        list(zip(*(cells[number] for number in shown), strict=True)),
        [columns[number].is_number for number in shown],
        query,
    )


def hints(row: Row, columns: Sequence[Column]) -> dict[str, str]:
    """Return what a mark of a chart says when it is pointed at."""
    return {column.title: column.text(row) for column in columns}


def count(value: float | None) -> str:
    """Write a number of things, with a decimal where they are shared out."""
    if value is None:
        return UNKNOWN
    is_whole = abs(value - round(value)) < 1e-6
    return _number(value, 0 if is_whole or abs(value) >= 1000 else 1)


def amount(value: float | None) -> str:
    """Write an amount without its currency."""
    if value is None:
        return UNKNOWN
    return _number(value, 2 if 0 < abs(value) < 1000 else 0)


def share(value: float | None, decimals: int = 1) -> str:
    """Write a share of one in percent."""
    return UNKNOWN if value is None else f"{_number(100 * value, decimals)}%"


def score(value: float | None) -> str:
    """Write a score in points."""
    return UNKNOWN if value is None else _number(value, 1)


def hundredths(value: float | None) -> str:
    """Write a number that is neither counted nor paid."""
    return UNKNOWN if value is None else _number(value, 2)


def interval(lower: float | None, upper: float | None, decimals: int = 1) -> str:
    """Write the bounds of a share in percent."""
    if lower is None or upper is None:
        return UNKNOWN
    return f"{_number(100 * lower, decimals)} to {_number(100 * upper, decimals)}%"


def bounds(lower: float | None, upper: float | None) -> str:
    """Write the bounds of a score in points."""
    if lower is None or upper is None:
        return UNKNOWN
    return f"{score(lower)} to {score(upper)}"


def reason(code: str | None) -> str:
    """Say in words why there is no figure."""
    return REASONS.get(code or "", readable(code))


def plural(number: float, one: str, many: str = "") -> str:
    """Write a number of things with the word for them."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def short(name: str) -> str:
    """Cut a name that is too long for a sentence."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}\u2026"


def spoken(name: str) -> str:
    """Write a name of the journey's definition as words."""
    return name.replace("_", " ")


def readable(text: str | None) -> str:
    """Write a sentence of the tables as the page writes its own."""
    text = _LIMIT.sub(lambda limit: LIMITS[limit[1]], text or "")
    text = _DIGITS.sub(lambda digits: count(int(digits[0])), text)
    return _ONE.sub(lambda one: one[1] + (" is" if one[2] else ""), text)


def named(names: Iterable[str]) -> dict[str, str]:
    """Write names of the data as words, if none is taken for another then."""
    words = {
        name: spoken(name) if _IDENTIFIER.fullmatch(name) else name for name in names
    }
    return words if _differ(words) else {name: name for name in words}


def channel_names(channels: Iterable[str]) -> dict[str, str]:
    """Write names of channels as words, and what is none in a few words."""
    names = named(channels)
    words = names | {
        channel: words for channel, words in NO_CHANNELS.items() if channel in names
    }
    return words if _differ(words) else names


def _differ(words: Mapping[str, str]) -> bool:
    return len(set(words.values())) == len(words)


def period_name(start: date | None, grain: str) -> str:
    """Write a period as people call it: Dec 2024, Q4 2024, 2024, or its first day."""
    if start is None:
        return "all time"
    if grain == "month":
        return f"{start:%b %Y}"
    if grain == "quarter":
        return f"Q{(start.month + 2) // 3} {start.year}"
    return str(start.year) if grain == "year" else day(start)


def day(value: date | None) -> str:
    """Write a day, as 31 Dec 2024."""
    return UNKNOWN if value is None else f"{value.day} {value:%b %Y}"


def moment(value: datetime | None) -> str:
    """Write a moment to the minute."""
    return UNKNOWN if value is None else f"{day(value)}, {value:%H:%M}"


def sentence(*pieces: str) -> str:
    """Join sentences that are there."""
    return " ".join(filter(None, pieces))


def listed(pieces: Sequence[str]) -> str:
    """Join words as a sentence does."""
    *most, last = pieces
    return f"{', '.join(most)} and {last}" if most else last


def _number(value: float, decimals: int) -> str:
    # Engines add up in another order: what they agree on is rounded.
    text = f"{round(value, 9):,.{decimals}f}"
    # A true minus, and none in front of zero.
    return text.replace("-", "" if not text.strip("-0.,") else "\N{MINUS SIGN}")


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value
