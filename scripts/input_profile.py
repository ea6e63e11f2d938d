"""Profiles a user's own tables, before anything is configured.

For each table: what is in its columns, which input of the package it looks like, the
model that makes that input of it, and what its user should know. Then the package's
own models are run on the proposals, in a project that is thrown away.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import yaml

import errors
import profile_columns
import profile_counts
import profile_databases
import profile_files
import profile_findings
import profile_inputs
import profile_mapping
import profile_trial
import profile_workspace
from profile_columns import Column
from profile_counts import Counts
from profile_findings import Finding
from profile_inputs import UNSURE, Guess
from profile_parts import INPUTS
from profile_proposal import DUCKDB, Proposal, Rows
from profile_sql import model_sql
from profile_trial import Plan, Trial
from profile_workspace import ProfileError, Source, Table, Workspace

__all__ = ["Profile", "ProfileError", "Request", "TableProfile", "profile"]

# The milestone of a question until the user says which it is about.
FIRST_MILESTONE = "purchase"


@dataclass(frozen=True)
class Request:
    """What to profile: files, and tables of a DuckDB file or of the project's target.

    `inputs` say which input a table is meant for, by its name, or for the only table by
    the empty text. `output` is where proposals are written.
    """

    files: Sequence[str] = ()
    tables: Sequence[str] = ()
    target: str | None = None
    inputs: Sequence[str] = ()
    output: Path | None = None
    project: Path = profile_trial.PROJECT_DIR
    is_tried: bool = True


@dataclass(frozen=True)
class TableProfile:
    """What was found of a table; `guesses` begin with the one that is proposed.

    `sql` is the proposed model for the table's database, `trial_sql` for DuckDB;
    `asked` are the questions of a survey, `questions` the lines of those that
    journey_survey_questions lacks, `channels` the names of channels; `problem` is what
    the table's database says against the model.
    """

    table: Table
    columns: tuple[Column, ...]
    guesses: tuple[Guess, ...] = ()
    proposal: Proposal | None = None
    sql: str = ""
    trial_sql: str = ""
    counts: Counts = field(default_factory=Counts)
    findings: tuple[Finding, ...] = ()
    asked: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    channels: frozenset[str] = frozenset()
    problem: str = ""

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return self.columns[0].rows if self.columns else 0

    @property
    def score(self) -> float:
        """How much the table looks like the input that it is taken for."""
        return self.guesses[0].score if self.guesses else 0.0


@dataclass(frozen=True)
class Profile:
    """All that was found, and what a project needs beside the models of the tables.

    `used` has the table of each input by its number. `more_models` are those that no
    table has, by name; `variables`, `sources` and `attach` are YAML to be checked, the
    last for profiles.yml; `questions` is CSV. `left_out` says what cannot be read.
    """

    tables: tuple[TableProfile, ...]
    used: Mapping[str, int] = field(default_factory=dict)
    more_models: Mapping[str, str] = field(default_factory=dict)
    variables: str = ""
    sources: str = ""
    attach: str = ""
    questions: str = ""
    left_out: tuple[str, ...] = ()
    trial: Trial | None = None
    written: tuple[Path, ...] = ()


def profile(request: Request, tell: Callable[[str], None] = lambda _: None) -> Profile:
    """Profile what is asked for; `tell` is told what is being done.

    Raises ProfileError if something that was named cannot be read, and PipelineError
    if there is no room to work in.
    """
    try:
        return _profile(request, tell)
    except duckdb.Error as error:
        raise errors.of_the_database(error, "profile these tables") from error
    except OSError as error:
        raise errors.of_the_disk(error, "profile these tables") from error


def _profile(request: Request, tell: Callable[[str], None]) -> Profile:
    project = request.project.resolve()
    _check_output(request.output)
    with profile_workspace.workspace(project) as work:
        tables = _open(work, request, tell)
        forced = _forced(request.inputs, tables)
        described = _describe_all(work, tables, forced, tell)
        used = _choose(described)
        found = []
        for number, one in enumerate(described):
            is_used = number in used.values()
            found.append(_propose(work, one, is_used, "exchange_rates" in used))
        found = _compare_channels(found, used)
        result = Profile(
            tables=tuple(found),
            used=used,
            more_models=_more_models(used),
            variables=_variables_text(found, used),
            sources=_sources_text(found),
            attach=_attach_text(work, found),
            questions=_questions_text(work.project, found),
            left_out=tuple(work.left_out),
        )
        work.close()
        if request.output is not None and used:
            result = replace(result, written=_write(result, request.output))
        if request.is_tried and used:
            tell("Running the package's models on what is proposed")
            result = replace(result, trial=_try(work, result))
    return result


def _check_output(output: Path | None) -> None:
    if output is not None and output.exists() and not output.is_dir():
        raise ProfileError(f"--output {output} is a file: name a folder.")


def _open(
    work: Workspace, request: Request, tell: Callable[[str], None]
) -> list[Table]:
    """Open all that is named; of a database file, the tables that are named."""
    if not request.files and not request.tables:
        raise ProfileError(
            "nothing is named: give files, or --table with tables of the target."
        )
    has_database = any(
        file.lower().endswith(profile_files.DATABASE_FILES) for file in request.files
    )
    tables: list[Table] = []
    for file in request.files:
        tell(f"Opening {file}")
        tables += profile_files.open_file(work, file, request.tables)
    if request.target or (request.tables and not has_database):
        tell("Opening the target")
        tables += profile_databases.open_target(work, request.target, request.tables)
    return tables


def _forced(inputs: Sequence[str], tables: Sequence[Table]) -> dict[str, str]:
    """Return the input that a table is meant for, by the table's label."""
    forced = {}
    for text in inputs:
        name, _, wanted = text.rpartition("=")
        if wanted not in INPUTS:
            raise ProfileError(
                f"--input {text} names no input: it is one of {', '.join(INPUTS)}."
            )
        matches = [
            table.label
            for table in tables
            if name in ("", table.name, table.label, Path(table.label).name)
        ]
        if len(matches) != 1:
            raise ProfileError(
                f"--input {text} does not say which table: write TABLE={wanted}, with "
                f"one of {', '.join(table.name for table in tables)}."
            )
        forced[matches[0]] = wanted
    return forced


def _describe_all(
    work: Workspace,
    tables: Sequence[Table],
    forced: Mapping[str, str],
    tell: Callable[[str], None],
) -> list[TableProfile]:
    """Describe tables; those of a database whose rows cannot be read are left out."""
    described = []
    for table in tables:
        try:
            described.append(_describe(work, table, forced, len(tables), tell))
        except duckdb.Error as error:
            if table.source is None or profile_workspace.is_full_disk(error):
                raise
            work.left_out.append(profile_workspace.sentence_of(table.label, error))
    if not described:
        raise ProfileError(work.left_out[-1])
    return described


def _describe(
    work: Workspace,
    table: Table,
    forced: Mapping[str, str],
    tables: int,
    tell: Callable[[str], None],
) -> TableProfile:
    """Look at the columns of a table and rank the inputs that it could be."""
    tell(f"Reading {table.label}")
    types = dict(table.types)
    columns = profile_columns.describe(work.connection, table.relation, types)
    if not columns or not columns[0].rows:
        if table.source is None or tables == 1:
            raise ProfileError(f"{table.label} has no rows: nothing can be told of it.")
        return TableProfile(table, columns)
    guesses = profile_inputs.rank(columns, table.name)
    wanted = forced.get(table.label)
    if wanted is not None:
        guesses.sort(key=lambda one: one.input != wanted)
        if profile_inputs.lacks(guesses[0]):
            by_values = profile_inputs.guess_by_values(wanted, columns)
            if profile_inputs.lacks(by_values):
                raise ProfileError(
                    f"{table.label} cannot be {wanted}: {guesses[0].reason}."
                )
            guesses[0] = by_values
        else:
            # Nothing is surer than what the user says.
            guesses[0] = replace(guesses[0], score=1.0, reason="you say so")
    return TableProfile(table, columns, tuple(guesses))


def _choose(tables: Sequence[TableProfile]) -> dict[str, int]:
    """Return which table each input is: the likeliest, of equals the larger."""
    chosen: dict[str, int] = {}
    order = sorted(
        range(len(tables)), key=lambda n: (-tables[n].score, -tables[n].rows, n)
    )
    for number in order:
        if tables[number].score >= UNSURE:
            chosen.setdefault(tables[number].guesses[0].input, number)
    return {name: chosen[name] for name in INPUTS if name in chosen}


def _propose(
    work: Workspace, one: TableProfile, is_used: bool, has_rates: bool
) -> TableProfile:
    """Propose the model of a table that looks like an input, and run it."""
    if one.score < UNSURE:
        return one
    table, guess = one.table, one.guesses[0]
    rows = Rows(
        connection=work.connection,
        relation=table.relation,
        name=table.name,
        columns=one.columns,
        is_file=table.source is None,
    )
    name = guess.input if is_used else f"{table.name}_{guess.input}"
    if any(work.project.glob(f"models/**/{name}.sql")):
        name = f"journey_{name}"
    touches = profile_trial.seed_column(
        work.project, "journey_touchpoint_types", "touchpoint_type"
    )
    tried = profile_mapping.propose(rows, guess, DUCKDB, name, touches)
    proposal = tried
    if table.engine != DUCKDB:
        proposal = profile_mapping.propose(rows, guess, table.engine, name, touches)
    counts = profile_counts.count(rows, tried)
    known = profile_trial.seed_column(
        work.project, profile_trial.QUESTIONS, "question_id"
    )
    asked = profile_mapping.asked_questions(rows, tried)
    new = {name: ends for name, ends in asked.items() if name not in known}
    milestones = profile_trial.seed_column(
        work.project, "journey_milestones", "milestone"
    )
    milestone = FIRST_MILESTONE if FIRST_MILESTONE in milestones else min(milestones)
    sql = model_sql(proposal, table.import_sql)
    return replace(
        one,
        proposal=proposal,
        sql=sql,
        # The trial attaches the databases, and needs no sources.
        trial_sql=model_sql(
            tried,
            f"select *\nfrom {table.relation}" if table.source else table.import_sql,
        ),
        counts=counts,
        findings=profile_findings.find(rows, guess, proposal, counts, new, has_rates),
        asked=tuple(asked),
        questions=tuple(
            profile_mapping.question_line(name, *ends, milestone)
            for name, ends in new.items()
        ),
        channels=profile_mapping.channels(rows, tried),
        problem=profile_databases.explain(work, table, sql),
    )


def _compare_channels(
    tables: Sequence[TableProfile], used: Mapping[str, int]
) -> list[TableProfile]:
    """Say which channels are named in one of spend and touchpoints alone."""
    found = list(tables)
    if "marketing_spend" in used and "touchpoints" in used:
        number = used["marketing_spend"]
        spend, touches = found[number], found[used["touchpoints"]]
        more = profile_findings.of_channels(spend.channels, touches.channels)
        findings = profile_findings.traps_first((*spend.findings, *more))
        found[number] = replace(spend, findings=findings)
    return found


def _more_models(used: Mapping[str, int]) -> dict[str, str]:
    """Return models that the package cannot do without and no table has."""
    if "transactions" in used or not used:
        return {}
    return {profile_trial.NO_TRANSACTIONS: profile_trial.NO_ROWS}


def _currency(tables: Sequence[TableProfile], used: Mapping[str, int]) -> str:
    """Return the currency that most amounts are in, as far as the tables say."""
    if "transactions" not in used:
        return ""
    one = tables[used["transactions"]]
    if one.counts.currencies:
        return next(iter(one.counts.currencies))
    amount = one.guesses[0].column("amount")
    named = amount.format.currencies if amount else ()
    return named[0] if len(named) == 1 else ""


def _segments(tables: Sequence[TableProfile], used: Mapping[str, int]) -> list[str]:
    """Return the columns by which reports can be cut."""
    segments = []
    if "touchpoints" in used and tables[used["touchpoints"]].channels:
        segments.append("acquisition_channel")
    if "customers" in used:
        proposal = tables[used["customers"]].proposal
        segments += proposal.segments if proposal else ()
    return segments


def _variables_text(tables: Sequence[TableProfile], used: Mapping[str, int]) -> str:
    """Return the lines of dbt_project.yml that name the models."""
    lines = ["vars:", "  customer_journey:"]
    for name, number in used.items():
        proposal = tables[number].proposal
        lines.append(f"    {name}_input: {proposal.model if proposal else ''}")
    if "transactions" not in used:
        lines.insert(2, f"    transactions_input: {profile_trial.NO_TRANSACTIONS}")
    currency = _currency(tables, used)
    reason = "the most frequent one" if currency else "no column says which"
    lines += [
        f"    # Check: {reason}.",
        f"    reporting_currency: {currency or 'USD'}",
        "    # Check: where the books are kept, such as Europe/Berlin.",
        "    reporting_timezone: UTC",
        f"    segment_columns: [{', '.join(_segments(tables, used))}]",
    ]
    return "\n".join(lines) + "\n"


def _sources_text(tables: Sequence[TableProfile]) -> str:
    """Return the entries of a sources.yml, if a model reads tables of a database."""
    entries: dict[str, dict[str, Any]] = {}
    for source in _read_sources(tables):
        database = {"database": source.database} if source.database else {}
        entry = entries.setdefault(
            source.name,
            {"name": source.name, **database, "schema": source.schema, "tables": []},
        )
        entry["tables"].append({"name": source.table})
    if not entries:
        return ""
    return str(yaml.safe_dump({"sources": [*entries.values()]}, sort_keys=False))


def _attach_text(work: Workspace, tables: Sequence[TableProfile]) -> str:
    """Return the lines of profiles.yml without which dbt cannot read the sources."""
    names = dict.fromkeys(
        source.database for source in _read_sources(tables) if source.database
    )
    entries = [
        {
            "path": work.path_from_project(work.attached[name]),
            "alias": name,
            "read_only": True,
        }
        for name in names
    ]
    if not entries:
        return ""
    return str(yaml.safe_dump({"attach": entries}, sort_keys=False))


def _read_sources(tables: Sequence[TableProfile]) -> list[Source]:
    """Return the tables of databases that models read."""
    found = (one.table.source for one in tables if one.proposal)
    return list(dict.fromkeys(source for source in found if source))


def _questions_text(project: Path, tables: Sequence[TableProfile]) -> str:
    """Return the seed of survey questions with what it lacks, if it lacks any."""
    new: dict[str, str] = {}
    for one in tables:
        for line in one.questions:
            # Two tables may ask the same.
            new.setdefault(line.split(",", 1)[0], line)
    if not new:
        return ""
    asked = {name for one in tables for name in one.asked}
    return profile_trial.questions_seed(project, asked, list(new.values()))


def _try(work: Workspace, result: Profile) -> Trial:
    """Run the package's models on the proposals."""
    used = [result.tables[number] for number in result.used.values()]
    proposals = [one.proposal for one in used if one.proposal]
    plan = Plan(
        models={one.proposal.model: one.trial_sql for one in used if one.proposal},
        inputs={proposal.input: proposal.model for proposal in proposals},
        variables={
            "reporting_currency": _currency(result.tables, result.used) or "USD",
            "segment_columns": _segments(result.tables, result.used),
        },
        attached=work.attached,
        questions=result.questions,
    )
    return profile_trial.run(work.folder / "trial", work.project, plan)


def _write(result: Profile, output: Path) -> tuple[Path, ...]:
    """Write what is proposed into a folder, over nothing that is there."""
    files = {
        f"{one.proposal.model}.sql": one.sql for one in result.tables if one.proposal
    }
    files["vars.yml"] = result.variables
    if result.sources:
        files["sources.yml"] = result.sources
    if result.attach:
        files["profiles_attach.yml"] = result.attach
    if result.questions:
        files[f"{profile_trial.QUESTIONS}.csv"] = result.questions
    files |= {f"{name}.sql": sql for name, sql in result.more_models.items()}
    taken = [name for name in files if (output / name).exists()]
    if taken:
        raise ProfileError(
            f"{output / taken[0]} is there already: name another folder for --output."
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (output / name).write_text(text)
    except OSError as error:
        raise errors.of_the_disk(error, f"write into {output}") from error
    return tuple(output / name for name in files)
