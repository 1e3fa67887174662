"""What an estimate warns of."""

from __future__ import annotations

__all__ = ["EstimateWarning"]


class EstimateWarning(UserWarning):
    """Something a reader must know before trusting an estimate; the message names it."""
