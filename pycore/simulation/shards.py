"""Shards: a run cut into pieces that add up to it, bit for bit.

Line up all consumers of a run, cell after cell; a shard is a stretch of that line.  Neighbours on
the line share a row of the ledger (cell and batch) or have rows next to each other, so a shard
fills a stretch of rows, and the rows of all shards, added as integers, are the ledger.

Consumers who meet are in one shard: whole communities, or whole societies (all consumers of a
scenario and draw).  A society larger than a shard is one by itself, see :mod:`society`.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from pycore.errors import InputError
from pycore.program.program import Program
from pycore.simulation.dataset import cell_labels
from pycore.simulation.network import Network

__all__ = ["Shard", "Work", "add", "checked_sum", "compute", "refused"]

# Instructions of one shard, one consumer and period each: 1 to 2 seconds of a core with AVX2.
SHARD_INSTRUCTIONS = 2**32
# A folder of shards stays one that a file system lists, and holds, without trouble.
MOST_SHARDS = 2**16
MOST_BYTES = 2**34

_COARSER = "; give it a coarser resolution= in record()"

I64 = npt.NDArray[np.int64]
Table = npt.NDArray[np.float32]
Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """Consumers ``low`` to ``high`` (excluded) of the line."""

    number: int
    low: int
    high: int

    @property
    def consumers(self) -> int:
        """How many they are."""
        return self.high - self.low


@dataclass(frozen=True)
class Work:
    """All that the machine is given: the ledger depends on this and on nothing else.

    Parameters
    ----------
    program : Program
        What to run.
    inputs : sequence of float32 arrays, one per cell, shape (1 or periods, inputs)
        Scalar inputs of every cell (scenario × draw × segment).
    counts, segments : sequence of int, one per cell
        Consumers of the cell and number of its segment.
    batches, periods, seed : int
        Slices of every cell, length of the lives, key of the random numbers.
    network : Network, optional
        Who hears whom, where consumers influence their neighbours.

    Examples
    --------
    Three shards of ten consumers in two cells, by hand; by default a shard is far larger:

    >>> import pycore as pc
    >>> from pycore.program.compile import compile_model
    >>> m = pc.Model("coin")
    >>> m.record(m.event("heads", probability=0.5))
    >>> table = np.zeros((1, 0), dtype=np.float32)
    >>> work = Work(compile_model(m), [table, table], [6, 4], [0, 1], 2, 1, 7)
    >>> ledger = np.zeros(work.shape, dtype=np.int64)
    >>> for part in (Shard(0, 0, 4), Shard(1, 4, 8), Shard(2, 8, 10)):
    ...     add(work, ledger, part, compute(work, [part], threads=1)[0])
    >>> ledger[:, 0].tolist()  # cells × batches; active and heads
    [[3, 2], [3, 2], [2, 1], [2, 1]]
    """

    program: Program
    inputs: Sequence[Table]
    counts: Sequence[int]
    segments: Sequence[int]
    batches: int
    periods: int
    seed: int
    network: Network | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Ledger: rows (cell and batch), periods, cells of a period."""
        return len(self.counts) * self.batches, self.periods, self.program.width

    @cached_property
    def edges(self) -> list[int]:
        """Where each cell begins on the line, and where the last one ends."""
        return [0, *accumulate(self.counts)]

    @property
    def consumers(self) -> int:
        """Length of the line."""
        return self.edges[-1]

    @property
    def community(self) -> int:
        """Consumers of a community; 0 where there is none."""
        return self.program.coupling.community if self.program.coupling is not None else 0

    @cached_property
    def societies(self) -> list[int]:
        """First cell of each scenario and draw, and the end."""
        first = [c for c, segment in enumerate(self.segments) if c == 0 or segment == 0]
        return [*first, len(self.segments)]

    @property
    def society(self) -> int:
        """Consumers of a scenario and draw."""
        return self.edges[self.societies[1]]

    @cached_property
    def shard_size(self) -> int:
        """Consumers that a shard has, about."""
        per_consumer = self.periods * max(1, len(self.program.step_code))
        row_bytes = 8 * self.periods * self.program.width
        most = max(1, min(MOST_SHARDS, MOST_BYTES // row_bytes))
        return max(1, SHARD_INSTRUCTIONS // per_consumer, -(-self.consumers // most))

    @property
    def divided(self) -> bool:
        """Whether societies are larger than shards, so that each is lived period by period."""
        if self.program.coupling is None or self.community:
            return False
        return max(self.edges[b] - self.edges[a] for a, b in pairwise(self.societies)) > (
            self.shard_size
        )

    @cached_property
    def shards(self) -> list[Shard]:
        """The pieces of the run; they depend on its settings only."""
        cuts = {self._cut(k) for k in range(0, self.consumers, self.shard_size)}
        ends = pairwise([*sorted(cuts), self.consumers])
        return [Shard(k, low, high) for k, (low, high) in enumerate(ends)]

    def _cut(self, place: int) -> int:
        """The nearest place, not after this one, where nobody meets across it."""
        if self.program.coupling is None:
            return place
        cell = bisect_right(self.edges, place) - 1
        if self.community:
            start = self.edges[cell]
            return start + (place - start) // self.community * self.community
        return self.edges[self.societies[bisect_right(self.societies, cell) - 1]]

    def rows(self, shard: Shard) -> tuple[int, int]:
        """First and last row (excluded) of the ledger that a shard may fill."""
        first, last = self.cells(shard)
        low = self._batch(first, shard.low - self.edges[first])
        high = self._batch(last, shard.high - 1 - self.edges[last])
        return first * self.batches + low, last * self.batches + high + 1

    def part(self, shard: Shard) -> tuple[Work, Shard]:
        """Only the cells of a shard, and the shard on their line: what a worker is sent."""
        first, last = self.cells(shard)
        cells = slice(first, last + 1)
        start = self.edges[first]
        return (
            Work(self.program, self.inputs[cells], self.counts[cells], self.segments[cells],
                 self.batches, self.periods, self.seed, self.network),
            Shard(shard.number, shard.low - start, shard.high - start),
        )  # fmt: skip

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What must agree for two ledgers to be pieces of one, in plain data."""
        inputs = hashlib.sha256()
        for table in self.inputs:
            inputs.update(repr(table.shape).encode() + table.astype("<f4").tobytes())
        return {
            "model": self.program.name,
            "program_sha256": self.program.digest,
            "inputs_sha256": inputs.hexdigest(),
            "counts": list(self.counts),
            "segments": list(self.segments),
            "batches": self.batches,
            "periods": self.periods,
            "seed": self.seed,
            "network": None if self.network is None else self.network.to_json(),
            "shards": len(self.shards),
        }

    @cached_property
    def listeners(self) -> dict[str, Any]:
        """The network as the machine takes it, of one society."""
        if self.network is None:
            return {}
        if self.network.kind == "hashed":
            return {"hashed": (self.network.degree, self.network.seed)}
        return {"listed": self.network.listed(self.society)}

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the identity."""
        return hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).digest()

    def cells(self, shard: Shard) -> tuple[int, int]:
        """First and last cell that a shard touches."""
        return bisect_right(self.edges, shard.low) - 1, bisect_right(self.edges, shard.high - 1) - 1

    def _batch(self, cell: int, number: int) -> int:
        """Batch b of n consumers, or communities, holds those from ⌊n·b/B⌋ to ⌊n·(b + 1)/B⌋."""
        size = self.community or 1
        return ((number // size + 1) * self.batches - 1) // -(-self.counts[cell] // size)


def compute(
    work: Work, shards: Sequence[Shard], *, threads: int, report: Report | None = None
) -> list[I64]:
    """Rows of some shards, in one call of the machine.

    Parameters
    ----------
    work : Work
        The run.
    shards : sequence of Shard
        Which of it.
    threads : int
        Threads; 0 for all the processor offers.
    report : callable, optional
        Told (done, total) consumers of these shards.

    Returns
    -------
    list of int64 arrays of shape (rows, periods, width)
        One per shard, for :func:`add`.
    """
    from pycore import _core

    cells: list[int] = []
    low: list[int] = []
    high: list[int] = []
    first = [0]
    for shard in shards:
        start, last = work.cells(shard)
        for cell in range(start, last + 1):
            cells.append(cell)
            low.append(max(shard.low, work.edges[cell]) - work.edges[cell])
            high.append(min(shard.high, work.edges[cell + 1]) - work.edges[cell])
        first.append(len(cells))
    run: Callable[..., I64] = _core.run
    what: list[Any] = [
        work.program.to_core(),
        [work.inputs[c] for c in cells],
        np.asarray([work.counts[c] for c in cells], dtype=np.uint64),
        np.asarray([work.segments[c] for c in cells], dtype=np.uint32),
        work.batches,
        work.periods,
        work.seed,
    ]
    coupled: dict[str, Any] = {}
    if (c := work.program.coupling) is not None:
        run = _core.run_coupled
        society = [bisect_right(work.societies, cell) for cell in cells]
        rises = [b != a or work.community > 0 for a, b in pairwise(society)]
        what.insert(4, np.cumsum([0, *rises]).astype(np.uint32))
        coupled = {"environments": c.environments, "signals": [s.name for s in c.signals]}
        coupled |= work.listeners
    try:
        raw = run(
            *what,
            lo=np.asarray(low, dtype=np.uint64),
            hi=np.asarray(high, dtype=np.uint64),
            threads=threads,
            progress=report,
            **coupled,
        )
    except ValueError as error:
        raise refused(error) from None
    found = []
    for shard, (a, b) in zip(shards, pairwise(first), strict=True):
        begin, end = (row - cells[a] * work.batches for row in work.rows(shard))
        found.append(raw[a:b].reshape(-1, *work.shape[1:])[begin:end])
    return found


def add(work: Work, ledger: I64, shard: Shard, rows: I64) -> None:
    """Add a shard to the ledger; a sum that passes 2⁶³ is an error that names the record."""
    first, last = work.rows(shard)
    ledger[first:last] = checked_sum(work.program, ledger[first:last], rows)


def checked_sum(program: Program, one: I64, other: I64) -> I64:
    """Sum of ledger rows (…, width); one that passes 2⁶³ is an error that names the record."""
    total = one + other
    # An integer sum has wrapped if its sign is that of neither term.
    wrapped = ((one ^ total) & (other ^ total)) < 0
    if wrapped.any():
        place = int(np.argwhere(wrapped)[0][-1])
        raise InputError(f"record {cell_labels(program)[place]!r}: its sum passes 2^63{_COARSER}")
    return total


def refused(error: ValueError) -> InputError:
    """What the machine said, with advice where there is any."""
    text = str(error)
    return InputError(text + (_COARSER if "out of range" in text or "2^63" in text else ""))
