"""The same models give the same rows on DuckDB, PostgreSQL and Spark."""

import os
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from math import exp, log
from pathlib import Path

import pyarrow as pa
import pytest

import parity
import postgres_server
from parity import Build, Engine

PROJECT = Path(__file__).parents[2]

# What scripts/engine_values.sql reads as a moment: in New York, with the date of the
# next month and the Sunday on which the week starts.
MOMENTS = {
    "2024-02-29": ("2024-02-29 00:00:00", "2024-03-29", "2024-02-25"),
    "9999-11-30": ("9999-11-30 00:00:00", "9999-12-30", "9999-11-28"),
    "2024-01-31": ("2024-01-31 00:00:00", "2024-02-29", "2024-01-28"),
    "2024-03-03": ("2024-03-03 00:00:00", "2024-04-03", "2024-03-03"),
    "2024-02-29T23:59:59+05:30": ("2024-02-29 13:29:59", "2024-03-29", "2024-02-25"),
    "2024-02-01T04:30:00Z": ("2024-01-31 23:30:00", "2024-02-29", "2024-01-28"),
    # The clocks go forward over this second, and back between these two hours.
    "2024-03-10 06:59:59": ("2024-03-10 01:59:59", "2024-04-10", "2024-03-10"),
    "2024-03-10T07:00Z": ("2024-03-10 03:00:00", "2024-04-10", "2024-03-10"),
    "2024-11-03T05:30:00+00": ("2024-11-03 01:30:00", "2024-12-03", "2024-11-03"),
    "2024-11-03T06:30:00-0000": ("2024-11-03 01:30:00", "2024-12-03", "2024-11-03"),
    "2024-01-01T12:00:00.5Z": ("2024-01-01 07:00:00.5", "2024-02-01", "2023-12-31"),
    "2024-01-01T12:00:00.123456789Z": (
        "2024-01-01 07:00:00.123456",
        "2024-02-01",
        "2023-12-31",
    ),
}
# What it reads as money, and as an exchange rate.
NUMBERS = {
    "20240201": ("20240201", "20240201"),
    " 12 ": ("12", "12"),
    "12.5": ("12.5", "12.5"),
    ".5": ("0.5", "0.5"),
    "-.5": ("-0.5", "-0.5"),
    "5.": ("5", "5"),
    "+7": ("7", "7"),
    "1.00005": ("1.0001", "1.00005"),
    "-1.00005": ("-1.0001", "-1.00005"),
    "1.00004999": ("1", "1.00004999"),
    "0.000000005": ("0", "0.00000001"),
    "9999999999.5": ("9999999999.5", "9999999999.5"),
    "99999999999999.9999": ("99999999999999.9999", None),
}


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> dict[Engine, Build]:
    done = parity.build_all(list(Engine), tmp_path_factory.mktemp("parity") / "builds")
    return {build.engine: build for build in done}


@pytest.mark.parametrize("engine", [Engine.POSTGRES, Engine.SPARK])
def test_every_public_table_is_equal(
    builds: dict[Engine, Build], engine: Engine
) -> None:
    comparisons = parity.compare(builds[Engine.DUCKDB], builds[engine])
    differences = {row.table: row.difference for row in comparisons if row.difference}
    assert differences == {}
    marts = {file.stem for file in (PROJECT / "models" / "marts").rglob("*.sql")}
    # The figures that would be published come with a validation that found nothing.
    others = {"engine_values", "engine_statistics", "fitted_parameters", "run_figures"}
    assert {row.table for row in comparisons if row.rows} == marts | others


@pytest.mark.parametrize("engine", list(Engine))
def test_edge_values_are_read_as_worked_out_by_hand(
    builds: dict[Engine, Build], engine: Engine
) -> None:
    rows = builds[engine].tables["engine_values"].to_pylist()
    moments = {
        row["given"]: (row["local_time"], row["next_month"], row["week_start"])
        for row in rows
        if row["local_time"] is not None
    }
    assert moments == {
        given: (
            datetime.fromisoformat(local_time),
            date.fromisoformat(next_month),
            date.fromisoformat(week_start),
        )
        for given, (local_time, next_month, week_start) in MOMENTS.items()
    }
    numbers = {
        row["given"]: (row["money"], row["rate"])
        for row in rows
        if row["money"] is not None or row["rate"] is not None
    }
    assert numbers == {
        given: (Decimal(money), None if rate is None else Decimal(rate))
        for given, (money, rate) in NUMBERS.items()
    }
    by_text = {row["given"]: row for row in rows}
    assert by_text["2024-03-03"]["day_number"] == 62
    assert by_text["2024-03-03"]["day_before"] == date(2024, 3, 2)
    assert by_text["2024-03-03"]["from_utc"] == datetime(2024, 3, 2, 19)
    assert by_text["12.5"]["money_text"] == "12.5000"
    assert by_text[" 12 "]["quotient"] is None
    assert by_text["12.5"]["quotient"] == 25.0
    assert by_text[""]["trimmed"] is None
    problems = {given: row["name_problem"] for given, row in by_text.items()}
    reserved = {given for given, problem in problems.items() if problem}
    assert reserved == {"all", "(none)", "(visits) store"}


@pytest.mark.parametrize("engine", list(Engine))
def test_statistics_are_as_published_or_worked_out_by_hand(
    builds: dict[Engine, Build], engine: Engine
) -> None:
    rows = builds[engine].tables["engine_statistics"].to_pylist()
    cases = {row["given"]: row for row in rows}

    def column(name: str) -> dict[str, object]:
        return {
            given: row[name] for given, row in cases.items() if row[name] is not None
        }

    # Adjusted Wald and Newcombe, method 10: two decimals and four were published.
    published = cases["published"], cases["small"]
    for row, scores in zip(
        published, [(51.61, 25.51, 68.61), (40.0, -0.23, 66.89)], strict=True
    ):
        found = row["score"], row["score_lower"], row["score_upper"]
        assert found == pytest.approx(scores, abs=0.005)
    newcombe = cases["Newcombe"]
    assert newcombe["difference_lower"] == pytest.approx(0.0524, abs=5e-5)
    assert newcombe["difference_upper"] == pytest.approx(0.3339, abs=5e-5)
    # Of no answers nothing is known, of one its score and a wide interval.
    empty = [name for name, value in cases["nobody"].items() if value is None]
    known = {"given", "seconds", "decay_weight", "clamped_number"}
    survival = {"survival", "survival_lower", "survival_upper"}
    assert set(cases["nobody"]) - set(empty) == known | survival
    assert cases["one promoter"]["score_upper"] == pytest.approx(98.4986, abs=5e-5)
    assert cases["one promoter"]["half_width"] is None
    assert cases["two alike"]["score_upper"] == 100
    assert column("half_width") == {
        "two alike": 0,
        "three": pytest.approx(1.959964 / 3**0.5),
        "three alike but for rounding": 0,
        "published": pytest.approx(1.434238),
        "small": pytest.approx(0.130664, abs=5e-7),
    }
    # Whole seconds that have passed, over the end of a day and of February.
    assert column("seconds") == {
        "nobody": 0,
        "one promoter": 1,
        "one detractor": 0,
        "two alike": 86_400,
        "three": 86_399,
        "three alike but for rounding": 1,
        "published": 3_471_292_799,
    }
    # Half the weight for every two and a half days, a thousand times at most.
    weights = column("decay_weight")
    assert {given: weights[given] for given in column("seconds")} == {
        "nobody": 1,
        "one promoter": pytest.approx(2 ** (-1 / 216_000), rel=1e-12),
        "one detractor": 1,
        "two alike": pytest.approx(2**-0.4, rel=1e-12),
        "three": pytest.approx(2 ** (-86_399 / 216_000), rel=1e-12),
        "three alike but for rounding": pytest.approx(2 ** (-1 / 216_000), rel=1e-12),
        "published": pytest.approx(2**-1000, rel=1e-9, abs=0),
    }
    assert column("walks_of_two") == {
        "one promoter": 0.25,
        "three": pytest.approx(0.4),
        "published": pytest.approx(1e-298, rel=1e-9, abs=0),
    }
    assert column("pieces") == {
        "one promoter": "alone",
        "two alike": "same, same",
        "three": "first, or so, then, last",
        "small": "after null",
    }
    assert column("clamped") == {
        "one promoter": 1,
        "one detractor": 0,
        "two alike": 0.2,
        "three": 1,
        "three alike but for rounding": pytest.approx(0.3),
        "published": 1,
        "small": 1,
    }


def table(**columns: list[object]) -> pa.Table:
    return pa.table(dict(columns))


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        (table(key=["b", "a"], rate=[None, 0.3 + 1e-11]), ""),
        (table(key=["a", "b"], rate=[0.3 + 1e-8, None]), "rate: 0.3 became 0.30000001"),
        (table(key=["a", "b"], rate=[0.3, 0.0]), "rate: None became 0.0 at key=b"),
        (table(key=["a", "c"], rate=[0.3, None]), "key: 'b' became 'c' at key=b"),
        (table(key=["a"], rate=[0.3]), "2 rows became 1"),
        (table(key=["a", "b"]), "columns: rate double became none"),
        (table(key=["a", "b"], rate=[1, None]), "columns: rate double became rate int"),
    ],
)
def test_the_first_difference_is_named(found: pa.Table, difference: str) -> None:
    expected = table(key=["a", "b"], rate=[0.3, None])
    answer = parity.first_difference(expected, found)
    assert answer.startswith(difference)
    assert bool(answer) == bool(difference)


def test_a_table_that_only_one_engine_has_is_a_difference() -> None:
    one = Build(Engine.DUCKDB, {"rpt_growth": table(key=["a"])}, {})
    (comparison,) = parity.compare(one, Build(Engine.SPARK, {}, {}))
    assert comparison.difference == "missing"


@pytest.mark.parametrize(
    ("engines", "sentence"),
    [("spark", "Spark needs Java 17"), ("oracle", "duckdb, postgres, spark")],
)
def test_an_engine_that_is_not_there_ends_in_a_sentence_and_exit_code_2(
    engines: str, sentence: str, tmp_path: Path
) -> None:
    answer = subprocess.run(
        [sys.executable, PROJECT / "scripts" / "parity.py", "--engines", engines],
        env=os.environ | {"JAVA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert sentence in answer.stderr


def test_without_postgresql_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres_server, "PROGRAM_FOLDERS", tmp_path)
    with pytest.raises(postgres_server.PostgresUnavailableError, match="install"):
        postgres_server.find_programs()


def is_running(process: int) -> bool:
    """Whether a process runs code; one that has ended may keep its number a while."""
    command = Path(f"/proc/{process}/cmdline")
    return command.exists() and command.read_bytes() != b""


def test_the_private_server_is_gone_after_an_error() -> None:
    seen: list[tuple[Path, int]] = []

    def fail_while_it_runs() -> None:
        with postgres_server.postgres_server() as server:
            lines = (server.folder / "data" / "postmaster.pid").read_text().splitlines()
            seen.append((server.folder, int(lines[0])))
            assert is_running(int(lines[0]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_while_it_runs()
    ((folder, process),) = seen
    assert not folder.exists()
    assert not is_running(process)


@pytest.mark.parametrize("engine", list(Engine))
def test_survival_and_value_are_as_worked_out_by_hand(
    builds: dict[Engine, Build], engine: Engine
) -> None:
    rows = builds[engine].tables["engine_statistics"].to_pylist()
    cases = {row["given"]: row for row in rows}

    def column(name: str) -> dict[str, object]:
        return {row["given"]: row[name] for row in rows if row[name] is not None}

    # As many leave at once as are detractors; of all of them nobody knows an interval.
    assert column("survival") == {
        "nobody": 1,
        "one promoter": 1,
        "one detractor": 0,
        "two alike": 1,
        "three": pytest.approx(2 / 3),
        "three alike but for rounding": 1,
        "published": pytest.approx(29 / 31),
        "small": pytest.approx(13 / 15),
        "Newcombe": pytest.approx(0.8),
    }
    for given, row in cases.items():
        lower, upper = row["survival_lower"], row["survival_upper"]
        if row["survival"] == 1:
            assert (lower, upper) == (1, 1)
        elif given == "one detractor":
            assert (lower, upper) == (None, None)
    # ln(-ln(29/31)) -+ 1.96 sqrt(2 / (31 * 29)) / ln(29/31).
    row = cases["published"]
    found = row["survival_lower"], row["survival_upper"]
    assert found == pytest.approx((0.765880, 0.983463), abs=1e-6)
    # 1 / (1 + odds ((alpha + T) / (alpha + t))^shape), and no further than to e^600.
    assert column("probability_alive") == {
        "one promoter": pytest.approx(2 / 3),
        "one detractor": 1,
        "two alike": pytest.approx(1e-12 * exp(-600), rel=1e-9, abs=0),
        "three": pytest.approx(1 / (1 + 0.25 * exp(1)), rel=1e-3),
        "published": pytest.approx(1 / (1 + 0.5 * 4)),
        "small": pytest.approx(1),
    }
    # Their series next to 0: the numbers themselves, less half of the square.
    assert column("log_of_growth") == {
        "one promoter": 0,
        "one detractor": pytest.approx(1e-5 - 5e-11, rel=1e-10, abs=0),
        "two alike": pytest.approx(9.99e-6 - 4.990005e-11, rel=1e-9, abs=0),
        "three": pytest.approx(1e-44, rel=1e-12, abs=0),
        "published": pytest.approx(log(2)),
        "small": pytest.approx(log(1e12)),
    }
    assert column("share_gone") == {
        "one promoter": 0,
        "one detractor": pytest.approx(1e-5 - 5e-11, rel=1e-10, abs=0),
        "two alike": pytest.approx(9.99e-6 - 4.990005e-11, rel=1e-9, abs=0),
        "three": pytest.approx(1e-50, rel=1e-12, abs=0),
        "published": 1,
        "small": 1,
    }
    # p (gamma + x m) / (p x + q - 1), of nobody whose purchases have brought nothing.
    assert column("purchase_value") == {
        "one promoter": pytest.approx(6.25 * 15.44 / 2.74),
        "two alike": pytest.approx(6.25 * 6e14 / 3752.74),
        "three": pytest.approx(6.25 * 15.45 / 8.99),
        "published": pytest.approx(6.25 * 75.44 / 15.24),
    }
