"""The contender: the benchmark model on the machine, and how its time is taken."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pycore import _core
from pycore.program.compile import compile_model
from pycore.program.program import Program
from tests.benchmarks.benchmark_model import PERIODS, SEGMENTS, benchmark_model
from tests.benchmarks.peers.columns import COLUMNS, F64


@contextmanager
def one_core() -> Iterator[None]:
    """All threads of this process on one processor, as far as the system can do that.

    Processor time is the whole process's: a tool whose idle threads wait by spinning would be charged
    to whoever is timed after it.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    try:
        _confine({max(before)})
        yield
    finally:
        _confine(before)


def _confine(processors: set[int]) -> None:
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.sched_setaffinity(int(thread.name), processors)


@dataclass(frozen=True)
class Machine:
    """The benchmark model compiled from its symbols."""

    program: Program
    inputs: list[npt.NDArray[np.float32]]

    @classmethod
    def build(cls, leave_base: float) -> Machine:
        """Compile the model with this propensity to leave."""
        model = benchmark_model(leave_base)
        program = compile_model(model)
        tables = [
            np.array([[s.traits[name] for name in program.inputs]], dtype=np.float32)
            for s in model.segments.values()
        ]
        return cls(program, tables)

    def arguments(self, consumers: int, seed: int) -> tuple[Any, ...]:
        """Population and seed as both interpreters take them."""
        counts = np.full(SEGMENTS, consumers // SEGMENTS, dtype=np.uint64)
        return self.inputs, counts, np.arange(SEGMENTS, dtype=np.uint32), 1, PERIODS, seed

    def run(self, consumers: int, seed: int, **settings: Any) -> npt.NDArray[np.int64]:
        """Ledger by the compiled machine."""
        arguments = self.arguments(consumers, seed)
        return _core.run(self.program.to_core(), *arguments, **settings)

    def sums(self, ledger: npt.NDArray[np.int64]) -> F64:
        """Sums in the columns of the peers."""
        rows = ledger[:, 0].astype(np.float64)
        columns = {"left": rows[..., 2]}
        for record in self.program.records:
            place = self.program.offsets[record.name]
            if record.kind == "count":
                columns[record.name] = rows[..., place]
            else:
                columns[record.name] = rows[..., place] * 2.0**-record.exponent
                columns[f"{record.name} squared"] = (
                    rows[..., place + 1] * 2.0**-record.square_exponent
                )
        somewhere = columns["left"] + columns["disappointed"] + columns["exhausted"]
        columns["calm"] = rows[..., 0] - somewhere
        return np.stack([columns[name] for name in COLUMNS], axis=-1)


def core_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time of a call and what it returned."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def processor() -> str:
    """Return what the processor is called."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
