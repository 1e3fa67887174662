"""States on a z-scale: paths between them, what is left to persons, and units made standard."""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

from pycore.model.distributions import HalfNormal, Normal
from pycore.model.model import Model

__all__ = ["disposition", "path", "standardised"]


def path(
    m: Model, name: str, value: float, symbol: str, doc: str = "", claims: Iterable[str] = ()
) -> sp.Symbol:
    """Declare a path coefficient, ``effect_by_cause``, with the prior that all of them share."""
    doc = doc or name.replace("_by_", " per unit of ").replace("_", " ")
    return m.parameter(name, value, Normal(0, 0.7), unit="z per z", symbol=symbol, doc=doc,
                       claims=claims)  # fmt: skip


def disposition(m: Model, state: str, symbol: str, value: float) -> sp.Expr:
    """Declare what makes consumers differ in a state beyond its causes."""
    sd = m.parameter(
        f"sd_{state}", value, HalfNormal(1), unit="z", symbol=rf"\psi_{{{symbol}}}",
        doc=f"spread of personal {state.replace('_', ' ')} beyond its causes",
    )  # fmt: skip
    return sd * m.trait(f"disposition_{state}", Normal(0, 1), unit="z", symbol=f"d^{{{symbol}}}",
                        doc=f"personal disposition: {state.replace('_', ' ')}")  # fmt: skip


def standardised(expression: sp.Expr, base: tuple[float, float]) -> sp.Expr:
    """Subtract the mean that an expression has in the base scenario, divide by its deviation."""
    centre, scale = base
    return (expression - centre) / scale
