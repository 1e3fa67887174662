"""The benchmark model written by hand, as an expert of each tool would.

Every peer returns sums of shape (segment, period, column) over the columns of :data:`COLUMNS` and
uses its own random numbers: peers agree with the machine within Monte Carlo error, not in bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.benchmarks.benchmark_model import (
    PERIODS,
    SEGMENTS,
    failure_rates,
    performance,
    price,
)

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Peer = Callable[[int, float, int], F64]

STATES = (
    "expectation", "satisfaction", "trust", "disappointment", "exhaustion", "loyalty",
)  # fmt: skip
COUNTS = (
    "calm", "disappointed", "exhausted", "left",
    "failure_1", "failure_2", "failure_3", "buy", "recommend",
)  # fmt: skip
COLUMNS = (*COUNTS, "revenue", *STATES, *(f"{s} squared" for s in STATES))
_REVENUE, _SUMS = COLUMNS.index("revenue"), COLUMNS.index(STATES[0])
_SQUARES = _SUMS + len(STATES)


def numpy_chunked(chunk: int) -> Peer:
    """NumPy in float32 with its fastest generator, in chunks that stay in the cache."""

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
        row[1:_REVENUE] += counted
        row[_REVENUE] += paid * float((f(0.5) + y[buy]).sum(dtype=np.float64))
        for k, state in enumerate((e, s, t, d, x, y)):
            row[_SUMS + k] += state.sum(dtype=np.float64)
            row[_SQUARES + k] += np.dot(state, state)
        if counted[2]:
            stay = ~leave
            e, s, t, d, x, y = (state[stay] for state in (e, s, t, d, x, y))


def numba_expert() -> Peer | None:
    """Numba, one consumer at a time with an inlined generator; None where Numba is missing."""
    try:
        import numba
    except ImportError:
        return None
    compiled = numba.njit(fastmath=True, error_model="numpy")(_numba_lives(numba))
    table = np.array(
        [(*failure_rates(g), performance(g), price(g)) for g in range(SEGMENTS)], np.float32
    )

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


def standard_errors_apart(a: F64, b: F64, consumers: Sequence[int]) -> float:
    """Largest distance of two runs' means, in standard errors of the difference.

    Shares of the starters for counts, means over the active for everything else; cells with fewer
    than 200 active consumers in either run are left out, since their errors are not normal.
    """
    worst = 0.0
    active = [r[..., : COUNTS.index("left") + 1].sum(axis=-1) for r in (a, b)]
    enough = np.minimum(*active) >= 200
    starters = [n // SEGMENTS for n in consumers]
    for k in range(len(COUNTS)):
        p, q = a[..., k] / starters[0], b[..., k] / starters[1]
        pooled = (a[..., k] + b[..., k]) / sum(starters)
        variance = pooled * (1 - pooled) * (1 / starters[0] + 1 / starters[1])
        counted = enough & (pooled * min(starters) >= 20)
        worst = max(worst, _largest(p - q, variance, counted))
    for k in range(len(STATES)):
        means = [r[..., _SUMS + k] / n for r, n in zip((a, b), active, strict=True)]
        squares = [r[..., _SQUARES + k] / n for r, n in zip((a, b), active, strict=True)]
        variances = [q - m**2 for q, m in zip(squares, means, strict=True)]
        variance = variances[0] / active[0] + variances[1] / active[1]
        worst = max(worst, _largest(means[0] - means[1], variance, enough))
    return worst


def _largest(difference: F64, variance: F64, counted: npt.NDArray[np.bool_]) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.abs(difference) / np.sqrt(variance)
    return float(np.max(distance, where=counted & (variance > 0), initial=0.0))
