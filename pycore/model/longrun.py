"""Where a consumer settles: the long-run equation of each state, split into terms.

Averaged over many periods, next = carry·previous + (1 − carry)·target + increment + noise leaves
``x = target + increment / (1 − carry)``; how fast a state moves drops out.  Each right-hand side is
split into symbolic coefficients times responses.  A response that is a state or a drawn trait is
exact; draws and events that enter as plain factors are replaced by their means; anything else keeps
its symbolic coefficient and is averaged numerically by :mod:`pycore.model.averages`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean

import sympy as sp

from pycore.errors import refuse
from pycore.model.elements import (
    Calendar,
    Coefficient,
    Define,
    Draw,
    Environment,
    Event,
    Lever,
    Parameter,
    State,
    Trait,
)
from pycore.model.expressions import symbol
from pycore.model.functions import logistic
from pycore.model.model import Model
from pycore.model.numeric import evaluate

__all__ = ["Excluded", "LongRun", "Row", "long_run"]


@dataclass(frozen=True, slots=True)
class Excluded:
    """A state that has no long run, and why."""

    state: str
    reason: str


@dataclass(slots=True)
class Row:
    """Long-run equation of one state: coefficients are symbolic, responses are expressions.

    Attributes
    ----------
    carry : float
        Carry-over at the base point; sets how much a period's chance survives in an average.
    constant : sympy.Expr
        Terms without states, traits or chance.
    linear : dict
        State or drawn trait → symbolic coefficient.
    averaged : list of (coefficient, response)
        Responses whose mean is taken numerically.
    random : list of (coefficient, response)
        The same equation's terms that vary from period to period.
    noise : sympy.Expr
        Standard deviation of the state's own noise.
    """

    carry: float
    constant: sp.Expr = sp.S.Zero
    linear: dict[str, sp.Expr] = field(default_factory=dict)
    averaged: list[tuple[sp.Expr, sp.Expr]] = field(default_factory=list)
    random: list[tuple[sp.Expr, sp.Expr]] = field(default_factory=list)
    noise: sp.Expr = sp.S.Zero


@dataclass(frozen=True, slots=True)
class LongRun:
    """The long-run equations of a model.

    Attributes
    ----------
    rows : dict
        State → its equation, in the order of declaration.
    excluded : tuple of Excluded
        States without a long run; they stand at their start wherever they are read.
    traits, draws, events : dict
        Name → element, with defined names and fixed numbers already put in.
    order : tuple of str
        Draws and events in the order of a period.
    values : dict
        Parameter, constant trait and lever → number at the base point.
    put_in : dict
        Symbols that stand for something else, such as fixed traits, and what stands for them.
    """

    rows: dict[str, Row]
    excluded: tuple[Excluded, ...]
    traits: dict[str, Trait]
    draws: dict[str, Draw]
    events: dict[str, sp.Expr]
    order: tuple[str, ...]
    values: dict[str, float]
    put_in: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)

    def clean(self, coefficient: Coefficient) -> sp.Expr:
        """An item's number or expression, with fixed numbers put in."""
        return sp.sympify(coefficient).xreplace(self.put_in)


def long_run(model: Model, fixed: Mapping[str, float]) -> LongRun:
    """Split every state's long-run equation into terms.

    Parameters
    ----------
    model : Model
        The model.
    fixed : Mapping
        Constant traits and levers → numbers that replace their symbols; parameters → numbers at
        which averages are taken (their symbols stay).
    """
    values = base_values(model)
    for name, number in fixed.items():
        if name not in values:
            raise refuse(
                "fixed", name, f"a parameter, constant trait or lever: {', '.join(values)}"
            )
        values[name] = float(number)
    return _Splitter(model, values, fixed).result()


def base_values(model: Model) -> dict[str, float]:
    """Parameters, constant traits and levers at the numbers the model declares."""
    values = {n: p.value for n, p in model.of_kind(Parameter).items()}
    values |= {n: t.value for n, t in model.constant_traits.items()}
    values |= {n: lever.default for n, lever in model.of_kind(Lever).items()}
    # A series stands at its mean; the number of the period, at 1.
    values |= {n: fmean(c.values or (1.0,)) for n, c in model.of_kind(Calendar).items()}
    return values


class _Splitter:
    """Holds what is put in for names while the equations are split."""

    def __init__(self, model: Model, values: dict[str, float], fixed: Mapping[str, float]) -> None:
        self.model = model
        self.values = values
        self.put_in: dict[sp.Symbol, sp.Expr] = {
            symbol(n): sp.Float(values[n])
            for n in fixed
            if not isinstance(model.element(n), Parameter)
        }
        for name, environment in model.of_kind(Environment).items():
            self.put_in[symbol(name)] = sp.Float(environment.start)
        self.excluded = tuple(self._without_long_run())
        gone = {e.state for e in self.excluded}
        self.states = [n for n in model.of_kind(State) if n not in gone]
        for name in gone:
            self.put_in[symbol(name)] = self._clean(model.of_kind(State)[name].start)
        for name, element in model.elements.items():
            if isinstance(element, Define):
                self.put_in[symbol(name)] = self._clean(element.expression)
            elif isinstance(element, Event) and element.when is not None:
                self.put_in[symbol(name)] = self._clean(element.rule)
        self.traits = {n: t for n, t in model.of_kind(Trait).items() if t.distribution is not None}
        self.draws = model.of_kind(Draw)
        self.events = {
            n: self._probability(e) for n, e in model.of_kind(Event).items() if e.when is None
        }
        self.random = {symbol(n) for n in (*self.draws, *self.events)}
        self.varying = [symbol(n) for n in (*self.states, *self.traits)] + sorted(
            self.random, key=str
        )

    def result(self) -> LongRun:
        rows = {name: self._row(name) for name in self.states}
        order = tuple(
            s.name for s in self.model.order if s.name in self.draws or s.name in self.events
        )
        draws = {
            n: Draw(name=n, distribution=d.distribution.replaced(self._clean))
            for n, d in self.draws.items()
        }
        return LongRun(
            rows=rows, excluded=self.excluded, traits=self.traits, draws=draws,
            events=self.events, order=order, values=self.values, put_in=self.put_in,
        )  # fmt: skip

    def _clean(self, expression: sp.Expr) -> sp.Expr:
        """Put in defined names; they refer only to what was declared before them."""
        return expression.xreplace(self.put_in)

    def _without_long_run(self) -> Iterator[Excluded]:
        for name, state in self.model.of_kind(State).items():
            if not state.updated:
                yield Excluded(name, "has no equation: it stays where it starts")
            elif state.target is None and self._constant(state.carry) == 1:
                yield Excluded(name, "carry = 1 with an increment: it grows without settling")
            elif self._constant(state.carry) == 1:
                yield Excluded(name, "carry = 1: it keeps its start")

    def _constant(self, expression: sp.Expr) -> float | None:
        if all(s.name in self.values for s in expression.free_symbols):
            return float(evaluate(expression, self.values))
        return None

    def _probability(self, event: Event) -> sp.Expr:
        if event.probability is not None:
            return self._clean(event.probability)
        assert event.logit is not None  # an event has exactly one of the two
        return logistic(self._clean(event.logit))

    def _row(self, name: str) -> Row:
        state = self.model.of_kind(State)[name]
        carry = self._clean(state.carry)
        number = self._constant(carry)
        if number is None:
            raise refuse(
                f"structural: carry of {name!r}", state.carry,
                "parameters, constant traits and levers (a carry-over that varies within a "
                "life has no linear long run)",
            )  # fmt: skip
        row = Row(carry=number, noise=self._clean(state.noise))
        right = sp.S.Zero if state.target is None else self._clean(state.target)
        if state.increment is not None:
            right += self._clean(state.increment) / (1 - carry)
        for coefficient, response in self._terms(right):
            self._place(row, coefficient, response)
        return row

    def _terms(self, expression: sp.Expr) -> Iterator[tuple[sp.Expr, sp.Expr]]:
        """Symbolic coefficient and response of each term; a response of 1 is a constant."""
        waiting = [(sp.S.One, expression)]
        while waiting:
            coefficient, part = waiting.pop()
            outside, response = part.as_independent(*self.varying, as_Add=False)
            coefficient = coefficient * outside
            if response.is_Mul:
                response = sp.expand_mul(response)
            if response.is_Add:
                waiting.extend((coefficient, term) for term in response.args)
            elif response.is_Mul and response.as_independent(*self.varying)[0] != 1:
                waiting.append((coefficient, response))
            elif coefficient != 0:
                yield coefficient, response.replace(_is_positive_power(self.events), _base)

    def _place(self, row: Row, coefficient: sp.Expr, response: sp.Expr) -> None:
        if response == 1:
            row.constant += coefficient
        elif response.is_Symbol and response not in self.random:
            row.linear[response.name] = row.linear.get(response.name, sp.S.Zero) + coefficient
        elif not response.free_symbols & self.random:
            row.averaged.append((coefficient, response))
        else:
            row.random.append((coefficient, response))
            mean = self._mean(response)
            if mean is None:
                row.averaged.append((coefficient, response))
                return
            for inner, rest in self._terms(mean):
                self._place(row, coefficient * inner, rest)

    def _mean(self, response: sp.Expr) -> sp.Expr | None:
        """Mean of a product of independent draws and events given everything else, if it is one."""
        mean = sp.S.One
        for factor in sp.Mul.make_args(response):
            if factor in self.random:
                if factor.name in self.events:
                    factor = self.events[factor.name]
                else:
                    factor = self._clean(self.draws[factor.name].distribution.moments()[0])
            if factor.free_symbols & self.random:
                return None
            mean *= factor
        return mean


def _is_positive_power(events: Mapping[str, sp.Expr]):  # type: ignore[no-untyped-def]
    """An event is 0 or 1, so its powers are the event."""

    def found(node: sp.Basic) -> bool:
        return bool(
            isinstance(node, sp.Pow)
            and node.base.is_Symbol
            and node.base.name in events
            and node.exp.is_positive
        )

    return found


def _base(base: sp.Expr, _exponent: sp.Expr) -> sp.Expr:
    return base
