"""The words that come from outside: parameters, traits, levers and calendars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sympy as sp

from pycore.errors import refuse
from pycore.model import expressions
from pycore.model.checks import finite
from pycore.model.distributions import Distribution
from pycore.model.elements import Calendar, Lever, Parameter, Trait
from pycore.model.registry import Registry

__all__ = ["Exogenous"]


class Exogenous(Registry):
    """What a period is given and does not change."""

    def parameter(
        self,
        name: str,
        value: float,
        prior: Distribution | None = None,
        *,
        unit: str = "",
        source: str = "assumption",
        shared: bool = False,
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare an unknown constant with its value, prior, unit and source.

        Estimated in groups, each group has its own, unless it is ``shared`` or the groups differ in
        the model's constant traits.
        """
        if prior is not None and not isinstance(prior, Distribution):
            raise refuse("prior", prior, "a distribution such as pc.Normal(0, 0.7), or None")
        if prior is not None and any(v.free_symbols for v in prior.arguments.values()):
            raise refuse("prior", str(prior), "a distribution with numbers as arguments")
        return self._add(
            Parameter(
                name=name, value=finite(f"parameter {name!r}", value), prior=prior, unit=unit,
                source=source, shared=bool(shared), symbol=symbol, doc=doc, claims=tuple(claims),
            )
        )  # fmt: skip

    def trait(
        self,
        name: str,
        value: float | Distribution = 0.0,
        *,
        given: bool = False,
        unit: str = "",
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare what is fixed per consumer: a segment's constant or a draw made once.

        Of a ``given`` trait, measured by one item at face value, an estimate takes mean, variance
        and covariances with other given traits from the data instead of estimating them.
        """
        drawn = value if isinstance(value, Distribution) else None
        if drawn is not None:
            for argument, expression in drawn.arguments.items():
                self._check(f"trait {name!r}.{argument}", expression, scalar=True)
        constant = 0.0 if isinstance(value, Distribution) else finite(f"trait {name!r}", value)
        return self._add(
            Trait(
                name=name, value=constant, distribution=drawn, given=bool(given), unit=unit,
                symbol=symbol, doc=doc, claims=tuple(claims),
            )
        )  # fmt: skip

    def correlated(self, *traits: sp.Symbol) -> None:
        """Say that drawn traits share a free correlation matrix when they are estimated.

        Simulation draws them independently; the estimate does not assume that they are.
        """
        names = tuple(self._name("traits", t) for t in traits)
        for name in names:
            element = self._elements[name]
            if not isinstance(element, Trait) or element.distribution is None:
                raise refuse("traits", name, "traits drawn from a distribution")
        if len(set(names)) < 2:
            raise refuse("traits", names, "two or more different traits")
        self._correlated.append(names)

    def lever(
        self,
        name: str,
        default: float = 0.0,
        *,
        low: float = 0.0,
        high: float = 1.0,
        cost: Any = 0,
        unit: str = "",
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare what a decision maker can set, with its range and cost.

        ``cost`` is per active consumer and period at full use (level ``high``); the bill grows in
        proportion to the level.
        """
        low, high = finite("low", low), finite("high", high)
        if not low <= finite(f"lever {name!r}", default) <= high or low == high:
            raise refuse(f"lever {name!r}", default, f"a default within low={low} to high={high}")
        expression = expressions.to_expression("cost", cost)
        self._check("cost", expression, scalar=True)
        return self._add(
            Lever(
                name=name, default=float(default), low=low, high=high, cost=expression, unit=unit,
                symbol=symbol, doc=doc, claims=tuple(claims),
            )
        )  # fmt: skip

    def calendar(
        self,
        name: str,
        values: Sequence[float] | None = None,
        *,
        repeat: bool = False,
        unit: str = "",
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare a given number for each period, the same for everybody.

        Parameters
        ----------
        name : str
            Its name.
        values : sequence of float, optional
            One number per period; without, the period's number 1, 2, ….
        repeat : bool
            Start again after the last value (a season); otherwise a longer run is refused.
        unit, symbol, doc, claims
            For print and the ledger.

        Returns
        -------
        sympy.Symbol
            A scenario may put another series in its place.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("shop", period="quarter")
        >>> season = m.calendar("season", [0.2, 0.1, 0.3, 0.9], repeat=True)
        >>> m.record(m.event("visit", probability=season))
        >>> run = pc.simulate(m, consumers=10_000, periods=8, seed=1)
        >>> run["visit_rate"].values.ravel().round(1).tolist()
        [0.2, 0.1, 0.3, 0.9, 0.2, 0.1, 0.3, 0.9]
        """
        if values is not None and (isinstance(values, str) or not hasattr(values, "__len__")):
            raise refuse("values", values, "one number per period, or None for its number")
        series = tuple(finite(f"calendar {name!r}", v) for v in values or ())
        if values is not None and not series:
            raise refuse("values", values, "at least one number")
        if repeat and not series:
            raise refuse("repeat", repeat, "True only with values")
        return self._add(
            Calendar(
                name=name, values=series, repeat=bool(repeat), unit=unit, symbol=symbol, doc=doc,
                claims=tuple(claims),
            )
        )  # fmt: skip
