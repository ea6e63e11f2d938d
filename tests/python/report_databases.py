"""Published databases to draw a report of: the sample, nearly nothing, and worse."""

from __future__ import annotations

from collections.abc import Mapping
from csv import writer
from datetime import date, datetime, timedelta
from functools import cache
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pandas as pd
import yaml

from harness import COLUMNS, PROJECT, Tables, compile_project

# What the report reads, but for run_info.
TABLES = (
    *("dim_periods", "rpt_growth", "rpt_growth_accounting", "rpt_retention"),
    *("rpt_retention_readiness", "rpt_cohort_retention", "rpt_churn_by_month_number"),
    *("rpt_acquisition", "rpt_cac_payback", "rpt_attribution", "rpt_experience"),
    *("rpt_brand_performance", "rpt_milestone_scorecard", "rpt_stage_funnel"),
    *("rpt_input_quality", "rpt_reconciliation"),
)
SAMPLE = PROJECT / "seeds" / "sample"
ZONE = "America/New_York"
INFO: dict[str, Any] = {
    "run_id": "20250101T040000",
    "as_of_date": date(2024, 12, 31),
    "started_at": datetime(2025, 1, 1, 4, 0),
    "published_at": datetime(2025, 1, 1, 4, 1),
    "project_name": "customer_journey",
    "package_version": "0.1.0",
    "dbt_version": "1.11.16",
    "engine": "duckdb",
    "engine_version": "2.0.0",
    "git_revision": None,
    "reporting_timezone": ZONE,
    "reporting_currency": "USD",
    "rejected_rows": 43,
    "tests_passed": 412,
    "tests_warned": 0,
    "retention_verdict": "measurable",
    "validation_verdict": "passed",
    "accepted_findings": None,
}
# What a run does not know that did not build: `publish` alone, of tables without a row.
BARE_INFO = INFO | dict.fromkeys(
    ("as_of_date", "rejected_rows", "tests_passed", "tests_warned")
)
# What PostgreSQL calls by another name than DuckDB.
ENGINE_TYPES = {"DOUBLE": "double precision", '"NULL"': "text"}
# Names that a page must not take for its own.
HOSTILE = [
    "</script><img src=x onerror=\"document.title='broken'\">",
    "<b onmouseover=alert(1)>bold</b> & 'quoted' \"twice\"",
    "var(--accent) `code` {{ 7 * 7 }} ${8 * 8}",
    "\N{ROCKET} \N{WHITE SMILING FACE} \N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET}",
    "a_very_long_name_of_a_channel_" * 8,
    "__proto__",
    "https://example.com/?a=1&b=2#c",
]
ONE_PURCHASE = pd.DataFrame(
    {
        "transaction_id": ["T1"],
        "customer_id": ["C1"],
        "occurred_at": ["2024-02-10"],
        "amount": ["12.50"],
    }
)


@cache
def sample() -> dict[str, pd.DataFrame]:
    """Return the sample's inputs, all text."""
    return {
        name: pd.read_csv(
            SAMPLE / f"sample_{name}.csv", dtype=str, keep_default_na=False
        )
        for name in COLUMNS
    }


def built(inputs: Tables, *, is_alone: bool = False) -> dict[str, pd.DataFrame]:
    """Return what the models make of these inputs; alone, all but purchases are off."""
    rows = sample()
    names = ["transactions"] if is_alone else list(rows)
    types = {name: dict.fromkeys(map(str, rows[name]), "varchar") for name in names}
    variables: dict[str, Any] = {"reporting_timezone": ZONE}
    if is_alone:
        variables["segment_columns"] = []
    return compile_project(variables, types).run(inputs, TABLES)


def write(path: Path, tables: Tables, info: Mapping[str, Any] = INFO) -> Path:
    """Publish tables, in the types of their contracts, and a run."""
    with duckdb.connect(str(path)) as database:
        for name, rows in tables.items():
            database.register("rows_of_table", rows)
            columns = ", ".join(
                f'cast("{column}" as {kind}) as "{column}"'
                for column, kind in _contract(name).items()
            )
            database.execute(
                f"create table {name} as select {columns} from rows_of_table"
            )
        values = ", ".join(
            f"${number} as {name}" for number, name in enumerate(info, 1)
        )
        database.execute(f"create table run_info as select {values}", [*info.values()])
    return path


def first_month() -> dict[str, pd.DataFrame]:
    """Return the sample as it was on the evening of 31 January 2023."""
    moments = {
        "transactions": "occurred_at",
        "touchpoints": "occurred_at",
        "marketing_spend": "spend_date",
        "survey_responses": "responded_at",
    }
    rows = sample()
    return {
        name: table[table[moments[name]].between("2023-01-01", "2023-01-31T23")]
        if name in moments
        else table
        for name, table in rows.items()
    }


def three_years() -> dict[str, pd.DataFrame]:
    """Return 36 months of a company with many channels and names that are hostile."""
    random = Random(36)  # noqa: S311
    channels = [*HOSTILE, *(f"channel_{number}" for number in range(8))]
    purchases, touches, spend = [], [], []
    for month in range(36):
        first = date(2022 + month // 12, month % 12 + 1, 1)
        for number, channel in enumerate(channels):
            spend.append({"spend_date": str(first), "channel": channel, "amount": "20"})
            for person in range(1 + (number < len(HOSTILE)) * 3):
                customer = f"C{month}-{number}-{person}"
                start = first + timedelta(days=random.randrange(28))
                touches.append(
                    {
                        "touchpoint_id": customer,
                        "customer_id": customer,
                        "occurred_at": str(start),
                        "touchpoint_type": "ad_click",
                        "channel": channel,
                    }
                )
                for again in range(random.choice((0, 1, 1, 2, 4))):
                    bought = start + timedelta(days=again * random.randrange(20, 60))
                    if bought < date(2025, 1, 1):
                        purchases.append(
                            {
                                "transaction_id": f"{customer}-{again}",
                                "customer_id": customer,
                                "occurred_at": str(bought),
                                "amount": f"{random.uniform(5, 90):.2f}",
                                "cost": "3",
                            }
                        )
    spend.append({"spend_date": "2024-12-31", "channel": HOSTILE[0], "amount": "1"})
    return {
        "transactions": pd.DataFrame(purchases),
        "touchpoints": pd.DataFrame(touches),
        "marketing_spend": pd.DataFrame(spend),
    }


def copy_to_postgres(
    database: duckdb.DuckDBPyConnection, name: str, cursor: Any
) -> None:
    """Copy a table, but for the rows of segments and of days, which are many."""
    columns = database.execute(f"describe {name}").fetchall()
    kinds = {column: ENGINE_TYPES.get(kind, kind) for column, kind, *_ in columns}
    listed = ", ".join(f'"{column}" {kind}' for column, kind in kinds.items())
    cursor.execute(f"create table {name} ({listed})")
    wanted = "true"
    if "segment_column" in kinds and name != "rpt_retention_readiness":
        wanted += " and segment_column = 'all'"
    if "period_grain" in kinds and name != "rpt_reconciliation":
        wanted += " and period_grain <> 'day'"
    rows = database.execute(f"select * from {name} where {wanted}").fetchall()
    text = StringIO()
    writer(text).writerows(rows)
    text.seek(0)
    cursor.copy_expert(f"copy {name} from stdin (format csv)", text)


@cache
def _contract(table: str) -> dict[str, str]:
    (file,) = (PROJECT / "models" / "marts").glob(f"*/{table}.yml")
    (model,) = yaml.load(file.read_bytes(), yaml.CSafeLoader)["models"]
    return {column["name"]: column["data_type"] for column in model["columns"]}
