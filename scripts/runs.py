"""The steps of a run, in order: lock, build, fit, validate, publish, report."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import dbt_runner
import last_build
import locks
import outcome as outcomes
import published
import publishing
import validation
import variables
from dbt_runner import Project
from errors import (
    ConfigurationError,
    PipelineError,
    RefusedError,
    StoppedError,
    of_the_disk,
)
from last_build import Asked
from outcome import Outcome
from published import DuckdbFile, Place, PostgresSchema
from summary import Voice

LOCK_FILE = "pipeline.lock"
# What dbt remembers of a project between two commands.
MEMORY_FILE = "partial_parse.msgpack"
RUN_ID = f"select run_id from {published.RUN_INFO}"
INPUTS = (
    *("transactions", "touchpoints", "marketing_spend", "survey_responses"),
    *("customers", "identities", "exchange_rates"),
)


@dataclass(frozen=True)
class Run:
    """A run that holds its locks. `place` is none where nothing is to be published.

    `variables` are the effective ones, `options` those that every dbt command gets.
    """

    project: Project
    asked: Asked
    options: tuple[str, ...]
    variables: Mapping[str, Any]
    place: Place | None
    voice: Voice
    outcome: Outcome
    connection: Any = None


@contextmanager
def hold_folder(folder: Path) -> Iterator[Path]:
    """Lock a project's target folder, where dbt keeps its state, and return it.

    Raises LockedError if another run is at work there.
    """
    target_path = target_folder(folder)
    with locks.file_lock(target_path / LOCK_FILE):
        yield target_path


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """Yield a target folder that is in the way of no run, until the end.

    What dbt knows of the project is there, so that it need not read all of it.
    """
    with tempfile.TemporaryDirectory() as name:
        with suppress(OSError):
            shutil.copy(target_folder(folder) / MEMORY_FILE, name)
        yield Path(name)


def work_lock(work: Path) -> Path:
    """Return the lock of a DuckDB file that is built in."""
    return work.with_name(f"{work.name}.lock")


@contextmanager
def hold(
    folder: Path,
    asked: Asked,
    variables: Mapping[str, Any],
    voice: Voice,
    outcome: Outcome,
) -> Iterator[Run]:
    """Lock a project's database, and look at what a run would stumble over.

    Raises LockedError if another run is at work, ConfigurationError if the database
    cannot be opened or the place to publish to holds something else.
    """
    options = tuple(asked.options())
    with ExitStack() as stack:
        project = dbt_runner.load(folder, options)
        place = find_place(project, variables) if asked.is_for_readers else None
        connection = None
        if project.engine == "postgres":
            connection = dbt_runner.connect()
            stack.callback(connection.close)
            # Two projects may build in one schema, or publish to one.
            schemas = {project.schema}
            if isinstance(place, PostgresSchema):
                schemas.add(place.schema)
            for schema in sorted(schemas):
                stack.enter_context(locks.postgres_lock(connection, schema))
        if work := project.database_file:
            stack.enter_context(locks.file_lock(work_lock(work)))
            if work.exists():
                published.open_file(work, is_read_only=False).close()
        if isinstance(place, DuckdbFile):
            # Two projects may publish to one place.
            stack.enter_context(
                locks.file_lock(place.path.with_name(f".{place.path.name}.lock"))
            )
        if place:
            published.last_publication(place)
        yield Run(project, asked, options, variables, place, voice, outcome, connection)
        if project.engine == "duckdb":
            dbt_runner.disconnect()


def find_place(project: Project, variables: Mapping[str, Any]) -> Place | None:
    """Return where the tables of a project are published, if its engine can."""
    if project.engine == "postgres" and project.tables:
        schema = variables["published_schema"]
        if not isinstance(schema, str):
            raise ConfigurationError(
                f"published_schema is '{schema}': write the name of a schema."
            )
        if schema in {table.schema for table in project.tables}:
            raise ConfigurationError(
                f"the tables are built in the schema {schema}, so they cannot be "
                "published there: name another one in the variable published_schema."
            )
        return PostgresSchema(schema, project.name, dbt_runner.connect)
    work = project.database_file
    if project.engine != "duckdb" or work is None or not project.tables:
        return None
    named = variables.get("published_path")
    if not isinstance(named, str | None):
        raise ConfigurationError(
            f"published_path is '{named}': write the path of a file, or null."
        )
    path = project.folder / named if named else work.with_name(f"{project.name}.duckdb")
    if path.resolve() == work.resolve():
        raise ConfigurationError(
            f"the profile builds in {path}, where readers would see half of it: build "
            "in another file, or publish to another one (variable published_path)."
        )
    if path.is_dir():
        raise ConfigurationError(
            f"{path} is a folder: name a file in the variable published_path."
        )
    return DuckdbFile(path.resolve(), project.name)


def find_published(
    folder: Path, options: Sequence[str], variables: Mapping[str, Any]
) -> tuple[Project, Place]:
    """Return a project and where it is published, out of the way of any run."""
    with aside(folder) as target_path:
        project = dbt_runner.load(folder, options, target_path)
    place = find_place(project, variables)
    if place is None:
        raise ConfigurationError(f"nothing is published on {project.engine}.")
    return project, place


def plan(run: Run, is_reporting: bool | None) -> tuple[bool, bool]:
    """Return whether to publish and to report, before anything is built.

    Raises ConfigurationError if what is asked for cannot be had.
    """
    asked = run.asked
    run.outcome.is_whole = asked.selection.is_whole
    if asked.is_publishing:
        require_place(run)
    if asked.is_fitting:
        load_value_fit()
    if is_reporting:
        load_report()
    will_publish = run.place is not None
    if is_reporting and not will_publish:
        raise ConfigurationError(
            "this run publishes nothing to draw a report of: add --publish, "
            "or leave out --report."
        )
    if will_publish:
        validation.check_variables(run.variables)
        if run.connection is not None:
            publishing.require_rights(run.connection)
    return will_publish, has_report() if is_reporting is None else is_reporting


def is_read_where_built(run: Run) -> bool:
    """Return whether all was built on an engine that has no publication."""
    is_for_readers = run.asked.is_for_readers and run.outcome.is_whole
    return run.place is None and is_for_readers and bool(run.project.tables)


def require_place(run: Run) -> Place:
    """Return where to publish, or raise ConfigurationError where nothing can be."""
    if run.place is None:
        raise ConfigurationError(
            f"nothing is published on {run.project.engine}, or there is no table of "
            "the package: query the tables where they are built."
        )
    return run.place


def require_parquet(run: Run) -> DuckdbFile:
    """Return the file that Parquet is written from, or raise ConfigurationError."""
    if run.project.engine != "duckdb":
        raise ConfigurationError("--parquet is for DuckDB files: leave it out.")
    if not isinstance(run.place, DuckdbFile):
        raise ConfigurationError(
            "--parquet writes what is published, and nothing is: leave it out."
        )
    return run.place


def build(run: Run, options: Sequence[str], *, is_retry: bool) -> None:
    """Run `dbt build`, or what failed in the last run and what waited for it.

    Raises ConfigurationError if the selection matches nothing.
    """
    if is_retry:
        results = str(run.project.target_path / last_build.FOLDER)
        _dbt(run, "retry", ["--state", results, *options])
        if not run.outcome.nodes:
            run.voice.say("Nothing had failed in the last run: nothing is built anew.")
        return
    # A build that is killed leaves nothing that could be retried.
    last_build.forget(run.project.target_path)
    _dbt(run, "build", [*run.asked.selection.words(), *options])
    if not run.outcome.nodes:
        raise ConfigurationError("the selection matches nothing: nothing built.")


def fit_and_score(run: Run, options: Sequence[str]) -> None:
    """Fit the models to what was built, and build what reads their parameters."""
    if run.outcome.exit_code:
        run.voice.warn("nothing is fitted, as the build failed.")
        return
    try:
        fit(run)
    except (PipelineError, dbt_runner.DbtError):
        # What was built is there all the same.
        collect(run)
        run.voice.build(run.outcome)
        raise
    selection = run.asked.selection
    fed = load_value_fit().SCORED
    select = tuple(f"{fed},{word}" for word in selection.select) or (fed,)
    # Unit tests bring their own parameters.
    scored = replace(selection, select=select, has_unit_tests=False)
    _dbt(run, "build", [*scored.words(), *options])


def fit(run: Run) -> None:
    """Fit the models of customer value, and warn of fits that are of no use."""
    value_fit = load_value_fit()
    try:
        fits = value_fit.fit(run.project.folder, run.options)
    except value_fit.FitError as error:
        raise ConfigurationError(str(error)) from error
    run.outcome.fits = fits
    for one in fits:
        if one.warning:
            run.voice.warn(one.warning)


def collect(run: Run) -> None:
    """Read what came out of the tables that this run has built."""
    built = {node.name for node in run.outcome.nodes if node.status == "success"}
    try:
        _collect(run, built)
    except dbt_runner.DbtConnectionError:
        # What broke the build may have broken the database; the build says so.
        if not run.outcome.exit_code:
            raise


def collect_all(run: Run) -> None:
    """Read what came out of all tables, whoever has built them.

    Raises ConfigurationError if there are some that nobody has.
    """
    require_tables(run)
    _collect(run, set(run.project.relations))


def _collect(run: Run, built: AbstractSet[str]) -> None:
    file = run.project.database_file
    run.outcome.places["built"] = str(file.resolve() if file else dbt_runner.location())
    outcomes.collect(run.project, run.outcome, built)


def require_tables(run: Run) -> dict[str, dict[str, str]]:
    """Return the columns of the public tables, or raise ConfigurationError.

    Every public table has to be there, since readers get all of them.
    """
    columns = _columns(run.project)
    missing = [table.name for table in run.project.tables if table.name not in columns]
    if missing:
        raise ConfigurationError(
            f"{len(missing)} of {len(run.project.tables)} tables are not built yet, "
            f"such as {missing[0]}: build them by a run without a selection."
        )
    return columns


def validate(run: Run, *, is_accepting: bool) -> None:
    """Compare the tables with the inputs, and with what is published if it is.

    Raises RefusedError if something is wrong and nobody accepts it.
    """
    columns = require_tables(run)
    _require_settings(run)
    last = published.last_publication(run.place) if run.place else None
    compared = (
        validation.Published(
            last.as_of_date,
            last.package_version,
            last.figures,
            last.columns,
            last.settings,
        )
        if last
        else None
    )
    run.outcome.validation = validation.validate(
        run.project.folder,
        run.options,
        run.variables,
        columns,
        run.project.package_version,
        compared,
        datetime.now(UTC),
    )
    names = sorted({one.check for one in run.outcome.validation.findings})
    if not names:
        return
    if not is_accepting:
        raise RefusedError(
            f"not published: {', '.join(names)} found something wrong. What readers "
            "have is as it was; publish --accept publishes all the same."
        )
    run.outcome.accepted = names
    run.voice.warn(f"accepted what {', '.join(names)} found.")


def _require_settings(run: Run) -> None:
    """Raise ConfigurationError if the tables were built with other settings."""
    relation = run.project.relations.get("int_run_parameters")
    if relation is None:
        return
    names = ", ".join(published.SETTINGS)
    _, [built] = dbt_runner.query(f"select {names} from {relation}")
    for name, value in zip(published.SETTINGS, built, strict=True):
        if value != run.variables[name]:
            raise ConfigurationError(
                f"the tables were built with {name} {value}, and this command has "
                f"{run.variables[name]}: give it the same --vars, or build again."
            )


def publish(run: Run) -> None:
    """Put the tables in front of readers."""
    place, work = require_place(run), run.project.database_file
    info = _run_info(run)
    validated = run.outcome.validation
    figures = (
        [publishing.Figure(*one) for one in validated.figures] if validated else []
    )
    if isinstance(place, DuckdbFile) and work:
        dbt_runner.disconnect()
        publishing.publish_file(run.project, work, place, info, figures)
    elif isinstance(place, PostgresSchema):
        for warning in publishing.publish_schema(
            run.project, place, run.connection, info, figures
        ):
            run.outcome.warnings.append(warning)
            run.voice.warn(warning)
    run.outcome.places["published"] = str(place)


def publish_parquet(run: Run) -> None:
    """Write what was published as Parquet files too."""
    with _after_publishing("the Parquet files are not"):
        folder = publishing.publish_parquet(require_parquet(run))
    run.outcome.places["parquet"] = str(folder)


def report(run: Run) -> None:
    """Draw the report of what has just been published."""
    place = require_place(run)
    file = report_path(run.project, place)
    with _after_publishing("the report is not"), explained({}, f"write {file}"):
        draw(run.project, place, None, None)
    run.outcome.places["report"] = str(file)


@contextmanager
def _after_publishing(what: str) -> Iterator[None]:
    """Say of what stops a run now that its tables are in front of readers."""
    try:
        yield
    except StoppedError:
        raise
    except PipelineError as error:
        raise PipelineError(f"the tables are published, {what}: {error}") from error


def draw(
    project: Project, place: Place, path: Path | None, charts: Path | None
) -> Path:
    """Draw the report of what is published and return its path.

    On PostgreSQL a publication may come between two of its queries: it is drawn anew.
    """
    report = load_report()
    file = path or report_path(project, place)
    with published.read(place) as reader:
        while True:
            drawn = reader.query(RUN_ID)
            report.write(reader, file, charts=charts)
            if reader.query(RUN_ID) == drawn:
                return file


def report_path(project: Project, place: Place) -> Path:
    """Return where the report lies unless the user says so: beside the tables."""
    if isinstance(place, DuckdbFile):
        return place.path.with_suffix(".html")
    return project.folder / "warehouse" / f"{project.name}_{project.engine}.html"


def has_report() -> bool:
    """Return whether the extra that draws the report is installed."""
    return all(
        importlib.util.find_spec(name) for name in ("altair", "jinja2", "vl_convert")
    )


def load_report() -> ModuleType:
    """Return the module that draws; Altair, which it needs, may not be installed."""
    try:
        import report as drawing
    except ImportError as error:
        raise ConfigurationError(
            f"the report needs what is missing: pip install '.[report]' ({error})."
        ) from error
    return drawing


def load_value_fit() -> ModuleType:
    """Return the module that fits; SciPy, which it needs, may not be installed."""
    try:
        # First, since without SciPy there is nothing to wait for.
        import value_models  # noqa: F401, I001
        import value_fit
    except ImportError as error:
        raise ConfigurationError(
            "fitting needs SciPy, which is not installed: pip install '.[value]', or "
            f"scipy alone ({error})."
        ) from error
    return value_fit


def target_folder(project: Path) -> Path:
    """Return the folder that dbt writes its files to."""
    content = variables.read_project(project / "dbt_project.yml")
    named = os.environ.get("DBT_TARGET_PATH") or content.get("target-path")
    return project / (named or "target")


def _dbt(run: Run, command: str, options: Sequence[str]) -> None:
    target_path = run.project.target_path
    # dbt writes none when there is nothing to do.
    (target_path / last_build.RESULTS_FILE).unlink(missing_ok=True)
    with run.voice.progress() as on_step:
        nodes = dbt_runner.run(
            command, run.project.folder, [*run.options, *options], on_step
        )
    last_build.keep(target_path, run.asked)
    known = {node.unique_id: node for node in run.outcome.nodes}
    fresh = {node.unique_id: node for node in nodes}
    run.outcome.nodes = tuple((known | fresh).values())
    if any(node.is_misconfigured for node in run.outcome.nodes):
        run.outcome.exit_code = 2
    elif any(node.is_failed for node in run.outcome.nodes):
        run.outcome.exit_code = 1


def _columns(project: Project) -> dict[str, dict[str, str]]:
    """Return the type of each column of the public tables, by table."""
    tables = {table.name for table in project.tables}
    schemas = sorted({table.schema for table in project.tables})
    named = ", ".join(f"'{schema}'" for schema in schemas)
    _, rows = dbt_runner.query(
        "select table_name, column_name, data_type from information_schema.columns "
        f"where table_schema in ({named}) order by table_name, ordinal_position"
    )
    columns: dict[str, dict[str, str]] = {}
    for table, column, data_type in rows:
        if table in tables:
            columns.setdefault(table, {})[column] = data_type
    return columns


def _run_info(run: Run) -> publishing.RunInfo:
    outcome, project = run.outcome, run.project
    tests = [node for node in outcome.nodes if node.kind in ("test", "unit_test")]
    rows = {
        f"{one.name}_rows": None if one.is_off else one.rows for one in outcome.inputs
    }
    version = {"duckdb": "select version()", "postgres": "show server_version"}
    _, [(engine_version,)] = dbt_runner.query(version[project.engine])
    return publishing.RunInfo(
        run_id=outcome.run_id,
        as_of_date=outcome.as_of_date,
        started_at=outcome.started_at.replace(tzinfo=None),
        published_at=datetime.now(UTC).replace(tzinfo=None),
        project_name=project.name,
        package_version=project.package_version,
        dbt_version=project.dbt_version,
        engine=project.engine,
        engine_version=engine_version,
        git_revision=_git_revision(project.folder),
        reporting_timezone=str(run.variables.get("reporting_timezone")),
        reporting_currency=str(run.variables.get("reporting_currency")),
        **{f"{name}_rows": rows.get(f"{name}_rows") for name in INPUTS},
        rejected_rows=sum(one.rejected for one in outcome.inputs),
        tests_passed=sum(one.status == "pass" for one in tests) if tests else None,
        tests_warned=sum(one.status == "warn" for one in tests) if tests else None,
        retention_verdict=outcome.readiness.verdict if outcome.readiness else None,
        validation_verdict="accepted" if outcome.accepted else "passed",
        accepted_findings=", ".join(outcome.accepted) or None,
        published_tables=", ".join(table.name for table in project.tables),
    )


def _git_revision(folder: Path) -> str | None:
    command = [
        "git",
        "-C",
        str(folder),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=12",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


@contextmanager
def explained(values: Mapping[str, Any], action: str = "go on") -> Iterator[None]:
    """Turn what stops a command into a sentence and an exit code.

    `values` are the effective variables, `action` is what the file system is asked for.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise StoppedError(error) from error
    except dbt_runner.DbtConfigurationError as error:
        sentence = variables.name_input(str(error), values)
        raise ConfigurationError(sentence) from error
    except dbt_runner.DbtError as error:
        raise PipelineError(str(error)) from error
    except BrokenPipeError as error:
        raise PipelineError(
            "nobody reads the output any more, so the command stopped: send it to a "
            "file if you do not want to read to the end."
        ) from error
    except OSError as error:
        raise of_the_disk(error, action) from error
