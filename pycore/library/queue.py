"""Waiting for people who answer."""

from __future__ import annotations

import sympy as sp

__all__ = ["HELD", "waiting"]

HELD = 0.95  # load beyond which the formula, which grows without end, is held


def waiting(load: sp.Expr, people: sp.Expr) -> sp.Expr:
    """Mean time in line over the mean time of service, of an M/M/c queue after Sakasegawa (1977).

    Beyond a load of ``HELD`` it is that of ``HELD``; what arrives too much is the caller's to add.
    """
    held = sp.Max(sp.Min(load, HELD), 0.01)  # nobody at all has no logarithm
    return sp.exp(sp.log(held) * (sp.sqrt(2 * (people + 1)) - 1)) / (people * (1 - held))
