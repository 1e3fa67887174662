"""The posterior of a plan and its data, as the compiled core evaluates it.

The same density as :func:`pycore.estimation.graph.pymc_model`, to which it is tested equal; nothing
is compiled for a model, so that a first fit starts at once.  Of a plan without priors it is the
log-likelihood.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pycore._core import (
    CorrelationPrior,
    Grid,
    Group,
    Mixture,
    Moments,
    Posterior,
    Respondents,
    Unit,
)
from pycore.estimation.plan import BLOCKS, Plan
from pycore.estimation.sample import Sample
from pycore.estimation.tape import tape
from pycore.estimation.transforms import scalar_priors, unconstrained

__all__ = ["Density"]

Array = NDArray[np.float64]


class Density:
    """The posterior of a plan and its data on an unconstrained space.

    Parameters
    ----------
    plan : Plan
        What is free.
    sample : Sample
        Data.
    moments : Moments, optional
        Estimated moments, whose pseudo-likelihood takes the place of the sample's likelihood.
    respondents : sequence of Respondents
        Of every group, with what they answered; their latent variables are then explicit.
    integrated : sequence of Mixture or of Grid
        The same by quadrature.

    Attributes
    ----------
    size : int
        Dimension.
    kept : int
        How many of them are parameters; the others are respondents' latent variables.
    shapes : dict
        Name of each random variable → shape, as in the PyMC model.
    places : dict
        Name of each random variable → where it stands in the unconstrained vector.
    correlations : dict
        Name of each correlation matrix → its prior.
    start : ndarray, shape (size,)
        Near the middle of the priors.
    jitter : float
        How far from it a chain begins.
    """

    def __init__(
        self,
        plan: Plan,
        sample: Sample,
        *,
        moments: Moments | None = None,
        respondents: Sequence[Respondents] = (),
        integrated: Sequence[Mixture | Grid] = (),
    ) -> None:
        self.plan, self.sample = plan, sample
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.places: dict[str, slice] = {}
        starts: list[float] = []
        for free in plan.free:
            self.shapes[free.name] = free.shape
            self.places[free.name] = slice(len(starts), len(starts) + free.size)
            start = free.start if free.prior is None else unconstrained(free.prior, free.start)
            starts += [start] * free.size
        self.correlations: dict[str, CorrelationPrior] = {}
        at = len(starts)
        for name, size in plan.correlations.items():
            prior = CorrelationPrior(size, plan.defaults.correlation)
            self.correlations[name] = prior
            self.shapes[name] = (size, size)
            self.places[name] = slice(at, at + prior.size)
            at += prior.size
        self.kept = at
        estimated = moments or respondents or integrated
        flat = plan.means == "profiled" and any(f.prior is not None for f in plan.free)
        self._parts: dict[str, Any] = {
            "scalars": scalar_priors([f.prior for f in plan.free for _ in range(f.size)]),
            "correlations": list(self.correlations.values()),
            "groups": [_group(plan, g) for g in range(len(plan.groups))],
            "units": [] if estimated else _units(sample, integrated=flat),
            "means": plan.means == "modelled",
            "moments": moments
            or Moments(group=[], row=[], column=[], value=[], weight=np.zeros(0)),
            "respondents": respondents,
        }
        self._posterior = Posterior(**self._parts, **_by_quadrature(integrated))
        self._frame: tuple[Array, Array] | None = None
        self.jitter = 0.1
        self.size = self._posterior.size
        self.start = np.array(starts + [0.0] * (self.size - len(starts)))

    def __call__(self, z: Array) -> tuple[float, Array]:
        """Log density and gradient; −∞ where the implied covariance is not positive definite."""
        if self._frame is None:
            return self._posterior.evaluate(z)
        origin, root = self._frame
        value, gradient = self._posterior.evaluate(origin + root @ z)
        return value, gradient @ root

    def by_quadrature(self, integrated: Sequence[Mixture | Grid]) -> Density:
        """The same with other nodes."""
        made = copy.copy(self)
        made._posterior = Posterior(**self._parts, **_by_quadrature(integrated))
        return made

    def whitened(self, origin: Array, covariance: Array) -> Density:
        """The same in coordinates in which a normal approximation is standard.

        Chains need not learn correlations there, and steps are as long in every direction.

        Parameters
        ----------
        origin : ndarray, shape (size,)
            What becomes 0.
        covariance : ndarray, shape (size, size)
            What becomes the identity.
        """
        made = copy.copy(self)
        made._frame = (origin, np.linalg.cholesky(covariance))
        made.start = np.zeros(self.size)
        made.jitter = 1.0
        return made

    def begin(self, starts: Mapping[str, Array]) -> None:
        """Start some random variables elsewhere, on the unconstrained space."""
        for name, values in starts.items():
            self.start[self.places[name]] = values

    def initial(self, seed: int) -> Array:
        """A start near the middle of the priors, jittered by the seed."""
        rng = np.random.default_rng(seed)
        return self.start + rng.uniform(-self.jitter, self.jitter, self.size)

    def expand(self, z: Array) -> dict[str, Array]:
        """Random variables by name, as the PyMC model has them, of points (…, kept)."""
        flat = z.reshape(-1, self.kept)
        if self._frame is not None:
            flat = self._frame[0] + flat @ self._frame[1].T
        points = [self._posterior.expand(point) for point in flat]
        scalars, factors = (np.array(part) for part in zip(*points, strict=True))
        found, at = {}, 0
        for name, shape in self.shapes.items():
            if name in self.correlations:
                values = factors[:, at : at + math.prod(shape)]
                at += math.prod(shape)
            else:
                values = scalars[:, self.places[name]]
            found[name] = values.reshape(*z.shape[:-1], *shape)
        return found

    def environment(self, z: Array) -> dict[str, Array]:
        """What the plan's expressions read, of points (count, kept)."""
        return self.plan.environment(self.expand(z))


def _by_quadrature(integrated: Sequence[Mixture | Grid]) -> dict[str, Any]:
    return {
        "mixtures": [one for one in integrated if isinstance(one, Mixture)],
        "grids": [one for one in integrated if isinstance(one, Grid)],
    }


def _group(plan: Plan, g: int) -> Group:
    """The matrices of a group: numbers, and where the expressions of free entries stand."""
    items, latents = len(plan.items) + len(plan.outcomes), len(plan.latents)
    base: list[Array] = []
    places, expressions = [], []
    offset = 0
    for block in BLOCKS:
        numbers = np.zeros(plan.shape(block, outcomes=True))
        for (i, j), entry in plan.matrices[g][block].items():
            if entry.is_number:
                numbers[i, j] = float(entry)
            else:
                places.append(offset + i * numbers.shape[1] + j)
                expressions.append(entry)
        base.append(numbers.ravel())
        offset += numbers.size
    further = plan.further[g] if plan.further else ()
    for k, entry in enumerate(further):
        if not entry.is_number:
            places.append(offset + k)
            expressions.append(entry)
    base.append(np.array([float(e) if e.is_number else 0.0 for e in further]))
    order: Mapping[str, int] = {name: k for k, name in enumerate(plan.entries)}
    read = {s.name for e in expressions for s in e.free_symbols}
    known = {n: e for n, e in plan.definitions(g).items() if n in read}
    read |= {s.name for e in known.values() for s in e.free_symbols}
    used = sorted(read & order.keys(), key=order.__getitem__)
    return Group(
        items=items,
        latents=latents,
        tape=tape(expressions, used, known),
        base=np.concatenate(base).tolist(),
        places=places,
        inputs=[order[name] for name in used],
    )


def _units(sample: Sample, *, integrated: bool) -> list[Unit]:
    """Statistics over the answered items, with the degrees of freedom of the likelihood."""
    found = []
    for unit in sample.units:
        items = np.flatnonzero(unit.observed)
        found.append(
            Unit(
                group=unit.group,
                n=unit.n,
                freedom=unit.n - integrated,
                items=items.tolist(),
                mean=unit.mean[items].tolist(),
                scatter=np.ascontiguousarray(unit.n * unit.cov[np.ix_(items, items)]),
            )
        )
    return found
