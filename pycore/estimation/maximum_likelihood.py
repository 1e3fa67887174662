"""Maximum of a density, and maximum likelihood with the errors of its estimates.

Newton's method in a trust region, with the analytic gradient and its differences; so a saddle or a
start far away does not hold it up.  Errors are from the expected information for complete answers
and from the observed one where answers are missing, as in lavaan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm

from pycore.errors import InputError
from pycore.estimation.density import Density
from pycore.estimation.plan import Plan
from pycore.estimation.quantities import implied, item_means, quantities, systems, to_dataset
from pycore.estimation.sample import Sample

__all__ = [
    "STATISTICS", "LikelihoodFit", "Mode", "Quantities", "find_mode", "maximise", "with_errors",
]  # fmt: skip

Array = NDArray[np.float64]
Quantities = dict[str, tuple[tuple[str, ...], Array]]

STATISTICS = ("est", "se", "z", "p")
_STEP = 1e-4
_GRADIENT = 1e-7  # per respondent, in units of the items
_MOST_STEPS = 300


@dataclass(frozen=True, eq=False)
class Mode:
    """Where a log density is largest.

    Attributes
    ----------
    z : ndarray, shape (size,)
        The point.
    value : float
        Log density there.
    information : ndarray, shape (size, size)
        Minus its second derivatives.
    slope : float
        Largest entry of the gradient, per respondent.
    """

    z: Array
    value: float
    information: Array
    slope: float

    @property
    def converged(self) -> bool:
        """Whether the gradient vanishes there."""
        return bool(np.isfinite(self.value) and self.slope < 100 * _GRADIENT)

    @property
    def covariance(self) -> Array | None:
        """Inverse of the information; None where that is not positive definite."""
        return _inverse(self.information)


def find_mode(density: Density, respondents: int) -> Mode:
    """Climb from the density's start.

    Raises
    ------
    InputError
        If the start is impossible.
    """
    size = float(respondents)
    if not density.size:
        return Mode(np.zeros(0), density(np.zeros(0))[0], np.zeros((0, 0)), 0.0)
    if not np.isfinite(density(density.start)[0]):
        raise InputError(
            "start values: received some that no covariance matrix has, allowed are those with "
            "positive definite implied covariances"
        )

    def descend(z: Array) -> tuple[float, Array]:
        value, gradient = density(z)
        return -value / size, -gradient / size

    with np.errstate(all="ignore"):  # SciPy steps through roots of negative numbers
        found = minimize(
            descend, density.start, jac=True, hess=lambda z: _information(density, z) / size,
            method="trust-exact", options={"gtol": _GRADIENT, "maxiter": _MOST_STEPS},
        )  # fmt: skip
    z = np.asarray(found.x)
    for _ in range(3):  # rounding stops the trust region before it stops Newton
        information = _information(density, z)
        value, gradient = density(z)
        if _inverse(information) is None:
            break
        moved = z + np.linalg.solve(information, gradient)
        after, slope = density(moved)
        if not (after >= value - 1e-9 * abs(value)
                and np.abs(slope).max() < np.abs(gradient).max()):  # fmt: skip
            break
        z = moved
    value, gradient = density(z)
    return Mode(z, value, _information(density, z), float(np.abs(gradient).max()) / size)


def _information(density: Density, z: Array) -> Array:
    """Minus the second derivatives, by central differences of the gradient."""
    rows = np.array([
        (density(z - _STEP * e)[1] - density(z + _STEP * e)[1]) / (2 * _STEP)
        for e in np.eye(len(z))
    ])  # fmt: skip
    symmetric: Array = (rows + rows.T) / 2
    return symmetric


def _inverse(information: Array) -> Array | None:
    scale = np.sqrt(np.abs(np.diag(information)))
    scale = np.where(scale > 0, scale, 1.0)
    scaled = information / np.outer(scale, scale)
    if len(scale) and np.linalg.eigvalsh(scaled).min() < 1e-9:
        return None
    inverse: Array = np.linalg.inv(scaled) / np.outer(scale, scale)
    return inverse


@dataclass(frozen=True, eq=False)
class LikelihoodFit:
    """A maximum of the likelihood.

    Attributes
    ----------
    plan : Plan
        What was free.
    mode : Mode
        The maximum.
    covariance : ndarray or None
        Of the free quantities; None where the information is singular.
    information : str
        ``"expected"`` or ``"observed"``.
    covariances, means : list of ndarray
        Implied for the items of each group; means only where they are modelled.
    latents : list of ndarray
        Implied covariance of states and traits.
    """

    plan: Plan
    density: Density
    mode: Mode
    covariance: Array | None
    information: str
    covariances: list[Array]
    means: list[Array]
    latents: list[Array]

    def estimates(self) -> xr.Dataset:
        """Every named quantity with its error by the delta method.

        Returns
        -------
        xarray.Dataset
            Leading dimension ``statistic``: estimate, standard error, their ratio and its two-sided
            p under a normal; NaN where an error is 0 or unknown.
        """

        def at(points: Array) -> Quantities:
            known = self.density.environment(points)
            return quantities(self.plan, known, systems(self.plan, known))

        made = with_errors(at, self.mode.z, self.covariance)
        return to_dataset(self.plan, made, ("statistic",), {"statistic": list(STATISTICS)})


def with_errors(
    at: Callable[[Array], Quantities], z: Array, covariance: Array | None
) -> Quantities:
    """Quantities at a point, with a leading dimension of :data:`STATISTICS`, by the delta method.

    Parameters
    ----------
    at : callable
        From points (count, size) to quantities with a leading dimension of points.
    z : ndarray, shape (size,)
        The estimates.
    covariance : ndarray or None
        Of the estimates.
    """
    size = len(z)
    shifts = np.vstack([np.zeros((1, size)), _STEP * np.eye(size), -_STEP * np.eye(size)])
    made = {}
    for name, (dims, array) in at(z + shifts).items():
        est = array[0]
        se = np.full(est.shape, np.nan)
        if covariance is not None:
            slopes = (array[1 : size + 1] - array[size + 1 :]) / (2 * _STEP)
            flat = slopes.reshape(size, -1)
            variance = np.einsum("ki,kl,li->i", flat, covariance, flat)
            se = np.sqrt(np.clip(variance, 0, None)).reshape(est.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(se > 1e-12, est / se, np.nan)
        made[name] = (dims, np.stack([est, se, ratio, 2 * norm.sf(np.abs(ratio))]))
    return made


def maximise(plan: Plan, sample: Sample) -> LikelihoodFit:
    """Fit a plan without priors by maximum likelihood."""
    density = Density(plan, sample)
    mode = find_mode(density, sample.respondents)
    made = systems(plan, density.environment(mode.z[None]))
    both = [implied(system) for system in made]
    latents = [latent[0] for latent, _ in both]
    covariances = [items[0] for _, items in both]
    means = [item_means(s)[0] for s in made] if plan.means == "modelled" else []
    if sample.complete:
        information, covariance = "expected", _inverse(_expected(plan, sample, density, mode.z))
    else:
        information, covariance = "observed", mode.covariance
    return LikelihoodFit(plan, density, mode, covariance, information, covariances, means, latents)


def _expected(plan: Plan, sample: Sample, density: Density, z: Array) -> Array:
    """Σ over groups of n [½ tr(Σ⁻¹ Σ̇ᵢ Σ⁻¹ Σ̇ⱼ) + μ̇ᵢᵀ Σ⁻¹ μ̇ⱼ]."""
    size = len(z)
    shifts = np.vstack([np.zeros((1, size)), _STEP * np.eye(size), -_STEP * np.eye(size)])
    found = np.zeros((size, size))
    for g, system in enumerate(systems(plan, density.environment(z + shifts))):
        n = sum(u.n for u in sample.units if u.group == g)
        items = implied(system)[1]
        precision = np.linalg.inv(items[0])
        slopes = (items[1 : size + 1] - items[size + 1 :]) / (2 * _STEP)
        weighted = precision @ slopes
        found += 0.5 * n * np.einsum("kab,lba->kl", weighted, weighted)
        if plan.means == "modelled":
            level = item_means(system)
            moves = (level[1 : size + 1] - level[size + 1 :]) / (2 * _STEP)
            found += n * moves @ precision @ moves.T
    return found
