"""Another equation for a word of a finished model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import sympy as sp

from pycore.errors import InputError, allowed_names, refuse
from pycore.model.elements import Define, Draw, Element, Environment, Event, State
from pycore.model.measurement import Measurement
from pycore.model.registry import Step

__all__ = ["Revision"]

_CHANCE = ("probability", "logit", "when")
_TERMS: dict[type[Element], tuple[str, ...]] = {
    Define: ("expression",),
    Event: _CHANCE,
    State: ("carry", "target", "increment", "noise"),
    Environment: ("carry", "target"),
}
_AT_ONCE = Define | Event | Draw  # what has no value before it is computed


class Revision(Measurement):
    """Change what a word is, in the place of the period where it stands."""

    def revise(self, word: sp.Symbol | str, **terms: Any) -> sp.Symbol:
        """Give a word that has an equation another one.

        The word keeps its name, symbol, unit and meaning, its place in the period and its random
        numbers, so that the model before and after can be compared consumer by consumer.

        Parameters
        ----------
        word : sympy.Symbol or str
            A definition, event, state or environment.
        **terms : expression
            ``expression=`` of a definition; one of ``probability=``, ``logit=`` and ``when=`` of an
            event; ``carry=``, ``target=``, ``increment=`` and ``noise=`` of a state; ``carry=`` and
            ``target=`` of an environment.  Terms that are not given stay as they are; None takes a
            state's target or increment away.  The present ones are those of :meth:`element`.

        Returns
        -------
        sympy.Symbol
            The word.

        Raises
        ------
        InputError
            For a word without an equation, a term that it does not have, an expression that the
            language does not allow, an equation that reads itself, and where a word that has to be
            computed earlier now would then read another period's value of a state.

        Notes
        -----
        Draws, events and definitions that are declared later and that the new equation reads are
        computed before it from now on.  States that are updated later are read as of the period
        before, as everywhere.

        Examples
        --------
        Chance of a second visit, if regulars come by habit:

        >>> import pycore as pc
        >>> m = pc.Model("shop")
        >>> mood = m.state("mood", carry=0.9, target=m.draw("luck", pc.Normal(0, 1)))
        >>> visit = m.event("visit", logit=-1 + mood)
        >>> habit = m.state("habit", carry=0.9, target=visit)
        >>> _ = m.revise("visit", logit=m.element("visit").logit + 0.5 * habit)
        >>> m.element("visit").logit
        0.5*habit + mood - 1
        """
        name = self._name("word", word)
        elements, order = dict(self._elements), list(self._order)
        place = next((k for k, s in enumerate(order) if s.name == name), None)
        old = elements[name]
        allowed = _TERMS.get(type(old), ())
        if place is None or not allowed:
            raise refuse("word", name, "a definition, event, state or environment with an equation")
        strange = [t for t in terms if t not in allowed]
        if strange or not terms:
            raise refuse(f"{name!r}", ", ".join(strange) or "no term", allowed_names(allowed))
        try:
            self._declare_again(old, terms)
            step = self._order.pop()
            self._order = self._moved(order, place, step)
            self._elements = self._in_order(elements)
        except InputError:
            self._elements, self._order = elements, order
            raise
        return self[name]

    def _declare_again(self, old: Element, terms: dict[str, Any]) -> None:
        """Through the same door as the first time, so that everything is checked again."""
        about: dict[str, Any] = {t: getattr(old, t) for t in ("unit", "symbol", "doc", "claims")}
        match old:
            case Define():
                del self._elements[old.name]
                self.define(old.name, **terms, **about)
            case Event():
                del self._elements[old.name]
                self.event(old.name, **terms, **about)
            case State() | Environment():
                kept = {t: getattr(old, t) for t in _TERMS[type(old)]} | terms
                bare: dict[str, Any] = {t: None for t in ("target", "increment") if t in kept}
                self._elements[old.name] = dataclasses.replace(old, **bare)
                self.update(self[old.name], **kept)

    def _in_order(self, names: Iterable[str]) -> dict[str, Element]:
        """Words as one could have declared them: what the new equation reads before it."""
        steps = [s.name for s in self._order if s.kind not in ("update", "environment")]
        first = [n for n in names if n not in steps]
        return {n: self._elements[n] for n in (*first, *steps)}

    def _moved(self, order: list[Step], place: int, step: Step) -> list[Step]:
        """The order of a period in which what the revised word reads is known to it."""
        where = {s.name: k for k, s in enumerate(order)}
        if step.kind == "environment":  # computed when the period is over
            last = max([place, *(where.get(n, 0) for n in self._read(step.name))])
            return [*order[:place], *order[place + 1 : last + 1], step, *order[last + 1 :]]
        before: list[str] = []
        self._collect(step.name, where, place, before)
        if step.name in before:
            raise refuse(f"{step.name!r}", f"an equation that reads {step.name!r} through "
                         f"{before[0]!r}", "an equation that does not read itself")  # fmt: skip
        for name in before:
            updated = [
                n for n in self._read(name)
                if isinstance(self._elements[n], State) and place <= where.get(n, -1) < where[name]
            ]  # fmt: skip
            if updated:
                raise refuse(
                    f"{step.name!r}", f"{name!r}, which reads {updated[0]!r} of the same period",
                    f"words that are known before {step.name!r} is computed",
                )  # fmt: skip
        moved = [s for s in order if s.name in before]
        rest = [s for s in order[place + 1 :] if s.name not in before]
        return [*order[:place], *moved, step, *rest]

    def _collect(self, name: str, where: dict[str, int], place: int, found: list[str]) -> None:
        """What must be computed before a place and is declared after it."""
        for n in sorted(self._read(name)):
            late = where.get(n, -1) >= place and isinstance(self._elements[n], _AT_ONCE)
            if late and n not in found:
                found.append(n)
                self._collect(n, where, place, found)

    def _read(self, name: str) -> set[str]:
        """Names in the equation of a word, its own past aside."""
        element = self._elements[name]
        parts: list[Any] = [getattr(element, t) for t in _TERMS.get(type(element), ())]
        if isinstance(element, Draw):
            parts = list(element.distribution.arguments.values())
        symbols = {s.name for p in parts if p is not None for s in sp.sympify(p).free_symbols}
        return symbols - {name} if isinstance(element, State | Environment) else symbols
