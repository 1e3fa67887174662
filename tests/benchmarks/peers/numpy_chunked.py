"""NumPy in float32 with its fastest generator, in chunks that stay in the cache."""

from __future__ import annotations

import numpy as np

from tests.benchmarks.benchmark_model import PERIODS, SEGMENTS, failure_rates, performance, price
from tests.benchmarks.peers.columns import COLUMNS, F64, REVENUE, SQUARES, SUMS, Peer


def numpy_chunked(chunk: int) -> Peer:
    """Lives of this many consumers at a time."""

    def run(consumers: int, leave_base: float, seed: int) -> F64:
        sums = np.zeros((SEGMENTS, PERIODS, len(COLUMNS)))
        rng = np.random.Generator(np.random.SFC64(seed))
        for segment in range(SEGMENTS):
            size = consumers // SEGMENTS
            for first in range(0, size, chunk):
                _numpy_lives(rng, segment, min(chunk, size - first), leave_base, sums[segment])
        return sums

    return run


def _numpy_lives(
    rng: np.random.Generator, segment: int, n: int, leave_base: float, sums: F64
) -> None:
    f = np.float32
    p1, p2, p3 = (f(p) for p in failure_rates(segment))
    mean, paid = f(performance(segment)), price(segment)
    e = rng.standard_normal(n, dtype=f)
    e *= f(0.1)
    e += f(0.6)
    s, t, d, x, y = (np.full(n, v, f) for v in (0, 0.5, 0, 0, 0.5))
    for period in range(PERIODS):
        n = e.size
        if n == 0:
            return
        u = rng.random((6, n), dtype=f)
        f1, f2, f3 = u[0] < p1, u[1] < p2, u[2] < p3
        perceived = rng.standard_normal(n, dtype=f)
        perceived *= f(0.25)
        perceived += mean
        perceived -= f(0.5) * f1
        perceived -= f(0.3) * f2
        perceived -= f(0.4) * f3
        failed = f1 | f2 | f3
        hit = np.flatnonzero(failed)
        comfort = np.zeros(n, f)
        wait = np.exp(f(0.7) + f(0.6) * rng.standard_normal(hit.size, dtype=f))
        comfort[hit] = np.maximum(f(0), f(1) - f(0.2) * wait)
        surprise = perceived - e
        d *= f(0.8)
        d += np.maximum(-surprise, f(0))
        d -= f(0.3) * comfort
        np.clip(d, f(0), f(4), out=d)
        x *= f(0.95)
        x += f(0.1) * d
        x += f(0.1) * (failed - comfort)
        np.minimum(x, f(8), out=x)
        s *= f(0.7)
        s += f(0.3) * surprise
        np.clip(s, f(-4), f(4), out=s)
        t += f(0.05) * surprise
        t += f(0.03) * comfort
        t -= f(0.02) * failed
        np.clip(t, f(0), f(1), out=t)
        e += f(0.1) * surprise
        y *= f(0.95)
        y += f(0.05) * t
        y += f(0.02) * s
        y -= f(0.01) * x
        np.clip(y, f(0), f(1), out=y)
        buy = u[3] * (f(1) + np.exp(f(1) - f(2) * y - f(0.5) * s + f(0.3) * x)) < 1
        recommend = u[4] * (f(1) + np.exp(f(2.5) - s - f(1.5) * t)) < 1
        leave = u[5] * (f(1) + np.exp(f(-leave_base) - f(0.8) * x - f(0.5) * d + f(2) * y)) < 1
        exhausted = (x > 1) & ~leave
        disappointed = (d > f(0.5)) & ~leave & ~exhausted
        row = sums[period]
        flags = (disappointed, exhausted, leave, f1, f2, f3, buy, recommend)
        counted = [np.count_nonzero(flag) for flag in flags]
        row[0] += n - sum(counted[:3])
        row[1:REVENUE] += counted
        row[REVENUE] += paid * float((f(0.5) + y[buy]).sum(dtype=np.float64))
        for k, state in enumerate((e, s, t, d, x, y)):
            row[SUMS + k] += state.sum(dtype=np.float64)
            row[SQUARES + k] += np.dot(state, state)
        if counted[2]:
            stay = ~leave
            e, s, t, d, x, y = (state[stay] for state in (e, s, t, d, x, y))
