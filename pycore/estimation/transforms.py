"""Priors of parameters on the whole real line, as the compiled core evaluates them.

Positive parameters are sampled as logarithms, bounded ones as log-odds, correlations as Fisher-z
transformed partial correlations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from pycore._core import ScalarPriors
from pycore.errors import refuse
from pycore.model.distributions import (
    Beta,
    Distribution,
    Exponential,
    Gamma,
    HalfNormal,
    LogNormal,
    Normal,
    Uniform,
)

__all__ = ["scalar_priors", "unconstrained"]

# Form and fields of ScalarPrior in cpp/include/pycore/estimation/priors.hpp.
_REAL, _POSITIVE, _BOUNDED = range(3)
_FIELDS: Final = (
    "centre", "precision", "power", "rate", "square", "low", "width", "first", "second",
)  # fmt: skip
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def scalar_priors(priors: Sequence[Distribution | None]) -> ScalarPriors:
    """Return independent priors of many scalars.

    Every prior is one of four forms in the unconstrained z: a normal in z; exp(z) with a density
    ∝ exp(a·z − b·x − c·x²); a normal in log x; or log-odds with a Beta density.

    Parameters
    ----------
    priors : sequence of Distribution or None
        One per scalar; None is a flat one on the whole line.

    Examples
    --------
    >>> priors = scalar_priors([Normal(0, 1), HalfNormal(1)])
    >>> x, slope, log_density, gradient = priors.evaluate(np.array([0.0, 0.0]))
    >>> x.tolist(), round(log_density, 4)
    ([0.0, 1.0], -1.6447)
    """
    written = [(_REAL, {}, 0.0) if p is None else _written(p) for p in priors]
    return ScalarPriors(
        np.array([form for form, _, _ in written], dtype=np.int32),
        np.array([[f.get(n, 0.0) for n in _FIELDS] for _, f, _ in written]).reshape(-1, 9),
        sum(constant for *_, constant in written),
    )


def unconstrained(prior: Distribution, x: float) -> float:
    """Return the z of a value.

    Examples
    --------
    >>> unconstrained(HalfNormal(1), 1.0), unconstrained(Uniform(0, 4), 2.0)
    (0.0, 0.0)
    """
    form, fields, _ = _written(prior)
    if form == _REAL:
        return x
    if form == _POSITIVE:
        return math.log(max(x, 1e-300))
    share = min(max((x - fields["low"]) / fields["width"], 1e-12), 1 - 1e-12)
    return math.log(share) - math.log1p(-share)


def _written(prior: Distribution) -> tuple[int, dict[str, float], float]:
    """Form, the fields that are not zero, and the constant of the log density."""
    a = {name: float(value) for name, value in prior.arguments.items()}
    match prior:
        case Normal():
            return (_REAL, *_normal(a["mu"], a["sigma"]))
        case LogNormal():
            return (_POSITIVE, *_normal(math.log(a["mean"]) - a["sigma"] ** 2 / 2, a["sigma"]))
        case Exponential():
            return (_POSITIVE, *_gamma(1.0, 1 / a["mean"]))
        case Gamma():
            return (_POSITIVE, *_gamma(a["alpha"], a["beta"]))
        case HalfNormal():
            fields = {"power": 1.0, "square": 0.5 / a["sigma"] ** 2}
            return _POSITIVE, fields, 0.5 * math.log(2 / math.pi) - math.log(a["sigma"])
        case Uniform():
            fields = {"low": a["low"], "width": a["high"] - a["low"], "first": 1.0, "second": 1.0}
            return _BOUNDED, fields, 0.0
        case Beta():
            both = a["alpha"] + a["beta"]
            fields = {"low": 0.0, "width": 1.0, "first": a["alpha"], "second": a["beta"]}
            constant = math.lgamma(both) - math.lgamma(a["alpha"]) - math.lgamma(a["beta"])
            return _BOUNDED, fields, constant
        case _:
            raise refuse("prior", str(prior), "a distribution of pycore")


def _normal(mu: float, sigma: float) -> tuple[dict[str, float], float]:
    fields = {"centre": mu, "precision": 1 / sigma**2}
    return fields, -math.log(sigma) - _HALF_LOG_2PI


def _gamma(alpha: float, beta: float) -> tuple[dict[str, float], float]:
    return {"power": alpha, "rate": beta}, alpha * math.log(beta) - math.lgamma(alpha)
