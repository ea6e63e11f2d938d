"""What makes a row of a table one: keys that repeat, and ids that stand for nobody."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from profile_columns import Column, quote
from profile_values import Kind

# Share of repeated keys (0-1) that must agree for a rule to be seen in them.
AGREED = 0.9
# Words in the place of an id that stand for nobody.
_NOBODY = (
    r"0+|-1|9{5,}|x+|-+|\.+|\?+|n/?a|nan|none|null|nil|empty|blank|unknown|undefined|"
    r"anonym(ous)?|anon|guests?|guest[ _-]?(checkout|user|customer)|walk[ _-]?in|"
    r"cash|default|no[ _-]?customer|not[ _-]?set|\(not set\)|test|"
    r"(guest|unknown|anonymous|no-?reply|none|test)@.*"
)
# Many nines may be a number like others, unless it has so many times their rows.
NINES_TIMES = 10
# An id of so many rows, and so many times those of the mean id, is hardly a person's.
SHARED_SHARE = 0.05
SHARED_TIMES = 30
SHARED_ROWS = 100


@dataclass(frozen=True)
class Keys:
    """How often a key is named: `repeated` keys have several rows.

    Of the repeated ones, `same_rows` have rows that say the same in every column,
    `same_person`, `same_day` and `same_amount` one of each, `refunded` a purchase and
    a refund.
    """

    rows: int = 0
    missing: int = 0
    keys: int = 0
    repeated: int = 0
    same_rows: int = 0
    same_person: int = 0
    same_day: int = 0
    same_amount: int = 0
    refunded: int = 0

    @property
    def is_unique(self) -> bool:
        """Whether no key is named twice."""
        return not self.repeated

    def mostly(self, count: int) -> bool:
        """Whether a count is that of most repeated keys."""
        return count >= AGREED * self.repeated


@dataclass(frozen=True)
class People:
    """Ids of persons: `nobody` stands for none, `shared` for very many rows each."""

    ids: int
    rows: int
    nobody: tuple[tuple[str, int], ...] = ()
    shared: tuple[tuple[str, int], ...] = ()
    mixed_case: int = 0


def look_at_keys(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[Column],
    key: str,
    person: str = "null",
    day: str = "null",
    amount: str = "null",
    refund: str = "false",
) -> Keys:
    """Count keys; the other arguments are SQL of what rows of a key may share."""
    text = f"nullif(trim(cast({key} as varchar)), '')"
    rows, filled, keys = _one(
        connection,
        "select coalesce(sum(row_count), 0), "
        "coalesce(sum(row_count) filter (key_text is not null), 0), count(key_text) "
        f"from (select {text} as key_text, "
        f"count(*) as row_count from {relation} group by key_text)",
    )
    if filled == keys:
        return Keys(rows, rows - filled, keys)
    hashed = ", ".join(quote(column.name) for column in columns)
    alike = {
        "same_rows": "row_hash",
        "same_person": "person",
        "same_day": "day",
        "same_amount": "amount",
    }
    # What is empty on some lines and filled on another counts as the same.
    same = ", ".join(
        f"count(*) filter (first_{name} is not distinct from last_{name})"
        for name in alike
    )
    ends = ", ".join(
        f"min({value}) as first_{name}, max({value}) as last_{name}"
        for name, value in alike.items()
    )
    found = _one(
        connection,
        f"with keyed_rows as (select {text} as key_text, {person} as person, "
        f"{day} as day, {amount} as amount, coalesce({refund}, false) as is_refund, "
        f"hash({hashed}) as row_hash from {relation}), "
        f"grouped_keys as (select key_text, {ends}, bool_or(is_refund) as has_refund, "
        "bool_or(not is_refund) as has_purchase from keyed_rows "
        "where key_text is not null group by key_text having count(*) > 1) "
        f"select count(*), {same}, count(*) filter (has_refund and has_purchase) "
        "from grouped_keys",
    )
    return Keys(rows, rows - filled, keys, *found)


def look_at_people(
    connection: duckdb.DuckDBPyConnection, relation: str, column: Column
) -> People:
    """Count the persons of a column and find ids that are hardly a person's."""
    text = f"trim(cast({quote(column.name)} as varchar))"
    is_email = column.kind is Kind.EMAIL
    connection.execute(
        f"create or replace temp table person_rows as select {text} as person, "
        f"count(*) as row_count from {relation} where {text} <> '' group by person"
    )
    folded = "count(distinct lower(person))" if is_email else "count(*)"
    ids, rows, people = _one(
        connection,
        f"select count(*), coalesce(sum(row_count), 0), {folded} from person_rows",
    )
    top = _most_rows(connection, "true")
    words = _most_rows(connection, f"regexp_full_match(lower(person), '{_NOBODY}')")
    connection.execute("drop table person_rows")
    mean = rows / max(ids, 1)
    nobody = tuple(
        one for one in words if one[0].strip("9") or one[1] > NINES_TIMES * mean
    )
    least = max(SHARED_ROWS, SHARED_SHARE * rows, SHARED_TIMES * mean)
    shared = tuple(one for one in top if one[1] >= least and one not in nobody)
    return People(ids, rows, nobody, shared, mixed_case=ids - people)


def _most_rows(
    connection: duckdb.DuckDBPyConnection, condition: str
) -> list[tuple[str, int]]:
    return connection.execute(
        f"select person, row_count from person_rows where {condition} "
        "order by row_count desc, person limit 10"
    ).fetchall()


def find_companion(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    key: Column,
    columns: Sequence[Column],
) -> Column | None:
    """Return a column that makes a repeating key unique, such as its year or store."""
    for column in columns:
        is_apart = column.kind in (Kind.YEAR, Kind.DATE) or re.search(
            r"(^|_)(year|wave|date|day|store|shop|branch|till|register|terminal|source|"
            r"site|country)(_|$)",
            column.words,
        )
        if column.name == key.name or not is_apart or not column.filled:
            continue
        pairs, rows = _one(
            connection,
            f"select count(distinct ({quote(key.name)}, {quote(column.name)})), "
            f"count({quote(key.name)}) from {relation}",
        )
        if pairs == rows:
            return column
    return None


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    return connection.execute(sql).fetchone() or ()
