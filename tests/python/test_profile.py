"""What `profile` finds in tables, proposes for them and says when it cannot.

Expected mappings and rows are worked out by hand, or are those of the examples' models.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest
import typer
import yaml
from dbt.adapters.duckdb.credentials import Attachment
from typer.testing import CliRunner

import profile_command
from input_profile import Profile, Request, TableProfile, profile
from postgres_server import postgres_server
from profile_columns import split_words
from profile_parts import INPUTS
from profile_trial import NO_ROWS
from profile_values import Kind, read
from run_example import fetch

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "seeds" / "sample"
CONFIG = "{{ config(materialized='table') }}"


def profile_files(*files: Path, inputs: Sequence[str] = ()) -> Profile:
    """Profile files without trying the models."""
    names = [str(file) for file in files]
    return profile(Request(files=names, inputs=inputs, is_tried=False))


def profile_csv(folder: Path, name: str, text: str) -> TableProfile:
    """Profile the text of a CSV file and return its one table."""
    file = folder / name
    file.write_text(text.lstrip("\n"))
    (table,) = profile_files(file).tables
    return table


def run_sql(sql: str, select: str = "*") -> list[tuple[Any, ...]]:
    """Run a proposed model, whose paths count from the project, and return its rows."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"set file_search_path = '{PROJECT}'")
        return connection.execute(
            f"select {select} from ({sql.replace(CONFIG, '')}) order by all"
        ).fetchall()


def sources(table: TableProfile) -> dict[str, tuple[str, ...]]:
    """Return the columns of the table that each column of the input is made of."""
    assert table.proposal is not None
    return {named.name: named.sources for named in table.proposal.columns}


def findings(table: TableProfile) -> set[str]:
    return {finding.name for finding in table.findings}


def traps(table: TableProfile) -> set[str]:
    return {finding.name for finding in table.findings if finding.is_trap}


def sentence(table: TableProfile, name: str) -> str:
    """Return the sentence of the one finding of a name."""
    (found,) = [one.sentence for one in table.findings if one.name == name]
    return found


@dataclass(frozen=True)
class Answer:
    """How the command ended: exit code and what it printed."""

    exit_code: int
    out: str
    err: str


def command(*arguments: str | Path) -> Answer:
    """Run the command `profile` in this process."""
    app = typer.Typer()
    app.callback()(lambda: None)
    profile_command.add_to(app)
    done = CliRunner().invoke(app, ["profile", *(str(one) for one in arguments)])
    if not isinstance(done.exception, SystemExit | None):
        raise done.exception
    return Answer(done.exit_code, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("texts", "kind", "written"),
    [
        (["12", "007"], Kind.INTEGER, {}),
        (["17850.0", "3.0"], Kind.INTEGER, {"is_whole_float": True}),
        (["12.50", "-3"], Kind.DECIMAL, {}),
        (["$1,234.50", "($3.10)"], Kind.MONEY, {"has_odd_sign": True}),
        (["1.234,50 €", "2,00 €"], Kind.MONEY, {"decimal_mark": ","}),
        (["USD 12", "USD 3"], Kind.MONEY, {"currencies": ("USD",)}),
        (["1,234", "12,345"], Kind.MONEY, {"is_ambiguous": True}),
        (["2024-01-05"], Kind.DATE, {"pattern": ""}),
        (["2024-01-05 10:23:11 -0500"], Kind.TIMESTAMP, {"loose_zone": "gap"}),
        (["2024-01-05 10:00 UTC"], Kind.TIMESTAMP, {"loose_zone": "word"}),
        (["1/5/2024", "2/13/2024"], Kind.DATE, {"pattern": "%m/%d/%Y"}),
        (["1/5/2024", "13/2/2024"], Kind.DATE, {"pattern": "%d/%m/%Y"}),
        (["1/5/2024"], Kind.DATE, {"pattern": "%m/%d/%Y", "is_ambiguous": True}),
        (["05.01.2024 9:10"], Kind.TIMESTAMP, {"pattern": "%d.%m.%Y %H:%M"}),
        (["1/15/24 9:05 PM"], Kind.TIMESTAMP, {"pattern": "%m/%d/%y %I:%M %p"}),
        (["Jan 5, 2024"], Kind.DATE, {"pattern": "%b %d, %Y"}),
        (["19970101", "19980630"], Kind.DATE, {"pattern": "%Y%m%d"}),
        (["19970101", "19981399"], Kind.INTEGER, {}),
        (["ann@shop.org"], Kind.EMAIL, {}),
        (["usd", "EUR"], Kind.CURRENCY, {}),
        (["10:30", "9:05:10"], Kind.CLOCK, {}),
        (["c10", "9/10", "10%"], Kind.TEXT, {}),
        ([], Kind.EMPTY, {}),
    ],
)
def test_values_are_read_as_most_of_them_are_written(
    texts: list[str], kind: Kind, written: Mapping[str, Any]
) -> None:
    reading = read([(text, 1) for text in texts])
    assert reading.kind is kind
    assert {name: getattr(reading.format, name) for name in written} == written


def test_values_that_are_written_otherwise_count_as_unread() -> None:
    reading = read([("5", 8), ("4", 1), ("Blank", 1)])
    assert (reading.kind, reading.share, reading.unread) == (
        Kind.INTEGER,
        0.9,
        ("Blank",),
    )
    # Less than most: text.
    assert read([("5", 7), ("Blank", 3)]).kind is Kind.TEXT


def test_names_are_split_into_words() -> None:
    names = ["createdAt", "Created at", "CustomerID", "HTTPStatus", "Amount (USD)"]
    words = ["created_at", "created_at", "customer_id", "http_status", "amount_usd"]
    assert [split_words(name) for name in names] == words


def test_the_sample_is_mapped_to_itself() -> None:
    found = profile_files(*(SAMPLE / f"sample_{name}.csv" for name in INPUTS))
    assert list(found.used) == list(INPUTS)
    for name, table in zip(INPUTS, found.tables, strict=True):
        assert table.guesses[0].input == name
        assert table.guesses[0].confidence == "sure"
        header = (SAMPLE / f"sample_{name}.csv").read_text().split("\n")[0].split(",")
        expected = {column: (column,) for column in header}
        assert sources(table) == expected
        assert table.proposal is not None
        assert table.proposal.missing == ()
    transactions = found.tables[0]
    # 6,253 rows, of which 400 have no customer and 341 are refunds or chargebacks.
    assert (transactions.counts.rows, transactions.counts.guests) == (6253, 400)
    assert transactions.counts.refunds == 341
    assert transactions.counts.currencies == {"USD": 4939, "EUR": 1304, "GBP": 10}
    # The planted faults are named; the company keeps its books in New York.
    assert {"missing_keys", "sentinel_dates", "exact_duplicates"} <= findings(
        transactions
    )
    zone = sentence(transactions, "time_zone")
    # They buy from ten to midnight, so that its night lies within ten quiet hours.
    assert "05 to 15 o'clock (in UTC), as at places 5 to 9 hours west" in zone
    # Of what is paid for, one channel brings no visit that is known.
    assert "Only spend names affiliate: no" in sentence(
        found.tables[2], "channels_apart"
    )
    variables = yaml.safe_load(found.variables)["vars"]["customer_journey"]
    assert variables["segment_columns"] == [
        *("acquisition_channel", "country", "age_band", "plan")
    ]
    assert variables["reporting_currency"] == "USD"


def example_sql(example: str, model: str) -> str:
    """Return a model of an example, reading the data where it is."""
    folder = PROJECT / "examples" / example
    text = (folder / "models" / f"{model}.sql").read_text()
    return text.replace("'data/", f"'{folder}/data/")


def test_cdnow_is_mapped_as_the_example_does() -> None:
    (table,) = profile_files(fetch("cdnow") / "CDNOW_master.txt").tables
    assert table.guesses[0].input == "transactions"
    assert sources(table) == {
        "transaction_id": (),
        "customer_id": ("customer_id",),
        "occurred_at": ("date",),
        "amount": ("dollar_value",),
    }
    select = "customer_id, occurred_at, cast(amount as decimal(18, 2))"
    assert run_sql(table.sql, select) == run_sql(
        example_sql("cdnow", "transactions"), select
    )
    # 255 lines are the same as another: the file has no key that tells them apart.
    assert {"made_key", "copies", "dates_without_time"} <= findings(table)
    assert (table.counts.zero_amounts, len(table.counts.months)) == (80, 18)


def test_a_file_without_a_header_is_mapped_by_its_values_with_a_doubt() -> None:
    (table,) = profile_files(fetch("cdnow") / "CDNOW_sample.txt").tables
    assert table.guesses[0].confidence == "unsure"
    assert {name: one for name, one in sources(table).items() if one} == {
        # Either of the two numbers of a customer.
        "customer_id": ("column0",),
        "occurred_at": ("column2",),
        "amount": ("column4",),
    }
    assert "column1" in table.guesses[0].claims["customer_id"].others
    assert table.counts.people == 2357


def test_the_complete_journey_is_mapped_as_the_example_does() -> None:
    folder = fetch("complete_journey")
    names = ("transactions", "coupon_redemptions", "demographics", "campaigns")
    found = profile_files(*(folder / f"{name}.parquet" for name in names))
    baskets, coupons, people, campaigns = found.tables
    select = "transaction_id, customer_id, occurred_at, amount"
    assert baskets.proposal is not None
    assert baskets.proposal.total == "sum"
    assert run_sql(baskets.sql, select) == run_sql(
        example_sql("complete_journey", "transactions"), select
    )
    assert "line_items" in findings(baskets)
    # The panel of households was there before its purchases were recorded.
    assert "history_start_date to 2017-01-01 and" in sentence(
        baskets, "left_truncation"
    )
    # The tills are in UTC, the stores in the east of the United States.
    assert "4 to 5 hours west of UTC" in sentence(baskets, "time_zone")

    # The example's key begins with a word for its other kind of touchpoint.
    assert sources(coupons)["touchpoint_id"] == (
        *("household_id", "coupon_upc", "campaign_id", "redemption_date"),
    )
    columns = "customer_id, occurred_at, touchpoint_type, campaign"
    assert run_sql(coupons.sql, columns) == [
        row
        for row in run_sql(example_sql("complete_journey", "touchpoints"), columns)
        if row[2] == "coupon_redemption"
    ]
    assert run_sql(people.sql, "customer_id, income") == run_sql(
        example_sql("complete_journey", "customers")
    )
    # Who got which campaign, but not when: no input.
    assert campaigns.proposal is None
    assert campaigns.guesses[0].reason == "no column for occurred_at"


def test_the_airports_survey_is_mapped_as_far_as_it_says() -> None:
    file = fetch("sfo_survey") / "sfo_nps_csat_2014_2018.parquet"
    (table,) = profile_files(file).tables
    assert table.guesses[0].input == "survey_responses"
    # Respondent numbers begin anew each year, and of the date only that is known.
    assert sources(table) == {
        "response_id": ("survey_year", "respnum"),
        "customer_id": ("survey_year", "respnum"),
        "responded_at": ("survey_year",),
    }
    select = "customer_id, responded_at, score"
    expected = run_sql(example_sql("sfo_survey", "answers"), select)
    assert run_sql(table.sql, select) == [row for row in expected if row[2] is not None]
    assert "year_only" in traps(table)
    unread = [one.sentence for one in table.findings if one.name == "unread_scores"]
    assert any("Blank" in sentence for sentence in unread)
    # No answer is written as a number next to the scale.
    beyond = [one.sentence for one in table.findings if one.name == "scores_beyond"]
    assert [one.partition(", beyond")[0] for one in beyond] == [
        "csat_raw has answers of 0 and 6",
        "nps_raw has answers of 11",
    ]
    # The scales are those of the example's questions; the milestone is to be checked.
    assert [line.split(",")[:5] for line in table.questions] == [
        ["csat_raw", "css", "purchase", "1", "5"],
        ["nps_raw", "nps", "purchase", "0", "10"],
    ]


# A shop's export: lines of an order below each other, its total on the first alone.
SHOP = """
Name,Email,Financial Status,Currency,Subtotal,Total,Created at,Lineitem quantity,\
Lineitem name,Lineitem price,Billing Name,Cancelled at,Refunded Amount,Id
#1001,ann@shop.org,paid,EUR,20.00,24.00,2024-01-31 23:30:00 -0500,1,Mug,10.00,\
Ann Lee,,0.00,501
#1001,ann@shop.org,,,,,2024-01-31 23:30:00 -0500,2,Pen,5.00,,,,
#1002,,paid,EUR,8.00,9.60,2024-02-02 10:00:00 -0500,1,Cup,8.00,Bo Kay,,0.00,502
#1003,bo@shop.org,partially_refunded,EUR,30.00,36.00,2024-02-03 11:00:00 -0500,3,\
Mug,10.00,Bo Kay,,6.00,503
#1004,bo@shop.org,voided,EUR,5.00,6.00,2024-02-04 12:00:00 -0500,1,Pen,5.00,Bo Kay,\
2024-02-04 13:00:00 -0500,0.00,504
#1005,ann@shop.org,pending,EUR,5.00,6.00,2024-03-01 12:00:00 -0500,1,Pen,5.00,\
Ann Lee,,0.00,505
"""


def test_an_export_of_a_shop_becomes_orders_and_refunds(tmp_path: Path) -> None:
    table = profile_csv(tmp_path, "shop_orders.csv", SHOP)
    assert table.guesses[0].confidence == "sure"
    assert sources(table) == {
        "transaction_id": ("Name",),
        "customer_id": ("Email",),
        "occurred_at": ("Created at",),
        "amount": ("Total",),
        "currency": ("Currency",),
    }
    select = (
        "transaction_id, customer_id, occurred_at, cast(amount as double), currency, "
        "transaction_type, original_transaction_id"
    )
    ann, bo, late = "ann@shop.org", "bo@shop.org", "2024-02-03 11:00:00-0500"
    assert run_sql(table.sql, select) == [
        ("#1001", ann, "2024-01-31 23:30:00-0500", 24.0, "EUR", "purchase", None),
        ("#1002", None, "2024-02-02 10:00:00-0500", 9.6, "EUR", "purchase", None),
        ("#1003", bo, late, 36.0, "EUR", "purchase", None),
        ("#1003-refund", bo, late, -6.0, "EUR", "refund", "#1003"),
    ]
    assert {"line_items", "guests", "refunds", "left_out"} <= findings(table)
    # A refund is dated as its order, and Canada's midnight is February's in UTC.
    assert list(table.counts.months) == ["2024-02"]
    assert table.counts.guests == 1


def test_an_export_of_payments_drops_failed_ones(tmp_path: Path) -> None:
    table = profile_csv(
        tmp_path,
        "unified_payments.csv",
        """
id,Created date (UTC),Amount,Amount Refunded,Currency,Converted Amount,Status,\
Customer ID,Customer Email
ch_1a,2024-01-05 10:00:00,29.00,0.00,usd,26.10,Paid,cus_1,a@x.org
ch_2b,2024-01-06 10:00:00,29.00,29.00,usd,26.10,Refunded,cus_2,b@x.org
ch_3c,2024-01-07 10:00:00,99.00,0.00,eur,99.00,Failed,cus_2,b@x.org
ch_4d,2024-01-08 10:00:00,99.00,0.00,eur,99.00,Paid,,c@x.org
""",
    )
    assert sources(table) == {
        "transaction_id": ("id",),
        "customer_id": ("Customer ID",),
        "occurred_at": ("Created date (UTC)",),
        "amount": ("Amount",),
        "currency": ("Currency",),
    }
    select = "transaction_id, customer_id, cast(amount as double)"
    assert run_sql(table.sql, select) == [
        ("ch_1a", "cus_1", 29.0),
        ("ch_2b", "cus_2", 29.0),
        ("ch_2b-refund", "cus_2", -29.0),
        ("ch_4d", None, 99.0),
    ]
    assert "several_currencies" in traps(table)
    assert "Customer Email is filled in more rows than Customer ID" in sentence(
        table, "guests"
    )


def test_cents_and_movements_that_are_no_sales(tmp_path: Path) -> None:
    table = profile_csv(
        tmp_path,
        "balance.csv",
        """
id,customer,created,amount,type
txn_1,cus_1,1704448800,2900,charge
txn_2,cus_1,1704535200,-900,refund
txn_3,,1704621600,-2000,payout
txn_4,cus_2,1704708000,1050,dispute_fee_x
""",
    )
    select = (
        "transaction_id, customer_id, strftime(occurred_at, '%d %H:%M'), "
        "cast(amount as double), transaction_type"
    )
    assert run_sql(table.sql, select) == [
        ("txn_1", "cus_1", "05 10:00", 29.0, "purchase"),
        ("txn_2", "cus_1", "06 10:00", -9.0, "refund"),
        # What is neither is left to the package, which rejects it by its name.
        ("txn_4", "cus_2", "08 10:00", 10.5, "dispute_fee_x"),
    ]
    assert {"cents", "unknown_types"} <= traps(table)
    assert "other_movements" in findings(table)


def test_lines_of_invoices_are_added_up(tmp_path: Path) -> None:
    table = profile_csv(
        tmp_path,
        "online_retail.csv",
        """
InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID
536365,85123A,6,12/13/2010 8:26,2.55,17850.0
536365,71053,2,12/13/2010 8:26,3.39,17850.0
536366,22633,1,12/13/2010 8:28,1.85,
C536379,85123A,-1,12/14/2010 9:41,2.55,17850.0
536380,22633,4,12/14/2010 9:45,1.85,13047.0
536380,71053,1,12/14/2010 9:45,3.39,13047.0
""",
    )
    assert sources(table)["amount"] == ("Quantity", "UnitPrice")
    select = "transaction_id, customer_id, cast(amount as double)"
    assert run_sql(table.sql, select) == [
        ("536365", "17850", 22.08),
        ("536366", None, 1.85),
        ("536380", "13047", 10.79),
        ("C536379", "17850", -2.55),
    ]
    assert (table.counts.purchases, table.counts.refunds) == (3, 1)


LINES = """
order_id,sku,customer_id,order_date,line_amount,line_status,is_cancelled
1,a,c1,2024-01-05,10.00,shipped,false
1,b,c1,2024-01-05,4.00,cancelled,false
1,c,c1,2024-01-05,3.00,shipped,true
2,a,c2,2024-01-06,10.00,cancelled,false
2,b,c2,2024-01-06,6.00,cancelled,false
3,a,c1,2024-02-06,10.00,shipped,false
3,b,c1,2024-02-06,5.00,refunded,false
4,a,c2,2024-03-06,7.00,void,false
4,b,c2,2024-03-06,8.00,shipped,false
"""


def test_lines_are_cancelled_and_refunded_one_by_one(tmp_path: Path) -> None:
    table = profile_csv(tmp_path, "order_lines.csv", LINES)
    select = (
        "transaction_id, cast(amount as double), transaction_type, "
        "original_transaction_id"
    )
    # Of the second order nothing is left; of the third one line was given back.
    assert run_sql(table.sql, select) == [
        ("1", 10.0, "purchase", None),
        ("3", 15.0, "purchase", None),
        ("3-refund", -5.0, "refund", "3"),
        ("4", 8.0, "purchase", None),
    ]
    assert {"left_out_lines", "line_items"} <= findings(table)
    assert "left_out" not in findings(table)


def test_columns_with_fields_of_their_own_are_named(tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    rows = [
        {
            "event_id": f"e{number}",
            "user_id": f"u{number % 3}",
            "event": "page_view",
            "time": 1704067200 + number,
            "properties": {"utm_source": "google", "page": number},
        }
        for number in range(9)
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    (table,) = profile_files(file).tables
    assert "as in properties.utm_source." in sentence(table, "nested")


def test_names_of_another_language_are_matched_by_values_when_asked(
    tmp_path: Path,
) -> None:
    file = tmp_path / "auftraege.csv"
    rows = [
        (f"B{i}", f"K{i % 5}", day, 7.5 + i, "offen") for i, day in enumerate(days(9))
    ]
    header = "bestellnummer,kundennummer,bestelldatum,summe,status"
    file.write_text(orders(rows, header))
    unasked = command(file, "--no-try")
    assert unasked.exit_code == 2
    assert "--input auftraege=transactions" in " ".join(unasked.out.split())
    (table,) = profile_files(file, inputs=["transactions"]).tables
    assert sources(table) == {
        "transaction_id": ("bestellnummer",),
        "customer_id": ("kundennummer",),
        "occurred_at": ("bestelldatum",),
        "amount": ("summe",),
    }
    assert table.guesses[0].confidence == "unsure"
    assert "matched_by_values" in traps(table)
    # What the word means is not known either.
    assert "by their state: offen 9." in sentence(table, "unclear_states")


def test_numbers_that_count_days_or_seconds_are_days_at_midnight(
    tmp_path: Path,
) -> None:
    """Serial numbers of spreadsheets, and seconds since 1970, of 2023-07-16 on."""
    select = "occurred_at, typeof(occurred_at)"
    header = "order_id,customer_id,created_at,amount"
    cases: Mapping[str, tuple[tuple[float, float], list[tuple[str, str]], str]] = {
        "epoch.csv": (
            (1689465600, 1689552000),
            [("2023-07-16", "DATE"), ("2023-07-17", "DATE")],
            "seconds since 1970, the day",
        ),
        "sheet_days.csv": (
            (45123, 45124),
            [("2023-07-16", "DATE"), ("2023-07-17", "DATE")],
            "days of a spreadsheet",
        ),
        # Ten past two is no exact fraction of a day.
        "sheet.csv": (
            (45123.5, 45124.590277778),
            [
                ("2023-07-16 12:00:00", "TIMESTAMP"),
                ("2023-07-17 14:10:00", "TIMESTAMP"),
            ],
            "days of a spreadsheet",
        ),
    }
    for name, (moments, rows, note) in cases.items():
        text = orders(
            [(f"o{i}", "c1", moment, 5.5) for i, moment in enumerate(moments)], header
        )
        table = profile_csv(tmp_path, name, text)
        found = [(str(moment), kind) for moment, kind in run_sql(table.sql, select)]
        assert found == rows
        assert table.proposal is not None
        notes = {named.name: named.note for named in table.proposal.columns}
        assert notes["occurred_at"] == note
        is_day = rows[0][1] == "DATE"
        assert ("dates_without_time" in findings(table)) == is_day
        assert ("spreadsheet_dates" in findings(table)) == name.startswith("sheet")
    # Of values that are as frequent, any one is shown.
    shown = sentence(table, "spreadsheet_dates")
    assert re.search(
        "takes (45123.5 for 2023-07-16|45124.59\\d+ for 2023-07-17)", shown
    )


@pytest.mark.parametrize(
    ("hours", "days_of_it", "said"),
    [
        # One import a day: its hour says nothing of the customers.
        ([4], 30, "of 1 hour of the day, too few"),
        # An office of nine hours.
        (list(range(14, 23)), 30, "of 9 hours of the day, too few"),
        # Shops from nine to nine, by the clock of New York: the night is somewhere in
        # twelve hours without a sale.
        (
            [*range(14, 24), 0, 1],
            30,
            "02 to 14 o'clock (in UTC), as at places 2 to 8 hours",
        ),
        # A night and a rest at noon.
        ([*range(6, 11), *range(17, 24)], 30, "no night stands out"),
        (list(range(24)), 30, "no night stands out"),
        ([*range(14, 24), 0, 1], 7, ""),
    ],
)
def test_time_zones_are_told_from_hours_that_show_a_night(
    tmp_path: Path, hours: list[int], days_of_it: int, said: str
) -> None:
    times = [
        f"{day}T{hour:02}:30:00Z"
        for day in days(days_of_it)
        for hour in (hours * 24)[:30]
    ]
    rows = [(f"o{i}", f"c{i % 7}", moment, 5.5) for i, moment in enumerate(times)]
    table = profile_csv(tmp_path, "orders.csv", orders(rows))
    assert [
        said in one.sentence for one in table.findings if one.name == "time_zone"
    ] == ([True] if said else [])


def test_channels_of_spend_and_touchpoints_that_do_not_meet_are_named(
    tmp_path: Path,
) -> None:
    spend, touches = tmp_path / "ad_spend.csv", tmp_path / "sessions.csv"
    spend.write_text(
        "day,channel,cost\n2024-01-05,Google Ads,5.5\n2024-01-05,email,1.5\n"
    )
    visit = "session_id,customer_id,session_date,event,channel\n"
    touches.write_text(
        visit
        + "s1,c1,2024-01-05,site_visit,google\n"
        + "s2,c1,2024-01-05,site_visit, email\n"
        + "s3,c1,2024-01-05,site_visit,direct\n"
    )
    (apart, _) = profile_files(spend, touches).tables
    assert "channels_apart" in traps(apart)
    assert sentence(apart, "channels_apart").startswith(
        "Only spend names Google Ads: no customer will be counted for it. Only "
        "touchpoints name direct, google: are some of them the same?"
    )
    spend.write_text("day,channel,cost\n2024-01-05,google,5.5\n")
    (apart, _) = profile_files(spend, touches).tables
    assert "channels_apart" not in traps(apart)
    assert sentence(apart, "channels_apart") == (
        "Only touchpoints name direct, email: nothing was spent on them."
    )
    touches.write_text(visit + "s1,c1,2024-01-05,site_visit,\n")
    (apart, _) = profile_files(spend, touches).tables
    assert "No touchpoint names a channel" in sentence(apart, "channels_apart")


def test_other_writings_of_dates_and_amounts(tmp_path: Path) -> None:
    table = profile_csv(
        tmp_path,
        "rechnungen.csv",
        """
Invoice No;Customer No;Date;Amount
0001;K01;31.01.2024;1.234,50 €
0002;K02;01.02.2024;-20,00 €
0003;K01;02.02.2024;7,00 €
""",
    )
    assert run_sql(
        table.sql, "* replace (strftime(occurred_at, '%d/%m') as occurred_at)"
    ) == [
        ("0001", "K01", "31/01", "1234.50"),
        ("0002", "K02", "01/02", "-20.00"),
        ("0003", "K01", "02/02", "7.00"),
    ]
    assert "delim = ';'" in table.sql


def test_events_ads_and_answers_of_other_tools(tmp_path: Path) -> None:
    events = profile_csv(
        tmp_path,
        "tracks.csv",
        """
messageId,anonymousId,userId,event,timestamp,utm_medium,utm_campaign
m1,a1,,Page Viewed,1704448800000,cpc,spring
m2,a1,u1,Product Viewed,1704448860000,,
m3,a2,,Order Completed,1704448920000,email,
m4,a2,,Page Viewed,1704448980000,email,
""",
    )
    assert events.guesses[0].input == "touchpoints"
    assert sources(events) == {
        "touchpoint_id": ("messageId",),
        "customer_id": ("userId",),
        "visitor_id": ("anonymousId",),
        "occurred_at": ("timestamp",),
        "touchpoint_type": ("event",),
        "channel": ("utm_medium",),
        "campaign": ("utm_campaign",),
    }
    # 1704448980 seconds after 1970 it was three minutes past ten.
    assert run_sql(
        events.sql, "touchpoint_type, strftime(occurred_at, '%d %H:%M')"
    ) == [
        ("Order Completed", "05 10:02"),
        ("product_view", "05 10:01"),
        ("site_visit", "05 10:00"),
        ("site_visit", "05 10:03"),
    ]
    # The package knows no such type.
    assert "unknown_touchpoint_types" in traps(events)

    ads = profile_csv(
        tmp_path,
        "google_ads.csv",
        """
Day,Campaign,Impressions,Clicks,Cost,Currency code
2024-01-05,Brand,100,7,12.50,USD
2024-01-06,Brand,90,5,11.00,USD
""",
    )
    assert ads.guesses[0].input == "marketing_spend"
    assert ads.proposal is not None
    assert ads.proposal.missing == ("channel",)
    assert "no_channel" in traps(ads)

    answers = profile_csv(
        tmp_path,
        "nps_results.csv",
        """
id,email,score,comment,created_at
1,a@x.org,9,fine,2024-01-05T10:00:00Z
2,b@x.org,0,,2024-01-06T10:00:00Z
3,c@x.org,10,,2024-01-07T10:00:00Z
""",
    )
    assert sources(answers) == {
        "response_id": ("id",),
        "customer_id": ("email",),
        "responded_at": ("created_at",),
        "question_id": (),
        "score": ("score",),
        "comment": ("comment",),
    }
    assert answers.questions == ("score,nps,purchase,0,10,higher_is_better,,1,score",)


def test_a_survey_alone_needs_its_questions_and_a_model_without_a_row(
    tmp_path: Path,
) -> None:
    """What is printed works in a clone and in a project that installs the package."""
    file, project = tmp_path / "answers.csv", tmp_path / "mine"
    (project / "seeds").mkdir(parents=True)
    file.write_text(
        "id,email,question,score,answered_at\n"
        "1,a@x.org,checkout,9,2024-01-05\n2,b@x.org,checkout,10,2024-01-06\n"
        "3,c@x.org,nps_purchase,3,2024-01-07\n"
    )
    new = "checkout,nps,purchase,0,10,higher_is_better,,1,checkout\n"
    clone = command(file, "--no-try").out
    header = (PROJECT / "seeds/config/journey_survey_questions.csv").read_text()
    header = header.split("\n")[0]
    assert f"models/no_transactions.sql, since there are none\n\n{NO_ROWS}" in clone
    assert run_sql(NO_ROWS) == []
    # The clone has the other question already.
    assert f"once checked\n\n{header}\n{new}\n" in clone
    assert "journey_survey_questions: {+enabled: false}" in clone

    installed = command(file, "--no-try", "--json", "--project-dir", project)
    document = json.loads(installed.out)
    asked, lacking = document["questions"].split(new)
    assert lacking == ""
    assert [line.split(",")[0] for line in asked.splitlines()] == [
        *("question_id", "nps_purchase"),
    ]
    assert list(document["more_models"]) == ["no_transactions"]
    (project / "seeds" / "journey_survey_questions.csv").write_text(asked)
    own = command(file, "--no-try", "--json", "--project-dir", project)
    assert json.loads(own.out)["questions"] == f"{header}\n{new}"


def orders(rows: Sequence[Sequence[object]], header: str = "") -> str:
    """Return a CSV of orders: id, customer, moment, amount, unless said otherwise."""
    head = header or "order_id,customer_id,order_date,amount"
    return "\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n"


def days(count: int) -> list[str]:
    """Return so many days of 2023, from the first on."""
    return [str(date(2023, 1, 1) + timedelta(days=number)) for number in range(count)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # Everybody has one order, so that the id is the order's.
        (
            orders([(f"o{i}", f"c{i}", day, 5.5) for i, day in enumerate(days(60))]),
            {"ids_per_order"},
        ),
        (
            orders(
                [
                    (f"o{i}", "guest" if i % 2 else f"c{i % 7}", day, 5.5)
                    for i, day in enumerate(days(60))
                ]
            ),
            {"placeholder_ids"},
        ),
        # One id has a third of 600 orders, the others two each.
        (
            orders(
                [
                    (f"o{i}", "till" if i % 3 == 0 else f"c{i // 3}", days(1)[0], 5.5)
                    for i in range(600)
                ]
            ),
            {"shared_id"},
        ),
        (
            orders(
                [
                    (f"o{i}", f"c{i % 7}", f"{1 + i % 9}/{1 + i % 11}/2023", 5.5)
                    for i in range(40)
                ]
            ),
            {"ambiguous_dates"},
        ),
        (
            orders(
                [
                    *(
                        (f"o{i}", f"c{i % 7}", day, 5.5)
                        for i, day in enumerate(days(20))
                    ),
                    ("o90", "c1", "1970-01-01", 5.5),
                    ("o91", "c1", "9999-12-31", 5.5),
                    ("o92", "c1", "2098-01-01", 5.5),
                ]
            ),
            {"sentinel_dates", "future_dates"},
        ),
        (
            orders(
                [
                    ("o1", "c1", "2023-01-01", 5.5),
                    ("o2", "c2", "2023-04-30", 5.5),
                    ("o3", "c1", "2023-04-30", 5.5),
                ]
            ),
            {"missing_months"},
        ),
        (
            orders(
                [(f"o{i}", f"c{i % 7}", days(1)[0], "1,234") for i in range(9)]
            ).replace("1,234", '"1,234"'),
            {"ambiguous_amounts"},
        ),
        (
            orders(
                [(f"o{i}", day, 5.5) for i, day in enumerate(days(9))],
                "order_id,order_date,amount",
            ),
            {"no_customer_id"},
        ),
        (
            orders(
                [
                    (f"o{i}", f"c{i % 3}", days(1)[0], (999, 4995, 1250)[i % 3])
                    for i in range(30)
                ]
            ),
            {"cents"},
        ),
        (
            orders(
                [
                    (f"o{i % 50}", f"c{i % 7}", days(1)[0], 5.5 + (i > 49) * i)
                    for i in range(55)
                ]
            ),
            {"versions"},
        ),
    ],
)
def test_traps_are_named(tmp_path: Path, text: str, found: set[str]) -> None:
    assert traps(profile_csv(tmp_path, "orders.csv", text)) == found


def test_a_purchase_and_its_refund_under_one_number_are_kept_apart(
    tmp_path: Path,
) -> None:
    table = profile_csv(
        tmp_path,
        "orders.csv",
        orders(
            [
                ("1", "c1", "2023-01-01", 20.0),
                ("1", "c1", "2023-01-09", -20.0),
                ("2", "c2", "2023-01-02", 30.0),
            ]
        ),
    )
    select = "transaction_id, amount, original_transaction_id"
    assert run_sql(table.sql, select) == [
        ("1", "20.0", None),
        ("1-refund", "-20.0", "1"),
        ("2", "30.0", None),
    ]
    assert "shared_numbers" in findings(table)


def test_addresses_are_written_in_one_way_and_never_printed(tmp_path: Path) -> None:
    rows = [
        (f"o{i}", ("Ann.Lee@shop.org", "ann.lee@shop.org", "bo@shop.org")[i % 3])
        for i in range(30)
    ]
    file = tmp_path / "orders.csv"
    text = orders(
        [(*row, "Bo Kay", "2023-01-05", 5.5) for row in rows],
        "order_id,email,customer_name,order_date,amount",
    )
    file.write_text(text)
    (table,) = profile_files(file).tables
    assert {row[0] for row in run_sql(table.sql, "customer_id")} == {
        "ann.lee@shop.org",
        "bo@shop.org",
    }
    assert "mixed_case" in findings(table)
    for options in ([], ["--json"]):
        answer = command(file, "--no-try", *options)
        assert answer.exit_code == 0
        assert "a***@***.org" in answer.out
        assert not re.search("lee@|bo@|Bo Kay", answer.out, re.IGNORECASE)


def test_forced_inputs_and_files_of_the_same_input(tmp_path: Path) -> None:
    one, two = tmp_path / "orders_2023.csv", tmp_path / "orders_2024.csv"
    one.write_text(
        orders([("o1", "c1", "2023-01-05", 5.5), ("o2", "c1", "2023-02-05", 6)])
    )
    two.write_text(orders([("o3", "c1", "2024-01-05", 5.5)]))
    found = profile_files(one, two)
    models = [table.proposal.model for table in found.tables if table.proposal]
    assert models == ["transactions", "orders_2024_transactions"]
    # With quotes, files of one kind are one table.
    (both,) = profile(
        Request(files=[str(tmp_path / "orders_*.csv")], is_tried=False)
    ).tables
    assert both.counts.rows == 3
    (forced,) = profile_files(one, inputs=["touchpoints"]).tables
    assert forced.proposal is not None
    assert forced.proposal.input == "touchpoints"


BAD_FILES: Mapping[str, bytes] = {
    "empty.csv": b"",
    "header.csv": b"order_id,amount\n",
    "ragged.csv": b"a,b\n1,2\n3,4,5\n6,7\n",
    "late.csv": b"a,b\n" + b"1,2\n" * 30_000 + b"1,2,3\n" + b"1,2\n" * 9,
    "noise.csv": bytes(range(256)) * 9,
    "noise.parquet": bytes(range(256)) * 9,
    "noise.duckdb": bytes(range(256)) * 9,
    "noise.csv.gz": bytes(range(256)) * 9,
    "broken.json": b'{"a": 1}\n{"a":\n',
    "orders.xlsx": b"PK",
    "colours.csv": b"name,colour\nrose,red\nlily,white\n",
    "orders.csv": b"order_id,customer_id,order_date,amount\n1,c,2023-01-05,5\n",
}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "nothing is named: give files, or --table"),
        (["order.csv"], "there is no file order.csv. Did you mean orders.csv?"),
        (["empty.csv"], "empty.csv is empty: it has no byte."),
        (["header.csv"], "header.csv has no rows"),
        (["ragged.csv"], "line 3 has 3 columns, not 2."),
        (["late.csv"], "line 30002 has 3 columns, not 2."),
        (["noise.csv"], "noise.csv is no text file"),
        (["noise.parquet"], "noise.parquet cannot be read"),
        (["noise.duckdb"], "noise.duckdb cannot be read"),
        (["noise.csv.gz"], "noise.csv.gz is not a gzip file"),
        (["broken.json"], "broken.json cannot be read"),
        (["orders.xlsx"], "orders.xlsx has no suffix that says what it is"),
        (["."], ". is a folder: name its files"),
        (["no_*.csv"], "no file matches no_*.csv"),
        (["colours.csv"], "no table looks like an input"),
        (["orders.csv", "--input", "orders"], "names no input: it is one of"),
        (["orders.csv", "--input", "x=customers"], "does not say which table"),
        (
            ["colours.csv", "--input", "transactions"],
            "colours.csv cannot be transactions: no column for occurred_at, amount.",
        ),
        (["orders.csv", "--output", "orders.csv"], "is a file: name a folder"),
        (["shop.duckdb", "--table", "order"], "Did you mean orders?"),
        (["--table", "orders", "--project-dir", "."], "there is no"),
    ],
)
def test_what_cannot_be_profiled_is_one_sentence_and_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    sentence: str,
) -> None:
    for name, content in BAD_FILES.items():
        (tmp_path / name).write_bytes(content)
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as shop:
        shop.execute("create table orders (id integer)")
    monkeypatch.chdir(tmp_path)
    answer = command(*arguments)
    assert answer.exit_code == 2
    assert sentence in answer.err
    assert answer.err.count("\n") == 1


def test_help_imports_nothing_that_is_slow() -> None:
    # The command is registered whenever any command runs.
    code = (
        "import sys, profile_command; "
        "print({'duckdb', 'yaml', 'dbt', 'input_profile'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT / "scripts",
    )
    assert done.stdout.strip() == "set()"
    answer = command("-h")
    assert answer.exit_code == 0
    assert "--target postgres --table shop.orders" in answer.out


def page_example() -> str:
    """Return what the page on profiling shows of the command on CDNOW."""
    page = (PROJECT / "docs" / "profiling_your_data.md").read_text()
    (block,) = re.findall(
        r"```\n\$ [^\n]*profile (?:[^\n]*)\n(.*?)```", page, re.DOTALL
    )
    return str(block)


def test_the_page_shows_what_the_command_prints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = fetch("cdnow") / "CDNOW_master.txt"
    monkeypatch.chdir(PROJECT)
    answer = command(file.relative_to(PROJECT), "--no-try")
    # The trial comes last; another test asks for its verdict.
    shown, _ = page_example().split("Tried with the package's own models")
    assert shown.strip() == answer.out.strip()
    assert max(map(len, answer.out.splitlines())) <= 80


def test_readiness_is_what_the_package_says(tmp_path: Path) -> None:
    warehouse = tmp_path / "shop.duckdb"
    with duckdb.connect(str(warehouse)) as shop:
        # The first two customers of CDNOW, and one whom it does not know.
        shop.execute(
            """
            create table visits as
            select
                'v' || i as visit_id,
                ['00001', '00002', 'x1'][1 + i % 3] as customer_id,
                timestamp '1997-01-02 10:00' + interval (i) hour as visited_at,
                case when i % 2 = 0 then 'site_visit' else 'smoke_signal' end as event
            from range(40) as numbers (i)
            """
        )
    output = tmp_path / "proposed"
    answer = command(
        fetch("cdnow") / "CDNOW_master.txt",
        warehouse,
        *("--json", "--output", output),
    )
    assert answer.exit_code == 0
    document = json.loads(answer.out)
    readiness = document["readiness"]
    assert readiness["problem"] == ""
    assert readiness["reason"] in " ".join(page_example().split())
    # As the example's README has it.
    assert readiness["verdict"] == "measurable"
    assert readiness["reason"].startswith(
        "23570 customers bought on 2.87 days each, 51.1% of them on one day only; "
        "18 complete months are observed"
    )
    purchases, visits = readiness["inputs"]
    assert (purchases["accepted"], purchases["rejected"]) == (69659, 0)
    assert (visits["accepted"], visits["reasons"]) == (
        20,
        {"unknown_touchpoint_type": 20},
    )
    # Of visits by site_visit: i = 0, 2, 4, ... all three.
    assert (visits["known_customers"], visits["customers"]) == (2, 3)
    assert sorted(path.name for path in output.iterdir()) == [
        *("profiles_attach.yml", "sources.yml"),
        *("touchpoints.sql", "transactions.sql", "vars.yml"),
    ]
    (entry,) = yaml.safe_load((output / "sources.yml").read_text())["sources"]
    assert entry == {
        "name": "shop",
        "database": "shop",
        "schema": "main",
        "tables": [{"name": "visits"}],
    }
    again = command(SAMPLE / "sample_transactions.csv", "--no-try", "--output", output)
    assert again.exit_code == 2
    assert "transactions.sql is there already" in again.err


def test_what_is_printed_of_a_database_can_be_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (tmp_path / "data").mkdir()
    project.mkdir()
    # A name that DuckDB reads as a word of its own.
    warehouse = tmp_path / "data" / "order.duckdb"
    with duckdb.connect(str(warehouse)) as shop:
        shop.execute(
            """
            create schema shop;
            create table shop.orders as
            select
                i as order_id,
                'c' || i % 7 as customer_id,
                date '2024-01-01' + i::integer as order_date,
                i + 0.5 as amount
            from range(40) as numbers (i);
            create schema views;
            create table visits as
            select
                i as visit_id,
                'c' || i % 7 as customer_id,
                timestamp '2024-01-01 10:00' + interval (i) hour as visited_at,
                'site_visit' as event
            from range(40) as numbers (i);
            create view views.web_visits as select * from visits;
            create table gone as select 1 as number;
            create view broken as select * from gone;
            drop table gone;
            create sequence numbers;
            create view numbered as select nextval('numbers') as number
            """
        )
    tables = ["shop.orders", "web_visits", "broken", "numbered"]
    found = profile(
        Request(files=[str(warehouse)], tables=tables, project=project, is_tried=False)
    )
    purchases, visits = found.tables
    assert (purchases.counts.rows, visits.counts.rows) == (40, 40)
    # What only its own database can read is profiled, and what nothing can is named.
    (note,) = visits.table.notes
    assert "once it is created anew, with main. before" in note
    broken, numbered = found.left_out
    assert broken.startswith("order.duckdb: main.broken cannot be read: Table with")
    # Its columns are known, but not its rows.
    assert numbered.startswith("order.duckdb: main.numbered cannot be read: ")

    # As the adapter attaches a file and dbt names a source.
    monkeypatch.chdir(project)
    (entry,) = yaml.safe_load(found.attach)["attach"]
    assert entry["path"] == "../data/order.duckdb"
    (source, _) = yaml.safe_load(found.sources)["sources"]
    place = ".".join([source["database"], source["schema"], "orders"])
    sql = purchases.sql.replace("{{ source('shop', 'orders') }}", place)
    with duckdb.connect() as connection:
        connection.execute(Attachment(**entry).to_sql())
        assert len(connection.execute(sql).fetchall()) == 40

    answer = command(warehouse, "--table", "broken", "--no-try")
    assert (answer.exit_code, answer.err.count("\n")) == (2, 1)
    assert "main.broken cannot be read: " in answer.err


def test_models_that_cannot_be_built_are_said_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text(
        "name: mine\nvars: {customer_journey: {reporting_timezone: Atlantis}}\n"
    )
    file = tmp_path / "orders.csv"
    file.write_text(orders([("o1", "c1", "2023-01-05", 5.5)]))
    answer = command(file, "--project-dir", tmp_path)
    # The profile itself stands.
    assert answer.exit_code == 0
    assert "Looks like transactions (sure)." in answer.out
    told = " ".join(answer.out.split())
    assert (
        "They cannot be built on what is proposed: model stg_input_columns: "
        "reporting_timezone is 'Atlantis': no such time zone;" in told
    )


def test_tables_of_postgres_are_profiled_and_their_models_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with postgres_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        with psycopg2.connect("") as connection, connection.cursor() as cursor:
            cursor.execute(
                """
                create schema shop;
                create table shop.orders as
                select
                    gen_random_uuid() as order_id,
                    case when i % 10 <> 0 then i % 70 end as customer_id,
                    timestamptz '2023-01-05 10:00+00' + i * interval '11 hours'
                        as created_at,
                    cast(i as numeric(12, 2)) as total_amount,
                    case when i % 20 = 0 then 'cancelled' else 'paid' end as status,
                    e'"quoted",\\n\\\\N' as remark
                from generate_series(1, 400) as numbers (i);
                create table shop."Events" as
                select
                    i as "eventId",
                    'v' || i % 90 as visitor_id,
                    to_char(date '2023-01-05' + i, 'DD/MM/YYYY') as event_date,
                    'page_view' as event
                from generate_series(1, 400) as numbers (i);
                """
            )
        connection.close()
        tables = ["--table", "shop.orders", "--table", "Events"]
        answer = command("--target", "postgres", *tables, "--json")
        assert answer.exit_code == 0, answer.err
        document = json.loads(answer.out)
        purchases, events = document["tables"]
        assert (purchases["engine"], events["engine"]) == ("postgres", "postgres")
        # The server has planned the models: none is against its SQL.
        assert (purchases["problem"], events["problem"]) == ("", "")
        assert "{{ source('shop', 'orders') }}" in purchases["sql"]
        assert "to_timestamp(event_date, 'DD/MM/YYYY')" in events["sql"]
        counts = purchases["counts"]
        # Every 20th of 400 is cancelled, every 10th has no customer.
        assert (counts["rows"], counts["guests"]) == (380, 20)
        assert document["readiness"]["problem"] == ""
        accepted = [one["accepted"] for one in document["readiness"]["inputs"]]
        assert accepted == [380, 400]
        wrong = command("--target", "postgres", "--table", "shop.order", "--no-try")
        assert (wrong.exit_code, wrong.out) == (2, "")
        assert "there is no table shop.order in the target's database." in wrong.err
    gone = command("--target", "postgres", "--table", "shop.orders")
    assert gone.exit_code == 2
    assert gone.err.startswith("Error: connection to server")
