"""Time the machine against its peers and write ``build/bench.json``.

Core time per active consumer-period, all contenders interleaved in one run so that a busy machine
slows them alike; each peer must agree with the machine within Monte Carlo error before its time
counts.  Usage: ``python -m tests.benchmarks [--quick]``.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pycore import _core
from pycore.program import interpret
from pycore.program.compile import compile_model
from pycore.program.program import Program
from tests.benchmarks import peers
from tests.benchmarks.benchmark_model import PERIODS, SEGMENTS, benchmark_model
from tests.benchmarks.cluster import two_workers

OUT = Path(__file__).parents[2] / "build" / "bench.json"
TARGET = 5.0
# 8 segments · 52 periods · 15 columns, correlated over time: by chance 5.5 is passed once in 4 000
# comparisons at most.
LARGEST_DISTANCE = 5.5
SCENARIOS = {"benchmark model, nobody leaves": -30.0, "benchmark model, with churn": -5.5}


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

    def sums(self, ledger: npt.NDArray[np.int64]) -> peers.F64:
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
        return np.stack([columns[name] for name in peers.COLUMNS], axis=-1)


def core_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time of a call and what it returned."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def compare(name: str, leave_base: float, consumers: int, rounds: int) -> dict[str, Any]:
    """One scenario: nanoseconds per active consumer-period of every contender."""
    machine = Machine.build(leave_base)
    contenders: dict[str, Callable[[int], tuple[int, peers.F64]]] = {}
    for isa in _core.isas():
        size = consumers if isa != "scalar" else consumers // 8

        def by_machine(seed: int, isa: str = isa, size: int = size) -> tuple[int, peers.F64]:
            return size, machine.sums(machine.run(size, seed, isa=isa, threads=1))

        contenders[f"machine {isa}"] = by_machine
    handwritten: dict[str, peers.Peer | None] = {
        f"numpy chunk {chunk}": peers.numpy_chunked(chunk) for chunk in (4096, 16384, 65536)
    }
    handwritten["numba expert"] = peers.numba_expert()
    for peer_name, peer in handwritten.items():
        if peer is not None:

            def by_peer(seed: int, peer: peers.Peer = peer) -> tuple[int, peers.F64]:
                return consumers, peer(consumers, leave_base, seed)

            contenders[peer_name] = by_peer
    few = 256 * SEGMENTS  # the oracle is three orders of magnitude slower and needs no more

    def by_oracle(seed: int) -> tuple[int, peers.F64]:
        ledger = interpret.run(machine.program, *machine.arguments(few, seed))
        return few, machine.sums(ledger)

    contenders["oracle (NumPy interpreter)"] = by_oracle

    reference = machine.sums(machine.run(4 * consumers, 99, threads=0))
    times: dict[str, list[float]] = {label: [] for label in contenders}
    distances: dict[str, float] = {}
    for seed in range(1, rounds + 1):
        for label, work in contenders.items():
            seconds, (size, sums) = core_seconds(lambda work=work, seed=seed: work(seed))  # type: ignore[misc]
            times[label].append(1e9 * seconds / sums[..., :4].sum())
            distance = peers.standard_errors_apart(sums, reference, (size, 4 * consumers))
            if distance > LARGEST_DISTANCE:
                raise SystemExit(f"{name}: {label} is {distance:.1f} standard errors away")
            distances[label] = max(distances.get(label, 0.0), distance)
    best = f"machine {_core.isas()[0]}"
    numpy_best = [
        min(pair) for pair in zip(*(times[k] for k in times if k.startswith("numpy")), strict=True)
    ]
    medians = {label: statistics.median(values) for label, values in times.items()}
    ratios = {
        f"ratio machine {isa} to NumPy": statistics.median(
            n / m for n, m in zip(numpy_best, times[f"machine {isa}"], strict=True)
        )
        for isa in _core.isas()
    }
    return {
        "ratio": ratios[f"ratio {best} to NumPy"],
        "peers": {k: v for k, v in medians.items() if not k.startswith("machine")},
        "figures": {
            "unit": "core-ns per active consumer-period, median of rounds",
            "target": TARGET,
            "rounds": rounds,
            "consumers": consumers,
            **{k: v for k, v in medians.items() if k.startswith("machine")},
            **ratios,
            "largest distance in standard errors": distances,
        },
    }


def two_threads(consumers: int, rounds: int) -> dict[str, Any]:
    """Wall time of one thread over that of two; needs two free cores to say anything."""
    machine = Machine.build(-30.0)
    wall: dict[int, list[float]] = {1: [], 2: []}
    for seed in range(rounds):
        for threads, seconds in wall.items():
            begin = time.perf_counter()
            machine.run(consumers, seed, threads=threads)
            seconds.append(time.perf_counter() - begin)
    ratios = [a / b for a, b in zip(wall[1], wall[2], strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "peers": {"one thread": statistics.median(wall[1])},
        "figures": {
            "unit": "seconds of wall time, median of rounds",
            "two threads": statistics.median(wall[2]),
            "best ratio": max(ratios),
            "consumers": consumers,
        },
    }


def flat_in_population(consumers: int, rounds: int) -> dict[str, Any]:
    """Core time per consumer-period of a small population over that of one eight times larger."""
    machine = Machine.build(-30.0)
    sizes = (consumers, 8 * consumers)
    times: dict[int, list[float]] = {size: [] for size in sizes}
    for seed in range(rounds):
        for size, values in times.items():
            seconds, ledger = core_seconds(
                lambda size=size, seed=seed: machine.run(size, seed, threads=1)  # type: ignore[misc]
            )
            values.append(1e9 * seconds / ledger[..., 0].sum())
    ratios = [a / b for a, b in zip(times[sizes[0]], times[sizes[1]], strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "peers": {f"{sizes[0]} consumers": statistics.median(times[sizes[0]])},
        "figures": {
            "unit": "core-ns per active consumer-period, median of rounds",
            f"{sizes[1]} consumers": statistics.median(times[sizes[1]]),
        },
    }


def main(arguments: list[str]) -> int:
    """Run everything, write the file, say what was found; fail below the target."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer consumers and rounds")
    quick = parser.parse_args(arguments).quick
    consumers, rounds = (40_000, 3) if quick else (200_000, 5)
    results: dict[str, Any] = {
        name: compare(name, leave_base, consumers, rounds) for name, leave_base in SCENARIOS.items()
    }
    results["two threads against one"] = two_threads(5 * consumers, rounds)
    results["two workers against two threads"] = two_workers(20 * consumers, rounds)
    results["time flat in the number of consumers"] = flat_in_population(consumers, rounds)
    for entry in results.values():
        entry["figures"]["processor"] = _processor()
        entry["figures"]["build"] = _core.build_config()
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, entry in results.items():
        sys.stdout.write(f"{name}: {entry['ratio']:.2f}\n")
        for group in ("peers", "figures"):
            for label, value in entry[group].items():
                if isinstance(value, float):
                    sys.stdout.write(f"    {label}: {value:.4g}\n")
    sys.stdout.write(f"{OUT}\n")
    vector = _core.isas()[0] != "scalar"
    return int(vector and any(results[name]["ratio"] < TARGET for name in SCENARIOS))


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
