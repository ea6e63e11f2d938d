"""The tables written by hand equal the build's, and a difference would show."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import benchmark
from benchmark import fingerprint

TYPES = {"name": "VARCHAR", "amount": "DECIMAL(18,4)", "rate": "DOUBLE"}


def rows(*values: str) -> str:
    """Return a relation with the columns of TYPES, as SQL."""
    return f"(values {', '.join(values)}) as rows ({', '.join(TYPES)})"


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def test_order_and_number_type_do_not_count(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    left = rows("('a', 1.5, 0.25)", "('b', 2, 0.5)")
    right = rows("('b', 2.0000, 0.5)", "('a', 1.5000, 0.25)")
    assert fingerprint(connection, left, TYPES) == fingerprint(connection, right, TYPES)


@pytest.mark.parametrize(
    "others",
    [
        ("('a', 1.5, 0.25)",),
        ("('a', 1.5, 0.25)", "('b', 2, 0.5)", "('b', 2, 0.5)"),
        ("('a', 2, 0.25)", "('b', 1.5, 0.5)"),
        ("('a', 1.5, 0.5)", "('b', 2, 0.25)"),
        ("('a', 1.5, 0.25)", "('b', 2, null)"),
    ],
    ids=["row lost", "row twice", "amounts swapped", "rates swapped", "null"],
)
def test_difference_shows(
    connection: duckdb.DuckDBPyConnection, others: tuple[str, ...]
) -> None:
    left = rows("('a', 1.5, 0.25)", "('b', 2, 0.5)")
    right = rows(*others)
    assert fingerprint(connection, left, TYPES) != fingerprint(connection, right, TYPES)


# Half of all times lose their hour, so that events share a moment; half of the touches
# become of any type, so that journeys begin and go on anyhow, and half of any channel
# or of none, so that paths do; a seventh of them name somebody else's visitor; and a
# third of the NPS answers are given twice. Spend is given twice or is none, on channels
# no touch or no list names, before anybody is seen. A few use names of the reports.
CHANNELS = "['direct', 'email', 'store', 'podcast', 'radio', null]"
BLURRED = {
    "transactions": """
        select * replace (
            date_trunc(if(hash(transaction_id) % 2 = 0, 'day', 'second'), occurred_at)
                as occurred_at
        )
        from {rows}
    """,
    "touchpoints": """
        select * exclude (type, number) replace (
            date_trunc(if(hash(touchpoint_id) % 2 = 0, 'day', 'second'), occurred_at)
                as occurred_at,
            if(hash(touchpoint_id, 1) % 2 = 0, type, touchpoint_type)
                as touchpoint_type,
            if(hash(visitor_id) % 7 = 0, 'c' || hash(touchpoint_id) % 6000, customer_id)
                as customer_id,
            if(
                hash(touchpoint_id, 4) % 2 = 0, channel,
                {channels}[(1 + hash(touchpoint_id, 5) % 6)::integer]
            ) as channel,
            case hash(touchpoint_id, 6) % 100
                when 0 then '(none)'
                when 1 then '(visits) email'
                when 2 then 'always_on'
                else campaign
            end as campaign
        )
        from {rows}
        join (
            select touchpoint_type as type, row_number() over () as number
            from '{seeds}/journey_touchpoint_types.csv'
        ) on number = 1 + hash(touchpoint_id, 3) % 26
    """,
    "marketing_spend": """
        select * replace (
            if(
                hash(spend_date, channel, 1) % 4 > 0, channel,
                {channels}[(1 + hash(spend_date, channel, 2) % 6)::integer]
            ) as channel,
            if(hash(spend_date, channel, 3) % 9 = 0, 0, amount) as amount
        )
        from {rows}
        union all
        select * replace (2 * amount as amount)
        from {rows}
        where hash(spend_date, channel, 4) % 5 = 0
        union all
        select * replace (spend_date - 60 as spend_date, 'fair' as channel)
        from {rows}
        where channel = 'affiliate'
        union all
        select * replace ('(start)' as channel)
        from {rows}
        where hash(spend_date, channel, 5) % 99 = 0
    """,
    "survey_responses": """
        select * replace (date_trunc('day', responded_at) as responded_at) from {rows}
        union all
        select * replace (
            response_id || '-again' as response_id,
            responded_at + to_days((hash(response_id) % 20)::integer) as responded_at,
            loaded_at + to_days(30) as loaded_at,
            10 - score as score
        )
        from {rows}
        where question_id like 'nps%' and hash(response_id) % 3 = 0
    """,
}


def blur(folder: Path) -> None:
    """Make the inputs of the benchmark as unlikely as real ones."""
    seeds = benchmark.PROJECT / "seeds" / "config"
    for name, query in BLURRED.items():
        file = folder / f"{name}.parquet"
        rows = f"'{file.rename(file.with_suffix('.clear'))}'"
        read = query.format(
            rows=f"read_parquet({rows})", seeds=seeds, channels=CHANNELS
        )
        duckdb.execute(f"copy ({read}) to '{file}'")


def test_tables_by_hand_equal_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "WORK", tmp_path)
    transactions = benchmark.make_inputs(20_000, tmp_path / "20000" / "inputs")
    blur(tmp_path / "20000" / "inputs")
    outcome = benchmark.run_scale(20_000)
    assert transactions == pytest.approx(20_000, rel=0.1)
    assert outcome.transactions == transactions
    assert "dbt build" in benchmark.render([outcome])
