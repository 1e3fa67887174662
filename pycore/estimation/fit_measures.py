"""How well a fit fits, and whether its draws can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.estimation.leave_one_out import leave_one_out
from pycore.estimation.plan import Plan, System
from pycore.estimation.posterior import environment
from pycore.estimation.quantities import implied, item_means, systems
from pycore.estimation.sample import Sample, Unit
from pycore.estimation.sampling import Draws

__all__ = ["Gates", "fit_measures", "gates"]

_MOST_RHAT = 1.01
_FEWEST_ESS = 400.0
_REPLICATES = 500
_LEFT_OUT_DRAWS = 1000  # evenly spaced
_MOST_LEFT_OUT = 5000  # respondents: beyond, leaving one out says little


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
    other : tuple of str
        Further conditions that are not met.
    """

    rhat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    worst: str
    partial: bool
    other: tuple[str, ...] = ()

    @classmethod
    def of_mode(cls, draws: Draws) -> Gates:
        """Independent draws around a mode have no chains to compare."""
        size = float(draws.steps.size)
        return cls(1.0, size, size, 0, "nothing", draws.partial, draws.troubles)

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
        return (*found, *self.other)

    @property
    def passed(self) -> bool:
        """Whether all are met."""
        return not self.failures

    @property
    def warnings(self) -> list[str]:
        """What a reader is told, if anything is not met."""
        if self.passed:
            return []
        return ["these draws do not meet the gates: " + "; ".join(self.failures)]


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


def fit_measures(
    plan: Plan,
    sample: Sample,
    draws: Draws,
    posterior: Any,
    at_mode: Mapping[str, float],
    seed: int,
) -> xr.Dataset:
    """Fit at the maximum of the likelihood, posterior predictive p, BRMSEA, LOO and R².

    Returns
    -------
    xarray.Dataset
        Those of :func:`pycore.estimation.likelihood_measures.likelihood_measures`, which use no
        prior.  ``ppp``: share of draws whose replicated data fit worse than the observed, by the
        likelihood ratio against the saturated model (Wishart replicates; respondents without gaps).
        ``brmsea``: posterior mean of the Bayesian RMSEA (Garnier-Villarreal and Jorgensen 2020,
        doi:10.1037/met0000224).  ``looic``, ``p_loo``, ``pareto_k``: leave-one-out information
        criterion by Pareto-smoothed importance sampling of respondents, latent variables integrated
        out, its effective number of parameters, and the worst shape; ``elpd_i[respondent]`` and
        ``pareto_k_i[respondent]`` are its parts, see :func:`pycore.loo_compare`.  ``r2[state]``:
        share of variance explained, posterior mean, with a leading group.  NaN, or no parts, where
        data do not allow one.
    """
    rng = np.random.default_rng(seed)
    made = systems(plan, environment(plan, draws))
    both = [implied(system) for system in made]
    total = draws.steps.size
    chosen = rng.choice(total, size=min(_REPLICATES, total), replace=False)
    replicated, explained, compared = np.zeros(len(chosen)), [], 0
    misfit = np.zeros(total)
    for g, (latent, items) in enumerate(both):
        states = len(plan.states)
        left = np.diagonal(made[g].disturbance, axis1=1, axis2=2)[:, :states]
        whole = np.diagonal(latent, axis1=1, axis2=2)[:, :states]
        explained.append((1 - left / whole).mean(axis=0))
        units = [u for u in sample.units if u.group == g]
        if len(units) > 1 or not units[0].observed.all() or units[0].n <= len(plan.items):
            continue
        compared += 1
        level = _levels(plan, posterior, made[g], g) if sample.means else None
        misfit += _misfit(units[0], items, level)
        replicated += _replicated(units[0], items[chosen], rng, sample.means)
    whole_sample = compared == len(plan.groups)
    found: dict[str, Any] = dict(at_mode)
    found["ppp"] = float((replicated > misfit[chosen]).mean()) if whole_sample else np.nan
    found |= _leave_one_out(plan, sample, draws, posterior, made, both) | {"brmsea": np.nan}
    p_loo = found["p_loo"]
    p, groups = len(plan.items), len(plan.groups)
    moments = groups * (p * (p + 1) // 2 + p)
    # A model that reproduces every moment leaves nothing to measure.
    if whole_sample and at_mode.get("df", 1.0) > 0 and p_loo < moments:
        excess = np.clip(misfit - moments, 0, None)
        found["brmsea"] = float(
            np.sqrt(excess / (sample.respondents * (moments - p_loo)) * groups).mean()
        )
    r2 = np.array(explained)
    grouped = plan.group_name is not None
    found["r2"] = (("group", "state") if grouped else ("state",), r2 if grouped else r2[0])
    coords: dict[str, Any] = {"state": list(plan.states)}
    if grouped:
        coords["group"] = list(plan.groups)
    return xr.Dataset(found, coords=coords)


def _levels(plan: Plan, posterior: Any, system: System, group: int) -> NDArray[np.float64]:
    """Means of the items, at every draw."""
    if plan.means == "modelled":
        return item_means(system)
    level = posterior["intercept"]
    level = level.isel(group=group) if plan.group_name is not None else level
    made: NDArray[np.float64] = level.values.reshape(-1, len(plan.items))
    return made


def _misfit(
    unit: Unit, items: NDArray[np.float64], level: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Likelihood ratio of the observed statistics against the saturated model, at each draw."""
    inverse = np.linalg.inv(items)
    ratio: NDArray[np.float64] = _ratio(items, inverse, unit.cov, unit.n)
    if level is not None:
        away = unit.mean - level
        ratio = ratio + unit.n * np.einsum("di,dij,dj->d", away, inverse, away)
    return ratio


def _ratio(items: Any, inverse: Any, cov: Any, n: int) -> NDArray[np.float64]:
    cov = np.broadcast_to(cov, items.shape)
    sign = np.linalg.slogdet(items)[1] - np.linalg.slogdet(cov)[1]
    found: NDArray[np.float64] = n * (
        sign + np.einsum("dij,dji->d", inverse, cov) - items.shape[-1]
    )
    return found


def _replicated(
    unit: Unit, items: NDArray[np.float64], rng: np.random.Generator, means: bool
) -> NDArray[np.float64]:
    """The same ratio of statistics that the model itself would give."""
    draws, size, n = len(items), items.shape[-1], unit.n
    # Bartlett's decomposition: a Wishart matrix is a lower triangle of normals and chis, squared.
    triangle = np.tril(rng.standard_normal((draws, size, size)), -1)
    degrees = n - 1 - np.arange(size)
    triangle[:, np.arange(size), np.arange(size)] = np.sqrt(rng.chisquare(degrees, (draws, size)))
    root = np.linalg.cholesky(items) @ triangle
    drawn = root @ np.swapaxes(root, -1, -2) / n
    ratio = _ratio(items, np.linalg.inv(items), drawn, n)
    return ratio + rng.chisquare(size, draws) if means else ratio


def _leave_one_out(
    plan: Plan,
    sample: Sample,
    draws: Draws,
    posterior: Any,
    made: list[System],
    both: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> dict[str, Any]:
    """LOOIC, effective parameters and worst Pareto shape; NaN without a table of respondents."""
    if sample.answers is None or sample.codes is None or sample.respondents > _MOST_LEFT_OUT:
        return {"looic": np.nan, "p_loo": np.nan, "pareto_k": np.nan}
    total = draws.steps.size
    chosen = np.linspace(0, total - 1, min(_LEFT_OUT_DRAWS, total)).round().astype(int)
    likelihood = np.zeros((len(chosen), sample.respondents))
    levels = [_levels(plan, posterior, s, g) for g, s in enumerate(made)]
    seen = np.isfinite(sample.answers)
    patterns, which = np.unique(np.column_stack([sample.codes, seen]), axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        g, items = int(pattern[0]), np.flatnonzero(pattern[1:])
        rows = np.flatnonzero(which.ravel() == k)
        factor = np.linalg.cholesky(both[g][1][chosen][:, items[:, None], items])
        level, inverse = levels[g][chosen][:, items, None], np.linalg.inv(factor)
        constant = 2 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
        constant += len(items) * np.log(2 * np.pi)
        for some in np.array_split(rows, 1 + len(rows) // 100):
            solved = inverse @ (sample.answers[np.ix_(some, items)].T - level)
            likelihood[:, some] = -0.5 * ((solved**2).sum(axis=1) + constant[:, None])
    density, shape = leave_one_out(likelihood)
    elpd = float(density.sum())
    lppd = float((np.logaddexp.reduce(likelihood, axis=0) - np.log(len(likelihood))).sum())
    return {
        "looic": -2 * elpd, "p_loo": lppd - elpd, "pareto_k": float(shape.max()),
        "loo_draws": len(chosen), "elpd_i": ("respondent", density),
        "pareto_k_i": ("respondent", shape),
    }  # fmt: skip
