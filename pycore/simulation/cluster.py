"""Shards computed by the workers of a dask cluster.

A task carries all it needs, so that a worker that dies takes nothing with it that another one
cannot do again; results are added by the caller, as integers, in whatever order they come.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import pycore
from pycore.errors import InputError, refuse
from pycore.program.program import Program
from pycore.simulation.shards import I64, Shard, Work, compute

__all__ = ["by_workers"]

# Tasks waiting at each thread: enough that none idles, few enough for the scheduler's memory.
_AHEAD = 3


def by_workers(client: Any, work: Work, todo: Sequence[Shard]) -> Iterator[tuple[Shard, I64]]:
    """Compute shards on the workers of a client and yield them as they are finished.

    Parameters
    ----------
    client : dask.distributed.Client
        A connected client.
    work : Work
        The run.
    todo : sequence of Shard
        Which shards of it.

    Raises
    ------
    InputError
        If the client cannot be used, or a worker has another version of pycore or none.
    """
    _require_client(client)
    from distributed import as_completed

    program = work.program.to_json()
    run = secrets.token_hex(6)
    waiting = iter(todo)
    running: dict[Any, Shard] = {}

    def submit() -> Any:
        shard = next(waiting, None)
        if shard is None:
            return None
        part, place = work.part(shard)
        cells = (part.inputs, part.counts, part.segments, part.batches, part.periods, part.seed)
        future = client.submit(
            _compute_part, program, work.program.digest, pycore.__version__, cells, place,
            pure=False, key=f"pycore-{run}-{shard.number}",
        )  # fmt: skip
        running[future] = shard
        return future

    finished = as_completed()
    try:
        for _ in range(_AHEAD * max(2, sum(client.nthreads().values()))):
            if (future := submit()) is not None:
                finished.add(future)
        for future in finished:
            try:
                rows = future.result()
            except (ImportError, AttributeError) as error:
                raise InputError(
                    f"client: received a worker without this pycore ({error}), allowed are "
                    "workers with the same packages as here"
                ) from None
            shard = running.pop(future)
            if (following := submit()) is not None:
                finished.add(following)
            yield shard, rows
    finally:
        if running:
            with suppress(Exception):  # a connection that is gone has nothing left to cancel
                client.cancel(list(running))


def _require_client(client: Any) -> None:
    if not all(hasattr(client, name) for name in ("submit", "cancel", "nthreads")):
        raise refuse("client", client, "a dask.distributed.Client, or None")
    if getattr(client, "status", None) != "running" or getattr(client, "asynchronous", False):
        raise refuse("client", client, "a client that is connected and not asynchronous")


def _compute_part(
    program: str, digest: str, version: str, cells: tuple[Any, ...], shard: Shard
) -> I64:
    """Run on a worker: one shard, one thread, the same bits as anywhere."""
    mine = _program(program)
    if (pycore.__version__, mine.digest) != (version, digest):
        raise InputError(
            f"client: received a worker with pycore {pycore.__version__} and program "
            f"{mine.digest[:12]}…, allowed is pycore {version} and program {digest[:12]}…, as here"
        )
    return compute(Work(mine, *cells), [shard], threads=1)[0]


@lru_cache(maxsize=4)
def _program(text: str) -> Program:
    return Program.from_json(text)
