"""Generate a company whose true numbers are known.

    python scripts/generate_sample_data.py
    python scripts/generate_sample_data.py --transactions 10000000 \\
        --touchpoints 30000000 --format parquet --output DIR

The first line rewrites the committed seeds, the second makes the same company large. All
rows are made by `sample_company.sql` in DuckDB; this module holds the planted truths and
writes the seven inputs plus `truths.json`, which says what was planted, what came of it,
and how many rows of each input are good, duplicate or bad.

CSV columns are text and include literal bad rows (an unparseable date, a score off the
scale); Parquet columns are typed (timestamps naive UTC, amounts decimal(18, 2)), so these
rows are left out there. Duplicates, guests, refunds, late rows and the currency without a
rate are in both.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer

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
    cost_per_customer: float = 0.0
    cost_per_day: float = 0.0
    spend_currency: str = "USD"
    first_touch_type: str | None = None
    closing_touch_type: str | None = None


@dataclass(frozen=True)
class Question:
    """A survey question: the share of orders it follows, its scale and, for NPS, groups."""

    question_id: str
    share_of_orders: float
    scale_min: int
    scale_max: int
    promoter_rate: float | None = None
    passive_rate: float | None = None
    is_lower_better: bool = False


@dataclass(frozen=True)
class FollowUp:
    """A touch after an order: the share of follow-up slots it takes, and its channel."""

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
    same_channel_share: float = 0.6  # of buyers whom the introducing channel also closes
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
        Channel("paid_search", 0.22, 0.45, 0.35, 42.0, 0, "USD", "ad_click", "ad_click"),
        Channel("paid_social", 0.18, 0.30, 0.15, 55.0, 0, "USD", "ad_impression", "ad_click"),
        Channel("display", 0.12, 0.20, 0.05, 80.0, 0, "USD", "ad_impression", "ad_click"),
        Channel("partner", 0.06, 0.50, 0.05, 30.0, 0, "EUR", "shared_link_view", "site_visit"),
        Channel("organic_search", 0.18, 0.40, 0.10, 0, 0, "USD", "search_listing_view", "site_visit"),
        Channel("organic_social", 0.08, 0.25, 0, 0, 0, "USD", "social_post_view", "site_visit"),
        Channel("referral", 0.05, 0.60, 0, 0, 0, "USD", "shared_link_view", "site_visit"),
        Channel("email", 0, 0, 0.20, 0, 0, "USD", "email_open", "email_click"),
        Channel("store", 0.04, 0.50, 0.10, 0, 0, "USD", "store_visit", "store_visit"),
        Channel("direct", 0.05, 0.50, 0, 0, 0, "USD", "site_visit", "site_visit"),
        Channel("affiliate", cost_per_day=25.0),  # spend that wins nobody
        Channel(None, 0.02, 1.0),
    )  # fmt: skip
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


# What is wrong with a bad row, by input and by the reason for which it must be rejected.
# The rest of the row is the good row of its input; CSV only.
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
# The SQL plants duplicates in the event inputs; in these, rows are repeated on delivery.
REPEATED_ROWS = {
    "marketing_spend": 3,
    "customers": 3,
    "identities": 3,
    "exchange_rates": 2,
}


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
    seasons = [truths.season_factors[month % 12] for month in range(months)]
    shares["month"] = [season / sum(seasons) for season in seasons]
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
        "later_survival": list(
            accumulate(hazards[1:], lambda alive, hazard: alive * (1 - hazard), initial=1)
        )[1:],
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
    rows: tuple[Channel, ...] | tuple[FollowUp, ...] | tuple[Question, ...],
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
        self.connection = duckdb.connect(config={"threads": 2, "memory_limit": "6GB"})
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
        self.connection.execute(
            f"copy (from {name}) to '{folder / name}.parquet' (compression zstd)"
        )

    def write_csv(self, name: str, folder: Path) -> dict[str, Any]:
        """Write one input as text with its bad rows; return its row counts."""
        types = {
            row["column_name"]: row["column_type"]
            for row in self.rows(f"describe {name}")
        }
        texts = [
            f"strftime({column}, '%Y-%m-%dT%H:%M:%SZ') as {column}"
            if kind == "TIMESTAMP"
            else f"cast({column} as varchar) as {column}"
            for column, kind in types.items()
        ]
        bad_rows = []
        key_column, key_format = BAD_KEYS[name]
        for number, (_, column, value) in enumerate(BAD_VALUES[name], start=1):
            row = GOOD_ROWS[name] | {key_column: key_format.format(number)}
            bad_row = row | {column: value}
            bad_rows.append(literal([bad_row.get(column) for column in types]))
        self.connection.execute(
            f"""
            create or replace temp table delivery as
            with clean as (select {", ".join(texts)} from {name}),
            bad as (select unnest([{", ".join(bad_rows)}]) as fields)
            select * from clean
            union all
            (select * from clean order by all limit {REPEATED_ROWS.get(name, 0)})
            union all
            select {", ".join(f"fields[{n}]" for n in range(1, len(types) + 1))} from bad
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
        """Return what came of the planted truths in this company."""
        return {
            "introducing_channels": self.rows(
                """
                select
                    channel,
                    count(*) as prospects,
                    count(*) filter (considers) as considering,
                    count(*) filter (converts) as converting,
                    count(*) filter (is_buyer) as buyers
                from people group by channel order by channel
                """
            ),
            "acquisition_channels": self.rows(
                """
                select acquisition_channel as channel, count(*) as buyers
                from people where is_buyer group by all order by all
                """
            ),
            "month_numbers": self.rows(
                """
                select month_number, count(*) as at_risk,
                    count(*) filter (last_month_number = month_number) as leaving
                from people, range(1, 13) as numbers (month_number)
                where is_buyer and last_month_number >= month_number
                    and purchase_month + month_number <= getvariable('months')
                group by month_number order by month_number
                """
            ),
            "complaints": self.rows(
                """
                select complains, count(*) as buyers,
                    count(*) filter (last_month_number > 1) as staying
                from people where is_buyer group by complains order by complains
                """
            ),
            "questions": self.rows(
                """
                select question_id, count(distinct response_id) as answers,
                    round(avg(score) filter (is_first), 6) as mean_score
                from (
                    select *, row_number() over (partition by response_id) = 1 as is_first
                    from survey_responses
                ) as answers
                group by question_id order by question_id
                """
            ),
            "transactions": self.rows(
                """
                select
                    count(*) filter (transaction_id not like 'r%') as purchases,
                    count(*) filter (transaction_id like 'r%') as refunds,
                    count(*) filter (
                        transaction_id like 'r%' and original_transaction_id is null
                    ) as unlinked_refunds,
                    count(*) filter (amount < 0) as negative_amounts,
                    count(*) filter (customer_id is null) as guest_rows,
                    count(*) filter (currency = 'EUR') as eur_rows,
                    count(*) filter (
                        date_trunc('day', local_time) != date_trunc('day', utc(local_time))
                    ) as rows_on_another_utc_day
                from clean_transactions
                """
            )[0],
        }


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
        row.channel
        or "(none)": won[row.channel]
        * (truths.same_channel_share if row.channel in introduced else 1)
        + passed_on * row.closing_share
        for row in truths.channels
    }
    return {
        "conversion_rate": round(sum(won.values()), 6),
        "hazard_by_month_number": [round(hazard, 6) for hazard in (first, *later)],
        "acquisition_mix": {
            channel: round(buyers / sum(won.values()), 6) for channel, buyers in mix.items()
        },
    }


def generate(
    request: Request, file_format: Format, folder: Path, truths: Truths | None = None
) -> dict[str, Any]:
    """Write the seven inputs and truths.json into `folder`; return the truths written."""
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
        "expected": expected(truths),
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
        Format, typer.Option("--format", help="csv: seeds with bad rows; parquet: typed.")
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
