"""A dbt project of two tables that breaks where it is told to, and runs in a second.

It goes by the package's name, so that its tables are published like those of the
package, and asks for the package's variables of publishing. What it fails at stands in
the environment: for another variable of dbt's own, dbt would read everything anew.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import yaml
from typer.testing import CliRunner

PROJECT = Path(__file__).parents[2]
PIPELINE = PROJECT / "scripts" / "pipeline.py"
# What the scripts read of the package's variables.
ASKED_FOR = (
    *("as_of_date", "reporting_timezone", "reporting_currency", "small_sample_size"),
    *("published_path", "published_schema", "input_max_age_days"),
    *("publish_max_loss", "publish_max_growth"),
    *("publish_max_month_change", "publish_max_score_change"),
)
WORK_FILE = "warehouse/work.duckdb"
PUBLISHED_FILE = "warehouse/customer_journey.duckdb"
FILES = {
    "profiles.yml": """
small:
  target: dev
  outputs:
    dev:
      type: duckdb
      path: "{{ env_var('WORK_FILE', 'warehouse/work.duckdb') }}"
      threads: 1
    postgres:
      type: postgres
      host: "{{ env_var('PGHOST', '127.0.0.1') }}"
      port: "{{ env_var('PGPORT', '1') | as_number }}"
      user: "{{ env_var('PGUSER', 'nobody') }}"
      password: ""
      dbname: "{{ env_var('PGDATABASE', 'nothing') }}"
      schema: built
      threads: 1
""",
    "selectors.yml": """
selectors:
  - name: sums
    definition: rpt_sums
""",
    "models/fct_numbers.sql": """
{%- if env_var('FAIL', '') == 'macro' and execute %}
{{ exceptions.raise_compiler_error('The input numbers lacks its column number.') }}
{%- endif %}
select number, md5(cast(number as varchar)) as text
from (
    select cast(number as integer) as number
    from (select unnest(range({{ var('numbers') }})) as number) as numbers
) as numbers
""",
    "models/rpt_sums.sql": """
select sum(number) as total from {{ ref('fct_numbers') }}
{%- if env_var('FAIL', '') == 'slow' %}
cross join range(100000000000)
{%- endif %}
{%- if env_var('FAIL', '') == 'model' %}
having error('The input numbers has 3 bad rows.') is null
{%- endif %}
{%- if env_var('FAIL', '') == 'unit test' %}
having sum(number) <> 3
{%- endif %}
""",
    "models/rpt_sums.yml": """
data_tests:
  - name: no_two
    description: A number is never two.
unit_tests:
  - name: sums_add_up
    model: rpt_sums
    given:
      - input: ref('fct_numbers')
        rows: [{number: 1}, {number: 2}]
    expect:
      rows: [{total: 3}]
""",
    "tests/no_two.sql": """
select number from {{ ref('fct_numbers') }}
where number = {{ 2 if env_var('FAIL', '') == 'test' else -2 }}
""",
    "analyses/validation/last_days.sql": (
        "select 'as_of_date' as day_name, '2024-12-31' as last_day"
    ),
    "analyses/validation/run_figures_rows.sql": """
{%- for name in ['fct_numbers', 'rpt_sums'] %}
{{ 'union all' if not loop.first }}
select
    'rows.{{ name }}' as figure,
    '{{ name }}' as table_name,
    cast(count(*) as double precision) as value
from {{ ref(name) }}
{%- endfor %}
""",
    "analyses/validation/numbers_are_there.sql": """
select 'numbers' as measure, cast(null as varchar) as period, 1 as expected, 0 as found
where {{ 1 if env_var('FAIL', '') == 'validation' else 0 }} = 1
""",
    "analyses/validation/numbers_are_there.yml": """
analyses:
  - name: numbers_are_there
    description: There are numbers. Load them.
""",
}


@dataclass(frozen=True)
class Answer:
    """How a command ended: exit code, and what it printed."""

    exit_code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """What `--json` has printed."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        """The last line of `--json`."""
        last = self.events[-1]
        assert last.pop("event") == "summary"
        return last


def write(folder: Path) -> Path:
    """Write the project into a folder and return it."""
    declared = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    own = {name: declared["customer_journey"][name] for name in ASKED_FOR}
    project = {
        "name": "customer_journey",
        "version": "0.1.0",
        "profile": "small",
        "flags": {"send_anonymous_usage_stats": False},
        "models": {"+materialized": "table"},
        "vars": {"customer_journey": own | {"numbers": 100}},
    }
    # JSON is YAML too.
    texts = FILES | {"dbt_project.yml": json.dumps(project)}
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def copy(project: Path, folder: Path) -> Path:
    """Copy a project with all that was built in it, and return the copy."""
    return Path(shutil.copytree(project, folder, dirs_exist_ok=True))


def call(
    project: Path,
    *words: str,
    fail: str = "",
    environment: Mapping[str, str] | None = None,
) -> Answer:
    """Run a command on a project in this process, which may `fail` at something.

    An exception that the command lets through is raised.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    import pipeline

    with chdir(project), patch.dict(os.environ, {"FAIL": fail, **(environment or {})}):
        options = ["--project-dir", str(project)]
        done = CliRunner().invoke(pipeline.app, [*words, *options])
        DuckDBConnectionManager.close_all_connections()
    if not isinstance(done.exception, SystemExit | None):
        raise done.exception
    return Answer(done.exit_code, done.stdout, done.stderr)


def command(project: Path, *words: str) -> list[str | Path]:
    """Return what runs a command on a project in a process of its own."""
    return [sys.executable, PIPELINE, *words, "--project-dir", project]


def rows(file: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query over a DuckDB file."""
    with duckdb.connect(str(file), read_only=True) as database:
        return database.execute(sql).fetchall()
