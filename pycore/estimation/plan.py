"""What is estimated: free parameters, their names and how they fill the matrices.

The matrices are filled by one function, :meth:`Plan.system`, on NumPy arrays (posterior, priors)
and on PyTensor graphs (likelihood) alike.

Scale: the first item of each state or measured trait keeps the loading that the model declares (its
sign too); so states keep the model's scale.  An item that alone measures something keeps its
declared error.  With groups, loadings are shared.  Groups that differ in the model's own constant
traits share every parameter, and differ through the structure; other groups have parameters, trait
variances and errors of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pycore.errors import refuse
from pycore.estimation.priors import Defaults, choose
from pycore.estimation.sample import Sample
from pycore.model.distributions import Distribution
from pycore.model.elements import Parameter
from pycore.model.model import Model
from pycore.model.numeric import Operations, evaluate, numpy_operations
from pycore.model.structural import Structural, structural

__all__ = ["Arrays", "NumPyArrays", "Plan", "System", "make_plan"]

_RESERVED = {
    "path", "loading", "intercept", "item_variance", "item_covariance", "state_covariance",
    "std_path", "std_loading", "std_intercept", "std_item_variance", "std_item_covariance",
    "std_state_covariance", "chain", "draw", "group", "item", "item_", "state", "state_", "effect",
    "cause", "defined",
}  # fmt: skip


class Arrays(Protocol):
    """What filling the matrices needs from an array library."""

    operations: Operations

    def fill(self, shape: tuple[int, int], base: Any, index: Any, values: list[Any]) -> Any:
        """Return a matrix equal to ``base`` except at ``index``."""

    def columns(self, vector: Any, count: int) -> list[Any]:
        """Return the entries of a vector."""

    def product(self, *matrices: Any) -> Any:
        """Return a matrix product."""

    def transpose(self, matrix: Any) -> Any:
        """Return a transposed matrix."""

    def square(self, value: Any) -> Any:
        """Return a square, entry by entry."""


@dataclass(frozen=True, eq=False)
class System:
    """Λ, paths among (states, traits), their covariance given the paths, and Θ of one group."""

    loading: Any
    path: Any
    disturbance: Any
    error: Any


@dataclass(frozen=True, eq=False)
class Plan:
    """A model made ready for data.

    Attributes
    ----------
    model : Model
        The model.
    forms : tuple of Structural
        Long-run form of each group.
    groups : tuple
        Labels.
    group_name : str or None
        Column of the groups.
    varying : bool
        Whether groups have parameters of their own.
    priors : dict
        Prior of every sampled model parameter.
    fixed : dict
        Values of everything else.
    defaults : Defaults
        Priors of loadings and standard deviations.
    means : str
        ``"profiled"`` (a flat prior, integrated out exactly), ``"sampled"`` (missing answers).
    """

    model: Model
    forms: tuple[Structural, ...]
    groups: tuple[Any, ...]
    group_name: str | None
    varying: bool
    priors: dict[str, Distribution]
    fixed: dict[str, float]
    defaults: Defaults
    means: str

    @property
    def states(self) -> tuple[str, ...]:
        """States of the long-run form."""
        return self.forms[0].states

    @property
    def exogenous(self) -> tuple[str, ...]:
        """Drawn traits measured by items."""
        return self.forms[0].exogenous

    @property
    def latents(self) -> tuple[str, ...]:
        """States, then measured traits: the columns of Λ."""
        return (*self.states, *self.exogenous)

    @property
    def items(self) -> tuple[str, ...]:
        """Items, the rows of Λ."""
        return self.forms[0].items

    @cached_property
    def measures(self) -> NDArray[np.int_]:
        """Column of Λ of each item."""
        return np.array([self.latents.index(i.measures) for i in self.model.items.values()])

    @cached_property
    def marker(self) -> NDArray[np.int_]:
        """For each item, the first item of what it measures."""
        first = [int(np.flatnonzero(self.measures == m)[0]) for m in self.measures]
        return np.array(first)

    @cached_property
    def free_loadings(self) -> NDArray[np.int_]:
        """Items whose loading is estimated."""
        return np.flatnonzero(self.marker != np.arange(len(self.items)))

    @cached_property
    def free_errors(self) -> NDArray[np.int_]:
        """Items whose error is estimated."""
        alone = np.bincount(self.measures, minlength=len(self.latents))[self.measures] == 1
        scores = [i.error == 0 and i.points == 0 for i in self.model.items.values()]
        return np.flatnonzero(~alone & ~np.array(scores))

    @cached_property
    def declared_loading(self) -> NDArray[np.float64]:
        """Loadings as the model declares them."""
        return np.array([i.loading for i in self.model.items.values()])

    @cached_property
    def declared_error(self) -> NDArray[np.float64]:
        """Error standard deviations as the model declares them."""
        return np.array([i.error for i in self.model.items.values()])

    @cached_property
    def free_traits(self) -> tuple[str, ...]:
        """Measured traits whose variance holds no parameter; it is estimated."""
        known = {symbol.name for symbol in self.forms[0].Phi.free_symbols}
        return tuple(
            n for k, n in enumerate(self.exogenous)
            if not {s.name for s in self.forms[0].Phi[k, k].free_symbols} & known
        )  # fmt: skip

    def units(self, scale: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """What one unit of a free loading, error and trait deviation is, given the items' sd."""
        rows = self.free_loadings
        marker = self.marker[rows]
        first = [int(np.flatnonzero(self.measures == self.latents.index(n))[0])
                 for n in self.free_traits]  # fmt: skip
        return {
            "loading": self.declared_loading[marker] * scale[rows] / scale[marker],
            "error": scale[self.free_errors],
            "trait": scale[first] / np.abs(self.declared_loading[first]),
        }

    @cached_property
    def blocks(self) -> dict[str, tuple[str, ...]]:
        """Correlated traits: name of the correlation matrix → traits."""
        merged: list[set[str]] = []
        for group in self.model.correlated_traits:
            joined = set(group)
            rest = []
            for other in merged:
                if other & joined:
                    joined |= other
                else:
                    rest.append(other)
            merged = [*rest, joined]
        known = (*self.exogenous, *self.forms[0].disturbances)
        found = {}
        for k, joined in enumerate(merged):
            names = tuple(n for n in known if n in joined)
            if len({n in self.exogenous for n in names}) > 1:
                raise refuse(
                    "model.correlated", ", ".join(names),
                    "traits that are all measured by items, or none of them",
                )  # fmt: skip
            found[f"correlation_{k}"] = names
        return found

    def system(self, group: int, values: Mapping[str, Any], arrays: Arrays) -> System:
        """Fill the matrices of one group.

        Parameters
        ----------
        group : int
            Which.
        values : Mapping
            Model parameters by name; ``loading``, ``error`` and ``trait`` vectors of what is free;
            correlation matrices by the names of :attr:`blocks`.
        arrays : Arrays
            NumPy or PyTensor.
        """
        form = self.forms[group]
        numbers: dict[str, Any] = {**form.values, **self.fixed}
        numbers |= {n: values[n] for n in self.priors}
        memo: dict[sp.Basic, Any] = {}
        states, size = len(self.states), len(self.latents)

        def matrix(symbolic: sp.ImmutableMatrix, shape: tuple[int, int] | None = None) -> Any:
            base = np.zeros(shape or symbolic.shape)
            index, nodes = [], []
            for i in range(symbolic.rows):
                for j in range(symbolic.cols):
                    entry = symbolic[i, j]
                    if any(s.name in self.priors for s in entry.free_symbols):
                        index.append((i, j))
                        nodes.append(evaluate(entry, numbers, arrays.operations, memo))
                    elif entry != 0:
                        base[i, j] = float(evaluate(entry, {**form.values, **self.fixed}))
            return arrays.fill(base.shape, base, index, nodes)

        path = matrix(form.B.row_join(form.Gamma), (size, size))
        count = len(self.items)
        loading = np.zeros((count, size))
        loading[np.arange(count), self.measures] = self.declared_loading
        free = [(int(i), int(self.measures[i])) for i in self.free_loadings]
        loadings = arrays.fill(
            loading.shape, loading, free, arrays.columns(values["loading"], len(free))
        )
        errors = [(int(i), int(i)) for i in self.free_errors]
        variances = arrays.columns(arrays.square(values["error"]), len(errors))
        error = arrays.fill((count, count), np.diag(self.declared_error**2), errors, variances)
        psi = self._psi(form, matrix, values, arrays)
        phi = self._phi(form, numbers, values, arrays)
        return System(loadings, path, _corner(psi, phi, states, size, arrays), error)

    def _psi(self, form: Structural, matrix: Any, values: Mapping[str, Any], arrays: Any) -> Any:
        inner = {k: b for k, b in self.blocks.items() if b[0] not in self.exogenous}
        if not inner:
            return matrix(form.Psi)
        sd = sp.diag(*(sp.sqrt(v) for v in form.trait_variances))
        paths = matrix((form.trait_paths * sd).as_immutable())
        together = self._correlation(form.disturbances, inner, values, arrays)
        return matrix(form.chance) + arrays.product(paths, together, arrays.transpose(paths))

    def _phi(
        self, form: Structural, numbers: dict[str, Any], values: Mapping[str, Any], arrays: Any
    ) -> Any:
        if not self.exogenous:
            return None
        own = iter(arrays.columns(values["trait"], len(self.free_traits)))
        sds = []
        for k, name in enumerate(self.exogenous):
            if name in self.free_traits:
                sds.append(next(own))
            else:
                entry = sp.sqrt(form.Phi[k, k])
                sds.append(evaluate(entry, numbers, arrays.operations))
        size = len(self.exogenous)
        sd = arrays.fill((size, size), np.zeros((size, size)), [(k, k) for k in range(size)], sds)
        outer = {k: b for k, b in self.blocks.items() if b[0] in self.exogenous}
        if not outer:
            return arrays.square(sd)
        return arrays.product(sd, self._correlation(self.exogenous, outer, values, arrays), sd)

    def _correlation(
        self,
        names: tuple[str, ...],
        blocks: dict[str, tuple[str, ...]],
        values: Mapping[str, Any],
        arrays: Any,
    ) -> Any:
        index, entries = [], []
        for key, members in blocks.items():
            place = [names.index(n) for n in members]
            if place == list(range(len(names))):
                return values[key]
            for a, i in enumerate(place):
                for b, j in enumerate(place):
                    if a != b:
                        index.append((i, j))
                        entries.append(values[key][..., a, b])
        return arrays.fill((len(names), len(names)), np.eye(len(names)), index, entries)


def _corner(psi: Any, phi: Any, states: int, size: int, arrays: Any) -> Any:
    """Block-diagonal covariance, by products with fixed selections."""
    if phi is None:
        return psi
    left, right = np.eye(size)[:, :states], np.eye(size)[:, states:]
    return arrays.product(left, psi, left.T) + arrays.product(right, phi, right.T)


class NumPyArrays:
    """Matrices with a leading dimension of draws."""

    def __init__(self, draws: int) -> None:
        self.draws = draws
        self.operations = numpy_operations()

    def fill(self, shape: tuple[int, int], base: Any, index: Any, values: list[Any]) -> Any:
        """See :class:`Arrays`."""
        made = np.broadcast_to(base, (self.draws, *shape)).copy()
        for (i, j), value in zip(index, values, strict=True):
            made[:, i, j] = value
        return made

    def columns(self, vector: Any, count: int) -> list[Any]:
        """See :class:`Arrays`."""
        return [vector[:, k] for k in range(count)]

    def product(self, *matrices: Any) -> Any:
        """See :class:`Arrays`."""
        made = matrices[0]
        for other in matrices[1:]:
            made = made @ other
        return made

    def transpose(self, matrix: Any) -> Any:
        """See :class:`Arrays`."""
        return np.swapaxes(matrix, -1, -2)

    def square(self, value: Any) -> Any:
        """See :class:`Arrays`."""
        return value**2


def make_plan(model: Model, sample: Sample, priors: Mapping[str, Any] | str | None) -> Plan:
    """Decide what is free.

    Raises
    ------
    InputError
        For a prior of an unknown parameter, or a parameter named like a result.
    """
    made: dict[tuple[tuple[str, float], ...], Structural] = {}
    for traits in sample.traits:
        key = tuple(sorted(traits.items()))
        if key not in made:
            made[key] = structural(model, **traits)
    forms = tuple(made[tuple(sorted(traits.items()))] for traits in sample.traits)
    used = {n for form in forms for n in form.parameters}
    names = tuple(n for n in model.of_kind(Parameter) if n in used)
    for name in names:
        if name in _RESERVED:
            raise refuse("parameter", name, "a name that no result of an estimate has")
    chosen, fixed, defaults = choose(model, names, priors)
    return Plan(
        model=model, forms=forms, groups=sample.groups, group_name=sample.group_name,
        varying=sample.group_name is not None and not sample.moderated, priors=chosen,
        fixed=fixed, defaults=defaults, means="profiled" if sample.complete else "sampled",
    )  # fmt: skip
