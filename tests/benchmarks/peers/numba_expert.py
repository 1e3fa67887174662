"""Numba, one consumer at a time with an inlined generator."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from tests.benchmarks.benchmark_model import PERIODS, SEGMENTS
from tests.benchmarks.peers.columns import COLUMNS, F32, F64, Peer, segment_table


def numba_expert() -> Peer:
    """Compile once; the time of compiling is not counted."""
    numba = import_module("numba")
    compiled = numba.njit(fastmath=True, error_model="numpy")(_numba_lives(numba))
    table = segment_table()

    def run(consumers: int, leave_base: float, seed: int) -> F64:
        sums = np.zeros((SEGMENTS, PERIODS, len(COLUMNS)))
        compiled(table, consumers // SEGMENTS, np.float32(leave_base), seed, sums)
        return sums

    run(80, -30.0, 1)
    return run


def _numba_lives(numba: Any) -> Callable[..., None]:
    f, u64 = np.float32, np.uint64
    scale, turn = f(1 / 16777216), f(2 * math.pi)

    @numba.njit(inline="always")  # type: ignore[untyped-decorator]
    def rotated(v: Any, k: Any) -> Any:
        return (v << u64(k)) | (v >> u64(64 - k))

    @numba.njit(inline="always")  # type: ignore[untyped-decorator]
    def next_word(state: Any) -> Any:  # xoroshiro128+
        a, b = state[0], state[1]
        word = a + b
        b ^= a
        state[0] = rotated(a, 24) ^ b ^ (b << u64(16))
        state[1] = rotated(b, 37)
        return word

    @numba.njit(inline="always")  # type: ignore[untyped-decorator]
    def two_uniforms(state: Any) -> Any:
        word = next_word(state)
        return (
            f((word >> u64(40)) + u64(1)) * scale,
            f((word >> u64(16)) & u64(0xFFFFFF)) * scale,
        )

    def lives(table: F32, size: int, base: Any, seed: int, sums: F64) -> None:
        state = np.empty(2, np.uint64)
        state[0], state[1] = u64(seed * 1000003 + 1), u64(12345)
        for _ in range(8):
            next_word(state)
        for g in range(table.shape[0]):
            p1, p2, p3, mean, paid = table[g]
            for _ in range(size):
                a, b = two_uniforms(state)
                e = f(0.6) + f(0.1) * math.sqrt(f(-2) * math.log(a)) * math.cos(turn * b)
                s, t, d, x, y = f(0), f(0.5), f(0), f(0), f(0.5)
                for period in range(PERIODS):
                    ua, ub = two_uniforms(state)
                    uc, ud = two_uniforms(state)
                    ue, uf = two_uniforms(state)
                    a, b = two_uniforms(state)
                    radius = math.sqrt(f(-2) * math.log(a))
                    f1, f2, f3 = ua < p1, ub < p2, uc < p3
                    failed = f(f1 or f2 or f3)
                    perceived = mean + f(0.25) * radius * math.cos(turn * b)
                    perceived -= f(0.5) * f1 + f(0.3) * f2 + f(0.4) * f3
                    comfort = f(0)
                    if failed > 0:
                        wait = math.exp(f(0.7) + f(0.6) * radius * math.sin(turn * b))
                        comfort = max(f(0), f(1) - f(0.2) * wait)
                    surprise = perceived - e
                    d = min(f(4), max(f(0), f(0.8) * d + max(f(0), -surprise) - f(0.3) * comfort))
                    x = min(f(8), f(0.95) * x + f(0.1) * d + f(0.1) * (failed - comfort))
                    s = max(f(-4), min(f(4), f(0.7) * s + f(0.3) * surprise))
                    t += f(0.05) * surprise + f(0.03) * comfort - f(0.02) * failed
                    t = max(f(0), min(f(1), t))
                    e = e + f(0.1) * surprise
                    y = f(0.95) * y + f(0.05) * t + f(0.02) * s - f(0.01) * x
                    y = max(f(0), min(f(1), y))
                    buy = ud * (f(1) + math.exp(f(1) - f(2) * y - f(0.5) * s + f(0.3) * x)) < 1
                    recommend = ue * (f(1) + math.exp(f(2.5) - s - f(1.5) * t)) < 1
                    leave = uf * (f(1) + math.exp(-base - f(0.8) * x - f(0.5) * d + f(2) * y)) < 1
                    row = sums[g, period]
                    row[3 if leave else 2 if x > 1 else 1 if d > f(0.5) else 0] += 1
                    row[4] += f1
                    row[5] += f2
                    row[6] += f3
                    row[7] += buy
                    row[8] += recommend
                    if buy:
                        row[9] += paid * (f(0.5) + y)
                    row[10] += e
                    row[11] += s
                    row[12] += t
                    row[13] += d
                    row[14] += x
                    row[15] += y
                    row[16] += e * e
                    row[17] += s * s
                    row[18] += t * t
                    row[19] += d * d
                    row[20] += x * x
                    row[21] += y * y
                    if leave:
                        break

    return lives
