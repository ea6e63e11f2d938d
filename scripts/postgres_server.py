"""A private PostgreSQL server that lives as long as a `with` block."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwall, getpwnam

# Nothing is worth keeping if the machine stops, so nothing waits for the disk; the C
# locale sorts text by its bytes, as the other engines do.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "jit": "off",
}
UNPRIVILEGED_USERS = ("postgres", "nobody")
# Debian keeps the server's programs off the path.
PROGRAM_FOLDERS = Path("/usr/lib/postgresql")


class PostgresUnavailableError(Exception):
    """PostgreSQL is not installed or does not start; the message is a sentence."""


@dataclass(frozen=True)
class PostgresServer:
    """A running server: its socket's folder, its superuser and its one database."""

    folder: Path
    user: str
    database: str = "postgres"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which psql, libpq and the dbt profile find the server."""
        return {
            "PGHOST": str(self.folder),
            "PGPORT": "5432",
            "PGUSER": self.user,
            "PGDATABASE": self.database,
        }


def find_programs() -> Path:
    """Return the folder of `initdb` and `pg_ctl`, of the newest release installed.

    Raises PostgresUnavailableError when there is none.
    """
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    candidates += sorted(
        PROGRAM_FOLDERS.glob("*/bin"),
        key=lambda folder: float(folder.parent.name),
        reverse=True,
    )
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise PostgresUnavailableError(
        "PostgreSQL is not installed: there is no initdb on the path nor in "
        f"{PROGRAM_FOLDERS}; install the package postgresql."
    )


def _server_user() -> str | None:
    """Return whom to run the server as, None for ourselves: it refuses root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in getpwall()}
    return next(name for name in UNPRIVILEGED_USERS if name in known)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server on a socket in a temporary folder; stop and delete it after.

    Raises PostgresUnavailableError when it is not installed or does not start.
    """
    programs = find_programs()
    user = _server_user()
    group = getpwnam(user).pw_gid if user else None
    folder = Path(tempfile.mkdtemp(prefix="customer_journey_postgres_"))
    data = folder / "data"
    if user:
        shutil.chown(folder, user, group)

    def execute(program: str, *arguments: str) -> None:
        # The server outlives pg_ctl and would hold a pipe open, so output is a file.
        with (folder / "output").open("w+") as output:
            result = subprocess.run(
                [str(programs / program), "--pgdata", str(data), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                user=user,
                group=group,
                extra_groups=[] if user else None,
                check=False,
            )
            output.seek(0)
            if result.returncode != 0:
                raise PostgresUnavailableError(
                    f"PostgreSQL's {program} failed: {output.read().strip()}"
                )

    server = PostgresServer(folder, "customer_journey")
    settings = [f"-c {name}={value or repr(value)}" for name, value in SETTINGS.items()]
    try:
        execute(
            "initdb",
            *("--username", server.user, "--auth", "trust", "--no-sync"),
            *("--encoding", "UTF8", "--locale", "C"),
        )
        execute(
            "pg_ctl",
            *("--wait", "--log", str(folder / "server.log")),
            *("--options", " ".join([f"-k {folder}", *settings])),
            "start",
        )
        try:
            yield server
        finally:
            execute("pg_ctl", "--wait", "--mode", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
