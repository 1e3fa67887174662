"""The posterior of a plan and its data, as the compiled core evaluates it.

The same density as :func:`pycore.estimation.graph.pymc_model`, to which it is tested equal; nothing
is compiled for a model, so that a first fit starts at once.  Of a plan without priors it is the
log-likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pycore._core import CorrelationPrior, Group, Moments, Posterior, Respondents, Unit
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
    """

    def __init__(
        self,
        plan: Plan,
        sample: Sample,
        *,
        moments: Moments | None = None,
        respondents: Sequence[Respondents] = (),
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
        integrated = plan.means == "profiled" and any(f.prior is not None for f in plan.free)
        self._posterior = Posterior(
            scalars=scalar_priors([f.prior for f in plan.free for _ in range(f.size)]),
            correlations=list(self.correlations.values()),
            groups=[_group(plan, g) for g in range(len(plan.groups))],
            units=[] if moments or respondents else _units(sample, integrated=integrated),
            means=plan.means == "modelled",
            moments=moments or Moments(group=[], row=[], column=[], value=[], weight=np.zeros(0)),
            respondents=respondents,
        )
        self.size = self._posterior.size
        self.start = np.array(starts + [0.0] * (self.size - len(starts)))

    def __call__(self, z: Array) -> tuple[float, Array]:
        """Log density and gradient; −∞ where the implied covariance is not positive definite."""
        return self._posterior.evaluate(z)

    def initial(self, seed: int) -> Array:
        """A start near the middle of the priors, jittered by the seed."""
        return self.start + np.random.default_rng(seed).uniform(-0.1, 0.1, self.size)

    def expand(self, z: Array) -> dict[str, Array]:
        """Random variables by name, as the PyMC model has them, of points (…, kept)."""
        points = [self._posterior.expand(point) for point in z.reshape(-1, self.kept)]
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
