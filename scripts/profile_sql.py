"""SQL of a proposed model: expressions that rewrite a column, and the model's text."""

import re
from collections.abc import Sequence
from datetime import date

from profile_columns import Column
from profile_proposal import DUCKDB, POSTGRES, Named, Proposal
from profile_values import Kind

ROWS = "source_rows"
# A spreadsheet counts its days from here.
SPREADSHEET_START = date(1899, 12, 30)

_WORDS = (
    "all analyse analyze and any array as asc asymmetric between both by case cast "
    "check collate column constraint create cross default deferrable desc describe "
    "distinct do else end except exists false fetch for foreign from full glob grant "
    "group having in inner intersect interval into is join lateral leading left like "
    "limit map natural not null offset on only or order outer overlaps pivot placing "
    "position primary qualify references returning right row select show similar some "
    "struct summarize symmetric table then time timestamp to trailing true union "
    "unique unpivot user using values variadic when where window with"
)
_RESERVED = frozenset(_WORDS.split())
_POSTGRES_PATTERNS = {
    "%Y": "YYYY",
    "%y": "YY",
    "%m": "MM",
    "%d": "DD",
    "%b": "Mon",
    "%B": "Month",
    "%H": "HH24",
    "%I": "HH12",
    "%M": "MI",
    "%S": "SS",
    "%f": "US",
    "%p": "AM",
}

# What a part of a pattern looks like, where it is not one or two digits.
_DIGITS = {
    "%Y": "[0-9]{4}",
    "%b": "[A-Za-z]{3}",
    "%B": "[A-Za-z]+",
    "%f": "[0-9]+",
    "%p": "[AaPp][Mm]",
}


def identifier(name: str) -> str:
    """Return a column's name as SQL of both engines, quoted where it must be."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Sequence[str]) -> str:
    """Return texts as the list of an `in`."""
    return f"({', '.join(literal(text) for text in texts)})"


def as_text(sql: str, column: Column) -> str:
    """Return a column as text."""
    return sql if column.is_text else f"cast({sql} as varchar)"


def id_sql(column: Column, has_mixed_case: bool = False) -> str:
    """Return an id in the one writing by which rows can be joined."""
    name = identifier(column.name)
    if column.format.is_whole_float:
        if column.is_text:
            return f"regexp_replace({name}, '[.]0+$', '')"
        return f"cast({name} as bigint)"
    if column.type == "uuid":
        return f"cast({name} as varchar)"
    return f"lower(trim({name}))" if has_mixed_case else name


def customer_sql(column: Column, nobody: Sequence[str], has_mixed_case: bool) -> str:
    """Return a person's id, null where it stands for nobody."""
    sql = id_sql(column, has_mixed_case)
    if not nobody:
        return sql
    is_number = not column.is_text and column.kind is Kind.INTEGER
    values = [text.lower() if has_mixed_case else text for text in nobody]
    shown = [text if is_number else literal(text) for text in values]
    if len(shown) == 1:
        return f"nullif({sql}, {shown[0]})"
    return f"case when {sql} not in ({', '.join(shown)}) then {sql} end"


def time_sql(column: Column, engine: str, is_midnight: bool = False) -> str:
    """Return when something was, as the package reads it; `is_midnight`: a day."""
    name, written = identifier(column.name), column.format
    if column.kind is Kind.YEAR:
        return f"make_date({_read(column, 'integer', engine)}, 12, 31)"
    if written.epoch_units or written.is_spreadsheet_day:
        return _counted_sql(column, engine, is_midnight)
    if written.pattern:
        is_day = is_midnight or column.kind is Kind.DATE
        return _pattern_sql(column, engine, is_day)
    if is_midnight and column.is_text and column.kind is Kind.TIMESTAMP:
        return f"substr({name}, 1, 10)"
    if written.loose_zone == "word":
        return f"regexp_replace({name}, ' ?(UTC|GMT)$', 'Z')"
    if written.loose_zone == "gap":
        return f"regexp_replace({name}, ' ([+-])', '\\1')"
    if is_midnight and column.kind is Kind.TIMESTAMP:
        # Whatever the time zone of the session is.
        moment = f"timezone('UTC', {name})" if written.has_zone else name
        return f"cast({moment} as date)"
    return name


def _counted_sql(column: Column, engine: str, is_midnight: bool) -> str:
    """Return the time that a number counts from 1970, or from 1899 in a spreadsheet."""
    number, units = identifier(column.name), column.format.epoch_units
    if column.is_text or not units:
        number = _read(column, "double precision", engine)
    if units:
        parts = "" if units == 1 else f" / {units}.0"
        moment = f"to_timestamp({number}{parts})"
        return f"cast(timezone('UTC', {moment}) as date)" if is_midnight else moment
    if is_midnight:
        return f"date '{SPREADSHEET_START}' + cast({number} as integer)"
    # The fraction of a day is not exact.
    seconds = f"round({number} * 86400)"
    since = (
        f"to_seconds(cast({seconds} as bigint))"
        if engine == DUCKDB
        else f"{seconds} * interval '1 second'"
    )
    return f"timestamp '{SPREADSHEET_START}'\n    + {since}"


def _pattern_sql(column: Column, engine: str, is_day: bool) -> str:
    """Return what a text says by a pattern, null where it says something else."""
    text, pattern = as_text(identifier(column.name), column), column.format.pattern
    if engine == DUCKDB:
        moment = f"try_strptime({text}, {literal(pattern)})"
        return f"cast({moment} as date)" if is_day else moment
    kind = "date" if is_day else "timestamp"
    shown = literal(_postgres_pattern(pattern))
    moment = f"cast(to_timestamp({text}, {shown}) as {kind})"
    if not column.reading.unread:
        return moment
    digits = re.sub(r"%\w", lambda match: _DIGITS.get(match[0], "[0-9]{1,2}"), pattern)
    return f"case when {text} ~ '^{digits.replace('.', '[.]')}$'\n    then {moment} end"


def _read(column: Column, kind: str, engine: str) -> str:
    """Return a text as a number, null where it is none."""
    name = identifier(column.name)
    if engine == POSTGRES and column.is_text and column.reading.unread:
        digits = "[0-9]+" if kind == "integer" else "[0-9]+([.][0-9]+)?"
        return f"case when {name} ~ '^{digits}$' then cast({name} as {kind}) end"
    return _cast(name, kind, engine) if column.is_text else f"cast({name} as {kind})"


def clock_sql(day: Column, clock: Column, engine: str) -> str:
    """Return a day and a time of day as one."""
    moment = time_sql(day, engine, is_midnight=True)
    time_of_day = identifier(clock.name)
    return f"{_cast(moment, 'date', engine)} + {_cast(time_of_day, 'time', engine)}"


def money_sql(column: Column, engine: str, is_typed: bool, unit: str = "") -> str:
    """Return an amount as the package reads it; `unit` is a fraction, such as 0.01.

    `is_typed`: as a number that can be added up, null where it cannot be read.
    """
    name, written = identifier(column.name), column.format
    value = name
    if column.kind is Kind.MONEY:
        name = as_text(name, column)
        kept = f"0-9{written.decimal_mark}"
        if written.has_odd_sign:
            value = (
                f"case when {name} like '(%' or {name} like '%-%' then '-' else '' end"
                f" || regexp_replace({name}, '[^{kept}]', '', 'g')"
            )
        else:
            value = f"regexp_replace({name}, '[^{kept}-]', '', 'g')"
        if written.decimal_mark == ",":
            value = f"replace({value}, ',', '.')"
    if not is_typed and not unit:
        return value
    if column.is_text or column.kind is Kind.MONEY:
        number = _number(value, engine)
        return f"{number} * {unit}" if unit else number
    return f"{value} * {unit}" if unit else f"cast({value} as decimal(18, 2))"


def _number(text: str, engine: str) -> str:
    if engine == DUCKDB:
        return f"try_cast({text} as decimal(18, 2))"
    pattern = "^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)$"
    return (
        f"case\n    when trim({text}) ~ '{pattern}'\n"
        f"        then cast({text} as decimal(18, 2))\nend"
    )


def _cast(sql: str, kind: str, engine: str) -> str:
    # A value that cannot be read must not stop the run: it is rejected with a reason.
    return f"{'try_cast' if engine == DUCKDB else 'cast'}({sql} as {kind})"


def _postgres_pattern(pattern: str) -> str:
    return re.sub(r"%\w", lambda match: _POSTGRES_PATTERNS[match[0]], pattern)


def model_sql(proposal: Proposal, import_sql: str) -> str:
    """Return the text of the proposed model.

    `import_sql` selects the rows of the user's file or table.
    """
    steps = [(ROWS, "", import_sql), ("name_columns", "", _select_named(proposal))]
    if proposal.line_conditions:
        why = "-- A line may be left out and the rest of its order stay.\n"
        conditions = proposal.line_conditions
        steps.append(("keep_lines", why, _select_kept(conditions, "name_columns")))
    if proposal.total:
        joined = _select_joined(proposal, steps[-1][0])
        steps.append(("join_lines", _why_joined(proposal), joined))
    if proposal.conditions:
        kept = _select_kept(proposal.conditions, steps[-1][0])
        steps.append(("keep_sales", "", kept))
    if proposal.questions:
        steps.append(("stack_answers", "", _select_stacked(proposal)))
    if proposal.refund:
        steps.append(("add_refunds", "", _select_refunds(proposal, steps[-1][0])))
    ctes = ",\n\n".join(
        f"{comment}{'with ' if number == 0 else ''}{name} as (\n{_indent(body)}\n)"
        for number, (name, comment, body) in enumerate(steps)
    )
    head = "".join(f"-- {line}\n" for line in proposal.comments)
    config = "{{ config(materialized='table') }}\n" if proposal.is_file else ""
    last = _final_select(proposal, steps[-1][0])
    return f"{head}{config}\n{ctes}\n\n{last}\n"


def _why_joined(proposal: Proposal) -> str:
    each = "the same on each line" if proposal.total == "max" else "a part on each line"
    return f"-- A row is a line of an order, its amount {each}.\n"


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" if line else line for line in text.splitlines())


def _list(items: Sequence[str]) -> str:
    return ",\n".join(_indent(item) for item in items)


def _alias(named: Named) -> str:
    if named.sql == named.name:
        return named.name
    last = named.sql.splitlines()[-1]
    if len(last) + len(named.name) > 70:
        return f"{named.sql}\n    as {named.name}"
    return f"{named.sql} as {named.name}"


def _select_named(proposal: Proposal) -> str:
    named = dict.fromkeys(
        (*proposal.columns, *proposal.helpers, *proposal.line_helpers)
    )
    items = [_alias(one) for one in named]
    return f"select\n{_list(items)}\nfrom {ROWS}"


def _select_joined(proposal: Proposal, rows: str) -> str:
    """Group lines by order: what an order has once may stand on one line alone."""
    money = ("amount", "cost", "refunded_amount")
    ways = {"occurred_at": "min"} | dict.fromkeys(money, proposal.total)
    others = [
        one.name
        for one in (*proposal.columns, *proposal.helpers)
        if one.name != "transaction_id"
    ]
    joined = [f"{ways.get(name, 'max')}({name}) as {name}" for name in others]
    items = ["transaction_id", *joined]
    return f"select\n{_list(items)}\nfrom {rows}\ngroup by transaction_id"


def _select_kept(conditions: Sequence[str], rows: str) -> str:
    gap = "\n    " if len(conditions) > 1 else " "
    joined = "\n    and ".join(conditions)
    return f"select *\nfrom {rows}\nwhere{gap}{joined}"


def _select_stacked(proposal: Proposal) -> str:
    """One select per question, for a table with a column for each."""
    selects = []
    for question in proposal.questions:
        key = f"cast(response_id as varchar) || '-{question.name}' as response_id"
        names = [one.name for one in proposal.columns if one.name != "response_id"]
        items = [
            *(key, *names),
            f"{literal(question.name)} as question_id",
            f"{question.name} as score",
        ]
        asked = f"where {question.name} is not null"
        selects.append(f"select\n{_list(items)}\nfrom name_columns\n{asked}")
    return "\nunion all\n".join(selects)


def _select_refunds(proposal: Proposal, rows: str) -> str:
    """Add a refund to every order that was refunded, on the day of the order."""
    number = "cast(transaction_id as varchar)"
    added = ("transaction_type", "original_transaction_id")
    names = [one.name for one in proposal.columns]
    names += [name for name in added if name not in names]
    given = {one.name: one.name for one in proposal.columns}
    of_purchase = {
        "transaction_type": "'purchase'",
        "original_transaction_id": "cast(null as varchar)",
    }
    of_purchase |= given | {"transaction_id": number}
    of_refund = given | {
        "transaction_id": f"{number} || '-refund'",
        "amount": f"-{proposal.refund}",
        "transaction_type": "'refund'",
        "original_transaction_id": number,
        "cost": "null",
    }
    purchase = [_alias(Named(name, of_purchase[name])) for name in names]
    refund = [_alias(Named(name, of_refund[name])) for name in names]
    return (
        f"select\n{_list(purchase)}\nfrom {rows}\nunion all\n"
        f"select\n{_list(refund)}\nfrom {rows}\nwhere {proposal.refund_condition}"
    )


def _final_select(proposal: Proposal, rows: str) -> str:
    if proposal.helpers and not proposal.refund and not proposal.questions:
        names = [one.name for one in proposal.columns]
        return f"select\n{_list(names)}\nfrom {rows}"
    return f"select * from {rows}"
