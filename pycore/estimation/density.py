"""The posterior of a plan and its data, as the compiled core evaluates it.

The same density as :func:`pycore.estimation.graph.pymc_model`, to which it is tested equal; nothing
is compiled for a model, so that a first fit starts at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pycore._core import CorrelationPrior, Group, Latents, Posterior, Unit
from pycore.estimation.graph import INTERCEPT_SD, START, inside
from pycore.estimation.plan import Plan
from pycore.estimation.priors import is_positive
from pycore.estimation.sample import Sample
from pycore.estimation.tape import tape
from pycore.estimation.transforms import scalar_priors, unconstrained
from pycore.model.distributions import Distribution, Normal
from pycore.model.expressions import symbol
from pycore.model.structural import Structural

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

    Attributes
    ----------
    size : int
        Dimension.
    shapes : dict
        Name of each random variable → shape, as in the PyMC model.
    places : dict
        Name of each random variable → where it stands in the unconstrained vector.
    correlations : dict
        Name of each correlation matrix → its prior.
    """

    def __init__(self, plan: Plan, sample: Sample) -> None:
        self.plan = plan
        self.groups = len(plan.groups)
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.places: dict[str, slice] = {}
        self._units = plan.units(sample.scale)
        priors: list[Distribution] = []
        starts: list[float] = []
        own = (self.groups,) if plan.varying else ()

        def free(name: str, shape: tuple[int, ...], prior: Distribution, start: float) -> None:
            count = math.prod(shape)
            if count == 0:
                return
            self.shapes[name] = shape
            self.places[name] = slice(len(priors), len(priors) + count)
            priors.extend([prior] * count)
            starts.extend([start] * count)

        for name, prior in plan.priors.items():
            free(name, own, prior, inside(prior, 0.5 if is_positive(plan.model, name) else START))
        count = {word: len(unit) for word, unit in self._units.items()}
        free("free_loading", (count["loading"],), plan.defaults.loading, 1.0)
        free("free_error", (*own, count["error"]), plan.defaults.sd, 0.7)
        free("free_trait", (*own, count["trait"]), plan.defaults.sd, 0.7)
        if plan.means == "sampled":
            free("free_intercept", (self.groups, len(plan.items)), Normal(0, INTERCEPT_SD), 0.0)
        self.correlations: dict[str, CorrelationPrior] = {}
        at = len(priors)
        for name, members in plan.blocks.items():
            for g in range(self.groups if plan.varying else 1):
                label = f"{name}_{g}" if plan.varying else name
                matrix = CorrelationPrior(len(members), plan.defaults.correlation)
                self.correlations[label] = matrix
                self.shapes[label] = (len(members), len(members))
                self.places[label] = slice(at, at + matrix.size)
                at += matrix.size
        self.size = at
        self.start = np.zeros(at)
        self.start[: len(priors)] = [
            unconstrained(p, s) for p, s in zip(priors, starts, strict=True)
        ]
        sampled = plan.means == "sampled"
        self._posterior = Posterior(
            scalars=scalar_priors(priors),
            correlations=list(self.correlations.values()),
            groups=[self._group(g, form) for g, form in enumerate(plan.forms)],
            units=_units(sample, integrated=plan.means == "profiled"),
            measures=plan.measures.tolist(),
            loading=plan.declared_loading.tolist(),
            error=plan.declared_error.tolist(),
            free_loadings=plan.free_loadings.tolist(),
            free_errors=plan.free_errors.tolist(),
            intercepts=self._numbers("free_intercept", None) if sampled else [],
            centre=[float(c) for g in range(self.groups) for c in sample.centre(g)],
            scale=sample.scale.tolist(),
        )

    def __call__(self, z: Array) -> tuple[float, Array]:
        """Log density and gradient; −∞ where the implied covariance is not positive definite."""
        return self._posterior.evaluate(z)

    def initial(self, seed: int) -> Array:
        """A start near the middle of the priors, jittered by the seed."""
        return self.start + np.random.default_rng(seed).uniform(-0.1, 0.1, self.size)

    def expand(self, z: Array) -> dict[str, Array]:
        """Random variables by name, as the PyMC model has them, of points (…, size)."""
        points = [self._posterior.expand(point) for point in z.reshape(-1, self.size)]
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

    def _numbers(self, name: str, group: int | None) -> list[int]:
        """Scalars of one group, or of all."""
        place = self.places.get(name, slice(0, 0))
        numbers = list(range(place.start, place.stop))
        if group is None or not self.plan.varying:
            return numbers
        each = len(numbers) // self.groups
        return numbers[group * each : (group + 1) * each]

    def _group(self, g: int, form: Structural) -> Group:
        plan = self.plan

        def scaled(word: str, group: int | None) -> list[tuple[int, float]]:
            numbers = self._numbers(f"free_{word}", group)
            return list(zip(numbers, self._units[word].tolist(), strict=True))

        order = list(self.correlations)
        return Group(
            latents=_latents(plan, form),
            parameters=[self._numbers(n, g)[0] for n in plan.priors],
            loadings=scaled("loading", None),
            errors=scaled("error", g),
            traits=scaled("trait", g),
            correlations=[
                order.index(f"{n}_{g}" if plan.varying else n) for n in plan.blocks
            ],
        )  # fmt: skip


def _latents(plan: Plan, form: Structural) -> Latents:
    """Write down how the covariance of states and traits follows from the parameters."""
    which = {name: k for k, name in enumerate(plan.blocks)}

    def blocks(names: Sequence[str], outer: bool) -> list[tuple[int, list[int]]]:
        return [
            (which[key], [names.index(n) for n in members])
            for key, members in plan.blocks.items()
            if (members[0] in plan.exogenous) == outer
        ]

    inner = blocks(form.disturbances, outer=False)
    own = [n for n in plan.exogenous if n not in plan.free_traits]
    own_places = [plan.exogenous.index(n) for n in own]
    sd = sp.diag(*(sp.sqrt(v) for v in form.trait_variances))
    paths = _entries(form.B.row_join(form.Gamma))
    chance = _entries(form.chance if inner else form.Psi)
    spread = _entries(form.trait_paths * sd) if inner else {}
    numbers = {
        symbol(n): sp.Float(v)
        for n, v in {**form.values, **plan.fixed}.items()
        if n not in plan.priors
    }
    entries = [*paths.values(), *chance.values(), *spread.values()]
    entries += [sp.sqrt(form.Phi[k, k]) for k in own_places]
    return Latents(
        states=len(plan.states),
        traits=len(plan.exogenous),
        dispositions=len(form.disturbances),
        tape=tape([e.xreplace(numbers) for e in entries], list(plan.priors)),
        paths=list(paths),
        chance=list(chance),
        spread=list(spread),
        own_traits=own_places,
        free_traits=[plan.exogenous.index(n) for n in plan.free_traits],
        inner=inner,
        outer=blocks(plan.exogenous, outer=True),
    )


def _entries(matrix: Any) -> dict[tuple[int, int], sp.Expr]:
    """Entries of a matrix that are not zero, by place."""
    return {
        (i, j): matrix[i, j]
        for i in range(matrix.rows)
        for j in range(matrix.cols)
        if matrix[i, j] != 0
    }


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
