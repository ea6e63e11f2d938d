"""MetricFlow's answers against the marts, in a project that installs the package."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import yaml

from compare import assert_tables_equal
from harness import PROJECT

SEMANTIC = sorted((PROJECT / "models" / "semantic").glob("*.yml"))
FORMATS = {"integer", "decimal", "money", "percent", "score"}
# Not the defaults, so that metrics have to follow the variables.
VARIABLES = {
    "reporting_timezone": "America/New_York",
    "week_start": "sunday",
    "acquisition_attribution_model": "last",
}


@dataclass(frozen=True)
class Question:
    """Metrics by some columns, and the SQL by which the marts answer it.

    `group_by` has MetricFlow's name of each column under the marts' one.
    """

    metrics: tuple[str, ...]
    group_by: dict[str, str]
    answer: str


MONTH = {"period_start": "metric_time__month"}
CHANNEL = {"channel": "channel"}
QUESTIONS = {
    "months by channel": Question(
        (
            *("new_customers", "spend", "cac", "net_revenue", "average_order_value"),
            *("retention_rate", "churn_rate", "churned_customers", "revenue_change"),
            *("net_revenue_retention", "gross_revenue_retention"),
            *("customer_quick_ratio", "revenue_quick_ratio"),
            *("attributed_revenue_markov", "roas"),
        ),
        MONTH | CHANNEL,
        """
        with growth as (
            select period_start, segment_value as channel, new_customers, net_revenue,
                average_order_value
            from rpt_growth
            where segment_column = 'acquisition_channel' and period_grain = 'month'
        ),
        retention as (
            select period_start, segment_value as channel, rate as retention_rate,
                1 - rate as churn_rate
            from rpt_retention
            where measure = 'period_retention' and period_grain = 'month'
                and segment_column = 'acquisition_channel'
        ),
        accounting as (
            select period_start, segment_value as channel, churned_customers,
                revenue_change, net_revenue_retention, gross_revenue_retention,
                customer_quick_ratio, revenue_quick_ratio
            from rpt_growth_accounting
            where segment_column = 'acquisition_channel' and period_grain = 'month'
        ),
        acquisition as (
            select period_start, channel, spend, cac
            from rpt_acquisition
            where attribution_model = 'last' and period_grain = 'month'
                and campaign = 'all' and channel <> 'all'
        ),
        attribution as (
            select period_start, channel,
                sum(gross_revenue) filter (attribution_model = 'markov')
                    as attributed_revenue_markov,
                sum(gross_revenue) filter (attribution_model = 'last')
                / nullif(sum(spend) filter (attribution_model = 'last'), 0) as roas
            from rpt_attribution
            where conversion_type = 'all' and period_grain = 'month'
            group by all
        )
        select * replace (
            coalesce(new_customers, 0) as new_customers,
            coalesce(attributed_revenue_markov, 0) as attributed_revenue_markov
        )
        from growth
        full join retention using (period_start, channel)
        full join accounting using (period_start, channel)
        full join acquisition using (period_start, channel)
        full join attribution using (period_start, channel)
        """,
    ),
    "quarters": Question(
        (
            *("new_customers", "cac", "paid_cac", "average_order_value"),
            *("active_customers", "revenue_per_customer", "order_frequency"),
            *("customer_average_order_value", "purchase_days", "guest_revenue"),
            *("nps", "nps_responses", "css_score", "top_two_box_rate"),
        ),
        {"period_start": "metric_time__quarter"},
        """
        with experience as (
            select * from rpt_experience
            where segment_column = 'all' and question_id = 'all'
        )
        select growth.period_start, growth.new_customers, cac, paid_cac,
            average_order_value, active_customers, revenue_per_customer,
            order_frequency, customer_average_order_value, purchase_days, guest_revenue,
            nps.score as nps, nps.responses as nps_responses, css.score as css_score,
            css.top_two_box_rate
        from rpt_growth as growth
        inner join rpt_acquisition as acquisition
            on growth.period_grain = acquisition.period_grain
            and growth.period_start = acquisition.period_start
            and channel = 'all' and attribution_model = 'last'
        left join experience as nps
            on growth.period_grain = nps.period_grain
            and growth.period_start = nps.period_start and nps.survey_type = 'nps'
        left join experience as css
            on growth.period_grain = css.period_grain
            and growth.period_start = css.period_start and css.survey_type = 'css'
        where growth.segment_column = 'all' and growth.period_grain = 'quarter'
        """,
    ),
    "weeks that begin on Sunday": Question(
        ("net_revenue", "active_customers", "nps"),
        {"period_start": "metric_time__reporting_week"},
        """
        select growth.period_start, net_revenue, active_customers, score as nps
        from rpt_growth as growth
        left join rpt_experience as nps
            on growth.segment_column = nps.segment_column
            and growth.period_grain = nps.period_grain
            and growth.period_start = nps.period_start
            and survey_type = 'nps' and question_id = 'all'
        where growth.segment_column = 'all' and growth.period_grain = 'week'
        """,
    ),
    "people by month and channel": Question(
        (
            *("people", "conversion_rate", "conversion_rate_90_days"),
            *("repeat_purchase_rate", "repeat_purchase_rate_90_days"),
        ),
        MONTH | CHANNEL,
        """
        with conversion as (
            select period_start, channel, max(people) as people,
                max(conversion_rate) filter (window_days is null) as conversion_rate,
                max(conversion_rate) filter (window_days = 90)
                    as conversion_rate_90_days
            from rpt_conversion
            where segment_column = 'all' and channel <> 'all'
                and period_grain = 'month'
            group by all
        ),
        repeat_purchase as (
            select period_start, segment_value as channel,
                max(rate) filter (window_days is null) as repeat_purchase_rate,
                max(rate) filter (window_days = 90) as repeat_purchase_rate_90_days
            from rpt_retention
            where measure = 'repeat_purchase' and period_grain = 'month'
                and segment_column = 'acquisition_channel'
            group by all
        )
        from conversion full join repeat_purchase using (period_start, channel)
        """,
    ),
    "months of cohorts": Question(
        ("cohort_retention_rate", "cohort_eligible_customers"),
        {"period_number": "cohort_cell__period_number"},
        """
        select period_number, rate as cohort_retention_rate,
            eligible_customers as cohort_eligible_customers
        from rpt_retention
        where measure = 'cohort_average_weighted' and period_number > 0
            and offset_basis = 'calendar' and period_grain = 'month'
            and segment_column = 'all'
        """,
    ),
    "months of churn": Question(
        ("churn_hazard", "churn_at_risk_customers"),
        {"period_number": "churn_month__period_number"},
        """
        select period_number, hazard as churn_hazard,
            at_risk_customers as churn_at_risk_customers
        from rpt_churn_by_month_number
        where churn_window = 'in_force' and period_grain = 'all' and period_number > 0
            and segment_column = 'all' and is_complete
        """,
    ),
    "groups of channels": Question(
        ("spend", "cac", "new_customers"),
        {
            "channel_group": "channel__channel_group",
            "is_paid": "channel__is_paid",
        },
        """
        select channel_group, dim_channels.is_paid, sum(spend) as spend,
            nullif(sum(spend), 0) / nullif(sum(new_customers), 0) as cac,
            sum(new_customers) as new_customers
        from rpt_acquisition
        inner join dim_channels using (channel)
        where attribution_model = 'last' and period_grain = 'year' and campaign = 'all'
        group by all
        """,
    ),
    "questions": Question(
        (
            *("question_nps", "question_nps_responses"),
            *("question_promoters", "question_detractors"),
        ),
        {"period_start": "metric_time__year", "question_id": "answer__question_id"},
        """
        select period_start, question_id, score as question_nps,
            responses as question_nps_responses, promoters as question_promoters,
            detractors as question_detractors
        from rpt_experience
        where survey_type = 'nps' and question_id <> 'all' and segment_column = 'all'
            and period_grain = 'year'
        """,
    ),
    "touches": Question(
        ("touches", "positive_share", "negative_share"),
        {
            "milestone": "event__milestone",
            "touchpoint_type": "event__touchpoint_type",
        },
        """
        select milestone, touchpoint_type, touches, positive_share, negative_share
        from rpt_milestone_scorecard
        where segment_column = 'all' and touchpoint_type not in ('all', 'purchase')
        """,
    ),
    "stages": Question(
        ("people_in_stage", "stage_entries", "average_days_in_stage"),
        {"stage": "stage_stay__stage"},
        """
        with people as (
            select current_stage as stage, count(*) as people_in_stage
            from dim_customers
            where current_stage is not null
            group by all
        ),
        entries as (
            select to_stage as stage, sum(people) as stage_entries
            from rpt_stage_transitions
            where segment_column = 'all' and period_grain = 'year'
            group by all
        ),
        exits as (
            select from_stage as stage,
                sum(people * average_days_in_from_stage) / sum(people)
                    as average_days_in_stage
            from rpt_stage_transitions
            where segment_column = 'all' and period_grain = 'year'
            group by all
        )
        from people full join entries using (stage) left join exits using (stage)
        """,
    ),
}


def run(folder: Path, *command: str) -> str:
    """Run a program of the environment on the project in a folder, on that alone."""
    own = {"HOME": str(folder), "DBT_PROJECT_DIR": "", "DBT_PROFILES_DIR": ""}
    own |= dict.fromkeys(("DBT_TARGET_PATH", "DBT_LOG_PATH"), "")
    environment = {k: v for k, v in (os.environ | own).items() if v}
    program = str(Path(sys.executable).with_name(command[0]))
    outcome = subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def write_project(folder: Path, **settings: Any) -> None:
    """Make a project that installs this one."""
    duckdb_file = {"type": "duckdb", "path": "shop.duckdb", "threads": 2}
    flags = {
        "send_anonymous_usage_stats": False,
        "require_ref_searches_node_package_before_root": True,
    }
    # JSON is YAML too.
    for file, content in {
        "dbt_project.yml": {"name": "shop", "profile": "shop", "flags": flags}
        | settings,
        "profiles.yml": {"shop": {"target": "dev", "outputs": {"dev": duckdb_file}}},
        "packages.yml": {"packages": [{"local": str(PROJECT)}]},
    }.items():
        (folder / file).write_text(json.dumps(content))
    # What `dbt deps` makes of a package in a folder, without its four seconds.
    (folder / "dbt_packages").mkdir()
    (folder / "dbt_packages" / "customer_journey").symlink_to(PROJECT)


def manifest(folder: Path, name: str) -> dict[str, Any]:
    """Read what dbt says of a project."""
    content: dict[str, Any] = json.loads((folder / "target" / name).read_text())
    return content


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a project that installs the package and has built the sample."""
    folder = tmp_path_factory.mktemp("shop")
    write_project(folder, vars={"customer_journey": VARIABLES})
    kinds = ["--resource-type", "model", "--resource-type", "seed"]
    run(folder, "dbt", "--quiet", "build", *kinds)
    return folder


@pytest.mark.parametrize("name", QUESTIONS)
def test_metrics_agree_with_the_marts(shop: Path, name: str) -> None:
    question = QUESTIONS[name]
    file = shop / "answer.csv"
    choice = ["--metrics", ",".join(question.metrics)]
    choice += ["--group-by", ",".join(question.group_by.values())]
    run(shop, "mf", "query", *choice, "--csv", str(file))
    answer = pd.read_csv(file)
    answer = answer.rename(columns={v: k for k, v in question.group_by.items()})
    if "period_start" in answer:
        answer["period_start"] = pd.to_datetime(answer["period_start"])
    with duckdb.connect(str(shop / "shop.duckdb"), read_only=True) as connection:
        connection.execute("set schema = 'main_marts'")
        expected = connection.execute(question.answer).df()
    assert len(expected) > 1
    assert expected[list(question.metrics)].notna().any().all()
    assert_tables_equal(answer, expected, list(question.group_by), name)


def declared(kind: str) -> Iterator[dict[str, Any]]:
    """Yield the semantic models or the metrics of the project's YAML."""
    for file in SEMANTIC:
        yield from yaml.safe_load(file.read_text()).get(kind, [])


@pytest.mark.parametrize("kind", ["semantic_models", "metrics"])
def test_nothing_is_silently_ignored(shop: Path, kind: str) -> None:
    names = [entry["name"] for entry in declared(kind)]
    assert (
        len(names) == len(set(names)) == {"semantic_models": 14, "metrics": 102}[kind]
    )
    read = manifest(shop, "semantic_manifest.json")[kind]
    assert sorted(entry["name"] for entry in read) == sorted(names)


def test_every_metric_says_what_it_is(shop: Path) -> None:
    page = (PROJECT / "docs" / "semantic_layer.md").read_text()
    for metric in manifest(shop, "semantic_manifest.json")["metrics"]:
        assert metric["label"] != metric["name"]
        assert len(metric["description"]) > len(metric["label"])
        assert metric["config"]["meta"]["format"] in FORMATS
        assert f"`{metric['name']}`" in page


def test_metricflow_finds_no_fault(shop: Path) -> None:
    found = re.findall(r"ERRORS: (\d+)", run(shop, "mf", "validate-configs"))
    assert len(found) > 2 * len(["semantics", "semantic models", "metrics"])
    assert set(found) == {"0"}


def test_first_page_of_the_docs_is_the_package_s_alone(shop: Path) -> None:
    pages = manifest(shop, "manifest.json")["docs"]
    own = {page for page in pages if page.startswith("doc.customer_journey.__")}
    assert own == {"doc.customer_journey.__customer_journey__"}


def test_exposure_names_what_the_report_reads(shop: Path) -> None:
    (exposure,) = manifest(shop, "manifest.json")["exposures"].values()
    named = {node.split(".")[-1] for node in exposure["depends_on"]["nodes"]}
    texts = [file.read_text() for file in (PROJECT / "scripts").glob("report*.py")]
    read = set(re.findall(r"\b(?:dim|fct|rpt)_[a-z_]*[a-z]\b", " ".join(texts)))
    assert read
    assert read <= named


def test_project_may_have_metrics_of_the_same_names(tmp_path: Path) -> None:
    off = {"customer_journey": {"+enabled": False}}
    kinds = ("semantic-models", "metrics", "exposures")
    write_project(tmp_path, **dict.fromkeys(kinds, off))
    own = {
        "semantic_models": [
            {
                "name": "customer_journey_growth",
                "model": "ref('customer_journey', 'rpt_growth')",
                "primary_entity": "growth_day",
                "defaults": {"agg_time_dimension": "period_start"},
                "dimensions": [
                    {
                        "name": "period_start",
                        "type": "time",
                        "type_params": {"time_granularity": "day"},
                    }
                ],
                "measures": [
                    {"name": "orders", "agg": "sum", "create_metric": True},
                ],
            }
        ]
    }
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "own.yml").write_text(json.dumps(own))
    run(tmp_path, "dbt", "--quiet", "parse")
    read = manifest(tmp_path, "semantic_manifest.json")
    assert [metric["name"] for metric in read["metrics"]] == ["orders"]
    assert manifest(tmp_path, "manifest.json")["exposures"] == {}
