"""Where the shards of a run are computed and kept: here, on a cluster, in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from pycore.errors import InputError
from pycore.simulation.checkpoint import Checkpoint
from pycore.simulation.cluster import Spread, WorkerLost, by_workers
from pycore.simulation.interaction import require_memory
from pycore.simulation.shards import I64, Report, Shard, Work, add, compute
from pycore.simulation.society import Here, live
from pycore.simulation.state import State

__all__ = ["run"]

# Ledgers that the shards of one call of the machine may take together.
_BYTES_AT_ONCE = 2**27
# Workers that a society may lose before a state of it is kept.
_LOSSES = 5


def run(
    work: Work,
    *,
    threads: int = 0,
    report: Report | None = None,
    checkpoint: Any = None,
    client: Any = None,
) -> I64:
    """Ledger of a whole run, of shape (cells, batches, periods, width).

    Parameters
    ----------
    work : Work
        The run.
    threads : int
        Threads of this process; 0 for all the processor offers.
    report : callable, optional
        Told (done, total) consumers; what was found on disk counts as done.
    checkpoint : path, optional
        Folder that finished shards, and states of societies, are kept in and taken from.
    client : dask.distributed.Client, optional
        Workers to compute on, one thread per shard, or all of all workers per society.
    """
    if work.program.coupling is not None and client is None:
        require_memory(work, threads)
    shape = (len(work.counts), work.batches, *work.shape[1:])
    ledger = np.zeros(work.shape, dtype=np.int64)
    if checkpoint is None and client is None:
        whole = Shard(0, 0, work.consumers)
        add(work, ledger, whole, compute(work, [whole], threads=threads, report=report)[0])
        return ledger.reshape(shape)
    with ExitStack() as stack:
        folder = None if checkpoint is None else stack.enter_context(Checkpoint(checkpoint, work))
        missing, done = set(work.shards), 0
        if folder:
            for shard, rows in folder.finished():
                add(work, ledger, shard, rows)
                missing.discard(shard)
                # It is there still if the run was killed between keeping the one and removing it.
                folder.state(shard).forget()
                done += shard.consumers
        if report:
            report(done, work.consumers)
        todo = sorted(missing)
        if work.divided:
            source = _societies(work, todo, threads, folder, client, report)
        elif client is not None:
            source = by_workers(client, work, todo)
        else:
            source = _here(work, todo, threads, report)
        for shard, rows in source:
            if folder:
                folder.keep(shard, rows)
            add(work, ledger, shard, rows)
            done += shard.consumers
            if report and (client is not None or work.divided):  # elsewhere the machine does
                report(done, work.consumers)
    return ledger.reshape(shape)


def _here(
    work: Work, todo: list[Shard], threads: int, report: Report | None
) -> Iterator[tuple[Shard, I64]]:
    """As many shards at once as there are threads, so that no thread waits for the last block."""
    cell_bytes = 8 * work.batches * work.periods * work.program.width
    most = max(1, _BYTES_AT_ONCE // cell_bytes)
    size = min(threads or os.cpu_count() or 1, most)
    before = work.consumers - sum(shard.consumers for shard in todo)
    for first in range(0, len(todo), size):
        group = todo[first : first + size]

        def told(done: int, _: int, before: int = before) -> None:
            if report:
                report(before + done, work.consumers)

        yield from zip(group, compute(work, group, threads=threads, report=told), strict=True)
        before += sum(shard.consumers for shard in group)


def _societies(
    work: Work,
    todo: list[Shard],
    threads: int,
    folder: Checkpoint | None,
    client: Any,
    report: Report | None,
) -> Iterator[tuple[Shard, I64]]:
    """One society after the other, period by period, here or spread over workers."""
    before = work.consumers - sum(shard.consumers for shard in todo)
    for shard in todo:
        society, whole = work.part(shard)
        state = folder.state(shard) if folder else None
        most = before

        def told(done: int, _: int, before: int = before) -> None:
            nonlocal most
            if report and before + done > most:  # no way back after the loss of a worker
                most = before + done
                report(most, work.consumers)

        if client is None:
            rows = live(society, Here(society, threads), state=state, report=told)
        else:
            rows = _spread(society, client, state, told)
        first, last = society.rows(whole)
        yield shard, rows[first:last]
        if state:
            state.forget()
        before += shard.consumers


def _spread(society: Work, client: Any, state: State | None, report: Report) -> I64:
    """A society on workers; when one is lost, again from the state kept last, or from the start."""
    lost, kept = 0, state.kept if state else 0
    while True:
        try:
            with Spread(client, society) as parts:
                return live(society, parts, state=state, report=report)
        except WorkerLost as loss:
            if state and state.kept > kept:
                lost, kept = 0, state.kept
            lost += 1
            if lost > _LOSSES:
                raise InputError(
                    f"client: received workers of which {lost} died (the last at {loss}), allowed "
                    "are workers that stay while a state is kept; checkpoint= keeps them"
                ) from None
