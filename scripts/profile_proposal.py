"""What the profile proposes for a table: a model, and the facts that it rests on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from profile_columns import Column, most_frequent, quote
from profile_keys import Keys, People

DUCKDB, POSTGRES = "duckdb", "postgres"
ENGINE_NAMES = {DUCKDB: "DuckDB", POSTGRES: "PostgreSQL"}
MOST_CATEGORIES = 200


@dataclass(frozen=True)
class Rows:
    """A table to look into: its columns and what the profile reads them from."""

    connection: duckdb.DuckDBPyConnection
    relation: str
    name: str
    columns: tuple[Column, ...]
    is_file: bool = True

    def count(self, condition: str) -> int:
        """Return the rows for which a condition holds."""
        found = self.connection.execute(
            f"select count(*) filter ({condition}) from {self.relation}"
        ).fetchone()
        return int((found or (0,))[0])

    def copies(self) -> int:
        """Return the rows that are the same in every column as another one."""
        columns = ", ".join(quote(column.name) for column in self.columns)
        found = self.connection.execute(
            f"select count(*) - count(distinct hash({columns})) from {self.relation}"
        ).fetchone()
        return int((found or (0,))[0])

    def categories(self, column: Column) -> dict[str, int]:
        """Return the values of a column with their rows, most frequent first."""
        values = most_frequent(
            self.connection, self.relation, column.name, MOST_CATEGORIES
        )
        return dict(values)

    def named(self, pattern: str) -> list[Column]:
        """Return the filled columns whose names fit a pattern."""
        return [
            column
            for column in self.columns
            if column.filled and re.fullmatch(pattern, column.words)
        ]


@dataclass(frozen=True)
class Named:
    """An expression over the source's columns, and the name that it gets."""

    name: str
    sql: str
    sources: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """What a mapping rests on; `unpaid` and `refunded` are states with their rows.

    `unpaid_lines` are states of lines, whose orders stay without them, and `unclear`
    states that need not be those of a sale.
    `copies` are rows that say what another says, where no key tells them apart.
    """

    copies: int = 0
    keys: Keys | None = None
    people: People | None = None
    person: Column | None = None
    moment: Column | None = None
    is_day: bool = False
    is_cents: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    unpaid: Mapping[str, int] = field(default_factory=dict)
    unpaid_lines: Mapping[str, int] = field(default_factory=dict)
    unclear: Mapping[str, int] = field(default_factory=dict)
    refunded: Mapping[str, int] = field(default_factory=dict)
    companion: str = ""
    unknown: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """A model that makes an input of a table.

    `columns` are the input's, `helpers` what only steps of the model need. `total` says
    how lines become an order: by the `sum` or, where it is repeated, the `max` of the
    amount. Lines for which `line_conditions`, on `line_helpers`, do not hold are left
    out before, orders for which `conditions` do not hold after. `refund` is the amount
    to give back where `refund_condition` holds.
    `questions` are columns of answers, `segments` columns to cut reports by. `missing`
    are required columns that the table lacks.
    """

    input: str
    engine: str
    columns: tuple[Named, ...]
    comments: tuple[str, ...]
    model: str = ""
    is_file: bool = True
    helpers: tuple[Named, ...] = ()
    conditions: tuple[str, ...] = ()
    line_helpers: tuple[Named, ...] = ()
    line_conditions: tuple[str, ...] = ()
    total: str = ""
    refund: str = ""
    refund_condition: str = ""
    questions: tuple[Named, ...] = ()
    segments: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    facts: Facts = field(default_factory=Facts)
