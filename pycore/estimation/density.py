"""Log posterior density and gradient, written out: no compilation before a first fit.

The same density as :func:`pycore.estimation.graph.pymc_model`, to which it is tested equal.  With
Σ = Λ T Ω Tᵀ Λᵀ + Θ, T = (I − A)⁻¹, and M = Σ⁻¹ (n·S + n·d dᵀ) Σ⁻¹, the gradient by Σ is
−½ (f·Σ⁻¹ − M), and by the other matrices it follows by the chain rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri

from pycore.estimation.graph import INTERCEPT_SD, START, inside
from pycore.estimation.plan import Plan
from pycore.estimation.priors import is_positive
from pycore.estimation.sample import Sample
from pycore.estimation.transforms import CorrelationPrior, ScalarPriors
from pycore.model.distributions import Normal
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
    """

    def __init__(self, plan: Plan, sample: Sample) -> None:
        self.plan = plan
        self.groups = len(plan.groups)
        own = (self.groups,) if plan.varying else ()
        self.shapes: dict[str, tuple[int, ...]] = {}
        priors = []
        starts: list[float] = []
        for name, prior in plan.priors.items():
            self.shapes[name] = own
            start = inside(prior, 0.5 if is_positive(plan.model, name) else START)
            priors += [prior] * math.prod(own)
            starts += [start] * math.prod(own)
        units = plan.units(sample.scale)
        for word, prior, start in (
            ("loading", plan.defaults.loading, 1.0), ("error", plan.defaults.sd, 0.7),
            ("trait", plan.defaults.sd, 0.7),
        ):  # fmt: skip
            shape = (len(units[word]),) if word == "loading" else (*own, len(units[word]))
            if math.prod(shape):
                self.shapes[f"free_{word}"] = shape
                priors += [prior] * math.prod(shape)
                starts += [start] * math.prod(shape)
        self.units = units
        if plan.means == "sampled":
            shape = (self.groups, len(plan.items))
            self.shapes["free_intercept"] = shape
            priors += [Normal(0, INTERCEPT_SD)] * math.prod(shape)
            starts += [0.0] * math.prod(shape)
        self.scalars = ScalarPriors(priors)
        self.start = self.scalars.unconstrained(np.array(starts))
        self.blocks: list[tuple[str, str, int, CorrelationPrior]] = []
        for name, members in plan.blocks.items():
            for g in range(self.groups if plan.varying else 1):
                prior_r = CorrelationPrior(len(members), plan.defaults.correlation)
                label = f"{name}_{g}" if plan.varying else name
                self.blocks.append((label, name, g, prior_r))
                self.shapes[label] = (len(members), len(members))
        self.size = self.scalars.size + sum(b.size for *_, b in self.blocks)
        self.places = self._places()
        self.systems = [_System(plan, form) for form in plan.forms]
        self._statistics(sample)

    def _places(self) -> dict[str, slice]:
        found, at = {}, 0
        for name, shape in self.shapes.items():
            if name in {b[0] for b in self.blocks}:
                continue
            found[name] = slice(at, at + math.prod(shape))
            at += math.prod(shape)
        for label, _, _, prior in self.blocks:
            found[label] = slice(at, at + prior.size)
            at += prior.size
        return found

    def _statistics(self, sample: Sample) -> None:
        self.unit_group = np.array([u.group for u in sample.units])
        self.n = np.array([u.n for u in sample.units], dtype=np.float64)
        profiled = self.plan.means == "profiled"
        self.freedom = self.n - 1 if profiled else self.n
        self.observed = np.array([u.observed for u in sample.units], dtype=np.float64)
        self.mean = np.array([u.mean for u in sample.units])
        self.scatter = np.array([u.n * u.cov for u in sample.units])
        self.scale = sample.scale
        self.centre = np.array([sample.centre(g) for g in range(self.groups)])
        self.across = self.observed[:, :, None] * self.observed[:, None, :]
        self.gaps = np.eye(len(self.plan.items)) * (1 - self.observed[:, None, :])
        self.sums = np.zeros((self.groups, len(self.unit_group)))
        self.sums[self.unit_group, np.arange(len(self.unit_group))] = 1.0
        self.below = np.tril_indices(len(self.plan.items), -1)
        self.constant = -0.5 * math.log(2 * math.pi) * float(self.freedom @ self.observed.sum(1))

    def initial(self, seed: int) -> Array:
        """A start near the middle of the priors, jittered by the seed."""
        jitter = np.random.default_rng(seed).uniform(-0.1, 0.1, self.size)
        middle = np.concatenate([self.start, np.zeros(self.size - self.scalars.size)])
        return middle + jitter

    def expand(self, z: Array) -> dict[str, Array]:
        """Random variables by name, as the PyMC model has them."""
        x = self.scalars.evaluate(z[: self.scalars.size])[0]
        found = {n: x[p].reshape(self.shapes[n]) for n, p in self.places.items()
                 if p.stop <= self.scalars.size}  # fmt: skip
        for label, _, _, prior in self.blocks:
            found[label] = prior.factor(z[self.places[label]])[0]
        return {n: np.asarray(found[n], dtype=np.float64) for n in self.shapes}

    def __call__(self, z: Array) -> tuple[float, Array]:
        """Log density and gradient; −∞ where the implied covariance is not positive definite."""
        try:
            with np.errstate(all="ignore"):
                total, gradient = self._evaluate(z)
        except (OverflowError, ValueError, ZeroDivisionError, np.linalg.LinAlgError):
            return -math.inf, np.zeros(self.size)
        if not (math.isfinite(total) and np.isfinite(gradient).all()):
            return -math.inf, np.zeros(self.size)
        return total, gradient

    def _evaluate(self, z: Array) -> tuple[float, Array]:
        x, slope, total, prior_gradient = self.scalars.evaluate(z[: self.scalars.size])
        gradient = np.zeros(self.size)
        correlations: dict[tuple[str, int], Array] = {}
        for label, name, g, prior in self.blocks:
            place = self.places[label]
            matrix, log_density, by_z = prior.evaluate(z[place])
            correlations[name, g] = matrix
            total += log_density
            gradient[place] = by_z
        by_x = np.zeros(self.scalars.size)
        by_correlation = {key: np.zeros_like(matrix) for key, matrix in correlations.items()}
        parts = [self._part(g, x, correlations) for g in range(self.groups)]
        sigma = np.array([parts[g].sigma for g in self.unit_group])
        if self.plan.means == "sampled":
            sigma = self.across * sigma + self.gaps
        inverse = np.empty_like(sigma)
        determinant = np.empty(len(sigma))
        for k, one in enumerate(sigma):
            factor, info = dpotrf(one, lower=1)
            if info != 0:
                return -math.inf, np.zeros(self.size)
            half, _ = dpotri(factor, lower=1)
            inverse[k] = half
            inverse[k].T[self.below] = half[self.below]
            determinant[k] = 2 * np.log(factor.diagonal()).sum()
        moments = self.scatter
        if self.plan.means == "sampled":
            place = self.places["free_intercept"]
            spread = x[place].reshape(self.groups, -1)
            nu = self.centre + self.scale * spread
            away = self.observed * (self.mean - nu[self.unit_group])
            moments = moments + self.n[:, None, None] * away[:, :, None] * away[:, None, :]
            pull = self.n[:, None] * self.observed * np.einsum("kij,kj->ki", inverse, away)
            by_x[place] = ((self.sums @ pull) * self.scale).ravel()
        total += self.constant - 0.5 * float(self.freedom @ determinant + (inverse * moments).sum())
        by_sigma = -0.5 * (self.freedom[:, None, None] * inverse - inverse @ moments @ inverse)
        if self.plan.means == "sampled":
            by_sigma = by_sigma * self.across
        shape = by_sigma.shape[1:]
        by_group = by_sigma
        if len(by_sigma) > 1:
            by_group = (self.sums @ by_sigma.reshape(len(by_sigma), -1)).reshape(-1, *shape)
        for g, part in enumerate(parts):
            self._pull_back(g, part, by_group[g], by_x, by_correlation)
        for label, name, g, prior in self.blocks:
            gradient[self.places[label]] += prior.pull_back(
                z[self.places[label]], by_correlation[name, g]
            )
        gradient[: self.scalars.size] = prior_gradient + by_x * slope
        return total, gradient

    def _slot(self, name: str, group: int) -> slice:
        """Where the values of one group stand."""
        place = self.places[name]
        if not self.plan.varying or name == "free_loading":
            return place
        each = (place.stop - place.start) // self.groups
        return slice(place.start + group * each, place.start + (group + 1) * each)

    def _part(self, g: int, x: Array, correlations: dict[tuple[str, int], Array]) -> _Part:
        plan = self.plan
        theta = np.array([x[self._slot(n, g).start] for n in plan.priors])
        own = {
            word: x[self._slot(f"free_{word}", g)] * unit if len(unit) else unit
            for word, unit in self.units.items()
        }
        chosen = {n: correlations[n, g if plan.varying else 0] for n in plan.blocks}
        return self.systems[g].forward(theta, own, chosen)

    def _pull_back(
        self, g: int, part: _Part, by_sigma: Array, by_x: Array, by_correlation: Any
    ) -> None:
        plan = self.plan
        theta, own, matrices = self.systems[g].pull_back(part, by_sigma)
        for k, name in enumerate(plan.priors):
            by_x[self._slot(name, g).start] += theta[k]
        for word, unit in self.units.items():
            if len(unit):
                by_x[self._slot(f"free_{word}", g)] += own[word] * unit
        for name, matrix in matrices.items():
            by_correlation[name, g if plan.varying else 0] += matrix


class _Part:
    """Matrices of one group at one point, kept for the way back."""

    __slots__ = ("across", "correlation", "derivative", "disturbance", "error", "loading", "outer",
                 "paths", "sd", "sigma", "total", "traits")  # fmt: skip

    across: Array
    correlation: Array | None
    derivative: Array
    disturbance: Array
    error: Array
    loading: Array
    outer: Array | None
    paths: Array | None
    sd: Array
    sigma: Array
    total: Array
    traits: Array


class _System:
    """Σ of one group as a function of parameters, loadings, errors, traits and correlations."""

    def __init__(self, plan: Plan, form: Structural) -> None:
        self.plan = plan
        self.states, self.size = len(plan.states), len(plan.latents)
        self.inner = {k: b for k, b in plan.blocks.items() if b[0] not in plan.exogenous}
        self.outer = {k: b for k, b in plan.blocks.items() if b[0] in plan.exogenous}
        self.disturbances = form.disturbances
        numbers = {symbol(n): sp.Float(v) for n, v in {**form.values, **plan.fixed}.items()
                   if n not in plan.priors}  # fmt: skip
        sd = sp.diag(*(sp.sqrt(v) for v in form.trait_variances))
        psi = form.chance if self.inner else form.Psi
        paths = form.trait_paths * sd if self.inner else sp.zeros(0, 0)
        own = [n for n in plan.exogenous if n not in plan.free_traits]
        places = [plan.exogenous.index(n) for n in own]
        variances = [sp.sqrt(form.Phi[k, k]) for k in places]
        self.a_index, a = _entries(form.B.row_join(form.Gamma))
        self.psi_index, p = _entries(psi)
        self.path_index, q = _entries(paths)
        self.path_shape = tuple(paths.shape)
        self.own_traits = places
        self.free_traits = [plan.exogenous.index(n) for n in plan.free_traits]
        self.cuts = (len(a), len(a) + len(p), len(a) + len(p) + len(q))
        entries = [e.xreplace(numbers) for e in (*a, *p, *q, *variances)]
        self.values, self.derivatives = _compiled(entries, [symbol(n) for n in plan.priors])
        rows = np.arange(len(plan.items))
        self.eye = np.eye(self.size)
        self.loading = np.zeros((len(plan.items), self.size))
        self.loading[rows, plan.measures] = plan.declared_loading
        self.free_loading = (plan.free_loadings, plan.measures[plan.free_loadings])

    def forward(self, theta: Array, own: dict[str, Array], correlations: dict[str, Array]) -> _Part:
        part = _Part()
        entries = self.values(theta)
        part.derivative = self.derivatives(theta)
        one, two, three = self.cuts
        a, p, q, v = entries[:one], entries[one:two], entries[two:three], entries[three:]
        path = np.zeros((self.size, self.size))
        path[self.a_index] = a
        part.disturbance = np.zeros((self.size, self.size))
        part.disturbance[self.psi_index] = p
        part.paths = part.correlation = part.outer = None
        if self.inner:
            part.paths = np.zeros(self.path_shape)
            part.paths[self.path_index] = q
            part.correlation = self._merge(self.disturbances, self.inner, correlations)
            part.disturbance[: self.states, : self.states] += (
                part.paths @ part.correlation @ part.paths.T
            )
        if self.size > self.states:
            sd = np.zeros(self.size - self.states)
            sd[self.free_traits] = own["trait"]
            sd[self.own_traits] = v
            part.sd = sd
            part.outer = self._merge(self.plan.exogenous, self.outer, correlations)
            part.disturbance[self.states :, self.states :] = part.outer * (sd[:, None] * sd)
        part.loading = self.loading
        if len(self.free_loading[0]):
            part.loading = self.loading.copy()
            part.loading[self.free_loading] = own["loading"]
        part.error = self.plan.declared_error.copy()
        part.error[self.plan.free_errors] = own["error"]
        part.total = np.linalg.inv(self.eye - path)
        part.across = part.loading @ part.total
        part.sigma = part.across @ part.disturbance @ part.across.T
        part.sigma.flat[:: len(part.error) + 1] += part.error**2
        return part

    def pull_back(
        self, part: _Part, by_sigma: Array
    ) -> tuple[Array, dict[str, Array], dict[str, Array]]:
        """Gradients by parameters, by (loading, error, trait) and by correlation matrices."""
        by_across = 2 * by_sigma @ part.across @ part.disturbance
        by_disturbance = part.across.T @ by_sigma @ part.across
        by_loading = by_across @ part.total.T
        by_path = part.total.T @ (part.loading.T @ by_across) @ part.total.T
        psi = by_disturbance[: self.states, : self.states]
        pieces = [by_path[self.a_index], psi[self.psi_index]]
        matrices: dict[str, Array] = {}
        if part.paths is not None and part.correlation is not None:
            pieces.append((2 * psi @ part.paths @ part.correlation)[self.path_index])
            self._unmerge(self.disturbances, self.inner, part.paths.T @ psi @ part.paths, matrices)
        by_sd = np.zeros(self.size - self.states)
        if part.outer is not None:
            phi = by_disturbance[self.states :, self.states :]
            by_sd = 2 * (phi * part.outer) @ part.sd
            self._unmerge(
                self.plan.exogenous, self.outer, phi * (part.sd[:, None] * part.sd), matrices
            )
        pieces.append(by_sd[self.own_traits])
        own = {
            "loading": by_loading[self.free_loading],
            "error": (2 * part.error * np.diagonal(by_sigma))[self.plan.free_errors],
            "trait": by_sd[self.free_traits],
        }
        return np.concatenate(pieces) @ part.derivative, own, matrices

    def _merge(
        self, names: tuple[str, ...], blocks: dict[str, tuple[str, ...]], given: dict[str, Array]
    ) -> Array:
        if len(blocks) == 1 and len(names) == len(next(iter(blocks.values()))):
            return given[next(iter(blocks))]
        whole = np.eye(len(names))
        for key, members in blocks.items():
            place = [names.index(n) for n in members]
            whole[np.ix_(place, place)] = given[key]
        return whole

    def _unmerge(
        self, names: tuple[str, ...], blocks: dict[str, tuple[str, ...]], gradient: Array,
        into: dict[str, Array],
    ) -> None:  # fmt: skip
        for key, members in blocks.items():
            place = [names.index(n) for n in members]
            into[key] = gradient[np.ix_(place, place)]


def _entries(matrix: Any) -> tuple[tuple[NDArray[np.int_], NDArray[np.int_]], list[sp.Expr]]:
    """Entries of a matrix that are not zero, and where they stand."""
    found = [(i, j) for i in range(matrix.rows) for j in range(matrix.cols) if matrix[i, j] != 0]
    rows = np.array([i for i, _ in found], dtype=np.int_)
    columns = np.array([j for _, j in found], dtype=np.int_)
    return (rows, columns), [matrix[i, j] for i, j in found]


def _compiled(
    entries: list[sp.Expr], parameters: list[sp.Symbol]
) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Entries and their derivatives by the parameters, as functions of a vector."""
    words = [{"logistic": _logistic, "Heaviside": _heaviside}, "math"]
    value = sp.lambdify([parameters], entries, modules=words, cse=True)
    slots, slopes = [], []
    for i, entry in enumerate(entries):
        for j, parameter in enumerate(parameters):
            if parameter in entry.free_symbols:
                slots.append((i, j))
                slopes.append(sp.diff(entry, parameter))
    slope = sp.lambdify([parameters], slopes, modules=words, cse=True)
    rows = np.array([i for i, _ in slots], dtype=np.int_)
    columns = np.array([j for _, j in slots], dtype=np.int_)
    shape = (len(entries), len(parameters))

    def values(theta: Array) -> Array:
        return np.array(value(theta.tolist()), dtype=np.float64)

    def derivatives(theta: Array) -> Array:
        made = np.zeros(shape)
        made[rows, columns] = slope(theta.tolist())
        return made

    return values, derivatives


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _heaviside(x: float, at_zero: float = 0.5) -> float:
    return 1.0 if x > 0 else 0.0 if x < 0 else at_zero
