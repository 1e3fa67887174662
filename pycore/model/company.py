"""The words of what consumers share: communities and environments."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import sympy as sp

from pycore.errors import InputError, refuse
from pycore.model import expressions
from pycore.model.checks import finite, power_of_two
from pycore.model.elements import SCOPES, Environment, Scope
from pycore.model.functions import average, total
from pycore.model.registry import Step
from pycore.model.vocabulary import Vocabulary

__all__ = ["MAX_COMMUNITY", "Company"]

MAX_COMMUNITY = 16_384


class Company(Vocabulary):
    """Community, environment."""

    def community(self, size: int) -> None:
        """Say how many consumers form a community, such as a live room (at most 16 384).

        Communities are consecutive consumers of one segment; environments with
        ``scope="community"`` are their own.

        Parameters
        ----------
        size : int
            Consumers of a community; the last of a segment may have fewer.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("rooms")
        >>> m.community(50)
        >>> crowd = m.environment("crowd", scope="community")
        >>> stay = m.event("stay", probability=0.5 + 0.4 * crowd)
        >>> m.update(crowd, target=pc.average(stay))
        >>> m.record(stay)
        >>> run = pc.simulate(m, consumers=10_000, periods=12, seed=1)
        >>> round(run["stay_rate"].isel(period=-1).item(), 1)
        0.8
        """
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MAX_COMMUNITY:
            raise refuse("size", size, f"a whole number from 1 to {MAX_COMMUNITY}")
        self._community_size = size

    def environment(
        self,
        name: str,
        *,
        target: Any = None,
        start: float = 0.0,
        carry: Any = 0,
        scope: Scope = "global",
        resolution: float = 2.0**-16,
        unit: str = "",
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare what consumers share, updated once per period, when the period is over.

        next = carry·previous + (1 − carry)·target.  Consumers read it as it was at the end of the
        period before.  Without ``target`` it is only declared, and :meth:`update` gives its
        equation after the words it depends on.

        Parameters
        ----------
        name : str
        target, carry : expression
            Parameters, levers, environments (of the period before) and, of consumers' words,
            :func:`pycore.average`, :func:`pycore.total` and :func:`pycore.share`.  With
            ``scope="neighbours"`` the target is one average or total, and there is no carry.
        start : float
            Value that consumers read in the first period.
        scope : {"global", "community", "neighbours"}
            Whose consumers are aggregated: those of all segments, of a community of
            :meth:`community` size, or a consumer's neighbours in the network of the run.
        resolution : float
            Step of the exact sums, a power of two; the range is 2³¹ steps.
        unit, symbol, doc, claims
            For print.

        Notes
        -----
        Those who influence each other share calls of the random number generator.  So a model that
        is given its first environment has new luck, and cannot be compared with the one before
        consumer by consumer; a lever that switches an environment's influence off can.

        Examples
        --------
        Bass (1969): adopters talk, and the others listen.

        >>> import pycore as pc
        >>> m = pc.Model("bass", period="month")
        >>> adopted = m.environment("adopted_share", start=0)
        >>> p, q = m.parameter("innovation", 0.01), m.parameter("imitation", 0.3)
        >>> adopt = m.event("adopt", probability=p + q * adopted)
        >>> owner = m.state("owner", increment=adopt, carry=1, high=1)
        >>> m.update(adopted, target=pc.average(owner))
        >>> m.record(owner)
        >>> run = pc.simulate(m, consumers=20_000, periods=24, seed=1)
        >>> round(run["adopted_share"].isel(period=-1).item(), 2)
        0.98
        """
        if scope not in SCOPES:
            raise refuse("scope", scope, f"one of {', '.join(SCOPES)}")
        made = self._add(
            Environment(
                name=name, start=finite("start", start), scope=scope,
                resolution=power_of_two("resolution", resolution), unit=unit, symbol=symbol,
                doc=doc, claims=tuple(claims),
            )
        )  # fmt: skip
        if target is not None:
            try:
                self.update(made, carry=carry, target=target)
            except InputError:
                del self._elements[name]
                raise
        return made

    def update(  # noqa: D102  (as of Vocabulary)
        self,
        state: sp.Symbol,
        *,
        carry: Any = 0,
        target: Any = None,
        increment: Any = None,
        noise: Any = 0,
    ) -> None:
        element = self._elements[self._name("state", state)]
        if not isinstance(element, Environment):
            super().update(state, carry=carry, target=target, increment=increment, noise=noise)
            return
        if element.updated:
            raise refuse("state", element.name, "a state or environment that has no equation yet")
        if target is None or increment is not None or noise != 0:
            raise refuse(f"environment {element.name!r}", "no target, an increment or noise",
                         "target= and carry=")  # fmt: skip
        self._update_environment(element, target, carry)

    def _update_environment(self, element: Environment, target: Any, carry: Any) -> None:
        terms = {}
        for word, value in (("target", target), ("carry", carry)):
            expression = expressions.to_expression(f"environment {element.name!r}.{word}", value)
            self._check(f"environment {element.name!r}.{word}", expression, averages=True)
            terms[word] = expression
        if element.scope == "neighbours" and (
            not isinstance(terms["target"], average | total) or terms["carry"] != 0
        ):
            raise refuse(f"environment {element.name!r}", terms["target"],
                         "one average(...) or total(...) over neighbours, without carry")  # fmt: skip
        self._elements[element.name] = dataclasses.replace(element, **terms)
        self._order.append(Step("environment", element.name))
