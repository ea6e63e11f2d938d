"""What the figures rest on: inputs, readiness, reconciliation, and the run itself."""

from report_parts import (
    UNKNOWN,
    Column,
    Note,
    Part,
    Row,
    Run,
    Section,
    Table,
    channel_names,
    count,
    day,
    moment,
    plural,
    readable,
    sentence,
    share,
    spoken,
    table,
)

INPUTS = """\
select
    input_name,
    max(relation_name) as relation_name,
    sum(row_count) as row_count,
    sum(case when row_status = 'accepted' then row_count else 0 end) as accepted_rows,
    sum(case when row_status = 'merged' then row_count else 0 end) as merged_rows,
    sum(case when row_status = 'rejected' then row_count else 0 end) as rejected_rows,
    min(case when row_status = 'accepted' then first_date end) as first_date,
    max(case when row_status = 'accepted' then last_date end) as last_date,
    max(last_loaded_at) as last_loaded_at,
    max(case when is_switched_off then 1 else 0 end) = 1 as is_switched_off
from rpt_input_quality
group by input_name
order by
    case input_name
        when 'transactions' then 1 when 'touchpoints' then 2
        when 'marketing_spend' then 3 when 'survey_responses' then 4
        when 'customers' then 5 when 'identities' then 6 else 7
    end"""

REJECTED = """\
select input_name, row_status, status_reason, row_count, row_share
from rpt_input_quality
where status_reason is not null and row_count > 0
order by
    case row_status when 'rejected' then 0 else 1 end, row_count desc, input_name,
    status_reason
limit {limit}"""

RECONCILIATION = """\
select
    count(*) as check_count,
    sum(case when difference = 0 then 0 else 1 end) as difference_count
from rpt_reconciliation"""

READINESS = """\
select
    segment_column, segment_value, verdict, reason, remedy, customers,
    one_time_customer_share, guest_order_share, months_observed,
    eligible_customers_month_1, eligible_customers_month_3, eligible_customers_month_12
from rpt_retention_readiness
order by
    case when segment_column = 'all' then 0 else 1 end, customers desc, segment_column,
    segment_value
limit {limit}"""

REASONS_SHOWN = 15
SEGMENTS_SHOWN = 12
VERDICTS = {"weak": "weakly measurable", "not_measurable": "not measurable"}


def quality(run: Run) -> Section:
    """Show which rows counted, whether all adds up, and what can be told from it."""
    return Section(
        "quality",
        "Inputs and readiness",
        "What do these figures rest on, does everything add up, and can retention be "
        "told from it?",
        [
            Note(_verdict(run)),
            Note(_reconciled(run)),
            _inputs(run),
            *_rejected(run),
            _readiness(run),
        ],
        {
            "Accepted, merged, rejected": "rpt_input_quality.row_status",
            "Reason": "rpt_input_quality.status_reason",
            "Off": "rpt_input_quality.is_switched_off",
            "Verdict": "rpt_retention_readiness.verdict",
            "Months observed": "rpt_retention_readiness.months_observed",
            "Difference": "rpt_reconciliation.difference",
        },
        ("rpt_input_quality", "rpt_retention_readiness", "rpt_reconciliation"),
        "docs/metrics/churn.md (readiness)",
        {
            "Reason": "Why a row was merged or rejected; of an accepted row, what is "
            "remarkable about it."
        },
    )


def facts(run: Run) -> Section:
    """Say when, with what and from what the tables were made."""
    info = run.info
    verdict = str(info["validation_verdict"])
    if info["accepted_findings"]:
        verdict += f" in spite of {info['accepted_findings']}"
    rows = [
        ("as of", day(info["as_of_date"])),
        ("published", f"{moment(info['published_at'])} UTC"),
        ("run", f"{info['run_id']}, started {moment(info['started_at'])} UTC"),
        ("project", f"{info['project_name']}, version {info['package_version']}"),
        ("revision", info["git_revision"] or f"{UNKNOWN}: not a git repository"),
        ("built with", f"dbt {info['dbt_version']}"),
        ("on", f"{info['engine']} {info['engine_version']}"),
        ("time zone", info["reporting_timezone"]),
        ("currency", info["reporting_currency"]),
        ("tests passed", _looked_at(info["tests_passed"])),
        ("tests that warned", _looked_at(info["tests_warned"])),
        ("validation", verdict),
        ("rejected rows", _looked_at(info["rejected_rows"])),
    ]
    return Section(
        "run",
        "This run",
        "When, with what and from what were these tables made?",
        [
            Table(
                "Facts of the run",
                ["what", "value"],
                [[name, str(value)] for name, value in rows],
                [False, False],
                "select * from run_info",
            )
        ],
    )


def marks(run: Run) -> list[str]:
    """Say in a few words how far the page can be trusted."""
    info, verdict = run.info, run.readiness["verdict"]
    words = [
        f"Retention is {VERDICTS.get(verdict, verdict)}",
        f"Validation {info['validation_verdict']}",
    ]
    if info["tests_passed"] is not None:
        words.append(f"{plural(info['tests_passed'], 'test')} passed")
    if info["tests_warned"]:
        words.append(f"{plural(info['tests_warned'], 'test')} warned")
    if info["rejected_rows"] is not None:
        words.append(f"{plural(info['rejected_rows'], 'row')} rejected")
    return words


def _verdict(run: Run) -> str:
    verdict = run.readiness["verdict"]
    return sentence(
        f"Retention and churn are {VERDICTS.get(verdict, verdict)}.",
        readable(run.readiness["reason"]),
        readable(run.readiness["remedy"]),
    )


def _looked_at(value: int | None) -> str:
    """Write a count that a run has only if it built and tested the tables itself."""
    return f"{UNKNOWN}: not looked at in this run" if value is None else count(value)


def _reconciled(run: Run) -> str:
    (row,) = run.rows(RECONCILIATION)
    checks = plural(row["check_count"], "check")
    if row["difference_count"]:
        find = "finds" if row["difference_count"] == 1 else "find"
        return (
            f"{count(row['difference_count'])} of {checks} between raw rows and tables "
            f"{find} a difference: look at rpt_reconciliation."
        )
    return (
        f"All {checks} between the raw rows and the tables agree to the last decimal."
    )


def _inputs(run: Run) -> Table:
    def given(text: str) -> str:
        return text or UNKNOWN

    return table(
        "Rows of each input",
        run.rows(INPUTS),
        [
            Column("input", lambda row: spoken(row["input_name"]), is_number=False),
            Column(
                "from",
                lambda row: (
                    "off" if row["is_switched_off"] else given(row["relation_name"])
                ),
                is_number=False,
            ),
            Column("rows", lambda row: _of(row, "row_count")),
            Column("accepted", lambda row: _of(row, "accepted_rows")),
            Column("merged", lambda row: _of(row, "merged_rows")),
            Column("rejected", lambda row: _of(row, "rejected_rows")),
            Column("first day", lambda row: _day(row, "first_date")),
            Column("last day", lambda row: _day(row, "last_date")),
            Column("loaded", _loaded),
        ],
        INPUTS,
    )


def _of(row: Row, name: str) -> str:
    return "" if row["is_switched_off"] else count(row[name])


def _day(row: Row, name: str) -> str:
    if row["is_switched_off"]:
        return ""
    return "no date" if row[name] is None else day(row[name])


def _loaded(row: Row) -> str:
    if row["is_switched_off"]:
        return ""
    return (
        "not said" if row["last_loaded_at"] is None else moment(row["last_loaded_at"])
    )


def _rejected(run: Run) -> list[Part]:
    # One more than is shown says whether any are left out.
    query = REJECTED.format(limit=REASONS_SHOWN + 1)
    rows = run.rows(query)
    if not rows:
        return [Note("No row of any input was merged or rejected.")]
    return [
        table(
            "Why rows did not count, or were counted with a remark"
            + (f" (the {REASONS_SHOWN} largest)" if len(rows) > REASONS_SHOWN else ""),
            rows[:REASONS_SHOWN],
            [
                Column("input", lambda row: spoken(row["input_name"]), is_number=False),
                Column("what became of them", lambda row: row["row_status"], False),
                Column("reason", lambda row: spoken(row["status_reason"]), False),
                Column("rows", lambda row: count(row["row_count"])),
                Column("share", lambda row: share(row["row_share"], 2)),
            ],
            query,
        )
    ]


def _readiness(run: Run) -> Table:
    query = READINESS.format(limit=SEGMENTS_SHOWN + 1)
    rows = run.rows(query)
    return table(
        "Can retention be told, for everybody and by segment"
        + (f" (the {SEGMENTS_SHOWN} largest)" if len(rows) > SEGMENTS_SHOWN else ""),
        rows,
        [
            Column("segment", _segment, is_number=False),
            Column("verdict", lambda row: spoken(row["verdict"]), is_number=False),
            Column("customers", lambda row: count(row["customers"])),
            Column(
                "bought on one day only",
                lambda row: share(row["one_time_customer_share"]),
            ),
            Column(
                "judged in month 1",
                lambda row: count(row["eligible_customers_month_1"]),
            ),
            Column("month 3", lambda row: count(row["eligible_customers_month_3"])),
            Column("month 12", lambda row: count(row["eligible_customers_month_12"])),
            Column("what would help", lambda row: readable(row["remedy"]), False),
        ],
        query,
    )


def _segment(row: Row) -> str:
    if row["segment_column"] == "all":
        return "everybody"
    column, value = row["segment_column"], row["segment_value"]
    if column == "acquisition_channel":
        value = channel_names([value])[value]
    return f"{spoken(column)}: {value}"
