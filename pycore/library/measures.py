"""What a seller or platform can do, as levers with assumed costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pycore.model.distributions import LogNormal
from pycore.model.model import Model

__all__ = ["Measure", "priced_levers"]


@dataclass(frozen=True)
class Measure:
    """One lever, its symbol, its assumed cost at full use and what it is."""

    name: str
    symbol: str
    cost: float
    doc: str
    claims: tuple[str, ...]


def priced_levers(m: Model, measures: Iterable[Measure]) -> None:
    """Declare each as a lever from 0 to 1 with its cost as a parameter."""
    for measure in measures:
        price = m.parameter(
            f"cost_{measure.name}", measure.cost, LogNormal(measure.cost, 0.4),
            unit="CNY per consumer-week", symbol=f"k_{{{measure.symbol}}}",
            doc=f"cost of {measure.doc}, at full use",
        )  # fmt: skip
        m.lever(measure.name, 0.0, cost=price, symbol=f"u_{{{measure.symbol}}}", unit="CNY",
                doc=measure.doc, claims=measure.claims)  # fmt: skip
