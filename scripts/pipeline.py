"""Run the customer journey: build every table and say what came out.

Exit codes: 0 good; 1 a build or a test failed; 2 wrong usage or configuration.
"""

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

PROJECT_DIR = Path(__file__).resolve().parent.parent

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True
)


class ConfigurationError(Exception):
    """What the user asked for cannot be run; the message is one sentence."""


@app.callback()
def main() -> None:
    """Build customer journey marts on DuckDB, PostgreSQL or Spark."""


@app.command()
def run(
    target: Annotated[
        str | None, typer.Option(help="Target of profiles.yml: dev, postgres, spark.")
    ] = None,
    select: Annotated[
        list[str] | None, typer.Option(help="Build only these (dbt selection).")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave these out (dbt selection).")
    ] = None,
    variables: Annotated[
        str | None, typer.Option("--vars", help="Variables: '{name: value}'.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Last observed day, YYYY-MM-DD.")
    ] = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Rebuild incremental tables.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Nodes to build at the same time.")
    ] = None,
    project_dir: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="dbt project to build.")
    ] = PROJECT_DIR,
) -> None:
    """Build and test every table, then say what was built and where it is."""
    project = project_dir.resolve()
    values: dict[str, Any] = {}
    try:
        values = _variables(project, variables, as_of)
        options = [
            *(["--target", target] if target else []),
            *_selection("--select", select),
            *_selection("--exclude", exclude),
            *(["--vars", yaml.safe_dump(values)] if values else []),
            *(["--full-refresh"] if full_refresh else []),
            *(["--threads", str(threads)] if threads else []),
        ]
        exit_code = _build(project, options)
    except ConfigurationError as error:
        sentence = _name_input(str(error), _declared_variables(project) | values)
        typer.echo(f"Error: {sentence}", err=True)
        exit_code = 2
    raise typer.Exit(exit_code)


def _build(project: Path, options: Sequence[str]) -> int:
    """Run `dbt build`, print the outcome and return the exit code."""
    # dbt takes seconds to import: --help and a wrong option do not wait for it.
    import dbt_runner
    import summary

    # A path in profiles.yml counts from where dbt runs.
    os.chdir(project)
    try:
        with summary.progress() as on_step:
            nodes = dbt_runner.run("build", project, options, on_step)
        if not nodes:
            raise ConfigurationError("the selection matches nothing: nothing built.")
        summary.show(nodes, project)
    except dbt_runner.DbtConfigurationError as error:
        raise ConfigurationError(error) from error
    except dbt_runner.DbtConnectionError as error:
        typer.echo(f"Error: {error}", err=True)
        return 1
    if any(node.is_misconfigured for node in nodes):
        return 2
    return 1 if any(node.is_failed for node in nodes) else 0


def _selection(option: str, values: Sequence[str] | None) -> list[str]:
    """Return dbt's form of a selection that may be given more than once."""
    words = [word for value in values or () for word in value.split()]
    return [option, *words] if words else []


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
