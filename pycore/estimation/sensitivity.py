"""How much a posterior owes to its priors, without fitting again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pycore.errors import refuse
from pycore.estimation.fitted import Fitted, drawn_posterior, fitted, group_labels, require_numbers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["prior_sensitivity"]

F64 = NDArray[np.float64]
_NEAR = (0.99, 1.01)
_THRESHOLD = 0.05
_LARGEST_K = 0.7


def prior_sensitivity(fit: Any, *, powers: tuple[float, float] = (0.5, 2.0)) -> pd.DataFrame:
    """Power-scale the priors and the likelihood of a fit (Kallioinen et al. 2023).

    The priors of the model's parameters, together, are raised to a power just above and below 1, and
    so is the likelihood; draws are reweighted (Pareto-smoothed importance sampling, ArviZ), and the
    change of each posterior is its sensitivity.  doi:10.1007/s11222-023-10366-5.

    Parameters
    ----------
    fit : xarray.DataTree
        Result of :func:`pycore.estimate`.
    powers : (float, float)
        Weaker and stronger prior, for which the posterior means are given.

    Returns
    -------
    pandas.DataFrame
        One row per parameter: ``prior`` and ``likelihood`` sensitivity (cumulative Jensen–Shannon
        distance per doubling; above 0.05 counts), ``mean`` and ``sd``, ``mean_weaker`` and
        ``mean_stronger`` under the priors to the powers, and ``diagnosis``: ``""``, ``"strong
        prior or weak data"`` or ``"prior and data disagree"``.  A mean is NaN where the Pareto k̂
        of its weights, in ``attrs``, says that reweighting cannot tell (above 0.7).

    Raises
    ------
    InputError
        For anything but a fit of answers as numbers with draws, or powers on one side of 1.

    Examples
    --------
    >>> import pycore as pc
    >>> study = pc.facts.zhang2017_ecm()
    >>> data = pc.SummaryData(corr=study.correlation, n=study.n, names=study.names)
    >>> fit = pc.estimate(pc.library.expectation_confirmation(), data, seed=1, chains=2)
    >>> table = prior_sensitivity(fit)
    >>> table.loc["SAT_by_CONF", "diagnosis"], bool(table.loc["SAT_by_CONF", "likelihood"] > 0.05)
    ('', True)
    """
    import pandas as pd
    from arviz_stats.base import array_stats

    weaker, stronger = powers
    if not 0 < weaker < 1 < stronger:
        raise refuse("powers", powers, "a power between 0 and 1, and one above 1")
    require_numbers(fit)
    labels = group_labels(fit)
    posterior = drawn_posterior(fit)
    if "log_prior" not in fit["sample_stats"]:
        raise refuse("fit", "one without log densities of its prior",
                     "a sampled fit that this version made")  # fmt: skip
    names = [str(n) for n in np.atleast_1d(posterior.attrs["parameters"])]
    shape = (posterior.sizes["chain"], posterior.sizes["draw"])
    parts = {
        "prior": fit["sample_stats"]["log_prior"].transpose("chain", "draw").values,
        "likelihood": sum((_log_likelihood(fit, label) for label in labels),
                          start=np.zeros(shape[0] * shape[1])).reshape(shape),
    }  # fmt: skip
    near = {
        word: [np.exp(_normalised(array_stats.power_scale_lw(log, alpha=a, axis=(0, 1))))
               for a in _NEAR]
        for word, log in parts.items()
    }  # fmt: skip
    far, pareto = {}, {}
    for word, power in (("weaker", weaker), ("stronger", stronger)):
        weights, k = array_stats.psislw((1 - power) * parts["prior"], axis=(0, 1))
        far[word], pareto[f"pareto_k_{word}"] = np.exp(_normalised(weights)), float(k)
    rows = {}
    for name, values in _scalars(posterior, names).items():
        row = {
            word: float(array_stats.power_scale_sense(
                values, lower, upper, lower_alpha=_NEAR[0], upper_alpha=_NEAR[1],
                chain_axis=0, draw_axis=1,
            ))
            for word, (lower, upper) in near.items()
        }  # fmt: skip
        row |= {"mean": float(values.mean()), "sd": float(values.std(ddof=1))}
        for word, weights in far.items():
            known = pareto[f"pareto_k_{word}"] <= _LARGEST_K
            row[f"mean_{word}"] = float((weights * values).sum()) if known else np.nan
        rows[name] = row
    table = pd.DataFrame.from_dict(rows, orient="index")
    strong = table["prior"] >= _THRESHOLD
    table["diagnosis"] = np.where(
        strong & (table["likelihood"] >= _THRESHOLD), "prior and data disagree",
        np.where(strong, "strong prior or weak data", ""),
    )  # fmt: skip
    table.attrs = pareto
    return table


def _normalised(log_weights: F64) -> F64:
    weights = np.asarray(log_weights) - np.max(log_weights)
    return np.asarray(weights - np.log(np.exp(weights).sum()))


def _scalars(posterior: Any, names: list[str]) -> dict[str, F64]:
    """Parameters over chain and draw; those of groups one by one."""
    found = {}
    for name in names:
        array = posterior[name]
        if "group" in array.dims:
            for label in array["group"].values:
                found[f"{name}[{label}]"] = array.sel(group=label).values
        else:
            found[name] = array.transpose("chain", "draw").values
    return found


def _log_likelihood(fit: Any, label: Any) -> F64:
    """Normal log likelihood of the sufficient statistics of one group, but for a constant."""
    f: Fitted = fitted(fit, label)
    data = fit["constant_data"]
    total = np.zeros(len(f.loading))
    for unit in range(data.sizes["unit"]):
        if label is not None and str(data["group"].values[unit]) != str(label):
            continue
        n = float(data["n"].values[unit])
        seen = data["observed"].values[unit].astype(bool)
        sigma = f.covariance[:, seen][:, :, seen]
        spread = data["covariance"].values[unit][np.ix_(seen, seen)]
        size = n
        if f.level is None:
            size = n - 1.0  # the mean integrated out
        else:
            away = data["mean"].values[unit][seen] - f.level[:, seen]
            spread = spread + away[:, :, None] * away[:, None, :]
        log_size = np.linalg.slogdet(sigma)[1]
        trace = np.trace(np.linalg.solve(sigma, np.broadcast_to(spread, sigma.shape)),
                         axis1=1, axis2=2)  # fmt: skip
        total += -0.5 * (size * log_size + n * trace)
    return total
