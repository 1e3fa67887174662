"""A fit of event histories as a tree of named arrays, and in words."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore._core import Likelihood
from pycore.errors import refuse
from pycore.estimation.errors import EstimateWarning
from pycore.estimation.fit_measures import gates
from pycore.estimation.sampling import Draws
from pycore.histories.fitting import Fitted
from pycore.histories.parameters import Parameters

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "HistorySummary",
    "Report",
    "as_tree",
    "interval",
    "require_fit",
    "summary",
    "theta_draws",
]

Array = NDArray[np.float64]
# (scalars by name, θ), each with leading dimensions → named results with the same.
Report = Callable[[dict[str, Array], Array], dict[str, Array]]

_MOST_POINTWISE = 20_000
_POINTWISE_DRAWS = 1000


def as_tree(
    family: str,
    parameters: Parameters,
    fitted: Fitted,
    likelihood: Likelihood,
    report: Report,
    *,
    dims: Mapping[str, tuple[str, ...]],
    coords: Mapping[str, Any],
    weight: Array,
    attrs: Mapping[str, Any],
    seed: int,
) -> xr.DataTree:
    """Name everything; warn if the draws or the maximum cannot be trusted.

    Parameters
    ----------
    dims, coords : mapping
        Dimensions of each named result after (chain, draw), and their labels.
    weight : ndarray
        How many histories each unit of the likelihood stands for.
    attrs : mapping
        What the functions that read a fit need to know of it.
    """
    fixed = {k: np.asarray(v) for k, v in coords.items()}
    if fitted.points is None:
        results = _estimates(parameters, fitted, report, dims, fixed)
        failures, partial, sampler = fitted.failures, False, "maximum likelihood"
        groups = {"estimates": results}
        checked: dict[str, Any] = {}
    else:
        made = report(parameters.split(fitted.scalars), fitted.theta)
        results = xr.Dataset(
            {n: (("chain", "draw", *dims.get(n, ())), v) for n, v in made.items()}, coords=fixed
        )
        points = fitted.points
        found = gates(
            Draws(
                values=parameters.split(fitted.scalars), diverging=points.diverging,
                steps=points.steps, partial=points.partial, sampler=points.sampler,
            )
        )  # fmt: skip
        failures, partial, sampler = found.failures, points.partial, points.sampler
        checked = {
            "rhat": found.rhat, "ess_bulk": found.ess_bulk, "ess_tail": found.ess_tail,
            "divergences": found.divergences,
        }  # fmt: skip
        stats = {
            "diverging": (("chain", "draw"), points.diverging),
            "n_steps": (("chain", "draw"), points.steps),
        }
        groups = {"posterior": results, "sample_stats": xr.Dataset(stats)}
    groups["fit_measures"] = _fit_measures(fitted, likelihood, weight)
    groups["likelihood"] = xr.Dataset({"theta": (("chain", "draw", "number"), fitted.spread_theta)})
    if failures:
        word = "draws do" if fitted.points is not None else "estimates do"
        warnings.warn(
            f"these {word} not meet the gates: " + "; ".join(failures),
            EstimateWarning,
            stacklevel=3,
        )
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {
        "family": family, "histories": int(weight.sum()), "seed": seed, "sampler": sampler,
        "partial": int(partial), "gates_passed": int(not failures), "gates_failed": list(failures),
        "priors": [f"{n} ~ {p}" for n, p in parameters.priors.items()], **checked, **attrs,
    }  # fmt: skip
    return tree


def _estimates(
    parameters: Parameters, fitted: Fitted, report: Report, dims: Mapping[str, Any],
    coords: Mapping[str, Any],
) -> xr.Dataset:  # fmt: skip
    values = report(parameters.split(fitted.scalars), fitted.theta)
    made = {}
    for name, value in values.items():

        def one(scalars: Array, theta: Array, of: str = name) -> Array:
            return report(parameters.split(scalars), theta)[of]

        error = fitted.standard_error(one)
        made[name] = (("statistic", *dims.get(name, ())), np.stack([value[0, 0], error]))
    return xr.Dataset(made, coords={**coords, "statistic": ["est", "se"]})


def _fit_measures(fitted: Fitted, likelihood: Likelihood, weight: Array) -> xr.Dataset:
    """Log-likelihood; AIC and BIC of a maximum, PSIS-LOO of draws."""
    count = fitted.scalars.shape[-1]
    if fitted.points is None:
        value = fitted.log_likelihood
        return xr.Dataset(
            {
                "logl": value, "parameters": count, "aic": 2 * count - 2 * value,
                "bic": count * np.log(weight.sum()) - 2 * value,
            }
        )  # fmt: skip
    made = {"logl": fitted.log_likelihood, "parameters": count}
    if likelihood.units > _MOST_POINTWISE:
        return xr.Dataset(made, attrs={"looic": f"left out: over {_MOST_POINTWISE} histories"})
    from arviz_stats.base import array_stats

    theta = fitted.theta[:, :: max(1, fitted.theta[..., 0].size // _POINTWISE_DRAWS)]
    pointwise = np.array([[likelihood.pointwise(t) for t in chain] for chain in theta])
    elpd, worst, effective = array_stats.loo(pointwise, chain_axis=0, draw_axis=1)
    made |= {
        "looic": -2 * float(weight @ elpd), "p_loo": float(weight @ effective),
        "worst_pareto_k": float(np.max(worst)),
    }  # fmt: skip
    return xr.Dataset(made)


def theta_draws(fit: xr.DataTree, most: int) -> Array:
    """Evenly spaced draws of what the likelihood reads, shape (draws, number)."""
    theta = np.asarray(fit["likelihood"]["theta"].values)
    flat: Array = theta.reshape(-1, theta.shape[-1])
    chosen = np.linspace(0, len(flat) - 1, min(most, len(flat))).astype(int)
    return np.asarray(flat[chosen])


def interval(draws: Array, probability: float) -> dict[str, Array]:
    """Mean and equal-tailed interval over the first axis."""
    tail = (1 - probability) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return {"mean": draws.mean(axis=0), "low": low, "high": high}


def require_fit(fit: Any, *families: str) -> None:
    """Refuse what is not a fit of one of the families."""
    if not isinstance(fit, xr.DataTree) or fit.attrs.get("family") not in families:
        received = fit.attrs.get("family", fit) if isinstance(fit, xr.DataTree) else fit
        raise refuse("fit", received, f"a fit by {' or '.join(families)}")


@dataclass(frozen=True, eq=False)
class HistorySummary:
    """What :func:`summary` found.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per number: mean, sd and interval of draws; estimate, standard error and interval
        of a maximum.
    family, sampler : str
        What was fitted, and how.
    histories : int
        How many.
    failures : tuple of str
        Gates that are not met; empty if all are.
    measures : dict
        Fit measures.
    probability : float
        Of the intervals.
    """

    table: pd.DataFrame
    family: str
    sampler: str
    histories: int
    failures: tuple[str, ...]
    measures: dict[str, float]
    probability: float

    def __str__(self) -> str:
        measures = ", ".join(f"{n} {v:.6g}" for n, v in self.measures.items())
        return "\n".join([
            f"{self.family}: {self.histories} histories, {self.sampler}",
            "GATES NOT MET: " + "; ".join(self.failures) if self.failures else "all gates met",
            measures, f"{self.probability:.0%} intervals:", self.table.round(3).to_string(),
        ])  # fmt: skip

    __repr__ = __str__


def summary(fit: xr.DataTree, *, probability: float = 0.90) -> HistorySummary:
    """Summarise a fit; the first thing it says is whether it can be trusted.

    Parameters
    ----------
    fit : xarray.DataTree
        Of any function of :mod:`pycore.histories`.
    probability : float
        Of the intervals: equal-tailed of draws; estimate ± standard errors of a maximum.

    Examples
    --------
    >>> import pycore as pc
    >>> left = pc.histories.retention([1000, 869, 743, 653, 593], method="ml")
    >>> print(pc.histories.summary(left))
    retention: 1000 histories, maximum likelihood
    all gates met
    ...
    """
    import pandas as pd
    from scipy.special import ndtri

    require_fit(fit, *FAMILIES)
    if not 0 < probability < 1:
        raise refuse("probability", probability, "a number between 0 and 1")
    sampled = "posterior" in fit.children
    group = fit["posterior" if sampled else "estimates"].to_dataset()
    lead = ("chain", "draw") if sampled else ("statistic",)
    rows = {}
    for name, variable in group.data_vars.items():
        own = [d for d in variable.dims if d not in lead]
        stacked = variable.transpose(*lead, *own).values
        labels = [group[d].values for d in own]
        for place in np.ndindex(*stacked.shape[len(lead) :]):
            values = stacked[(..., *place)]
            label = ", ".join(str(names[k]) for names, k in zip(labels, place, strict=True))
            key = f"{name}[{label}]" if label else str(name)
            if sampled:
                found = interval(values.ravel(), probability)
                rows[key] = {
                    "mean": found["mean"], "sd": values.std(ddof=1), "low": found["low"],
                    "high": found["high"],
                }  # fmt: skip
            else:
                away = float(ndtri((1 + probability) / 2)) * values[1]
                rows[key] = {"est": values[0], "se": values[1], "low": values[0] - away,
                             "high": values[0] + away}  # fmt: skip
    return HistorySummary(
        table=pd.DataFrame.from_dict(rows, orient="index"), family=fit.attrs["family"],
        sampler=fit.attrs["sampler"], histories=int(fit.attrs["histories"]),
        failures=tuple(str(w) for w in np.atleast_1d(fit.attrs["gates_failed"])),
        measures={str(n): float(v) for n, v in fit["fit_measures"].to_dataset().items()},
        probability=probability,
    )  # fmt: skip


FAMILIES = ("stages", "survival", "BG/NBD", "Pareto/NBD", "retention")
