"""Fits of the customer value models: published numbers, planted truths, bad data."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import psycopg2
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.integrate import quad
from scipy.special import betaln, gammaln
from typer.testing import CliRunner

import cdnow
import dbt_runner
import pipeline as command
import value_models
from harness import dbt, write_root_project
from postgres_server import postgres_server
from test_pipeline import Answer, pipeline
from value_models import Fit, MeanValues, PurchaseCounts

Floats = NDArray[np.float64]
WEEK = 7
FEW_VALUES = (
    *((1, 5.0, 3), (1, 21.0, 4), (1, 60.0, 2), (2, 9.0, 4), (2, 26.0, 4)),
    *((2, 38.0, 1), (9, 14.0, 2), (9, 19.0, 2), (9, 31.0, 1)),
)
QUANTILES = np.linspace(0.02, 0.98, 25)
# Customers of whom each model is fitted without trouble: x, t_x, T (days), customers.
FEW = (
    (0, 0, 90, 60),
    (0, 0, 250, 40),
    (1, 20, 90, 12),
    (1, 45, 250, 9),
    (2, 60, 90, 8),
    (3, 60, 250, 7),
    (5, 230, 250, 6),
    (45, 244, 250, 4),
)


def counts_of(*groups: tuple[int, int, int, int]) -> PurchaseCounts:
    """Return counts as they come from the warehouse."""
    columns = np.array(groups, dtype=np.int64).reshape(-1, 4).T
    return PurchaseCounts(*columns)


def means_of(*groups: tuple[int, float, int]) -> MeanValues:
    """Return mean values as they come from the warehouse."""
    columns = np.array(groups, dtype=float).reshape(-1, 3).T
    return MeanValues(columns[0].astype(int), columns[1], columns[2].astype(int))


def log_likelihoods(
    model: str, counts: PurchaseCounts, r: float, alpha: float, a: float, b: float
) -> Floats:
    """Return the log-likelihood of each group, in the form that the papers print."""
    x = counts.repeat_purchase_days.astype(float)
    last, age = counts.last_repeat_age_days / WEEK, counts.age_days / WEEK
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    is_modified = model == "mbg_nbd"
    stays = betaln(a, b + x + is_modified) - (r + x) * np.log(alpha + age)
    with np.errstate(divide="ignore", invalid="ignore"):
        leaves = betaln(a + 1, b + x - 1 + is_modified)
    leaves = leaves - (r + x) * np.log(alpha + last)
    if not is_modified:
        leaves = np.where(x > 0, leaves, -np.inf)
    return np.asarray(common - betaln(a, b) + np.logaddexp(stays, leaves))


def simulate(
    model: str, seed: int, size: int, r: float, alpha: float, a: float, b: float
) -> PurchaseCounts:
    """Draw customers who buy and leave as the model says, observed 200 to 700 days."""
    rng = np.random.default_rng(seed)
    age = rng.integers(200, 701, size)
    daily_rate = rng.gamma(r, 1 / alpha, size) / WEEK
    leaving = rng.beta(a, b, size)
    x, last = np.zeros(size, int), np.zeros(size, int)
    time = np.zeros(size)
    living = np.flatnonzero((model == "bg_nbd") | (rng.random(size) >= leaving))
    while len(living):
        time[living] += rng.exponential(1 / daily_rate[living])
        living = living[time[living] < age[living]]
        day = np.ceil(time[living]).astype(int)
        # A second purchase on one day is no occasion of its own.
        x[living] += day > last[living]
        last[living] = day
        living = living[rng.random(len(living)) >= leaving[living]]
    return PurchaseCounts(x, last, age, np.ones(size, int))


@cache
def cdnow_customers() -> pd.DataFrame:
    """Return x, t_x, T (days) and m_x of the sample's customers until 1997-09-30."""
    end = pd.Timestamp("1997-09-30")
    rows = cdnow.sample()
    rows["day"] = pd.to_datetime(rows["occurred_at"])
    rows["amount"] = rows["amount"].astype(float)
    rows = rows[rows["day"] <= end]
    days = rows.groupby(["customer_id", "day"])["amount"].sum().reset_index()
    first = days.groupby("customer_id")["day"].transform("min")
    customers = days.groupby("customer_id")["day"].agg(["min", "max", "size"])
    repeats = days[days["day"] > first].groupby("customer_id")["amount"].sum()
    x = customers["size"] - 1
    return pd.DataFrame(
        {
            "x": x,
            "last": (customers["max"] - customers["min"]).dt.days,
            "age": (end - customers["min"]).dt.days,
            "mean": repeats / x,
        }
    )


def cdnow_counts() -> PurchaseCounts:
    """Return the sample's customers, one by one."""
    table = cdnow_customers()
    x, last, age = (table[name].to_numpy() for name in ("x", "last", "age"))
    return PurchaseCounts(x, last, age, np.ones(len(table), int))


@pytest.mark.parametrize(
    ("model", "published"),
    [
        ("bg_nbd", {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}),
        ("mbg_nbd", {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}),
    ],
)
def test_purchases_of_cdnow_as_published(
    model: str, published: dict[str, float]
) -> None:
    fit = value_models.fit_purchases(model, cdnow_counts())
    assert fit.is_converged
    assert fit.customers == 2357
    assert {name: round(x, 3) for name, x in fit.parameters.items()} == published
    if model == "bg_nbd":
        assert fit.log_likelihood == pytest.approx(-9582.4, abs=0.05)


def test_values_of_cdnow_as_published() -> None:
    table = cdnow_customers().query("x > 0")
    # Nobody's repeat purchases cost nothing, so leaving such out changes nothing here.
    assert (table["mean"] > 0).all()
    fit = value_models.fit_values(
        MeanValues(
            table["x"].to_numpy(), table["mean"].to_numpy(), np.ones(len(table), int)
        )
    )
    assert fit.is_converged
    assert fit.customers == 946
    rounded = {name: round(x, 2) for name, x in fit.parameters.items()}
    assert rounded == {"p": 6.25, "q": 3.74, "gamma": 15.44}


@pytest.mark.parametrize("model", value_models.PURCHASE_MODELS)
def test_likelihood_is_the_papers_and_no_step_leads_higher(model: str) -> None:
    for counts in (counts_of(*FEW), cdnow_counts()):
        fit = value_models.fit_purchases(model, counts)
        assert fit.is_converged

        def total(
            parameters: dict[str, float], counts: PurchaseCounts = counts
        ) -> float:
            return float(
                counts.customers @ log_likelihoods(model, counts, **parameters)
            )

        best = total(dict(fit.parameters))
        assert fit.log_likelihood == pytest.approx(best, rel=1e-12)
        for name, value in fit.parameters.items():
            for factor in (0.97, 0.999, 1.001, 1.03):
                assert total({**fit.parameters, name: value * factor}) < best


@pytest.mark.parametrize("model", value_models.PURCHASE_MODELS)
def test_likelihood_is_the_integral_over_customers(model: str) -> None:
    """From how customers are said to behave, without the paper's algebra."""
    counts = counts_of(*FEW)
    fit = value_models.fit_purchases(model, counts)
    r, alpha, a, b = fit.parameters.values()
    rate, leaving = stats.gamma(r, scale=1 / alpha), stats.beta(a, b)

    def mean_over_rates(purchases: int, weeks: float) -> float:
        def density(u: float) -> float:
            x = rate.ppf(u)
            return float(x**purchases * np.exp(-x * weeks))

        return float(quad(density, 0, 1, limit=500, epsabs=0, epsrel=1e-9)[0])

    def mean_over_leaving(stays: int, is_leaving: bool) -> float:
        def density(u: float) -> float:
            p = leaving.ppf(u)
            return float((1 - p) ** stays * (p if is_leaving else 1))

        return float(quad(density, 0, 1, limit=500, epsabs=0, epsrel=1e-9)[0])

    total = 0.0
    for x, last, age, customers in FEW:
        chances = x + (model == "mbg_nbd")
        likelihood = mean_over_rates(x, age / WEEK) * mean_over_leaving(chances, False)
        if chances:
            likelihood += mean_over_rates(x, last / WEEK) * mean_over_leaving(
                chances - 1, True
            )
        total += customers * np.log(likelihood)
    assert fit.log_likelihood == pytest.approx(total, rel=1e-7)


def test_likelihood_of_values_is_the_integral_over_customers() -> None:
    fit = value_models.fit_values(means_of(*FEW_VALUES))
    assert fit.is_converged
    p, q, gamma = fit.parameters.values()
    scale = stats.gamma(q, scale=1 / gamma)
    total = sum(
        customers
        * np.log(
            quad(
                lambda u, x=x, mean=mean: stats.gamma.pdf(
                    mean, p * x, scale=1 / (scale.ppf(u) * x)
                ),
                0,
                1,
                limit=500,
                epsabs=0,
                epsrel=1e-9,
            )[0]
        )
        for x, mean, customers in FEW_VALUES
    )
    assert fit.log_likelihood == pytest.approx(total, rel=1e-7)


@pytest.mark.parametrize(
    ("model", "truth"),
    [
        ("bg_nbd", (0.4, 8.0, 0.8, 2.5)),
        ("mbg_nbd", (0.8, 12.0, 0.6, 2.0)),
        ("mbg_nbd", (2.0, 30.0, 1.5, 12.0)),
    ],
)
def test_planted_parameters_are_recovered(
    model: str, truth: tuple[float, float, float, float]
) -> None:
    """Twice the log-likelihood gained over the truth is chi-squared, 4 a sample."""
    gains, seeds, size = [], range(6), 4000
    for seed in seeds:
        counts = simulate(model, seed, size, *truth)
        fit = value_models.fit_purchases(model, counts)
        assert fit.is_converged
        assert fit.log_likelihood is not None
        at_truth = float(log_likelihoods(model, counts, *truth).sum())
        gains.append(2 * (fit.log_likelihood - at_truth))
    assert min(gains) > 0
    # Days instead of moments cost a little, which the upper limit leaves room for.
    low, high = stats.chi2(4 * len(gains)).ppf([0.001, 0.999])
    assert low < sum(gains) < high


def test_planted_values_are_recovered() -> None:
    """The mean value p gamma / (q - 1) within four standard errors, over ten seeds."""
    p, q, gamma = 5.0, 4.0, 60.0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x = rng.integers(1, 6, 3000)
        mean = rng.gamma(p * x) / (rng.gamma(q, 1 / gamma, 3000) * x)
        fit = value_models.fit_values(MeanValues(x, mean, np.ones(3000, int)))
        assert fit.is_converged
        found = fit.parameters
        implied = found["p"] * found["gamma"] / (found["q"] - 1)
        error = mean.std() / np.sqrt(len(mean))
        assert implied == pytest.approx(p * gamma / (q - 1), abs=4 * error)
        assert found["p"] == pytest.approx(p, rel=0.3)
        assert found["q"] == pytest.approx(q, rel=0.3)


@pytest.mark.parametrize("model", value_models.PURCHASE_MODELS)
def test_counts_in_any_grouping_and_order_fit_alike(model: str) -> None:
    single = simulate(model, 1, 2000, 0.8, 12.0, 0.6, 2.0)
    columns = ["x", "last", "age"]
    table = pd.DataFrame(
        dict(
            zip(
                columns,
                (
                    single.repeat_purchase_days,
                    single.last_repeat_age_days,
                    single.age_days,
                ),
                strict=True,
            )
        )
    )
    grouped = (
        table.groupby(columns, as_index=False).size().sample(frac=1, random_state=1)
    )
    assert len(grouped) < len(table)
    fits = [
        value_models.fit_purchases(model, counts)
        for counts in (
            single,
            PurchaseCounts(*(grouped[name].to_numpy() for name in [*columns, "size"])),
        )
    ]
    # To the last bit: the engines return groups in orders of their own.
    assert fits[0] == fits[1]


def test_values_in_any_order_and_currency_fit_alike() -> None:
    rng = np.random.default_rng(3)
    x, mean = rng.integers(1, 5, 500), rng.gamma(4, 5, 500) / rng.gamma(3, 1, 500)
    ones = np.ones(500, int)
    fit = value_models.fit_values(MeanValues(x, mean, ones))
    turned = value_models.fit_values(MeanValues(x[::-1], mean[::-1], ones))
    assert fit == turned
    minor = value_models.fit_values(MeanValues(x, mean * 1e5, ones))
    assert minor.parameters["p"] == pytest.approx(fit.parameters["p"], rel=1e-7)
    assert minor.parameters["gamma"] == pytest.approx(
        1e5 * fit.parameters["gamma"], rel=1e-7
    )
    assert fit.log_likelihood is not None
    assert minor.log_likelihood == pytest.approx(
        fit.log_likelihood - 500 * np.log(1e5), rel=1e-9
    )


@pytest.mark.parametrize(
    ("groups", "problem"),
    [
        ([], "no customers"),
        ([(1, 20, 30, 0)], "no customers"),
        ([(0, 0, 0, 7), (0, 0, 100, 3)], "none of 10 customers repeated"),
        ([(3, 100, 120, 1)], "1 different histories are too few"),
        (list(FEW[:4]), "4 different histories are too few"),
    ],
)
@pytest.mark.parametrize("model", value_models.PURCHASE_MODELS)
def test_purchases_that_determine_nothing_do_not_converge(
    model: str, groups: list[tuple[int, int, int, int]], problem: str
) -> None:
    fit = value_models.fit_purchases(model, counts_of(*groups))
    assert not fit.is_converged
    assert problem in fit.problem
    assert fit.customers == sum(group[3] for group in groups)


@pytest.mark.parametrize(
    ("groups", "problem"),
    [
        ([], "no customer has repeat purchases of a positive value"),
        ([(2, 10.0, 1)], "are all equal"),
        ([(1, 10.0, 3), (4, 10.0, 2)], "are all equal"),
        ([(1, 10.0, 5), (2, 20.0, 5)], "2 different histories are too few"),
    ],
)
def test_values_that_determine_nothing_do_not_converge(
    groups: list[tuple[int, float, int]], problem: str
) -> None:
    fit = value_models.fit_values(means_of(*groups))
    assert not fit.is_converged
    assert problem in fit.problem


def expected_purchases(fit: Fit, x: int, last: int, age: int, weeks: float) -> float:
    """Return what is expected of a customer (ages in days), by the mean parameters."""
    r, alpha, a, b = fit.parameters.values()
    odds = a / (b + x) * ((alpha + age / WEEK) / (alpha + last / WEEK)) ** (r + x)
    leaving = a / (a + b + x + 1)
    weekly = (r + x) / (alpha + age / WEEK)
    return float(-np.expm1(-weekly * leaving * weeks) / leaving / (1 + odds))


def test_customers_who_are_all_alike_are_the_simpler_model() -> None:
    """Rate and dropout the same for all: parameters at an edge, expectations right."""
    rng = np.random.default_rng(1)
    size, weekly, leaving = 3000, 0.3, 0.2
    x = np.minimum(rng.geometric(leaving, size) - 1, 1000)
    age = np.full(size, 3650)
    days = [np.ceil(rng.exponential(WEEK / weekly, n)).cumsum() for n in x]
    last = np.array([int(gaps[-1]) if len(gaps) else 0 for gaps in days])
    fit = value_models.fit_purchases(
        "mbg_nbd", PurchaseCounts(x, last, age, np.ones(size, int))
    )
    assert fit.is_converged
    assert fit.parameters["alpha"] > 1e4
    # Days are rounded up, which makes gaps of 23.3 days half a day longer.
    seen = expected_purchases(fit, 3, 60, 61, 10.0)
    slower = 1 / (1 / weekly + 0.5 / WEEK)
    truth = -np.expm1(-slower * leaving * 10) / leaving / (1 + leaving / (1 - leaving))
    assert seen == pytest.approx(truth, rel=0.05)


def test_customers_who_never_leave_are_the_simpler_model() -> None:
    groups = [(x, 7 * x, 7 * x + 1, 50) for x in range(10, 60)]
    for model in value_models.PURCHASE_MODELS:
        fit = value_models.fit_purchases(model, counts_of(*groups))
        assert fit.is_converged
        r, alpha, a, b = fit.parameters.values()
        assert r / alpha == pytest.approx(1, rel=0.01)
        assert a / (a + b) < 1e-3


def test_customers_of_one_price_each_are_expected_to_pay_it() -> None:
    prices = 9 / stats.gamma(4).ppf(QUANTILES)
    fit = value_models.fit_values(
        means_of(*((x, price, 1) for x in (1, 2, 5) for price in prices))
    )
    assert fit.is_converged
    p, q, gamma = fit.parameters.values()
    assert p * (gamma + 2 * 7.5) / (2 * p + q - 1) == pytest.approx(7.5, rel=1e-3)


def test_customers_of_one_mean_value_are_expected_to_pay_it() -> None:
    rng = np.random.default_rng(1)
    mean = rng.gamma(9, 1, 3000)
    ones = np.ones(3000, int)
    fit = value_models.fit_values(MeanValues(3 * ones, mean, ones))
    assert fit.is_converged
    p, q, gamma = fit.parameters.values()
    for known in (5.0, 15.0):
        expected = p * (gamma + 3 * known) / (3 * p + q - 1)
        assert expected == pytest.approx(mean.mean(), rel=0.01)


def test_a_mean_value_without_end_is_said_to_be_of_no_use() -> None:
    rng = np.random.default_rng(5)
    mean = rng.gamma(2, 1, 500) / rng.gamma(0.7, 1, 500)
    ones = np.ones(500, int)
    fit = value_models.fit_values(MeanValues(2 * ones, mean, ones))
    assert fit.is_converged
    assert fit.parameters["q"] < 1
    assert "q is 0.7" in fit.problem


@pytest.mark.parametrize(
    "group", [(-1, 0, 5, 1), (1, 6, 5, 1), (0, 1, 5, 1), (1, 0, 5, 1), (1, 2, 5, -1)]
)
def test_customers_who_cannot_be_are_refused(group: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        counts_of(group)


@pytest.mark.parametrize(
    "group", [(0, 1.0, 1), (1, 0.0, 1), (1, -1.0, 1), (1, 1.0, -1)]
)
def test_values_that_cannot_be_are_refused(group: tuple[int, float, int]) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        means_of(group)


def test_counts_add_up_beyond_the_range_of_their_type() -> None:
    columns = ([0, 700], [0, 700], [700, 701], [2_000_000_000, 2_000_000_000])
    counts = PurchaseCounts(*(np.array(column, np.int32) for column in columns))
    fit = value_models.fit_purchases("mbg_nbd", counts)
    assert fit.customers == 4_000_000_000


# A project with no more than the tables that a fit reads, writes and feeds.
PROJECT = {
    "dbt_project.yml": """
name: customer_journey
version: 0.0.1
profile: scratch
vars:
  customer_journey:
    {as_of_date: null, least_repeats: 0, verdict: measurable, published_schema: seen}
""",
    "profiles.yml": """
scratch:
  target: dev
  outputs:
    dev: {type: duckdb, path: scratch.duckdb, threads: 1}
    postgres:
      type: postgres
      host: "{{ env_var('PGHOST', '') }}"
      port: 5432
      user: "{{ env_var('PGUSER', '') }}"
      password: ""
      dbname: "{{ env_var('PGDATABASE', '') }}"
      schema: main
      threads: 1
""",
    "models/int_run_parameters.sql": """
select
    cast('{{ var("as_of_date") or "2024-06-30" }}' as date) as as_of_date,
    'EUR' as reporting_currency
""",
    "models/int_fit_periods.sql": """
select 'full' as fit_period, as_of_date as end_date from {{ ref('int_run_parameters') }}
union all
select 'calibration' as fit_period, cast('2024-01-31' as date) as end_date
from {{ ref('int_run_parameters') }}
""",
    "models/int_value_counts.sql": """
select
    fit_period,
    repeat_purchase_days,
    last_repeat_age_days,
    age_days,
    cast(customers as bigint) as customers
from {{ ref('counts') }}
cross join {{ ref('int_fit_periods') }}
where fit_period = 'full' or repeat_purchase_days >= {{ var('least_repeats') }}
""",
    "models/int_value_means.sql": """
select
    fit_period,
    repeat_purchase_days,
    cast(mean_repeat_value as double precision) as mean_repeat_value,
    cast(customers as bigint) as customers
from {{ ref('means') }}
cross join {{ ref('int_fit_periods') }}
""",
    "models/int_fitted_parameters.sql": """
{{ config(materialized='incremental', full_refresh=false) }}
select
    {%- for name in ['fit_period', 'model', 'time_unit', 'currency'] %}
    cast(null as varchar(20)) as {{ name }},
    {%- endfor %}
    {%- for name in ['r', 'alpha', 'a', 'b', 'p', 'q', 'gamma', 'log_likelihood'] %}
    cast(null as double precision) as {{ name }},
    {%- endfor %}
    cast(null as date) as as_of_date,
    cast(null as bigint) as customers,
    cast(null as boolean) as is_converged,
    cast(null as timestamp) as fitted_at
where 1 = 0
""",
    "models/int_value_parameters.sql": """
{{ config(materialized='table') }}
select model from {{ ref('int_fitted_parameters') }}
""",
    "models/rpt_fits.sql": """
{{ config(materialized='table') }}
select model from {{ ref('int_value_parameters') }}
""",
    "models/rpt_retention_readiness.sql": """
select
    segment as segment_column,
    segment as segment_value,
    '{{ var("verdict") }}' as verdict,
    case segment when 'all' then '7 customers came.' else 'No.' end as reason,
    {{ "'Wait 9 months.'" if var("verdict") != "measurable" else "nullif(1, 1)" }}
        as remedy
from (select 'all' as segment union all select 'other' as segment) as segments
""",
    "seeds/counts.csv": "repeat_purchase_days,last_repeat_age_days,age_days,customers\n"
    + "".join(f"{x},{last},{age},{size}\n" for x, last, age, size in FEW),
    "seeds/means.csv": "repeat_purchase_days,mean_repeat_value,customers\n"
    + "".join(f"{x},{mean},{size}\n" for x, mean, size in FEW_VALUES),
}


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    # The command changes to the folder of its project: this one changes back.
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str) -> Answer:
    """Run the command in this process, on the project of the folder that it is in."""
    done = CliRunner().invoke(command.app, [*arguments, "--project-dir", "."])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return Answer(done.exit_code, done.stdout, done.stderr)


def read(query: str) -> list[dict[str, Any]]:
    """Return what a query finds where the command has last been."""
    (path,) = Path().glob("*.duckdb")
    dbt_runner.disconnect()
    with duckdb.connect(str(path), read_only=True) as connection:
        relation = connection.sql(query)
        names = relation.columns
        return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


def kept() -> list[dict[str, Any]]:
    """Return the parameters that fits have left, by age."""
    return read("from int_fitted_parameters order by fitted_at")


@pytest.mark.usefixtures("scratch")
def test_fits_of_a_warehouse() -> None:
    """From no tables to fits of two days, of which some do not converge."""
    early = call("fit")
    assert early.exit_code == 2
    assert "Error: run the pipeline before a fit, " in early.err

    started = datetime.now(UTC).replace(tzinfo=None)
    first = call("run", "--fit", "--no-publish")
    assert first.exit_code == 0
    assert first.err == ""
    # The summary comes once, of the tables as they are after the fit.
    lines = first.out.splitlines()
    tables = [line.split() for line in lines if line.startswith("main.rpt_fits")]
    assert [table[1] for table in tables] == ["6"]
    assert sum(line.startswith("full mbg_nbd ") for line in lines) == 1
    assert "Retention is measurable: 7 customers came." in lines
    assert "Good: 2 seeds, 8 models, 0 tests. Failed: 0. Skipped: 0." in lines
    fits = {(row["fit_period"], row["model"]): row for row in kept()}
    assert len(fits) == 6
    for fit in (
        *(
            value_models.fit_purchases(model, counts_of(*FEW))
            for model in value_models.PURCHASE_MODELS
        ),
        value_models.fit_values(means_of(*FEW_VALUES)),
    ):
        for period in ("full", "calibration"):
            row = fits[period, fit.model]
            # Not a digit is lost on the way into the database.
            for name in ("r", "alpha", "a", "b", "p", "q", "gamma"):
                assert row[name] == fit.parameters.get(name)
            assert row["log_likelihood"] == fit.log_likelihood
            assert row["customers"] == fit.customers
            assert row["is_converged"] is True
            assert (row["time_unit"], row["currency"]) == ("week", "EUR")
            # The last day that the fit has seen.
            last = date(2024, 6, 30) if period == "full" else date(2024, 1, 31)
            assert row["as_of_date"] == last
            assert started <= row["fitted_at"] <= datetime.now(UTC).replace(tzinfo=None)

    other_day = call("fit", "--as-of", "2024-03-31")
    assert other_day.exit_code == 2
    assert "are those of 2024-06-30, not of 2024-03-31: run" in other_day.err

    # Nobody of the calibration period repeats; a full refresh empties no fits.
    variables = "{least_repeats: 1000, verdict: not_measurable}"
    options = ("--as-of", "2024-03-31", "--vars", variables)
    second = call("run", "--fit", "--no-publish", "--full-refresh", *options)
    assert second.exit_code == 0
    assert "Retention is not measurable: 7 customers came. Wait 9 months." in second.out
    assert second.err.splitlines() == [
        f"Warning: the fit of {model} to the calibration period did not converge, so "
        "its expectations in rpt_value_calibration stay null: there are no customers."
        for model in value_models.PURCHASE_MODELS
    ]
    rows = kept()
    assert len(rows) == 12
    assert {row["as_of_date"] for row in rows[:6]} >= {date(2024, 6, 30)}
    assert {row["as_of_date"] for row in rows[6:]} >= {date(2024, 3, 31)}
    failed = [row for row in rows if not row["is_converged"]]
    assert [row["model"] for row in failed] == [*value_models.PURCHASE_MODELS]
    for name in ("r", "alpha", "a", "b", "log_likelihood"):
        assert [row[name] for row in failed] == [None, None]

    strict = call("fit", "--strict", *options)
    assert strict.exit_code == 1
    assert strict.err == second.err


@pytest.mark.parametrize("words", [["fit"], ["run", "--fit"]])
def test_without_scipy_a_sentence_says_what_to_install(
    words: list[str], scratch: Path
) -> None:
    (scratch / "scipy.py").write_text("raise ImportError('No module named scipy')")
    answer = pipeline(*words, environment={"PYTHONPATH": str(scratch)})
    assert answer.exit_code == 2
    assert "pip install '.[value]'" in answer.err
    # It is said at once, not after a build.
    assert "success" not in answer.out


@pytest.mark.usefixtures("scratch")
def test_a_fit_is_kept_in_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        answer = call("run", "--fit", "--no-publish", "--target", "postgres")
        assert answer.exit_code == 0, answer.out + answer.err
        connection = psycopg2.connect(
            host=str(server.folder), user=server.user, dbname=server.database
        )
        with closing(connection), connection.cursor() as cursor:
            cursor.execute(
                "select r, currency, is_converged, date_trunc('day', fitted_at) "
                "from main.int_fitted_parameters "
                "where fit_period = 'full' and model = 'bg_nbd'"
            )
            rows = cursor.fetchall()
    fit = value_models.fit_purchases("bg_nbd", counts_of(*FEW))
    assert [row[:3] for row in rows] == [(fit.parameters["r"], "EUR", True)]


def shop() -> pd.DataFrame:
    """Return purchases of customers who differ, and of one who gave it all back."""
    counts = simulate("mbg_nbd", 7, 300, 0.8, 8.0, 0.6, 2.0)
    rng = np.random.default_rng(7)
    rows = []
    for number, (x, last, age) in enumerate(
        zip(
            counts.repeat_purchase_days,
            counts.last_repeat_age_days,
            counts.age_days,
            strict=True,
        )
    ):
        between = rng.choice(np.arange(1, max(last, 1)), max(x - 1, 0), replace=False)
        price = rng.gamma(6, 4 / rng.gamma(4))
        for day in (0, *sorted(between), *([last] if x else [])):
            amount = f"{price * rng.gamma(6, 1 / 6) + 1:.2f}"
            rows.append((f"C{number}", 700 - age + int(day), amount))
    rows += [("C_back", 10, "5.00"), ("C_back", 20, "5.00"), ("C_back", 21, "-5.00")]
    first = pd.Timestamp("2023-01-01")
    return pd.DataFrame(
        [
            {
                "transaction_id": f"T{number}",
                "customer_id": customer,
                "occurred_at": f"{first + pd.Timedelta(days=day):%Y-%m-%d}",
                "amount": amount,
            }
            for number, (customer, day, amount) in enumerate(rows)
        ]
    )


def test_a_shop_is_scored_by_fits_of_its_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run, fit, run; and a run of an earlier day, which knows nothing of that fit."""
    project = tmp_path / "project"
    purchases = shop()
    types = {"transactions": dict.fromkeys(map(str, purchases), "varchar")}
    write_root_project(project, {"max_rejected_share": 1}, types)
    purchases.to_csv(project / "seeds" / "raw_transactions.csv", index=False)
    monkeypatch.chdir(project)
    dbt("deps", folder=project)
    scores = (
        "select count(*) as customers, count(probability_alive) as alive, "
        "count(expected_value_90_days) as valued, "
        "min(expected_purchases_null_reason) as why_not, "
        "count(case when expected_value_null_reason = 'monetary_not_positive' "
        "then 1 end) as unpaid from main_marts.fct_customer_value"
    )
    tests = ("--exclude", "test_type:data test_type:unit")
    everything = (
        *("--select", "+fct_customer_value +rpt_value_calibration"),
        *("--select", "int_value_counts int_value_means"),
        *tests,
    )

    assert call("run", *everything).exit_code == 0
    (unscored,) = read(scores)
    assert unscored["customers"] == 301
    assert unscored["alive"] == unscored["valued"] == 0
    assert unscored["why_not"] == "no_parameters"

    fitted = call("fit", "--strict")
    assert fitted.exit_code == 0, fitted.err
    assert call("run", "--select", "int_value_parameters+", *tests).exit_code == 0
    (scored,) = read(scores)
    assert scored["alive"] == 301
    assert scored["why_not"] is None
    # Who gave back all that was bought again tells nothing of what is paid.
    assert scored["unpaid"] == 1
    assert scored["valued"] == 300
    (checked,) = read(
        "select count(*) as customers, count(expected_purchases) as expected "
        "from main_marts.rpt_value_calibration where model = 'mbg_nbd'"
    )
    assert checked["expected"] == checked["customers"] > 0
    (means,) = read(
        "select sum(case when model = 'mbg_nbd' then customers end) as everybody, "
        "sum(case when model = 'gamma_gamma' then customers end) as repeated, "
        "(select count(*) from main_marts.fct_customer_value "
        "where repeat_purchase_days > 0) as repeaters "
        "from main_intermediate.int_fitted_parameters where fit_period = 'full'"
    )
    assert means["everybody"] == 301
    assert means["repeated"] == means["repeaters"] - 1

    assert call("run", "--as-of", "2024-06-30", *everything).exit_code == 0
    (before,) = read(scores)
    assert before["alive"] == 0
    assert before["why_not"] == "no_parameters"
