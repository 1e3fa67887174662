"""Runs of consumers who influence each other: settings, memory, and the environments' paths."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from pycore.errors import refuse
from pycore.model.elements import Environment
from pycore.model.model import Model
from pycore.program.coupled import following
from pycore.program.coupling import Coupling
from pycore.program.interpret import scalar_files
from pycore.program.program import Program
from pycore.simulation.network import Network
from pycore.simulation.shards import I64, Work

__all__ = [
    "community_batches",
    "environment_path",
    "environments",
    "memory_need",
    "next_environments",
    "require_memory",
    "require_network",
]

F32 = npt.NDArray[np.float32]


def require_network(program: Program, network: Network | None, consumers: int) -> None:
    """Refuse a network that nobody listens to, none where it is needed, or one of another size."""
    needed = program.coupling is not None and bool(program.coupling.signals)
    if network is None and needed:
        raise refuse("network", None, "a pc.Network (the model has an environment of neighbours)")
    if network is None:
        return
    if not isinstance(network, Network):
        raise refuse("network", network, "a pc.Network, such as pc.Network.random(10)")
    if not needed:
        raise refuse("network", network.kind, "None (the model has no environment of neighbours)")
    network.require(consumers)


def community_batches(program: Program, counts: Sequence[int], batches: int | None) -> int | None:
    """Batches hold whole communities, at least two in each segment: their scatter is the error."""
    size = program.coupling.community if program.coupling is not None else 0
    if not size:
        return batches
    fewest = min(-(-n // size) for n in counts)
    if fewest < 2:
        raise refuse("consumers", f"{fewest} communities of {size} in a segment",
                     "at least 2, whose scatter is the Monte Carlo error")  # fmt: skip
    if batches is None:
        return min(32, fewest)
    if batches > fewest:
        raise refuse("batches", batches, f"at most {fewest}, the communities of a segment")
    return batches


# What one consumer says who lives elsewhere: a number, its code, and that once more in two bits.
_SAID_BYTES = 5.25


def memory_need(work: Work, threads: int, *, part: float = 1.0, networks: int = 1) -> int:
    """Bytes that consumers who influence each other take until the end of a run.

    ``part`` is the share of a society that is here, ``networks`` how often its network is.
    """
    from pycore import _core

    coupling = work.program.coupling
    if coupling is None:
        return 0
    counts = np.asarray(work.counts, dtype=np.uint64)
    groups = np.repeat(np.arange(len(work.societies) - 1), np.diff(work.societies))
    need = _core.coupled_bytes(
        work.program.to_core(), counts, groups.astype(np.uint32), work.batches, threads=threads
    )
    consumers = work.society
    need = int(need * part + _SAID_BYTES * len(coupling.signals) * consumers * (1 - part))
    return need + (networks * work.network.bytes(consumers) if work.network is not None else 0)


def require_memory(work: Work, threads: int, *, part: float = 1.0, networks: int = 1) -> None:
    """Refuse a coupled run that does not fit into memory."""
    need, free = memory_need(work, threads, part=part, networks=networks), _free_memory()
    if need > free:
        consumers = round(work.society * part)
        raise refuse("consumers", f"{consumers:,}, who influence each other and need "
                     f"{need:,} bytes of memory", f"at most {free:,} bytes here now")  # fmt: skip


def _free_memory() -> int:
    """Bytes that a process may still take, as the system says."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 2**63 - 1


def environment_path(
    program: Program, cells: Sequence[F32], rows: I64, everybody: int, segments: int
) -> F32:
    """Environments after each period, computed from the exact sums as the machine does.

    Parameters
    ----------
    program : Program
    cells : sequence of float32 arrays
        Inputs of each scenario and draw (``groups``) and segment.
    rows : int64 array of shape (groups, periods, width)
        Ledger, added up over those who share the environments.
    everybody, segments : int
        Consumers at the start; cells per group.

    Returns
    -------
    float32 array of shape (groups, periods, environments)
    """
    c: Coupling | None = program.coupling
    assert c is not None
    first = cells[::segments]
    path = np.empty((*rows.shape[:2], len(c.environments)), dtype=np.float32)
    for period in range(rows.shape[1]):
        before = path[:, period - 1] if period > 0 else None
        path[:, period] = next_environments(
            program, first, period, before, rows[:, period], everybody
        )
    return path


def next_environments(
    program: Program,
    first: Sequence[F32],
    period: int,
    before: F32 | None,
    rows: I64,
    everybody: int,
) -> F32:
    """Environments after one period: (groups, environments) from sums (groups, width).

    ``first`` holds the inputs of each group's first cell; ``before`` what the period read, if it
    is not the first one.
    """
    assert program.coupling is not None
    inputs = np.stack([table[period if len(table) > 1 else 0] for table in first])
    if before is not None:
        inputs[:, list(program.coupling.inputs)] = before
    return following(program, scalar_files(program, inputs), rows.T, everybody).T


def environments(
    model: Model, program: Program, cells: Sequence[F32], ledger: xr.DataArray
) -> dict[str, xr.DataArray]:
    """Environments that all consumers share, over scenario, draw and period."""
    c = program.coupling
    if c is None or c.community or not c.environments:
        return {}
    sums = ledger.sum(["segment", "batch"])
    scenarios, draws, periods, _ = sums.shape
    everybody = int(sums.values[0, 0, 0, 0])
    path = environment_path(
        program, cells, sums.values.reshape(-1, *sums.shape[2:]), everybody,
        ledger.sizes["segment"],
    )  # fmt: skip
    path = path.reshape(scenarios, draws, periods, -1)
    found = {}
    for k, name in enumerate(c.environments):
        element = model.element(name)
        assert isinstance(element, Environment)
        attrs = {
            "units": element.unit or "1",
            "long_name": (element.doc or name.replace("_", " ")).rstrip(".") + ", at period's end",
        }
        found[name] = xr.DataArray(path[..., k], dims=("scenario", "draw", "period"), attrs=attrs)
    return found
