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
from pycore.model.checks import finite, require_reachable
from pycore.model.distributions import Distribution
from pycore.model.elements import Define, Draw, Event, Stage, State
from pycore.model.exogenous import Exogenous
from pycore.model.registry import Step

__all__ = ["Vocabulary"]


class Vocabulary(Exogenous):
    """Draw, event, state, define, stage."""

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
        """Declare a random quantity drawn anew in every period.

        Parameters
        ----------
        name : str
            Its name, which also addresses its random numbers: renamed, it has other luck.
        distribution : Distribution
            With expressions as arguments.
        unit, symbol, doc, claims
            For print and the ledger of claims.

        Returns
        -------
        sympy.Symbol
            For the equations of other words.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("queue")
        >>> m.record(m.draw("wait", pc.Exponential(4.0), unit="minutes"))
        >>> run = pc.simulate(m, consumers=100_000, periods=1, seed=1)
        >>> round(run["wait_mean"].item())
        4
        """
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

        Parameters
        ----------
        name : str
            Its name, which also addresses its random numbers.
        probability, logit : expression, optional
            Its chance, or the log-odds of it.  A probability has to stay within [0, 1] wherever it
            is known before a run; within a run it is cut.
        when : condition, optional
            Instead of chance: the event happens exactly where it holds.
        unit, symbol, doc, claims
            For print and the ledger of claims.

        Returns
        -------
        sympy.Symbol
            For the equations of other words.

        Raises
        ------
        InputError
            Unless exactly one of ``probability``, ``logit`` and ``when`` is given.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("queue")
        >>> wait = m.draw("wait", pc.Exponential(4.0))
        >>> late = m.event("late", when=wait > 8)
        >>> m.record(late, m.event("leave", logit=-4 + 2 * late))
        >>> run = pc.simulate(m, consumers=100_000, periods=1, seed=1)
        >>> round(run["late_rate"].item(), 2), round(run["leave_rate"].item(), 2)
        (0.14, 0.03)
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

        Parameters
        ----------
        name : str
            Its name.
        start : expression
            Value before the first period, of traits, parameters and levers.
        carry : expression
            Share of the previous value that stays, in [0, 1].
        target : expression, optional
            Where it is drawn to.
        increment : expression, optional
            What is added.
        noise : expression
            Standard deviation of a normal disturbance in every period.
        low, high : float, optional
            Bounds.
        unit, symbol, doc, claims
            For print and the ledger of claims.

        Returns
        -------
        sympy.Symbol
            Read before its update in a period, the value of the period before; after it, the new
            one.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("mood")
        >>> m.record(m.state("mood_level", start=1.0, carry=0.5, target=0.2, noise=0.1))
        >>> run = pc.simulate(m, consumers=100_000, periods=3, seed=1)
        >>> run["mood_level_mean"].values.ravel().round(2).tolist()
        [0.6, 0.4, 0.3]
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

        An environment gets its equation the same way; it is computed when the period is over, and
        it has neither increment nor noise.

        Parameters
        ----------
        state : sympy.Symbol
            A state or environment without an equation.
        carry, target, increment, noise : expression
            As of :meth:`state` and :meth:`environment`.

        Examples
        --------
        Who has visited is keener to come again:

        >>> import pycore as pc
        >>> m = pc.Model("shop")
        >>> habit = m.state("habit")
        >>> visit = m.event("visit", probability=0.1 + 0.6 * habit)
        >>> m.update(habit, carry=0.8, target=visit)
        >>> [step.name for step in m.order]
        ['visit', 'habit']
        """
        name = self._name("state", state)
        element = self._elements[name]
        if not isinstance(element, State) or element.updated:
            raise refuse("state", name, "a state or environment that has no equation yet")
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
        """Name an expression without memory.

        Parameters
        ----------
        name : str
            Its name.
        expression : expression
            Of words that are declared.
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
        >>> price, worth = m.parameter("price", 3.0), m.trait("worth", pc.Normal(4, 1))
        >>> surplus = m.define("surplus", worth - price, unit="CNY")
        >>> m.record(surplus)
        >>> run = pc.simulate(m, consumers=100_000, periods=1, seed=1)
        >>> round(run["surplus_mean"].item(), 1)
        1.0
        """
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

        Parameters
        ----------
        name : str
            Its name.
        transitions : mapping of str to mapping of str to sympy.Symbol
            Stage → {next stage: event}.  The first stage is where every consumer starts; of several
            events in one period the first listed decides.
        absorbing : str or sequence of str
            Stages that end a life.
        symbol, doc, claims
            For print and the ledger of claims.

        Returns
        -------
        sympy.Symbol
            The stage's number, in the order of ``transitions`` and then ``absorbing``.

        Raises
        ------
        InputError
            For a second stage word, labels that occur twice, moves that are no events, and stages
            that nobody can reach.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("shop")
        >>> leave = m.event("leave", probability=0.1)
        >>> _ = m.stage("status", {"customer": {"gone": leave}}, absorbing="gone")
        >>> run = pc.simulate(m, consumers=100_000, periods=3, seed=1)
        >>> run["share"].sel(stage="customer").values.ravel().round(2).tolist()
        [0.9, 0.81, 0.73]
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
