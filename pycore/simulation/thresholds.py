"""Where answers are cut unless a model says."""

from __future__ import annotations

__all__ = ["SPAN", "default_thresholds"]

SPAN = 4.5  # thresholds are 4.5 / points apart


def default_thresholds(points: int) -> tuple[float, ...]:
    """Equally spaced cuts, 4.5 / points apart and symmetric about 0.

    Examples
    --------
    >>> [round(c, 2) for c in default_thresholds(5)]
    [-1.35, -0.45, 0.45, 1.35]
    """
    step = SPAN / points
    return tuple(step * (k - points / 2) for k in range(1, points))
