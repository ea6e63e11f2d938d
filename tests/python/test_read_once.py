"""Raw transactions are read once: all else works from what staging made of them."""

from __future__ import annotations

import re

import pytest

from benchmark import list_scans
from harness import Compiled, compile_project

COMMENT = re.compile(r"--.*")
CTE = re.compile(r"^(?:with )?(\w+) as \($", re.MULTILINE)


@pytest.fixture(scope="module")
def project() -> Compiled:
    return compile_project()


def test_plans_scan_raw_transactions_once(project: Compiled) -> None:
    raw = project.relations["transactions"].replace('"', "")
    connection = project.connection
    scans = []
    connection.execute("begin")
    try:
        connection.execute(
            f"insert into {raw} (transaction_id, customer_id, occurred_at, amount) "
            "values ('t1', 'c1', '2024-01-01', '1')"
        )
        for model in project.models:
            kind = "view" if model.materialized == "view" else "table"
            if kind == "table":
                scans += [
                    (model.name, len(scan["Projections"]) > 0)
                    for scan in list_scans(connection, model.sql)
                    if scan["Table"] == raw
                ]
            connection.execute(
                f"create or replace {kind} {model.relation} as {model.sql}"
            )
    finally:
        connection.execute("rollback")
    # A row count reads no column.
    assert scans == [("stg_transactions", True), ("rpt_reconciliation", False)]


def test_sql_names_raw_transactions_once(project: Compiled) -> None:
    raw = project.relations["transactions"]
    texts = {model.name: COMMENT.sub("", model.sql) for model in project.models}
    named = {name: text.count(raw) for name, text in texts.items() if raw in text}
    assert named == {"stg_transactions": 1, "rpt_reconciliation": 1}
    assert f"count(*) as row_count\n    from {raw}" in texts["rpt_reconciliation"]


def test_staging_passes_rows_from_step_to_step_once(project: Compiled) -> None:
    """An engine that computes a step again for each reader still scans once."""
    (text,) = (
        COMMENT.sub("", model.sql)
        for model in project.models
        if model.name == "stg_transactions"
    )
    steps = CTE.findall(text)
    readers = {step: re.findall(rf"(?:from|join) {step}\b", text) for step in steps}
    assert "raw_transactions" in steps
    assert {step: len(found) for step, found in readers.items()} == dict.fromkeys(
        steps, 1
    )
