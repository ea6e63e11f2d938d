"""Where a profile works: a temporary folder with a DuckDB database.

Everything is read into it, or from where it is, so that memory is bounded whatever the
size of a table.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from errors import FULL_DISK, ConfigurationError
from profile_proposal import DUCKDB
from profile_sql import literal

MEMORY_LIMIT = "2GB"
# The workspace's own database; a user's file is hardly called so.
DATABASE = "customer_journey_profile"


class ProfileError(ConfigurationError):
    """What was asked for cannot be profiled; the message is one sentence."""


@dataclass(frozen=True)
class Source:
    """A table of a database, as a dbt source.

    `database` is the name under which dbt has to attach a file; nothing is attached for
    a table of the database that dbt builds in.
    """

    name: str
    schema: str
    table: str
    database: str = ""


@dataclass(frozen=True)
class Table:
    """Something to profile: `relation` is read here, `import_sql` by the model.

    The relation of a table with a `source` is in an attached file, so that the trial
    reads it by the same name.

    `name` is the table's in lower case, `label` as the user knows it, `types` what the
    database of a copied table calls the types of its columns.
    """

    name: str
    label: str
    relation: str
    import_sql: str
    engine: str = DUCKDB
    source: Source | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass
class Workspace:
    """A temporary folder, the database in it, and the databases attached to that.

    `attached` has the file of each database by its name; `project` is the folder from
    which the paths of a model count; `server` is a connection to the target's
    PostgreSQL; `left_out` says which tables cannot be read and why.
    """

    folder: Path
    connection: duckdb.DuckDBPyConnection
    project: Path
    attached: dict[str, Path] = field(default_factory=dict)
    server: Any = None
    left_out: list[str] = field(default_factory=list)

    def path_from_project(self, path: Path) -> str:
        """Return a path as dbt finds it, which is run in the project's folder."""
        absolute = path.absolute()
        relative = os.path.relpath(absolute, self.project)
        return relative if not relative.startswith("../../..") else str(absolute)

    def close(self) -> None:
        """Close what is open, so that others may open the files."""
        self.connection.close()
        if self.server is not None:
            self.server.close()
            self.server = None


@contextmanager
def workspace(project: Path) -> Iterator[Workspace]:
    """Make a workspace that is gone afterwards."""
    with TemporaryDirectory(prefix="customer_journey_profile_") as name:
        folder = Path(name)
        connection = duckdb.connect(str(folder / f"{DATABASE}.duckdb"))
        work = Workspace(folder, connection, project)
        try:
            connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
            connection.execute(f"set temp_directory = {literal(str(folder / 'spill'))}")
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set preserve_insertion_order = false")
            connection.execute("set enable_progress_bar = false")
            yield work
        finally:
            work.close()


def check_file(path: Path) -> None:
    """Raise ProfileError, with a sentence, unless a file can be read."""
    if not path.exists():
        near = difflib.get_close_matches(
            path.name, [one.name for one in path.parent.glob("*")], n=1
        )
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ProfileError(f"there is no file {path}.{hint}")
    if path.is_dir():
        raise ProfileError(
            f"{path} is a folder: name its files, or all of one kind as one table with "
            f"quotes, '{path}/*.parquet'."
        )
    if not os.access(path, os.R_OK):
        raise ProfileError(f"{path} cannot be read: this user may not open it.")
    if path.stat().st_size == 0:
        raise ProfileError(f"{path} is empty: it has no byte.")


def is_full_disk(error: duckdb.Error) -> bool:
    """Whether there is no room left to work in, which is not the table's fault."""
    return any(os.strerror(number) in str(error) for number in FULL_DISK)


def sentence_of(path: str, error: duckdb.Error) -> str:
    """Say what is wrong with a file in one sentence, without its rows."""
    message = str(error)
    if line := re.search(r"CSV Error on Line: (\d+)", message):
        columns = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
        why = f" has {columns[2]} columns, not {columns[1]}" if columns else ""
        return f"{path} cannot be read as a table: line {line[1]}{why or ' is broken'}."
    if "lock on file" in message:
        return f"{path} is being written by another process: wait until it is closed."
    first = message.splitlines()[0].removesuffix(".")
    first = re.sub(r"^(\w+ )+Error: ", "", first).replace(
        str(Path(path).absolute()), path
    )
    return f"{path} cannot be read: {first}."
