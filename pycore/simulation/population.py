"""Who is simulated: segments, how many consumers each has, and which consumer is which.

Seats are given to segments by the highest-averages rule of Webster and Sainte-Laguë, which is
house monotone: one more consumer is one more in exactly one segment and changes nobody else.
Consumer number k of a run is therefore the same person, segment and random numbers included,
however many consumers the run has.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pycore.errors import refuse, require_name
from pycore.model.elements import Segment
from pycore.model.model import Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MAX_CONSUMERS", "Population", "population"]

MAX_CONSUMERS = 2**40
MAX_SEGMENTS = 2**24
_NEAR = 100


@dataclass(frozen=True, slots=True)
class Population:
    """Segments with weights and the constants of their traits."""

    segments: tuple[Segment, ...]

    @property
    def names(self) -> list[str]:
        """Segment names in order; the position is part of every consumer's identity."""
        return [s.name for s in self.segments]

    def counts(self, consumers: int) -> list[int]:
        """Consumers in each segment.

        Examples
        --------
        >>> p = Population((Segment(name="a", weight=2), Segment(name="b", weight=1)))
        >>> [p.counts(n) for n in (1, 2, 3, 300)]
        [[1, 0], [1, 1], [2, 1], [200, 100]]
        """
        weights = [Fraction(s.weight) for s in self.segments]
        # A divisor that gives at most all seats gives the first of them; few are left to hand out.
        per_weight = (consumers - Fraction(len(weights), 2)) / sum(weights)
        seats = [max(0, math.floor(w * per_weight + Fraction(1, 2))) for w in weights]
        queue = self._queue(seats)
        for _ in range(consumers - sum(seats)):
            self._give(seats, queue)
        return seats

    def _queue(self, seats: list[int]) -> list[tuple[Fraction, int]]:
        """Segments in the order of their claims to the next seat, as a heap."""
        weights = (Fraction(s.weight) for s in self.segments)
        queue = [(-w / (2 * n + 1), s) for s, (w, n) in enumerate(zip(weights, seats, strict=True))]
        heapq.heapify(queue)
        return queue

    def _give(self, seats: list[int], queue: list[tuple[Fraction, int]]) -> None:
        """Give the next seat to the segment that has the best claim."""
        best = queue[0][1]
        seats[best] += 1
        claim = -Fraction(self.segments[best].weight) / (2 * seats[best] + 1)
        heapq.heapreplace(queue, (claim, best))

    def locate(self, consumers: Iterable[int]) -> tuple[npt.NDArray[np.int64], ...]:
        """Segment and number within the segment of consumers by their running number."""
        found = []
        given, seats = 0, self.counts(0)
        queue = self._queue(seats)
        for consumer in consumers:
            k = int(consumer)
            if not given <= k <= given + _NEAR:  # too far to walk: count the seats before her
                given, seats = k, self.counts(k)
                queue = self._queue(seats)
            while given < k:
                self._give(seats, queue)
                given += 1
            found.append((queue[0][1], seats[queue[0][1]]))
        table = np.asarray(found, dtype=np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def to_json(self) -> list[dict[str, Any]]:
        """Plain data for the provenance."""
        return [{"name": s.name, "weight": s.weight, "traits": s.traits} for s in self.segments]


def population(model: Model, segments: pd.DataFrame | Iterable[Any] | None) -> Population:
    """Check a table of segments against a model.

    Parameters
    ----------
    model : Model
        Its constant traits are the allowed columns; its own segments are the default.
    segments : pandas.DataFrame or list of mappings, optional
        Rows are segments; columns are ``segment`` (name, or the index), ``weight`` and traits.

    Returns
    -------
    Population
    """
    if segments is None:
        return Population(tuple(model.segments.values()))
    rows = _rows(segments)
    if not 1 <= len(rows) <= MAX_SEGMENTS:
        raise refuse("segments", f"{len(rows)} rows", f"1 to {MAX_SEGMENTS} segments")
    made: list[Segment] = []
    for k, row in enumerate(rows):
        name = str(row.pop("segment", f"segment_{k + 1}"))
        weight = _number("segments.weight", row.pop("weight", 1.0))
        if weight <= 0:
            raise refuse("segments.weight", weight, "a number above 0")
        for trait in row:
            require_name("segments", str(trait), model.constant_traits)
        if any(name == s.name for s in made):
            raise refuse("segments", name, "segment names that differ")
        traits = {str(t): _number(f"segments.{t}", v) for t, v in row.items()}
        made.append(Segment(name=name, weight=weight, traits=traits))
    return Population(tuple(made))


def _rows(segments: Any) -> list[dict[Any, Any]]:
    if hasattr(segments, "to_dict") and hasattr(segments, "columns"):
        table = segments
        if "segment" not in table.columns and table.index.name == "segment":
            table = table.reset_index()
        return [dict(r) for r in table.to_dict("records")]
    if isinstance(segments, Mapping | str):
        raise refuse("segments", segments, "a DataFrame or a list of rows")
    rows = list(segments)
    if not all(isinstance(r, Mapping) for r in rows):
        raise refuse("segments", segments, "a DataFrame or a list of rows")
    return [dict(r) for r in rows]


def _number(argument: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise refuse(argument, value, "a finite number") from None
    if not np.isfinite(number) or isinstance(value, bool):
        raise refuse(argument, value, "a finite number")
    return number
