"""One long run: core time and memory of the benchmark model over a billion consumers.

Usage: ``python -m tests.benchmarks.billion [consumers] [threads]``; a billion takes a quarter of an
hour of two cores.  Writes ``build/billion.json``.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

import pycore as pc
from tests.benchmarks.benchmark_model import PERIODS, benchmark_model
from tests.benchmarks.machine import processor

OUT = Path(__file__).parents[2] / "build" / "billion.json"


def peak_megabytes() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: list[str]) -> int:
    """Run, and write what it took."""
    consumers = int(float(arguments[0])) if arguments else 1_000_000_000
    threads = int(arguments[1]) if len(arguments) > 1 else os.cpu_count() or 1
    model = benchmark_model(-30.0)

    def run(number: int) -> float:
        found = pc.simulate(model, consumers=number, periods=PERIODS, seed=1, threads=threads)
        return float(found["active"].sum())

    run(10_000)
    before, wall, cpu = peak_megabytes(), time.perf_counter(), time.process_time()
    lived = run(consumers)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found = {
        "consumers": consumers,
        "periods": PERIODS,
        "threads": threads,
        "consumer-periods": lived,
        "core-ns per consumer-period": 1e9 * cpu / (consumers * PERIODS),
        "core seconds": cpu,
        "wall seconds": wall,
        "megabytes above the interpreter": peak_megabytes() - before,
        "processor": processor(),
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(OUT.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
