"""What `scripts/pipeline.py run` answers: exit codes, sentences, tables."""

import os
import pty
import re
import resource
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from dbt_runner import essential_sentence
from pipeline import app
from variables import given

PIPELINE = Path(__file__).parents[2] / "scripts" / "pipeline.py"
COMMANDS = sorted(
    one.name or one.callback.__name__ for one in app.registered_commands if one.callback
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# A project of two tables that breaks where the variable `fail` says.
FILES = {
    "dbt_project.yml": """
name: scratch
version: 0.0.1
profile: scratch
models:
  +materialized: table
vars:
  scratch: {as_of_date: null, fail: []}
""",
    "profiles.yml": """
scratch:
  target: dev
  outputs:
    dev: {type: duckdb, path: scratch.duckdb, threads: 1}
""",
    "models/rpt_numbers.sql": """
select cast(number as integer) as number
from (values (1), (2), (3)) as numbers (number)
""",
    "models/rpt_sum.sql": """
select sum(number) as total from {{ ref('rpt_numbers') }}
{%- if 'model' in var('fail') %}
having error('The input orders has 3 bad rows.') is null
{%- endif %}
""",
    "models/rpt_sum.yml": """
data_tests:
  - name: no_two
    description: A number is never two.
""",
    "tests/no_two.sql": """
{{ config(enabled='test' in var('fail')) }}
select number from {{ ref('rpt_numbers') }} where number = 2
""",
}


@dataclass(frozen=True)
class Answer:
    """How the command ended: exit code and what it printed."""

    exit_code: int
    out: str
    err: str


def pipeline(
    *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> Answer:
    """Run the command as a user does, with output that is no terminal."""
    done = subprocess.run(
        [sys.executable, PIPELINE, *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | dict(environment or {}),
    )
    assert "Traceback" not in done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("scratch")
    for name, text in FILES.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    return project


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=str)
def test_help_is_instant_and_names_exit_codes(words: list[str]) -> None:
    # Processor time: the wall time of a busy machine says nothing of the command.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = pipeline(*words, "--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert answer.exit_code == 0
    text = " ".join(answer.out.split())
    assert (
        "Exit codes: 0 good; 1 build or test failed; 2 usage or configuration; "
        "3 validation refused to publish; 4 another run holds the lock."
    ) in text
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used < 0.5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--threads", "0"], "Invalid value for '--threads'"),
        (["--project-dir", "nowhere"], "Invalid value for '--project-dir'"),
        (["--selekt", "x"], "No such option: --selekt"),
        (["--selector", "x", "--select", "y"], "--selector names a whole selection"),
        (["--selector", "x", "--exclude", "y"], "--selector names a whole selection"),
        (["--retry", "--no-unit-tests"], "what the last run was asked for"),
    ],
)
def test_wrong_usage_is_told_at_once(
    scratch: Path, options: list[str], sentence: str
) -> None:
    answer = pipeline("run", "--project-dir", scratch, *options)
    assert answer.exit_code == 2
    assert sentence in answer.err


def test_a_day_is_text_with_quotes_and_without(scratch: Path) -> None:
    for text in ("as_of_date: 2024-02-29", "as_of_date: '2024-02-29'"):
        assert given(scratch, text, None) == {"as_of_date": "2024-02-29"}


def test_a_good_run_says_what_was_built_and_where(scratch: Path) -> None:
    answer = pipeline(
        "run", "--project-dir", scratch, "--as-of", "2024-02-29", "--full-refresh"
    )
    assert answer.exit_code == 0
    assert "[  2/2] success" in answer.out
    assert "\x1b" not in answer.out
    assert "━" not in answer.out
    rows = [line.split()[:2] for line in answer.out.splitlines()]
    assert ["main.rpt_numbers", "3"] in rows
    assert ["main.rpt_sum", "1"] in rows
    assert "Good: 0 seeds, 2 models, 0 tests. Failed: 0. Skipped: 0." in answer.out
    output = scratch / "scratch.duckdb"
    assert f"Built:     {output}" in answer.out
    assert output.exists()


def test_failures_are_named_with_their_reason_and_1(scratch: Path) -> None:
    test = pipeline("run", "--project-dir", scratch, "--vars", "fail: [test]")
    assert test.exit_code == 1
    assert (
        "Failed test no_two\n  A number is never two.\n"
        "  Got 1 result, configured to fail if != 0\n  number=2\n"
    ) in test.out
    model = pipeline("run", "--project-dir", scratch, "--vars", "fail: [model]")
    assert model.exit_code == 1
    assert "Failed model rpt_sum\n  The input orders has 3 bad rows.\n" in model.out


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_reader_that_goes_away_does_not_hang_the_run(
    scratch: Path, options: tuple[str, ...]
) -> None:
    with subprocess.Popen(
        [sys.executable, PIPELINE, "run", "--project-dir", scratch, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.wait(timeout=120) == 1
        assert running.stderr.read() == (
            "Error: nobody reads the output any more, so the command stopped: send it "
            "to a file if you do not want to read to the end.\n"
        )


def on_terminal(*arguments: str | Path, **environment: str) -> str:
    """Return what a good command prints on a terminal, with all that steers it."""
    master, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, PIPELINE, *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120"} | environment,
    ) as running:
        os.close(terminal)
        printed = b""
        # Linux ends a terminal that nobody writes to any more with an error.
        with suppress(OSError):
            while piece := os.read(master, 65536):
                printed += piece
        os.close(master)
        assert running.wait(timeout=120) == 0
    return printed.decode()


def test_progress_is_a_bar_on_a_terminal_only(scratch: Path) -> None:
    words = ("run", "--project-dir", scratch, "--vars", "fail: []")
    printed = on_terminal(*words)
    # Model, bar, nodes, time elapsed and time left.
    bar = re.compile(r"rpt_sum +━+╺?━* [12]/2 \d:\d\d:\d\d (?:\d:\d\d:\d\d|-:--:--)")
    assert bar.search(COLOUR.sub("", printed))
    # It is wiped away, and what stays is a table.
    after = printed.rpartition("━")[2]
    assert "\x1b[2K" in after
    assert "Good: 0 seeds, 2 models, 0 tests." in after
    assert "[  1/2]" not in printed
    assert "\x1b[1;32mGood" in printed

    plain = on_terminal(*words, NO_COLOR="1")
    assert "━" in plain
    # Bold is no colour.
    assert set(COLOUR.findall(plain)) <= {"\x1b[0m", "\x1b[1m"}


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            "Runtime Error in model m (models/m.sql)\n  Invalid Input Error: Too bad.",
            "Too bad.",
        ),
        (
            "Compilation Error in model m (models/m.sql)\n  Too bad.\n  \n"
            "  > in macro check (macros/check.sql)\n  > called by model m",
            "Too bad.",
        ),
        (
            'Database Error in model m (models/m.sql)\n  column "x" is missing\n'
            "  LINE 3: select x\n                 ^\n  compiled code at target/m.sql",
            'column "x" is missing',
        ),
        ("Something else", "Something else"),
    ],
)
def test_the_essential_sentence(message: str, sentence: str) -> None:
    assert essential_sentence(message) == sentence


@pytest.mark.parametrize(
    "message",
    [
        "Runtime Error in model m (models/m.sql)\n  Invalid Input Error: too few rows.",
        "Database Error in model m (models/m.sql)\n"
        '  invalid input syntax for type boolean: "too few rows."',
        "Runtime Error in model m (models/m.sql)\n"
        "  [USER_RAISED_EXCEPTION] too few rows. SQLSTATE: P0001",
    ],
)
def test_a_stop_reads_the_same_on_every_engine(message: str) -> None:
    assert essential_sentence(message) == "too few rows."
