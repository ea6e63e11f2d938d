"""What publishing on DuckDB takes for its own: a file, a folder of Parquet files."""

from pathlib import Path

import duckdb
import pytest

import published
import publishing
from errors import ConfigurationError
from published import DuckdbFile

RUNS = tuple(f"2025010{day}T000000Z-0abc" for day in range(1, 5))


@pytest.fixture
def place(tmp_path: Path) -> DuckdbFile:
    return DuckdbFile(tmp_path / "shop.duckdb", "shop")


def publish(place: DuckdbFile, run_id: str) -> Path:
    """Publish as a run: a table that knows it, in a file made by hand."""
    place.path.unlink(missing_ok=True)
    with duckdb.connect(str(place.path)) as database:
        database.execute(f"create table run_info as select '{run_id}' as run_id")
        database.execute(f"create table rpt_growth as select '{run_id}' as made_by")
    return publishing.publish_parquet(place)


def made_by(folder: Path) -> str:
    with duckdb.connect() as database:
        rows = database.execute(f"from '{folder}/rpt_growth.parquet'").fetchall()
    [(run_id,)] = rows
    return str(run_id)


def test_the_version_before_is_kept_and_no_more(place: DuckdbFile) -> None:
    for run_id in RUNS:
        assert made_by(publish(place, run_id)) == run_id
    folder = place.path.with_name("shop_parquet")
    assert {path.name for path in folder.iterdir()} == {"current", *RUNS[-2:]}
    assert made_by(folder / RUNS[-2]) == RUNS[-2]


def test_what_others_keep_beside_it_stays(place: DuckdbFile) -> None:
    folder = place.path.with_name("shop_parquet")
    others = {"archive", "zz_extracts", f"{RUNS[0]}_copy"}
    for name in others:
        (folder / name).mkdir(parents=True)
    for run_id in RUNS:
        assert made_by(publish(place, run_id)) == run_id
    names = {path.name for path in folder.iterdir()}
    assert names == {"current", *RUNS[-2:], *others}


def test_what_is_current_stays_though_the_clock_went_back(place: DuckdbFile) -> None:
    folder = place.path.with_name("shop_parquet")
    for run_id in RUNS[1:]:
        publish(place, run_id)
    assert made_by(publish(place, RUNS[0])) == RUNS[0]
    names = {path.name for path in folder.iterdir()}
    assert names == {"current", RUNS[0], RUNS[-1]}


def test_what_a_killed_run_has_left_is_removed(place: DuckdbFile) -> None:
    folder = place.path.with_name("shop_parquet")
    part = folder / ".part"
    part.mkdir(parents=True)
    (part / "rpt_half.parquet").write_bytes(b"PAR1")
    (folder / ".current").symlink_to(RUNS[1])
    current = publish(place, RUNS[0])
    assert {path.name for path in folder.iterdir()} == {"current", RUNS[0]}
    assert {path.stem for path in current.iterdir()} == {"run_info", "rpt_growth"}


def test_tables_by_the_same_names_are_no_publication(place: DuckdbFile) -> None:
    with duckdb.connect(str(place.path)) as database:
        for name in ("run_info", "run_figures"):
            database.execute(f"create table {name} as select 1 as id")
    with pytest.raises(ConfigurationError) as caught:
        published.last_publication(place)
    assert str(caught.value) == (
        f"{place.path} was not published by this project: move it away, or name "
        "another file in the variable published_path."
    )


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ("schema own; create table own.targets as select 1 as target", "own.targets"),
        ("table targets as select 1 as target", "targets"),
        ("view sales as select 1 as one", "sales"),
        ("macro twice(x) as 2 * x", "twice()"),
        ("sequence numbers", "numbers"),
        ("type mood as enum ('good')", "mood"),
    ],
)
def test_whatever_others_have_put_there_is_refused(
    place: DuckdbFile, made: str, name: str
) -> None:
    with duckdb.connect(str(place.path)) as database:
        database.execute(
            "create table run_info as select 'first' as run_id, "
            "date '2025-01-01' as as_of_date, 'shop' as project_name, "
            "'0.1.0' as package_version, 'rpt_growth' as published_tables, "
            "'UTC' as reporting_timezone, 'EUR' as reporting_currency"
        )
        database.execute("create table run_figures (figure varchar, value double)")
        database.execute("create table rpt_growth as select 1 as number")
    last = published.last_publication(place)
    assert last is not None
    assert last.columns == {"rpt_growth": {"number": "INTEGER"}}
    with duckdb.connect(str(place.path)) as database:
        database.execute(f"create {made}")
    with pytest.raises(ConfigurationError) as caught:
        published.last_publication(place)
    assert str(caught.value) == (
        f"{place.path} holds {name}, which the next publication would remove: move it "
        "elsewhere."
    )
