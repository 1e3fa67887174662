"""Ordinal items through their polychoric correlations: limited information.

What is fitted are thresholds and correlations of the normal numbers behind the answers, not the
answers themselves; so the cost does not grow with the respondents.  Thresholds are free and fit
exactly.  Correlations are fitted by least squares weighted with the inverse of their variances
(diagonally weighted least squares), with errors and a test that are right although the weights leave
out covariances: lavaan's WLSMV (Muthén, du Toit and Spisic 1997; Asparouhov and Muthén 2010).

The posterior is that of a Gaussian pseudo-likelihood: the estimating equations of the least squares,
which are normal with a known covariance in a large sample, stand for the data (Kim 2002,
doi:10.1214/aos/1028144868 on limited information).  With flat priors its mode is the estimate and
its curvature there the robust covariance of the estimate.

An item's scale (:mod:`pycore.estimation.survey`) comes from its first and last threshold.  Errors of
estimates on the model's scale count how uncertain these are; standardised quantities do not depend
on it; the posterior takes the scales as known, so that it is a little too narrow on the model's
scale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import sympy as sp
import xarray as xr
from numpy.typing import NDArray
from scipy.linalg import block_diag
from scipy.optimize import least_squares
from scipy.stats import chi2

from pycore._core import Moments
from pycore.errors import refuse
from pycore.estimation.density import Density
from pycore.estimation.maximum_likelihood import STATISTICS, Quantities, with_errors
from pycore.estimation.plan import BLOCKS, Plan, System
from pycore.estimation.polychoric import Polychoric, polychoric
from pycore.estimation.quantities import implied, quantities, systems, to_dataset
from pycore.estimation.survey import Survey, anchors, turned_starts

__all__ = [
    "LimitedFit", "Statistics", "completed", "fit_limited", "limited_density", "statistics",
]  # fmt: skip

Array = NDArray[np.float64]

_STEP = 1e-5
# Variance of a total variance that the scale of an item makes exact, beside those of correlations.
_EXACT = 1e-6


@dataclass(frozen=True, eq=False)
class Statistics:
    """Correlations of every group, and total variances of items whose errors are held.

    Attributes
    ----------
    polychorics : tuple of Polychoric
        For each group.
    group, row, column : ndarray of int
        Which entry of which group's covariance each moment is.
    value : ndarray
        The moments, on the model's scale.
    unit : ndarray
        Standard deviations of the two items, multiplied: a moment divided by it is a correlation.
    covariance : ndarray
        Of the moments divided by their units, in this sample, the items' scales taken as known.
    scaled_covariance : ndarray
        The same with what the first and last threshold of an item, which give its scale, are
        uncertain by.
    scale : tuple of ndarray
        Standard deviations of the items of each group.
    """

    polychorics: tuple[Polychoric, ...]
    group: NDArray[np.intp]
    row: NDArray[np.intp]
    column: NDArray[np.intp]
    value: Array
    unit: Array
    covariance: Array
    scaled_covariance: Array
    scale: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class LimitedFit:
    """A least-squares fit of polychoric correlations.

    Attributes
    ----------
    plan : Plan
        What was free.
    statistics : Statistics
        What was fitted.
    z : ndarray, shape (size,)
        Estimates.
    slope : ndarray, shape (moments, size)
        How the moments move with them.
    covariance : ndarray or None
        Robust covariance of the estimates, the items' scales taken as known, as standardised
        quantities want it; None where data cannot tell them apart.
    scaled_covariance : ndarray or None
        The same with the uncertainty of the scales.
    measures : dict
        ``chisq``, ``df``, ``pvalue``, ``chisq_scaled``, ``pvalue_scaled``, ``scaling``, ``shift``,
        ``baseline_chisq``, ``baseline_df``, ``cfi``, ``tli``, ``rmsea``, ``srmr``, ``npar``, ``n``.
    converged : bool
        Whether the minimum was found.
    """

    plan: Plan
    statistics: Statistics
    z: Array
    slope: Array
    covariance: Array | None
    scaled_covariance: Array | None
    measures: dict[str, float]
    converged: bool

    def environment(self, points: Array) -> dict[str, Array]:
        """What the plan's expressions read, of points (count, size)."""
        return _environment(self.plan, points)

    def estimates(self) -> xr.Dataset:
        """Every named quantity with its error, as of a likelihood."""

        def at(points: Array) -> Quantities:
            known = self.environment(points)
            made = completed(self.plan, self.statistics, systems(self.plan, known))
            return quantities(self.plan, known, made)

        made = with_errors(at, self.z, self.scaled_covariance)
        free_of_scale = with_errors(at, self.z, self.covariance)
        made |= {n: q for n, q in free_of_scale.items() if n.startswith("std_")}
        return to_dataset(self.plan, made, ("statistic",), {"statistic": list(STATISTICS)})


def statistics(plan: Plan, survey: Survey) -> Statistics:
    """Polychoric correlations of every group, as moments of a plan.

    Raises
    ------
    InputError
        For items that are not ordinal.
    """
    items = survey.sample.items
    others = [i for i in items if i not in survey.ordinal]
    if others:
        raise refuse("ordinal", f"all but {', '.join(others)}",
                     "all items, or latents='explicit': correlations of ordinal with other items are "
                     "not estimated")  # fmt: skip
    counts = tuple(survey.categories[i] for i in items)
    held = [k for k in range(len(items)) if _is_number(plan, k)]
    polychorics, scales, parts = [], [], []
    for g, unit in enumerate(survey.sample.units):
        rows = survey.answers[survey.codes == g].astype(int)
        found = polychoric(rows, counts)
        sd = np.sqrt(np.diag(unit.cov))
        row = np.concatenate([found.pairs[0], held]).astype(np.intp)
        column = np.concatenate([found.pairs[1], held]).astype(np.intp)
        pairs = len(found.pairs[0])
        covariance = np.eye(len(row)) * _EXACT
        covariance[:pairs, :pairs] = found.correlation_gamma
        value = found.correlation[row, column]
        scaled = covariance + _of_scales(plan, found, row, column, value)
        parts.append((np.full(len(row), g), row, column, value, sd[row] * sd[column],
                      covariance / (found.n - 1), scaled / (found.n - 1)))  # fmt: skip
        polychorics.append(found)
        scales.append(sd)
    group, row, column, value, unit_ = (np.concatenate([p[k] for p in parts]) for k in range(5))
    covariance, scaled = (block_diag(*(p[k] for p in parts)) for k in (5, 6))
    return Statistics(tuple(polychorics), group, row, column, value * unit_, unit_, covariance,
                      scaled, tuple(scales))  # fmt: skip


def _of_scales(
    plan: Plan, found: Polychoric, row: NDArray[np.intp], column: NDArray[np.intp], value: Array
) -> Array:
    """What uncertain scales add to the covariance of the moments: log s = −log(t_last − t_first)."""
    size, pairs = len(found.gamma), len(found.pairs[0])
    slopes = np.zeros((len(found.thresholds), size))  # of log s by the thresholds
    first = 0
    for i, cuts in enumerate(found.thresholds):
        if len(anchors(plan.model.items[plan.items[i]])) == 2:
            slopes[i, [first, first + len(cuts) - 1]] = np.array([1.0, -1.0]) / (cuts[-1] - cuts[0])
        first += len(cuts)
    by_scales = value[:, None] * (slopes[row] + slopes[column])
    alone = np.zeros((len(row), size))
    alone[:pairs, size - pairs :] = np.eye(pairs)
    whole = by_scales + alone
    made: Array = whole @ found.gamma @ whole.T - alone @ found.gamma @ alone.T
    return made


def _is_number(plan: Plan, item: int) -> bool:
    """Whether an item's error is held."""
    return all(m["error"].get((item, item), sp.S.Zero).is_number for m in plan.matrices)


def without_errors(plan: Plan) -> Plan:
    """The same plan where errors are what total variances leave over, and means are free.

    Held errors stay: they say how much of a total variance is not error.
    """
    matrices = []
    for g in range(len(plan.groups)):
        own = dict(plan.matrices[g])
        own["error"] = {
            at: e for at, e in own["error"].items() if at[0] != at[1] or _is_number(plan, at[0])
        }
        matrices.append(own | {"intercept": {}, "mean": {}})
    used = {s.name for m in matrices for b in BLOCKS for e in m[b].values() for s in e.free_symbols}
    free = tuple(f for f in plan.free if any(f[k].name in used for k in range(f.size)))
    known = {f[k].name for f in free for k in range(f.size)} | {
        n for n in plan.entries if n.split("@")[0] in plan.correlations
    }

    def kept(found: dict[str, tuple[sp.Expr, ...]]) -> dict[str, tuple[sp.Expr, ...]]:
        return {
            n: e
            for n, e in found.items()
            if all(s.name in known for x in e for s in x.free_symbols)
        }

    return replace(
        plan, matrices=tuple(matrices), free=free, parameters=kept(plan.parameters),
        defined=kept(plan.defined), means="profiled",
    )  # fmt: skip


def completed(plan: Plan, known: Statistics, made: list[System]) -> list[System]:
    """Matrices with the errors that make the total variances those of the scale."""
    found = []
    for g, system in enumerate(made):
        error = system.error.copy()
        explained = np.diagonal(implied(system)[1], axis1=1, axis2=2)
        for i in range(error.shape[1]):
            if not _is_number(plan, i) or error[0, i, i] == 0:
                error[:, i, i] += known.scale[g][i] ** 2 - explained[:, i]
        found.append(replace(system, error=error))
    return found


def _environment(plan: Plan, z: Array) -> dict[str, Array]:
    """What the expressions of a plan without priors read, of points (count, size)."""
    found, at = {}, 0
    for free in plan.free:
        for k in range(free.size):
            found[free[k].name] = z[:, at]
            at += 1
    return found


def _implied(plan: Plan, known: Statistics, z: Array) -> Array:
    """Implied moments in units of correlations, (points, moments)."""
    covariances = [implied(s)[1] for s in systems(plan, _environment(plan, z))]
    stacked = np.stack(covariances, axis=1)
    found: Array = stacked[:, known.group, known.row, known.column] / known.unit
    return found


def fit_limited(plan: Plan, survey: Survey) -> LimitedFit:
    """Fit a plan without priors by diagonally weighted least squares.

    Parameters
    ----------
    plan : Plan
        Made with ``likelihood=True``.
    survey : Survey
        Complete answers.
    """
    plan = plan.resolved()
    known = statistics(plan, survey)
    plan = without_errors(plan)
    root = 1 / np.sqrt(np.diag(known.covariance))
    size = sum(f.size for f in plan.free)
    start = np.array([f.start for f in plan.free for _ in range(f.size)])

    def away(z: Array) -> Array:
        left: Array = root * (_implied(plan, known, z[None])[0] - known.value / known.unit)
        return left

    def slope(z: Array) -> Array:
        shifts = np.vstack([_STEP * np.eye(size), -_STEP * np.eye(size)])
        moved = _implied(plan, known, z + shifts)
        found: Array = (moved[:size] - moved[size:]).T / (2 * _STEP)
        return found

    found = least_squares(
        away, start, jac=lambda z: root[:, None] * slope(z), method="trf", x_scale="jac",
        xtol=1e-12, ftol=1e-12, gtol=1e-10, max_nfev=500,
    )  # fmt: skip
    z = np.asarray(found.x)
    moves = slope(z)
    bread = _bread(moves, root**2)
    covariance = scaled = None
    if bread is not None:
        weighted = bread @ moves.T * root**2
        covariance = weighted @ known.covariance @ weighted.T
        scaled = weighted @ known.scaled_covariance @ weighted.T
    measures = _measures(plan, survey, known, moves, bread, 2 * float(found.cost), z)
    return LimitedFit(plan, known, z, moves, covariance, scaled, measures, bool(found.success))


def _bread(moves: Array, weight: Array) -> Array | None:
    """(Δᵀ W Δ)⁻¹, or None where it is singular."""
    information = moves.T * weight @ moves
    scale = np.sqrt(np.diag(information))
    if not (scale > 0).all():
        return None
    scaled = information / np.outer(scale, scale)
    if len(scaled) and np.linalg.eigvalsh(scaled).min() < 1e-9:
        return None
    inverse: Array = np.linalg.inv(scaled) / np.outer(scale, scale)
    return inverse


def _measures(
    plan: Plan,
    survey: Survey,
    known: Statistics,
    moves: Array,
    bread: Array | None,
    chisq: float,
    z: Array,
) -> dict[str, float]:
    """Test and fit; the statistic is scaled and shifted to the mean and variance of chi-square."""
    count, size = len(known.value), len(z)
    df, n, groups = count - size, survey.sample.respondents, len(known.polychorics)
    weight = 1 / np.diag(known.covariance)
    free = np.flatnonzero(known.row != known.column)
    baseline = float((weight * (known.value / known.unit) ** 2)[free].sum())
    found = {
        "chisq": chisq, "df": float(df), "pvalue": float(chi2.sf(chisq, df)) if df else np.nan,
        "baseline_chisq": baseline, "baseline_df": float(len(free)), "npar": float(size),
        "n": float(n),
    }  # fmt: skip
    if bread is not None and df > 0:
        left = np.diag(weight) - (moves.T * weight).T @ bread @ (moves.T * weight)
        spread = left @ known.scaled_covariance
        scale = np.sqrt(df / np.trace(spread @ spread))
        shift = df - scale * np.trace(spread)
        scaled = chisq * scale + shift
        found |= {
            "chisq_scaled": float(scaled), "pvalue_scaled": float(chi2.sf(scaled, df)),
            "scaling": float(1 / scale), "shift": float(shift),
        }  # fmt: skip
    excess, most = max(chisq - df, 0.0), max(baseline - len(free), chisq - df, 0.0)
    found["cfi"] = 1 - excess / most if most else 1.0
    ratio = baseline / len(free) if len(free) else 1.0
    found["tli"] = (ratio - chisq / df) / (ratio - 1) if df and ratio != 1 else 1.0
    found["srmr"] = _srmr(plan, known, z)
    found["rmsea"] = float(np.sqrt(excess / (df * (n - groups)) * groups)) if df else 0.0
    return found


def _srmr(plan: Plan, known: Statistics, z: Array) -> float:
    """Root mean square of what is left of correlations, the diagonal's zeros counted."""
    away = _implied(plan, known, z[None])[0] - known.value / known.unit
    total = 0.0
    for g, found in enumerate(known.polychorics):
        own = away[(known.group == g) & (known.row != known.column)]
        total += found.n * float(np.sqrt((own**2).sum() / (len(own) + len(found.thresholds))))
    return total / sum(p.n for p in known.polychorics)


def limited_density(plan: Plan, survey: Survey, fit: LimitedFit) -> tuple[Plan, Density]:
    """The pseudo-posterior of a plan with priors.

    Parameters
    ----------
    plan : Plan
        Made with priors.
    survey : Survey
        Complete answers.
    fit : LimitedFit
        Of the same model without priors.

    Returns
    -------
    Plan
        Without the errors that total variances leave over.
    Density
        Of it.
    """
    plan = plan.resolved()
    if any(i != j for m in plan.matrices for i, j in m["error"]):
        raise refuse("method", "'nuts' or 'laplace' with limited information",
                     "'ml' for a model whose items' errors covary")  # fmt: skip
    if fit.covariance is None:
        raise refuse("data", "correlations that cannot tell parameters apart",
                     "a model that its items identify; try method='ml' to see which")  # fmt: skip
    known = fit.statistics
    weighted = fit.slope.T / np.diag(known.covariance)  # Δᵀ W
    meat = weighted @ known.covariance @ weighted.T
    weight = weighted.T @ np.linalg.solve(meat, weighted)
    weight = (weight + weight.T) / 2 / np.outer(known.unit, known.unit)
    moments = Moments(
        group=known.group.tolist(), row=known.row.tolist(), column=known.column.tolist(),
        value=known.value.tolist(), weight=np.ascontiguousarray(weight),
    )  # fmt: skip
    bare = without_errors(plan)
    density = Density(bare, survey.sample, moments=moments)
    for name, starts in turned_starts(bare, known.polychorics[0].correlation).items():
        density.start[density.places[name]] = starts  # of a normal prior, so in its own units
    return bare, density
