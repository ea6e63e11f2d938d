PYTHON ?= python3
BIN := .venv/bin
# What only the tests need.
CHECKERS := .venv/browser .venv/schedulers .venv-airflow/installed

# Pins every package, also those that pip fetches to prepare the project itself.
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help venv demo test lint parity example-cdnow example-complete-journey \
    example-sfo-survey example-subscription docs benchmark clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | \
	    while IFS='|' read -r name text; do printf '%-26s %s\n' "$$name" "$$text"; done

.venv/base: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11" >&2; \
	    exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[report,value]'
	@touch $@

.venv/dev: .venv/base
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

# The report is looked at in a real browser.
.venv/browser: | .venv/dev
	@command -v chromium >/dev/null || { \
	    apt-get -qq update && apt-get -qq install --yes --no-install-recommends \
	        chromium >/dev/null; } || { \
	    echo "Chromium is needed to check the report: install it, or run this as root" \
	        "on Debian" >&2; exit 2; }
	@touch $@

# What reads the schedules of cron and systemd. RUNLEVEL keeps cron from being started.
.venv/schedulers: | .venv/dev
	@{ command -v crontab && command -v shellcheck && command -v systemd-analyze; } \
	    >/dev/null || { \
	    apt-get -qq update && RUNLEVEL=1 apt-get -qq install --yes \
	        --no-install-recommends cron shellcheck systemd >/dev/null; } || { \
	    echo "cron, shellcheck and systemd are needed to check the schedules: install" \
	        "them, or run this as root on Debian" >&2; exit 2; }
	@touch $@

# Airflow and dbt want different packages.
.venv-airflow/installed: $(addprefix examples/schedules/airflow/,requirements.txt \
    constraints.txt)
	$(PYTHON) -m venv .venv-airflow
	PIP_CONSTRAINT=examples/schedules/airflow/constraints.txt \
	    .venv-airflow/bin/pip install --quiet \
	    --requirement examples/schedules/airflow/requirements.txt
	@touch $@

# The oldest DuckDB that opens what is published.
.venv/duckdb-1.2: | .venv/base
	PIP_CONSTRAINT= $(BIN)/pip install --quiet --no-deps --target $@ 'duckdb>=1.2,<1.3'

venv: .venv/dev ## install everything into .venv, the checks included

demo: .venv/base ## build the sample company on DuckDB
	$(BIN)/python scripts/pipeline.py run --fit --vars 'reporting_timezone: America/New_York'

test: lint demo $(CHECKERS) .venv/duckdb-1.2 ## everything that the project checks
	$(BIN)/pytest --numprocesses auto --maxprocesses 4

lint: .venv/dev ## style, types, names, lineage
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/sqlfluff lint --processes 2 models tests/singular
	$(BIN)/dbt --quiet parse
	$(BIN)/dbt-bouncer run

parity: .venv/dev ## build on DuckDB, PostgreSQL and Spark and compare every table
	$(BIN)/python scripts/parity.py

example-cdnow: .venv/base ## a real shop: 23,570 customers of CDNOW
	$(BIN)/python scripts/run_example.py cdnow

example-complete-journey: .venv/base ## a real grocer: 2,469 households, campaigns, coupons
	$(BIN)/python scripts/run_example.py complete_journey

example-sfo-survey: .venv/base ## a real survey: 14,503 passengers of an airport, no purchases
	$(BIN)/python scripts/run_example.py sfo_survey

example-subscription: .venv/base ## a journey of one's own: trial, subscription, renewal
	$(BIN)/python scripts/run_example.py subscription

# Nothing is compiled: the page is the same before the first build and after it, but for
# the types and sizes of the tables that are there.
docs: .venv/base ## every table, column, metric and its lineage in one page, for a browser
	$(BIN)/dbt --quiet parse
	$(BIN)/dbt --quiet docs generate --static --no-compile
	@echo "Open target/static_index.html#!/overview/customer_journey in a browser."

benchmark: .venv/dev ## 10 million transactions, beside the same SQL written by hand
	$(BIN)/python scripts/benchmark.py

clean: ## remove what was built, keep .venv
	rm -rf target logs warehouse/* dbt_packages examples/*/target examples/*/logs \
	    examples/*/dbt_packages examples/schedules/*/target examples/schedules/*/logs \
	    examples/schedules/*/dbt_packages
