"""Priors as SciPy's distributions: densities and quantiles beside the sampler."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtr

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

__all__ = ["from_normal", "frozen"]


def frozen(prior: Distribution) -> Any:
    """SciPy's frozen distribution of a prior whose arguments are numbers.

    Raises
    ------
    InputError
        For a distribution without a density that SciPy has.

    Examples
    --------
    >>> float(frozen(LogNormal(2, 0.5)).mean())
    2.0
    """
    a = {name: float(value) for name, value in prior.arguments.items()}
    match prior:
        case Normal():
            return stats.norm(a["mu"], a["sigma"])
        case LogNormal():
            return stats.lognorm(a["sigma"], scale=a["mean"] * np.exp(-(a["sigma"] ** 2) / 2))
        case Exponential():
            return stats.expon(scale=a["mean"])
        case Uniform():
            return stats.uniform(a["low"], a["high"] - a["low"])
        case Beta():
            return stats.beta(a["alpha"], a["beta"])
        case HalfNormal():
            return stats.halfnorm(scale=a["sigma"])
        case Gamma():
            return stats.gamma(a["alpha"], scale=1 / a["beta"])
    raise refuse("prior", str(prior), "Normal, LogNormal, HalfNormal, Gamma, Exponential, "
                 "Uniform or Beta with numbers as arguments")  # fmt: skip


def from_normal(prior: Distribution, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantile of the prior at Φ(u): what is standard normal in u has the prior's law.

    Either tail is read from its own end, so that neither loses digits.

    Examples
    --------
    >>> from_normal(Uniform(0, 2), np.array([0.0])).tolist()
    [1.0]
    """
    law = frozen(prior)
    lower = np.minimum(u, 0.0)
    upper = np.maximum(u, 0.0)
    found = np.where(u <= 0, law.ppf(ndtr(lower)), law.isf(ndtr(-upper)))
    return np.asarray(found, dtype=np.float64)
