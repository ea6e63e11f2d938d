"""The variables of a run: those that the projects declare, and what the user says."""

import difflib
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from errors import ConfigurationError

PACKAGE = "customer_journey"


def given(project: Path, text: str | None, as_of: str | None) -> dict[str, Any]:
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
        # YAML reads a day without quotes as a date; a variable is text.
        variables = {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in variables.items()
        }
    if as_of:
        try:
            variables["as_of_date"] = date.fromisoformat(as_of).isoformat()
        except ValueError:
            raise ConfigurationError(
                f"--as-of is not a date (YYYY-MM-DD): {as_of}"
            ) from None
    declared = effective(project, {})
    for name in variables:
        if name not in declared:
            near = difflib.get_close_matches(str(name), declared, n=1)
            hint = f", did you mean {near[0]}?" if near else "."
            raise ConfigurationError(f"the project has no variable {name}{hint}")
    return variables


def effective(project: Path, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return every declared variable with the value that the package sees.

    What is `chosen` on the command line wins, then what the project says for the
    package, then what it says for all, then what the packages declare.
    """
    values: dict[str, Any] = {}
    for file in sorted(project.glob("dbt_packages/*/dbt_project.yml")):
        for_all, for_one = _split(file)
        values |= for_all
        for variables in for_one.values():
            values |= variables
    for_all, for_one = _split(project / "dbt_project.yml")
    # The package's come last, as dbt reads them in the package.
    named = [name for name in for_one if name != PACKAGE]
    for variables in (*(for_one[name] for name in named), for_all):
        values |= variables
    return values | for_one.get(PACKAGE, {}) | dict(chosen)


def read_project(file: Path) -> dict[str, Any]:
    """Return what a dbt_project.yml says.

    Raises ConfigurationError if there is none, or none that can be read.
    """
    try:
        return yaml.safe_load(file.read_text()) or {}
    except FileNotFoundError:
        raise ConfigurationError(
            f"{file.parent} is no dbt project, as it has no dbt_project.yml: name the "
            "folder of one with --project-dir."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigurationError(
            f"{file} is not YAML{line}: {reason}. Correct it."
        ) from error


def name_input(sentence: str, values: Mapping[str, Any]) -> str:
    """Return dbt's sentence about an unknown model, in terms of an input variable."""
    unknown = re.search(r"depends on a node named '([^']+)' which was", sentence)
    for name, value in values.items():
        if unknown and name.endswith("_input") and value == unknown[1]:
            return (
                f"{name} names {value}, but there is no model or seed of that name: "
                "build one, or name another."
            )
    return sentence


def _split(file: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the variables of a project file: for everybody, and by package."""
    content = read_project(file)
    declared = content.get("vars") or {}
    # Every package whose variables could be meant is named as a project is.
    packages = {PACKAGE, content.get("name")} | {
        folder.name for folder in file.parent.glob("dbt_packages/*")
    }
    for_one = {
        name: value
        for name, value in declared.items()
        if name in packages and isinstance(value, dict)
    }
    for_all = {name: value for name, value in declared.items() if name not in for_one}
    return for_all, for_one
