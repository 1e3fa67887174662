"""Starsim: a module with array states and its own random streams that match across scenarios."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from tests.benchmarks.benchmark_model import PERIODS, SEGMENTS
from tests.benchmarks.peers.columns import COLUMNS, F64, STATES, Peer, segment_table


def starsim_module() -> Peer:
    """All consumers in one simulation; leavers are no longer stepped."""
    ss: Any = import_module("starsim")
    table = segment_table()
    sums = np.zeros((SEGMENTS, PERIODS, len(COLUMNS)))  # outside the module, which is copied

    class Consumers(ss.Module):  # type: ignore[misc]
        def __init__(self, size: int, leave_base: float) -> None:
            super().__init__()
            self.segment = np.arange(size) * SEGMENTS // size
            self.leave_base = leave_base
            starts = dict(zip(STATES, (0.6, 0.0, 0.5, 0.0, 0.0, 0.5), strict=True))
            self.define_states(
                *(ss.FloatArr(name, default=value) for name, value in starts.items()),
                ss.BoolState("here", default=True),
            )
            self.uniforms = [ss.random(name=f"u{k}") for k in range(6)]
            self.normals = [ss.normal(name=f"z{k}") for k in range(3)]

        def step(self) -> None:
            if self.ti >= PERIODS:
                return
            who = self.here.uids
            if len(who) == 0:
                return
            if self.ti == 0:
                self.expectation[who] = 0.6 + 0.1 * self.normals[2].rvs(who)
            segment = self.segment[np.asarray(who)]
            p1, p2, p3, mean, paid = table[segment].T
            u = [stream.rvs(who) for stream in self.uniforms]
            f1, f2, f3 = u[0] < p1, u[1] < p2, u[2] < p3
            failed = f1 | f2 | f3
            z = [stream.rvs(who) for stream in self.normals[:2]]
            perceived = mean + 0.25 * z[0] - 0.5 * f1 - 0.3 * f2 - 0.4 * f3
            comfort = np.where(failed, np.maximum(0, 1 - 0.2 * np.exp(0.7 + 0.6 * z[1])), 0)
            e, s, t, d, x, y = (np.asarray(getattr(self, name)[who]) for name in STATES)
            surprise = perceived - e
            d = np.clip(0.8 * d + np.maximum(0, -surprise) - 0.3 * comfort, 0, 4)
            x = np.minimum(8, 0.95 * x + 0.1 * d + 0.1 * (failed - comfort))
            s = np.clip(0.7 * s + 0.3 * surprise, -4, 4)
            t = np.clip(t + 0.05 * surprise + 0.03 * comfort - 0.02 * failed, 0, 1)
            e = e + 0.1 * surprise
            y = np.clip(0.95 * y + 0.05 * t + 0.02 * s - 0.01 * x, 0, 1)
            states = (e, s, t, d, x, y)
            for name, value in zip(STATES, states, strict=True):
                getattr(self, name)[who] = value
            buy = u[3] * (1 + np.exp(1 - 2 * y - 0.5 * s + 0.3 * x)) < 1
            recommend = u[4] * (1 + np.exp(2.5 - s - 1.5 * t)) < 1
            leave = u[5] * (1 + np.exp(-self.leave_base - 0.8 * x - 0.5 * d + 2 * y)) < 1
            exhausted = ~leave & (x > 1)
            disappointed = ~leave & ~exhausted & (d > 0.5)
            calm = ~leave & ~exhausted & ~disappointed
            columns: list[Any] = [calm, disappointed, exhausted, leave, f1, f2, f3, buy, recommend]
            columns += [buy * paid * (0.5 + y), *states, *(v * v for v in states)]
            for k, column in enumerate(columns):
                sums[:, self.ti, k] += np.bincount(segment, column, minlength=SEGMENTS)
            self.here[who[leave]] = False

    def run(consumers: int, leave_base: float, seed: int) -> F64:
        sums[:] = 0
        module = Consumers(consumers, leave_base)
        ss.Sim(
            n_agents=consumers, modules=module, start=0, dur=PERIODS, dt=1, rand_seed=seed,
            verbose=0,
        ).run()  # fmt: skip
        return sums.copy()

    return run
