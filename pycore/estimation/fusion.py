r"""Several sources about the same unknowns: one posterior.

Sources that share no respondents are independent given the unknowns, so their log likelihoods add.
The sum is sampled in coordinates u in which the prior is standard normal: modes are looked for from
several starts, a Student t is laid around each by its curvature, and draws of the mixture are
weighted by the density over the mixture's.  Mixtures that fit badly are adapted to the weighted
draws (Cappé, Douc, Guillin, Marin and Robert 2008, doi:10.1007/s11222-008-9059-x); the last weights
are Pareto-smoothed, and their shape says whether they can be trusted (Vehtari et al. 2024,
arXiv:1507.02646).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import multivariate_t

from pycore.errors import InputError, refuse
from pycore.estimation.errors import EstimateWarning
from pycore.estimation.frozen import from_normal, frozen
from pycore.estimation.leave_one_out import smoothed
from pycore.model.distributions import Distribution, LogNormal, Normal

__all__ = ["fuse"]

F64 = NDArray[np.float64]
Source = Callable[[dict[str, F64]], F64]

_PAIRS = 2  # of starts, each with its mirror image: signs are what modes differ in most
_FREEDOM = 5.0
_ROUNDS = 6
_STEP = 1e-4
_ENOUGH = 0.5  # effective share of the draws at which the mixture is adapted no further
_STILL = 0.1  # slope per standard deviation of a prior, and what a Newton step may still promise
_FORGOTTEN = 1e-3
_NOTHING = 15.0  # log mass below the largest at which a mode is left out
_LARGEST_K = 0.7
_FEWEST = 100
_FARTHEST = 8.0  # standard deviations of the prior


def fuse(
    priors: Mapping[str, Distribution],
    sources: Mapping[str, Source],
    *,
    draws: int = 2000,
    seed: int,
) -> xr.Dataset:
    """Draw from the posterior that several sources have in common.

    For up to about ten unknowns whose posterior has a few modes.

    Parameters
    ----------
    priors : mapping of str to Distribution
        The unknowns.
    sources : mapping of str to callable
        Log likelihood of each source, as a function of a dictionary with an array of shape
        ``(points,)`` per unknown, that returns an array of the same shape.  None at all gives the
        prior.
    draws : int
        At least 200.
    seed : int
        Same seed, same draws.

    Returns
    -------
    xarray.Dataset
        One variable per unknown, dimension ``draw``, equally weighted.  Attributes: ``pareto_k``
        (reliable up to 0.7), ``effective`` (number of independent draws they are worth), ``modes``
        and ``sources``.

    Raises
    ------
    InputError
        For a source that does not return a finite number per point, and where no mode is found.

    Warns
    -----
    EstimateWarning
        Where the Pareto shape is above 0.7, or the draws are worth less than 100 independent ones.

    Examples
    --------
    Nine of thirty bought, says a log; a survey says 0.4 with an error of 0.1:

    >>> import pycore as pc
    >>> found = pc.fuse(
    ...     {"buys": pc.Beta(1, 1)},
    ...     {
    ...         "log": lambda x: 9 * np.log(x["buys"]) + 21 * np.log1p(-x["buys"]),
    ...         "survey": lambda x: -0.5 * ((x["buys"] - 0.4) / 0.1) ** 2,
    ...     },
    ...     seed=1,
    ... )
    >>> bool(0.32 < found["buys"].mean() < 0.36), found.attrs["modes"]
    (True, 1)
    """
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 200:
        raise refuse("draws", draws, "a whole number of at least 200")
    if not priors:
        raise refuse("priors", "none", "a distribution per unknown")
    for name, prior in priors.items():
        if not isinstance(prior, Distribution):
            raise refuse(f"priors[{name!r}]", prior, "a distribution such as pc.Normal(0, 1)")

    quantile = {name: _quantile(prior) for name, prior in priors.items()}

    def unknowns(u: F64) -> dict[str, F64]:
        u = np.clip(u, -_FARTHEST, _FARTHEST)
        return {name: of(u[:, k]) for k, (name, of) in enumerate(quantile.items())}

    def density(u: F64) -> F64:
        x = unknowns(u)
        total: F64 = -0.5 * (u**2).sum(axis=1)
        for source, log_likelihood in sources.items():
            part = np.asarray(log_likelihood(x), dtype=np.float64)
            if part.shape != (len(u),) or not np.isfinite(part).all():
                got = "not finite" if part.shape == (len(u),) else f"of shape {part.shape}"
                at = {name: float(values[0]) for name, values in x.items()}
                raise InputError(f"sources[{source!r}]: received a result {got} near {at}, allowed "
                                 f"are finite numbers of shape {(len(u),)}")  # fmt: skip
            total = total + part
        return total

    rng = np.random.default_rng(seed)
    mixture = _modes(density, len(priors), rng)
    modes = len(mixture)
    for _ in range(_ROUNDS):
        u = np.concatenate(
            [c.draw(int(draws), len(mixture), k, rng) for k, c in enumerate(mixture)]
        )
        each = np.array([c.log_density(u) for c in mixture])
        of_mixture = np.logaddexp.reduce(each, axis=0)
        log_ratio = density(u) - of_mixture
        weight = np.exp(log_ratio - log_ratio.max())
        weight /= weight.sum()
        if (weight**2).sum() * _ENOUGH * draws <= 1:
            break
        mixture = _adapted(mixture, u, weight * np.exp(each - of_mixture))
    log_weight, shapes = smoothed(log_ratio[:, None])
    weight = np.exp(log_weight[:, 0])
    weight /= weight.sum()
    shape, effective = float(shapes[0]), float(1 / (weight**2).sum())
    if shape > _LARGEST_K or effective < _FEWEST:
        message = (
            f"these draws are not reliable: Pareto shape {shape:.2f} (up to {_LARGEST_K} is), "
            f"worth {effective:.0f} independent ones (from {_FEWEST} on are)"
        )
        warnings.warn(message, EstimateWarning, stacklevel=2)
    # Systematic: what weighs k draws' worth is taken ⌊k⌋ or ⌈k⌉ times.
    places = (np.arange(draws) + rng.random()) / draws
    taken = np.minimum(np.searchsorted(np.cumsum(weight), places), draws - 1)
    return xr.Dataset(
        {name: ("draw", values) for name, values in unknowns(rng.permutation(u[taken])).items()},
        attrs={
            "pareto_k": shape, "effective": effective, "modes": modes,
            "sources": list(sources), "seed": seed,
        },
    )  # fmt: skip


def _quantile(prior: Distribution) -> Callable[[F64], F64]:
    """Law of a prior as a function of a standard normal."""
    frozen(prior)  # refuses what is not a number
    # SciPy's quantiles of these two would take longer than most likelihoods.
    if isinstance(prior, Normal):
        middle, width = float(prior.mu), float(prior.sigma)
        return lambda u: middle + width * u
    if isinstance(prior, LogNormal):
        scale, sigma = float(prior.mean), float(prior.sigma)
        return lambda u: scale * np.exp(sigma * (u - sigma / 2))
    return lambda u: from_normal(prior, u)


@dataclass(frozen=True, eq=False)
class _Component:
    """One Student t of the mixture."""

    middle: F64
    spread: F64

    @property
    def _law(self) -> Any:
        return multivariate_t(self.middle, self.spread, df=_FREEDOM)

    def draw(self, draws: int, components: int, place: int, rng: np.random.Generator) -> F64:
        """Draws of this component: an equal share of all."""
        count = (draws + place) // components
        return np.reshape(self._law.rvs(count, random_state=rng), (count, len(self.middle)))

    def log_density(self, u: F64) -> F64:
        return np.reshape(self._law.logpdf(u), len(u))


def _adapted(mixture: list[_Component], u: F64, weight: F64) -> list[_Component]:
    """Move every component to what the weighted draws say of its part; ``weight`` is (parts, draws)."""
    moved = []
    for old, own in zip(mixture, weight, strict=True):
        share = own.sum()
        if share < _FORGOTTEN:
            continue
        own = own / share
        middle = own @ u
        away = u - middle
        worth, size = 1 / (own**2).sum(), len(middle)
        spread = (worth * (own * away.T) @ away + size * old.spread) / (worth + size)
        moved.append(_Component(middle, spread))
    return moved


def _modes(density: Callable[[F64], F64], size: int, rng: np.random.Generator) -> list[_Component]:
    """Normal approximations at the modes that weigh something."""
    step = _STEP * np.eye(size)

    def slope(u: F64) -> F64:
        beside = density(np.concatenate([u + step, u - step]))
        found: F64 = (beside[:size] - beside[size:]) / (2 * _STEP)
        return found

    half = rng.standard_normal((_PAIRS, size))
    found: list[tuple[float, _Component]] = []
    for start in np.concatenate([half, -half]):
        best = minimize(
            lambda u: -density(u[None])[0],
            start,
            jac=lambda u: -slope(u),
            method="BFGS",
            options={"gtol": _STILL},
        )
        mode = np.asarray(best.x)
        width = np.full(size, 1e-3)
        for _ in range(2):  # the second time at a distance that suits the shape
            information = _information(density, mode, width)
            width = 0.3 / np.sqrt(np.clip(np.diag(information), 1.0, None))
        if np.linalg.eigvalsh(information)[0] <= 0:
            continue
        spread = np.linalg.inv(information)
        gradient = slope(mode)
        if gradient @ spread @ gradient > len(start) * _STILL:
            continue
        if np.abs(mode).max() > _FARTHEST - 1:
            raise refuse("sources", "a mode more than seven standard deviations of a prior away",
                         "priors that do not contradict the sources")  # fmt: skip
        mass = float(density(mode[None])[0] + 0.5 * np.linalg.slogdet(spread)[1])
        found.append((mass, _Component(mode, spread)))
    if not found:
        raise refuse("sources", "no maximum of the joined density",
                     "log likelihoods that are smooth near it")  # fmt: skip
    found.sort(key=lambda one: -one[0])
    kept: list[_Component] = []
    for mass, new in found:
        apart = [np.linalg.solve(old.spread, new.middle - old.middle) @ (new.middle - old.middle)
                 for old in kept]  # fmt: skip
        if mass > found[0][0] - _NOTHING and min(apart, default=np.inf) > 1:
            kept.append(new)
    return kept


def _information(density: Callable[[F64], F64], at: F64, width: F64) -> F64:
    """Minus the second derivatives, by central differences."""
    h = np.diag(width)
    up, down = h[:, None] + h[None, :], h[:, None] - h[None, :]
    corners = np.stack([up, down, -down, -up]).reshape(-1, len(at))
    f = density(at + corners).reshape(4, len(at), len(at))
    curved: F64 = -(f[0] - f[1] - f[2] + f[3]) / (4 * np.outer(width, width))
    return (curved + curved.T) / 2
