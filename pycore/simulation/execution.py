"""Where the shards of a run are computed and kept: here, on a cluster, in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from pycore.simulation import interaction
from pycore.simulation.checkpoint import Checkpoint
from pycore.simulation.cluster import by_workers
from pycore.simulation.network import Network
from pycore.simulation.shards import I64, Report, Shard, Work, add, compute

__all__ = ["run"]

# Ledgers that the shards of one call of the machine may take together.
_BYTES_AT_ONCE = 2**27


def run(
    work: Work,
    *,
    threads: int = 0,
    report: Report | None = None,
    network: Network | None = None,
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
    network : Network, optional
        Who hears whom, where consumers influence each other.  These meet in every period, so the
        machine is given all of them at once; there are no shards to keep or to send.
    checkpoint : path, optional
        Folder that finished shards are kept in and taken from.
    client : dask.distributed.Client, optional
        Workers to compute on, one thread per shard.
    """
    if work.program.coupling is not None:
        return interaction.run(work, network=network, threads=threads, report=report)
    shape = (len(work.counts), work.batches, *work.shape[1:])
    ledger = np.zeros(work.shape, dtype=np.int64)
    if checkpoint is None and client is None:
        whole = Shard(0, 0, work.consumers)
        add(work, ledger, whole, compute(work, [whole], threads=threads, report=report)[0])
        return ledger.reshape(shape)
    with ExitStack() as stack:
        folder = None if checkpoint is None else stack.enter_context(Checkpoint(checkpoint, work))
        missing, done = set(work.shards), 0
        for shard, rows in folder.finished() if folder else ():
            add(work, ledger, shard, rows)
            missing.discard(shard)
            done += shard.consumers
        if report:
            report(done, work.consumers)
        todo = sorted(missing)
        source = (
            by_workers(client, work, todo)
            if client is not None
            else _here(work, todo, threads, report)
        )
        for shard, rows in source:
            if folder:
                folder.keep(shard, rows)
            add(work, ledger, shard, rows)
            done += shard.consumers
            if report and client is not None:  # the machine itself reports in finer steps
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
