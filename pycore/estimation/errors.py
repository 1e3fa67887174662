"""What an estimate refuses and what it warns of."""

from __future__ import annotations

from pycore.errors import InputError

__all__ = ["EstimateWarning", "NotYetEstimated"]


class NotYetEstimated(InputError):
    """An option of the contract that this version does not have."""


class EstimateWarning(UserWarning):
    """Something a reader must know before trusting an estimate; the message names it."""
