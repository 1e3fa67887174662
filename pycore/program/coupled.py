"""The oracle of coupled programs: all consumers of a group period by period, in plain NumPy.

A group is who shares environments: all consumers of a scenario and draw, or one community.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pycore.errors import InputError
from pycore.program.coupling import Coupling, aggregated
from pycore.program.interpret import (
    F32,
    NETWORK,
    Lives,
    aggregate,
    consumer_ids,
    fixed,
    run_scalar_code,
    scalar_files,
)
from pycore.program.philox import philox
from pycore.program.program import Program

__all__ = ["Hashed", "Listed", "batch_edges", "following", "run"]

I64 = npt.NDArray[np.int64]


class Neighbours(Protocol):
    """Who listens to whom; consumers are numbered cell by cell."""

    def of(self, nodes: I64, size: int) -> tuple[I64, I64]:
        """Position in ``nodes`` and neighbour, one pair for each edge."""


@dataclass(frozen=True)
class Listed:
    """Neighbours of node i at ``targets[starts[i]:starts[i + 1]]``."""

    starts: I64
    targets: npt.NDArray[np.uint32]

    def of(self, nodes: I64, size: int) -> tuple[I64, I64]:  # noqa: ARG002
        """Edges of nodes as pairs."""
        count = self.starts[nodes + 1] - self.starts[nodes]
        place = np.repeat(np.arange(len(nodes)), count)
        within = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
        return place, self.targets[np.repeat(self.starts[nodes], count) + within].astype(np.int64)


@dataclass(frozen=True)
class Hashed:
    """``degree`` others drawn for each node by Philox, with replacement; nothing is stored."""

    degree: int
    seed: int

    def of(self, nodes: I64, size: int) -> tuple[I64, I64]:
        """Edges of nodes as pairs."""
        calls = -(-self.degree // 4)
        words = np.concatenate(
            [philox(nodes.astype(np.uint64), k, NETWORK, 0, self.seed) for k in range(calls)]
        )[: self.degree].astype(np.int64)
        other = words * (size - 1) >> 32
        other += other >= nodes
        place = np.repeat(np.arange(len(nodes)), self.degree)
        return place, np.minimum(other, size - 1).T.ravel()


@dataclass
class _Piece:
    """Consumers of one cell and batch."""

    cell: int
    batch: int
    low: int
    high: int
    node: int


def batch_edges(count: int, batches: int, community: int) -> list[int]:
    """First consumer of each batch and the end; batches hold whole communities."""
    if not community:
        return [count * b // batches for b in range(batches + 1)]
    communities = -(-count // community)
    return [min(count, communities * b // batches * community) for b in range(batches + 1)]


def run(
    program: Program,
    inputs: Sequence[F32],
    counts: npt.NDArray[np.uint64],
    segments: npt.NDArray[np.uint32],
    groups: npt.NDArray[np.uint32],
    batches: int,
    periods: int,
    seed: int,
    network: Neighbours | None = None,
) -> I64:
    """Ledger of a coupled program, as :func:`pycore.program.interpret.run` of an uncoupled one.

    ``groups`` says which cells (of one scenario and draw) belong together; it rises from 0.
    """
    assert program.coupling is not None
    ledger = np.zeros((len(inputs), batches, periods, program.width), dtype=np.int64)
    community = program.coupling.community
    for group in range(int(groups.max()) + 1 if len(groups) else 0):
        pieces: list[_Piece] = []
        node = 0
        for cell in np.flatnonzero(groups == group).tolist():
            n = int(counts[cell])
            for b, (low, high) in enumerate(pairwise(batch_edges(n, batches, community))):
                for first in range(low, high, community or max(n, 1)):
                    last = min(first + community, high) if community else high
                    pieces.append(_Piece(cell, b, first, last, node + first))
            node += n
        for together in [[p] for p in pieces] if community else [pieces]:
            _Group(program, inputs, segments, together, seed, network).run(periods, ledger)
    return ledger


class _Group:
    """Consumers who share environments."""

    def __init__(
        self,
        program: Program,
        inputs: Sequence[F32],
        segments: npt.NDArray[np.uint32],
        pieces: list[_Piece],
        seed: int,
        network: Neighbours | None,
    ) -> None:
        assert program.coupling is not None
        self.program, self.coupling = program, program.coupling
        self.inputs, self.segments, self.pieces, self.seed = inputs, segments, pieces, seed
        self.network = network
        self.everybody = sum(p.high - p.low for p in pieces)
        self.cells = sorted({p.cell for p in pieces})
        self.lives: list[Lives] = []

    def run(self, periods: int, ledger: I64) -> None:
        """Add the group's periods to the ledger."""
        if not self.pieces:
            return
        shared = None
        for period in range(periods):
            files = {cell: self._file(cell, period, shared) for cell in self.cells}
            if period == 0:
                self.lives = [self._start(p, files[p.cell]) for p in self.pieces]
            total = np.zeros(self.program.width, dtype=np.int64)
            for piece, lives in zip(self.pieces, self.lives, strict=True):
                row = np.zeros_like(total)
                if lives.ids.size:
                    lives.step(period, files[piece.cell])
                    aggregate(self.program, lives.lanes, period, row)
                ledger[piece.cell, piece.batch, period] += row
                total += row
            file = files[self.cells[0]][:, None]
            shared = following(self.program, file, total[:, None], self.everybody)[:, 0]
            self._check(shared, period)
            first = self.pieces[0]
            self._record(shared, period, ledger[first.cell, first.batch, period])
            self._tell(period)
            for lives in self.lives:
                lives.drop_leavers()

    def _file(self, cell: int, period: int, shared: F32 | None) -> F32:
        table = self.inputs[cell]
        row = table[period if len(table) > 1 else 0].copy()
        if shared is not None:
            row[list(self.coupling.inputs)] = shared
        return scalar_files(self.program, row[None])[:, 0]

    def _start(self, piece: _Piece, file: F32) -> Lives:
        numbers = np.arange(piece.low, piece.high)
        ids = consumer_ids(int(self.segments[piece.cell]), numbers)
        return Lives(self.program, ids, self.seed, file, coupled=True)

    def _check(self, shared: F32, period: int) -> None:
        for name, value in zip(self.coupling.environments, shared, strict=True):
            if not np.isfinite(value):
                raise InputError(f"environment {name!r} is not finite in period {period}")

    def _record(self, shared: F32, period: int, cells: I64) -> None:
        for record in self.program.records:
            if record.kind == "shared":
                value = shared[record.register : record.register + 1]
                at = self.program.offsets[record.name]
                cells[at] += fixed(value, record.exponent, record.name, period)[0]
                cells[at + 1] += 1

    def _tell(self, period: int) -> None:
        """Give every consumer what her active neighbours said in this period."""
        if not self.coupling.signals:
            return
        assert self.network is not None
        active = np.zeros(self.everybody, dtype=np.int64)
        nodes = [
            p.node + lives.rows for p, lives in zip(self.pieces, self.lives, strict=True)
        ]  # fmt: skip
        for now in nodes:
            active[now] = 1
        for signal in self.coupling.signals:
            said = np.zeros(self.everybody, dtype=np.int64)
            for lives, now in zip(self.lives, nodes, strict=True):
                said[now] = fixed(lives.lanes[signal.source], signal.exponent, signal.name, period)
            for lives, now in zip(self.lives, nodes, strict=True):
                place, other = self.network.of(now, self.everybody)
                heard = np.zeros(len(now), dtype=np.int64)
                speakers = np.zeros(len(now), dtype=np.int64)
                np.add.at(heard, place, said[other] * active[other])
                np.add.at(speakers, place, active[other])
                [value] = aggregated([signal.kind], [heard], [signal.exponent], speakers, 1)
                lives.lanes[signal.target] = value


def following(program: Program, files: F32, rows: I64, everybody: I64 | int) -> F32:
    """Next values of the environments.

    Parameters
    ----------
    program : Program
        A coupled program.
    files : float32 array of shape (n_scalars, groups)
        Scalar registers of the period that is over.
    rows : int64 array of shape (width, groups)
        Ledger of the period, added up over the group.
    everybody : int or int64 array of shape (groups,)
        Consumers of the group at the start.

    Returns
    -------
    float32 array of shape (environments, groups)
    """
    c: Coupling | None = program.coupling
    assert c is not None
    records = [program.records[a.record] for a in c.aggregates]
    known = np.zeros((c.n_scalars, files.shape[1]), dtype=np.float32)
    known[: len(files)] = files
    numbers = aggregated(
        [a.kind for a in c.aggregates], [rows[program.offsets[r.name]] for r in records],
        [r.exponent for r in records], rows[0], everybody,
    )  # fmt: skip
    for k, number in enumerate(numbers):
        known[len(files) + k] = number
    run_scalar_code(c.code, known)
    return known[list(c.results)]
