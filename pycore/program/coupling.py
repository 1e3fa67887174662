"""How consumers influence each other: what is summed, the shared equations, who hears whom.

An environment is a scalar input of the program that changes from period to period: when a period is
over, exact sums over consumers are turned into numbers, a short scalar code computes the next values,
and the next period reads them.  A signal is the same with a sum of one's own for every consumer: over
her neighbours, into a lane register that step code reads and never writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_COMMUNITY", "Aggregate", "AggregateKind", "Coupling", "Signal", "aggregated"]

AggregateKind = Literal["average", "total", "share"]
KINDS: tuple[AggregateKind, ...] = get_args(AggregateKind)
MAX_COMMUNITY = 16_384
Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A sum record as a number: divided by the active consumers, by nothing, or by all at first."""

    kind: AggregateKind
    record: int


@dataclass(frozen=True, slots=True)
class Signal:
    """What consumers tell their neighbours.

    ``source`` is read after a step in steps of 2^-``exponent``; the average or total over a
    consumer's active neighbours stands in ``target`` in the next step.
    """

    name: str
    kind: AggregateKind
    source: int
    target: int
    exponent: int


@dataclass(frozen=True, slots=True)
class Coupling:
    """The part of a program that knows more than one consumer.

    Parameters
    ----------
    environments : tuple of str
        Names, in the order of ``inputs`` and ``results``.
    inputs : tuple of int
        Scalar inputs in which consumers find each environment's value of the period before.
    results : tuple of int
        Scalar registers in which ``code`` leaves the next values.
    aggregates : tuple of Aggregate
        They fill the scalar registers that follow those of the program, in order.
    code : tuple of rows
        Scalar code, run when a period is over on the scalar file of that period.
    n_scalars : int
        Size of the scalar file with aggregates and what ``code`` computes.
    community : int
        Consumers in a community; 0 if all consumers of a scenario and draw share environments.
    signals : tuple of Signal
        What passes between neighbours.
    """

    environments: tuple[str, ...] = ()
    inputs: tuple[int, ...] = ()
    results: tuple[int, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    code: tuple[Row, ...] = ()
    n_scalars: int = 0
    community: int = 0
    signals: tuple[Signal, ...] = ()

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Coupling:
        """Coupling from plain JSON data."""
        return cls(
            environments=tuple(data.pop("environments")),
            inputs=tuple(data.pop("inputs")),
            results=tuple(data.pop("results")),
            aggregates=tuple(Aggregate(**a) for a in data.pop("aggregates")),
            signals=tuple(Signal(**s) for s in data.pop("signals")),
            code=tuple(tuple(row) for row in data.pop("code")),
            **data,
        )


def aggregated(
    kinds: Iterable[AggregateKind],
    sums: Iterable[Any],
    exponents: Iterable[int],
    active: Any,
    everybody: Any,
) -> list[npt.NDArray[np.float32]]:
    """Fixed-point sums → the numbers that environments compute with, one per aggregate.

    Parameters
    ----------
    kinds, sums, exponents : iterables
        What each aggregate is, its int64 sums (any shape) and their steps 2^-exponent.
    active, everybody : int64 arrays or int
        Active consumers in the period, and consumers at the start.

    Returns
    -------
    list of float32 arrays
        The average over nobody is 0.
    """
    found = []
    for kind, total, exponent in zip(kinds, sums, exponents, strict=True):
        value = np.asarray(total, dtype=np.int64).astype(np.float64) * 2.0**-exponent
        if kind != "total":
            size = np.asarray(active if kind == "average" else everybody, dtype=np.int64)
            value = value / np.maximum(size, 1).astype(np.float64)
        found.append(value.astype(np.float32))
    return found
