"""Maximum likelihood of the customer value models, on counts of alike customers.

bg_nbd: Fader, Hardie & Lee (2005), Marketing Science 24(2), 275-284.
mbg_nbd: Batislam, Denizel & Filiztekin (2007), International Journal of Research in
Marketing 24(3), 201-209.
gamma_gamma: Fader & Hardie (2013), "The gamma-gamma model of monetary value".

A customer buys at a rate that is gamma distributed over customers (r, alpha), and after
a purchase leaves with a probability that is beta distributed (a, b): in bg_nbd after
every purchase but the first, in mbg_nbd after the first as well. A mean purchase value
has the shape p x and a scale that is gamma distributed over customers (q, gamma). Time
is in weeks, so alpha is weeks; gamma is in the currency of the values.

Needs SciPy; nothing else of the project needs this module but the step that fits.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, digamma

Integers = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]
_Descend = Callable[[Floats], tuple[float, Floats]]

DAYS_PER_WEEK = 7
PURCHASE_MODELS = ("bg_nbd", "mbg_nbd")
VALUE_MODEL = "gamma_gamma"
# Where the parameters of each model are looked for; gamma in units of the mean value.
# Towards the edges customers no longer differ in what a parameter is about, and the
# model becomes a simpler one.
_PURCHASE_BOUNDS = {
    **dict.fromkeys(("r", "alpha"), (1e-5, 1e6)),
    **dict.fromkeys(("a", "b"), (1e-3, 1e6)),
}
BOUNDS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "bg_nbd": _PURCHASE_BOUNDS,
    "mbg_nbd": _PURCHASE_BOUNDS,
    "gamma_gamma": {"p": (1e-3, 1e6), "q": (1e-3, 1e6), "gamma": (1e-9, 1e9)},
}
# The steepest slope of a maximum: log-likelihood per customer with repeat purchases and
# unit of the logarithm of a parameter. Inside the bounds fits end a million times
# flatter; at an edge that is as flat as this, all that lies beyond fits as well.
STEEPEST = 1e-4
# Groups worked on at once: few enough to stay in the processor's cache, and to be added
# up by one thread, so in one order on every machine.
CHUNK = 1 << 13
NEWTON_STEPS = 4
DIFFERENCE = 1e-4
# The longest step, in logarithms, that still refines and does not search anew.
LONGEST = 0.1


@dataclass(frozen=True, eq=False)
class PurchaseCounts:
    """Customers counted by what the purchase models know of them; arrays of one length.

    `repeat_purchase_days` x, purchase days after the first; `last_repeat_age_days` t_x,
    days from the first to the last purchase; `age_days` T, days from the first purchase
    to the end of observation; `customers` who are alike in all three. In any order, and
    a group may occur more than once. Raises ValueError unless x >= 0, customers >= 0,
    0 <= t_x <= T, and t_x = 0 exactly where x = 0.
    """

    repeat_purchase_days: Integers
    last_repeat_age_days: Integers
    age_days: Integers
    customers: Integers

    def __post_init__(self) -> None:
        x, t_x, age = (
            self.repeat_purchase_days,
            self.last_repeat_age_days,
            self.age_days,
        )
        if not len(x) == len(t_x) == len(age) == len(self.customers):
            raise ValueError("the arrays of the counts differ in length")
        is_possible = (x >= 0) & (t_x >= 0) & (t_x <= age) & ((x == 0) == (t_x == 0))
        if not np.all(is_possible & (self.customers >= 0)):
            raise ValueError("counts of customers who cannot be")


@dataclass(frozen=True, eq=False)
class MeanValues:
    """Customers counted by their mean repeat value; arrays of one length.

    `repeat_purchase_days` x; `mean_repeat_value` m_x, in one currency; `customers` who
    are alike in both. In any order. Raises ValueError unless x >= 1, m_x > 0 and
    customers >= 0.
    """

    repeat_purchase_days: Integers
    mean_repeat_value: Floats
    customers: Integers

    def __post_init__(self) -> None:
        x, mean = self.repeat_purchase_days, self.mean_repeat_value
        if not len(x) == len(mean) == len(self.customers):
            raise ValueError("the arrays of the mean values differ in length")
        if not np.all((x >= 1) & (mean > 0) & (self.customers >= 0)):
            raise ValueError("mean values of customers who cannot be")


@dataclass(frozen=True)
class Fit:
    """The parameters of a model at the largest likelihood that was found.

    `is_converged` when they are a maximum that the data determine; `problem` is a
    clause that says why they are of no use, else empty. `parameters` is empty and
    `log_likelihood` None where there was nothing to fit.
    """

    model: str
    customers: int
    parameters: Mapping[str, float]
    log_likelihood: float | None
    is_converged: bool
    problem: str


def fit_purchases(model: str, counts: PurchaseCounts) -> Fit:
    """Fit r, alpha (weeks), a and b of a purchase model.

    The same counts give the same parameters whatever their order. Raises KeyError
    unless `model` is one of `PURCHASE_MODELS`.
    """
    is_first_a_chance = {"bg_nbd": False, "mbg_nbd": True}[model]
    groups = _sum_alike(counts)
    customers = int(groups.customers.sum())
    repeats = int(groups.customers @ groups.repeat_purchase_days)
    if not customers:
        return _not_fitted(model, 0, "there are no customers")
    if not repeats:
        return _not_fitted(model, customers, f"none of {customers} customers repeated")
    if len(groups.customers) <= len(BOUNDS[model]):
        return _not_fitted(model, customers, _too_few(len(groups.customers), model))
    weeks = float(groups.customers @ groups.age_days) / DAYS_PER_WEEK
    starts = [
        [r, r * weeks / repeats, a, b]
        for r, a, b in ((0.5, 0.5, 2.0), (2.0, 1.0, 10.0))
    ]
    return _fit(model, _PurchaseLikelihood(groups, is_first_a_chance), starts)


def fit_values(means: MeanValues) -> Fit:
    """Fit p, q and gamma (currency of the values) of the gamma-gamma model.

    The same mean values give the same parameters whatever their order.
    """
    order = np.lexsort((means.mean_repeat_value, means.repeat_purchase_days))
    order = order[means.customers[order] > 0]
    x = means.repeat_purchase_days[order]
    mean = means.mean_repeat_value[order]
    counts = means.customers[order]
    customers = int(counts.sum())
    if not customers:
        reason = "no customer has repeat purchases of a positive value"
        return _not_fitted(VALUE_MODEL, 0, reason)
    if np.ptp(mean) <= 1e-9 * mean.max():
        reason = f"the mean values of {customers} customers are all equal"
        return _not_fitted(VALUE_MODEL, customers, reason)
    histories = len(set(zip(x.tolist(), mean.tolist(), strict=True)))
    if histories <= len(BOUNDS[VALUE_MODEL]):
        return _not_fitted(VALUE_MODEL, customers, _too_few(histories, VALUE_MODEL))
    # In units of the mean value the same bounds suit every currency.
    unit = float(counts @ mean) / customers
    likelihood = _ValueLikelihood(x, mean / unit, counts)
    fit = _fit(VALUE_MODEL, likelihood, [[2.0, 3.0, 1.0], [10.0, 5.0, 0.4]])
    if fit.log_likelihood is None:
        return fit
    parameters = dict(fit.parameters)
    parameters["gamma"] *= unit
    problem = fit.problem
    if not problem and parameters["q"] <= 1:
        problem = f"q is {parameters['q']:.3g}, and up to 1 no mean value is expected"
    return replace(
        fit,
        parameters=parameters,
        log_likelihood=fit.log_likelihood - customers * math.log(unit),
        problem=problem,
    )


class _Likelihood(Protocol):
    """The log-likelihood of a model as a function of its parameters."""

    customers: int
    repeaters: int

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        """Return the log-likelihood and its derivatives by the parameters."""


class _PurchaseLikelihood:
    """The likelihood of bg_nbd and mbg_nbd.

    With j the purchases after which a customer could leave (x, with the first x + 1),

        L = Gamma(r + x) / Gamma(r) alpha^r (alpha + T)^-(r + x) B(a, b + j) / B(a, b)
            (1 + a / (b + j - 1) ((alpha + T) / (alpha + t_x))^(r + x)),

    the last factor only where j >= 1. Quotients of gamma functions are written as the
    products that they are, which neither overflow nor cancel; sums over purchases or
    days run over what occurs, only the last factor's over the groups.
    """

    def __init__(self, groups: PurchaseCounts, is_first_a_chance: bool) -> None:
        x, age, counts = groups.repeat_purchase_days, groups.age_days, groups.customers
        self.customers = int(counts.sum())
        self.repeaters = int(counts[x > 0].sum())
        self._first = int(is_first_a_chance)
        # Customers with more than 0, 1, ... repeats; and with more chances to leave.
        self._repeated = self.customers - np.cumsum(np.bincount(x, counts))[:-1]
        self._chances = np.concatenate(
            [[float(self.customers)] * self._first, self._repeated]
        )
        self._by_age = np.bincount(age, counts)
        self._repeats_by_age = np.bincount(age, counts * x)
        could_leave = x >= 1 - self._first
        self._x = x[could_leave]
        self._last = groups.last_repeat_age_days[could_leave]
        self._age = age[could_leave]
        self._counts = counts[could_leave].astype(float)

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        """Return the log-likelihood and its derivatives by r, alpha, a and b."""
        r, alpha, a, b = parameters
        weeks = np.arange(len(self._by_age)) / DAYS_PER_WEEK
        log_spans, inverse_spans = np.log(alpha + weeks), 1 / (alpha + weeks)
        log_growths = np.log1p(weeks / alpha)
        rates = r + np.arange(len(self._repeated))
        stays = b + np.arange(len(self._chances))
        value = (
            self._repeated @ np.log(rates)
            - self._repeats_by_age @ log_spans
            - r * (self._by_age @ log_growths)
            - self._chances @ np.log1p(a / stays)
        )
        slopes = np.array(
            [
                self._repeated @ (1 / rates) - self._by_age @ log_growths,
                r / alpha * (self._by_age @ (weeks * inverse_spans))
                - self._repeats_by_age @ inverse_spans,
                -self._chances @ (1 / (a + stays)),
                self._chances @ (a / (stays * (a + stays))),
            ]
        )
        # By x: b + j - 1, at least 1 - 1 + b; x = 0 of bg_nbd is never looked up.
        left = b + np.arange(len(self._repeated) + 1) + (self._first - 1.0)
        log_odds = np.log(a) - np.log(np.where(left > 0, left, 1.0))
        for chunk in _chunks(len(self._x)):
            x, counts = self._x[chunk], self._counts[chunk]
            age, last = self._age[chunk], self._last[chunk]
            shapes = r + x
            silences = log_spans[age] - log_spans[last]
            odds = log_odds[x] + shapes * silences
            # log(1 + exp(odds)) and its slope, without overflow.
            smaller = np.exp(-np.abs(odds))
            value += counts @ (np.maximum(odds, 0.0) + np.log1p(smaller))
            has_left = counts * np.where(odds < 0, smaller, 1.0) / (1.0 + smaller)
            slopes += (
                has_left @ silences,
                has_left @ (shapes * (inverse_spans[age] - inverse_spans[last])),
                has_left.sum() / a,
                -has_left @ (1 / left[x]),
            )
        return float(value), slopes


class _ValueLikelihood:
    """The likelihood of gamma_gamma, of the mean value m of x purchases.

    L = m^(p x - 1) x^(p x) gamma^q / (B(p x, q) (gamma + m x)^(p x + q))
    """

    def __init__(self, x: Integers, mean: Floats, counts: Integers) -> None:
        self.customers = self.repeaters = int(counts.sum())
        self._by_x = np.bincount(x, counts)
        self._x, self._counts = x, counts.astype(float)
        self._total = mean * x
        self._log_mean = float(self._counts @ np.log(mean))

    def __call__(self, parameters: Floats) -> tuple[float, Floats]:
        """Return the log-likelihood and its derivatives by p, q and gamma."""
        p, q, gamma = parameters
        occurring = np.flatnonzero(self._by_x)
        customers = self._by_x[occurring]
        common = digamma(p * occurring + q)
        value = -self._log_mean - customers @ betaln(p * occurring, q)
        slopes = np.array(
            [
                customers @ (occurring * (common - digamma(p * occurring))),
                customers @ (common - digamma(q)),
                0.0,
            ]
        )
        for chunk in _chunks(len(self._x)):
            x, counts, total = self._x[chunk], self._counts[chunk], self._total[chunk]
            # The logarithms of both shares of gamma + m x.
            log_total = -np.log1p(gamma / total)
            log_gamma = -np.log1p(total / gamma)
            value += counts @ (p * x * log_total + q * log_gamma)
            slopes += (
                counts @ (x * log_total),
                counts @ log_gamma,
                counts @ ((q * total / gamma - p * x) / (gamma + total)),
            )
        return float(value), slopes


def _fit(model: str, likelihood: _Likelihood, starts: Sequence[Sequence[float]]) -> Fit:
    """Climb from each start, refine the best and judge whether it is a maximum."""
    bounds = np.log(list(BOUNDS[model].values()))

    def descend(logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        value, slopes = likelihood(parameters)
        repeaters = likelihood.repeaters
        return -value / repeaters, -slopes * parameters / repeaters

    climbs = [
        minimize(
            descend,
            np.clip(np.log(start), *bounds.T),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-8},
        )
        for start in starts
    ]
    best = min(climbs, key=lambda climb: float(climb.fun))
    logs, slopes = _refine(descend, best.x, bounds)
    value, _ = likelihood(np.exp(logs))
    if not (math.isfinite(value) and np.all(np.isfinite(slopes))):
        return _not_fitted(model, likelihood.customers, "the likelihood is not finite")
    parameters = dict(zip(BOUNDS[model], np.exp(logs).tolist(), strict=True))
    steep = [
        f"{name} is {parameters[name]:.3g}"
        for name, slope in zip(parameters, slopes, strict=True)
        if abs(slope) > STEEPEST
    ]
    # Not by the optimizer's own word: on flat ground it gives up where rounding errors
    # hide the way, and calls that a failure.
    problem = f"the likelihood still grows where {' and '.join(steep)}" if steep else ""
    return Fit(
        model,
        likelihood.customers,
        parameters,
        value,
        is_converged=not problem,
        problem=problem,
    )


def _refine(descend: _Descend, logs: Floats, bounds: Floats) -> tuple[Floats, Floats]:
    """Return the maximum near `logs` by Newton's method, and the slopes there.

    The search stops where the value no longer changes, which leaves half of the digits
    to chance: to the last bits of the input, or of a processor.
    """
    _, slopes = descend(logs)
    for _ in range(NEWTON_STEPS):
        # Downhill is beyond the edge for these.
        is_held = ((logs <= bounds[:, 0]) & (slopes > 0)) | (
            (logs >= bounds[:, 1]) & (slopes < 0)
        )
        free = np.flatnonzero(~is_held)
        steps = np.eye(len(logs))[free] * DIFFERENCE
        curvature = np.array(
            [descend(logs + step)[1] - descend(logs - step)[1] for step in steps]
        )[:, free] / (2 * DIFFERENCE)
        curves, directions = np.linalg.eigh((curvature + curvature.T) / 2)
        # Where the likelihood is flat no step is better than another.
        descents = slopes[free] @ directions
        is_near = np.abs(descents) < LONGEST * curves
        nearer = logs.copy()
        nearer[free] -= directions[:, is_near] @ (descents[is_near] / curves[is_near])
        nearer = np.clip(nearer, *bounds.T)
        _, nearer_slopes = descend(nearer)
        if not np.abs(nearer_slopes[free]).max() < np.abs(slopes[free]).max():
            break
        logs, slopes = nearer, nearer_slopes
    return logs, slopes


def _sum_alike(counts: PurchaseCounts) -> PurchaseCounts:
    """Return one group per x, t_x and T, in that order, none of them empty."""
    x, last, age = (
        counts.repeat_purchase_days,
        counts.last_repeat_age_days,
        counts.age_days,
    )
    order = np.lexsort((age, last, x))
    order = order[counts.customers[order] > 0]
    x, last, age = x[order], last[order], age[order]
    is_next = (np.diff(x) != 0) | (np.diff(last) != 0) | (np.diff(age) != 0)
    firsts = np.flatnonzero(np.concatenate([[len(order) > 0], is_next]))
    customers = counts.customers[order].astype(np.int64)
    if len(firsts):
        customers = np.add.reduceat(customers, firsts)
    return PurchaseCounts(x[firsts], last[firsts], age[firsts], customers)


def _chunks(length: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, length, CHUNK))


def _too_few(histories: int, model: str) -> str:
    return (
        f"{histories} different histories are too few for {len(BOUNDS[model])} values"
    )


def _not_fitted(model: str, customers: int, problem: str) -> Fit:
    return Fit(model, customers, {}, None, is_converged=False, problem=problem)
