"""Renewals: how many of a cohort are still there after each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from pycore._core import Retention
from pycore.errors import refuse
from pycore.estimation.sampling import Progress
from pycore.histories.fitting import Method, check_options, fit
from pycore.histories.parameters import Parameters, check_priors
from pycore.histories.result import as_tree, interval, require_fit, theta_draws
from pycore.model.distributions import LogNormal, Uniform

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["retention", "retention_curve"]

_DRAWS = 400
_SPREAD = 1.5


def retention(
    remaining: Sequence[float],
    *,
    method: Method = "nuts",
    priors: Mapping[str, Any] | None = None,
    draws: int = 1000,
    tune: int = 500,
    chains: int = 4,
    seed: int = 0,
    progress: Progress = None,
) -> xr.DataTree:
    """Fit the shifted beta-geometric model to a cohort that renews or leaves.

    Each member leaves at each renewal with a chance of her own, Beta(alpha, beta) over the cohort;
    retention rises because those who leave easily go first (Fader and Hardie 2007,
    doi:10.1002/dir.20074).

    Parameters
    ----------
    remaining : sequence of float
        Members at the start and after each renewal.
    method : {"nuts", "ml"}
        Draws from the posterior, or the maximum of the likelihood.
    priors : mapping, optional
        In place of the defaults, of what is sampled: ``dropout`` = alpha/(alpha + beta), the mean
        chance to leave, ~ Uniform(0, 1), and ``certainty`` = alpha + beta, log-normal around 1 with
        standard deviation 1.5 of its logarithm.
    draws, tune, chains : int
        Kept and discarded draws per chain, and chains.
    seed : int
        Same seed, same draws.
    progress : bool or callable, optional
        Show a bar (by default on a terminal), or call with (draws done, draws in all).

    Returns
    -------
    xarray.DataTree
        ``posterior`` (or ``estimates``): alpha, beta.

    Examples
    --------
    >>> fit = retention([1000, 869, 743, 653, 593, 551, 517, 491], method="ml")
    >>> [round(float(fit.estimates[n][0]), 3) for n in ("alpha", "beta")]
    [0.668, 3.806]
    """
    check_options(method, draws, tune, chains, seed, progress)
    there = np.asarray(remaining, dtype=float)
    if (
        there.ndim != 1 or there.size < 3 or not np.isfinite(there).all() or (there < 0).any()
        or (np.diff(there) > 0).any() or there[0] == there[-1]
    ):  # fmt: skip
        raise refuse("remaining", remaining, "at least 3 falling numbers of members")
    likelihood = Retention(stayed=there[1:].tolist(), left=(-np.diff(there)).tolist())
    parameters = Parameters(check_priors(priors))
    (share,) = parameters.add("dropout", (), Uniform(0, 1), 0.3)
    prior = LogNormal(float(np.exp(_SPREAD**2 / 2)), _SPREAD)
    (both,) = parameters.add("certainty", (), prior, 2.0)
    parameters.product(0, 1.0, share, both)
    parameters.product(1, 1.0, both)
    parameters.product(1, -1.0, share, both)
    fitted = fit(
        parameters, likelihood, method=method, draws=draws, tune=tune, chains=chains, seed=seed,
        progress=progress,
    )  # fmt: skip
    tree = as_tree(
        "retention", parameters, fitted, likelihood,
        lambda _, theta: {"alpha": theta[..., 0], "beta": theta[..., 1]},
        dims={}, coords={}, weight=np.ones(likelihood.units), attrs={}, seed=seed,
    )  # fmt: skip
    tree.attrs["histories"] = int(there[0])
    return tree


def retention_curve(fit: xr.DataTree, *, renewals: int, probability: float = 0.90) -> pd.DataFrame:
    """Share of the cohort that is still there after each renewal, beyond the data too.

    Parameters
    ----------
    fit : xarray.DataTree
        Of :func:`retention`.
    renewals : int
        How many.
    probability : float
        Of the equal-tailed intervals.

    Returns
    -------
    pandas.DataFrame
        By renewal, from 0: mean, low, high.

    Examples
    --------
    >>> fit = retention([1000, 869, 743, 653, 593], seed=1, progress=False)
    >>> retention_curve(fit, renewals=12)["mean"].loc[[0, 4, 12]].round(1).tolist()
    [1.0, 0.6, 0.3]
    """
    import pandas as pd

    require_fit(fit, "retention")
    if isinstance(renewals, bool) or not isinstance(renewals, int) or renewals < 1:
        raise refuse("renewals", renewals, "a whole number of at least 1")
    if not 0 < probability < 1:
        raise refuse("probability", probability, "a number between 0 and 1")
    theta = theta_draws(fit, _DRAWS)
    j = np.arange(renewals)
    alpha, beta = theta[:, :1], theta[:, 1:]
    kept = np.cumprod((beta + j) / (alpha + beta + j), axis=1)
    shares = np.column_stack([np.ones(len(theta)), kept])
    index = pd.RangeIndex(renewals + 1, name="renewal")
    return pd.DataFrame(interval(shares, probability), index=index)
