"""Instructions per consumer-period, counted by callgrind: repeatable however busy the machine is.

Usage: ``python -m tests.benchmarks.instructions`` (Debian: valgrind).  Counts the AVX2 paths, which
valgrind can run, of the machine and of the kernel by hand; writes ``build/instructions.json``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.benchmark_model import PERIODS, SEGMENTS

OUT = Path(__file__).parents[2] / "build" / "instructions.json"
FEW, MANY = 256 * SEGMENTS, 60 * 256 * SEGMENTS
LIVES = {
    "machine avx2": (
        "from tests.benchmarks.machine import Machine; "
        "Machine.build(-30.0).run({n}, 1, isa='avx2', threads=1)"
    ),
    "kernel by hand, avx2": (
        "from tests.benchmarks.peers.plain_cpp import hand_written; "
        "hand_written('-mno-avx512f')({n}, -30.0, 1)"
    ),
}


def counted(code: str) -> int:
    """Instructions of a Python process that runs this code."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-c", code],
        capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONHASHSEED": "0"},  # or imports differ by more than what is counted
    )  # fmt: skip
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found is not None, done.stderr
    return int(found.group(1))


def main() -> int:
    """Count twice, with few and with many consumers: the difference is theirs alone."""
    found = {
        name: (counted(code.format(n=MANY)) - counted(code.format(n=FEW)))
        / ((MANY - FEW) * PERIODS)
        for name, code in LIVES.items()
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(OUT.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
