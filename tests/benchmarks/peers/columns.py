"""What every peer returns, and how far two of them are apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tests.benchmarks.benchmark_model import SEGMENTS, failure_rates, performance, price

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
REVENUE, SUMS = COLUMNS.index("revenue"), COLUMNS.index(STATES[0])
SQUARES = SUMS + len(STATES)


def segment_table() -> F32:
    """Rates of the three failures, mean performance and price of every segment."""
    rows = [(*failure_rates(g), performance(g), price(g)) for g in range(SEGMENTS)]
    return np.array(rows, np.float32)


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
        means = [r[..., SUMS + k] / n for r, n in zip((a, b), active, strict=True)]
        squares = [r[..., SQUARES + k] / n for r, n in zip((a, b), active, strict=True)]
        variances = [q - m**2 for q, m in zip(squares, means, strict=True)]
        variance = variances[0] / active[0] + variances[1] / active[1]
        worst = max(worst, _largest(means[0] - means[1], variance, enough))
    return worst


def _largest(difference: F64, variance: F64, counted: npt.NDArray[np.bool_]) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.abs(difference) / np.sqrt(variance)
    return float(np.max(distance, where=counted & (variance > 0), initial=0.0))
