"""What the words of the report mean, as the tables themselves are described."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

MODELS = Path(__file__).resolve().parent.parent / "models"
_BLOCK = re.compile(r"{% docs (\w+) %}(.*?){% enddocs %}", re.DOTALL)
_REFERENCE = re.compile(r"{{ doc\('(\w+)'\) }}")


class DefinitionError(Exception):
    """The report names a table or column that no model describes."""


def of_table(table: str) -> str:
    """Return the description of a public table."""
    return _text(_model(table)["description"])


def of_column(name: str) -> str:
    """Return the description of a column, named as table.column."""
    table, column = name.split(".")
    for one in _model(table)["columns"]:
        if one["name"] == column:
            return _text(one["description"])
    raise DefinitionError(f"the model {table} has no column {column}.")


@cache
def _model(table: str) -> dict[str, Any]:
    for file in MODELS.glob(f"marts/*/{table}.yml"):
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        content: dict[str, Any] = yaml.load(file.read_bytes(), loader)  # noqa: S506
        (model,) = content["models"]
        return dict(model)
    raise DefinitionError(f"there is no model {table} in {MODELS / 'marts'}.")


@cache
def _blocks() -> dict[str, str]:
    texts = [file.read_text("utf-8") for file in MODELS.glob("docs/*.md")]
    return {name: text for file in texts for name, text in _BLOCK.findall(file)}


def _text(description: str) -> str:
    text = _REFERENCE.sub(lambda match: _blocks()[match[1]], description)
    return " ".join(text.split())
