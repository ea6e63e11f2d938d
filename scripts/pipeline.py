"""Run the customer journey: build, validate, publish, report.

Exit codes: 0 good; 1 a build or a test failed; 2 wrong usage or configuration;
3 validation refused to publish; 4 another run holds the lock.
"""

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

import last_build
import profile_command
import variables as variable_values
from errors import ConfigurationError, PipelineError, StoppedError, Terminated
from last_build import Asked, Selection

if TYPE_CHECKING:
    from runs import Run

EXIT_CODES = (
    "Exit codes: 0 good; 1 build or test failed; 2 usage or configuration; "
    "3 validation refused to publish; 4 another run holds the lock."
)
PROJECT_DIR = Path(__file__).resolve().parent.parent

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def show_version(is_asked: bool) -> None:
    """Print the version of the package and stop."""
    if is_asked:
        content = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text())
        typer.echo(f"customer_journey {content['version']}")
        raise typer.Exit


@app.callback(epilog=EXIT_CODES)
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Build customer journey marts on DuckDB, PostgreSQL or Spark, and publish them."""


Target = Annotated[
    str | None,
    typer.Option("--target", "-t", help="Target of profiles.yml: dev, postgres, ..."),
]
Variables = Annotated[
    str | None, typer.Option("--vars", help="Variables: '{name: value}'.")
]
AsOf = Annotated[str | None, typer.Option(help="Last observed day, YYYY-MM-DD.")]
Accept = Annotated[
    bool, typer.Option("--accept", help="Publish whatever validation finds.")
]
Parquet = Annotated[
    bool, typer.Option("--parquet", help="Publish as Parquet files too (DuckDB).")
]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON lines; the last is the summary.")
]
ProjectDir = Annotated[
    Path, typer.Option(exists=True, file_okay=False, help="dbt project to build.")
]


@app.command()
def run(
    target: Target = None,
    select: Annotated[
        list[str] | None,
        typer.Option("--select", "-s", help="Build only these (dbt selection)."),
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave these out (dbt selection).")
    ] = None,
    selector: Annotated[
        str | None, typer.Option(help="Build a selection of selectors.yml.")
    ] = None,
    variables: Variables = None,
    as_of: AsOf = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Rebuild incremental tables.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Nodes to build at the same time.")
    ] = None,
    is_retry: Annotated[
        bool, typer.Option("--retry", help="Build what failed in the last run.")
    ] = False,
    is_fitting: Annotated[
        bool, typer.Option("--fit", help="Fit the customer value models as well.")
    ] = False,
    has_unit_tests: Annotated[
        bool,
        typer.Option(
            "--unit-tests/--no-unit-tests", help="Unit tests check code, not data."
        ),
    ] = True,
    is_publishing: Annotated[
        bool | None,
        typer.Option("--publish/--no-publish", help="By default all but selections."),
    ] = None,
    is_reporting: Annotated[
        bool | None,
        typer.Option("--report/--no-report", help="By default what is published."),
    ] = None,
    is_accepting: Accept = False,
    has_parquet: Parquet = False,
    is_json: Json = False,
    project_dir: ProjectDir = PROJECT_DIR,
) -> None:
    """Build and test every table, validate the result, publish it and draw the report.

    A selection is built and tested only.
    """
    new = (select, exclude, selector, variables, as_of, full_refresh, is_fitting)
    if is_retry and any((target, *new, not has_unit_tests)):
        raise typer.BadParameter(
            "--retry builds what the last run was asked for: leave the rest out."
        )
    if selector and (select or exclude):
        raise typer.BadParameter(
            "--selector names a whole selection: leave --select and --exclude out."
        )
    more = [
        *(["--full-refresh"] if full_refresh else []),
        *(["--threads", str(threads)] if threads else []),
    ]

    def ask(project: Path, target_path: Path) -> Asked:
        if is_retry:
            asked = last_build.recall(target_path)
            is_said = is_publishing is not None
            return replace(asked, is_publishing=is_publishing) if is_said else asked
        return Asked(
            target,
            variable_values.given(project, variables, as_of),
            Selection(_words(select), _words(exclude), selector, has_unit_tests),
            is_fitting,
            is_publishing,
        )

    def run_all(run: "Run") -> None:
        import runs

        will_publish, will_report = runs.plan(run, is_reporting)
        if has_parquet:
            runs.require_parquet(run)
        runs.build(run, more, is_retry=is_retry)
        if run.asked.is_fitting:
            runs.fit_and_score(run, more)
        runs.collect(run)
        run.voice.build(run.outcome)
        run.outcome.explain_failure(is_publishing=will_publish)
        if will_publish and not run.outcome.exit_code:
            _publish(run, is_accepting, has_parquet)
        elif runs.is_read_where_built(run) and not run.outcome.exit_code:
            runs.validate(run, is_accepting=is_accepting)
        if will_report and "published" in run.outcome.places:
            runs.report(run)

    _carry_out("run", run_all, project_dir, ask, is_json)


@app.command()
def validate(
    target: Target = None,
    variables: Variables = None,
    as_of: AsOf = None,
    is_json: Json = False,
    project_dir: ProjectDir = PROJECT_DIR,
) -> None:
    """Compare what was built with the inputs and with what is published."""

    def check(run: "Run") -> None:
        import runs

        runs.validate(run, is_accepting=False)

    ask = _asking(target, variables, as_of)
    _carry_out("validate", check, project_dir, ask, is_json)


@app.command()
def publish(
    target: Target = None,
    variables: Variables = None,
    as_of: AsOf = None,
    is_accepting: Accept = False,
    has_parquet: Parquet = False,
    is_json: Json = False,
    project_dir: ProjectDir = PROJECT_DIR,
) -> None:
    """Validate what was built and put it in front of readers."""

    def validate_and_publish(run: "Run") -> None:
        import runs

        runs.require_place(run)
        _publish(run, is_accepting, has_parquet)

    ask = _asking(target, variables, as_of)
    _carry_out("publish", validate_and_publish, project_dir, ask, is_json)


@app.command()
def report(
    output: Annotated[
        Path | None, typer.Option(help="File of the page.", dir_okay=False)
    ] = None,
    charts: Annotated[
        Path | None,
        typer.Option(help="Folder for a PNG and SVG of each chart.", file_okay=False),
    ] = None,
    target: Target = None,
    variables: Variables = None,
    project_dir: ProjectDir = PROJECT_DIR,
) -> None:
    """Draw the report of what is published: one page that needs no network."""
    places = [path and path.resolve() for path in (output, charts)]

    def draw(project: Path) -> None:
        import runs

        runs.load_report()
        chosen = variable_values.given(project, variables, None)
        values = variable_values.effective(project, chosen)
        options = Asked(target, chosen).options()
        known, place = runs.find_published(project, options, values)
        typer.echo(f"Report:    {runs.draw(known, place, *places)}")

    _look(draw, project_dir)


@app.command()
def fit(
    target: Target = None,
    variables: Variables = None,
    as_of: AsOf = None,
    is_strict: Annotated[
        bool, typer.Option("--strict", help="Fail when a model cannot be fitted.")
    ] = False,
    is_json: Json = False,
    project_dir: ProjectDir = PROJECT_DIR,
) -> None:
    """Fit the customer value models to the tables of the last run.

    The next run scores the customers by the parameters.
    """

    def fit_models(run: "Run") -> None:
        import runs

        runs.fit(run)
        run.voice.build(run.outcome)
        if is_strict and any(one.warning for one in run.outcome.fits):
            run.outcome.exit_code = 1

    ask = _asking(target, variables, as_of, is_publishing=False)
    _carry_out("fit", fit_models, project_dir, ask, is_json)


profile_command.add_to(app)


@app.command()
def doctor(
    target: Target = None,
    variables: Variables = None,
    is_json: Json = False,
    project_dir: ProjectDir = PROJECT_DIR,
) -> None:
    """Check this machine, the project and the database, without building anything."""

    def examine(project: Path) -> None:
        import doctor as examination

        if not examination.examine(project, target, variables, is_json=is_json):
            raise typer.Exit(2)

    _look(examine, project_dir)


def _publish(run: "Run", is_accepting: bool, has_parquet: bool) -> None:
    import runs

    if has_parquet:
        runs.require_parquet(run)
    # What the last run has not built was built by one before it.
    runs.collect_all(run)
    runs.validate(run, is_accepting=is_accepting)
    runs.publish(run)
    if has_parquet:
        runs.publish_parquet(run)


def _asking(
    target: str | None,
    variables: str | None,
    as_of: str | None,
    *,
    is_publishing: bool = True,
) -> Callable[[Path, Path], Asked]:
    """Return what asks for everything, with these options.

    Without any they are those of the last build, whose tables are there.
    """

    def ask(project: Path, target_path: Path) -> Asked:
        if not (target or variables or as_of):
            with suppress(ConfigurationError):
                last = last_build.recall(target_path)
                return Asked(last.target, last.variables, is_publishing=is_publishing)
        given = variable_values.given(project, variables, as_of)
        return Asked(target, given, is_publishing=is_publishing)

    return ask


def _carry_out(
    name: str,
    command: Callable[["Run"], None],
    project_dir: Path,
    ask: Callable[[Path, Path], Asked],
    is_json: bool,
) -> None:
    """Do a command while the database is locked, and exit with its code.

    `ask` returns what a project and its target folder are asked for.
    """
    project = _enter(project_dir)
    with _stoppable():
        # dbt takes seconds to import: --help and a wrong option do not wait for it.
        import runs
        import summary
        from outcome import Outcome

    now = datetime.now(UTC)
    run_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    outcome = Outcome(name, run_id, now)
    voice = summary.Json() if is_json else summary.Words()
    try:
        with runs.explained({}), runs.hold_folder(project) as target_path:
            if name == "run":
                outcome.forget(target_path)
            try:
                asked = ask(project, target_path)
                values = variable_values.effective(project, asked.variables)
                with (
                    runs.explained(values, f"write into {target_path}"),
                    runs.hold(project, asked, values, voice, outcome) as run,
                ):
                    command(run)
            except PipelineError as error:
                outcome.stop(error)
            if name == "run":
                with runs.explained({}, f"write into {target_path}"):
                    outcome.write(target_path)
    except PipelineError as error:
        outcome.stop(error)
    with suppress(BrokenPipeError):
        voice.end(outcome)
    if outcome.error:
        typer.echo(f"Error: {outcome.error}", err=True)
    raise typer.Exit(outcome.exit_code)


def _look(command: Callable[[Path], None], project_dir: Path) -> None:
    """Do a command that builds nothing, and exit with its code."""
    project = _enter(project_dir)
    with _stoppable():
        import runs

        with runs.explained({}):
            command(project)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Exit with the code and the sentence of what stops a command."""
    try:
        try:
            yield
        except KeyboardInterrupt as error:
            raise StoppedError(error) from error
    except PipelineError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error


def _enter(project_dir: Path) -> Path:
    """Return the project's folder, from which a path in profiles.yml counts."""
    project = project_dir.resolve()
    os.chdir(project)
    return project


def _words(values: list[str] | None) -> tuple[str, ...]:
    """Return the words of an option that may be given more than once."""
    return tuple(word for value in values or () for word in value.split())


def _terminate(*_: Any) -> None:
    raise Terminated


for command in app.registered_commands:
    command.epilog = EXIT_CODES


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    app()
