"""C++ compiled with full optimisation for this processor: an analyst's, and a kernel by hand."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tests.benchmarks.benchmark_model import PERIODS, SEGMENTS
from tests.benchmarks.peers.columns import COLUMNS, F64, Peer, segment_table

INCLUDE = Path(__file__).parents[3] / "cpp" / "include"


def plain_cpp() -> Peer:
    """What an analyst would write: the standard library's random numbers and functions."""
    return _compiled("plain.cpp")


def hand_written(*options: str) -> Peer:
    """One model fused into one kernel, with the machine's own generator, functions and vectors."""
    return _compiled(
        "kernel.cpp", *options, f"-I{INCLUDE}", "-ffp-contract=off", "-fno-math-errno",
        "-fno-trapping-math", "-fschedule-insns", "-fsched-pressure", "-Wno-uninitialized",
        "-Wno-maybe-uninitialized",
    )  # fmt: skip


def _compiled(source: str, *options: str) -> Peer:
    """Compile a file of this folder into a temporary folder and load it."""
    folder = tempfile.mkdtemp(prefix="pycore-peer-")
    library = Path(folder) / "peer.so"
    compiler = os.environ.get("CXX", "g++")
    subprocess.run(
        [compiler, "-std=c++17", "-O3", "-march=native", *options, "-shared", "-fPIC",
         Path(__file__).with_name(source), "-o", library],
        check=True,
    )  # fmt: skip
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
