"""Shows a profile: tables and sentences for people, one document for machines."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table as Grid

from input_profile import Profile, TableProfile
from profile_columns import Column
from profile_counts import Counts
from profile_findings import many
from profile_parts import PARTS
from profile_proposal import ENGINE_NAMES, Proposal
from profile_sql import identifier
from profile_trial import InputRows, Trial
from profile_values import Kind

PIPED_WIDTH = 80
NAME_WIDTH = 24
VERDICTS = {"weak": "weakly measurable", "not_measurable": "not measurable"}
# Share of the customers of an input (0-1) below which ids are hardly of one system.
LEAST_KNOWN = 0.1
ATTACH_TITLE = "profiles.yml, in the output that dbt builds with, beside its path"
# As deep as the keys of an output are.
ATTACH_INDENT = " " * 6
QUESTIONS_TITLE = "seeds/journey_survey_questions.csv, once checked"
QUESTIONS_NOTE = (
    "If your project has this seed (a clone has it in seeds/config), add the lines "
    "below its header. If not, the file as it is replaces the package's, which you "
    "switch off in dbt_project.yml:\n\n"
    "seeds:\n"
    "  customer_journey:\n"
    "    config:\n"
    "      journey_survey_questions: {+enabled: false}"
)


def console() -> Console:
    """Return a console that keeps to 80 columns where it does not know the width."""
    out = Console(highlight=False, markup=False)
    if not out.is_terminal:
        out.width = PIPED_WIDTH
    return out


def show(profile: Profile, out: Console) -> None:
    """Print everything for people."""
    if out.is_terminal:
        _show(profile, out)
        return
    with out.capture() as captured:
        _show(profile, out)
    # Cells are filled up with blanks, which a file need not keep.
    lines = [line.rstrip() for line in captured.get().splitlines()]
    out.file.write("\n".join(lines) + "\n")


def _show(profile: Profile, out: Console) -> None:
    for sentence in profile.left_out:
        out.print(f"Left out: {sentence}")
    if profile.left_out:
        out.print()
    for one in profile.tables:
        _show_table(one, out)
    for name, number in profile.used.items():
        others = [
            one.table.label
            for other, one in enumerate(profile.tables)
            if other != number and one.proposal and one.proposal.input == name
        ]
        if others:
            chosen = profile.tables[number].table.label
            out.print(
                f"Several tables look like {name}: {chosen} is used below, not "
                f"{', '.join(others)}. If they are parts of one, union their models."
            )
    if not profile.written:
        for one in profile.tables:
            _show_model(one, out)
        for model, sql in profile.more_models.items():
            _show_block(f"models/{model}.sql, since there are none", sql, out)
    if profile.used:
        _show_settings(profile, out)
    if profile.trial is not None:
        _show_trial(profile, profile.trial, out)


def document(profile: Profile) -> dict[str, Any]:
    """Return everything for machines; values of persons are masked here too."""
    return {
        "tables": [_table_document(one) for one in profile.tables],
        "used": {
            name: profile.tables[number].table.name
            for name, number in profile.used.items()
        },
        "more_models": dict(profile.more_models),
        "variables": profile.variables,
        "sources": profile.sources,
        "attach": profile.attach,
        "questions": profile.questions,
        "left_out": list(profile.left_out),
        "readiness": _trial_document(profile.trial) if profile.trial else None,
        "written": [str(path) for path in profile.written],
    }


def _show_table(one: TableProfile, out: Console) -> None:
    title = (
        f"{one.table.label}: {many(one.rows, 'row')}, "
        f"{many(len(one.columns), 'column')}"
    )
    out.print(title, style="bold")
    for note in one.table.notes:
        out.print(note)
    out.print(_columns_grid(one.columns, out.width))
    out.print()
    if one.proposal is None:
        _show_unknown(one, out)
        return
    guess = one.guesses[0]
    out.print(f"Looks like {guess.input} ({guess.confidence}).", style="bold")
    out.print(_mapping_grid(one.proposal))
    used = {name for named in _all_named(one.proposal) for name in named.sources}
    unused = [column.name for column in one.columns if column.name not in used]
    if unused:
        out.print(f"Not used: {', '.join(unused)}.")
    refund = one.proposal.refund
    made = {named.name for named in one.proposal.columns}
    made |= {"question_id", "score"} if one.proposal.questions else set()
    made |= {"transaction_type", "original_transaction_id"} if refund else set()
    absent = [part.column for part in PARTS[guess.input] if part.column not in made]
    if absent:
        out.print(f"Optional, and not found: {', '.join(absent)}.")
    out.print()
    for line in _counted(one.proposal, one.counts):
        out.print(line)
    if one.problem:
        engine = ENGINE_NAMES[one.table.engine]
        out.print(f"{engine} does not take the model: {one.problem}", style="bold red")
    out.print(_findings_grid(one))
    out.print()


def _show_unknown(one: TableProfile, out: Console) -> None:
    if not one.guesses:
        out.print("It has no rows, so nothing can be told of it.")
    else:
        best = one.guesses[0]
        if best.score:
            out.print(
                f"Looks like no input, most of all {best.input}: {best.reason}. If it "
                f"is one, say which: --input {one.table.name}={best.input}"
            )
        else:
            out.print(
                f"Looks like no input: for {best.input} it has {best.reason}. If it is "
                "one whose columns have other names, say which, and they are found by "
                f"their values: --input {one.table.name}=transactions"
            )
    out.print()


def _columns_grid(columns: Sequence[Column], width: int) -> Grid:
    titles = ("column", "is", "empty", "distinct", "such as")
    rows = [_column_row(column) for column in columns]
    widths = [max(len(row[n]) for row in (titles, *rows)) for n in range(4)]
    # Examples make room, nothing else does.
    left = max(width - sum(widths) - 2 * len(widths), len(titles[-1]))
    grid = Grid(box=None, pad_edge=False)
    for number, title in enumerate(titles):
        is_count = number in (2, 3)
        grid.add_column(title, justify="right" if is_count else "left", no_wrap=True)
    for row in rows:
        grid.add_row(*row[:-1], _cut(row[-1], left))
    return grid


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip(", …") + "…"


def _column_row(column: Column) -> tuple[str, ...]:
    distinct = f"{column.distinct:,}"
    if not column.is_distinct_exact and column.distinct >= 100:
        # Two figures of an estimate are known.
        scale = 10 ** (len(str(column.distinct)) - 2)
        distinct = f"~{round(column.distinct / scale) * scale:,}"
    kind = column.kind.value if column.is_text else column.type
    kind = kind.replace("timestamp with time zone", "timestamptz")
    if column.is_text and column.format.is_whole_float:
        kind = Kind.DECIMAL.value
    return (
        _cut(column.name, NAME_WIDTH),
        kind,
        f"{100 * column.empty_share:.0f}%" if column.filled < column.rows else "",
        distinct,
        ", ".join(column.examples),
    )


def _all_named(proposal: Proposal) -> Iterator[Any]:
    yield from (*proposal.columns, *proposal.helpers, *proposal.line_helpers)
    yield from proposal.questions


def _mapping_grid(proposal: Proposal) -> Grid:
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("column of the input", no_wrap=True)
    grid.add_column("from", overflow="fold", max_width=34)
    grid.add_column("how", overflow="fold")
    for named in proposal.columns:
        name = named.name + (" (not found)" if named.name in proposal.missing else "")
        grid.add_row(name, ", ".join(named.sources), named.note or _how(named))
    for question in proposal.questions:
        grid.add_row("question_id, score", ", ".join(question.sources), "one question")
    states = dict.fromkeys((*proposal.helpers, *proposal.line_helpers))
    sources = dict.fromkeys(name for one in states for name in one.sources)
    if proposal.refund and states:
        grid.add_row("refunds, states", ", ".join(sources), "rows added or left out")
    elif states and not proposal.questions:
        grid.add_row("states", ", ".join(sources), "rows left out")
    return grid


def _how(named: Any) -> str:
    if not named.sources:
        return str(named.sql)
    is_plain = named.sql in {identifier(name) for name in named.sources}
    return "as it is" if is_plain else "rewritten"


def _counted(proposal: Proposal, counts: Counts) -> Iterator[str]:
    """Say how much there is of what."""
    span = ""
    if counts.first_date is not None:
        months = many(len(counts.months), "month")
        span = f", {counts.first_date} to {counts.last_date}, {months}"
    if proposal.input != "transactions":
        yield f"{many(counts.rows, 'row')}{span}."
        return
    yield (
        f"{many(counts.purchases, 'purchase')} and {many(counts.refunds, 'refund')} of "
        f"{many(counts.people, 'customer')}, {many(counts.guests, 'row')} of guests"
        f"{span}."
    )
    if counts.currencies:
        shown = ", ".join(f"{name} {n:,}" for name, n in counts.currencies.items())
        yield f"Currencies: {shown}."


def _findings_grid(one: TableProfile) -> Grid:
    grid = Grid(box=None, pad_edge=False, show_header=False)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for finding in one.findings:
        grid.add_row("!" if finding.is_trap else "-", finding.sentence)
    if one.questions:
        grid.add_row(
            "!",
            f"{many(len(one.questions), 'question')} that journey_survey_questions "
            "lacks: without the lines below, the answers will be rejected. Check them.",
        )
    return grid


def _show_model(one: TableProfile, out: Console) -> None:
    if one.proposal is None:
        return
    engine = ENGINE_NAMES[one.table.engine]
    _show_block(f"models/{one.proposal.model}.sql, for {engine}", one.sql, out)


def _show_block(title: str, text: str, out: Console) -> None:
    """Print what is to be pasted below where it belongs."""
    out.print(title, style="bold")
    out.print()
    out.print(text, soft_wrap=True)


def _show_settings(profile: Profile, out: Console) -> None:
    if profile.written:
        out.print("Written, to be checked and moved into your project:", style="bold")
        for path in profile.written:
            out.print(f"  {path}", soft_wrap=True)
        if profile.attach:
            out.print(f"The lines for attaching: {ATTACH_TITLE}.")
        if profile.questions:
            out.print(QUESTIONS_NOTE)
        out.print()
        return
    _show_block("dbt_project.yml", profile.variables, out)
    if profile.sources:
        _show_block("models/sources.yml", profile.sources, out)
    if profile.attach:
        _show_block(ATTACH_TITLE, textwrap.indent(profile.attach, ATTACH_INDENT), out)
    if profile.questions:
        _show_block(QUESTIONS_TITLE, profile.questions, out)
        out.print(QUESTIONS_NOTE)
        out.print()


def _show_trial(profile: Profile, trial: Trial, out: Console) -> None:
    out.print("Tried with the package's own models", style="bold")
    if trial.problem:
        out.print(f"They cannot be built on what is proposed: {trial.problem}")
        return
    grid = Grid(box=None, pad_edge=False)
    grid.add_column("input", no_wrap=True)
    for name in ("accepted", "merged", "rejected"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("why", overflow="fold")
    for rows in trial.inputs:
        if rows.name not in profile.used:
            continue
        reasons = ", ".join(f"{name} {count:,}" for name, count in rows.reasons.items())
        counts = (f"{n:,}" for n in (rows.accepted, rows.merged, rows.rejected))
        grid.add_row(rows.name, *counts, reasons)
    out.print(grid)
    for rows in trial.inputs:
        for sentence in _trial_sentences(
            rows, trial.max_rejected_share, "transactions" in profile.used
        ):
            out.print(sentence)
    if "transactions" not in profile.used:
        out.print("Without transactions nobody is seen to stay or to leave.")
        return
    verdict = VERDICTS.get(trial.verdict, trial.verdict)
    sentence = " ".join(filter(None, (trial.reason, trial.remedy)))
    out.print(f"Retention is {verdict}: {sentence}", style="bold")


def _trial_sentences(rows: InputRows, limit: float, has_sales: bool) -> Iterator[str]:
    total = rows.accepted + rows.merged + rows.rejected
    if rows.rejected > limit * total:
        yield (
            f"{100 * rows.rejected / total:.1f}% of {rows.name} are rejected: above "
            f"max_rejected_share ({limit}) a run stops. Mend them or leave them out in "
            "the model, or raise that variable."
        )
    if has_sales and rows.customers and rows.known_customers is not None:
        known = f"{rows.known_customers:,} of {rows.customers:,} customers have bought"
        is_few = rows.known_customers < LEAST_KNOWN * rows.customers
        hint = ": are its ids those of the transactions?" if is_few else "."
        yield f"{rows.name}: {known}{hint}"


def _table_document(one: TableProfile) -> dict[str, Any]:
    proposal = one.proposal
    return {
        "name": one.table.name,
        "label": one.table.label,
        "engine": one.table.engine,
        "rows": one.rows,
        "notes": list(one.table.notes),
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "is": column.kind.value,
                "empty_share": round(column.empty_share, 6),
                "distinct": column.distinct,
                "is_distinct_exact": column.is_distinct_exact,
                "is_personal": column.is_personal,
                "examples": list(column.examples),
            }
            for column in one.columns
        ],
        "guesses": [
            {
                "input": guess.input,
                "score": round(guess.score, 3),
                "confidence": guess.confidence,
                "reason": guess.reason,
            }
            for guess in one.guesses
        ],
        "input": proposal.input if proposal else None,
        "model": proposal.model if proposal else None,
        "mapping": {
            named.name: {"from": list(named.sources), "sql": named.sql}
            for named in (proposal.columns if proposal else ())
        },
        "missing": list(proposal.missing) if proposal else [],
        "sql": one.sql,
        "problem": one.problem,
        "counts": _counts_document(one.counts) if proposal else None,
        "findings": [
            {
                "name": finding.name,
                "is_trap": finding.is_trap,
                "sentence": finding.sentence,
            }
            for finding in one.findings
        ],
        "questions": list(one.questions),
    }


def _counts_document(counts: Counts) -> dict[str, Any]:
    values = dict(vars(counts))
    for name in ("first_date", "last_date"):
        values[name] = str(values[name]) if values[name] else None
    return values


def _trial_document(trial: Trial) -> dict[str, Any]:
    return {
        "verdict": trial.verdict,
        "reason": trial.reason,
        "remedy": trial.remedy,
        "problem": trial.problem,
        "inputs": [dict(vars(rows)) for rows in trial.inputs],
    }
