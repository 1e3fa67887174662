"""What it costs that consumers influence each other.

Processor time per active consumer-period on one thread: the benchmark model with an environment
that all share over the same without one; and word of mouth in a random network, which is nearly
nothing but hearing and speaking.  Usage: ``python -m tests.benchmarks.coupling [--quick]``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import pycore as pc
from pycore import _core
from pycore.program.compile import compile_model
from pycore.program.program import Program
from pycore.simulation.population import population
from pycore.simulation.scenario import cell_inputs, resolve
from tests.benchmarks.benchmark_model import benchmark_model
from tests.benchmarks.machine import one_core

PERIODS = 20
DEGREE = 10
# At most: global over none, and nanoseconds in all per consumer-period with ten neighbours.
LIMITS = {
    "global / none": 1.5, "global / none, many consumers": 1.5,
    "network, few speak": 20.0, "network, all speak": 20.0,
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A model ready to run on one thread."""

    program: Program
    inputs: list[npt.NDArray[np.float32]]
    counts: npt.NDArray[np.uint64]
    listed: tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]] | None = None

    @classmethod
    def build(cls, model: pc.Model, consumers: int, network: pc.Network | None = None) -> Run:
        """Compile a model for so many consumers."""
        program, people = compile_model(model), population(model, None)
        inputs = cell_inputs(model, program, people, resolve(model, None, PERIODS), {})
        counts = np.asarray(people.counts(consumers), dtype=np.uint64)
        return cls(program, inputs, counts, None if network is None else network.listed(consumers))

    def __call__(self, seed: int, threads: int = 1) -> npt.NDArray[np.int64]:
        """Ledger of a seed."""
        cells = np.arange(len(self.inputs), dtype=np.uint32)
        what = self.program.to_core(), self.inputs, self.counts, cells
        coupling = self.program.coupling
        if coupling is None:
            return _core.run(*what, 1, PERIODS, seed, threads=threads)
        return _core.run_coupled(
            *what, np.zeros_like(cells), 1, PERIODS, seed, environments=coupling.environments,
            signals=[s.name for s in coupling.signals], listed=self.listed, threads=threads,
        )  # fmt: skip

    @property
    def bytes(self) -> float:
        """Memory that each consumer takes between periods."""
        groups = np.zeros(len(self.counts), dtype=np.uint32)
        need = _core.coupled_bytes(self.program.to_core(), self.counts, groups, 1, threads=1)
        return need / int(self.counts.sum())


def word_of_mouth(base: float) -> pc.Model:
    """Who hears that neighbours speak is a little more likely to speak."""
    m = pc.Model("word_of_mouth")
    talk = m.environment("talk", scope="neighbours")
    speaks = m.event("speaks", probability=base + 0.1 * base * talk)
    m.update(talk, target=pc.average(speaks))
    m.record(speaks)
    return m


def times(runs: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    """Nanoseconds per active consumer-period, interleaved."""
    found: dict[str, list[float]] = {label: [] for label in runs}
    for seed in range(rounds):
        for label, run in runs.items():
            begin = time.process_time()
            ledger = run(seed)
            found[label].append(1e9 * (time.process_time() - begin) / ledger[..., 0].sum())
    return found


def coupling(consumers: int, rounds: int) -> dict[str, Any]:
    """Global over none for a population and one ten times larger; networks of the larger one."""
    many = 10 * consumers
    network = pc.Network.random(DEGREE, seed=1)
    build: dict[str, Callable[[], Run]] = {
        "none": lambda: Run.build(benchmark_model(-30.0), consumers),
        "global": lambda: Run.build(benchmark_model(-30.0, coupled=True), consumers),
        "none, many consumers": lambda: Run.build(benchmark_model(-30.0), many),
        "global, many consumers": lambda: Run.build(benchmark_model(-30.0, coupled=True), many),
        "network, few speak": lambda: Run.build(word_of_mouth(0.03), many, network),
        "network, all speak": lambda: Run.build(word_of_mouth(0.6), many, network),
    }
    runs = {label: make() for label, make in build.items()}
    for label in ("global", "network, few speak", "network, all speak"):
        if not np.array_equal(runs[label](99), runs[label](99, threads=2)):
            raise SystemExit(f"{label}: two threads give another ledger than one")
    with one_core():
        spent = times(runs, rounds)
    figures = {label: statistics.median(values) for label, values in spent.items()}
    for size in ("", ", many consumers"):
        pairs = zip(spent[f"global{size}"], spent[f"none{size}"], strict=True)
        figures[f"global / none{size}"] = statistics.median(a / b for a, b in pairs)
    return {
        "ratio": figures["global / none, many consumers"],
        "peers": {},
        "figures": {
            "unit": "core-ns per active consumer-period, median of rounds",
            "consumers": consumers,
            **figures,
            "bytes per consumer, global": runs["global"].bytes,
            "bytes per consumer, network": runs["network, few speak"].bytes,
        },
    }


def exceeded(entry: dict[str, Any]) -> list[str]:
    """Figures above their limits."""
    return [
        f"{label}: {entry['figures'][label]:.2f}, at most {limit:g}"
        for label, limit in LIMITS.items()
        if entry["figures"][label] > limit
    ]


def main(arguments: list[str]) -> int:
    """Print the figures; fail above a limit."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.coupling")
    parser.add_argument("--quick", action="store_true", help="fewer consumers and rounds")
    quick = parser.parse_args(arguments).quick
    entry = coupling(20_000 if quick else 100_000, 3 if quick else 5)
    for label, value in entry["figures"].items():
        sys.stdout.write(f"{label}: {value if isinstance(value, str) else f'{value:.4g}'}\n")
    above = exceeded(entry)
    sys.stdout.writelines(f"above its limit: {line}\n" for line in above)
    return int(bool(above))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
