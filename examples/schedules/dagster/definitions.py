"""The journey in Dagster: an asset per table, then what readers see, and schedules.

    dagster dev -f examples/schedules/dagster/definitions.py

Two environment variables:

    CUSTOMER_JOURNEY_PROJECT_DIR  the dbt project; by default the one this file lies in
    CUSTOMER_JOURNEY_PUBLISHING   more options for what publishes, such as --parquet
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
from filelock import FileLock, Timeout

PACKAGE_DIR = Path(__file__).resolve().parents[3]
PROJECT_DIR = Path(
    os.environ.get("CUSTOMER_JOURNEY_PROJECT_DIR", PACKAGE_DIR)
).resolve()
# The environment may not be activated.
DBT = str(Path(sys.executable).with_name("dbt"))
TIME_ZONE = "America/New_York"
# Dagster runs what uses a pool one after the other (dagster.yaml).
POOL = "customer_journey"
TARGET = PROJECT_DIR / os.environ.get("DBT_TARGET_PATH", "target")
PUBLISHING = os.environ.get("CUSTOMER_JOURNEY_PUBLISHING", "").split()

FAILED, LOCKED = 1, 4
REASONS = {
    FAILED: "a table or a test failed",
    2: "an option or a setting is wrong",
    3: "validation refused to publish: what readers have is as it was",
}
LOCK_RETRIES, LOCK_SECONDS = 12, 300

project = DbtProject(project_dir=PROJECT_DIR, target_path=TARGET)
# `dagster dev` reads the project anew; elsewhere `dbt parse` has done it.
project.prepare_if_dev()
manifest: Mapping[str, Any] = json.loads(project.manifest_path.read_text())


class FolderTranslator(DagsterDbtTranslator):
    """Groups assets by their folder: staging, intermediate_core, marts_growth."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Name the folder of a model, below that of all models."""
        _, *folders, _ = dbt_resource_props["fqn"]
        kind = dbt_resource_props["resource_type"]
        return "_".join(folders if kind == "model" and folders else [f"{kind}s"])


def is_mart(spec: dg.AssetSpec) -> bool:
    """Whether a table is public."""
    return (spec.group_name or "").startswith("marts")


def wait_for_lock() -> dg.RetryRequested:
    """Ask Dagster to try again when the other run may have ended."""
    return dg.RetryRequested(LOCK_RETRIES, seconds_to_wait=LOCK_SECONDS)


@contextmanager
def lock() -> Iterator[None]:
    """Hold the lock of scripts/pipeline.py."""
    TARGET.mkdir(exist_ok=True)
    try:
        with FileLock(TARGET / "pipeline.lock", blocking=False):
            yield
    except Timeout as error:
        raise wait_for_lock() from error


def check_sources(dbt: DbtCliResource) -> None:
    """Fail when a source is stale."""
    if manifest["sources"]:
        dbt.cli(["source", "freshness"], target_path=TARGET).wait()


@dbt_assets(
    manifest=manifest,
    project=project,
    dagster_dbt_translator=FolderTranslator(),
    pool=POOL,
)
def journey(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    """Build and test tables, unless a source is stale."""
    # Unit tests check code, not data.
    build = ["build", "--exclude-resource-type", "unit_test"]
    with lock():
        check_sources(dbt)
        yield from dbt.cli(build, context=context, target_path=TARGET).stream()


def run_pipeline(command: str, *options: str) -> str:
    """Run a command of scripts/pipeline.py and return the last line that it prints.

    What trying again can mend may be tried again: a lock, or a failing database.
    """
    script = PACKAGE_DIR / "scripts" / "pipeline.py"
    done = subprocess.run(
        [sys.executable, script, command, *options, "--project-dir", PROJECT_DIR],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    sys.stdout.write(done.stdout)
    if done.returncode == LOCKED:
        raise wait_for_lock()
    if done.returncode != 0:
        reason = REASONS.get(done.returncode, "it has not ended by itself")
        raise dg.Failure(
            f"pipeline.py {command}: {reason}",
            metadata={"exit_code": done.returncode},
            allow_retries=done.returncode == FAILED,
        )
    return done.stdout.rstrip().rpartition("\n")[2]


def places(summary: str) -> dict[str, dg.PathMetadataValue]:
    """Return where the output lies, as the summary of `--json` says."""
    found: Mapping[str, str] = json.loads(summary)["places"]
    return {name: dg.MetadataValue.path(place) for name, place in found.items()}


@dg.asset(
    deps=[spec.key for spec in journey.specs if is_mart(spec)],
    group_name="published",
    pool=POOL,
    # What trying again cannot mend is not tried again, whatever this says.
    retry_policy=dg.RetryPolicy(max_retries=2, delay=LOCK_SECONDS),
)
def published() -> dg.MaterializeResult[None]:
    """Put all public tables, validated, in front of readers as one."""
    summary = run_pipeline("publish", "--json", *PUBLISHING)
    return dg.MaterializeResult(metadata=places(summary))


@dg.asset(deps=[published], group_name="published", pool=POOL)
def report() -> None:
    """Draw one page about what is published, beside it."""
    run_pipeline("report")


@dg.op(pool=POOL, retry_policy=dg.RetryPolicy(max_retries=2, delay=LOCK_SECONDS))
def fit_and_publish(context: dg.OpExecutionContext, dbt: DbtCliResource) -> None:
    """Build everything from nothing, fit the customer value models, publish."""
    with lock():
        check_sources(dbt)
    options = ("--fit", "--full-refresh", "--no-unit-tests", "--json")
    metadata = places(run_pipeline("run", *options, *PUBLISHING))
    for asset in (published, report):
        context.log_event(dg.AssetMaterialization(asset.key, metadata=metadata))


@dg.job
def weekly() -> None:
    """Do what shows as a materialization of `published` and `report`."""
    fit_and_publish()


# The selector `hourly` of selectors.yml, in Dagster's words.
core = dg.AssetSelection.groups("staging", "intermediate_core")
hourly = dg.define_asset_job("hourly", selection=core.upstream())
daily = dg.define_asset_job("daily", selection=dg.AssetSelection.all())

schedules = [
    dg.ScheduleDefinition(
        job=hourly, cron_schedule="5 * * * *", execution_timezone=TIME_ZONE
    ),
    dg.ScheduleDefinition(
        job=daily, cron_schedule="30 4 * * 1-6", execution_timezone=TIME_ZONE
    ),
    dg.ScheduleDefinition(
        job=weekly, cron_schedule="30 4 * * 0", execution_timezone=TIME_ZONE
    ),
]

defs = dg.Definitions(
    assets=[journey, published, report],
    jobs=[hourly, daily, weekly],
    schedules=schedules,
    resources={"dbt": DbtCliResource(project_dir=project, dbt_executable=DBT)},
    # One dbt does the building; more processes would only start more slowly.
    executor=dg.in_process_executor,
)
