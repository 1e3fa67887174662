"""Societies too large for one call of the machine: all live one period, then the next.

A society is divided into parts, here or on the workers of a cluster, each of which keeps its
consumers in its own memory.  When a period is over, the exact sums of all parts are added, the next
environments are computed from them, and every part is told; where neighbours hear each other, also
what the consumers of the other parts said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pycore.errors import InputError
from pycore.program.program import Program
from pycore.simulation.interaction import next_environments, require_memory
from pycore.simulation.shards import I64, Report, Shard, Work, checked_sum, refused
from pycore.simulation.state import State

__all__ = ["Here", "Part", "Parts", "live", "stretches"]

F32 = npt.NDArray[np.float32]
U32 = npt.NDArray[np.uint32]
Stretch = tuple[int, int]
# First consumer and end of a part, and what they said to their neighbours, as words.
Said = tuple[int, int, U32]

# States are kept in this many stretches of a society, whoever holds them; parts begin at their edges.
STRETCHES = 1024
# Consumers whose states are moved at once: some tens of megabytes.
AT_ONCE = 2**20


def stretches(consumers: int) -> list[Stretch]:
    """First consumer and end of each stretch.

    Examples
    --------
    >>> stretches(3)
    [(0, 1), (1, 2), (2, 3)]
    """
    cuts = sorted({consumers * k // STRETCHES for k in range(STRETCHES + 1)})
    return list(pairwise(cuts))


class Part:
    """Some consumers of a society, in the memory of this process.

    Parameters
    ----------
    work : Work
        One society.
    low, high : int
        Consumers of it, as a stretch of its line.
    threads : int
        Threads; 0 for all the processor offers.

    Raises
    ------
    InputError
        If they do not fit into memory.
    """

    def __init__(self, work: Work, low: int, high: int, threads: int) -> None:
        from pycore import _core

        require_memory(work, threads, part=(high - low) / work.consumers, networks=2)
        assert work.program.coupling is not None
        edges, self._lives = np.asarray(work.edges), Shard(0, low, high)
        self._heard = bool(work.program.coupling.signals) and high - low < work.consumers
        self._first, last = work.rows(self._lives)
        self._rows = np.zeros((last - self._first, *work.shape[1:]), dtype=np.int64)
        self._cohort = _core.Cohort(
            work.program.to_core(),
            list(work.inputs),
            np.asarray(work.counts, dtype=np.uint64),
            np.asarray(work.segments, dtype=np.uint32),
            work.batches,
            work.periods,
            work.seed,
            signals=[s.name for s in work.program.coupling.signals],
            lo=(np.clip(low, edges[:-1], edges[1:]) - edges[:-1]).astype(np.uint64),
            hi=(np.clip(high, edges[:-1], edges[1:]) - edges[:-1]).astype(np.uint64),
            threads=threads,
            **work.listeners,
        )

    def live(self, environments: F32, said: Sequence[Said]) -> tuple[I64, Said | None]:
        """Live the next period, after hearing what was said in all parts in the one before.

        Returns sums over the part, of shape (width,), and what is said in it.
        """
        for low, high, words in said:
            if low != self._lives.low:
                self._cohort.hear(low, high, words)
        period = self._cohort.period
        try:
            rows, total = self._cohort.live(environments)
        except ValueError as error:
            raise refused(error) from None
        self._rows[:, period] = rows[self._first : self._first + len(self._rows)]
        return total, self.said()

    def said(self) -> Said | None:
        """First consumer and end of the part, and what they said, if any hear it elsewhere."""
        return (self._lives.low, self._lives.high, self._cohort.said()) if self._heard else None

    def rows(self) -> tuple[int, I64]:
        """First row of the society's ledger that the part fills, and its rows."""
        return self._first, self._rows

    def states(self, places: Sequence[Stretch]) -> list[U32]:
        """What some stretches of consumers carry into the next period, as words."""
        return [self._cohort.state(low, high) for low, high in places]

    def restore(self, periods: int, places: Sequence[Stretch], words: Sequence[U32]) -> None:
        """Put back what :meth:`states` gave after so many periods, stretch after stretch."""
        for (low, high), stretch in zip(places, words, strict=True):
            self._cohort.restore(periods, low, high, stretch)


class Parts(Protocol):
    """The parts of a society, wherever they are; each holds the next consumers of its line."""

    @property
    def edges(self) -> Sequence[int]:
        """First consumer of each part, and the end."""

    def each(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of every :class:`Part` at the same time."""

    def one(self, part: int, method: str, *arguments: Any) -> Any:
        """Call a method of one of them."""


class Here:
    """A society in one part, in this process."""

    def __init__(self, work: Work, threads: int) -> None:
        self.edges = (0, work.consumers)
        self._part = Part(work, 0, work.consumers, threads)

    def each(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of the part."""
        return [self.one(0, method, *arguments)]

    def one(self, part: int, method: str, *arguments: Any) -> Any:  # noqa: ARG002
        """Call a method of the part."""
        return getattr(self._part, method)(*arguments)


def live(
    work: Work, parts: Parts, *, state: State | None = None, report: Report | None = None
) -> I64:
    """Rows of the ledger of one society.

    Parameters
    ----------
    work : Work
        The society: all its cells and no others.
    parts : Parts
        Its consumers, before their first period.
    state : State, optional
        Where the states of consumers are kept now and then, and taken from at the start.
    report : callable, optional
        Told (done, total) consumers.

    Returns
    -------
    int64 array of shape (rows, periods, width)

    Raises
    ------
    InputError
        If an environment is not finite or an aggregate leaves its range; both are named.
    """
    program, everybody = work.program, work.consumers
    coupling = program.coupling
    assert coupling is not None
    rows = np.zeros(work.shape, dtype=np.int64)
    first = [next(t for t, n in zip(work.inputs, work.counts, strict=True) if n > 0)]
    shared: F32 | None = None

    def follow(period: int, sums: I64) -> F32:
        before = None if shared is None else shared[None]
        found: F32 = next_environments(program, first, period, before, sums[None], everybody)[0]
        for name, value in zip(coupling.environments, found, strict=True):
            if not np.isfinite(value):
                raise InputError(f"environment {name!r} is not finite in period {period}")
        return found

    lived = 0
    if state is not None and (kept := state.read(work.shape)) is not None:
        lived, rows[:, : kept.periods] = kept.periods, kept.rows
        try:
            _restore(parts, everybody, lived, kept.words)
        except ValueError:
            raise state.damaged() from None
    for period in range(lived):  # environments follow from the sums, so they are not kept
        shared = follow(period, rows[:, period].sum(axis=0))
    nobody = np.zeros(len(coupling.environments), dtype=np.float32)
    said: list[Said | None] = parts.each("said") if lived else []
    for period in range(lived, work.periods):
        if report:
            report(everybody * period // work.periods, everybody)
        total = np.zeros(program.width, dtype=np.int64)
        heard = [words for words in said if words is not None]
        lives = parts.each("live", nobody if shared is None else shared, heard)
        for sums, _ in lives:
            total = checked_sum(program, total, sums)
        said = [words for _, words in lives]
        shared = follow(period, total)
        if state is not None and period + 1 < work.periods and state.due():
            state.write(period + 1, _with(rows, program, parts), _states(parts, everybody))
    return _with(rows, program, parts)


def _with(rows: I64, program: Program, parts: Parts) -> I64:
    """Rows of the periods before the parts were made, and theirs."""
    found = rows.copy()
    for first, mine in parts.each("rows"):
        place = slice(first, first + len(mine))
        found[place] = checked_sum(program, found[place], mine)
    return found


def _states(parts: Parts, consumers: int) -> Iterator[U32]:
    for part, places in _placed(parts, consumers):
        yield from parts.one(part, "states", places)


def _restore(parts: Parts, consumers: int, periods: int, words: Iterator[U32]) -> None:
    for part, places in _placed(parts, consumers):
        parts.one(part, "restore", periods, places, list(islice(words, len(places))))
    if next(words, None) is not None:
        raise ValueError("more words than stretches")


def _placed(parts: Parts, consumers: int) -> Iterator[tuple[int, list[Stretch]]]:
    """All stretches in order, as many as are moved at once, with the part that holds them."""
    part = 0
    together: list[Stretch] = []
    for low, high in stretches(consumers):
        if together and (low == parts.edges[part + 1] or high - together[0][0] > AT_ONCE):
            yield part, together
            together = []
            part += low == parts.edges[part + 1]
        together.append((low, high))
    yield part, together
