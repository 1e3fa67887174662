"""The words of a period as methods: each checks its arguments, then declares."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from pycore.errors import InputError, refuse, require_name
from pycore.model import expressions
from pycore.model.checks import finite, power_of_two, require_reachable
from pycore.model.distributions import Distribution
from pycore.model.elements import (
    SCOPES,
    Define,
    Draw,
    Environment,
    Event,
    Scope,
    Stage,
    State,
)
from pycore.model.exogenous import Exogenous
from pycore.model.functions import average, total
from pycore.model.registry import Step

__all__ = ["MAX_COMMUNITY", "Vocabulary"]

MAX_COMMUNITY = 16_384


class Vocabulary(Exogenous):
    """Draw, event, state, define, stage, community, environment."""

    def draw(
        self,
        name: str,
        distribution: Distribution,
        *,
        unit: str = "",
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare a random quantity drawn anew in every period."""
        if not isinstance(distribution, Distribution):
            raise refuse("distribution", distribution, "a distribution such as pc.Normal(0, 1)")
        for argument, expression in distribution.arguments.items():
            self._check(f"draw {name!r}.{argument}", expression)
        return self._add(
            Draw(
                name=name, distribution=distribution, unit=unit, symbol=symbol, doc=doc,
                claims=tuple(claims),
            ),
            "draw",
        )  # fmt: skip

    def event(
        self,
        name: str,
        *,
        probability: Any = None,
        logit: Any = None,
        when: Any = None,
        unit: str = "",
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare what happens or not in a period; its symbol is 1 or 0.

        ``probability`` and ``logit`` leave it to chance; ``when`` is a condition, and the event
        happens exactly where it holds.
        """
        if [probability, logit, when].count(None) != 2:
            raise refuse(
                f"event {name!r}", {"probability": probability, "logit": logit, "when": when},
                "exactly one of probability=, logit= and when=",
            )  # fmt: skip
        chosen: dict[str, Any] = {}
        if when is not None:
            if not isinstance(when, Relational | BooleanFunction) or not when.free_symbols:
                raise refuse(f"event {name!r}.when", when, "a condition such as x > 0")
            self._check(f"event {name!r}.when", when)
            chosen["when"] = when
        for word, value in (("probability", probability), ("logit", logit)):
            if value is not None:
                expression = expressions.to_expression(f"event {name!r}.{word}", value)
                self._check(f"event {name!r}.{word}", expression)
                chosen[word] = expression
        p = chosen.get("probability")
        if p is not None and p.is_number and not 0 <= p <= 1:
            raise refuse(f"event {name!r}.probability", probability, "a probability in [0, 1]")
        return self._add(
            Event(
                name=name, **chosen, unit=unit, symbol=symbol, doc=doc, claims=tuple(claims)
            ),
            "event",
        )  # fmt: skip

    def state(
        self,
        name: str,
        *,
        start: Any = 0,
        carry: Any = 0,
        target: Any = None,
        increment: Any = None,
        noise: Any = 0,
        low: float | None = None,
        high: float | None = None,
        unit: str = "",
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare what is carried from period to period.

        next = carry·previous + (1 − carry)·target + increment + noise·ε, within [low, high].
        Without ``target`` and ``increment`` the state is only declared, and :meth:`update` gives
        its equation later, after the words it depends on.
        """
        bounds = tuple(None if b is None else finite("bound", b) for b in (low, high))
        if None not in bounds and not bounds[0] < bounds[1]:  # type: ignore[operator]
            raise refuse(f"state {name!r}", (low, high), "low below high")
        begin = expressions.to_expression(f"state {name!r}.start", start)
        self._check(f"state {name!r}.start", begin, start=True)
        made = self._add(
            State(
                name=name, start=begin, low=bounds[0], high=bounds[1], unit=unit, symbol=symbol,
                doc=doc, claims=tuple(claims),
            )
        )  # fmt: skip
        if target is not None or increment is not None:
            try:
                self.update(made, carry=carry, target=target, increment=increment, noise=noise)
            except InputError:
                del self._elements[name]
                raise
        return made

    def update(
        self,
        state: sp.Symbol,
        *,
        carry: Any = 0,
        target: Any = None,
        increment: Any = None,
        noise: Any = 0,
    ) -> None:
        """Give a declared state its equation, at this point of the period.

        An environment gets its equation the same way; it is computed when the period is over.
        """
        name = self._name("state", state)
        element = self._elements[name]
        if not isinstance(element, State | Environment) or element.updated:
            raise refuse("state", name, "a state or environment that has no equation yet")
        if isinstance(element, Environment):
            if target is None or increment is not None or noise != 0:
                raise refuse(f"environment {name!r}", "no target, an increment or noise",
                             "target= and carry=")  # fmt: skip
            self._update_environment(element, target, carry)
            return
        if target is None and increment is None:
            raise refuse(f"state {name!r}", "no equation", "target= or increment=")
        terms: dict[str, Any] = {"target": None, "increment": None}
        for word, value in (
            ("carry", carry), ("target", target), ("increment", increment), ("noise", noise),
        ):  # fmt: skip
            if value is not None:
                expression = expressions.to_expression(f"state {name!r}.{word}", value)
                self._check(f"state {name!r}.{word}", expression)
                terms[word] = expression
        for word, allowed in (("carry", "a number in [0, 1]"), ("noise", "a number of at least 0")):
            number = terms[word]
            if number is not None and number.is_number:
                limit = 1 if word == "carry" else sp.oo
                if not 0 <= number <= limit:
                    raise refuse(f"state {name!r}.{word}", float(number), allowed)
        self._elements[name] = dataclasses.replace(element, **terms)
        self._order.append(Step("update", name))

    def define(
        self,
        name: str,
        expression: Any,
        *,
        unit: str = "",
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Name an expression without memory."""
        value = expressions.to_expression(f"define {name!r}", expression)
        self._check(f"define {name!r}", value)
        return self._add(
            Define(
                name=name, expression=value, unit=unit, symbol=symbol, doc=doc,
                claims=tuple(claims),
            ),
            "define",
        )  # fmt: skip

    def stage(
        self,
        name: str,
        transitions: Mapping[str, Mapping[str, sp.Symbol]],
        *,
        absorbing: str | Sequence[str] = (),
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare stages and the events that lead from one to another.

        ``transitions`` maps a stage to ``{next stage: event}``; the first stage is where every
        consumer starts, and of several events in one period the first listed decides.  Absorbing
        stages end a life.
        """
        if any(isinstance(e, Stage) for e in self._elements.values()):
            raise refuse("stage", name, "one stage word per model")
        ends = (absorbing,) if isinstance(absorbing, str) else tuple(absorbing)
        labels = (*transitions, *ends)
        if not transitions or len(set(labels)) != len(labels):
            raise refuse(f"stage {name!r}", labels, "different labels, at least one not absorbing")
        table: dict[str, dict[str, str]] = {}
        for origin, moves in transitions.items():
            table[origin] = {}
            for goal, event in moves.items():
                require_name(f"stage {name!r}.{origin}", goal, labels)
                event_name = self._name(f"stage {name!r}.{origin}.{goal}", event)
                if not isinstance(self._elements[event_name], Event) or goal == origin:
                    raise refuse(f"stage {name!r}.{origin}.{goal}", event_name,
                                 "an event leading to another stage")  # fmt: skip
                table[origin][goal] = event_name
        require_reachable(name, table, ends)
        return self._add(
            Stage(
                name=name, transitions=table, absorbing=ends, symbol=symbol, doc=doc,
                claims=tuple(claims),
            ),
            "stage",
        )  # fmt: skip

    def community(self, size: int) -> None:
        """Say how many consumers form a community, such as a live room (at most 16 384).

        Communities are consecutive consumers of one segment; environments with
        ``scope="community"`` are their own.
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
