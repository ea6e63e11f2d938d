"""How each way to end a run is told: exit code, one sentence, files for machines."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from junitparser import JUnitXml

from postgres_server import postgres_server
from small_project import PUBLISHED_FILE, WORK_FILE, Answer, call, copy, rows, write

HERE = Path(__file__).parent
UNTOUCHED = "Nothing is published, what readers have is as it was."
RETRY = "Mend what failed, and go on with --retry."
CORRECT = "Correct it and run again."


@dataclass(frozen=True)
class Case:
    """What a run stumbles over, and how it ends.

    `files` are written into the project first; of none a file is removed. `options`
    are those of the run, `fail` is what the project is to fail at. The sentence may be
    the beginning, `remedy` is the end.
    """

    exit_code: int
    sentence: str
    remedy: str
    options: tuple[str, ...] = ()
    files: dict[str, str | None] = field(default_factory=dict)
    fail: str = ""
    is_built: bool = False


CASES = {
    "a failing data test": Case(
        1,
        f"test no_two failed: A number is never two. {UNTOUCHED}",
        RETRY,
        fail="test",
        is_built=True,
    ),
    "a failing unit test": Case(
        1,
        f"unit test sums_add_up failed. {UNTOUCHED}",
        RETRY,
        fail="unit test",
        is_built=True,
    ),
    "a model that stops": Case(
        1,
        f"model rpt_sums failed: The input numbers has 3 bad rows. {UNTOUCHED}",
        RETRY,
        ("--no-unit-tests",),
        fail="model",
        is_built=True,
    ),
    "two that fail": Case(
        1,
        "test no_three and 1 more failed: Got 1 result, configured to fail if != 0. "
        f"{UNTOUCHED}",
        RETRY,
        fail="test",
        files={
            "tests/no_three.sql": "select 3 as x from {{ ref('fct_numbers') }} limit 1"
        },
        is_built=True,
    ),
    "an input that is refused": Case(
        2,
        "model fct_numbers failed: The input numbers lacks its column number.",
        RETRY,
        fail="macro",
        is_built=True,
    ),
    "an unknown macro": Case(
        2,
        "model rpt_bad failed: 'nothing' is undefined.",
        RETRY,
        files={"models/rpt_bad.sql": "select {{ nothing(1) }}"},
        is_built=True,
    ),
    "a failing selection": Case(
        1,
        "test no_two failed: A number is never two. Mend",
        RETRY,
        ("--select", "fct_numbers"),
        fail="test",
        is_built=True,
    ),
    "broken Jinja": Case(
        2,
        "model rpt_bad (models/rpt_bad.sql): unexpected '}', expected ')' line 1",
        CORRECT,
        files={"models/rpt_bad.sql": "select {{ nothing( }} 1"},
    ),
    "a reference to nothing": Case(
        2,
        "Model 'model.customer_journey.rpt_bad' (models/rpt_bad.sql) depends on a node "
        "named 'nothing' which was not found.",
        CORRECT,
        files={"models/rpt_bad.sql": "select * from {{ ref('nothing') }}"},
    ),
    "a description that is not YAML": Case(
        2,
        "Error reading customer_journey: bad.yml - Runtime Error Syntax error near "
        "line 3.",
        CORRECT,
        files={"models/bad.yml": "models:\n - name: [\n"},
    ),
    "an unknown variable": Case(
        2,
        "the project has no variable number, did you mean numbers?",
        "?",
        ("--vars", "number: 1"),
    ),
    "variables that are none": Case(
        2, "--vars is not a YAML dictionary: numbers", "", ("--vars", "numbers")
    ),
    "variables that are not YAML": Case(
        2,
        "--vars is not a YAML dictionary: {numbers: [}",
        "",
        ("--vars", "{numbers: [}"),
    ),
    "a day that is none": Case(
        2,
        "--as-of is not a date (YYYY-MM-DD): 2024-02-30",
        "",
        ("--as-of", "2024-02-30"),
    ),
    # It would stop the publication, so it is said before the build.
    "a limit that is none": Case(
        2,
        "publish_max_loss is 'much': it must be a number, 0 or more.",
        "",
        ("--vars", "publish_max_loss: much"),
    ),
    "an empty selection": Case(
        2,
        "the selection matches nothing: nothing built.",
        "",
        ("--select", "tag:nothing"),
    ),
    "an unknown selector": Case(
        2,
        "Could not find selector named nothing, expected one of ['sums'].",
        "Choose one that selectors.yml has.",
        ("--selector", "nothing"),
    ),
    "an unknown target": Case(
        2,
        "The profile 'small' does not have a target named 'nothing'.",
        "Choose one of them with --target.",
        ("--target", "nothing"),
    ),
    "a server that does not answer": Case(
        1,
        'connection to server at "127.0.0.1", port 1 failed: Connection refused',
        "scripts/pipeline.py doctor tries it.",
        ("--target", "postgres"),
    ),
    "no profiles": Case(
        2,
        "Could not find profile named 'small'.",
        "name another one in dbt_project.yml (profile).",
        files={"profiles.yml": None},
    ),
    "an adapter that is not installed": Case(
        2,
        "Could not find adapter type nothing!",
        "Install the extra of the engine: pip install '.[postgres]' or '.[spark]'.",
        files={"profiles.yml": "small: {target: dev, outputs: {dev: {type: nothing}}}"},
    ),
    "profiles that are not YAML": Case(
        2,
        "dbt encountered an error while trying to read your profiles.yml file: Syntax "
        "error near line 2.",
        CORRECT,
        files={"profiles.yml": "small: [\n"},
    ),
    "a variable of the environment that is not set": Case(
        2,
        "Env var required but not provided: 'NOWHERE'.",
        "Set this variable of the environment.",
        files={
            "profiles.yml": "small: {target: dev, outputs: {dev: {type: duckdb, "
            "path: \"{{ env_var('NOWHERE') }}\"}}}"
        },
    ),
    "packages that are not installed": Case(
        2,
        "dbt found 1 package(s) specified in packages.yml, but only 0 package(s) "
        "installed in dbt_packages.",
        'Run "dbt deps" to install package dependencies.',
        files={"packages.yml": "packages: [{local: ../elsewhere}]"},
    ),
    "a damaged work file": Case(
        2,
        f"{WORK_FILE} is not a DuckDB database, or is damaged:",
        "move it away and run the pipeline again.",
        files={WORK_FILE: "not a database"},
    ),
    "a damaged published file": Case(
        2,
        f"{PUBLISHED_FILE} is not a DuckDB database, or is damaged:",
        "move it away and run the pipeline again.",
        files={PUBLISHED_FILE: "not a database"},
    ),
    "one file for the work and for readers": Case(
        2,
        "the profile builds in",
        "publish to another one (variable published_path).",
        ("--vars", f"published_path: {WORK_FILE}"),
    ),
    "nothing to retry": Case(
        2,
        "there is no last run that could be retried, or it did not come to its end:",
        "run without --retry.",
        ("--retry",),
        {"target/last_build/asked.json": None},
    ),
    "a validation that refuses": Case(
        3,
        "not published: numbers_are_there found something wrong. What readers have is "
        "as it was;",
        "--accept publishes all the same.",
        fail="validation",
        is_built=True,
    ),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose first run was good."""
    project = write(tmp_path_factory.mktemp("small") / "project")
    answer = call(project, "run", "--no-report", "--vars", "numbers: 90")
    assert answer.exit_code == 0, answer
    return project


@pytest.fixture
def project(published: Path, tmp_path: Path) -> Path:
    """Return a copy of that project for one test."""
    return copy(published, tmp_path / "project")


def version(project: Path) -> tuple[int, int]:
    """Return what changes when a file is published."""
    found = (project / PUBLISHED_FILE).stat()
    return found.st_ino, found.st_mtime_ns


def check_files(project: Path, answer: Answer) -> JUnitXml:
    """Check that the files for machines agree with the exit code; return JUnit's."""
    summary = json.loads((project / "target" / "run_summary.json").read_text())
    assert summary["exit_code"] == answer.exit_code
    assert answer.err == (f"Error: {summary['error']}\n" if summary["error"] else "")
    junit = JUnitXml.fromfile(str(project / "target" / "junit.xml"))
    bad = sum(
        case.result != [] and case.is_failure for suite in junit for case in suite
    )
    bad += sum(case.is_error for suite in junit for case in suite)
    assert (bad > 0) == (answer.exit_code > 0)
    return junit


@pytest.mark.parametrize("name", CASES)
def test_what_stops_a_run_is_one_sentence_with_a_remedy(
    name: str, project: Path
) -> None:
    case = CASES[name]
    for file, text in case.files.items():
        (project / file).unlink(missing_ok=True)
        if text is not None:
            (project / file).write_text(text)
    before = version(project)

    answer = call(
        project, "run", "--json", "--no-report", *case.options, fail=case.fail
    )

    assert answer.exit_code == case.exit_code, answer
    error = answer.summary["error"]
    # One sentence, or two: no trace, and no table.
    assert answer.err == f"Error: {error}\n"
    assert case.sentence in error
    assert error.endswith(case.remedy)
    assert answer.summary["exit_code"] == case.exit_code
    assert any(one["event"] == "node" for one in answer.events) == case.is_built
    assert version(project) == before
    check_files(project, answer)


def test_every_exit_code_is_provoked() -> None:
    # 0 and 4 have tests of their own.
    assert {case.exit_code for case in CASES.values()} == {1, 2, 3}


def test_a_good_run_is_told_to_people_and_to_machines(project: Path) -> None:
    words = call(project, "run", "--no-report")
    assert words.exit_code == 0
    assert words.err == ""
    assert words.out.splitlines()[-2:] == [
        f"Built:     {project / WORK_FILE}",
        f"Published: {project / PUBLISHED_FILE}",
    ]
    junit = check_files(project, words)
    cases = {suite.name: [case.name for case in suite] for suite in junit}
    assert cases["pipeline"] == ["run"]
    assert sorted(cases["dbt"]) == ["fct_numbers", "no_two", "rpt_sums", "sums_add_up"]
    assert "numbers_are_there" in cases["validation"]

    answer = call(project, "run", "--no-report", "--json")
    assert answer.exit_code == 0
    assert answer.err == ""
    assert [one["event"] for one in answer.events] == [*["node"] * 4, "summary"]
    summary = answer.summary
    assert (summary["exit_code"], summary["error"]) == (0, None)
    assert summary["counts"]["models"] == summary["counts"]["tests"] == 2
    assert summary["places"]["published"] == str(project / PUBLISHED_FILE)
    assert {table["name"]: table["rows"] for table in summary["tables"]} == {
        "fct_numbers": 100,
        "rpt_sums": 1,
    }
    written = json.loads((project / "target" / "run_summary.json").read_text())
    assert written | {"seconds": 0} == summary | {"seconds": 0}


def test_failures_stand_in_the_files_for_machines(project: Path) -> None:
    answer = call(project, "run", "--no-report", "--json", fail="unit test")
    [failure] = answer.summary["failures"]
    assert (failure["kind"], failure["name"]) == ("unit_test", "sums_add_up")
    # The difference is a table in colours, which XML cannot carry.
    assert "actual differs from expected" in failure["message"]
    assert "total" in failure["message"]
    assert "\x1b" not in failure["message"]
    junit = check_files(project, answer)
    found = {case.name: case for suite in junit for case in suite}
    assert found["sums_add_up"].is_failure
    assert found["rpt_sums"].is_skipped
    assert found["no_two"].is_passed

    refused = call(project, "run", "--no-report", fail="validation")
    found = {c.name: c for suite in check_files(project, refused) for c in suite}
    assert found["numbers_are_there"].is_failure
    assert "Found by numbers_are_there\n" in refused.out


def test_only_what_the_run_has_built_is_shown(project: Path) -> None:
    """A table of an earlier run is no answer to how many rows this one has made."""
    answer = call(project, "run", "--no-report", "--json", fail="macro")
    assert answer.summary["tables"] == []
    (project / WORK_FILE).unlink()
    # Where nothing was ever built, what failed is still what is said.
    words = call(project, "run", "--no-report", fail="macro")
    assert words.exit_code == 2
    assert "Failed model fct_numbers\n" in words.out
    assert "lacks its column number" in words.err


def test_what_validation_refuses_is_published_when_it_is_accepted(
    project: Path,
) -> None:
    refused = call(project, "run", "--no-report", fail="validation")
    assert refused.exit_code == 3
    validated = call(project, "validate", fail="validation")
    assert validated.exit_code == 3
    again = call(project, "publish", fail="validation")
    assert again.exit_code == 3
    before = version(project)

    words = ("run", "--no-report", "--retry", "--accept")
    accepted = call(project, *words, fail="validation")
    assert accepted.exit_code == 0
    assert accepted.err == "Warning: accepted what numbers_are_there found.\n"
    assert "Nothing had failed in the last run: nothing is built anew." in accepted.out
    assert version(project) != before
    assert rows(
        project / PUBLISHED_FILE,
        "select validation_verdict, accepted_findings, tests_passed from run_info",
    ) == [("accepted", "numbers_are_there", None)]


def test_the_wrong_project_is_not_published_over(project: Path) -> None:
    elsewhere = write(project.with_name("elsewhere"))
    # As another project leaves its publication.
    foreign = elsewhere / PUBLISHED_FILE
    foreign.parent.mkdir()
    shutil.copy(project / PUBLISHED_FILE, foreign)
    change(foreign, "update run_info set project_name = 'shop'")
    refused = call(elsewhere, "run", "--no-report")
    assert refused.exit_code == 2
    assert refused.err == (
        f"Error: {foreign} was published by the project shop, and this is "
        "customer_journey: move it away, or name another file in the variable "
        "published_path.\n"
    )
    assert not (elsewhere / WORK_FILE).exists()
    change(foreign, "drop table run_info")
    strange = call(elsewhere, "run", "--no-report")
    assert strange.exit_code == 2
    assert "was not published by this project: move it away" in strange.err


def change(file: Path, sql: str) -> None:
    """Change a DuckDB file."""
    import duckdb

    with duckdb.connect(str(file)) as database:
        database.execute(sql)


def test_a_project_that_cannot_be_read(project: Path) -> None:
    (project / "dbt_project.yml").write_text("name: [\n")
    broken = call(project, "run", "--json")
    assert broken.exit_code == broken.summary["exit_code"] == 2
    assert "dbt_project.yml is not YAML in line 2: " in broken.err
    examined = call(project, "doctor")
    assert examined.exit_code == 2
    assert "bad   project" in examined.out

    (project / "dbt_project.yml").unlink()
    sentence = f"{project} is no dbt project, as it has no dbt_project.yml: name the "
    for command in ("run", "validate", "publish", "fit", "report"):
        missing = call(project, command)
        assert missing.exit_code == 2
        assert missing.err == f"Error: {sentence}folder of one with --project-dir.\n"
    examined = call(project, "doctor", "--json")
    assert examined.exit_code == 2
    [line] = examined.events
    assert line["findings"][-1]["finding"].startswith(sentence)


def test_nothing_is_validated_or_published_before_it_is_built(tmp_path: Path) -> None:
    project = write(tmp_path)
    for command in ("validate", "publish"):
        answer = call(project, command)
        assert answer.exit_code == 2
        assert answer.err == (
            "Error: 2 of 2 tables are not built yet, such as fct_numbers: build them "
            "by a run without a selection.\n"
        )
    part = call(
        project, "run", "--publish", "--select", "fct_numbers", "--no-unit-tests"
    )
    assert part.exit_code == 2
    assert "1 of 2 tables are not built yet, such as rpt_sums" in part.err
    drawn = call(project, "report")
    assert drawn.exit_code == 2
    assert "Error: there is no " in drawn.err
    assert "scripts/pipeline.py run publishes it.\n" in drawn.err


def test_a_report_of_what_has_no_such_tables(project: Path) -> None:
    """As an older version of the package has left it."""
    drawn = call(project, "report")
    assert drawn.exit_code == 1
    assert drawn.err.startswith(f"Error: cannot read {project / PUBLISHED_FILE}: ")
    assert len(drawn.err.splitlines()) == 1


def test_a_missing_extra_is_said_before_anything_is_built(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    for name in [name for name in sys.modules if name.startswith("report")]:
        monkeypatch.delitem(sys.modules, name)
    answer = call(project, "run", "--report", "--json")
    assert answer.exit_code == 2
    assert answer.err.startswith("Error: the report needs what is missing: pip install")
    assert [one["event"] for one in answer.events] == ["summary"]
    assert call(project, "report").err == answer.err
    # Who has not asked for a report gets everything else.
    assert call(project, "run").exit_code == 0


def test_disks_that_are_full_or_read_only(project: Path, tmp_path: Path) -> None:
    """Nothing is lost, and the next run is good when there is room again."""
    disk = tmp_path / "disk"
    words = [sys.executable, str(HERE / "limited_disks.py"), str(project), str(disk)]
    apart = next(
        start
        for start in (["unshare", "-Urm"], ["unshare", "-m"], [])
        if subprocess.run([*start, "true"], check=False).returncode == 0
    )
    done = subprocess.run([*apart, *words], stdout=subprocess.PIPE, check=True)
    answers = {name: Answer(**one) for name, one in json.loads(done.stdout).items()}

    assert answers["publish before"].exit_code == 0
    assert answers["publish nowhere"].exit_code == 0
    full = "the disk is full. Make room for it and run again.\n"
    assert answers["publish"].exit_code == 1
    assert answers["publish"].err.splitlines(keepends=True)[1:] == [
        f"Error: cannot write {disk}/published.duckdb: {full}"
    ]
    # Half a file would be as long as a whole one and hold no table.
    assert answers["readers"].out == "10 .published.duckdb.lock published.duckdb"
    assert answers["readers again"].out.split()[0] == "200000"
    assert answers["build"].exit_code == 1
    assert answers["build"].err.startswith("Error: model fct_numbers failed: ")
    assert answers["build"].err.endswith(f"{UNTOUCHED} {RETRY}\n")
    assert answers["target"].exit_code == 1
    assert answers["target"].err == f"Error: cannot write into {disk}/target: {full}"
    for name in ("publish", "build", "target"):
        assert answers[f"{name} again"].exit_code == 0, answers[f"{name} again"]

    locks = {
        "read-only target": "new/pipeline.lock",
        "read-only work file": "new.lock",
        "read-only publication": ".published.duckdb.lock",
    }
    for name, lock in locks.items():
        assert answers[name].exit_code == 2
        assert answers[name].err.startswith("Error: cannot lock /")
        assert f"/{lock}: " in answers[name].err
        assert answers[name].err.endswith(
            "Give this user the right to write there, or name another place.\n"
        )
    assert answers["read-only target: doctor"].exit_code == 2
    assert "bad   lock " in answers["read-only target: doctor"].out
    assert answers["read-only work file: doctor"].exit_code == 2


def test_parquet_is_for_duckdb(project: Path) -> None:
    with postgres_server() as server:
        places = server.environment
        asked = ("--target", "postgres")
        answer = call(project, "run", "--json", "--parquet", *asked, environment=places)
        assert answer.exit_code == 2
        assert answer.err == "Error: --parquet is for DuckDB files: leave it out.\n"
        assert [one["event"] for one in answer.events] == ["summary"]
        examined = call(project, "doctor", *asked, environment=places)
        assert examined.exit_code == 0
        assert "PostgreSQL 15" in examined.out


def test_a_retry_goes_on_where_the_last_run_failed(project: Path) -> None:
    """It publishes once everything is good, and what it says is whole."""
    model = project / "models" / "rpt_sums.sql"
    good = model.read_text()
    model.write_text(
        "select sum(number) as total, nothing from {{ ref('fct_numbers') }}"
    )
    options = ("--vars", "numbers: 110", "--no-unit-tests", "--no-report")
    failed = call(project, "run", *options)
    assert failed.exit_code == 1
    assert "model rpt_sums failed: Referenced column" in failed.err
    # What others do with dbt in between is not what is retried.
    assert call(project, "validate").exit_code in (0, 2)
    again = call(project, "run", "--retry", "--no-report")
    assert (again.exit_code, again.err) == (1, failed.err)
    assert check_files(project, again) is not None
    before = version(project)

    model.write_text(good)
    answer = call(project, "run", "--retry", "--no-report", "--json")
    assert answer.exit_code == 0, answer
    built = [one["name"] for one in answer.events if one["event"] == "node"]
    assert built == ["rpt_sums"]
    assert version(project) != before
    [(whole,)] = rows(project / PUBLISHED_FILE, "select count(*) from fct_numbers")
    assert whole == 110
    assert rows(project / PUBLISHED_FILE, "from rpt_sums") == [(110 * 109 // 2,)]
    # Both tables are told of, not only the one that was left to build.
    assert [table["rows"] for table in answer.summary["tables"]] == [110, 1]


def test_a_retry_asks_for_what_the_last_run_was_asked_for(project: Path) -> None:
    options = ("--select", "fct_numbers", "--vars", "numbers: 110")
    assert call(project, "run", *options, fail="test").exit_code == 1
    before = version(project)
    again = call(project, "run", "--retry", fail="test")
    assert again.exit_code == 1
    assert "test no_two failed" in again.err
    for more in (("--select", "x"), ("--vars", "numbers: 1"), ("--target", "dev")):
        refused = call(project, "run", "--retry", *more)
        assert refused.exit_code == 2
        assert "--retry builds what the last run was asked for" in refused.err
    # What was refused before it built anything has not taken its place.
    wrong = ("run", "--vars", "publish_max_loss: much")
    assert call(project, *wrong).exit_code == 2
    good = call(project, "run", "--retry", "--json")
    assert good.exit_code == 0
    assert [one["name"] for one in good.events[:-1]] == ["no_two"]
    # A part is not published, by a retry neither.
    assert good.summary["is_whole"] is False
    assert version(project) == before
    assert call(project, "run", "--selector", "nothing").exit_code == 2
    assert call(project, "run", "--retry").exit_code == 2


def test_a_retry_of_a_good_run_publishes_it_again(project: Path) -> None:
    before = version(project)
    answer = call(project, "run", "--retry", "--no-report")
    assert answer.exit_code == 0
    assert "Nothing had failed in the last run: nothing is built anew." in answer.out
    assert version(project) != before


def test_what_fails_after_the_tables_are_out_says_that_they_are(
    project: Path,
) -> None:
    """Nobody looks for the reason of yesterday's figures who has those of today."""
    before = version(project)
    (project / PUBLISHED_FILE).with_suffix(".html").mkdir()
    answer = call(project, "run", "--retry", "--report")
    assert answer.exit_code == 1
    assert answer.err.startswith("Error: the tables are published, the report is not: ")
    assert len(answer.err.splitlines()) == 1
    assert version(project) != before


def test_a_profile_may_lie_where_dbt_looks_for_it(
    project: Path, tmp_path: Path
) -> None:
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    (project / "profiles.yml").rename(profiles / "profiles.yml")
    where = {"DBT_PROFILES_DIR": str(profiles)}
    answer = call(project, "run", "--no-publish", environment=where)
    assert (answer.exit_code, answer.err) == (0, "")


def test_a_part_is_published_only_when_that_is_said(project: Path) -> None:
    before = version(project)
    part = ("run", "--select", "rpt_sums", "--no-report")
    assert call(project, *part).exit_code == 0
    assert version(project) == before
    answer = call(project, *part, "--publish", "--json")
    assert answer.exit_code == 0
    assert version(project) != before
    assert answer.summary["is_whole"] is False
    assert [table["name"] for table in answer.summary["tables"]] == [
        "fct_numbers",
        "rpt_sums",
    ]


def test_who_publishes_nothing_needs_no_place_for_it(project: Path) -> None:
    (project / PUBLISHED_FILE).write_text("not a database")
    same = ("--vars", f"published_path: {WORK_FILE}")
    for options in (
        ("--no-publish",),
        ("--select", "rpt_sums"),
        ("--no-publish", *same),
    ):
        answer = call(project, "run", *options, "--json")
        assert (answer.exit_code, answer.err) == (0, "")
        assert answer.summary["places"] == {"built": str(project / WORK_FILE)}
        assert answer.summary["checks"] == []
    for option, sentence in (
        ("--parquet", "--parquet writes what is published, and nothing is"),
        ("--report", "this run publishes nothing to draw a report of"),
    ):
        refused = call(project, "run", "--no-publish", option)
        assert refused.exit_code == 2
        assert sentence in refused.err


@pytest.mark.parametrize(
    ("breaks", "check", "finding"),
    [
        (lambda p: (p / "profiles.yml").write_text("["), "project", "profiles.yml"),
        (
            lambda p: (p / "models" / "x.sql").write_text("{{ ref('y') }}"),
            "project",
            "depends on a node named 'y' which was not found",
        ),
        (
            lambda p: (p / WORK_FILE).write_text("x"),
            "database",
            "is not a DuckDB database, or is damaged: move it away",
        ),
        (
            lambda p: (p / PUBLISHED_FILE).write_text("x"),
            "publication",
            "is not a DuckDB database, or is damaged: move it away",
        ),
    ],
)
def test_doctor_finds_what_would_stop_a_run(
    project: Path, breaks: Callable[[Path], object], check: str, finding: str
) -> None:
    good = call(project, "doctor", "--json")
    assert good.exit_code == 0, good
    assert good.events[0]["is_good"] is True
    breaks(project)
    answer = call(project, "doctor", "--json")
    assert answer.exit_code == 2
    [bad] = [one for one in answer.events[0]["findings"] if one["status"] == "bad"]
    assert bad["check"] == check
    assert finding in bad["finding"]
    assert answer.err == ""


def test_doctor_tries_the_server(project: Path) -> None:
    answer = call(project, "doctor", "--target", "postgres")
    assert answer.exit_code == 2
    assert "Connection refused" in answer.out
