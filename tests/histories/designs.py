"""Small stage models, panels drawn from them, and their likelihood by counting every path."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pycore.histories.panel import Panel, category_levels, covariate_units, read_panel
from pycore.histories.stage_design import Design, Family, read_graph, read_outcomes

Array = NDArray[np.float64]
DISENGAGEMENT = {
    "engaged": ["disappointed"],
    "disappointed": ["engaged", "exhausted"],
    "exhausted": ["gone"],
    "gone": [],
}


def design(
    data: pd.DataFrame, graph: Any, outcomes: dict[str, Family], covariates: tuple[str, ...] = (),
    *, platform: str | None = None, known: str | None = None, free_start: bool = False,
) -> Design:  # fmt: skip
    """A design without the entry point's checks."""
    labels, goals = read_graph(graph)
    silent = tuple(s for s in labels if not goals[s])
    families, orders = read_outcomes(outcomes, None, len(labels) - len(silent))
    centre, scale = covariate_units(data, covariates)
    return Design(
        stages=labels, goals=goals, silent=silent, outcomes=families, orders=orders,
        levels={n: category_levels(data, n) for n, f in families.items() if f == "categorical"},
        covariates=covariates, centre=centre, scale=scale,
        platforms=tuple(sorted(set(data[platform]))) if platform else ("",), consumer="consumer",
        period="period", platform=platform, known=known, free_start=free_start,
    )  # fmt: skip


def random_panel(rng: np.random.Generator, consumers: int, longest: int) -> pd.DataFrame:
    """Histories of several lengths with gaps of both kinds; nothing in it means anything."""
    rows = []
    for who in range(consumers):
        length = int(rng.integers(1, longest + 1))
        for period in range(length):
            if 0 < period < length - 1 and rng.random() < 0.15:
                continue
            rows.append({
                "consumer": who, "period": period + 3, "platform": "AB"[who % 2],
                "bought": float(rng.random() < 0.4) if rng.random() < 0.9 else np.nan,
                "visits": float(rng.poisson(1.5)), "channel": str(rng.choice(["none", "app", "web"])),
                "failure": rng.normal(), "support": rng.normal(),
            })  # fmt: skip
    return pd.DataFrame(rows)


def by_paths(d: Design, panel: Panel, theta: Array) -> tuple[float, Array]:
    """Log-likelihood and smoothed probabilities, by the sum over all sequences of stages."""
    stages = len(d.stages)
    start = np.eye(stages)[0]
    if d.free_start:
        odds = np.exp(np.r_[0.0, d.part(theta, "start")])
        start = odds / odds.sum()
    total, smoothed = 0.0, np.zeros((len(panel.codes), stages))
    for who, (first, length) in enumerate(zip(panel.first, panel.length, strict=True)):
        rows = np.arange(first, first + length)
        moves = [
            d.transition(theta, int(panel.platform[who]), panel.covariates[r]) for r in rows[:-1]
        ]
        table = np.array([[seen(d, panel, theta, panel.codes[r], s) for s in range(stages)]
                         for r in rows])  # fmt: skip
        likelihood = 0.0
        for path in itertools.product(range(stages), repeat=int(length)):
            chance = start[path[0]] * table[0, path[0]]
            for t in range(1, int(length)):
                chance *= moves[t - 1][path[t - 1], path[t]] * table[t, path[t]]
            likelihood += chance
            for t, stage in enumerate(path):
                smoothed[first + t, stage] += chance
        smoothed[rows] /= likelihood
        total += np.log(likelihood)
    return float(total), smoothed


def seen(d: Design, panel: Panel, theta: Array, code: int, stage: int) -> float:
    from scipy.stats import poisson

    if panel.known[code] >= 0 and panel.known[code] != stage:
        return 0.0
    chance = 1.0
    for k, (name, family) in enumerate(d.outcomes.items()):
        value = panel.values[k, code]
        if np.isnan(value):
            continue
        expected = d.expected(theta, name)[stage]
        if family == "categorical":
            chance *= expected[int(value)]
        elif family == "poisson":
            chance *= float(poisson.pmf(value, expected))
        else:
            chance *= expected if value else 1 - expected
    return float(chance)


def simulated_panel(
    d: Design, theta: Array, consumers: int, periods: int, seed: int
) -> pd.DataFrame:
    """Consumers drawn from a design's own θ; covariates standard normal, outcomes from stages."""
    rng = np.random.default_rng(seed)
    stages = len(d.stages)
    x = rng.standard_normal((consumers, periods, len(d.covariates)))
    platform = np.arange(consumers) % len(d.platforms)
    stage = np.zeros(consumers, dtype=int)
    frames = []
    for t in range(periods):
        frame: dict[str, Any] = {"consumer": np.arange(consumers), "period": t, "truth": stage}
        frame["platform"] = np.array(d.platforms)[platform]
        for k, name in enumerate(d.covariates):
            frame[name] = x[:, t, k] * d.scale[k] + d.centre[k]
        for name, family in d.outcomes.items():
            expected = d.expected(theta, name)[stage]
            frame[name] = rng.poisson(expected) if family == "poisson" else (
                rng.random(consumers) < expected).astype(int)  # fmt: skip
        frames.append(pd.DataFrame(frame))
        moves = d.transition(theta, platform, x[:, t]).cumsum(axis=-1)[np.arange(consumers), stage]
        stage = np.minimum((rng.random(consumers)[:, None] > moves).sum(axis=1), stages - 1)
    return pd.concat(frames, ignore_index=True)


def panel_of(data: pd.DataFrame, d: Design) -> Panel:
    """Histories of a table."""
    return read_panel(data, d)
