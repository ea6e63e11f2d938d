"""That the schedules of examples/schedules work, or are read by those who run them.

Dagster's runs here; the script that cron and systemd start runs too; Airflow, cron,
systemd and the schema of GitHub's workflows read theirs.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import runpy
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster
import duckdb
import pytest
import typer
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from filelock import FileLock

import harness
import pipeline
from harness import PROJECT, DbtError

SCHEDULES = PROJECT / "examples" / "schedules"
SELECTORS = PROJECT / "selectors.yml"
RUN_SCHEDULE = SCHEDULES / "run_schedule.sh"
WORKFLOW = SCHEDULES / "github_actions" / "customer_journey.yml"
UNITS = SCHEDULES / "systemd"
CRONTAB = SCHEDULES / "cron" / "crontab"
AIRFLOW_PYTHON = PROJECT / ".venv-airflow" / "bin" / "python"
# Reads the DAGs as Airflow does and prints what became of them.
DAGS = """
import json, sys
from airflow.dag_processing.dagbag import DagBag

bag = DagBag(sys.argv[1], collect_dags=True)
dags = {
    dag.dag_id: {
        "schedule": dag.timetable.expression,
        "time_zone": str(dag.timezone),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "tasks": {
            task.task_id: {
                "upstream": sorted(task.upstream_task_ids),
                "pool": task.pool,
                "retries": task.retries,
                "outlets": [asset.name for asset in task.outlets],
            }
            for task in dag.tasks
        },
    }
    for dag in bag.dags.values()
}
print(json.dumps({"errors": bag.import_errors, "dags": dags}))
"""
# Runs commands by the function of the DAGs and prints how the task would end.
ENDS = """
import importlib.util, json, sys

spec = importlib.util.spec_from_file_location("journey_dags", sys.argv[1])
dags = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dags)
ends = {}
for code in (0, 1, 2, 3, 4):
    try:
        dags.run("sh", "-c", f"exit {code}")
        ends[code] = None
    except Exception as error:
        ends[code] = type(error).__name__
print(json.dumps(ends))
"""
# Where the examples say that the project lies.
INSTALLED = "/opt/customer_journey"
BIN = Path(sys.executable).parent
TABLES = ("model", "seed")


@dataclass(frozen=True)
class Answer:
    """How a command ended: exit code and what it printed."""

    exit_code: int
    out: str
    err: str


def command(
    *words: str | Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Answer:
    """Run a command to its end."""
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=600,
        cwd=folder,
        env=os.environ | dict(environment or {}),
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Shop:
    """A copy of the project of examples/schedules/shop, which has sources."""

    folder: Path
    manifest: Manifest | None = field(default=None, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What the schedules are told of the shop."""
        return {
            "CUSTOMER_JOURNEY_PROJECT_DIR": str(self.folder),
            "CUSTOMER_JOURNEY_HOME": str(PROJECT),
            "CUSTOMER_JOURNEY_PUBLISHING": "--parquet",
            "CUSTOMER_JOURNEY_DUCKDB_PATH": str(self.folder / "shop_work.duckdb"),
            "SHOP_LANDING": str(self.folder / "landing"),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
        }

    @property
    def lock(self) -> Path:
        """The file that a run of the project locks."""
        return self.folder / "target" / "pipeline.lock"

    def land(self, hours_ago: int) -> None:
        """Let the shop's loader have been at work so many hours ago."""
        runpy.run_path(str(self.folder / "land_orders.py"))["land"](
            self.folder / "landing", hours_ago
        )

    def dbt(self, *words: str) -> dbtRunnerResult:
        """Run dbt in the project, which it reads only once."""
        where = str(self.folder)
        with patch.dict(os.environ, self.environment):
            answer = dbtRunner(manifest=self.manifest).invoke(
                ["--quiet", *words, "--project-dir", where, "--profiles-dir", where]
            )
            DuckDBConnectionManager.close_all_connections()
        return answer

    def names(self, kinds: Iterable[str], *words: str) -> set[str]:
        """Return the names of the nodes of these kinds that a selection has."""
        types = [word for kind in kinds for word in ("--resource-type", kind)]
        names: Any = self.dbt("ls", *words, *types, "--output", "name").result
        return set(names)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Copy the shop, install this package into it and let dbt read it."""
    folder = tmp_path_factory.mktemp("shop") / "shop"
    made = shutil.ignore_patterns("target", "logs", "dbt_packages", "package-lock.yml")
    shutil.copytree(SCHEDULES / "shop", folder, ignore=made)
    packages = {"packages": [{"local": str(PROJECT)}]}
    (folder / "packages.yml").write_text(json.dumps(packages))
    unread = Shop(folder)
    unread.land(hours_ago=0)
    assert unread.dbt("deps").success
    manifest: Any = unread.dbt("parse").result
    return Shop(folder, manifest)


def listed(selector: str) -> set[str]:
    """Return the ids of what `dbt ls --selector` lists of the project."""
    words = ("--selector", selector, "--output", "json", "--output-keys", "unique_id")
    lines = harness.dbt(
        "ls", *words, folder=PROJECT, manifest=harness.sample_manifest()
    )
    return {json.loads(line)["unique_id"] for line in lines}


def ancestors(nodes: Mapping[str, Any], ids: set[str]) -> set[str]:
    """Return these nodes and all that they are made of."""
    found, rest = set[str](), list(ids)
    while rest:
        one = rest.pop()
        if one not in found:
            found.add(one)
            rest += nodes[one].depends_on_nodes
    return found


def test_the_page_about_schedules_names_what_is_there() -> None:
    page = PROJECT / "docs" / "scheduling.md"
    files = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    assert len(files) > 8
    for file in files:
        assert (page.parent / file).exists(), file


# --- selectors.yml


def test_hourly_is_inputs_and_core_with_their_tests() -> None:
    nodes = harness.sample_manifest().nodes
    rooms = ("models/staging/", "models/intermediate/core/")
    models = {
        one
        for one, node in nodes.items()
        if node.resource_type == "model" and node.original_file_path.startswith(rooms)
    }
    built = ancestors(nodes, models)
    tests = {
        one
        for one, node in nodes.items()
        if node.resource_type == "test" and set(node.depends_on_nodes) <= built
    }
    chosen = {one for one in listed("hourly") if not one.startswith("unit_test.")}
    assert chosen == built | tests
    # Core stands on nothing but staging and seeds.
    assert {nodes[one].resource_type for one in built - models} == {"seed"}
    assert len(models) > 30
    assert len(tests) > 15


def test_daily_and_weekly_are_everything() -> None:
    manifest = harness.sample_manifest()
    everything = set(manifest.unit_tests) | {
        one for one, node in manifest.nodes.items() if node.resource_type != "analysis"
    }
    daily = listed("daily")
    assert daily >= everything
    assert listed("weekly") == daily


def test_an_unknown_selector_is_an_error() -> None:
    with pytest.raises(DbtError, match="selector named nightly"):
        listed("nightly")


def test_a_project_that_installs_the_package_copies_the_selectors(shop: Shop) -> None:
    assert (SCHEDULES / "shop" / "selectors.yml").read_text() == SELECTORS.read_text()
    tables = shop.names(TABLES, "--selector", "hourly")
    assert {"shop_orders", "stg_transactions", "int_journey_events"} <= tables
    assert not {name for name in tables if name.startswith("rpt_")}


# --- Source freshness


@pytest.mark.parametrize(
    ("hours_ago", "status", "is_good"),
    [(0, "pass", True), (5, "warn", True), (30, "error", False)],
)
def test_the_age_of_a_source_is_told(
    shop: Shop, hours_ago: int, status: str, is_good: bool
) -> None:
    shop.land(hours_ago)
    answer = shop.dbt("source", "freshness")
    checked: Any = answer.result
    assert [one.status for one in checked.results] == [status]
    assert answer.success == is_good


def test_a_project_without_sources_has_no_stale_one(tmp_path: Path) -> None:
    result = harness.dbt(
        *("source", "freshness", "--target-path", str(tmp_path)),
        folder=PROJECT,
        manifest=harness.sample_manifest(),
    )
    assert list(result.results) == []


# --- The script that cron and systemd start


def run_schedule(shop: Shop, schedule: str, logs: Path) -> Answer:
    own = {"CUSTOMER_JOURNEY_SCHEDULE_LOGS": str(logs)}
    return command(RUN_SCHEDULE, schedule, environment=shop.environment | own)


def test_the_hourly_run_builds_the_core_and_logs_it(shop: Shop, tmp_path: Path) -> None:
    shop.land(hours_ago=0)
    old = [tmp_path / "hourly-old.log", tmp_path / "weekly-old.log"]
    below = tmp_path / "below" / "daily-old.log"
    others = [tmp_path / "notes.txt", tmp_path / "dbt.log", below]
    for file in (*old, *others):
        file.parent.mkdir(exist_ok=True)
        file.touch()
        os.utime(file, (0, 0))
    assert run_schedule(shop, "hourly", tmp_path) == Answer(0, "", "")
    assert not any(file.exists() for file in old)
    assert all(file.exists() for file in others)
    (log,) = tmp_path.glob("hourly-*.log")
    assert "Good: " in log.read_text()
    with duckdb.connect(shop.environment["CUSTOMER_JOURNEY_DUCKDB_PATH"]) as database:
        rows = database.sql("select table_name from duckdb_tables()").fetchall()
    tables = {name for (name,) in rows}
    assert "int_journey_events" in tables
    assert not {name for name in tables if name.startswith("rpt_")}
    assert not (shop.folder / "shop.duckdb").exists()


def test_a_stale_source_stops_a_run_and_is_told(shop: Shop, tmp_path: Path) -> None:
    shop.land(hours_ago=30)
    done = run_schedule(shop, "hourly", tmp_path)
    (log,) = tmp_path.glob("*.log")
    assert done.exit_code == 1
    assert f"hourly failed with exit code 1; its log is {log}" in done.err
    assert "ERROR STALE freshness of landing.orders" in done.err
    assert "nothing built" in done.err


def test_an_hourly_run_leaves_silently_when_another_is_at_work(
    shop: Shop, tmp_path: Path
) -> None:
    with FileLock(shop.lock):
        assert run_schedule(shop, "hourly", tmp_path) == Answer(4, "", "")
    (log,) = tmp_path.glob("*.log")
    assert log.read_text() == "Another run is at work: nothing done.\n"


def test_a_daily_run_waits_for_the_other(shop: Shop) -> None:
    # That it goes on is seen by the next thing that it finds.
    shop.land(hours_ago=30)
    environment = os.environ | shop.environment
    with FileLock(shop.lock):
        waiting = subprocess.Popen(
            [RUN_SCHEDULE, "daily"], env=environment, stderr=subprocess.PIPE, text=True
        )
        time.sleep(1)
        assert waiting.poll() is None
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 1
    assert "An input is stale" in err


def test_a_setting_that_is_wrong_is_told(shop: Shop, tmp_path: Path) -> None:
    nowhere = {"CUSTOMER_JOURNEY_DUCKDB_PATH": str(tmp_path / "nowhere" / "x.duckdb")}
    done = command(RUN_SCHEDULE, "hourly", environment=shop.environment | nowhere)
    assert done.exit_code == 2
    assert "The age of the inputs cannot be told: ask pipeline.py doctor." in done.err


def test_an_unknown_schedule_is_a_usage_error(shop: Shop, tmp_path: Path) -> None:
    done = run_schedule(shop, "nightly", tmp_path)
    assert done.exit_code == 2
    assert "hourly|daily|weekly" in done.err


def test_the_script_has_no_trap_of_the_shell() -> None:
    done = command("shellcheck", RUN_SCHEDULE)
    assert done == Answer(0, "", "")


def test_options_of_the_schedules_are_options_of_the_pipeline() -> None:
    commands: Any = typer.main.get_command(pipeline.app)
    run = commands.commands["run"]
    declared = {word for one in run.params for word in one.opts + one.secondary_opts}
    texts = [
        RUN_SCHEDULE.read_text(),
        WORKFLOW.read_text(),
        (SCHEDULES / "dagster" / "definitions.py").read_text(),
        (SCHEDULES / "airflow" / "dags" / "customer_journey.py").read_text(),
    ]
    used = {"--selector", "--fit", "--full-refresh", "--no-unit-tests", "--accept"}
    for option in used:
        assert any(option in text for text in texts)
    assert used <= declared


# --- cron and systemd


def test_cron_reads_the_crontab(tmp_path: Path) -> None:
    assert command("crontab", "-n", CRONTAB).exit_code == 0
    wrong = tmp_path / "crontab"
    wrong.write_text(CRONTAB.read_text().replace("5 * * * *", "65 * * * *"))
    assert command("crontab", "-n", wrong).exit_code != 0


def test_cron_starts_what_is_there() -> None:
    entries = re.findall(r"^[\d*][\d*-]* .* (/\S+) (\w+)$", CRONTAB.read_text(), re.M)
    assert [schedule for _, schedule in entries] == ["hourly", "daily", "weekly"]
    assert {script for script, _ in entries} == {
        str(RUN_SCHEDULE).replace(str(PROJECT), INSTALLED)
    }
    assert RUN_SCHEDULE.stat().st_mode & stat.S_IXUSR


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Copy the units for a project that lies where this one does."""
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    for file in folder.rglob("customer-journey*"):
        if file.is_file():
            file.write_text(file.read_text().replace(INSTALLED, str(PROJECT)))
    return folder


def test_systemd_reads_the_units(units: Path) -> None:
    timers = sorted(units.glob("*.timer"))
    assert [timer.stem.partition("@")[2] for timer in timers] == [
        *("daily", "hourly", "weekly")
    ]
    instances = [timer.with_suffix(".service") for timer in timers]
    alarm = units / "customer-journey-alarm@customer-journey@daily.service"
    done = command("systemd-analyze", "verify", "--man=no", *timers, *instances, alarm)
    assert done == Answer(0, "", "")


def test_systemd_sees_a_wrong_unit(units: Path) -> None:
    service = units / "customer-journey@.service"
    service.write_text(service.read_text().replace("run_schedule.sh", "no_such.sh"))
    instance = units / "customer-journey@hourly.service"
    done = command("systemd-analyze", "verify", "--man=no", instance)
    assert done.exit_code == 1
    assert "no_such.sh is not executable" in done.err


def test_only_the_hourly_unit_may_find_the_lock_taken() -> None:
    tolerant = [
        str(file.relative_to(UNITS))
        for file in UNITS.rglob("*")
        if file.is_file() and "\nSuccessExitStatus=4\n" in file.read_text()
    ]
    assert tolerant == ["customer-journey@hourly.service.d/locked.conf"]


def test_the_unit_can_do_little_else(units: Path) -> None:
    instance = shutil.copy(
        units / "customer-journey@.service", units / "customer-journey@daily.service"
    )
    # Of 100, where a unit that says nothing has 96.
    words = ("security", "--offline=true", "--threshold=20", "--no-pager")
    assert command("systemd-analyze", *words, instance).exit_code == 0


# --- GitHub Actions


def test_github_knows_every_word_of_the_workflow(tmp_path: Path) -> None:
    check = (BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows")
    assert command(*check, WORKFLOW).exit_code == 0
    wrong = tmp_path / "workflow.yml"
    wrong.write_text(WORKFLOW.read_text().replace("timeout-minutes", "time-out"))
    assert command(*check, wrong).exit_code == 1


def test_only_what_publishes_sees_the_cache() -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    cached = [
        name
        for name, job in jobs.items()
        if any("actions/cache" in step.get("uses", "") for step in job["steps"])
    ]
    assert cached == ["publish"]
    assert set(re.findall(r"'(\w+)'", jobs["publish"]["if"])) == {
        *("schedule", "workflow_dispatch")
    }


def test_actions_are_pinned_to_what_cannot_change() -> None:
    used = re.findall(r"uses: (\S+)", WORKFLOW.read_text())
    assert len(used) == 8
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (0, "Published."),
        (1, "A table or a test failed."),
        (2, "An option or a setting is wrong."),
        (3, "Validation refused."),
        (4, "Another run holds the lock."),
        (137, "Exit code 137."),
    ],
)
def test_the_workflow_says_what_an_exit_code_means(
    tmp_path: Path, code: int, sentence: str
) -> None:
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["publish"]["steps"]
    (script,) = (step["run"] for step in steps if step.get("name") == "Run")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nexit {code}\n")
    python.chmod(0o755)
    # As GitHub starts it.
    done = command("bash", "-e", "-c", script, folder=tmp_path)
    assert done.exit_code == code
    assert sentence in done.out


# --- Dagster


@pytest.fixture(scope="module")
def dagster_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give Dagster a folder with the settings of the example."""
    home = tmp_path_factory.mktemp("dagster")
    shutil.copy(SCHEDULES / "dagster" / "dagster.yaml", home)
    return home


@pytest.fixture(scope="module")
def definitions(shop: Shop) -> Iterator[Any]:
    """Load the definitions as Dagster does, for the shop."""
    file = SCHEDULES / "dagster" / "definitions.py"
    # What the definitions start is told of the shop, too.
    with patch.dict(os.environ, shop.environment):
        spec = importlib.util.spec_from_file_location("journey_definitions", file)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


def keys(definitions: Any, job: str) -> set[str]:
    """Return the names of the assets that a job makes."""
    layer = definitions.defs.resolve_job_def(job).asset_layer
    return {key.path[-1] for key in layer.executable_asset_keys}


def test_dagster_reads_the_definitions(shop: Shop, dagster_home: Path) -> None:
    done = command(
        *(BIN / "dagster", "definitions", "validate"),
        *("-f", SCHEDULES / "dagster" / "definitions.py"),
        environment=shop.environment | {"DAGSTER_HOME": str(dagster_home)},
        folder=dagster_home,
    )
    assert done.exit_code == 0, done.err


def test_dagster_has_an_asset_per_table_and_a_check_per_test(
    shop: Shop, definitions: Any
) -> None:
    assert keys(definitions, "daily") == shop.names(TABLES) | {"published", "report"}
    checks = {spec.name for spec in definitions.journey.check_specs}
    assert len(checks) > 50
    assert checks <= shop.names(["test"])
    marts = {
        spec.key for spec in definitions.journey.specs if definitions.is_mart(spec)
    }
    assert len(marts) > 25
    (published,) = definitions.published.specs
    assert {dependency.asset_key for dependency in published.deps} == marts


def test_dagster_and_dbt_mean_the_same_by_hourly(shop: Shop, definitions: Any) -> None:
    assert keys(definitions, "hourly") == shop.names(TABLES, "--selector", "hourly")


def test_schedules_of_dagster_have_a_time_zone(definitions: Any) -> None:
    schedules = {one.job_name: one for one in definitions.schedules}
    assert {name: one.cron_schedule for name, one in schedules.items()} == {
        "hourly": "5 * * * *",
        "daily": "30 4 * * 1-6",
        "weekly": "30 4 * * 0",
    }
    assert {one.execution_timezone for one in schedules.values()} == {
        "America/New_York"
    }


def test_dagster_builds_validates_and_publishes(shop: Shop, dagster_home: Path) -> None:
    shop.land(hours_ago=0)
    done = command(
        # What the daily job does, but for the report.
        *(BIN / "dagster", "asset", "materialize", "--select", '+key:"published"'),
        *("-f", SCHEDULES / "dagster" / "definitions.py"),
        environment=shop.environment | {"DAGSTER_HOME": str(dagster_home)},
        folder=dagster_home,
    )
    assert done.exit_code == 0, done.err[-3000:]
    with duckdb.connect(str(shop.folder / "shop.duckdb"), read_only=True) as database:
        [(project, verdict)] = database.sql(
            "select project_name, validation_verdict from run_info"
        ).fetchall()
        [(months,)] = database.sql(
            "select count(*) from rpt_growth where period_grain = 'month'"
        ).fetchall()
    assert (project, verdict) == ("shop", "passed")
    assert months > 12
    # What else is asked for goes to what publishes.
    assert (shop.folder / "shop_parquet" / "current" / "rpt_growth.parquet").exists()


def test_dagster_tries_again_what_the_lock_has_turned_away(
    shop: Shop, definitions: Any
) -> None:
    with FileLock(shop.lock):
        with pytest.raises(dagster.RetryRequested):
            definitions.run_pipeline("publish")
        with pytest.raises(dagster.RetryRequested), definitions.lock():
            raise AssertionError


def test_dagster_does_not_try_again_what_is_wrong(definitions: Any) -> None:
    with pytest.raises(dagster.Failure, match="a setting is wrong") as caught:
        definitions.run_pipeline("publish", "--as-of", "someday")
    assert not caught.value.allow_retries


def test_dagster_does_not_publish_what_validation_refuses(
    shop: Shop, definitions: Any
) -> None:
    published = shop.folder / "shop.duckdb"
    before = published.read_bytes()
    with duckdb.connect(shop.environment["CUSTOMER_JOURNEY_DUCKDB_PATH"]) as database:
        database.execute("delete from main_marts.dim_customers where customer_id > 'd'")
        database.execute(
            "update main_marts.rpt_growth set net_revenue = 2 * net_revenue"
        )
    with pytest.raises(dagster.Failure, match="refused to publish") as caught:
        definitions.run_pipeline("publish")
    assert not caught.value.allow_retries
    assert published.read_bytes() == before


# --- Airflow


def airflow(shop: Shop, home: Path, program: str, argument: Path) -> Any:
    """Run a program in Airflow's environment and return what it prints as JSON."""
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
    }
    done = command(
        *(AIRFLOW_PYTHON, "-W", "ignore", "-c", program, argument),
        environment=shop.environment | settings,
        folder=home,
    )
    assert done.exit_code == 0, done.err
    # What Cosmos says of a node that it cannot make a task of.
    assert "Unavailable conversion" not in done.out + done.err
    return json.loads(done.out.splitlines()[-1])


@pytest.fixture(scope="module")
def dags(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Let Airflow read the DAGs for the shop."""
    read = airflow(
        shop, tmp_path_factory.mktemp("airflow"), DAGS, SCHEDULES / "airflow" / "dags"
    )
    assert read["errors"] == {}
    return read["dags"]


def test_airflow_reads_three_schedules(dags: Any) -> None:
    assert {name: dag["schedule"] for name, dag in dags.items()} == {
        "customer_journey_hourly": "5 * * * *",
        "customer_journey_daily": "30 4 * * 1-6",
        "customer_journey_weekly": "30 4 * * 0",
    }
    for dag in dags.values():
        assert dag["time_zone"] == "America/New_York"
        assert dag["max_active_runs"] == 1
        assert not dag["catchup"]


def test_airflow_publishes_after_every_table(shop: Shop, dags: Any) -> None:
    tasks = dags["customer_journey_daily"]["tasks"]
    tables = {name for name in tasks if name.startswith("tables.")}
    watched = {re.sub(r"^tables\.(.*?)[._](run|seed)$", r"\1", name) for name in tables}
    assert shop.names(TABLES) <= watched
    before, rest = set[str](), ["publish"]
    while rest:
        found = set(tasks[rest.pop()]["upstream"]) - before
        before |= found
        rest += found
    assert before == tables | {"check_sources"}
    assert tasks["report"]["upstream"] == ["publish"]


def test_airflow_never_runs_two_in_one_database(dags: Any) -> None:
    alone = {
        "customer_journey_hourly": {"check_sources", "build_core"},
        "customer_journey_daily": {
            *("check_sources", "tables.dbt_producer_watcher", "publish", "report"),
        },
        "customer_journey_weekly": {"check_sources", "fit_and_publish"},
    }
    for name, dag in dags.items():
        pooled = {
            task for task, one in dag["tasks"].items() if one["pool"] != "default_pool"
        }
        assert pooled == alone[name]
        for task in pooled:
            assert dag["tasks"][task]["pool"] == "customer_journey"


def test_airflow_tries_again_what_may_mend(dags: Any) -> None:
    for dag in dags.values():
        for name, task in dag["tasks"].items():
            # A table that is tried again would be built beside another dbt.
            is_watcher = name.startswith("tables.") and not name.endswith("_done")
            assert task["retries"] == (0 if is_watcher else 2), name


def test_airflow_tells_other_dags_of_a_publication(dags: Any) -> None:
    told = {
        (name, task)
        for name, dag in dags.items()
        for task, one in dag["tasks"].items()
        if one["outlets"] == ["customer_journey"]
    }
    assert told == {
        ("customer_journey_daily", "publish"),
        ("customer_journey_weekly", "fit_and_publish"),
    }


def test_airflow_ends_a_task_as_the_exit_code_says(shop: Shop, tmp_path: Path) -> None:
    file = SCHEDULES / "airflow" / "dags" / "customer_journey.py"
    assert airflow(shop, tmp_path, ENDS, file) == {
        "0": None,
        # These are tried again.
        "1": "AirflowException",
        "4": "AirflowException",
        # These are not.
        "2": "AirflowFailException",
        "3": "AirflowFailException",
    }
