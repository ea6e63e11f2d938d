"""When the rows of a table happened, as an input's column."""

from profile_columns import Column
from profile_proposal import DUCKDB, Named, Rows
from profile_sql import clock_sql, time_sql
from profile_values import Kind

CLOCK_NAMES = r"(\w+_)?time(_of_day)?|hour"


def moment_of(
    rows: Rows, column: Column, part: str, engine: str, is_day: bool
) -> Named:
    """Return when rows happened; a time of day may stand in a column of its own."""
    clocks = [one for one in rows.named(CLOCK_NAMES) if one.kind is Kind.CLOCK]
    if is_day and clocks and column.kind is not Kind.YEAR:
        sql = clock_sql(column, clocks[0], engine)
        return Named(part, sql, (column.name, clocks[0].name), "day and time of day")
    note = "a day, without a time" if is_day else ""
    if column.kind is Kind.YEAR:
        note = "the year alone: its last day"
    elif column.format.pattern:
        note = f"read by {column.format.pattern}"
    elif column.format.epoch_units:
        ticks = {1: "seconds", 1_000: "milliseconds", 1_000_000: "microseconds"}
        note = f"{ticks[column.format.epoch_units]} since 1970"
        note += ", the day" if is_day else ""
    elif column.format.is_spreadsheet_day:
        note = "days of a spreadsheet"
    return Named(part, time_sql(column, engine, is_day), (column.name,), note)


def is_day(rows: Rows, column: Column) -> bool:
    """Whether a column knows days and no time of day: every time is midnight."""
    if column.kind is not Kind.TIMESTAMP:
        return True
    text = f"cast({time_sql(column, DUCKDB)} as varchar)"
    return not rows.count(f"regexp_matches(substr({text}, 12, 8), '[1-9]')")
