"""The journey in Airflow: the hourly, the daily and the weekly schedule.

The daily DAG shows a task for every table (Cosmos) and publishes what they made; the
others run scripts/pipeline.py as a whole. dbt and the script run in the environment of
the project; Airflow's own needs neither. Four environment variables:

    CUSTOMER_JOURNEY_HOME          where customer_journey lies; /opt/customer_journey
    CUSTOMER_JOURNEY_PROJECT_DIR   the dbt project to run, if it is another one
    CUSTOMER_JOURNEY_TARGET        the target of its profiles.yml; dev
    CUSTOMER_JOURNEY_PUBLISHING    more options for what publishes, such as --parquet

Tables and tests are read from the project's target/manifest.json: run `dbt parse` when
the project has changed. A pool, customer_journey, must have one slot: two runs never
meet in one database.
"""

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pendulum
import yaml
from airflow.sdk import Asset, dag, get_current_context, task
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
)
from cosmos import (
    DbtTaskGroup,
    ExecutionConfig,
    ExecutionMode,
    InvocationMode,
    LoadMode,
    ProfileConfig,
    ProjectConfig,
    RenderConfig,
)

HOME = Path(os.environ.get("CUSTOMER_JOURNEY_HOME", "/opt/customer_journey"))
PROJECT_DIR = Path(os.environ.get("CUSTOMER_JOURNEY_PROJECT_DIR", HOME))
TARGET = os.environ.get("CUSTOMER_JOURNEY_TARGET", "dev")
PUBLISHING = os.environ.get("CUSTOMER_JOURNEY_PUBLISHING", "").split()
BIN = HOME / ".venv" / "bin"
POOL = "customer_journey"
# What other DAGs can wait for: schedule=[Asset("customer_journey")].
PUBLISHED = Asset("customer_journey")
LARGER_DAGS = ("customer_journey_daily", "customer_journey_weekly")

FAILED, LOCKED = 1, 4
REASONS = {
    FAILED: "a table or a test failed, or a source is stale",
    2: "an option or a setting is wrong",
    3: "validation refused to publish: what readers have is as it was",
    LOCKED: "another run holds the lock",
}

COMMON = {
    # Times of the schedules are this time zone's.
    "start_date": pendulum.datetime(2026, 1, 1, tz="America/New_York"),
    "catchup": False,
    "max_active_runs": 1,
    "default_args": {"retries": 2, "retry_delay": timedelta(minutes=5)},
    "tags": ["customer_journey"],
}


def run(*command: str | Path) -> None:
    """Run a command in the project and fail as its exit code says.

    Only what trying again can mend is tried again: a failing database, a lock.
    """
    code = subprocess.run(command, cwd=PROJECT_DIR, check=False).returncode
    reason = REASONS.get(code, f"exit code {code}")
    if code in (FAILED, LOCKED):
        raise AirflowException(reason)
    if code != 0:
        raise AirflowFailException(reason)


def run_pipeline(command: str, *options: str) -> None:
    """Run a command of scripts/pipeline.py on the project."""
    script = HOME / "scripts" / "pipeline.py"
    where = ("--project-dir", PROJECT_DIR, "--target", TARGET)
    run(BIN / "python", script, command, *options, *where)


@task(pool=POOL)
def check_sources() -> None:
    """Fail when a source is stale; there may be none."""
    run(BIN / "dbt", "--quiet", "source", "freshness", "--target", TARGET)


@task(pool=POOL)
def build_core() -> None:
    """Build and test the inputs and the core, unless a larger run is at work.

    That run must find the tables as it has left them when it publishes.
    """
    instance = get_current_context()["ti"]
    if any(instance.get_dr_count(name, states=["running"]) for name in LARGER_DAGS):
        raise AirflowSkipException("A larger run is at work.")
    run_pipeline("run", "--selector", "hourly", "--no-unit-tests")


@task(pool=POOL, outlets=[PUBLISHED])
def publish() -> None:
    """Validate all public tables and put them in front of readers as one."""
    run_pipeline("publish", *PUBLISHING)


@task(pool=POOL)
def report() -> None:
    """Draw one page about what is published."""
    run_pipeline("report")


@task(pool=POOL, outlets=[PUBLISHED])
def fit_and_publish() -> None:
    """Build everything from nothing, fit the customer value models, publish."""
    run_pipeline("run", "--fit", "--full-refresh", "--no-unit-tests", *PUBLISHING)


def build_tables() -> DbtTaskGroup:
    """Build and test every table by one dbt, each table's outcome a task of its own."""
    profile = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())["profile"]
    return DbtTaskGroup(
        group_id="tables",
        project_config=ProjectConfig(
            dbt_project_path=PROJECT_DIR,
            manifest_path=PROJECT_DIR / "target" / "manifest.json",
            install_dbt_deps=False,
        ),
        profile_config=ProfileConfig(
            profile_name=profile,
            target_name=TARGET,
            profiles_yml_filepath=PROJECT_DIR / "profiles.yml",
        ),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            # Nobody should start from a table that is not published yet.
            emit_datasets=False,
            # Nothing is built of these, so there is nothing to wait for.
            exclude=["resource_type:analysis", "resource_type:exposure"],
        ),
        execution_config=ExecutionConfig(
            # Starting dbt for every table would take longer than building them.
            execution_mode=ExecutionMode.WATCHER,
            invocation_mode=InvocationMode.SUBPROCESS,
            dbt_executable_path=BIN / "dbt",
            setup_operator_args={
                "pool": POOL,
                # Unit tests check code, not data.
                "dbt_cmd_flags": ["--exclude-resource-type", "unit_test"],
            },
        ),
        # A table that is tried again would be built by a dbt of its own, beside others.
        operator_args={"retries": 0},
    )


@dag(dag_id="customer_journey_hourly", schedule="5 * * * *", **COMMON)
def hourly() -> None:
    """Say whether what came in is fresh and adds up; nothing is published."""
    check_sources() >> build_core()


@dag(dag_id="customer_journey_daily", schedule="30 4 * * 1-6", **COMMON)
def daily() -> None:
    """Build and test every table, validate, publish, draw the report."""
    check_sources() >> build_tables() >> publish() >> report()


@dag(dag_id="customer_journey_weekly", schedule="30 4 * * 0", **COMMON)
def weekly() -> None:
    """Build everything from nothing and fit the customer value models as well."""
    check_sources() >> fit_and_publish()


hourly()
daily()
weekly()
