"""Opens files that a user names, and says how a model reads them."""

import codecs
import gzip
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from profile_columns import split_words
from profile_databases import open_database
from profile_sql import identifier, literal
from profile_workspace import (
    ProfileError,
    Table,
    Workspace,
    check_file,
    is_full_disk,
    sentence_of,
)

TEXT_FILES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
JSON_FILES = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
PARQUET_FILES = (".parquet", ".pq")
DATABASE_FILES = (".duckdb", ".db", ".ddb")
HEAD_BYTES = 64 * 1024

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def open_file(work: Workspace, path: str, tables: Sequence[str]) -> list[Table]:
    """Return what a file holds: one table, or of a database those that are named.

    Raises ProfileError if there is no such file or nothing in it can be read.
    """
    is_pattern = "*" in path and not Path(path).exists()
    if not is_pattern:
        check_file(Path(path))
    lower = path.lower()
    if lower.endswith(DATABASE_FILES):
        return open_database(work, Path(path), tables)
    readers = {
        TEXT_FILES: _open_text,
        JSON_FILES: _open_json,
        PARQUET_FILES: _open_parquet,
    }
    for suffixes, reader in readers.items():
        if lower.endswith(suffixes):
            try:
                return [reader(work, path)]
            except duckdb.Error as error:
                if is_full_disk(error):
                    raise
                raise ProfileError(sentence_of(path, error)) from error
    raise ProfileError(
        f"{path} has no suffix that says what it is: profile reads CSV, TSV and text "
        "files, JSON, Parquet and DuckDB files. Export a workbook as CSV."
    )


def _name_of(path: str) -> str:
    stem = re.sub(r"(\.[A-Za-z]+)+$", "", Path(path).name)
    return split_words(stem.replace("*", "")) or "input"


def _open_parquet(work: Workspace, path: str) -> Table:
    shown = literal(work.path_from_project(Path(path)))
    relation = f"read_parquet({literal(str(Path(path).absolute()))})"
    work.connection.execute(f"describe select * from {relation}")
    return Table(
        _name_of(path), path, relation, f"select *\nfrom read_parquet({shown})"
    )


def _open_json(work: Workspace, path: str) -> Table:
    shown = literal(work.path_from_project(Path(path)))
    relation = _load(
        work, f"select * from read_json({literal(str(Path(path).absolute()))})"
    )
    return Table(_name_of(path), path, relation, f"select *\nfrom read_json({shown})")


def _open_text(work: Workspace, path: str) -> Table:
    """Open a file of text, every column of it as text.

    A type that was guessed from the first rows would take the zeros off a number such
    as 00123, and stop at the first row that is otherwise.
    """
    head = _head(path)
    if b"\0" in head and not head.startswith(_UTF16_MARKS):
        raise ProfileError(f"{path} is no text file, whatever its name.")
    options: dict[str, str] = {}
    notes = []
    encoding = _encoding(head)
    if encoding != "utf-8":
        options["encoding"] = literal(encoding)
        notes.append(f"The file is not UTF-8: read as {encoding}.")
    lines = head.decode(encoding, errors="ignore").splitlines()[:200]
    names = _blank_separated(lines)
    if names is not None:
        return _open_blank_separated(work, path, names, tuple(notes))
    _check_widths(path, lines)
    sniffed = _sniff(work, _first(path), options)
    options = sniffed | options
    if "header" in options:
        notes.append("The file has no header: columns are called by their number.")
    arguments = "".join(f", {name} = {value}" for name, value in options.items())
    absolute = literal(str(Path(path).absolute()))
    relation = _load(
        work, f"select * from read_csv({absolute}, all_varchar = true{arguments})"
    )
    shown = literal(work.path_from_project(Path(path)))
    call = f"read_csv({shown}, all_varchar = true{arguments})"
    if len(call) > 70:
        parts = [shown, "all_varchar = true"]
        parts += [f"{name} = {value}" for name, value in options.items()]
        call = "read_csv(\n    " + ",\n    ".join(parts) + "\n)"
    return Table(
        _name_of(path), path, relation, f"select *\nfrom {call}", notes=tuple(notes)
    )


def _head(path: str) -> bytes:
    """Return the beginning of a file, or of the first of several."""
    first = _first(path)
    if first.suffix == ".gz":
        try:
            with gzip.open(first) as file:
                return file.read(HEAD_BYTES)
        except gzip.BadGzipFile as error:
            raise ProfileError(
                f"{path} is not a gzip file, whatever its name."
            ) from error
    with first.open("rb") as file:
        return file.read(HEAD_BYTES)


def _first(path: str) -> Path:
    """Return the file, or the first of those that a pattern names."""
    found = sorted(Path(path).parent.glob(Path(path).name)) if "*" in path else []
    first = found[0] if found else Path(path)
    if not first.exists():
        raise ProfileError(f"no file matches {path}.")
    return first


def _encoding(head: bytes) -> str:
    if head.startswith(_UTF16_MARKS):
        return "utf-16"
    try:
        # A character may be cut at the end.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _blank_separated(lines: Sequence[str]) -> list[str] | None:
    """Return the columns of lines that are divided by blanks, else nothing."""
    filled = [line for line in lines if line.strip()]
    if any(mark in line for line in filled[1:] for mark in ",;\t|"):
        return None
    counts = {len(line.split()) for line in filled[1:-1] or filled}
    if len(counts) != 1 or counts == {1}:
        return None
    first = filled[0].split()
    (width,) = counts
    is_header = len(first) == width and not any(
        re.fullmatch(r"[\d.+-]+", word) for word in first
    )
    return first if is_header else [f"column{number}" for number in range(width)]


def _open_blank_separated(
    work: Workspace, path: str, names: Sequence[str], notes: tuple[str, ...]
) -> Table:
    has_header = not names[0].startswith("column0")
    skip = ", skip = 1" if has_header else ""
    fields = ",\n".join(
        f"    fields[{number}] as {identifier(split_words(name))}"
        for number, name in enumerate(names, start=1)
    )

    def select(file: str) -> str:
        return (
            f"select\n{fields}\nfrom (\n"
            r"    select string_split_regex(trim(line), '\s+') as fields"
            f"\n    from read_csv(\n        {literal(file)},\n"
            "        columns = {'line': 'varchar'},\n"
            r"        delim = '\t', quote = '', "
            f"header = false{skip}\n    )\n    where trim(line) <> ''\n) as split_lines"
        )

    relation = _load(work, select(str(Path(path).absolute())))
    more = [
        "Columns are divided by blanks: the model reads whole lines and splits them."
    ]
    if not has_header:
        more.append("The file has no header: columns are called by their number.")
    return Table(
        name=_name_of(path),
        label=path,
        relation=relation,
        import_sql=select(work.path_from_project(Path(path))),
        notes=(*notes, *more),
    )


def _check_widths(path: str, lines: Sequence[str]) -> None:
    """Name the first line that is no row of the table, which read_csv would hide."""
    mark = max(",;\t|", key=lines[0].count)
    if mark not in lines[0] or any('"' in line for line in lines):
        return
    width = lines[0].count(mark) + 1
    for number, line in enumerate(lines[:-1], start=1):
        found = line.count(mark) + 1
        if line and found != width:
            raise ProfileError(
                f"{path} cannot be read as a table: line {number} has {found} columns, "
                f"not {width}."
            )


def _sniff(work: Workspace, path: Path, options: Mapping[str, str]) -> dict[str, str]:
    """Return what read_csv must be told of a file, beyond what it assumes."""
    given = "".join(f", {name} = {value}" for name, value in options.items())
    found = work.connection.execute(
        "select Delimiter, HasHeader, Quote from "
        f"sniff_csv({literal(str(path.absolute()))}{given})"
    ).fetchone()
    delimiter, has_header, _ = found or (",", True, '"')
    told = {}
    if delimiter != ",":
        told["delim"] = literal(delimiter)
    if not has_header:
        told["header"] = "false"
    return told


def _load(work: Workspace, select: str) -> str:
    """Read rows once into the workspace and return the table that they are in."""
    (number,) = work.connection.execute(
        "select count(*) from duckdb_tables()"
    ).fetchone() or (0,)
    name = f"loaded_rows_{number}"
    work.connection.execute(f"create table {name} as {select}")
    return name
