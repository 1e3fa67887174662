"""How well a fit fits, and whether its draws can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.estimation.plan import NumPyArrays, Plan
from pycore.estimation.posterior import flat_values, implied
from pycore.estimation.sample import Sample
from pycore.estimation.sampling import Draws

__all__ = ["Gates", "fit_measures", "gates"]

_MOST_RHAT = 1.01
_FEWEST_ESS = 400.0
_REPLICATES = 500


@dataclass(frozen=True)
class Gates:
    """Conditions that an estimate must meet before it is believed.

    Attributes
    ----------
    rhat, ess_bulk, ess_tail : float
        Worst over the sampled quantities; allowed are below 1.01 and at least 400.
    divergences : int
        Allowed is 0.
    worst : str
        The quantity with the smallest effective sample.
    partial : bool
        Whether the run was interrupted.
    """

    rhat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    worst: str
    partial: bool

    @property
    def failures(self) -> tuple[str, ...]:
        """What is not met, in words."""
        found = []
        if not self.rhat < _MOST_RHAT:
            found.append(f"R-hat {self.rhat:.3f} (allowed: below {_MOST_RHAT})")
        for word, value in (("bulk", self.ess_bulk), ("tail", self.ess_tail)):
            if not value >= _FEWEST_ESS:
                found.append(
                    f"{word} effective sample {value:.0f} of {self.worst} (allowed: at least "
                    f"{_FEWEST_ESS:.0f})"
                )
        if self.divergences:
            found.append(f"{self.divergences} divergent transitions (allowed: none)")
        if self.partial:
            found.append("interrupted before the last draw")
        return tuple(found)

    @property
    def passed(self) -> bool:
        """Whether all are met."""
        return not self.failures


def gates(draws: Draws) -> Gates:
    """Check the sampled quantities, not what is computed from them."""
    from arviz_stats.base import array_stats

    rows: list[tuple[str, float, float, float]] = []
    for name, array in draws.values.items():
        columns = array.reshape(*array.shape[:2], -1)
        for k in range(columns.shape[2]):
            one = columns[:, :, k]
            if np.ptp(one) < 1e-12:
                continue  # a constant entry of a correlation's factor
            label = name if columns.shape[2] == 1 else f"{name}[{k}]"
            rows.append((
                label,
                float(array_stats.rhat(one, chain_axis=0, draw_axis=1)),
                float(array_stats.ess(one, chain_axis=0, draw_axis=1, method="bulk")),
                float(array_stats.ess(one, chain_axis=0, draw_axis=1, method="tail",
                                      prob=(0.05, 0.95))),
            ))  # fmt: skip
    if not rows:
        return Gates(1.0, np.inf, np.inf, 0, "nothing", draws.partial)
    worst = min(rows, key=lambda r: min(r[2], r[3]))
    return Gates(
        rhat=max(r[1] for r in rows), ess_bulk=min(r[2] for r in rows),
        ess_tail=min(r[3] for r in rows), divergences=int(draws.diverging.sum()), worst=worst[0],
        partial=draws.partial,
    )  # fmt: skip


def fit_measures(plan: Plan, sample: Sample, draws: Draws, posterior: Any, seed: int) -> xr.Dataset:
    """Posterior predictive p, SRMR and R².

    Returns
    -------
    xarray.Dataset
        ``ppp``: share of draws whose replicated data fit worse than the observed, by the likelihood
        ratio against the saturated model (Wishart replicates; respondents without gaps).
        ``srmr``: root mean square residual correlation at the posterior mean.  ``r2[state]``: share
        of variance explained, posterior mean, with a leading group.
    """
    rng = np.random.default_rng(seed)
    total = draws.steps.size
    chosen = rng.choice(total, size=min(_REPLICATES, total), replace=False)
    arrays = NumPyArrays(total)
    observed_misfit = np.zeros(len(chosen))
    replicated = np.zeros(len(chosen))
    residuals, explained, compared = [], [], 0
    for g in range(len(plan.groups)):
        system = plan.system(g, flat_values(plan, sample, draws, g), arrays)
        latent, items = implied(system)
        states = len(plan.states)
        left = np.diagonal(system.disturbance, axis1=1, axis2=2)[:, :states]
        whole = np.diagonal(latent, axis1=1, axis2=2)[:, :states]
        explained.append((1 - left / whole).mean(axis=0))
        unit = next((u for u in sample.units if u.group == g and u.observed.all()), None)
        if unit is None or unit.n <= len(plan.items):
            continue
        compared += 1
        one, two = _misfit(plan, g, unit, items[chosen], posterior, chosen, rng, sample.means)
        observed_misfit += one
        replicated += two
        residuals.append(_residual(unit.cov, items.mean(axis=0)))
    whole_sample = compared == len(plan.groups)
    ppp = float((replicated > observed_misfit).mean()) if whole_sample else np.nan
    srmr = float(np.sqrt(np.mean(residuals))) if whole_sample else np.nan
    r2 = np.array(explained)
    grouped = plan.group_name is not None
    coords: dict[str, Any] = {"state": list(plan.states)}
    if grouped:
        coords["group"] = list(plan.groups)
    return xr.Dataset(
        {
            "ppp": ppp, "srmr": srmr,
            "r2": (("group", "state") if grouped else ("state",), r2 if grouped else r2[0]),
        },
        coords=coords,
    )  # fmt: skip


def _misfit(
    plan: Plan,
    group: int,
    unit: Any,
    items: NDArray[np.float64],
    posterior: Any,
    chosen: NDArray[np.int_],
    rng: np.random.Generator,
    means: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Likelihood ratio of observed and replicated statistics at each draw."""
    size, n = len(plan.items), unit.n
    factor = np.linalg.cholesky(items)
    inverse = np.linalg.inv(items)

    def ratio(cov: NDArray[np.float64]) -> NDArray[np.float64]:
        sign = np.linalg.slogdet(items)[1] - np.linalg.slogdet(cov)[1]
        product: NDArray[np.float64] = n * (sign + np.einsum("dij,dji->d", inverse, cov) - size)
        return product

    # Bartlett's decomposition: a Wishart matrix is a lower triangle of normals and chis, squared.
    triangle = np.tril(rng.standard_normal((len(chosen), size, size)), -1)
    degrees = n - 1 - np.arange(size)
    triangle[:, np.arange(size), np.arange(size)] = np.sqrt(
        rng.chisquare(degrees, (len(chosen), size))
    )
    root = factor @ triangle
    drawn = root @ np.swapaxes(root, -1, -2) / n
    observed, replicated = ratio(np.broadcast_to(unit.cov, items.shape)), ratio(drawn)
    if means:
        level = posterior["intercept"]
        level = level.isel(group=group) if plan.group_name is not None else level
        nu = level.values.reshape(-1, size)[chosen]
        away = unit.mean - nu
        observed = observed + n * np.einsum("di,dij,dj->d", away, inverse, away)
        replicated = replicated + rng.chisquare(size, len(chosen))
    return observed, replicated


def _residual(observed: NDArray[np.float64], fitted: NDArray[np.float64]) -> float:
    """Mean squared residual of the correlations and relative variances, as in SRMR."""
    sd = np.sqrt(np.diag(observed))
    away = (observed - fitted) / np.outer(sd, sd)
    return float((away[np.tril_indices(len(sd))] ** 2).mean())
