"""Planted faults are found before they are published, each by its own check.

A small company, a seventh of the sample, is built once. A fault is planted in the SQL
of the model in which it would happen, whatever depends on that is built again, and the
checks run: no test of dbt is needed to find it.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from unittest.mock import patch

import duckdb
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

import dbt_runner
import harness
import validation
from harness import COLUMNS, PROJECT, TEXT, Compiled, Model, compile_project
from strategies import ZONE, companies
from validation import Published, Validation

SAMPLE = PROJECT / "seeds" / "sample"
NEW_YORK = {"reporting_timezone": ZONE, "max_rejected_share": 1}
NOT_CHECKS = ("run_figures_", "last_days")
DECLARED = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
VERSION = "0.1.0"
NOW = datetime(2025, 1, 3, 12, tzinfo=UTC)

TRANSACTIONS = "events_agree_with_transactions"
TOUCHPOINTS = "events_agree_with_touchpoints"
ANSWERS = "answers_agree_with_survey_responses"
SPEND = "spend_agrees_with_marketing_spend"
CUSTOMERS = "people_agree_with_customers"
ROWS = "every_raw_row_is_counted"
DAYS = "as_of_date_is_the_last_day"
GROWTH = "growth_agrees_with_events"
COHORTS = "cohorts_agree_with_events"
ACQUISITION = "acquisition_agrees_with_events"
SCORES = "scores_agree_with_answers"
PEOPLE = "customers_agree_with_events"
RETENTION = "retention_agrees_with_events"
STAGES = "stages_agree_with_events"
CONVERSION = "conversion_agrees_with_events"
PAYBACK = "payback_agrees_with_events"
SEGMENTS = "segments_add_up_to_all"


@dataclass(frozen=True)
class Fault:
    """A piece of a model's compiled SQL, what stands there by mistake, who finds it.

    `found_by` has the names of all checks that find it, each with a figure it names.
    """

    model: str
    right: str
    wrong: str
    found_by: Mapping[str, str]


FAULTS = {
    "half of the customers dropped": Fault(
        "int_customers",
        "from describe_people",
        "from describe_people where ascii(right(customer_id, 1)) % 2 = 0",
        {
            GROWTH: "dim_customers.customers",
            COHORTS: "rpt_cohort_retention.cohort_size",
            RETENTION: "rpt_growth_accounting.new_customers of 2024-03",
            ACQUISITION: "dim_customers.acquisition_channel email",
            PEOPLE: "customers who are missing in fct_customer_value",
            STAGES: "fct_stage_history.people in awareness",
            CONVERSION: "rpt_stage_funnel.people to awareness by all",
            CUSTOMERS: "dim_customers.people of the customers input",
        },
    ),
    "a doubled month": Fault(
        "int_transactions",
        "select * from final",
        "select * from final union all select * from final"
        " where date_trunc('month', occurred_date) = date '2024-03-01'",
        {TRANSACTIONS: "orders of 2024-03"},
    ),
    "a month doubled behind the events": Fault(
        "int_customer_days",
        "from sum_days\n",
        "from (select * from sum_days union all select * from sum_days"
        " where date_trunc('month', entry_date) = date '2024-03-01') as sum_days\n",
        {
            GROWTH: "rpt_growth.orders by month of 2024-03",
            RETENTION: "rpt_growth_accounting.customer_revenue of 2024-03",
            PEOPLE: "customers whose dim_customers.orders is not that of",
            PAYBACK: "rpt_cac_payback.margin of 2024-03",
        },
    ),
    "a currency not converted": Fault(
        "stg_transactions",
        "cast(cast(signed_amount as decimal(19, 4)) * applied_rate as decimal(18, 4))"
        " as amount",
        "cast(signed_amount as decimal(18, 4)) as amount",
        {TRANSACTIONS: "gross_revenue of 2023-01"},
    ),
    "a refund at the rate of its own day": Fault(
        "int_transactions",
        "when purchases.currency = refunds.currency",
        "when false",
        {TRANSACTIONS: "refund_amount of"},
    ),
    "spend lost in a join": Fault(
        "int_acquisition_periods",
        "    from spend_periods\n",
        "    from spend_periods inner join attribution_periods using"
        " (attribution_model, period_grain, period_index, channel, campaign)\n",
        {SPEND: "rpt_acquisition.spend of"},
    ),
    "spend not converted": Fault(
        "stg_marketing_spend",
        "cast(cast(given_amount as decimal(19, 4)) * applied_rate as decimal(18, 4))"
        " as amount",
        "given_amount as amount",
        {SPEND: "rpt_attribution.spend of"},
    ),
    "a shifted time zone": Fault(
        "stg_transactions",
        "timezone('America/New_York', timezone('UTC', ",
        "timezone('UTC', timezone('America/New_York', ",
        {TRANSACTIONS: "orders of"},
    ),
    "dates cut in UTC": Fault(
        "stg_touchpoints",
        "timezone('America/New_York', timezone('UTC', ",
        "timezone('UTC', timezone('UTC', ",
        {TOUCHPOINTS: "touches of"},
    ),
    "refunds counted as purchases": Fault(
        "stg_transactions",
        "when given_type = 'refund' or given_amount < 0 then 'refund'",
        "when given_type = 'refund' then 'refund'",
        {TRANSACTIONS: "orders of"},
    ),
    "refunds left out of revenue": Fault(
        "rpt_growth",
        "cast(gross_revenue + refund_amount as decimal(18, 4)) as net_revenue",
        "gross_revenue as net_revenue",
        {GROWTH: "rpt_growth.net_revenue by month of"},
    ),
    "guests merged into one customer": Fault(
        "stg_transactions",
        "nullif(trim(cast(customer_id as TEXT)), '') as customer_key",
        "coalesce(nullif(trim(cast(customer_id as TEXT)), ''), 'guest')"
        " as customer_key",
        {TRANSACTIONS: "guest_orders of"},
    ),
    "duplicates not merged": Fault(
        "stg_transactions",
        "when version_number = 1 then 'accepted'",
        "when version_number >= 1 then 'accepted'",
        {TRANSACTIONS: "merged rows"},
    ),
    "the oldest version of a row kept": Fault(
        "stg_transactions",
        "loaded_time desc nulls last",
        "loaded_time nulls last",
        {TRANSACTIONS: "gross_revenue of"},
    ),
    "rows of one kind lost in staging": Fault(
        "stg_transactions",
        "from number_versions",
        "from number_versions where currency_code <> 'EUR'",
        {ROWS: "rows of transactions", TRANSACTIONS: "accepted rows"},
    ),
    "answers off the scale counted": Fault(
        "stg_survey_responses",
        "or parse_columns.given_score > journey_survey_questions.scale_max",
        "",
        {ANSWERS: "rejected rows"},
    ),
    "every answer of a person counted": Fault(
        "int_survey_answers",
        "'latest' = 'latest'",
        "'all' = 'latest'",
        {SCORES: "rpt_experience.nps responses"},
    ),
    "a channel's touches lost": Fault(
        "stg_touchpoints",
        "from raw_touchpoints",
        "from raw_touchpoints where channel is distinct from 'email'",
        {ROWS: "rows of touchpoints", TOUCHPOINTS: "touches of the channel email"},
    ),
    "a channel's touches lost on the way to attribution": Fault(
        "int_path_touches",
        "and channel is not null",
        "and channel <> 'email'",
        {ACQUISITION: "rpt_acquisition.new_customers of"},
    ),
    "visitors not known again": Fault(
        "int_touchpoints",
        "left join identities on touchpoints.visitor_id = identities.visitor_id",
        "left join identities on false",
        {TOUCHPOINTS: "touches of visitors who are not known of"},
    ),
    "registered people lost in a join": Fault(
        "int_customers",
        "full outer join customers",
        "left join customers",
        {CUSTOMERS: "dim_customers.people of the customers input"},
    ),
    "rows of the future counted": Fault(
        "stg_transactions",
        "then 'future_date'",
        "then null",
        {TRANSACTIONS: "rejected rows"},
    ),
    "revenue of rejected rows counted": Fault(
        "stg_transactions",
        "case when applied_rate is null then 'missing_exchange_rate' end",
        "null",
        {
            TRANSACTIONS: "rejected rows",
            PEOPLE: "customers whose fct_customer_value.net_revenue is not",
        },
    ),
    "an as-of date of the clock": Fault(
        "int_run_parameters",
        "coalesce(cast(null as date), last_event_date) as as_of_date",
        "date '2025-01-15' as as_of_date",
        {DAYS: "days from the last day to the as-of date"},
    ),
    "refunds taken for activity": Fault(
        "int_customer_periods",
        "orders > 0 as is_active",
        "true as is_active",
        {
            GROWTH: "rpt_growth.active_customers by month of",
            COHORTS: "rpt_cohort_retention.retained_customers of",
            RETENTION: "rpt_growth_accounting.retained_customers of",
        },
    ),
    "refunds left out of a customer's worth": Fault(
        "int_value_histories",
        "sum(customer_days.gross_revenue + customer_days.refund_amount)",
        "sum(customer_days.gross_revenue)",
        {PEOPLE: "customers whose fct_customer_value.net_revenue is not"},
    ),
    "customers joined twice": Fault(
        "fct_customer_value",
        "left join rfm_scores on rank_revenue.customer_id = rfm_scores.customer_id",
        "left join rfm_scores on rank_revenue.customer_id <= rfm_scores.customer_id",
        {PEOPLE: "customers who are repeated in fct_customer_value"},
    ),
    "who left not counted": Fault(
        "rpt_growth_accounting",
        "once_complete * churned_customers as churned_customers",
        "0 * churned_customers as churned_customers",
        {RETENTION: "rpt_growth_accounting.churned_customers of 2024-03"},
    ),
    "contraction taken for churn": Fault(
        "rpt_growth_accounting",
        "cast(once_complete * contraction_revenue as decimal(18, 4))",
        "cast(once_complete * churned_revenue as decimal(18, 4))",
        {RETENTION: "rpt_growth_accounting rows by month with wrong sums of revenue"},
    ),
    "who stayed taken for who left": Fault(
        "int_period_shares",
        "then compare_periods.retained_customers",
        "then compare_periods.churned_customers",
        {RETENTION: "rpt_retention.period_retention customers by month of"},
    ),
    "every customer said to have bought again": Fault(
        "int_repeat_purchases",
        "when is_eligible and has_repeated then",
        "when is_eligible then",
        {RETENTION: "rpt_retention.repeat_purchase customers by all within 30 days"},
    ),
    "cohorts lost from their average": Fault(
        "rpt_retention",
        "where cohort_retention.is_complete",
        "where cohort_retention.is_complete"
        " and cohort_retention.cohort_start > date '2024-02-01'",
        {RETENTION: "rpt_retention.cohort_average_weighted customers by month"},
    ),
    "who buys at once not counted": Fault(
        "int_conversion_windows",
        "conversion_times.days_to_purchase <= coalesce(",
        "conversion_times.days_to_purchase > 0"
        " and conversion_times.days_to_purchase <= coalesce(",
        {CONVERSION: "rpt_conversion.converted_people to purchase within 30 days by"},
    ),
    "skipped stages not reached": Fault(
        "int_stage_reach",
        "stage_entries.stage_order >= stages.stage_order",
        "stage_entries.stage_order = stages.stage_order",
        {
            CONVERSION: "rpt_stage_funnel.reached_people to consideration by all",
            SEGMENTS: "rpt_stage_funnel.reached_people over acquisition_channel by day",
        },
    ),
    "every stage left open": Fault(
        "fct_stage_history",
        "stage_entries.left_at is null as is_current",
        "true as is_current",
        {STAGES: "fct_stage_history.people without one open stage"},
    ),
    "stages that begin with their last event": Fault(
        "int_stage_entries",
        "occurred_at,\n",
        "occurred_at desc,\n",
        {
            STAGES: "fct_stage_history.people with other times in",
            CONVERSION: "rpt_stage_funnel.reached_people to retention within 30 days",
        },
    ),
    "moves between stages counted twice": Fault(
        "rpt_stage_transitions",
        "sum(count_days.people) as people",
        "2 * sum(count_days.people) as people",
        {STAGES: "rpt_stage_transitions.people from"},
    ),
    "touches of a milestone lost": Fault(
        "int_milestone_exposures",
        "and milestone is not null",
        "and milestone is not null and outcome is distinct from 'negative'",
        {STAGES: "rpt_milestone_scorecard.negative_touches of"},
    ),
    "margins a month late": Fault(
        "int_payback_cells",
        "list_cells.period_number = cohort_margins.period_number",
        "list_cells.period_number = cohort_margins.period_number - 1",
        {PAYBACK: "rpt_cac_payback.margin of 2024-03"},
    ),
    "a cost that is not that of the spend": Fault(
        "rpt_cac_payback",
        "cast(spend as decimal(18, 4)) as spend",
        "cast(1.5 * spend as decimal(18, 4)) as spend",
        {PAYBACK: "rpt_cac_payback.spend of"},
    ),
    "conversions credited twice": Fault(
        "rpt_attribution",
        "sum(conversions) as conversions",
        "2 * sum(conversions) as conversions",
        {ACQUISITION: "rpt_attribution.conversions by last and month"},
    ),
    "one score taken for another": Fault(
        "rpt_brand_performance",
        "max(case when survey_type = 'nps' then score end)",
        "max(case when survey_type = 'css' then score end)",
        {SCORES: "rpt_brand_performance.nps score"},
    ),
    "rows of a segment lost": Fault(
        "rpt_growth",
        "from split_guests",
        "from split_guests where segment_value <> 'email'",
        {SEGMENTS: "rpt_growth.orders over acquisition_channel by month"},
    ),
    "people in two segments": Fault(
        "rpt_stage_funnel",
        "select * from final",
        "select * from final union all select * from final"
        " where segment_value = 'email'",
        {SEGMENTS: "rpt_stage_funnel.people over acquisition_channel"},
    ),
}


@dataclass(frozen=True)
class Company:
    """A database in which every model is built, and the checks that can be run on it.

    The folder holds the database and the dbt project that the package is installed in;
    `needed` are the models that the checks read, or what those are made of.
    """

    folder: Path
    models: list[Model]
    checks: list[Model]
    needed: list[Model]

    def findings_of(self, fault: Fault) -> dict[str, list[str]]:
        """Return what each check finds of a fault and all that follows from it.

        A check that reads nothing of it finds what it finds without it: nothing.
        """
        with self.opened() as database:
            database.execute("begin")
            rebuilt: set[str] = set()
            for model in self.needed:
                sql = model.sql
                if model.name == fault.model:
                    assert fault.right in sql, f"{model.name} has changed"
                    sql = sql.replace(fault.right, fault.wrong)
                elif not model.parents & rebuilt:
                    continue
                create(database, replace(model, sql=sql))
                rebuilt.add(model.name)
            assert fault.model in rebuilt
            checks = [check for check in self.checks if check.parents & rebuilt]
            found = self.findings(database, checks)
            database.execute("rollback")
        return found

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield the database; small tables are quicker on one thread."""
        with duckdb.connect(
            str(self.folder / harness.DATABASE), config={"threads": 1}
        ) as database:
            yield database

    def findings(
        self, database: duckdb.DuckDBPyConnection, checks: Sequence[Model]
    ) -> dict[str, list[str]]:
        """Return the figures that each check finds wrong, of those that find any."""
        found = {
            check.name: [
                f"{measure} of {period}" if period else measure
                for measure, period, *_ in database.execute(check.sql).fetchall()
            ]
            for check in checks
        }
        return {name: figures for name, figures in found.items() if figures}


def create(database: duckdb.DuckDBPyConnection, model: Model) -> None:
    kind = "view" if model.materialized == "view" else "table"
    database.execute(f"create or replace {kind} {model.relation} as {model.sql}")


def compile_checks(compiled: Compiled, variables: Mapping[str, Any]) -> list[Model]:
    """Return the analyses of the package, compiled like these models."""
    inputs = {name: value for name, value in variables.items() if "_input" in name}
    project, manifest = harness.parse_json(json.dumps(inputs), "{}")
    place = "select path from duckdb_databases() where not internal"
    ((database,),) = compiled.connection.execute(place).fetchall()
    folder = Path(mkdtemp(dir=harness.WORK.name))
    harness.write_profile(folder)
    shutil.copy(database, folder / harness.DATABASE)
    off = {f"{name}_input": None for name in COLUMNS if name not in compiled.types}
    result = harness.dbt(
        *("compile", "--select", validation.ANALYSES),
        *("--vars", json.dumps(off | dict(variables))),
        folder=project,
        profiles=folder,
        manifest=manifest,
    )
    schema = compiled.models[0].relation.rsplit(".", 1)[0]
    return [
        Model(
            item.node.name,
            f"{schema}.{item.node.name}",
            "view",
            item.node.compiled_code,
            # What counts the rows of every table depends on all of them.
            frozenset(parent.split(".")[-1] for parent in item.node.depends_on.nodes)
            or frozenset(model.name for model in compiled.models),
        )
        for item in result.results
    ]


@cache
def compile_json(variables: str, types: str) -> tuple[Compiled, list[str]]:
    """`compile_all`, with its arguments as JSON so that they can be a key."""
    values, parsed = json.loads(variables), json.loads(types)
    compiled = compile_project(values, parsed)
    analyses = compile_checks(compiled, values)
    names = [analysis.name for analysis in analyses]
    return replace(compiled, models=[*compiled.models, *analyses]), names


def compile_all(
    variables: Mapping[str, Any], types: harness.Types = TEXT
) -> tuple[Compiled, list[str]]:
    """Return the models with the checks and figures among them; the names of these."""
    return compile_json(json.dumps(variables), json.dumps(types))


def findings(
    compiled: Compiled, analyses: list[str], inputs: Mapping[str, pd.DataFrame]
) -> dict[str, list[dict[str, Any]]]:
    """Build these raw rows and return what each check finds wrong, if it does."""
    checks = [name for name in analyses if not name.startswith(NOT_CHECKS)]
    tables = compiled.run(inputs, checks)
    return {
        name: [{str(key): value for key, value in row.items()} for row in rows]
        for name, table in tables.items()
        if (rows := table.to_dict("records"))
    }


@cache
def seventh_of_sample() -> dict[str, pd.DataFrame]:
    """Return raw rows of every seventh person of the sample, and all that are bad."""
    inputs = {
        name: pd.read_csv(
            SAMPLE / f"sample_{name}.csv", dtype=str, keep_default_na=False
        )
        for name in COLUMNS
    }
    for name in ("transactions", "touchpoints", "survey_responses", "customers"):
        rows = inputs[name]
        people = rows["customer_id"]
        if "visitor_id" in rows:
            people = people.where(people != "", rows["visitor_id"])
        # Nobody in particular has the number of the row.
        numbers = pd.to_numeric(people.str.extract(r"(\d+)")[0], errors="coerce")
        chosen = numbers.fillna(pd.Series(rows.index)) % 7 == 0
        inputs[name] = rows[chosen | rows.iloc[:, 0].str.match(r"^[bx]")]
    # Everybody whom the sample registers has done something.
    idle = pd.DataFrame({"customer_id": ["c0"], "created_at": ["2024-01-01"]})
    registered = inputs["customers"][list(idle)]
    return inputs | {"customers": pd.concat([registered, idle])}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Build the small company in a project that installs the package."""
    compiled = compile_project(NEW_YORK)
    project, _ = harness.parse_json("{}", "{}")
    folder = tmp_path_factory.mktemp("company") / "project"
    shutil.copytree(project, folder, symlinks=True)
    harness.write_profile(folder)
    checks = [
        check
        for check in compile_checks(compiled, NEW_YORK)
        if not check.name.startswith(NOT_CHECKS)
    ]
    parents = {parent for check in checks for parent in check.parents}
    made = Company(folder, compiled.models, checks, compiled.needed(parents))
    with made.opened() as database:
        for name, rows in seventh_of_sample().items():
            database.register("raw_rows", rows)
            database.execute(f"insert into raw_{name} by name from raw_rows")
        for schema in sorted({one.relation.rsplit(".", 1)[0] for one in made.models}):
            database.execute(f"create schema if not exists {schema}")
        for model in made.models:
            create(database, model)
    return made


def test_nothing_is_found_where_nothing_is_wrong(company: Company) -> None:
    with company.opened() as database:
        assert company.findings(database, company.checks) == {}
        # Nor is nothing found because nothing is compared.
        [(orders, guests, refunds)] = database.execute(
            "select sum(orders), sum(guest_orders), sum(refund_amount)"
            " from main_marts.rpt_growth"
            " where segment_column = 'all' and period_grain = 'month'"
        ).fetchall()
    assert orders > 500
    assert guests > 20
    assert refunds < -100


@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_found(company: Company, name: str) -> None:
    fault = FAULTS[name]
    found = company.findings_of(fault)
    assert found.keys() == fault.found_by.keys()
    for check, figure in fault.found_by.items():
        assert any(one.startswith(figure) for one in found[check]), found[check]


CHANGES = {
    "forecasts in another currency": (
        "update main_marts.fct_customer_value set expected_purchases_90_days = 2,"
        " expected_purchase_value = 10, expected_value_90_days = 24",
        {PEOPLE: "customers whose fct_customer_value.expected_value_90_days is"},
    ),
    "half of the stages lost": (
        "delete from main_marts.fct_stage_history where hash(customer_id) % 2 = 0",
        {STAGES: "fct_stage_history.people in awareness"},
    ),
    "another month of payback": (
        "update main_marts.rpt_cac_payback set payback_month = 0",
        {PAYBACK: "rpt_cac_payback.channels with another payback_month of"},
    ),
    "segments not built": (
        "delete from main_marts.rpt_experience"
        " where segment_column = 'acquisition_channel'",
        {SEGMENTS: "rpt_experience.responses over acquisition_channel by nps"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_changed_after_the_build_is_found(company: Company, name: str) -> None:
    """No test of dbt runs between a build and a publication of its own."""
    statement, found_by = CHANGES[name]
    table = statement.split("main_marts.")[1].split()[0]
    checks = [check for check in company.checks if table in check.parents]
    with company.opened() as database:
        database.execute("begin")
        database.execute(statement)
        found = company.findings(database, checks)
        database.execute("rollback")
    assert found.keys() == found_by.keys()
    for check, figure in found_by.items():
        assert any(one.startswith(figure) for one in found[check]), found[check]


def columns_of(database: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Return the type of every column of every public table."""
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind in database.execute(
        "select table_name, column_name, data_type from duckdb_columns()"
        " where schema_name = 'main_marts'"
    ).fetchall():
        columns.setdefault(table, {})[column] = kind
    return columns


def validate(
    company: Company,
    published: Published | None = None,
    version: str = VERSION,
    **variables: Any,
) -> Validation:
    """Validate what lies in the company's database, as a run does before it publishes.

    dbt reads the project once for all tests.
    """
    from dbt.cli.main import dbtRunner

    with company.opened() as database:
        columns = columns_of(database)
    _, manifest = harness.parse_json("{}", "{}")
    runner = partial(dbtRunner, manifest=manifest)
    with chdir(company.folder), patch.object(dbt_runner, "dbtRunner", runner):
        found = validation.validate(
            company.folder,
            ["--vars", json.dumps(NEW_YORK)],
            DECLARED["customer_journey"] | NEW_YORK | variables,
            columns,
            version,
            published,
            NOW,
        )
    dbt_runner.disconnect()
    return found


@pytest.fixture(scope="module")
def published(company: Company) -> Published:
    """Return what the company, as it should be, publishes for the first time."""
    found = validate(company)
    assert found.findings == ()
    assert set(found.checks) == {check.name for check in company.checks}
    figures = {figure: value for figure, _, value in found.figures}
    assert len(figures) == len(found.figures)
    with company.opened() as database:
        columns = columns_of(database)
    assert {table for _, table, _ in found.figures} <= columns.keys()
    assert {f"rows.{table}" for table in columns} <= figures.keys()
    return Published(date(2024, 12, 31), VERSION, figures, columns)


def sentences(found: Validation) -> dict[str, str]:
    """Return what each check has found; what is to be done is always said too."""
    assert all(one.remedy.endswith(".") for one in found.findings)
    assert {one.check for one in found.findings} <= found.checks.keys()
    return {one.check: one.sentence for one in found.findings}


def test_what_is_as_before_is_published_again(
    company: Company, published: Published
) -> None:
    found = validate(company, published)
    assert found.findings == ()
    assert {name for name in found.checks if name.endswith("as_before")} == {
        *("rows_are_as_before", "totals_are_as_before", "months_are_as_before"),
        *("scores_are_as_before", "columns_are_as_before"),
        "settings_are_as_before",
    }
    assert all(must_hold.endswith(".") for must_hold in found.checks.values())


def test_everything_that_has_changed_is_found(
    company: Company, published: Published
) -> None:
    """All that a last publication can differ in, seen from this run."""
    figures = dict(published.figures)
    for figure, factor in {
        "rows.fct_stage_history": 2.0,
        "rows.rpt_channel_transitions": 0.5,
        "rows.rpt_growth": 3.0,
        "total.customers": 1.2,
        "total.answers": 0.7,
        "month.orders.2024-10": 0.7,
        "month.touches.2024-05": 1.2,
    }.items():
        figures[figure] = round((figures[figure] or 0) * factor)
    figures["score.nps"] = (figures["score.nps"] or 0) + 19
    figures["score.css"] = (figures["score.css"] or 0) + 30
    figures["rows.dim_planets"] = 9
    figures["segments.region"] = 4
    columns = {name: dict(kinds) for name, kinds in published.columns.items()}
    columns["rpt_growth"]["turnover"] = "DECIMAL(18,4)"
    columns["rpt_growth"]["orders"] = "VARCHAR"
    columns["dim_planets"] = {"name": "VARCHAR"}
    del columns["rpt_growth"]["net_revenue"]
    settings = {"reporting_timezone": "Asia/Tokyo", "reporting_currency": "USD"}
    last = Published(date(2024, 12, 31), "0.1.4", figures, columns, settings)

    found = sentences(
        validate(
            company, last, input_max_age_days={"transactions": 2, "touchpoints": 400}
        )
    )

    assert found.keys() == {
        *("rows_are_as_before", "totals_are_as_before", "months_are_as_before"),
        *("scores_are_as_before", "columns_are_as_before", "inputs_are_fresh"),
        "settings_are_as_before",
    }
    assert re.fullmatch(
        r"reporting_timezone is [\w/]+ and was Asia/Tokyo; segment_columns are "
        r"acquisition_channel and were acquisition_channel, region\.",
        found["settings_are_as_before"],
    )
    assert re.fullmatch(
        r"fct_stage_history has [\d,]+ rows and had [\d,]+; "
        r"rpt_channel_transitions has \d+ rows and had \d+\.",
        found["rows_are_as_before"],
    )
    assert re.fullmatch(
        r"customers is \d+ and was \d+\.", found["totals_are_as_before"]
    )
    assert re.fullmatch(
        r"orders of 2024-10 is \d+ and was \d+\.", found["months_are_as_before"]
    )
    assert re.fullmatch(
        r"css is [\d.]+ and was [\d.]+\.", found["scores_are_as_before"]
    )
    assert found["columns_are_as_before"] == (
        "dim_planets is gone; rpt_growth.orders is BIGINT and was VARCHAR; "
        "rpt_growth.turnover is gone."
    )
    assert found["inputs_are_fresh"] == (
        "the last event of transactions was on 2024-12-31, 3 days ago, and 2 are "
        "allowed."
    )


def compared(
    now: Mapping[str, float], before: Mapping[str, float], **variables: Any
) -> dict[str, Sequence[str]]:
    """Compare figures of two runs of one day, and return the faults of each check."""
    day = date(2024, 12, 31)
    outcomes = validation._compare(
        [(figure, "", value) for figure, value in now.items()],
        day,
        DECLARED["customer_journey"] | variables,
        Published(day, VERSION, before, {}),
    )
    return {one.check: one.faults for one in outcomes if one.faults}


@pytest.mark.parametrize("figure", ["rows.fct_survey_scores", "rows_of_all.rpt_growth"])
def test_table_that_is_emptied_is_found_whatever_the_limits(figure: str) -> None:
    found = compared({figure: 0}, {figure: 1}, publish_max_loss=1)
    assert found.keys() == {"rows_are_as_before"}
    assert compared({figure: 1}, {figure: 3}, publish_max_loss=1) == {}
    assert compared({figure: 0}, {figure: 0}) == {}


def test_rejected_rows_may_all_be_gone() -> None:
    rejected = validation.REJECTED_ROWS
    assert compared({rejected: 0}, {rejected: 40}) == {}


def test_rows_of_everybody_are_compared_where_others_are_of_segments() -> None:
    rows, of_all = "rows.rpt_growth", "rows_of_all.rpt_growth"
    before = {rows: 500.0, of_all: 100.0}
    assert compared({rows: 2000, of_all: 100}, before) == {}
    assert compared({rows: 500, of_all: 50}, before) == {
        "rows_are_as_before": ("rpt_growth has 50 rows of everybody and had 100",)
    }
    # An earlier version did not tell them apart.
    found = compared({rows: 2000, of_all: 100}, {rows: 500})
    assert found == {"rows_are_as_before": ("rpt_growth has 2,000 rows and had 500",)}


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        (["all"], "segment_columns are region and were none"),
        (["all", "a", "b"], "segment_columns are region and were a, b"),
        (["all", "region"], None),
        # An earlier version did not tell.
        ([], None),
    ],
)
def test_other_segments_are_named(before: list[str], sentence: str | None) -> None:
    last = Published(None, VERSION, {f"segments.{name}": 1 for name in before}, {})
    figures = [("segments.all", "rpt_growth", 1.0), ("segments.region", "", 4.0)]
    outcome = validation._compare_settings(figures, {}, last)
    assert outcome.faults == ((sentence,) if sentence else ())


@pytest.mark.parametrize(
    ("errors", "score", "is_found"),
    [
        # Of 40 answers, of 4,000, of an unknown number; 20 of 200 points are allowed.
        ((12, 12), 79, False),
        ((12, 12), 83, True),
        ((1.2, 1.2), 49, False),
        ((1.2, 1.2), 51, True),
        ((None, 12), 65, False),
        ((None, None), 51, True),
    ],
)
def test_scores_may_move_by_chance(
    errors: tuple[float | None, float | None], score: float, is_found: bool
) -> None:
    before, now = ({} if one is None else {"error.nps": one} for one in errors)
    found = compared({"score.nps": score, **now}, {"score.nps": 30, **before})
    assert bool(found) is is_found


def test_totals_are_those_of_the_customers(
    company: Company, published: Published
) -> None:
    with company.opened() as database:
        [expected] = database.execute(
            "select sum(gross_revenue), sum(net_revenue), sum(cost_amount)"
            " from main_marts.dim_customers"
        ).fetchall()
    names = ("credited_revenue", "customer_value", "cost")
    found = [published.figures[f"total.{name}"] for name in names]
    assert found == pytest.approx([float(amount) for amount in expected])
    errors = [published.figures[f"error.{name}"] for name in ("nps", "css", "exs")]
    assert all(error is not None and 0 < error < 20 for error in errors)


def test_every_check_says_what_must_hold_and_what_to_do(company: Company) -> None:
    _, manifest = harness.parse_json("{}", "{}")
    told = {
        node.name: node.description
        for node in manifest.nodes.values()
        if node.resource_type == "analysis" and not node.name.startswith(NOT_CHECKS)
    }
    assert told.keys() == {check.name for check in company.checks}
    documented = (PROJECT / "docs" / "publishing.md").read_text()
    for name, description in told.items():
        must_hold, _, remedy = " ".join(description.split()).partition(". ")
        assert must_hold, name
        assert remedy.endswith("."), name
        assert f"`{name}`" in documented, name


@pytest.mark.parametrize(
    ("before", "now", "is_found"),
    [
        ("0.1.0", "0.1.9", True),
        ("0.1.9", "0.2.0", False),
        ("0.9.0", "1.0.0", False),
        ("1.2.0", "1.9.0", True),
        ("1.9.9", "2.0.0rc1", False),
        ("2.0.0", "1.0.0", True),
    ],
)
def test_columns_change_with_the_major_version_only(
    before: str, now: str, is_found: bool
) -> None:
    last = Published(None, before, {}, {"rpt_growth": {"orders": "BIGINT"}})
    outcome = validation._compare_columns({"rpt_growth": {"rows": "BIGINT"}}, now, last)
    assert bool(outcome.faults) is is_found


def test_lost_and_repeated_rows_are_found_against_the_last_run(
    company: Company, published: Published, tmp_path: Path
) -> None:
    """A source that delivers a month twice agrees with itself, as does half a mart."""
    folder = tmp_path / "project"
    shutil.copytree(company.folder, folder, symlinks=True)
    harness.write_profile(folder)
    harmed = replace(company, folder=folder)
    with harmed.opened() as database:
        database.execute(
            "insert into raw_transactions by name"
            " select * replace ('again ' || transaction_id as transaction_id)"
            " from raw_transactions where occurred_at like '2024-03-%'"
        )
        for model in harmed.models:
            create(database, model)
        database.execute(
            "delete from main_marts.fct_stage_history where hash(customer_id) % 2 = 0"
        )

    found = sentences(validate(harmed, published))

    assert found.keys() == {"rows_are_as_before", "months_are_as_before", STAGES}
    assert "fct_stage_history has" in found["rows_are_as_before"]
    assert "orders of 2024-03 is" in found["months_are_as_before"]


def test_earlier_as_of_date_is_found_and_explains_what_is_gone(
    company: Company, published: Published
) -> None:
    more = {
        figure: value and 3 * value
        for figure, value in published.figures.items()
        if not figure.startswith("month.")
    }
    later = {"month.orders.2025-01": 70.0}
    last = replace(published, as_of_date=date(2025, 1, 31), figures=more | later)
    found = sentences(validate(company, last))
    assert found == {
        "as_of_date_is_not_earlier": "the as-of date is 2024-12-31, and was 2025-01-31 "
        "at the last publication."
    }


def up_to(inputs: Mapping[str, pd.DataFrame], day: str) -> dict[str, pd.DataFrame]:
    """Return the rows that were there on the evening of a day."""
    dated = {
        "transactions": "occurred_at",
        "touchpoints": "occurred_at",
        "survey_responses": "responded_at",
        "marketing_spend": "spend_date",
    }
    return {
        name: rows[rows[dated[name]] < day] if name in dated else rows
        for name, rows in inputs.items()
    }


@pytest.mark.parametrize("day", ["2024-12-24", "2024-10-01"])
def test_time_that_passes_is_no_finding(published: Published, day: str) -> None:
    """A week, or a quarter, after the last publication."""
    compiled, analyses = compile_all(NEW_YORK)
    names = [name for name in analyses if name.startswith("run_figures_")]
    tables = compiled.run(up_to(seventh_of_sample(), day), names)
    figures = {
        row["figure"]: None if pd.isna(row["value"]) else row["value"]
        for table in tables.values()
        for row in table.to_dict("records")
    }
    assert figures.keys() < published.figures.keys()
    last = replace(published, as_of_date=date.fromisoformat(day), figures=figures)
    outcomes = validation._compare(
        [(figure, "", value) for figure, value in published.figures.items()],
        published.as_of_date,
        DECLARED["customer_journey"],
        last,
    )
    assert {one.check: one.faults for one in outcomes if one.faults} == {}


# Made-up companies have more bad rows than a run would bear.
OTHER = {
    "max_rejected_share": 1,
    "reporting_timezone": ZONE,
    "segment_columns": ["acquisition_channel", "region"],
    "as_of_date": "2024-03-10",
    "history_start_date": "2023-11-01",
    "left_truncation_days": 10,
    "acquisition_attribution_model": "first",
    "attribution_lookback_days": 30,
    "marketing_spend_repeats": "reject",
    "survey_answers_counted": "all",
}
EXAMPLES = settings(
    max_examples=5,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@EXAMPLES
@given(companies(ties=True))
def test_nothing_is_found_in_made_up_companies(
    inputs: dict[str, pd.DataFrame],
) -> None:
    assert findings(*compile_all(NEW_YORK), inputs) == {}


@EXAMPLES
@given(companies())
def test_nothing_is_found_under_other_settings(
    inputs: dict[str, pd.DataFrame],
) -> None:
    # Before the first transaction a run as of that day stops.
    first = {"transaction_id": "p00", "occurred_at": "2023-10-20", "amount": "1"}
    rows = pd.concat([inputs["transactions"].iloc[1:], pd.DataFrame([first])])
    assert findings(*compile_all(OTHER), inputs | {"transactions": rows}) == {}


def test_rows_after_the_as_of_date_are_found() -> None:
    compiled, analyses = compile_all(OTHER)
    assert findings(compiled, analyses, seventh_of_sample()) == {}
    right = "coalesce(local_date > cast('2024-03-10' as date), false) as is_after_as_of"
    models = {model.name: model for model in compiled.models}
    staging = models["stg_transactions"]
    assert right in staging.sql
    wrong = staging.sql.replace(right, "false as is_after_as_of")
    models["stg_transactions"] = replace(staging, sql=wrong)
    harmed = replace(compiled, models=list(models.values()))
    found = findings(harmed, analyses, seventh_of_sample())
    assert found.keys() >= {TRANSACTIONS, DAYS, GROWTH}


TYPED = {
    "transactions": {
        "occurred_at": "timestamp",
        "loaded_at": "timestamp with time zone",
        "amount": "double",
        "cost": "decimal(18, 2)",
    },
    "touchpoints": {"occurred_at": "timestamp with time zone"},
    "survey_responses": {"responded_at": "timestamp", "score": "integer"},
    "marketing_spend": {"spend_date": "date", "amount": "decimal(10, 2)"},
    "customers": {"created_at": "date"},
    "exchange_rates": {"rate_date": "date", "rate": "double"},
}


def test_nothing_is_found_in_typed_columns() -> None:
    """East of Greenwich, where the local day begins before that of UTC."""
    types = {name: {**kinds, **TYPED.get(name, {})} for name, kinds in TEXT.items()}
    variables = {"reporting_timezone": "Pacific/Auckland", "max_rejected_share": 1}
    inputs = {
        name: rows.assign(
            **{
                column: pd.to_numeric(rows[column], errors="coerce")
                if kind in ("double", "integer") or kind.startswith("decimal")
                else pd.to_datetime(
                    rows[column], errors="coerce", utc=True, format="ISO8601"
                )
                for column, kind in TYPED.get(name, {}).items()
            }
        )
        for name, rows in seventh_of_sample().items()
    }
    assert findings(*compile_all(variables, types), inputs) == {}


def test_nothing_is_found_where_there_is_little_or_nothing() -> None:
    """Dates without times, no optional column, every optional input off; no row."""
    types = {
        "transactions": {
            "transaction_id": "integer",
            "customer_id": "integer",
            "occurred_at": "date",
            "amount": "double",
        }
    }
    compiled = compile_all({"max_rejected_share": 1, "segment_columns": []}, types)
    rows = pd.DataFrame(
        {
            "transaction_id": [1, 2, 3, 3],
            "customer_id": [1, 1, None, None],
            "occurred_at": ["2024-01-31", "2024-03-01", "2024-03-01", "2024-03-01"],
            "amount": [10.5, -2.25, 7.0, 7.0],
        }
    )
    assert findings(*compiled, {"transactions": rows}) == {}
    assert findings(*compiled, {}) == {}
    assert findings(*compile_all(NEW_YORK), {}) == {}


def test_rejected_rows_before_the_first_event_are_dated_like_others() -> None:
    """On the evening before the day of its only rate, days before anything else."""
    sales = {
        "transaction_id": ["1", "2"],
        "customer_id": ["a", "b"],
        "occurred_at": ["2024-01-05T02:00:00Z", "2024-02-01T12:00:00Z"],
        "amount": ["10", "20"],
        "currency": ["GBP", "USD"],
    }
    rates = {"rate_date": ["2024-01-05"], "currency": ["GBP"], "rate": ["1.25"]}
    inputs = {
        "transactions": pd.DataFrame(sales),
        "exchange_rates": pd.DataFrame(rates),
    }
    assert findings(*compile_all(NEW_YORK), inputs) == {}


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("publish_max_loss", "some", "it must be a number, 0 or more."),
        ("publish_max_growth", -1, "it must be a number, 0 or more."),
        ("input_max_age_days", 3, "write days by input"),
        ("input_max_age_days", {"planets": 1}, "names planets: the inputs are"),
        ("input_max_age_days", {"customers": "old"}, "of customers is 'old'"),
    ],
)
def test_limits_that_are_none_are_refused(
    company: Company, variable: str, value: Any, message: str
) -> None:
    with pytest.raises(dbt_runner.DbtConfigurationError, match=message) as refused:
        validate(company, **{variable: value})
    assert variable in str(refused.value)
