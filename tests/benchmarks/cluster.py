"""What a cluster costs: two worker processes against two threads, an empty task, an exchange, talk.

Usage: ``python -m tests.benchmarks.cluster [--quick]`` for societies alone.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np

import pycore as pc
from pycore.program.compile import compile_model
from pycore.simulation import cluster as spreading
from pycore.simulation import execution, shards, society
from pycore.simulation.population import population
from pycore.simulation.scenario import cell_inputs, resolve
from pycore.simulation.shards import Work
from tests.benchmarks.benchmark_model import PERIODS, benchmark_model
from tests.benchmarks.coupling import DEGREE, word_of_mouth

TASKS = 300
# Parts of a society that does hardly anything but exchange its sums, and its periods.
PARTS, SMALL, MANY_PERIODS = (2, 16), 2048, 50


def two_workers(consumers: int, rounds: int) -> dict[str, Any]:
    """Processor time of two threads over that of two worker processes and their scheduler."""

    def work(seed: int) -> Work:
        return benchmark(consumers, PERIODS, seed)

    cpu: dict[str, list[float]] = {"two threads": [], "two workers": []}
    wall: dict[str, list[float]] = {"two threads": [], "two workers": []}
    with two_processes() as client:
        spent = partial(processor_time, client)
        execution.run(work(0), client=client)  # the workers import what they need
        for seed in range(1, rounds + 1):
            ledgers = []
            for label, settings in (
                ("two threads", {"threads": 2}),
                ("two workers", {"client": client}),
            ):
                begin, begin_cpu = time.perf_counter(), spent()
                ledgers.append(execution.run(work(seed), **settings))
                wall[label].append(time.perf_counter() - begin)
                cpu[label].append(spent() - begin_cpu)
            if not np.array_equal(ledgers[0], ledgers[1]):
                raise SystemExit("two workers: another ledger than two threads'")
        begin, begin_cpu = time.perf_counter(), time.process_time()
        client.gather([client.submit(_nothing, k, pure=False) for k in range(TASKS)])
        empty = (time.perf_counter() - begin) / TASKS
        scheduler = (time.process_time() - begin_cpu) / TASKS
    shards = work(0).shards
    rows = [b - a for a, b in (work(0).rows(s) for s in shards)]
    ratios = [a / b for a, b in zip(cpu["two threads"], cpu["two workers"], strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "peers": {"two threads": statistics.median(cpu["two threads"])},
        "figures": {
            "unit": "seconds of processor time, median of rounds",
            "two workers": statistics.median(cpu["two workers"]),
            "wall seconds, two threads": statistics.median(wall["two threads"]),
            "wall seconds, two workers": statistics.median(wall["two workers"]),
            "shards": len(shards),
            "milliseconds of an empty task": 1e3 * empty,
            "of them, processor time of the scheduler": 1e3 * scheduler,
            "bytes of a shard's result": statistics.mean(rows)
            * 8
            * PERIODS
            * work(0).program.width,
            "bytes of a shard's task": float(len(work(0).program.to_json())),
            "consumers": consumers,
        },
    }


def exchange(consumers: int, rounds: int) -> dict[str, Any]:
    """Processor time of a society in one process over that of its two halves on two workers.

    What an exchange costs for each part is the difference between many and few parts that hardly
    work, of the process that adds up, its scheduler in it; it waits for one part after the other.
    """
    whole, few = benchmark(consumers, PERIODS, 1, coupled=True), PARTS[0]
    cpu: dict[str, list[float]] = {"one process": [], "two workers": []}
    serial: dict[int, list[float]] = {parts: [] for parts in PARTS}
    wall: dict[int, list[float]] = {parts: [] for parts in PARTS}
    with two_processes() as client, patch.object(shards, "SHARD_INSTRUCTIONS", 1):
        spent = partial(processor_time, client)
        execution.run(benchmark(SMALL, 2, 0, coupled=True), client=client)  # imports
        for _ in range(rounds):
            ledgers = []
            for label, of in (("one process", None), ("two workers", client)):
                begin = spent()
                ledgers.append(execution.run(whole, threads=1, client=of))
                cpu[label].append(spent() - begin)
            if not np.array_equal(ledgers[0], ledgers[1]):
                raise SystemExit("two workers: another ledger than one process's")
            small = benchmark(SMALL, MANY_PERIODS, 1, coupled=True)
            for parts in PARTS:
                places = [(address, 1) for address in client.nthreads()] * parts
                with (
                    patch.object(spreading, "_places", lambda _, at=places[:parts]: at),
                    spreading.Spread(client, small) as spread,
                ):
                    begin, begin_cpu = time.perf_counter(), time.process_time()
                    society.live(small, spread)
                    wall[parts].append((time.perf_counter() - begin) / MANY_PERIODS)
                    serial[parts].append((time.process_time() - begin_cpu) / MANY_PERIODS)
    more = PARTS[1] - PARTS[0]
    each = [(b - a) / more for a, b in zip(serial[few], serial[PARTS[1]], strict=True)]
    ratios = [a / b for a, b in zip(cpu["one process"], cpu["two workers"], strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "peers": {"one process": statistics.median(cpu["one process"])},
        "figures": {
            "unit": "seconds of processor time, median of rounds",
            "two workers": statistics.median(cpu["two workers"]),
            "milliseconds of an exchange, for each part": 1e3 * statistics.median(each),
            f"milliseconds of an exchange of {few} parts": 1e3 * statistics.median(serial[few]),
            f"wall milliseconds, {few} parts": 1e3 * min(wall[few]),
            f"wall milliseconds, {PARTS[1]} parts": 1e3 * min(wall[PARTS[1]]),
            "bytes of a part's sums": 8.0 * whole.program.width,
            "consumers": consumers,
            "periods": PERIODS,
        },
    }


def neighbours(consumers: int, rounds: int) -> dict[str, Any]:
    """Processor time of a society whose neighbours talk, in one process over that on two workers.

    Of its periods alone: every part builds the whole network first, which takes as long as many
    periods of a model as small as this one.
    """
    model, network = word_of_mouth(0.6), pc.Network.random(DEGREE, seed=1)
    program, people = compile_model(model), population(model, None)
    inputs = cell_inputs(model, program, people, resolve(model, None, PERIODS), {})
    counts = people.counts(consumers)
    cpu: dict[str, list[float]] = {"one process": [], "two workers": []}
    with two_processes() as client:
        spent = partial(processor_time, client)
        for seed in range(rounds + 1):
            work = Work(program, inputs, counts, [0], 1, PERIODS, seed, network)
            ledgers = []
            with spreading.Spread(client, work) as spread:
                for label, parts in (
                    ("one process", society.Here(work, 1)), ("two workers", spread)
                ):  # fmt: skip
                    begin = spent()
                    ledgers.append(society.live(work, parts))
                    cpu[label].append(spent() - begin)
            if not np.array_equal(ledgers[0], ledgers[1]):
                raise SystemExit("two workers: another ledger of neighbours than one process's")
    lived = 1e-9 * consumers * PERIODS
    here, there = (statistics.median(times[1:]) / lived for times in cpu.values())  # 0: imports
    ratios = [a / b for a, b in zip(*cpu.values(), strict=True)]
    return {
        "ratio": statistics.median(ratios[1:]),
        "peers": {"one process": here},
        "figures": {
            "unit": "core-ns per consumer-period, median of rounds",
            "two workers": there,
            "neighbours": DEGREE,
            "consumers": consumers,
            "periods": PERIODS,
        },
    }


def benchmark(consumers: int, periods: int, seed: int, *, coupled: bool = False) -> Work:
    """The benchmark model, ready to run."""
    model = benchmark_model(-30.0, coupled=coupled)
    program, people = compile_model(model), population(model, None)
    inputs = cell_inputs(model, program, people, resolve(model, None, periods), {})
    counts = people.counts(consumers)
    return Work(program, inputs, counts, list(range(len(counts))), 32, periods, seed)


def processor_time(client: Any) -> float:
    """Seconds that this process and all workers have spent."""
    workers: list[float] = list(client.run(time.process_time).values())
    return time.process_time() + sum(workers)


@contextmanager
def two_processes() -> Iterator[Any]:
    """A client of two workers of one thread."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _nothing(k: int) -> int:
    return k


def main(arguments: list[str]) -> int:
    """Print what an exchange costs, and talk."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cluster")
    parser.add_argument("--quick", action="store_true", help="fewer consumers and rounds")
    quick = parser.parse_args(arguments).quick
    for measured in (exchange, neighbours):
        entry = measured(200_000 if quick else 1_000_000, 2 if quick else 5)
        for label, value in {"ratio": entry["ratio"], **entry["peers"], **entry["figures"]}.items():
            sys.stdout.write(f"{label}: {value if isinstance(value, str) else f'{value:.4g}'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
