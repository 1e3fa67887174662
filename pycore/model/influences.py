"""Who acts on whom within a period, since when, and in which direction.

An influence is read off the equations: the words in an expression act on the word it defines.  Its
direction is found by moving one word at a time at many points of a plausible period, with the
parameters at their values: where every move raises the target the sign is +1, where every move
lowers it −1, else the direction depends on the rest and the sign is 0.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy as sp

from pycore.model.distributions import Categorical, Distribution
from pycore.model.elements import (
    Calendar,
    Define,
    Draw,
    Environment,
    Event,
    Lever,
    Parameter,
    State,
    Trait,
)
from pycore.model.functions import Aggregate, lines, lookup

if TYPE_CHECKING:
    from pycore.model.model import Model

__all__ = ["Influence", "influences"]

_POINTS = 48
_STEP = 0.5
_LAG = "@previous"


@dataclass(frozen=True, slots=True)
class Influence:
    """One arrow of a path diagram."""

    source: str
    target: str
    lagged: bool
    sign: int


@dataclass(frozen=True, slots=True)
class _Effect:
    """What a step computes: its value, and words that act on it without a direction."""

    target: str
    value: sp.Expr
    undirected: frozenset[sp.Symbol]


def influences(model: Model, *, defines: bool | Collection[str] = True) -> tuple[Influence, ...]:
    """All influences between words, parameters left out.

    Parameters
    ----------
    model : Model
        The model.
    defines : bool or collection of str
        Keep defined expressions, all or those named, as words of their own; the causes of the
        others act directly.

    Returns
    -------
    tuple of Influence
        In the order of a period.  ``lagged`` says that the value of the previous period acts.  A
        state's own carry-over is not listed, nor are the events of the stage.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("relief")
    >>> stress = m.state("stress")
    >>> rest = m.event("rest", logit=stress - 1)
    >>> m.update(stress, carry=0.8, target=-rest)
    >>> for i in influences(m):
    ...     print(i.source, "→", i.target, "lagged" if i.lagged else "now", i.sign)
    stress → rest lagged 1
    rest → stress now -1
    """
    kept = defines if not isinstance(defines, bool) else model.elements if defines else ()
    effects = [(effect, _function(effect.value)) for effect in _effects(model, kept)]
    points = _points(model, effects)
    found = []
    for effect, evaluate in effects:
        symbols = effect.value.free_symbols | effect.undirected
        for symbol in sorted(symbols, key=lambda s: _rank(model, s)):
            source, lagged = _unlagged(symbol.name)
            if source == effect.target or isinstance(model.element(source), Parameter):
                continue
            directed = symbol in effect.value.free_symbols and symbol not in effect.undirected
            sign = _sign(evaluate, symbol.name, model, points) if directed else 0
            found.append(Influence(source, effect.target, lagged, sign))
    return tuple(found)


def _rank(model: Model, symbol: sp.Symbol) -> tuple[int, bool]:
    name, lagged = _unlagged(symbol.name)
    return list(model.elements).index(name), lagged


def _unlagged(name: str) -> tuple[str, bool]:
    return (name.removesuffix(_LAG), True) if name.endswith(_LAG) else (name, False)


def _lag(name: str) -> sp.Symbol:
    return sp.Symbol(name + _LAG, real=True)


def _effects(model: Model, kept: Collection[str]) -> Iterator[_Effect]:
    """Every step as an expression in which previous values have names of their own."""
    names = {n: sp.Symbol(n, real=True) for n in model.elements}
    previous = {names[n]: _lag(n) for n in (*model.of_kind(State), *model.of_kind(Environment))}
    inlined: dict[sp.Symbol, sp.Expr] = {}
    last: list[_Effect] = []

    def now(expression: Any) -> sp.Expr:
        return sp.sympify(expression).xreplace(previous).xreplace(inlined)

    for trait in model.of_kind(Trait).values():
        if trait.distribution is not None:
            yield _drawn(trait.name, trait.distribution, now)
    for step in model.order:
        element = model.element(step.name)
        if isinstance(element, Draw):
            yield _drawn(step.name, element.distribution, now)
        elif isinstance(element, Event):
            yield _Effect(step.name, now(element.rule), frozenset())
        elif isinstance(element, Define):
            value = now(element.expression)
            if step.name in kept:
                yield _Effect(step.name, value, frozenset())
            else:
                inlined[names[step.name]] = value
        elif isinstance(element, State):
            carry, target = now(element.carry), now(element.target or 0)
            value = carry * _lag(step.name) + (1 - carry) * target + now(element.increment or 0)
            spread = frozenset(now(element.noise).free_symbols - value.free_symbols)
            yield _Effect(step.name, value, spread)
            del previous[names[step.name]]
        elif isinstance(element, Environment):
            # Consumers read an environment of the period before; it averages this period.
            everyone = {s: p for s, p in previous.items() if not isinstance(
                model.element(s.name), State)}  # fmt: skip
            value = element.carry * names[step.name] + (1 - element.carry) * element.target
            value = value.replace(lambda e: isinstance(e, Aggregate), lambda e: e.args[0])
            last.append(_Effect(step.name, value.xreplace(everyone).xreplace(inlined), frozenset()))
    yield from last


def _drawn(name: str, distribution: Distribution, now: Callable[[Any], sp.Expr]) -> _Effect:
    mean = now(distribution.moments()[0])
    everything = {s for v in distribution.arguments.values() for s in now(v).free_symbols}
    if isinstance(distribution, Categorical):
        return _Effect(name, mean, frozenset(everything))  # the places of options have no order
    return _Effect(name, mean, frozenset(everything - mean.free_symbols))


def _function(expression: sp.Expr) -> Callable[[dict[str, float]], float]:
    expression = expression.replace(lookup, lambda *points: lines(points[0], points[1:]))
    symbols = sorted(expression.free_symbols, key=lambda s: s.name)
    keys = [s.name for s in symbols]
    plain = [sp.Symbol(f"v{k}") for k in range(len(symbols))]
    modules = [{"logistic": lambda x: 1 / (1 + math.exp(-x))}, "math"]
    compiled = sp.lambdify(
        plain, expression.xreplace(dict(zip(symbols, plain, strict=True))), modules
    )
    return lambda point: float(compiled(*(point[k] for k in keys)))


def _points(
    model: Model, effects: list[tuple[_Effect, Callable[[dict[str, float]], float]]]
) -> list[dict[str, float]]:
    """Plausible periods: random previous values and draws, the rest computed in order."""
    source = random.Random(0)
    points = []
    for _ in range(_POINTS):
        point: dict[str, float] = {}
        for name, element in model.elements.items():
            if isinstance(element, Parameter):
                point[name] = element.value
            elif isinstance(element, Lever):
                point[name] = source.uniform(element.low, element.high)
            elif isinstance(element, Calendar):
                point[name] = source.choice(element.values or (1.0, 2.0, 3.0))
            elif isinstance(element, Trait) and element.distribution is None:
                values = [s.traits.get(name, element.value) for s in model.segments.values()]
                point[name] = source.uniform(min(values) - 0.5, max(values) + 0.5)
            elif isinstance(element, State):
                low = -2.0 if element.low is None else element.low
                high = low + 4.0 if element.high is None else element.high
                point[name + _LAG] = source.uniform(low, high)
                if not element.updated:
                    point[name] = point[name + _LAG]
            elif isinstance(element, Environment):
                point[name + _LAG] = element.start + source.uniform(-1, 1)
        try:
            for effect, function in effects:
                name = effect.target
                element = model.element(name)
                value = function(point)
                if isinstance(element, Event):
                    value = float(source.random() < 0.5)
                elif isinstance(element, Draw | Trait):
                    value = _around(value, element.distribution, source)
                point[name] = value
        except (ValueError, ZeroDivisionError, OverflowError):
            continue
        points.append(point)
    return points


def _around(mean: float, distribution: Distribution | None, source: random.Random) -> float:
    low, high = (-math.inf, math.inf) if distribution is None else distribution.support
    if math.isfinite(low):
        return mean * source.uniform(0.2, 2.5) if high == math.inf else source.uniform(low, high)
    return mean + source.gauss(0.0, 1.0)


def _sign(
    evaluate: Callable[[dict[str, float]], float],
    name: str,
    model: Model,
    points: list[dict[str, float]],
) -> int:
    """Direction of the direct effect of one word over all points, 0 where it varies."""
    element = model.element(_unlagged(name)[0])
    moves = set()
    for point in points:
        here = point[name]
        low, high = (0.0, 1.0) if isinstance(element, Event) else (here, here + _STEP)
        if isinstance(element, Lever):
            low, high = element.low, element.high
        try:
            change = evaluate({**point, name: high}) - evaluate({**point, name: low})
        except (ValueError, ZeroDivisionError, OverflowError):
            continue
        if math.isfinite(change) and abs(change) > 1e-12:
            moves.add(change > 0)
    return 0 if len(moves) != 1 else 1 if moves.pop() else -1
