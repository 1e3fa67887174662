"""One walk through a period, or through the start of a life: quantities → lane code.

A state has two values, the one before and the one after its update, and each reader gets the one
that stands when it is reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from pycore.model.distributions import Distribution
from pycore.model.elements import Define, Draw, Environment, Event, Stage, State, Trait
from pycore.model.functions import logistic
from pycore.model.model import Model
from pycore.program.allocation import allocate, chained, live, renumber_streams, together
from pycore.program.instructions import Op
from pycore.program.lowering import Instruction, LaneCode, ScalarCode
from pycore.program.program import Row

__all__ = ["Builder", "Part", "start", "walk"]


@dataclass(frozen=True, slots=True)
class Part:
    """Encoded code of the start or of the step, with the streams it draws from."""

    rows: list[Row]
    streams: list[str]
    registers: dict[int, int]
    size: int


class Builder:
    """One walk through a period; values carry the version of the state they were read from."""

    def __init__(self, model: Model, scalar: ScalarCode, carried: dict[str, int]) -> None:
        self.model = model
        self.carried = carried
        self.count = 0
        self.code = LaneCode(scalar, self.new)
        self.fixed: dict[int, int] = {}
        self.named: dict[str, int] = {}
        self.current: dict[sp.Symbol, sp.Symbol] = {}

    def new(self) -> int:
        """A value that nothing else is."""
        self.count += 1
        return self.count - 1

    def read(self, name: str) -> None:
        """Bind a carried quantity to the value its register holds when the period begins."""
        value = self.new()
        self.fixed[value] = self.carried[name]
        self.named[name] = value
        self.code.bind(self.model[name], value)

    def lower(self, expression: sp.Basic) -> int:
        """The value of an expression, with states as they stand now."""
        return self.code.lower(expression.xreplace(self.current))

    def drawn(self, stream: str, distribution: Distribution) -> int:
        """A number drawn from a distribution."""
        standard = []
        for k, base in enumerate(distribution.bases):
            name = stream if k == 0 else f"{stream}#{k + 1}"
            standard.append(sp.Symbol(f"standard {name}", real=True))
            self.code.bind(standard[-1], self.standard(name, base == "normal"))
        return self.lower(distribution.transform(*standard))

    def standard(self, stream: str, normal: bool) -> int:
        """A standard normal or uniform number."""
        op = Op.NORMAL if normal else Op.UNIFORM
        return self.code.emit(op, stream=self.code.streams.index(stream))

    def name(self, name: str, value: int) -> None:
        """Let a quantity of this period be known by its name."""
        if value in self.fixed:
            value = self._copy(value)  # the register may be overwritten before the name is read
        self.named[name] = value
        self.code.bind(self.model[name], value)

    def carry(self, name: str, value: int, before: int) -> None:
        """Place a new value in its persistent register; a shared value is copied, not aliased."""
        if not self.code.fresh(value, before) or value in self.fixed:
            value = self._copy(value)
        self.fixed[value] = self.carried[name]
        self.named[name] = value
        symbol = self.model[name]
        self.current[symbol] = sp.Symbol(f"{name} updated", real=True)
        self.code.bind(self.current[symbol], value)

    def _copy(self, source: int) -> int:
        value = self.new()
        self.code.instructions.append(Instruction(Op.COPY, value, (source,)))
        return value

    def finish(self, outputs: set[int]) -> Part:
        """The rows that the outputs need, in registers."""
        code = chained(live(self.code.instructions, outputs), self.fixed)
        code, streams = renumber_streams(together(code, outputs), self.code.streams.slots)
        rows, registers, size = allocate(code, self.fixed, outputs, len(self.carried))
        return Part(rows, streams, registers, size)


def start(b: Builder) -> Part:
    """Traits that are drawn, and states that do not begin at 0."""
    placed: set[int] = set()
    for name, trait in b.model.of_kind(Trait).items():
        if trait.distribution is not None:
            before = len(b.code.instructions)
            b.carry(name, b.drawn(f"trait:{name}", trait.distribution), before)
            placed.add(b.named[name])
    for name in b.carried:
        element = b.model.element(name)
        if isinstance(element, State | Environment) and element.start != 0:
            before = len(b.code.instructions)
            b.carry(name, b.lower(sp.sympify(element.start)), before)
            placed.add(b.named[name])
    return b.finish(placed)


def walk(b: Builder, stage: Stage | None) -> None:
    """A period in the model's order."""
    for name in b.carried:
        b.read(name)
    if stage is None and b.model.stage_element is not None:
        # Nobody moves: the stage keeps its first label, whose code is 0.
        b.name(b.model.stage_element.name, b.lower(sp.S.Zero))
        del b.named[b.model.stage_element.name]
    for step in b.model.order:
        element = b.model.element(step.name)
        before = len(b.code.instructions)
        if isinstance(element, Draw):
            b.name(step.name, b.drawn(f"draw:{step.name}", element.distribution))
        elif isinstance(element, Event):
            b.name(step.name, _event(b, element))
        elif isinstance(element, Define):
            b.name(step.name, b.lower(element.expression))
        elif isinstance(element, State):
            b.carry(step.name, _next(b, element), before)
        elif isinstance(element, Stage) and stage is not None:
            b.carry(step.name, _transition(b, element), before)


def _event(b: Builder, event: Event) -> int:
    if event.when is not None:
        return b.lower(event.when)
    stream = b.code.streams.index(f"event:{event.name}")
    expression = event.logit if event.probability is None else event.probability
    assert expression is not None
    if b.code.scalar.is_scalar(expression):
        probability = expression if event.logit is None else logistic(expression)
        register = b.code.scalar.lower(probability)
        return b.code.emit(Op.EVENT_S, scalars=(register,), stream=stream)
    op = Op.EVENT_P if event.logit is None else Op.EVENT_LOGIT
    return b.code.emit(op, (b.lower(expression),), stream=stream)


def _next(b: Builder, state: State) -> int:
    previous = b.model[state.name]
    following: sp.Expr = state.carry * previous
    if state.target is not None:
        following += (1 - state.carry) * state.target
    if state.increment is not None:
        following += state.increment
    if state.noise != 0:
        shock = sp.Symbol(f"standard noise:{state.name}", real=True)
        b.code.bind(shock, b.standard(f"noise:{state.name}", normal=True))
        following += state.noise * shock
    if state.low is not None:
        following = sp.Max(following, state.low)
    if state.high is not None:
        following = sp.Min(following, state.high)
    return b.lower(following)


def _transition(b: Builder, stage: Stage) -> int:
    """Of several events in one period the first listed decides, so they are applied backwards."""
    old = b.named[stage.name]
    several = len(stage.transitions) > 1
    result = old
    for origin, moves in reversed(stage.transitions.items()):
        here = b.code.scalar.constant(float(stage.labels.index(origin)))
        for goal, event in reversed(moves.items()):
            happened = b.lower(b.model[event])
            if several:
                inside = b.code.emit(Op.EQ_S, (old,), (here,))
                happened = b.code.emit(Op.MUL, (inside, happened))
            there = b.lower(sp.Integer(stage.labels.index(goal)))
            result = b.code.choose(happened, there, result)
    return result
