"""What chance within a life leaves in an average over a window of periods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pycore.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Window", "averaging"]


class Window:
    """What chance within a life leaves in averages over a window, in the linear system.

    One period is x ← F x + G w: a state reads those updated before it in the same period at their
    new value, the others at the old one.

    Parameters
    ----------
    B : ndarray
        Paths between states.
    carry : ndarray
        Carry-overs.
    updates : sequence of int
        Place of each state's update in the period.
    periods : int
        Length of the window.
    """

    def __init__(
        self,
        B: NDArray[np.float64],
        carry: NDArray[np.float64],
        updates: Sequence[int],
        periods: int,
    ) -> None:
        import numpy as np

        size = len(B)
        place = np.asarray(updates)
        now = np.where(place[:, None] > place[None, :], B, 0.0)
        moved = np.eye(size) - (1 - carry)[:, None] * now
        self.G = np.linalg.inv(moved)
        self.F = self.G @ (np.diag(carry) + (1 - carry)[:, None] * (B - now))
        if np.abs(np.linalg.eigvals(self.F)).max() >= 1:
            raise InputError(
                "model: received states that feed back on each other without settling, allowed is "
                "a model whose steady state is stable"
            )
        self.rest = np.eye(size) - B
        self.periods = periods

    def left_over(self, i: int, j: int) -> NDArray[np.float64]:
        """(I − B)·Var(average)·(I − B)ᵀ for unit covariance of the chance of two states."""
        import numpy as np
        from scipy.linalg import solve_discrete_lyapunov

        unit = np.zeros_like(self.F)
        unit[i, j] = unit[j, i] = 1.0
        still = solve_discrete_lyapunov(self.F, self.G @ unit @ self.G.T)
        total = self.periods * still
        lagged = still
        for k in range(1, self.periods):
            lagged = self.F @ lagged
            total = total + (self.periods - k) * (lagged + lagged.T)
        left = self.rest @ (total / self.periods**2) @ self.rest.T
        return np.where(np.abs(left) > 1e-12, (left + left.T) / 2, 0.0)


def averaging(one: float, two: float, window: int) -> float:
    """Covariance of the averages of two autoregressions driven by the same unit-variance chance.

    Parameters
    ----------
    one, two : float
        Their carry-overs, below 1.
    window : int
        Number of periods averaged.

    Returns
    -------
    float
        For equal carry-overs, the variance of the average.

    Examples
    --------
    Without carry-over it is the variance of a mean of independent numbers.

    >>> averaging(0.0, 0.0, 4)
    0.25
    """
    lagged = sum((window - k) * (one**k + two**k) for k in range(1, window))
    return (window + lagged) / (window**2 * (1 - one * two))
