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
        """Declare an unknown constant.

        Parameters
        ----------
        name : str
            Its name.
        value : float
            What simulation uses, and where an estimate begins.
        prior : Distribution, optional
            What is believed before there are data, with numbers as arguments.
        source : str
            Where value and prior come from: a citation, or the honest ``"assumption"``.
        shared : bool
            One value for all groups of an estimate.  Otherwise each group has its own, unless the
            groups differ in the model's constant traits.
        unit, symbol, doc, claims
            For print and the ledger of claims.

        Returns
        -------
        sympy.Symbol
            For the equations of other words.

        Raises
        ------
        InputError
            For a name that is taken or no identifier, a value that is not finite, and a prior that
            depends on other words.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("queue")
        >>> _ = m.parameter("patience", 4.0, pc.Normal(4, 1), unit="minutes", doc="mean patience")
        >>> m.parameters.loc["patience", ["prior", "source"]].tolist()
        ['Normal(4, 1)', 'assumption']
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

        Parameters
        ----------
        name : str
            Its name.
        value : float or Distribution
            A number that segments may replace, or the distribution from which every consumer has
            hers; its arguments may hold parameters, levers and constant traits.
        given : bool
            Of a trait measured by one item at face value: an estimate takes mean, variance and
            covariances with other given traits from the data instead of estimating them.
        unit, symbol, doc, claims
            For print and the ledger of claims.

        Returns
        -------
        sympy.Symbol
            For the equations of other words.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("shop")
        >>> member = m.trait("member", 0.0)
        >>> thrift = m.trait("thrift", pc.Normal(0.5 * member, 1))
        >>> m.record(thrift)
        >>> m.segment("guests", weight=2)
        >>> m.segment("members", member=1.0)
        >>> run = pc.simulate(m, consumers=30_000, periods=1, seed=1)
        >>> run["thrift_mean"].sel(segment=["guests", "members"]).values.ravel().round(1).tolist()
        [0.0, 0.5]
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

        Parameters
        ----------
        *traits : sympy.Symbol
            At least two traits drawn from distributions.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("taste")
        >>> m.correlated(m.trait("thrift", pc.Normal(0, 1)), m.trait("pride", pc.Normal(0, 1)))
        >>> m.correlated_traits
        (('thrift', 'pride'),)
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

        Parameters
        ----------
        name : str
            Its name.
        default, low, high : float
            Level where no scenario sets another, and the range of levels.
        cost : expression
            Per active consumer and period at full use (level ``high``), of parameters, levers and
            constant traits; the bill grows in proportion to the level.
        unit, symbol, doc, claims
            For print and the ledger of claims.

        Returns
        -------
        sympy.Symbol
            For the equations of other words.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("shop", period="week")
        >>> gift = m.lever("gift", cost=0.5, unit="CNY")
        >>> m.record(m.event("visit", probability=0.2 + 0.1 * gift))
        >>> run = pc.simulate(
        ...     m,
        ...     consumers=100_000,
        ...     periods=4,
        ...     seed=1,
        ...     scenarios={"none": {}, "gifts": {"gift": 1.0}},
        ... )
        >>> run["visit_rate"].mean("period").values.ravel().round(2).tolist()
        [0.2, 0.3]
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
