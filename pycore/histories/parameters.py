"""Named parameters of a likelihood: their priors, and how the likelihood's own numbers follow.

A likelihood in the compiled core reads a plain vector θ.  What is sampled are scalars with priors;
every θ is a sum of products of at most two of them, which is all that order constraints, partial
pooling and mean–ratio forms need.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pycore._core import HistoryPosterior, Likelihood
from pycore.errors import refuse, require_name
from pycore.estimation.transforms import scalar_priors, unconstrained
from pycore.model.distributions import Distribution

__all__ = ["Parameters", "check_priors"]

Array = NDArray[np.float64]


class Parameters:
    """Scalars by name, in the order in which they were declared.

    Attributes
    ----------
    shapes : dict
        Name → shape.
    priors : dict
        Name → prior of each of its scalars.
    pooled : bool
        Whether a product of two scalars pools deviations, so that the density is far from normal.

    Examples
    --------
    >>> from pycore.model.distributions import HalfNormal, Normal
    >>> p = Parameters({})
    >>> level = p.add("level", (), Normal(0, 1), 0.0)
    >>> gap = p.add("gap", (2,), HalfNormal(1), 0.5)
    >>> p.product(0, 1.0, level[0])
    >>> p.product(1, 1.0, level[0])
    >>> p.product(1, -1.0, gap[0])
    >>> p.products
    [(0, 1.0, 0, -1), (1, 1.0, 0, -1), (1, -1.0, 1, -1)]
    """

    def __init__(self, chosen: Mapping[str, Distribution]) -> None:
        self._chosen = dict(chosen)
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.priors: dict[str, Distribution] = {}
        self.places: dict[str, slice] = {}
        self.products: list[tuple[int, float, int, int]] = []
        self.pooled = False
        self._start: list[float] = []

    @property
    def size(self) -> int:
        """How many scalars."""
        return len(self._start)

    def add(
        self,
        name: str,
        shape: tuple[int, ...],
        default: Distribution,
        start: float | Sequence[float],
    ) -> list[int]:
        """Declare scalars with one prior; returns their numbers."""
        prior = self._chosen.get(name, default)
        count = math.prod(shape)
        numbers = list(range(self.size, self.size + count))
        self.shapes[name] = shape
        self.priors[name] = prior
        self.places[name] = slice(self.size, self.size + count)
        values = np.broadcast_to(np.asarray(start, dtype=float).ravel(), (count,))
        self._start += [unconstrained(prior, float(v)) for v in values]
        return numbers

    def product(self, of: int, scale: float, first: int = -1, second: int = -1) -> None:
        """Add scale · first · second to number ``of`` of the likelihood."""
        self.products.append((of, scale, first, second))

    def posterior(self, likelihood: Likelihood) -> HistoryPosterior:
        """The density, compiled already."""
        unknown = set(self._chosen) - set(self.shapes)
        if unknown:
            require_name("priors", min(unknown), self.shapes)
        priors = [p for n, p in self.priors.items() for _ in range(math.prod(self.shapes[n]))]
        return HistoryPosterior(
            scalars=scalar_priors(priors), products=self.products, likelihood=likelihood
        )

    @property
    def start(self) -> Array:
        """Unconstrained start."""
        return np.array(self._start)

    def split(self, scalars: Array) -> dict[str, Array]:
        """Scalars (…, size) by name."""
        return {
            name: scalars[..., place].reshape((*scalars.shape[:-1], *self.shapes[name]))
            for name, place in self.places.items()
        }


def check_priors(priors: Mapping[str, Any] | None) -> dict[str, Distribution]:
    """Refuse what is not a distribution with numbers as arguments."""
    if priors is not None and not isinstance(priors, Mapping):
        raise refuse("priors", priors, "a mapping of parameter to distribution, or None")
    for name, prior in (priors or {}).items():
        if not isinstance(prior, Distribution) or any(
            v.free_symbols for v in prior.arguments.values()
        ):
            raise refuse(f"priors[{name!r}]", prior, "a distribution with numbers as arguments")
    return dict(priors or {})
