"""Time of the browser's module in Node over that of the extension, interleaved.

Usage: ``python -m tests.benchmarks.webassembly [consumers] [rounds]``; needs clang, lld and nodejs.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from pycore import _core
from tests.benchmarks.benchmark_model import PERIODS
from tests.benchmarks.machine import Machine, core_seconds
from tests.portable.hosts import hosts

SCRIPT = Path(__file__).with_suffix(".mjs")
WARM_UP = 3  # Node translates a function again, better, once it has run for a while


def main(arguments: list[str]) -> int:
    """Print core-ns per consumer-period of each contender and the median ratio to WebAssembly."""
    consumers = int(arguments[0]) if arguments else 40_000
    rounds = int(arguments[1]) if len(arguments) > 1 else 7
    host = hosts(_core.isas())["wasm"]
    host.build()
    machine = Machine.build(-30.0)
    tables, counts, segments, _, _, _ = machine.arguments(consumers, 0)
    cells = [
        {"inputs": table.ravel().tolist(), "segment": int(segment), "count": int(count)}
        for table, segment, count in zip(tables, segments, counts, strict=True)
    ]
    times: dict[str, list[float]] = {name: [] for name in ("wasm in Node", *_core.isas())}
    with tempfile.TemporaryDirectory() as folder:
        program, people = Path(folder) / "program", Path(folder) / "cells"
        program.write_bytes(machine.program.to_words().astype("<u4").tobytes())
        people.write_text(json.dumps(cells), encoding="utf-8")
        node = subprocess.Popen(
            ["node", str(SCRIPT), str(host.folder / "machine.wasm"), str(program), str(people),
             str(PERIODS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert node.stdin is not None
        assert node.stdout is not None
        for seed in range(rounds + WARM_UP):
            node.stdin.write(f"{seed}\n")
            node.stdin.flush()
            seconds, lived = node.stdout.readline().split()
            spent = {"wasm in Node": 1e9 * float(seconds) / int(lived)}
            for isa in _core.isas():
                taken, ledger = core_seconds(
                    lambda isa=isa, seed=seed: machine.run(consumers, seed, isa=isa, threads=1)  # type: ignore[misc]
                )
                spent[isa] = 1e9 * taken / ledger[..., 0].sum()
            if seed >= WARM_UP:
                for name, value in spent.items():
                    times[name].append(value)
        node.stdin.close()
        node.wait(timeout=60)
    for name, values in times.items():
        ratio = statistics.median(w / v for w, v in zip(times["wasm in Node"], values, strict=True))
        sys.stdout.write(
            f"{name}: {statistics.median(values):.2f} core-ns per consumer-period;"
            f" WebAssembly takes {ratio:.2f} times as long\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
