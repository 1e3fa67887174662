"""What a cluster costs: two worker processes against two threads, and one empty task."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from pycore.program.compile import compile_model
from pycore.simulation import execution
from pycore.simulation.population import population
from pycore.simulation.scenario import cell_inputs, resolve
from pycore.simulation.shards import Work
from tests.benchmarks.benchmark_model import PERIODS, benchmark_model

TASKS = 300


def two_workers(consumers: int, rounds: int) -> dict[str, Any]:
    """Processor time of two threads over that of two worker processes and their scheduler."""
    from distributed import Client, LocalCluster

    model = benchmark_model(-30.0)
    program, people = compile_model(model), population(model, None)
    inputs = cell_inputs(model, program, people, resolve(model, None, PERIODS), {})
    counts = people.counts(consumers)

    def work(seed: int) -> Work:
        return Work(program, inputs, counts, list(range(len(counts))), 32, PERIODS, seed)

    cpu: dict[str, list[float]] = {"two threads": [], "two workers": []}
    wall: dict[str, list[float]] = {"two threads": [], "two workers": []}
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):

        def spent() -> float:
            workers: list[float] = list(client.run(time.process_time).values())
            return time.process_time() + sum(workers)

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
            "bytes of a shard's result": statistics.mean(rows) * 8 * PERIODS * program.width,
            "bytes of a shard's task": float(len(program.to_json())),
            "consumers": consumers,
        },
    }


def _nothing(k: int) -> int:
    return k
