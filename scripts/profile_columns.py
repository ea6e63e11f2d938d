"""What is in the columns of a table: types, empty values, distinct values, examples."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

import profile_values
from profile_values import Counts, Format, Kind, Reading

# Rows up to which distinct values are counted; above they are estimated, to a tenth.
EXACT_ROWS = 2_000_000
# What a spreadsheet stores for 1990-01-01 and 2100-01-01.
SPREADSHEET_DAYS = (32_874, 73_051)
SAMPLE_ROWS = 20_000
SAMPLED_VALUES = 1_000
EXAMPLES = 3
EXAMPLE_LENGTH = 24

_WORD_TYPES = ("VARCHAR", "ENUM", "UUID")
# Of PostgreSQL: read as text here, but no text there.
_NO_TEXT = frozenset({"uuid", "money", "json", "jsonb", "inet"})
_NESTED = re.compile(r"STRUCT|MAP|UNION|LIST|JSON|VARIANT|\[|BLOB|BIT|GEOMETRY")
_WHOLE = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|U?INTEGER|DECIMAL\(\d+,0\)")
_FRACTION = re.compile(r"DOUBLE|FLOAT|DECIMAL.*")
_PERSONAL = re.compile(
    r"(^|_)(e?mail|phone|mobile|tel|fax|street|address\d?|name|firstname|lastname|"
    r"surname|birth\w*|dob|ip|ssn|iban|zip|postcode|postal_code)($|_)"
)
_TIME_NAME = re.compile(
    r"(^|_)(date|day|time|timestamp|datetime|ts|at|on|created|occurred|epoch|unix)($|_)"
)


@dataclass(frozen=True)
class Column:
    """A column: `filled` rows are neither null nor blank, `is_text`: stored as text.

    `values` are the most frequent of a sample, `low` and `high` the ends of numbers
    and times.
    """

    name: str
    type: str
    rows: int
    filled: int
    distinct: int
    is_distinct_exact: bool
    is_text: bool
    reading: Reading
    values: Counts = ()
    low: Any = None
    high: Any = None

    @property
    def words(self) -> str:
        """The name in lower case, its words joined by underscores."""
        return split_words(self.name)

    @property
    def kind(self) -> Kind:
        """What most of the values are."""
        return self.reading.kind

    @property
    def format(self) -> Format:
        """How most of the values are written."""
        return self.reading.format

    @property
    def is_time(self) -> bool:
        """Whether the values say when."""
        return self.kind in (Kind.DATE, Kind.TIMESTAMP)

    @property
    def is_number(self) -> bool:
        """Whether the values can be counted with."""
        return self.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.MONEY)

    @property
    def empty_share(self) -> float:
        """Share of the rows without a value (0-1)."""
        return 1 - self.filled / self.rows if self.rows else 0.0

    @property
    def distinct_share(self) -> float:
        """Share of the filled rows that have a value of their own, at most 1."""
        return min(1.0, self.distinct / self.filled) if self.filled else 0.0

    @property
    def is_personal(self) -> bool:
        """Whether the values, by look or name, are about somebody in person."""
        if self.kind is Kind.EMAIL:
            return True
        if not _PERSONAL.search(self.words) or self.is_time:
            return False
        # The name of an order or of a product is one word, or repeats.
        is_name = self.words.split("_")[-1] in ("name", "firstname", "lastname")
        spaced = sum(" " in text for text, _ in self.values)
        return not is_name or "customer" in self.words or spaced * 2 > len(self.values)

    @property
    def examples(self) -> tuple[str, ...]:
        """Some of the values, long ones cut, those of persons masked."""
        return tuple(self.show(text) for text, _ in self.values[:EXAMPLES])

    def show(self, text: str) -> str:
        """Return a value as it may be printed."""
        if self.is_personal or profile_values.is_email(text):
            return mask(text)
        flat = " ".join(text.split())
        return flat if len(flat) <= EXAMPLE_LENGTH else flat[: EXAMPLE_LENGTH - 1] + "…"


def split_words(name: str) -> str:
    """Return a name in lower case with underscores: createdAt is created_at."""
    spaced = re.sub(r"([a-z\d])([A-Z])", r"\1_\2", name)
    spaced = re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", spaced)
    return re.sub(r"[^a-z\d]+", "_", spaced.lower()).strip("_")


def mask(text: str) -> str:
    """Leave of a personal value no more than shows what it is."""
    if profile_values.is_email(text):
        name, _, host = text.partition("@")
        return f"{name[0]}***@***.{host.rpartition('.')[2]}"
    return f"{text[0]}***"


def quote(name: str) -> str:
    """Return a name as an identifier that DuckDB takes as it stands."""
    return '"' + name.replace('"', '""') + '"'


def describe(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    types: dict[str, str] | None = None,
) -> tuple[Column, ...]:
    """Return the columns of a relation; `types` are other names of their types.

    One pass over the relation for the figures, and one for a sample of it.
    """
    described = connection.execute(f"describe select * from {relation}").fetchall()
    kinds = {name: kind for name, kind, *_ in described}
    figures = _measure(connection, relation, kinds)
    rows = figures[0]
    connection.execute(
        f"create or replace temp table sampled_rows as select * from {relation} "
        f"using sample reservoir({SAMPLE_ROWS} rows) repeatable (1)"
    )
    columns = []
    for number, (name, kind) in enumerate(kinds.items()):
        filled, distinct, low, high = figures[1 + 4 * number : 5 + 4 * number]
        shown = (types or {}).get(name, kind.lower())
        column = Column(
            name=name,
            type=shown,
            rows=rows,
            filled=filled,
            distinct=min(distinct, filled),
            is_distinct_exact=rows <= EXACT_ROWS,
            is_text=kind.startswith(("VARCHAR", "ENUM")) and shown not in _NO_TEXT,
            reading=Reading(Kind.EMPTY),
            low=low,
            high=high,
        )
        if filled:
            column = _read(connection, column, kind)
        columns.append(column)
    connection.execute("drop table sampled_rows")
    return tuple(columns)


def most_frequent(
    connection: duckdb.DuckDBPyConnection, relation: str, column: str, limit: int
) -> list[tuple[str, int]]:
    """Return the most frequent values of a column with their rows, as trimmed text."""
    text = f"trim(cast({quote(column)} as varchar))"
    # By hash, since the first by alphabet are alike: so all dates would be of January.
    return connection.execute(
        f"select {text} as value, count(*) as row_count from {relation} "
        f"where {text} <> '' group by value "
        f"order by row_count desc, hash(value), value limit {limit}"
    ).fetchall()


def _measure(
    connection: duckdb.DuckDBPyConnection, relation: str, kinds: dict[str, str]
) -> Sequence[Any]:
    """Return the rows, then of each column filled, distinct, lowest and highest."""
    rows = connection.execute(f"select count(*) from {relation}").fetchone()
    count = (
        "count(distinct {})"
        if (rows or [0])[0] <= EXACT_ROWS
        else ("approx_count_distinct({})")
    )
    figures = ["count(*)"]
    for name, kind in kinds.items():
        value = quote(name)
        if kind.startswith("VARCHAR"):
            value = f"nullif(trim({value}), '')"
        is_ordered = not kind.startswith(_WORD_TYPES) and not _NESTED.search(kind)
        figures += [
            f"count({value})",
            "0" if _NESTED.search(kind) else count.format(value),
            *([f"min({value})", f"max({value})"] if is_ordered else ["null", "null"]),
        ]
    found = connection.execute(f"select {', '.join(figures)} from {relation}")
    return found.fetchone() or ()


def _read(connection: duckdb.DuckDBPyConnection, column: Column, kind: str) -> Column:
    """Add what the values of a filled column are and some of them."""
    if _NESTED.search(kind):
        return replace(column, reading=Reading(Kind.NESTED))
    values = most_frequent(connection, "sampled_rows", column.name, SAMPLED_VALUES)
    column = replace(column, values=tuple(values))
    if kind.startswith(_WORD_TYPES):
        return replace(column, reading=_as_moment(column, profile_values.read(values)))
    natives = {"BOOLEAN": Kind.BOOLEAN, "DATE": Kind.DATE, "TIME": Kind.CLOCK}
    if kind.startswith("TIMESTAMP"):
        written = Format(has_zone="TIME ZONE" in kind)
        return replace(column, reading=Reading(Kind.TIMESTAMP, written))
    if kind in natives:
        return replace(column, reading=Reading(natives[kind]))
    if _WHOLE.fullmatch(kind) or _FRACTION.fullmatch(kind):
        reading = profile_values.read([(plain_number(t), n) for t, n in values])
        return replace(column, reading=_as_moment(column, reading))
    return replace(column, reading=Reading(Kind.TEXT))


def plain_number(text: str) -> str:
    """Write out a number that the database gives with an exponent."""
    return f"{float(text):.4f}" if "e" in text.lower() else text


def _as_moment(column: Column, reading: Reading) -> Reading:
    """Take numbers for years or times where name and size agree.

    Times are seconds since 1970, or days as a spreadsheet counts them.
    """
    if reading.kind not in (Kind.INTEGER, Kind.DECIMAL):
        return reading
    numbers = [float(text) for text, _ in column.values if _is_number(text)]
    low, high = min(numbers), max(numbers)
    is_whole = reading.kind is Kind.INTEGER
    if is_whole and "year" in column.words.split("_") and 1900 <= low <= high <= 2100:
        return replace(reading, kind=Kind.YEAR)
    if not _TIME_NAME.search(column.words):
        return reading
    if SPREADSHEET_DAYS[0] <= low <= high < SPREADSHEET_DAYS[1]:
        written = Format(is_spreadsheet_day=True)
        return replace(reading, kind=Kind.TIMESTAMP, format=written)
    for units in (1, 1_000, 1_000_000):
        # From 1990 to 2100.
        if 631_152_000 * units <= low <= high <= 4_102_444_800 * units:
            written = Format(epoch_units=units)
            return replace(reading, kind=Kind.TIMESTAMP, format=written)
    return reading


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
