"""Latent variables integrated out numerically, where one or two of them say everything.

Two cases have an integral of so few dimensions:

- *Products of states that share a factor*, with continuous items.  Given that factor everything else
  is normal, so a respondent's likelihood is a mixture of normal densities over it (latent moderated
  structural equations; Klein and Moosbrugger 2000, doi:10.1007/BF02296338).
- *One or two disturbances in all*, with items and outcomes of any kind.  At a node of the
  disturbances every answer has its probability, which all respondents share; equal answers count
  once.

Nodes are equally spaced.  For what is smooth and vanishes at both ends that rule is as exact as
Gauss and Hermite's where the integrand is wide, and more so where answers have made it narrow: the
nodes of Gauss and Hermite lie mostly where nobody is.  The error falls like exp(−2π² s²/h²) with a
spacing h and a posterior deviation s of the latent variable, so the spacing is halved until the log
likelihood stands still, at the mode and around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pycore._core import Grid, Mixture
from pycore.errors import refuse
from pycore.estimation.density import Density
from pycore.estimation.maximum_likelihood import Mode, find_mode
from pycore.estimation.plan import Plan
from pycore.estimation.respondent_plan import RespondentPlan
from pycore.estimation.survey import Survey, turned_starts
from pycore.model.products import Product

__all__ = ["ALLOWED", "Quadrature", "equally_spaced", "quadrature", "why_not"]

Array = NDArray[np.float64]

_STEPS = 4  # of the ladder of spacings until they are half
_SPACINGS: Final = tuple(0.7 / 2 ** (k / _STEPS) for k in range(24))  # to 0.013
_FIRST = {1: 8, 2: 3}  # where a mode is looked for
_MOST_NODES = 12_000
ALLOWED: Final = 0.02  # of the log likelihood: a fiftieth of what moves a posterior
_POINTS = 12  # around the mode
_REACH = {1: 6.5, 2: 5.75}  # standard deviations; beyond is less than 1e-7 of a population


@dataclass(frozen=True, eq=False)
class Quadrature:
    """A posterior with latent variables integrated out numerically.

    Attributes
    ----------
    plan : Plan
        With thresholds, intercepts, outcomes and products.
    density : Density
        Of it, in coordinates that are standard normal at its mode.
    thresholds : dict
        Ordinal item or rating → its thresholds in each group.
    over : tuple of str
        The latent variables that are integrated over.
    nodes : int
        How many.
    error : float
        Largest difference of the log likelihood from that with half the spacing, at the mode and
        at points around it as far as the posterior reaches.
    """

    plan: Plan
    density: Density
    thresholds: dict[str, tuple[tuple[sp.Expr, ...], ...]]
    over: tuple[str, ...]
    nodes: int
    error: float

    @property
    def failures(self) -> tuple[str, ...]:
        """Why these numbers cannot be trusted, if so."""
        if self.error < ALLOWED:
            return ()
        return (
            f"log likelihood off by {self.error:.2g} with {self.nodes} nodes over "
            f"{' and '.join(self.over)} (allowed: below {ALLOWED}; use latents='explicit')",
        )


def equally_spaced(spacing: float, dimensions: int) -> tuple[Array, Array]:
    """Nodes and weights for averages over one or two standard normal variables.

    Parameters
    ----------
    spacing : float
        Between nodes, in standard deviations.
    dimensions : int
        One or two; two fill a disc.

    Returns
    -------
    nodes : ndarray, shape (dimensions, nodes)
        Where.
    weights : ndarray, shape (nodes,)
        Their sum is 1.

    Examples
    --------
    >>> nodes, weights = equally_spaced(0.6, 1)
    >>> nodes.shape, round(float(weights @ nodes[0] ** 4), 6)
    ((1, 21), 3.0)
    """
    reach = _REACH[dimensions]
    steps = np.arange(-int(reach / spacing), int(reach / spacing) + 1) * spacing
    points = np.array(np.meshgrid(*[steps] * dimensions, indexing="ij")).reshape(dimensions, -1)
    square = (points**2).sum(axis=0)
    inside = square <= reach**2
    weights = np.exp(-0.5 * square[inside])
    return np.ascontiguousarray(points[:, inside]), weights / weights.sum()


def why_not(
    plan: Plan,
    survey: Survey,
    products: Sequence[Product],
    priors: Mapping[str, Any] | None = None,
) -> str:
    """Why a model and its answers have no quadrature; empty where there is one.

    The parameters are those of :func:`quadrature`.
    """
    return _Integral(RespondentPlan(plan, survey, products, priors)).refusal


def quadrature(
    plan: Plan,
    survey: Survey,
    products: Sequence[Product],
    priors: Mapping[str, Any] | None = None,
) -> Quadrature:
    """The posterior of a plan with its latent variables integrated out.

    Parameters
    ----------
    plan, survey, products, priors
        See :class:`pycore.estimation.respondent_plan.RespondentPlan`.

    Raises
    ------
    InputError
        If it would take more than two dimensions.
    """
    made = RespondentPlan(plan, survey, products, priors)
    integral = _Integral(made)
    if integral.refusal:
        raise refuse("latents", "'quadrature'", f"'explicit': {integral.refusal}")
    at = _FIRST[len(integral.over)]
    density = Density(made.plan, survey.sample, integrated=integral.parts(at))
    density.begin(made.starts | turned_starts(made.plan, survey.correlation))
    while True:
        mode = find_mode(density, survey.sample.respondents)
        chosen, error = integral.enough(density, _around(mode))
        density = density.by_quadrature(integral.parts(chosen))
        density.start = mode.z
        if chosen <= at:
            break
        at = chosen  # the nodes at which the mode was found were too few to trust it
    if mode.covariance is not None:
        density = density.whitened(mode.z, mode.covariance)
    count = len(equally_spaced(_SPACINGS[chosen], len(integral.over))[1])
    over = tuple(made.plan.latents[k] for k in integral.over)
    return Quadrature(made.plan, density, made.thresholds, over, count, error)


class _Integral:
    """What is integrated over, and how."""

    def __init__(self, made: RespondentPlan) -> None:
        self.made = made
        self.over: list[int] = []
        self.shared = -1
        numbers = not made.survey.ordinal and not made.plan.outcomes
        factor = made.shared_factor() if numbers else None
        if factor is not None:
            self.shared = made.plan.latents.index(factor)
            self.over = [self.shared]
            return
        drawn = made.drawn()
        if not made.covarying() and 0 < len(drawn) <= 2:
            self.over = drawn

    @property
    def refusal(self) -> str:
        """Why there is none."""
        if self.over:
            return ""
        made = self.made
        if made.covarying():
            return "errors of items covary"
        names = ", ".join(made.plan.latents[k] for k in made.drawn())
        found = f"it integrates over one or two disturbances, and here are those of {names}"
        if made.products and not made.survey.ordinal and not made.plan.outcomes:
            found += "; or over a factor that all products share and none acts on"
        return found

    def parts(self, rung: int) -> list[Mixture] | list[Grid]:
        """The likelihood of every group, with nodes of one rung of the ladder."""
        nodes, weights = equally_spaced(_SPACINGS[rung], len(self.over))
        groups = self.made.respondents()
        if self.shared >= 0:
            return [Mixture(g, nodes=nodes, weights=weights, shared=self.shared) for g in groups]
        return [Grid(g, nodes=nodes, weights=weights) for g in groups]

    def enough(self, density: Density, points: Array) -> tuple[int, float]:
        """The first rung whose half gives the same log likelihood, and how near it is."""
        known: dict[int, Array] = {}
        points = points[[np.isfinite(density(z)[0]) for z in points]]

        def at(rung: int) -> Array:
            if rung not in known:
                other = density.by_quadrature(self.parts(rung))
                known[rung] = np.array([other(z)[0] for z in points])
            return known[rung]

        best = (0, np.inf)
        for rung in range(len(_SPACINGS) - _STEPS):
            half = rung + _STEPS
            if len(equally_spaced(_SPACINGS[half], len(self.over))[1]) > _MOST_NODES:
                break
            with np.errstate(invalid="ignore"):  # impossible with both
                error = float(np.abs(at(rung) - at(half)).max())
            if error < best[1]:
                best = (rung, error)
            if error < ALLOWED:
                break
        return best


def _around(mode: Mode) -> Array:
    """The mode, and points of the normal that has its curvature."""
    points = [mode.z]
    if mode.covariance is not None:
        values, vectors = np.linalg.eigh(mode.covariance)
        root = vectors * np.sqrt(np.clip(values, 0, None))
        normal = np.random.default_rng(0).standard_normal((_POINTS, len(mode.z)))
        points += list(mode.z + normal @ root.T)
    return np.array(points)
