"""One run at a time on a database: a lock that ends with the process that holds it."""

import fcntl
import getpass
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from errors import LockedError, of_the_disk

# Any number that no other program is likely to use; the second half names the database.
POSTGRES_LOCK_SPACE = 1_667_920_242
# A session that holds a lock is silent for as long as the build takes, and what stands
# between it and the server forgets the silent after a few minutes.
KEEPALIVE_SECONDS = 60
# A run that has just taken a lock needs a moment to write its name beside it.
PATIENCE_SECONDS = 2


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which the system takes back when the process ends.

    Who holds it stands in a file beside it. Raises LockedError if somebody else does.
    """
    holder = _holder(path)
    # Without flock it would fall back to a file that a killed run leaves behind.
    lock = FileLock(path, blocking=False, fallback_to_soft=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        holder.write_text(json.dumps(_myself()))
    except Timeout:
        raise LockedError(_sentence(path)) from None
    except OSError as error:
        lock.release()
        raise of_the_disk(error, f"lock {path}") from error
    try:
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def held(path: Path) -> str:
    """Say who holds the lock of a file, or nothing, without a moment in anybody's way.

    Raises OSError if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return ""
    except BlockingIOError:
        return _sentence(path)
    return ""


@contextmanager
def postgres_lock(connection: Any, schema: str) -> Iterator[None]:
    """Hold the advisory lock of a published schema for as long as a session lasts.

    `connection` is psycopg2's, in a transaction of nobody. Raises LockedError if
    another session holds it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_try_advisory_lock(%s, hashtext(%s)), current_database()",
            (POSTGRES_LOCK_SPACE, schema),
        )
        is_mine, database = cursor.fetchone()
        if is_mine:
            me = _myself()
            # Cut at 63 bytes, so what names the run comes first.
            name = "customer_journey process {process} of {user} on {host}".format(**me)
            cursor.execute("select set_config('application_name', %s, false)", (name,))
            # Unless the profile has its own.
            if "keepalives_idle" not in connection.info.dsn_parameters:
                cursor.execute(f"set tcp_keepalives_idle = {KEEPALIVE_SECONDS}")
        else:
            cursor.execute(
                "select activity.application_name, activity.pid, "
                "to_char(activity.backend_start, 'YYYY-MM-DD HH24:MI') "
                "from pg_locks as locks inner join pg_stat_activity as activity "
                "on activity.pid = locks.pid where locks.locktype = 'advisory' "
                "and locks.classid = %s and locks.objid = hashtext(%s)::oid "
                "and locks.granted and locks.database = "
                "(select oid from pg_database where datname = current_database())",
                (POSTGRES_LOCK_SPACE, schema),
            )
            name, backend, since = cursor.fetchone() or ("a session", "unknown", "?")
    connection.commit()
    if not is_mine:
        raise LockedError(
            f"another run holds the lock of {database}.{schema}: {name} (server "
            f"process {backend}, since {since}). Wait for it to end."
        )
    yield


def _myself() -> dict[str, Any]:
    return {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "user": _user(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _user() -> str:
    """Return the name of the user; in a container there may be none but a number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _holder(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _wait_for(holder: Path) -> dict[str, Any]:
    """Return who holds a lock; nothing if that program does not write it down."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (content := _read(holder)) and time.monotonic() < end:
        time.sleep(0.02)
    return content


def _read(holder: Path) -> dict[str, Any]:
    try:
        content = json.loads(holder.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _sentence(path: Path) -> str:
    holder = _wait_for(_holder(path))
    # It may be of another version of this project.
    process, user, host, since = (
        holder.get(key, "unknown") for key in ("process", "user", "host", "since")
    )
    who = (
        f"process {process} of {user} on {host}, since {since}"
        if holder
        else "a process that has not said who it is"
    )
    return f"another run holds the lock {path}: {who}. Wait for it to end."
