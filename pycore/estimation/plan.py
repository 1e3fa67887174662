"""What is estimated: free quantities, and the matrices of every group as expressions of them.

The matrices are those of the long-run form with its measurement (Λ, paths A, disturbances Ω, errors
Θ, intercepts ν, means α).  Each entry is a number or a SymPy expression of free quantities, so fixed,
equal and labelled entries, groups and any pattern of loadings and covariances are one mechanism: the
compiled density, the PyMC graph and the results evaluate the same expressions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pycore.estimation.priors import Defaults
from pycore.model.distributions import Distribution
from pycore.model.expressions import symbol
from pycore.model.model import Model
from pycore.model.numeric import Operations, evaluate, numpy_operations
from pycore.model.structural import Structural

__all__ = ["BLOCKS", "Arrays", "Free", "NumPyArrays", "Plan", "System", "entry_name", "place"]

# In the order of the compiled core (cpp/include/pycore/estimation/structure.hpp).
BLOCKS = ("loading", "path", "disturbance", "error", "intercept", "mean")

Entries = dict[tuple[int, int], sp.Expr]
Array = NDArray[np.float64]


class Arrays(Protocol):
    """What filling the matrices needs from an array library."""

    operations: Operations

    def fill(self, shape: tuple[int, int], base: Array, entries: dict[tuple[int, int], Any]) -> Any:
        """Return a matrix equal to ``base`` except at some entries."""


@dataclass(frozen=True, eq=False)
class Free:
    """A vector of free quantities: one random variable.

    Attributes
    ----------
    name : str
        Its name in the PyMC model and among the draws.
    shape : tuple of int
        Shape; entries are numbered as in a flat array.
    prior : Distribution or None
        Independent for every entry; None for none (maximum likelihood).
    start : float
        Where an optimiser or a chain begins.
    """

    name: str
    shape: tuple[int, ...]
    prior: Distribution | None
    start: float = 0.0

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.prod(self.shape, dtype=int))

    def __getitem__(self, k: int) -> sp.Symbol:
        """The symbol of one entry."""
        return place(self.name, k)


def place(name: str, *index: int) -> sp.Symbol:
    """The symbol of an entry of a random variable."""
    return sp.Symbol(entry_name(name, *index), real=True)


def entry_name(name: str, *index: int) -> str:
    """The name of an entry; no word of a model contains the sign."""
    return f"{name}@{','.join(map(str, index))}"


@dataclass(frozen=True, eq=False)
class System:
    """Λ, A, Ω, Θ, ν and α of one group."""

    loading: Any
    path: Any
    disturbance: Any
    error: Any
    intercept: Any
    mean: Any


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
    free : tuple of Free
        Everything that is estimated, but correlation matrices.
    correlations : dict
        Name of each correlation matrix that is estimated → its size.
    matrices : tuple of dict
        For each group, the entries that are not zero of each of :data:`BLOCKS`, as expressions of
        entries of free quantities and of parameters.
    parameters : dict
        Parameter of the model → its expression of free quantities in each group (one where it is
        shared).
    defined : dict
        Defined quantities → expression in each group (one where they are shared).
    held : dict
        Values of parameters that are not estimated.
    defaults : Defaults
        Priors of what the model says nothing about.
    means : str
        ``"profiled"`` (every item has its own mean: a flat prior, integrated out exactly) or
        ``"modelled"``.
    given : tuple of int
        Items taken as given: the likelihood is conditional on them.
    outcomes : tuple of str
        Outcomes of respondents, further rows of Λ, ν and Θ after the items.
    further : tuple of tuple
        For each group, what else respondents' likelihood needs, such as thresholds.
    """

    model: Model
    forms: tuple[Structural, ...]
    groups: tuple[Any, ...]
    group_name: str | None
    varying: bool
    free: tuple[Free, ...]
    correlations: dict[str, int]
    matrices: tuple[dict[str, Entries], ...]
    parameters: dict[str, tuple[sp.Expr, ...]]
    defined: dict[str, tuple[sp.Expr, ...]]
    held: dict[str, float]
    defaults: Defaults
    means: str
    given: tuple[int, ...] = ()
    outcomes: tuple[str, ...] = ()
    further: tuple[tuple[sp.Expr, ...], ...] = ()

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

    def shape(self, block: str, *, outcomes: bool = False) -> tuple[int, int]:
        """Rows and columns of a block, with those of outcomes or not; vectors are columns."""
        latents = len(self.latents)
        items = len(self.items) + (len(self.outcomes) if outcomes else 0)
        return {
            "loading": (items, latents), "path": (latents, latents),
            "disturbance": (latents, latents), "error": (items, items), "intercept": (items, 1),
            "mean": (latents, 1),
        }[block]  # fmt: skip

    @property
    def entries(self) -> Iterator[str]:
        """Names of everything that the expressions read, in the order of the compiled core."""
        for free in self.free:
            for k in range(free.size):
                yield entry_name(free.name, k)
        for name, size in self.correlations.items():
            for i in range(size):
                for j in range(i):
                    yield entry_name(name, i, j)

    def environment(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Entry name → array, of random variables with one leading dimension of draws.

        Correlation matrices are given by their Cholesky factors.
        """
        found: dict[str, Array] = {}
        for free in self.free:
            flat = values[free.name].reshape(-1, free.size)
            found |= {entry_name(free.name, k): flat[:, k] for k in range(free.size)}
        for name, size in self.correlations.items():
            matrix = values[name] @ np.swapaxes(values[name], -1, -2)
            for i in range(size):
                found |= {entry_name(name, i, j): matrix[:, i, j] for j in range(i)}
        return found

    def definitions(self, group: int) -> dict[str, sp.Expr]:
        """Parameters of the model in one group."""
        return {n: e[group if len(e) > 1 else 0] for n, e in self.parameters.items()}

    def resolved(self) -> Plan:
        """The same plan, its matrices written in free quantities alone."""
        matrices = []
        for group, own in enumerate(self.matrices):
            put_in = {symbol(n): e for n, e in self.definitions(group).items()}
            matrices.append({
                block: {at: e.xreplace(put_in) for at, e in own[block].items()} for block in BLOCKS
            })  # fmt: skip
        return replace(self, matrices=tuple(matrices))

    def system(self, group: int, environment: Mapping[str, Any], arrays: Arrays) -> System:
        """Fill the matrices of one group, for its items.

        Parameters
        ----------
        group : int
            Which.
        environment : Mapping
            Entry name → value, see :meth:`environment`.
        arrays : Arrays
            NumPy or PyTensor.
        """
        memo: dict[sp.Basic, Any] = {}
        known = dict(environment)
        for name, expression in self.definitions(group).items():
            known[name] = evaluate(expression, environment, arrays.operations, memo)
        made = {}
        for block in BLOCKS:
            base = np.zeros(self.shape(block))
            entries = {}
            for at, entry in self.matrices[group][block].items():
                if at[0] >= len(base):
                    continue  # of an outcome
                if entry.is_number:
                    base[at] = float(entry)
                else:
                    entries[at] = evaluate(entry, known, arrays.operations, memo)
            made[block] = arrays.fill(base.shape, base, entries)
        return System(**made)


class NumPyArrays:
    """Matrices with a leading dimension of draws."""

    def __init__(self, draws: int) -> None:
        self.draws = draws
        self.operations = numpy_operations()

    def fill(self, shape: tuple[int, int], base: Array, entries: dict[tuple[int, int], Any]) -> Any:
        """See :class:`Arrays`."""
        made = np.broadcast_to(base, (self.draws, *shape)).copy()
        for (i, j), value in entries.items():
            made[:, i, j] = value
        return made
