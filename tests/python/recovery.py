"""Numbers of known truth, and how well many companies' marts give them back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isnan, sqrt
from typing import Any

import pandas as pd

CUSTOMERS = 1000
LARGE_CUSTOMERS = 300_000

Z_95 = 1.959964
# The 97.5th percentile of Student's t by the number of months that vary.
T_95 = {24: 2.0687, 21: 2.0860, 18: 2.1098, 12: 2.2010}

Frames = dict[str, pd.DataFrame]
Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Quantity:
    """A true number, and the cell of a public table that estimates it."""

    table: str
    column: str
    where: tuple[tuple[str, Any], ...]
    truth: float
    source: str

    def __str__(self) -> str:
        """Name the cell."""
        shown = [
            f"{value} days" if key == "window_days" else str(value)
            for key, value in self.where
            if value != "all" and key != "segment_column"
        ]
        return f"{' '.join([self.table, *shown])}: {self.column}"

    def estimate(self, tables: Frames) -> Interval:
        """Return the estimate and its interval."""
        row = the_row(tables[self.table], dict(self.where))
        names = (self.column, f"{self.column}_lower", f"{self.column}_upper")
        estimate, lower, upper = (float(row[name]) for name in names)
        assert not isnan(estimate + lower + upper), f"{self} has no value or interval"
        assert lower <= estimate <= upper, self
        return estimate, lower, upper


@dataclass(frozen=True)
class Derived(Quantity):
    """A true number whose estimate and interval are worked out from several rows."""

    interval: Callable[[Frames], Interval]

    def estimate(self, tables: Frames) -> Interval:
        """Return the estimate and its interval."""
        return self.interval(tables)


@dataclass
class Recovery:
    """The estimates of a quantity, one per company."""

    quantity: Quantity
    estimates: list[float] = field(default_factory=list)
    covered: int = 0

    def add(self, tables: Frames) -> None:
        """Take the estimate from the tables of one more company."""
        estimate, lower, upper = self.quantity.estimate(tables)
        self.estimates.append(estimate)
        self.covered += lower <= self.quantity.truth <= upper

    @property
    def bias_in_errors(self) -> float:
        """How many standard errors the mean estimate lies from the truth.

        A truth that was counted is uncertain too: an estimate of many companies' size.
        """
        values = pd.Series(self.estimates)
        share = 1 / len(values)
        if self.quantity.source == "counted":
            share += CUSTOMERS / LARGE_CUSTOMERS
        return float(
            (values.mean() - self.quantity.truth) / (values.std() * share**0.5)
        )


def the_row(table: pd.DataFrame, where: dict[str, Any]) -> pd.Series:
    """Return the one row of a table with these values."""
    rows = table
    for column, value in where.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1, f"{len(rows)} rows with {where}"
    return rows.iloc[0]


def wilson(count: float, total: float) -> Interval:
    """Return a share and its Wilson interval."""
    middle = (count + Z_95**2 / 2) / (total + Z_95**2)
    half = Z_95 * sqrt(count * (total - count) / total + Z_95**2 / 4)
    half /= total + Z_95**2
    return count / total, middle - half, middle + half


def ratio(numerators: pd.Series, denominators: pd.Series) -> Interval:
    """Return a ratio of sums and its interval, from how much the months vary.

    Customers of one month have nothing to do with those of another.
    """
    months = len(numerators)
    value = numerators.sum() / denominators.sum()
    residuals = numerators - value * denominators
    error = sqrt((residuals**2).sum() * months / (months - 1)) / denominators.sum()
    return value, value - T_95[months] * error, value + T_95[months] * error


def cost_per_customer(spend: pd.Series, customers: pd.Series) -> Interval:
    """Return spend per new customer and its interval, from cells that cost alike.

    Customers come one by one, so their number in a cell varies by its square root, and
    each that comes moves the ratio by the cell's cost less the ratio.
    """
    value = spend.sum() / customers.sum()
    costs = spend / customers.where(customers > 0)
    error = Z_95 * sqrt((customers * (costs - value) ** 2).sum()) / customers.sum()
    return value, value - error, value + error
