"""Fit the customer value models to the tables of a run and keep the parameters.

Reads what the warehouse has counted, and appends a row per fit period and model to
int_fitted_parameters; scoring is the warehouse's own work.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

import dbt_runner
import value_models
from value_models import Fit, MeanValues, PurchaseCounts

# What the parameters are read into, and all it feeds (dbt selection).
SCORED = "int_value_parameters+"
FIT_PERIODS = ("full", "calibration")
# What parameters that are of no use leave null, by fit period.
CONSEQUENCES = {
    "full": "its scores in fct_customer_value stay null",
    "calibration": "its expectations in rpt_value_calibration stay null",
}
TABLES = (
    *("int_run_parameters", "int_fit_periods", "int_value_counts", "int_value_means"),
    "int_fitted_parameters",
)
NO_TABLES = (
    "run the pipeline before a fit, and a selection of it with +int_value_counts "
    "+int_value_means"
)
PARAMETERS = ("r", "alpha", "a", "b", "p", "q", "gamma")
TIME_UNIT = "week"


class FitError(Exception):
    """There is nothing that could be fitted; the message is one sentence."""


@dataclass(frozen=True)
class PeriodFit:
    """A model fitted to the customers of a fit period; `seconds` without reading."""

    fit_period: str
    fit: Fit
    seconds: float

    @property
    def warning(self) -> str:
        """Why the parameters are of no use and what follows, or nothing."""
        verb = "is of no use" if self.fit.is_converged else "did not converge"
        return self.fit.problem and (
            f"the fit of {self.fit.model} to the {self.fit_period} period {verb}, so "
            f"{CONSEQUENCES[self.fit_period]}: {self.fit.problem}."
        )


@dataclass(frozen=True)
class _Run:
    """What the last run observed, and where its tables are."""

    currency: str
    end_dates: dict[str, date]
    relations: dict[str, str]


def fit(project: Path, options: Sequence[str]) -> tuple[PeriodFit, ...]:
    """Fit every model to every fit period, keep the parameters and return the fits.

    `options` go to dbt. Raises FitError if there are no tables of a run with these
    options, and dbt_runner.DbtError.
    """
    run = _find_run(project, options)
    fits = tuple(fit for period in FIT_PERIODS for fit in _fit_period(run, period))
    dbt_runner.execute(_insertion(run, fits))
    return fits


def _find_run(project: Path, options: Sequence[str]) -> _Run:
    """Return the run whose tables are in the warehouse that the options name."""
    # Not a query: only what names and a variable stand for on this target.
    names = [f"{{{{ ref('customer_journey', '{name}') }}}}" for name in TABLES]
    text = "\n".join([*names, "{{ var('as_of_date', none) }}"])
    inline = ["--inline", text, *options]
    (compiled,) = dbt_runner.run("compile", project, inline, lambda _: None)
    *places, asked_for = compiled.compiled_sql.split("\n")
    relations = dict(zip(TABLES, places, strict=True))
    try:
        _, [(as_of_date, currency)] = dbt_runner.query(
            "select cast(as_of_date as varchar(10)), reporting_currency "
            f"from {relations['int_run_parameters']}"
        )
        _, periods = dbt_runner.query(
            "select fit_period, cast(end_date as varchar(10)) "
            f"from {relations['int_fit_periods']}"
        )
    except dbt_runner.DbtConnectionError as error:
        raise FitError(f"{NO_TABLES}: {error}") from error
    if asked_for not in ("None", as_of_date):
        raise FitError(
            f"the tables are those of {as_of_date}, not of {asked_for}: run the "
            "pipeline as of that day first."
        )
    end_dates = {period: date.fromisoformat(end_date) for period, end_date in periods}
    return _Run(currency, end_dates, relations)


def _fit_period(run: _Run, fit_period: str) -> list[PeriodFit]:
    """Fit every model to the customers of a fit period."""
    counts = PurchaseCounts(
        *_read(
            run.relations["int_value_counts"],
            fit_period,
            {
                "repeat_purchase_days": np.int32,
                "last_repeat_age_days": np.int32,
                "age_days": np.int32,
                "customers": np.int64,
            },
        )
    )
    fits = [
        _timed(fit_period, value_models.fit_purchases, model, counts)
        for model in value_models.PURCHASE_MODELS
    ]
    means = MeanValues(
        *_read(
            run.relations["int_value_means"],
            fit_period,
            {
                "repeat_purchase_days": np.int32,
                "mean_repeat_value": np.float64,
                "customers": np.int64,
            },
        )
    )
    return [*fits, _timed(fit_period, value_models.fit_values, means)]


def _timed(fit_period: str, fit_model: Any, *arguments: Any) -> PeriodFit:
    start = time.perf_counter()
    fitted = fit_model(*arguments)
    return PeriodFit(fit_period, fitted, time.perf_counter() - start)


def _read(
    relation: str, fit_period: str, types: dict[str, DTypeLike]
) -> list[NDArray[Any]]:
    """Return the columns of a fit period, each in its type."""
    batches: list[list[NDArray[Any]]] = [[np.empty(0, kind) for kind in types.values()]]
    sql = f"select {', '.join(types)} from {relation} where fit_period = '{fit_period}'"
    try:
        for rows in dbt_runner.fetch(sql):
            table = np.array(rows, dtype=float)
            batches.append(
                [
                    column.astype(kind)
                    for column, kind in zip(table.T, types.values(), strict=True)
                ]
            )
    except dbt_runner.DbtConnectionError as error:
        raise FitError(f"{NO_TABLES}: {error}") from error
    return [np.concatenate(columns) for columns in zip(*batches, strict=True)]


def _insertion(run: _Run, fits: Sequence[PeriodFit]) -> str:
    """Return the statement that keeps the parameters of all fits."""
    now = datetime.now(UTC).replace(tzinfo=None)
    rows: list[dict[str, Any]] = [
        {
            "fit_period": one.fit_period,
            "model": one.fit.model,
            **{name: one.fit.parameters.get(name) for name in PARAMETERS},
            "time_unit": TIME_UNIT,
            "currency": run.currency,
            "as_of_date": run.end_dates[one.fit_period],
            "customers": one.fit.customers,
            "log_likelihood": one.fit.log_likelihood,
            "is_converged": one.fit.is_converged,
            "fitted_at": now,
        }
        for one in fits
    ]
    values = ",\n".join(f"({', '.join(map(_literal, row.values()))})" for row in rows)
    table = run.relations["int_fitted_parameters"]
    return f"insert into {table} ({', '.join(rows[0])}) values\n{values}"


def _literal(value: Any) -> str:
    """Return a value as SQL that every engine reads alike."""
    if value is None:
        return "null"
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, float):
        # With an exponent it is a double everywhere, and all its digits are kept.
        return f"{value:.17e}"
    if isinstance(value, datetime):
        return f"cast('{value:%Y-%m-%d %H:%M:%S.%f}' as timestamp)"
    if isinstance(value, date):
        return f"cast('{value}' as date)"
    return f"'{value}'"
