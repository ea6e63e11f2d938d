r"""Generate a company whose true numbers are known.

    python scripts/generate_sample_data.py
    python scripts/generate_sample_data.py --transactions 10000000 \
        --touchpoints 30000000 --format parquet --output DIR

The first line rewrites the committed seeds, the second makes the same company large.
All rows are made by `sample_company.sql` in DuckDB from the truths in
`sample_truths.py`; this module writes the seven inputs plus `truths.json`, which says
what was planted, what came of it, and how many rows are good, duplicate or bad.

CSV columns are text and include bad rows (an unparseable date, a score off the scale);
Parquet columns are typed (timestamps naive UTC, amounts decimal(18, 2)), so these rows
are left out there. Duplicates, guests, refunds, late rows and the currency without a
rate are in both. The same arguments give the same CSV bytes; in Parquet the same rows,
in the order in which the threads finish them.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from itertools import accumulate
from operator import mul
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer

from sample_truths import (
    BAD_KEYS,
    BAD_VALUES,
    GOOD_ROWS,
    MISSING_TEXTS,
    REPEATED_ROWS,
    Channel,
    FollowUp,
    Question,
    Truths,
    expected,
    season_shares,
)

SQL_FILE = Path(__file__).with_name("sample_company.sql")
SAMPLE_FOLDER = Path(__file__).parents[1] / "seeds" / "sample"
FIRST_DAY = date(2023, 1, 1)
PILOT_PEOPLE = 50_000


class SampleDataError(Exception):
    """The arguments ask for a company that cannot be generated."""


class Format(StrEnum):
    """File format of the inputs."""

    CSV = "csv"
    PARQUET = "parquet"


def variables(truths: Truths, months: int, seed: int) -> dict[str, Any]:
    """Return the SQL variables: the truths, and cumulative shares for choices."""
    hazards = truths.hazard_by_month_number
    hazards += (hazards[-1],) * max(0, months - len(hazards))
    shares: dict[str, list[float]] = {
        "channel": [channel.share for channel in truths.channels],
        "closing": [channel.closing_share for channel in truths.channels],
        "follow_up": [follow_up.share for follow_up in truths.follow_ups],
        "question": [question.share_of_orders for question in truths.questions],
        "country": list(truths.country_shares),
        "age": list(truths.age_shares),
    }
    shares["month"] = season_shares(truths, months)
    end_month = FIRST_DAY.year * 12 + FIRST_DAY.month - 1 + months
    simple = {
        name: value
        for name, value in asdict(truths).items()
        if name not in ("channels", "follow_ups", "questions")
    }
    return simple | {
        "seed": seed,
        "months": months,
        "first_day": FIRST_DAY,
        "end_day": date(end_month // 12, end_month % 12 + 1, 1),
        "later_survival": list(accumulate((1 - h for h in hazards[1:]), mul)),
        "assisting_channels": [
            channel.channel for channel in truths.channels if channel.closing_share > 0
        ],
        # Rounded, so that shares which add up to one leave no draw beyond the last.
        **{
            f"{name}_bounds": [round(bound, 12) for bound in accumulate(values)]
            for name, values in shares.items()
        },
    }


def literal(value: object) -> str:
    """Return a Python value as a DuckDB literal."""
    if value is None:
        return "null"
    if isinstance(value, list | tuple):
        return f"[{', '.join(literal(item) for item in value)}]"
    if isinstance(value, float):
        return f"cast({value!r} as double)"
    if isinstance(value, date):
        return f"timestamp '{value}'"
    return f"'{value}'" if isinstance(value, str) else str(value)


def load_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    number_column: str,
    rows: Sequence[Channel | FollowUp | Question],
) -> None:
    """Create a table of dataclass rows, numbered from 1 in `number_column`."""
    records = [{number_column: n} | asdict(row) for n, row in enumerate(rows, start=1)]
    values = ", ".join(
        f"({', '.join(literal(value) for value in record.values())})"
        for record in records
    )
    connection.execute(
        f"create table {table} as "
        f"select * from (values {values}) as rows ({', '.join(records[0])})"
    )


@dataclass(frozen=True)
class Request:
    """What to generate: about `customers` buyers, or about `transactions` rows."""

    customers: int = 1500
    transactions: int | None = None
    touchpoints: int | None = None
    months: int = 24
    seed: int = 7

    def __post_init__(self) -> None:
        """Raise SampleDataError for a size that has no company."""
        for name, value in asdict(self).items():
            if name != "seed" and value is not None and value < 1:
                raise SampleDataError(f"--{name} must be at least 1, not {value}.")
        if self.months > 99:
            raise SampleDataError(f"--months must be at most 99, not {self.months}.")


class Company:
    """The generated tables in an in-memory DuckDB session."""

    def __init__(self, request: Request, truths: Truths) -> None:
        self.truths = truths
        self.connection = duckdb.connect(config={"memory_limit": "6GB"})
        load_table(self.connection, "channels", "channel_number", truths.channels)
        load_table(self.connection, "follow_up_types", "type_number", truths.follow_ups)
        load_table(self.connection, "questions", "question_number", truths.questions)
        for name, value in variables(truths, request.months, request.seed).items():
            self.set(name, value)
        conversion = sum(row.share * row.conversion_rate for row in truths.channels)
        people = request.customers / conversion
        if request.transactions:
            self.populate(PILOT_PEOPLE)
            people = PILOT_PEOPLE * request.transactions / self.count("transactions")
        self.populate(round(people))
        if request.touchpoints:
            # Journeys take what they take; touches after orders make up the rest.
            self.set("follow_up_slots", 0.0)
            missing = request.touchpoints - self.count("touchpoints")
            share = sum(follow_up.share for follow_up in truths.follow_ups)
            slots = missing / self.count("purchases") / share
            self.set("follow_up_slots", max(0.0, slots))

    def set(self, name: str, value: object) -> None:
        """Set a variable that the SQL reads."""
        self.connection.execute(f"set variable {name} = {literal(value)}")

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query, each by column name."""
        result = self.connection.execute(query)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def count(self, relation: str) -> int:
        """Return the number of rows of a relation."""
        return int(self.rows(f"select count(*) as n from {relation}")[0]["n"])

    def populate(self, people: int) -> None:
        """Make every table for this many people, most of whom never buy."""
        conversion = sum(
            row.share * row.conversion_rate for row in self.truths.channels
        )
        guests = people * conversion * self.truths.guest_orders_per_customer
        self.set("people", people)
        self.set("guest_orders", round(guests))
        self.set("follow_up_slots", 1.0)
        self.connection.execute(SQL_FILE.read_text())

    def write_parquet(self, name: str, folder: Path) -> None:
        """Write one input with typed columns."""
        self.connection.execute(f"copy (from {name}) to '{folder / name}.parquet'")

    def write_csv(self, name: str, folder: Path) -> dict[str, Any]:
        """Write one input as text with its bad rows; return its row counts."""
        types = {
            row["column_name"]: row["column_type"]
            for row in self.rows(f"describe {name}")
        }
        missing = MISSING_TEXTS.get(name, {})
        texts = [
            f"strftime({column}, '%Y-%m-%dT%H:%M:%SZ') as {column}"
            if kind == "TIMESTAMP"
            else f"coalesce(cast({column} as varchar), {literal(missing.get(column))})"
            f" as {column}"
            for column, kind in types.items()
        ]
        bad_rows = []
        key_column, key_format = BAD_KEYS[name]
        for number, (_, column, value) in enumerate(BAD_VALUES[name], start=1):
            row = GOOD_ROWS[name] | {key_column: key_format.format(number)}
            bad_row = row | {column: value}
            bad_rows.append(literal([bad_row.get(column) for column in types]))
        fields = ", ".join(f"fields[{n}]" for n in range(1, len(types) + 1))
        self.connection.execute(
            f"""
            create or replace temp table delivery as
            with clean as (select {", ".join(texts)} from {name}),
            bad as (select unnest([{", ".join(bad_rows)}]) as fields)
            select * from clean
            union all
            (select * from clean order by all limit {REPEATED_ROWS.get(name, 0)})
            union all
            select {fields} from bad
            """
        )
        self.connection.execute(
            f"copy (from delivery order by all) to '{folder}/sample_{name}.csv'"
        )
        return self.delivery_counts(name)

    def delivery_counts(self, name: str) -> dict[str, Any]:
        """Return how many rows of the last delivery are accepted, merged, rejected."""
        total = self.count("delivery")
        distinct = self.count("(select distinct * from delivery)")
        rejected = Counter(reason for reason, _, _ in BAD_VALUES[name])
        merged = {"exact_duplicate": total - distinct}
        if name == "transactions":
            rejected["missing_exchange_rate"] = self.count(
                "delivery where transaction_id[1] = 'x'"
            )
            versions = self.count(
                "(select transaction_id from delivery group by transaction_id "
                "having count(distinct amount) > 1)"
            )
            merged["superseded_by_later_row"] = versions
        return {
            "rows": total,
            "accepted": total - sum(merged.values()) - rejected.total(),
            "merged": merged,
            "rejected": dict(sorted(rejected.items())),
        }

    def realised(self) -> dict[str, Any]:
        """Return what came of the planted truths, table by table."""
        views = self.rows(
            "select view_name from duckdb_views() "
            "where view_name like 'realised\\_%' escape '\\' order by view_name"
        )
        return {
            view["view_name"].removeprefix("realised_"): self.rows(
                f"from {view['view_name']}"
            )
            for view in views
        }


def generate(
    request: Request, file_format: Format, folder: Path, truths: Truths | None = None
) -> dict[str, Any]:
    """Write the seven inputs and truths.json into a folder; return the truths."""
    truths = truths or Truths()
    company = Company(request, truths)
    folder.mkdir(parents=True, exist_ok=True)
    counts: dict[str, Any] = {}
    for name in GOOD_ROWS:
        if file_format is Format.CSV:
            counts[name] = company.write_csv(name, folder)
        else:
            company.write_parquet(name, folder)
            counts[name] = {"rows": company.count(f"'{folder / name}.parquet'")}
    report = {
        "request": asdict(request),
        "planted": asdict(truths),
        "expected": expected(truths, FIRST_DAY, request.months),
        "realised": company.realised(),
        "inputs": counts,
    }
    (folder / "truths.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def main(
    customers: Annotated[int, typer.Option(help="Buyers, about.")] = 1500,
    transactions: Annotated[
        int | None, typer.Option(help="Transactions, about; overrides --customers.")
    ] = None,
    touchpoints: Annotated[
        int | None, typer.Option(help="Touchpoints, about; by default in proportion.")
    ] = None,
    months: Annotated[int, typer.Option(help="Months from 2023-01, at most 99.")] = 24,
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 7,
    file_format: Annotated[
        Format,
        typer.Option("--format", help="csv: seeds with bad rows; parquet: typed."),
    ] = Format.CSV,
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = SAMPLE_FOLDER,
) -> None:
    """Generate the seven inputs of a company whose true numbers are known."""
    try:
        request = Request(customers, transactions, touchpoints, months, seed)
        report = generate(request, file_format, output)
    except (SampleDataError, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(code=2) from error
    for name, counts in report["inputs"].items():
        typer.echo(f"{name:20}{counts['rows']:>12,} rows")
    typer.echo(f"Written to {output}.")


if __name__ == "__main__":
    typer.run(main)
