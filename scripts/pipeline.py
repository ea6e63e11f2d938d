"""Run the customer journey: build every table and say what came out.

Exit codes: 0 good; 1 a build or a test failed; 2 wrong usage or configuration.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

if TYPE_CHECKING:
    from value_fit import PeriodFit

PROJECT_DIR = Path(__file__).resolve().parent.parent

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True
)


class ConfigurationError(Exception):
    """What the user asked for cannot be run; the message is one sentence."""


@app.callback()
def main() -> None:
    """Build customer journey marts on DuckDB, PostgreSQL or Spark."""


Target = Annotated[
    str | None, typer.Option(help="Target of profiles.yml: dev, postgres, spark.")
]
Variables = Annotated[
    str | None, typer.Option("--vars", help="Variables: '{name: value}'.")
]
AsOf = Annotated[str | None, typer.Option(help="Last observed day, YYYY-MM-DD.")]
ProjectDir = Annotated[
    Path, typer.Option(exists=True, file_okay=False, help="dbt project to build.")
]


@app.command()
def run(
    target: Target = None,
    select: Annotated[
        list[str] | None, typer.Option(help="Build only these (dbt selection).")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave these out (dbt selection).")
    ] = None,
    variables: Variables = None,
    as_of: AsOf = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Rebuild incremental tables.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Nodes to build at the same time.")
    ] = None,
    is_fitting: Annotated[
        bool, typer.Option("--fit", help="Fit the customer value models as well.")
    ] = False,
    project_dir: ProjectDir = PROJECT_DIR,
) -> None:
    """Build and test every table, then say what was built and where it is."""
    more = [
        *(["--full-refresh"] if full_refresh else []),
        *(["--threads", str(threads)] if threads else []),
    ]

    def build(project: Path, options: list[str]) -> int:
        chosen, left_out = _words(select), _words(exclude)
        return _build(project, options + more, chosen, left_out, is_fitting)

    _carry_out(build, project_dir, target, variables, as_of)


@app.command()
def fit(
    target: Target = None,
    variables: Variables = None,
    as_of: AsOf = None,
    is_strict: Annotated[
        bool, typer.Option("--strict", help="Fail when a model cannot be fitted.")
    ] = False,
    project_dir: ProjectDir = PROJECT_DIR,
) -> None:
    """Fit the customer value models to the tables of the last run.

    The next run scores the customers by the parameters.
    """

    def fit_models(project: Path, options: list[str]) -> int:
        _value_fit()
        import summary

        with _explained_errors():
            fits = _fit_models(project, options)
            summary.show_fits(fits)
        return 1 if is_strict and any(one.warning for one in fits) else 0

    _carry_out(fit_models, project_dir, target, variables, as_of)


def _carry_out(
    command: Callable[[Path, list[str]], int],
    project_dir: Path,
    target: str | None,
    variables: str | None,
    as_of: str | None,
) -> None:
    """Do a command with dbt's options, say what stops it and exit with its code."""
    project = project_dir.resolve()
    values: dict[str, Any] = {}
    try:
        values = _variables(project, variables, as_of)
        options = [
            *(["--target", target] if target else []),
            *(["--vars", yaml.safe_dump(values)] if values else []),
        ]
        # A path in profiles.yml counts from where dbt runs.
        os.chdir(project)
        exit_code = command(project, options)
    except ConfigurationError as error:
        sentence = _name_input(str(error), _declared_variables(project) | values)
        typer.echo(f"Error: {sentence}", err=True)
        exit_code = 2
    raise typer.Exit(exit_code)


def _build(
    project: Path,
    options: Sequence[str],
    chosen: Sequence[str],
    left_out: Sequence[str],
    is_fitting: bool,
) -> int:
    """Run `dbt build`, fit if asked to, print the outcome and return the exit code."""
    if is_fitting:
        _value_fit()
    # dbt takes seconds to import: --help and a wrong option do not wait for it.
    import dbt_runner
    import summary

    def build(selection: Sequence[str], *more: str) -> dict[str, dbt_runner.Node]:
        words = [
            *(["--select", *selection] if selection else []),
            *(["--exclude", *left_out] if left_out else []),
            *more,
        ]
        with summary.progress() as on_step:
            nodes = dbt_runner.run("build", project, [*options, *words], on_step)
        return {node.unique_id: node for node in nodes}

    with _explained_errors():
        nodes = build(chosen)
        if not nodes:
            raise ConfigurationError("the selection matches nothing: nothing built.")
        fits: Sequence[PeriodFit] = ()
        if is_fitting and any(node.is_failed for node in nodes.values()):
            typer.echo("Warning: nothing is fitted, as the build failed.", err=True)
        elif is_fitting:
            try:
                fits = _fit_models(project, options)
            except (ConfigurationError, dbt_runner.DbtError):
                # What was built is there all the same.
                summary.show(tuple(nodes.values()), project)
                raise
            fed = _value_fit().SCORED
            scored = [f"{fed},{word}" for word in chosen] or [fed]
            # Unit tests bring their own parameters.
            nodes |= build(scored, "--exclude-resource-type", "unit_test")
        summary.show(tuple(nodes.values()), project, fits)
    if any(node.is_misconfigured for node in nodes.values()):
        return 2
    return 1 if any(node.is_failed for node in nodes.values()) else 0


def _fit_models(project: Path, options: Sequence[str]) -> Sequence["PeriodFit"]:
    """Fit the models, warn of those that are of no use, and return all of them."""
    value_fit = _value_fit()
    try:
        fits: Sequence[PeriodFit] = value_fit.fit(project, options)
    except value_fit.FitError as error:
        raise ConfigurationError(error) from error
    for one in fits:
        if one.warning:
            typer.echo(f"Warning: {one.warning}", err=True)
    return fits


def _value_fit() -> Any:
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


@contextmanager
def _explained_errors() -> Iterator[None]:
    """Turn what stops dbt into a sentence and an exit code."""
    import dbt_runner

    try:
        yield
    except dbt_runner.DbtConfigurationError as error:
        raise ConfigurationError(error) from error
    except dbt_runner.DbtConnectionError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error


def _words(values: Sequence[str] | None) -> list[str]:
    """Return the words of an option that may be given more than once."""
    return [word for value in values or () for word in value.split()]


def _variables(project: Path, text: str | None, as_of: str | None) -> dict[str, Any]:
    """Return the variables of `--vars` and `--as-of`, their names and date checked.

    dbt ignores a variable that nobody declared, so a typing error would pass unseen.
    """
    variables: dict[str, Any] = {}
    if text:
        try:
            variables = yaml.safe_load(text)
        except yaml.YAMLError:
            variables = {}
        if not isinstance(variables, dict) or not variables:
            raise ConfigurationError(f"--vars is not a YAML dictionary: {text}")
    if as_of:
        try:
            variables["as_of_date"] = date.fromisoformat(as_of).isoformat()
        except ValueError:
            raise ConfigurationError(
                f"--as-of is not a date (YYYY-MM-DD): {as_of}"
            ) from None
    declared = _declared_variables(project)
    for name in variables:
        if name not in declared:
            near = difflib.get_close_matches(str(name), declared, n=1)
            hint = f", did you mean {near[0]}?" if near else "."
            raise ConfigurationError(f"the project has no variable {name}{hint}")
    return variables


def _name_input(sentence: str, variables: Mapping[str, Any]) -> str:
    """Return dbt's sentence about an unknown model, in terms of an input variable."""
    unknown = re.search(r"depends on a node named '([^']+)' which was", sentence)
    for name, value in variables.items():
        if unknown and name.endswith("_input") and value == unknown[1]:
            return (
                f"{name} names {value}, but there is no model or seed of that name: "
                "build one, or name another."
            )
    return sentence


def _declared_variables(project: Path) -> dict[str, Any]:
    """Return the variables that the project and its installed packages declare."""
    variables: dict[str, Any] = {}
    for file in (
        project / "dbt_project.yml",
        *project.glob("dbt_packages/*/dbt_project.yml"),
    ):
        if not file.exists():
            continue
        declared = (yaml.safe_load(file.read_text()) or {}).get("vars") or {}
        for name, value in declared.items():
            # Variables of one package stand under the package's name.
            variables |= value if isinstance(value, dict) else {name: value}
    return variables


if __name__ == "__main__":
    app()
