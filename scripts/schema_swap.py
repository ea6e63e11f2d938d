"""Put a PostgreSQL schema in the place of another, for readers who never notice.

`connection` is psycopg2's in all of these, in a transaction of nobody; names of schemas
are as they are stored, without quotes.
"""

import time
from collections.abc import Iterator
from typing import Any

import psycopg2
from psycopg2 import errors

from published import RUN_FIGURES, RUN_INFO

# How long a schema that nobody should read any more is waited for.
DROP_TIMEOUT = "5s"
# How long a moment is waited for in which nobody reads, and how often it is tried.
QUIET_SECONDS = 5
PAUSE_SECONDS = 0.005
# What follows the name of the published schema in that of one on its way in or out: the
# word and the run's id.
ON_ITS_WAY = "^_(next|old)_[0-9]{8}t[0-9]{6}z-[0-9a-f]{4}$"


def grant_as_before(cursor: Any, current: str, fresh: str) -> None:
    """Let whoever may read the current schema read the same of the fresh one.

    Who may select from every table of the current schema may do so in the fresh one,
    also from tables that are new.
    """
    cursor.execute(
        "select distinct coalesce(quote_ident(roles.rolname), 'public') "
        "from pg_namespace as schemas "
        "cross join lateral aclexplode(schemas.nspacl) as grants "
        "left join pg_roles as roles on roles.oid = grants.grantee "
        "where schemas.nspname = %s and grants.privilege_type = 'USAGE' "
        "and grants.grantee <> schemas.nspowner",
        (current,),
    )
    for (role,) in cursor.fetchall():
        cursor.execute(f'grant usage on schema "{fresh}" to {role}')
    cursor.execute(
        "select coalesce(quote_ident(roles.rolname), 'public'), "
        "array_agg(distinct tables.relname::text) "
        "from pg_namespace as schemas "
        "inner join pg_class as tables on tables.relnamespace = schemas.oid "
        "cross join lateral aclexplode(tables.relacl) as grants "
        "left join pg_roles as roles on roles.oid = grants.grantee "
        "where schemas.nspname = %s and tables.relkind = 'r' "
        "and grants.privilege_type = 'SELECT' "
        "and grants.grantee <> tables.relowner group by roles.rolname",
        (current,),
    )
    readable = cursor.fetchall()
    before, now = _tables(cursor, current), _tables(cursor, fresh)
    for role, names in readable:
        tables = now if before <= set(names) else now.intersection(names)
        for table in sorted(tables):
            cursor.execute(f'grant select on "{fresh}"."{table}" to {role}')


def comment_as_before(cursor: Any, current: str, fresh: str) -> None:
    """Let the fresh schema say what the current one says of itself."""
    cursor.execute(
        "select obj_description(oid, 'pg_namespace') from pg_namespace "
        "where nspname = %s",
        (current,),
    )
    for (comment,) in cursor.fetchall():
        cursor.execute(f'comment on schema "{fresh}" is %s', (comment,))


def swap(connection: Any, current: str, fresh: str, old: str) -> None:
    """Let the fresh schema take the current one's name, in one transaction.

    A statement looks for its tables one after the other, so that names must not change
    while it does: first all tables are locked, at a moment when nobody reads them. So
    no reader waits, and nobody who keeps a transaction open can put off the swap.
    """
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        is_late = time.monotonic() > deadline
        try:
            with connection, connection.cursor() as cursor:
                tables = sorted(_tables(cursor, current))
                if tables and not is_late:
                    names = ", ".join(f'"{current}"."{table}"' for table in tables)
                    cursor.execute(
                        f"lock table {names} in access exclusive mode nowait"
                    )
                cursor.execute(
                    "select count(*) from pg_namespace where nspname = %s", (current,)
                )
                if cursor.fetchone()[0]:
                    cursor.execute(f'alter schema "{current}" rename to "{old}"')
                cursor.execute(f'alter schema "{fresh}" rename to "{current}"')
        except errors.LockNotAvailable:
            time.sleep(PAUSE_SECONDS)
        else:
            return


def drop_old(connection: Any, current: str) -> Iterator[str]:
    """Drop what earlier publications left; yield a warning for each schema in use.

    Of what others have put there, or made of it, nothing is dropped.
    """
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "select nspname from pg_namespace where starts_with(nspname, %s) "
            "and substr(nspname, length(%s) + 1) ~ %s order by nspname",
            (current, current, ON_ITS_WAY),
        )
        old = [name for (name,) in cursor.fetchall()]
    for name in old:
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(f"set local lock_timeout = '{DROP_TIMEOUT}'")
                for table in _published(cursor, name):
                    cursor.execute(f'drop table "{name}"."{table}"')
                cursor.execute(f'drop schema "{name}"')
        except psycopg2.Error as error:
            yield (
                f"schema {name} of an earlier publication stays, and the next one "
                f"tries again: {_obstacle(error)}."
            )


def _tables(cursor: Any, schema: str) -> set[str]:
    cursor.execute(
        "select tables.relname from pg_class as tables "
        "inner join pg_namespace as schemas on schemas.oid = tables.relnamespace "
        "where schemas.nspname = %s and tables.relkind = 'r'",
        (schema,),
    )
    return {name for (name,) in cursor.fetchall()}


def _published(cursor: Any, schema: str) -> list[str]:
    cursor.execute(f'select published_tables from "{schema}".{RUN_INFO}')
    [(names,)] = cursor.fetchall()
    return [*names.split(", "), RUN_FIGURES, RUN_INFO]


def _obstacle(error: psycopg2.Error) -> str:
    if isinstance(error, errors.LockNotAvailable):
        return "somebody is reading it"
    first, *_ = (error.diag.message_detail or str(error)).splitlines()
    return first
