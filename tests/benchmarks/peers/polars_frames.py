"""Polars: one lazy query per period over a frame of all consumers; NumPy draws the numbers."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from tests.benchmarks.benchmark_model import PERIODS, SEGMENTS
from tests.benchmarks.peers.columns import COLUMNS, F64, Peer, segment_table

_STATES = ("e", "s", "t", "d", "x", "y")


def polars_frames() -> Peer:
    """Whole population in one frame; leavers are filtered out."""
    pl = import_module("polars")
    c, f32 = pl.col, pl.Float32

    def n(value: float) -> object:
        return pl.lit(value, dtype=f32)

    def run(consumers: int, leave_base: float, seed: int) -> F64:
        rng = np.random.Generator(np.random.SFC64(seed))
        sums = np.zeros((SEGMENTS, PERIODS, len(COLUMNS)))
        segment = np.repeat(np.arange(SEGMENTS), consumers // SEGMENTS)
        size = len(segment)
        own = segment_table()[segment]
        full = {k: np.full(size, v, np.float32) for k, v in zip(_STATES[1:], (0, 0.5, 0, 0, 0.5),
                                                                strict=True)}  # fmt: skip
        first = np.float32(0.6) + np.float32(0.1) * rng.standard_normal(size, dtype=np.float32)
        frame = pl.DataFrame(
            {"segment": segment.astype(np.uint8), "e": first, **full}
            | {name: own[:, k] for k, name in enumerate(("p1", "p2", "p3", "mean", "paid"))}
        )
        for period in range(PERIODS):
            u = rng.random((6, frame.height), dtype=np.float32)
            z = rng.standard_normal((2, frame.height), dtype=np.float32)
            drawn = [pl.Series(f"u{k}", row) for k, row in enumerate(u)]
            drawn += [pl.Series(f"z{k}", row) for k, row in enumerate(z)]
            f = [c(f"f{k}").cast(f32) for k in (1, 2, 3)]
            lived = (
                frame.lazy()
                .with_columns(drawn)
                .with_columns(f1=c.u0 < c.p1, f2=c.u1 < c.p2, f3=c.u2 < c.p3)
                .with_columns(
                    failed=(c.f1 | c.f2 | c.f3).cast(f32),
                    perceived=c("mean")
                    + n(0.25) * c.z0
                    - n(0.5) * f[0]
                    - n(0.3) * f[1]
                    - n(0.4) * f[2],
                )
                .with_columns(
                    comfort=c.failed
                    * (n(1) - n(0.2) * (n(0.7) + n(0.6) * c.z1).exp()).clip(0, None),
                    surprise=c.perceived - c.e,
                )
                .with_columns(
                    d=(n(0.8) * c.d + (-c.surprise).clip(0, None) - n(0.3) * c.comfort).clip(0, 4)
                )
                .with_columns(
                    x=(n(0.95) * c.x + n(0.1) * c.d + n(0.1) * (c.failed - c.comfort)).clip(
                        None, 8
                    ),
                    s=(n(0.7) * c.s + n(0.3) * c.surprise).clip(-4, 4),
                    t=(c.t + n(0.05) * c.surprise + n(0.03) * c.comfort - n(0.02) * c.failed).clip(
                        0, 1
                    ),
                    e=c.e + n(0.1) * c.surprise,
                )
                .with_columns(
                    y=(n(0.95) * c.y + n(0.05) * c.t + n(0.02) * c.s - n(0.01) * c.x).clip(0, 1)
                )
                .with_columns(
                    buy=c.u3 * (n(1) + (n(1) - n(2) * c.y - n(0.5) * c.s + n(0.3) * c.x).exp()) < 1,
                    recommend=c.u4 * (n(1) + (n(2.5) - c.s - n(1.5) * c.t).exp()) < 1,
                    leave=c.u5
                    * (n(1) + (n(-leave_base) - n(0.8) * c.x - n(0.5) * c.d + n(2) * c.y).exp())
                    < 1,
                )
                .with_columns(exhausted=~c.leave & (c.x > 1))
                .with_columns(disappointed=~c.leave & ~c.exhausted & (c.d > 0.5))
                .collect()
            )
            flags = ("disappointed", "exhausted", "leave", "f1", "f2", "f3", "buy", "recommend")
            rows = lived.group_by("segment", maintain_order=True).agg(
                [pl.len().alias("calm"), *(c(flag).sum() for flag in flags)]
                + [(c.paid * (n(0.5) + c.y)).filter(c.buy).cast(pl.Float64).sum().alias("revenue")]
                + [c(v).cast(pl.Float64).sum().alias(f"sum {v}") for v in _STATES]
                + [(c(v) * c(v)).cast(pl.Float64).sum().alias(f"square {v}") for v in _STATES]
            ).to_numpy().astype(np.float64)  # fmt: skip
            rows[:, 1] -= rows[:, 2] + rows[:, 3] + rows[:, 4]
            sums[rows[:, 0].astype(int), period] += rows[:, 1:]
            frame = lived.filter(~c.leave).select(frame.columns)
        return sums

    return run
