"""Plain C++ with the standard library, compiled with full optimisation for this processor."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tests.benchmarks.benchmark_model import PERIODS, SEGMENTS
from tests.benchmarks.peers.columns import COLUMNS, F64, Peer, segment_table


def plain_cpp() -> Peer:
    """Compile beside this file's source into a temporary folder and load."""
    folder = tempfile.mkdtemp(prefix="pycore-peer-")
    library = Path(folder) / "plain.so"
    source = Path(__file__).with_name("plain.cpp")
    compiler = os.environ.get("CXX", "g++")
    subprocess.run(
        [compiler, "-std=c++17", "-O3", "-march=native", "-shared", "-fPIC", source, "-o", library],
        check=True,
    )
    live = ctypes.CDLL(str(library)).live
    table = segment_table()

    def run(consumers: int, leave_base: float, seed: int) -> F64:
        sums = np.zeros((SEGMENTS, PERIODS, len(COLUMNS)))
        live(
            ctypes.c_void_p(table.ctypes.data), ctypes.c_int64(consumers // SEGMENTS),
            ctypes.c_float(leave_base), ctypes.c_uint32(seed), ctypes.c_void_p(sums.ctypes.data),
        )  # fmt: skip
        return sums

    return run
