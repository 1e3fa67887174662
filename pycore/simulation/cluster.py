"""Shards and societies computed by the workers of a dask cluster.

The task of a shard carries all it needs, so that a worker that dies takes nothing with it that
another one cannot do again; results are added by the caller, as integers, in whatever order they
come.  A society larger than a shard is spread: every worker keeps its part in memory, as an actor,
and all exchange their sums once per period, and on a network what was said.  A worker that dies takes
its part with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from types import TracebackType
from typing import Any

import numpy as np

import pycore
from pycore.errors import InputError, refuse
from pycore.program.program import Program
from pycore.simulation.shards import I64, Shard, Work, compute
from pycore.simulation.society import STRETCHES, Part, stretches

__all__ = ["Spread", "WorkerLost", "by_workers"]

# Tasks waiting at each thread: enough that none idles, few enough for the scheduler's memory.
_AHEAD = 3
# Seconds from one look at whether a silent worker is still there to the next, and for a first one.
_LOOK, _PATIENCE = 2.0, 120.0


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
        future = client.submit(
            _compute_part, program, work.program.digest, pycore.__version__, _cells(part), place,
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
                raise _other_packages(error) from None
            shard = running.pop(future)
            if (following := submit()) is not None:
                finished.add(following)
            yield shard, rows
    finally:
        if running:
            with suppress(Exception):  # a connection that is gone has nothing left to cancel
                client.cancel(list(running))


class Spread:
    """A society spread over the workers of a client, one part on each; to be used in ``with``.

    Parameters
    ----------
    client : dask.distributed.Client
        A connected client; a worker's threads all work on its part.
    work : Work
        The society.

    Raises
    ------
    WorkerLost
        By any call, when a worker has died and its consumers with it.
    """

    def __init__(self, client: Any, work: Work) -> None:
        _require_client(client)
        self._client, self._work = client, work
        self._futures: list[Any] = []
        self._actors: list[Any] = []
        self._addresses: list[str] = []
        self.edges: list[int] = []

    def __enter__(self) -> Spread:
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            raise refuse("client", self._client, "a client with at least one worker") from None
        places = _places(self._client)
        consumers, run = self._work.consumers, secrets.token_hex(6)
        program, cells = self._work.program.to_json(), _cells(self._work)
        ends = [0, *(high for _, high in stretches(consumers))]
        shares = np.cumsum([0, *(threads for _, threads in places)])
        self.edges = sorted({ends[s * (len(ends) - 1) // shares[-1]] for s in shares.tolist()})
        places = places[: len(self.edges) - 1]
        self._addresses = [address for address, _ in places]
        for k, (address, threads) in enumerate(places):
            future = self._client.submit(
                _PartAtWorker, program, self._work.program.digest, pycore.__version__, cells,
                self.edges[k], self.edges[k + 1], threads,
                actor=True, workers=[address], allow_other_workers=False, pure=False,
                key=f"pycore-{run}-part-{k}",
            )  # fmt: skip
            self._futures.append(future)
        try:
            self._actors = [self._wait(k, future) for k, future in enumerate(self._futures)]
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._release()

    def each(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of every part at the same time."""
        calls = [self._call(k, method, *arguments) for k in range(len(self._actors))]
        return [self._wait(k, call) for k, call in enumerate(calls)]

    def one(self, part: int, method: str, *arguments: Any) -> Any:
        """Call a method of one part."""
        return self._wait(part, self._call(part, method, *arguments))

    def _call(self, part: int, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._actors[part], method)(*arguments)
        except RuntimeError as error:  # an actor is asked for whose worker is known to be lost
            raise WorkerLost(self._addresses[part]) from error

    def _wait(self, part: int, call: Any) -> Any:
        address = self._addresses[part]
        while True:
            try:
                return call.result(timeout=_LOOK)
            except TimeoutError:
                gone = address not in self._client.nthreads()
                if gone or self._futures[part].status in ("error", "lost", "cancelled"):
                    raise WorkerLost(address) from None
            except OSError as error:
                raise WorkerLost(address) from error
            except RuntimeError as error:
                if "Worker holding Actor" in str(error):
                    raise WorkerLost(address) from error
                raise
            except (ImportError, AttributeError) as error:
                raise _other_packages(error) from None

    def _release(self) -> None:
        self._actors.clear()
        with suppress(Exception):  # a connection that is gone has nothing left to cancel
            self._client.cancel(self._futures)
        self._futures.clear()


def _places(client: Any) -> list[tuple[str, int]]:
    """Workers and their threads, one for each part of a society."""
    return sorted(client.nthreads().items())[:STRETCHES]


class WorkerLost(Exception):
    """A worker died, and the part of a society that it held."""


class _PartAtWorker(Part):
    """A part on a worker, made from plain data that are checked there."""

    def __init__(
        self,
        program: str,
        digest: str,
        version: str,
        cells: tuple[Any, ...],
        low: int,
        high: int,
        threads: int,
    ) -> None:
        super().__init__(Work(_arrived(program, digest, version), *cells), low, high, threads)


def _require_client(client: Any) -> None:
    if not all(hasattr(client, name) for name in ("submit", "cancel", "nthreads")):
        raise refuse("client", client, "a dask.distributed.Client, or None")
    if getattr(client, "status", None) != "running" or getattr(client, "asynchronous", False):
        raise refuse("client", client, "a client that is connected and not asynchronous")


def _compute_part(
    program: str, digest: str, version: str, cells: tuple[Any, ...], shard: Shard
) -> I64:
    """Run on a worker: one shard, one thread, the same bits as anywhere."""
    return compute(Work(_arrived(program, digest, version), *cells), [shard], threads=1)[0]


def _cells(work: Work) -> tuple[Any, ...]:
    """A run but for its program, as it is sent."""
    return (
        work.inputs, work.counts, work.segments, work.batches, work.periods, work.seed,
        work.network,
    )  # fmt: skip


def _arrived(text: str, digest: str, version: str) -> Program:
    """The program that was sent, read by this worker."""
    program = _program(text)
    if (pycore.__version__, program.digest) != (version, digest):
        raise InputError(
            f"client: received a worker with pycore {pycore.__version__} and program "
            f"{program.digest[:12]}…, allowed is pycore {version} and program {digest[:12]}…, as "
            "here"
        )
    return program


def _other_packages(error: Exception) -> InputError:
    return InputError(
        f"client: received a worker without this pycore ({error}), allowed are workers with the "
        "same packages as here"
    )


@lru_cache(maxsize=4)
def _program(text: str) -> Program:
    return Program.from_json(text)
