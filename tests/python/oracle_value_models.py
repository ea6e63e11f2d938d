"""What the models of customer value expect, computed with SciPy.

Written from the papers and not from the project's SQL: Fader, Hardie and Lee (2005) for
BG/NBD, Batislam, Denizel and Filiztekin (2007) for MBG/NBD, Fader and Hardie (2013) for
gamma-gamma. Times are in weeks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.integrate import quad
from scipy.special import betaincinv, expit, hyp2f1

NEEDED = {
    "bg_nbd": ("r", "alpha", "a", "b"),
    "mbg_nbd": ("r", "alpha", "a", "b"),
    "gamma_gamma": ("p", "q", "gamma"),
}
# Of a tenth of CDNOW after 39 weeks; the first is of the paper of 2005.
PUBLISHED = pd.DataFrame(
    [
        {"fit_period": fit_period, "model": model} | numbers
        for fit_period in ("full", "calibration")
        for model, numbers in {
            "bg_nbd": {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426},
            "mbg_nbd": {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614},
            "gamma_gamma": {"p": 6.25, "q": 3.74, "gamma": 15.44},
        }.items()
    ]
)
# Near a = 1 the closed form is a difference of nearly equal numbers over another one,
# above it may sum large terms of changing sign, and where little is expected that
# difference keeps few digits.
CLOSED, LITTLE = 0.99, 1e-4
Numbers = Mapping[str, float]
Floats = npt.NDArray[np.float64]


def alive(model: str, known: pd.DataFrame, numbers: Numbers) -> Floats:
    """Return the probability that customers with x, last and age still buy."""
    exponent = numbers["r"] + known["x"]
    # Added to b last, for next to a count a small b loses its digits.
    shape = numbers["b"] + (known["x"] - (1 if model == "bg_nbd" else 0))
    # In BG/NBD people leave after a repeat purchase only.
    settled = (known["x"] == 0) & (model == "bg_nbd")
    silence = (numbers["alpha"] + known["age"]) / (numbers["alpha"] + known["last"])
    odds = np.log(shape.mask(settled, 1) / numbers["a"]) - exponent * np.log(silence)
    # However small, the probability is not 0.
    return np.where(settled, 1.0, np.maximum(expit(odds.astype(float)), 1e-300))


def integral(shape: float, age: float, b: float, weeks: float, a: float) -> float:
    """Integrate (1 - ((alpha+T)/(alpha+T+pt))^shape) / p over Beta(a, b).

    It is what the closed forms were found from; `age` is alpha + T. Over a root of the
    quantiles the integrand has no poles, whatever a and b.
    """
    growth, power = weeks / age, 1 + min(max(a, 1), 10)

    def at_quantile(root: float) -> float:
        p = betaincinv(a, b, root**power)
        value = shape * growth
        if p * growth > 1e-12:
            value = -np.expm1(-shape * np.log1p(p * growth)) / p
        return float(value * power * root ** (power - 1))

    found, _ = quad(at_quantile, 0, 1, epsabs=0, epsrel=1e-11, limit=1000)
    return float(found)


def closed_form(shape: Any, age: Any, b: Any, weeks: float, a: float) -> Any:
    """Return the Gaussian hypergeometric form of `integral`.

    Published is (a+b-1)/(a-1) (1 - ((alpha+T)/(alpha+T+t))^shape 2F1(shape, b; a+b-1;
    t/(alpha+T+t))), whose factors leave the range of floats: this is the same by the
    transformation of Pfaff.
    """
    c = a + b - 1
    return c / (a - 1) * (1 - hyp2f1(shape, a - 1, c, -weeks / age))


def purchases_of_living(
    model: str, known: pd.DataFrame, weeks: float, numbers: Numbers
) -> Floats:
    """Return the purchases expected of customers with x and age who are alive."""
    if weeks <= 0:
        return np.zeros(len(known))
    a = numbers["a"]
    shape = (numbers["r"] + known["x"]).to_numpy(float)
    age = (numbers["alpha"] + known["age"]).to_numpy(float)
    repeats = known["x"] + (1 if model == "mbg_nbd" else 0)
    b = (numbers["b"] + repeats).to_numpy(float)
    found = np.full(len(known), np.nan)
    if a <= CLOSED:
        # What leaves the range of floats all the same is left to the integral.
        with np.errstate(all="ignore"):
            found = np.asarray(closed_form(shape, age, b, weeks, a))
    unsure = ~(np.isfinite(found) & (found > LITTLE))
    if unsure.any():
        cells, places = np.unique(
            np.column_stack([shape, age, b])[unsure], axis=0, return_inverse=True
        )
        sums = [integral(e, t, beta, weeks, a) for e, t, beta in cells.tolist()]
        found[unsure] = np.array(sums)[places]
    return found


def expected_purchases(
    model: str, known: pd.DataFrame, weeks: float, numbers: Numbers
) -> Floats:
    """Return the purchases expected of customers with x, last and age."""
    living = purchases_of_living(model, known, weeks, numbers)
    return alive(model, known, numbers) * living


def purchase_value(known: pd.DataFrame, numbers: Numbers) -> Floats:
    """Return the expected value of a purchase of customers with x and mean."""
    p, q, gamma = (numbers[name] for name in NEEDED["gamma_gamma"])
    x = known["x"].to_numpy(float)
    mean = known["mean"].to_numpy(float)
    spent = np.where(x > 0, x * mean, 0.0)
    return np.asarray(p * (gamma + spent) / (p * x + q - 1))
