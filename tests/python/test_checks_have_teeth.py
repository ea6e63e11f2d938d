"""Every checker fails, and names the rule, when that rule is broken on purpose."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def findings(tool: str, *arguments: str | Path) -> str:
    """Run a checker that must fail, from the project's folder; return what it says."""
    done = subprocess.run(
        [BIN / tool, *arguments], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_ruff_finds_an_unused_import_and_a_missing_type(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(
        '"""Broken."""\n\nimport os\n\n\ndef add(a, b):\n    return a + b\n'
    )
    found = findings("ruff", "check", "--config", "pyproject.toml", broken)
    for rule in ("F401", "ANN001", "ANN201", "D103"):
        assert rule in found


def test_mypy_finds_a_wrong_type_and_a_missing_one(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(
        "def one() -> int:\n    return '1'\n\n\ndef two(a):\n    return a\n"
    )
    found = findings("mypy", "--config-file", "pyproject.toml", broken)
    for rule in ("[return-value]", "[no-untyped-def]"):
        assert rule in found


def test_yamllint_finds_a_key_given_twice_and_an_empty_value(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text("name: one\nname: two\nempty:\n")
    found = findings("yamllint", "--strict", "-c", ".yamllint", broken)
    for rule in ("key-duplicates", "empty-values"):
        assert rule in found


def test_sqlfluff_finds_each_breach_of_the_style(tmp_path: Path) -> None:
    broken = {
        "CP01": "SELECT customer_id FROM customers",
        "AL06": "select a.customer_id from customers as a",
        "AL03": "select customer_id + 1, amount + 1 from customers",
        "AM05": "select * from customers join orders on true",
        "AM06": "select customer_id, count(*) as day_count from orders group by 1",
        "CV11": "select customer_id::text as customer_key from customers",
        "LT04": "select\n    customer_id\n    , amount\nfrom orders",
        "LT05": f"select {'a' * 90} from orders",
        "LT02": "select\n  customer_id,\n  amount\nfrom orders",
        "ST03": "with orders as (\n    select 1 as one\n)\n\nselect 2 as two",
        "RF02": "select amount from customers inner join orders using (customer_id)",
        # Known to DuckDB and Spark, not to PostgreSQL.
        "PRS": "select * from orders qualify row_number() over (order by amount) = 1",
    }
    for rule, sql in broken.items():
        (tmp_path / f"{rule.lower()}.sql").write_text(sql + "\n")
    report = findings(
        "sqlfluff", "lint", "--config", ".sqlfluff", "--format", "json", tmp_path
    )
    found = {
        (Path(file["filepath"]).stem.upper(), violation["code"])
        for file in json.loads(report)
        for violation in file["violations"]
    }
    assert {(rule, rule) for rule in broken} <= found


def test_dbt_bouncer_finds_each_breach_of_the_house(tmp_path: Path) -> None:
    subprocess.run(
        [BIN / "dbt", "--quiet", "parse", "--target-path", tmp_path],
        cwd=PROJECT,
        check=True,
    )
    path = tmp_path / "manifest.json"
    manifest: dict[str, Any] = json.loads(path.read_text())
    prefix = "model.customer_journey."
    model = manifest["nodes"][prefix + "rpt_growth"]
    model["name"] = "growth_report"
    model["description"] = ""
    model["raw_code"] += "\n-- again" * 120 + "\nselect current_date"
    model["depends_on"]["nodes"].append(prefix + "rpt_retention")
    model["patch_path"] = "customer_journey://models/marts/growth/all_models.yml"
    model["contract"]["enforced"] = False
    next(iter(model["columns"].values()))["description"] = ""
    path.write_text(json.dumps(manifest))
    settings = tmp_path / "dbt-bouncer.yml"
    rules = (PROJECT / "dbt-bouncer.yml").read_text()
    settings.write_text(
        rules.replace("dbt_artifacts_dir: target", f"dbt_artifacts_dir: {tmp_path}")
    )
    report = tmp_path / "report.json"

    findings("dbt-bouncer", "run", "--config-file", settings, "--output-file", report)

    found = {
        check["check_run_id"].split(":")[0]
        for check in json.loads(report.read_text())
        if check["outcome"] == "failed" and "rpt_growth" in check["check_run_id"]
    }
    assert found == {
        "check_lineage_permitted_upstream_models",
        "check_model_code_does_not_contain_regexp_pattern",
        "check_model_column_description_populated",
        "check_model_description_populated",
        "check_model_has_contracts_enforced",
        "check_model_max_number_of_lines",
        "check_model_names",
        "check_model_property_file_location",
    }
