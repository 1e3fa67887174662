"""Mesa: one Python object per consumer, as its tutorials have it."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np

from tests.benchmarks.benchmark_model import PERIODS, SEGMENTS
from tests.benchmarks.peers.columns import COLUMNS, F64, Peer, segment_table


def mesa_agents() -> Peer:
    """Agents that step in order; a leaver is removed."""
    mesa: Any = import_module("mesa")
    table = [tuple(map(float, row)) for row in segment_table()]

    class Consumer(mesa.Agent):  # type: ignore[misc]
        def __init__(self, model: Any, segment: int) -> None:
            super().__init__(model)
            self.segment = segment
            self.e = 0.6 + 0.1 * self.random.gauss(0, 1)
            self.s, self.t, self.d, self.x, self.y = 0.0, 0.5, 0.0, 0.0, 0.5

        def step(self) -> None:
            p1, p2, p3, mean, paid = table[self.segment]
            draw, gauss = self.random.random, self.random.gauss
            f1, f2, f3 = draw() < p1, draw() < p2, draw() < p3
            failed = f1 or f2 or f3
            perceived = mean + 0.25 * gauss(0, 1) - 0.5 * f1 - 0.3 * f2 - 0.4 * f3
            comfort = max(0.0, 1 - 0.2 * math.exp(0.7 + 0.6 * gauss(0, 1))) if failed else 0.0
            surprise = perceived - self.e
            d = self.d = min(4, max(0, 0.8 * self.d + max(0, -surprise) - 0.3 * comfort))
            x = self.x = min(8, 0.95 * self.x + 0.1 * d + 0.1 * (failed - comfort))
            s = self.s = max(-4, min(4, 0.7 * self.s + 0.3 * surprise))
            t = self.t = max(0, min(1, self.t + 0.05 * surprise + 0.03 * comfort - 0.02 * failed))
            e = self.e = self.e + 0.1 * surprise
            y = self.y = max(0, min(1, 0.95 * self.y + 0.05 * t + 0.02 * s - 0.01 * x))
            buy = draw() * (1 + math.exp(1 - 2 * y - 0.5 * s + 0.3 * x)) < 1
            recommend = draw() * (1 + math.exp(2.5 - s - 1.5 * t)) < 1
            away = -self.model.leave_base - 0.8 * x - 0.5 * d + 2 * y
            leave = draw() * (1 + math.exp(away)) < 1
            row = self.model.sums[self.segment][self.model.period]
            row[3 if leave else 2 if x > 1 else 1 if d > 0.5 else 0] += 1
            revenue = paid * (0.5 + y) if buy else 0.0
            added = (f1, f2, f3, buy, recommend, revenue, e, s, t, d, x, y,
                     e * e, s * s, t * t, d * d, x * x, y * y)  # fmt: skip
            for column, value in enumerate(added, 4):
                row[column] += value
            if leave:
                self.remove()

    class Market(mesa.Model):  # type: ignore[misc]
        def __init__(self, size: int, leave_base: float, seed: int) -> None:
            super().__init__(rng=seed)
            self.leave_base, self.period = leave_base, 0
            self.sums = [[[0.0] * len(COLUMNS) for _ in range(PERIODS)] for _ in range(SEGMENTS)]
            Consumer.create_agents(self, size, [i * SEGMENTS // size for i in range(size)])

    def run(consumers: int, leave_base: float, seed: int) -> F64:
        market = Market(consumers, leave_base, seed)
        for market.period in range(PERIODS):
            market.agents.do("step")
        return np.array(market.sums)

    return run
