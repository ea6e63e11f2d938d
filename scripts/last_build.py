"""What a build is asked for, kept with what dbt answered so that it can be retried."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from errors import ConfigurationError

# In dbt's target folder: the results there are those of any command, of any user.
FOLDER = "last_build"
FILE = "asked.json"
RESULTS_FILE = "run_results.json"


@dataclass(frozen=True)
class Selection:
    """What to build, in dbt's words; nothing said means everything."""

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: str | None = None
    has_unit_tests: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether every table is built."""
        return not (self.select or self.exclude or self.selector)

    def words(self) -> list[str]:
        """Return the options of `dbt build`."""
        return [
            *(["--select", *self.select] if self.select else []),
            *(["--exclude", *self.exclude] if self.exclude else []),
            *(["--selector", self.selector] if self.selector else []),
            *([] if self.has_unit_tests else ["--exclude-resource-type", "unit_test"]),
        ]


@dataclass(frozen=True)
class Asked:
    """What a command is asked for; `variables` are those of the command line.

    `is_publishing` is none where the user leaves it to the selection.
    """

    target: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    selection: Selection = Selection()
    is_fitting: bool = False
    is_publishing: bool | None = None

    @property
    def is_for_readers(self) -> bool:
        """Whether what is published matters: it is compared with, or replaced."""
        if self.is_publishing is None:
            return self.selection.is_whole
        return self.is_publishing

    def options(self) -> list[str]:
        """Return the options that every dbt command gets."""
        return [
            *(["--target", self.target] if self.target else []),
            *(["--vars", yaml.safe_dump(self.variables)] if self.variables else []),
        ]


def keep(target_path: Path, asked: Asked) -> None:
    """Keep what was asked for with the results of the build that has just ended."""
    results = target_path / RESULTS_FILE
    if not results.exists():
        return
    forget(target_path)
    folder = target_path / FOLDER
    folder.mkdir()
    shutil.copy(results, folder)
    (folder / FILE).write_text(json.dumps(asdict(asked), default=str))


def forget(target_path: Path) -> None:
    """Forget the last build, so that it cannot be retried."""
    shutil.rmtree(target_path / FOLDER, ignore_errors=True)


def recall(target_path: Path) -> Asked:
    """Return what the last build was asked for.

    Raises ConfigurationError if there is none, or one that did not come to its end.
    """
    try:
        content = json.loads((target_path / FOLDER / FILE).read_text())
        words = content.pop("selection")
        select, exclude = tuple(words.pop("select")), tuple(words.pop("exclude"))
        return Asked(**content, selection=Selection(select, exclude, **words))
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(
            "there is no last run that could be retried, or it did not come to its "
            "end: run without --retry."
        ) from None
