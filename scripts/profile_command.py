"""The command `profile`: what it takes, what it prints, how it ends.

Exit codes: 0 a table looks like an input; 1 the disk is full; 2 no table does, or
something that is named cannot be read.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

# A literal, since what defines it takes a second to import.
PROJECT_DIR = Path(__file__).resolve().parent.parent
EPILOG = """
Examples:

pipeline.py profile shop_orders.csv events.parquet

pipeline.py profile orders.csv --input transactions --output proposed

pipeline.py profile warehouse.duckdb --table shop.orders

pipeline.py profile --target postgres --table shop.orders --table shop.events
"""


def profile(
    files: Annotated[
        list[str] | None,
        typer.Argument(help="CSV, text, JSON, Parquet or DuckDB files."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Target of profiles.yml whose tables to read.")
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option(help="Table of the target or of the DuckDB file; repeatable."),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="What a table is: INPUT or TABLE=INPUT."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write the proposed models into.")
    ] = None,
    is_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout.")
    ] = False,
    is_tried: Annotated[
        bool, typer.Option("--try/--no-try", help="Run the package on the proposals.")
    ] = True,
    project_dir: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="Your dbt project.")
    ] = PROJECT_DIR,
) -> None:
    """Look at your own tables and propose the models that make inputs of them.

    Nothing is changed: rows are read, counted, and tried in a temporary folder.
    """
    # DuckDB and rich take time to import: --help does not wait for them.
    import profile_report
    from errors import PipelineError
    from input_profile import Request
    from input_profile import profile as make

    request = Request(
        files=files or (),
        tables=table or (),
        target=target,
        inputs=inputs or (),
        output=output,
        project=project_dir,
        is_tried=is_tried,
    )
    try:
        with _progress() as tell:
            result = make(request, tell)
    except PipelineError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    if is_json:
        typer.echo(json.dumps(profile_report.document(result)))
    else:
        profile_report.show(result, profile_report.console())
    if not result.used:
        typer.echo(
            "Error: no table looks like an input: say which with --input.", err=True
        )
        raise typer.Exit(2)


def add_to(app: typer.Typer) -> None:
    """Make this a command of an application."""
    settings = {"help_option_names": ["-h", "--help"]}
    app.command("profile", epilog=EPILOG, context_settings=settings)(profile)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Yield what says on a terminal's stderr which step is being done."""
    from rich.console import Console

    out = Console(stderr=True, markup=False)
    if not out.is_terminal:
        yield lambda _: None
        return
    with out.status("") as status:
        yield status.update
