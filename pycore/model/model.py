"""A consumer model, written once as symbolic equations.

Words are declared in the order in which a period runs through them: a state that is read before
its own update gives the value of the previous period, afterwards the value of this one.
"""

from __future__ import annotations

import dataclasses
import keyword
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import sympy as sp

from pycore.errors import InputError, refuse, require_name
from pycore.model import expressions
from pycore.model.distributions import Distribution
from pycore.model.elements import (
    Define,
    Draw,
    Element,
    Environment,
    Event,
    Item,
    Lever,
    Parameter,
    RecordSpec,
    Segment,
    Stage,
    State,
    Trait,
)
from pycore.model.functions import average

if TYPE_CHECKING:
    import pandas as pd

    from pycore.model.equations import Equations
    from pycore.model.structural import Structural

__all__ = ["Model", "Step"]

E = TypeVar("E", bound=Element)
StepKind = Literal["draw", "event", "define", "update", "stage", "environment"]
MAX_RECORD_BINS = 4096


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One entry of a period's order: what happens to which name."""

    kind: StepKind
    name: str


class Model:
    """A model of consumers, built from outside the package exactly as the library's are.

    Parameters
    ----------
    name : str
        Identifier of the model (snake_case).
    period : str
        What one period is: ``"week"``, ``"day"``, ``"session"``.
    title, doc : str
        For print.

    Examples
    --------
    A theory in a dozen lines; everything else follows from it.

    >>> import pycore as pc
    >>> m = pc.Model("queue_fatigue", period="day")
    >>> wait = m.draw(
    ...     "waiting_minutes", pc.LogNormal(mean=m.parameter("mean_wait", 6, unit="min"), sigma=0.8)
    ... )
    >>> cross = m.state(
    ...     "annoyance", carry=0.7, target=m.parameter("annoyance_per_minute", 0.1) * wait
    ... )
    >>> leave = m.event("leave", logit=m.parameter("base", -5) + 1.2 * cross)
    >>> _ = m.stage("customer", {"active": {"left": leave}}, absorbing="left")
    >>> m.record(cross, leave)
    >>> run = pc.simulate(m, consumers=10_000, periods=30, seed=1)
    >>> int(run["consumers"].sel(stage="left").isel(period=-1).sum())
    3405
    """

    def __init__(self, name: str, period: str = "week", *, title: str = "", doc: str = "") -> None:
        _require_identifier("name", name)
        if not isinstance(period, str) or not period:
            raise refuse("period", period, "a word such as 'day', 'week' or 'session'")
        self.name = name
        self.period = period
        self.title = title or name.replace("_", " ")
        self.doc = doc
        self._elements: dict[str, Element] = {}
        self._order: list[Step] = []
        self._items: dict[str, Item] = {}
        self._records: dict[str, RecordSpec] = {}
        self._segments: dict[str, Segment] = {}
        self._correlated: list[tuple[str, ...]] = []
        self.recall = 26

    # ------------------------------------------------------------------ words

    def parameter(
        self,
        name: str,
        value: float,
        prior: Distribution | None = None,
        *,
        unit: str = "",
        source: str = "assumption",
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare an unknown constant with its value, prior, unit and source."""
        if prior is not None and not isinstance(prior, Distribution):
            raise refuse("prior", prior, "a distribution such as pc.Normal(0, 0.7), or None")
        if prior is not None and any(v.free_symbols for v in prior.arguments.values()):
            raise refuse("prior", str(prior), "a distribution with numbers as arguments")
        return self._add(
            Parameter(
                name=name, value=_finite(f"parameter {name!r}", value), prior=prior, unit=unit,
                source=source, symbol=symbol, doc=doc, claims=tuple(claims),
            )
        )  # fmt: skip

    def trait(
        self,
        name: str,
        value: float | Distribution = 0.0,
        *,
        unit: str = "",
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare what is fixed per consumer: a segment's constant or a draw made once."""
        drawn = value if isinstance(value, Distribution) else None
        if drawn is not None:
            for argument, expression in drawn.arguments.items():
                self._check(f"trait {name!r}.{argument}", expression, scalar=True)
        constant = 0.0 if isinstance(value, Distribution) else _finite(f"trait {name!r}", value)
        return self._add(
            Trait(
                name=name, value=constant, distribution=drawn, unit=unit, symbol=symbol, doc=doc,
                claims=tuple(claims),
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
        low, high = _finite("low", low), _finite("high", high)
        if not low <= _finite(f"lever {name!r}", default) <= high or low == high:
            raise refuse(f"lever {name!r}", default, f"a default within low={low} to high={high}")
        expression = expressions.to_expression("cost", cost)
        self._check("cost", expression, scalar=True)
        return self._add(
            Lever(
                name=name, default=float(default), low=low, high=high, cost=expression, unit=unit,
                symbol=symbol, doc=doc, claims=tuple(claims),
            )
        )  # fmt: skip

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
        unit: str = "",
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare what happens or not in a period; its symbol is 1 or 0."""
        if (probability is None) == (logit is None):
            raise refuse(
                f"event {name!r}", {"probability": probability, "logit": logit},
                "exactly one of probability= and logit=",
            )  # fmt: skip
        chosen = {}
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
        bounds = tuple(None if b is None else _finite("bound", b) for b in (low, high))
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
        """Give a declared state its equation, at this point of the period."""
        name = self._name("state", state)
        element = self._elements[name]
        if not isinstance(element, State) or element.updated:
            raise refuse("state", name, "a state that has no equation yet")
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
        _require_reachable(name, table, ends)
        return self._add(
            Stage(
                name=name, transitions=table, absorbing=ends, symbol=symbol, doc=doc,
                claims=tuple(claims),
            ),
            "stage",
        )  # fmt: skip

    def environment(
        self,
        name: str,
        *,
        target: Any,
        start: float = 0.0,
        carry: Any = 0,
        scope: Literal["global", "community"] = "global",
        unit: str = "",
        symbol: str = "",
        doc: str = "",
        claims: Iterable[str] = (),
    ) -> sp.Symbol:
        """Declare a scalar shared by all (or a community), updated once per period.

        Its target may use :func:`pycore.average` of consumers' quantities.  It is printed with the
        model; simulating it is refused until the machine couples consumers.
        """
        if scope not in ("global", "community"):
            raise refuse("scope", scope, "'global' or 'community'")
        terms = {}
        for word, value in (("target", target), ("carry", carry)):
            expression = expressions.to_expression(f"environment {name!r}.{word}", value)
            self._check(f"environment {name!r}.{word}", expression, averages=True)
            terms[word] = expression
        return self._add(
            Environment(
                name=name, start=_finite("start", start), scope=scope, unit=unit, symbol=symbol,
                doc=doc, claims=tuple(claims), **terms,
            ),
            "environment",
        )  # fmt: skip

    # ------------------------------------------------------- measurement, output

    def survey(
        self,
        measures: sp.Symbol,
        items: int | Sequence[str],
        *,
        points: int = 7,
        loading: float | Sequence[float] = 1.0,
        error: float | Sequence[float] = 0.5,
        intercept: float | Sequence[float] = 0.0,
        thresholds: Sequence[float] = (),
        wording: Sequence[str] = (),
    ) -> tuple[str, ...]:
        """Measure a state (or drawn trait) by items; returns the item names.

        Parameters
        ----------
        measures : sympy.Symbol
            What the items measure.
        items : int or sequence of str
            Number of items (named ``<state>_1`` …) or their names.
        points : int
            Answer categories, 2 to 101; 0 for continuous answers.
        loading, error, intercept : float or sequence of float
            One value for all items or one per item; ``error`` is a standard deviation, 0 for an
            observed score taken at face value.
        thresholds : sequence of float
            The ``points − 1`` increasing cuts; by default equally spaced, 4.5 / points apart.
        wording : sequence of str
            The items in words, for print.
        """
        target = self._name("measures", measures)
        element = self._elements[target]
        if not (isinstance(element, State) or _is_drawn(element)):
            raise refuse("measures", target, "a state or a trait drawn from a distribution")
        if isinstance(items, int) and not isinstance(items, bool):
            if items < 1:
                raise refuse("items", items, "at least one item")
            names = tuple(f"{target}_{k + 1}" for k in range(items))
        else:
            names = tuple(items)  # type: ignore[arg-type]
        if not isinstance(points, int) or points == 1 or not 0 <= points <= 101:
            raise refuse("points", points, "0 (continuous) or 2 to 101 categories")
        cuts = tuple(_finite("thresholds", c) for c in thresholds)
        if cuts and (len(cuts) != points - 1 or any(a >= b for a, b in pairwise(cuts))):
            raise refuse("thresholds", cuts, f"{points - 1} increasing numbers")
        columns = {
            word: _per_item(word, value, len(names))
            for word, value in (("loading", loading), ("error", error), ("intercept", intercept))
        }
        if any(e < 0 for e in columns["error"]):
            raise refuse("error", error, "standard deviations of at least 0")
        words = _per_text("wording", wording, len(names))
        for k, name in enumerate(names):
            _require_identifier("items", name)
            if name in self._items:
                raise refuse("items", name, "a name no other item has")
            self._items[name] = Item(
                name=name, measures=target, points=points, thresholds=cuts, doc=words[k],
                loading=columns["loading"][k], error=columns["error"][k],
                intercept=columns["intercept"][k],
            )  # fmt: skip
        return names

    def record(
        self,
        *quantities: sp.Symbol,
        by_stage: bool = False,
        bins: tuple[float, float, int] | None = None,
        resolution: float = 2.0**-16,
    ) -> None:
        """Aggregate quantities in every period: counts of events, means and variances otherwise.

        Parameters
        ----------
        *quantities : sympy.Symbol
            Events, states, draws, defined expressions, drawn traits.
        by_stage : bool
            Keep the stages apart.
        bins : (low, high, number), optional
            Also a histogram with equal bins, one below and one above.
        resolution : float
            Step of the exact fixed-point sums, a power of two; the range is 2³¹ steps.
        """
        exponent = math.log2(resolution) if resolution > 0 else math.nan
        if not exponent.is_integer() or abs(exponent) > 30:
            raise refuse("resolution", resolution, "a power of two from 2**-30 to 2**30")
        if bins is not None:
            low, high, count = (*bins, None, None)[:3]
            if not (
                isinstance(count, int) and 1 <= count <= MAX_RECORD_BINS
                and _finite("bins", low) < _finite("bins", high)
            ):  # fmt: skip
                raise refuse("bins", bins, f"(low, high, number) with 1 to {MAX_RECORD_BINS} bins")
        for quantity in quantities:
            name = self._name("quantities", quantity)
            element = self._elements[name]
            if not (isinstance(element, Event | State | Draw | Define) or _is_drawn(element)):
                raise refuse("quantities", name, "an event, state, draw, define or drawn trait")
            if bins is not None and isinstance(element, Event):
                raise refuse("bins", bins, "None for an event")
            self._records[name] = RecordSpec(
                name=name, by_stage=by_stage, bins=bins, resolution=float(resolution)
            )

    def segment(self, name: str, weight: float = 1.0, **traits: float) -> None:
        """Declare a part of the population: its weight and the constants of its traits."""
        _require_identifier("segment", name)
        if name in self._segments:
            raise refuse("segment", name, "a name no other segment has")
        if not _finite(f"segment {name!r}.weight", weight) > 0:
            raise refuse(f"segment {name!r}.weight", weight, "a number above 0")
        for trait, value in traits.items():
            require_name(f"segment {name!r}", trait, self.constant_traits)
            _finite(f"segment {name!r}.{trait}", value)
        self._segments[name] = Segment(
            name=name, weight=float(weight), traits={k: float(v) for k, v in traits.items()}
        )

    # ------------------------------------------------------------------ reading

    def __getitem__(self, name: str) -> sp.Symbol:
        """The symbol of a declared word."""
        require_name("name", name, self._elements)
        return expressions.symbol(name)

    def element(self, name: str) -> Element:
        """The declared word behind a name."""
        require_name("name", name, self._elements)
        return self._elements[name]

    def of_kind(self, kind: type[E]) -> dict[str, E]:
        """All words of one kind, in the order of declaration."""
        return {n: e for n, e in self._elements.items() if isinstance(e, kind)}

    @property
    def elements(self) -> Mapping[str, Element]:
        """Every word by name, in the order of declaration."""
        return dict(self._elements)

    @property
    def order(self) -> tuple[Step, ...]:
        """What happens in a period, in order."""
        return tuple(self._order)

    @property
    def items(self) -> Mapping[str, Item]:
        """Survey items by name."""
        return dict(self._items)

    @property
    def records(self) -> Mapping[str, RecordSpec]:
        """Recorded quantities by name."""
        return dict(self._records)

    @property
    def segments(self) -> Mapping[str, Segment]:
        """Segments by name; a model without any has one called ``all``."""
        return dict(self._segments) or {"all": Segment(name="all")}

    @property
    def constant_traits(self) -> dict[str, Trait]:
        """Traits that a segment fixes."""
        return {n: t for n, t in self.of_kind(Trait).items() if t.distribution is None}

    @property
    def correlated_traits(self) -> tuple[tuple[str, ...], ...]:
        """Groups of traits whose correlations are free when estimated."""
        return tuple(self._correlated)

    @property
    def stage_element(self) -> Stage | None:
        """The stage word, if the model has one."""
        return next(iter(self.of_kind(Stage).values()), None)

    @property
    def parameters(self) -> pd.DataFrame:
        """Table of parameters: value, prior, unit, source, claims, meaning."""
        import pandas as pd

        rows = [
            {
                "parameter": p.name, "symbol": p.symbol or p.name, "value": p.value,
                "prior": "" if p.prior is None else str(p.prior), "unit": p.unit,
                "source": p.source, "claims": ", ".join(p.claims), "meaning": p.doc,
            }
            for p in self.of_kind(Parameter).values()
        ]  # fmt: skip
        columns = ["symbol", "value", "prior", "unit", "source", "claims", "meaning"]
        return pd.DataFrame(rows, columns=["parameter", *columns]).set_index("parameter")

    def equations(self) -> Equations:
        """The model's equations in the order of a period, ready for print."""
        from pycore.model.equations import equations

        return equations(self)

    def diagram(self, *, defines: bool = True) -> Any:
        """Path diagram as SVG, laid out by causal depth; shows itself in a notebook."""
        from pycore.model.diagram import diagram

        return diagram(self, defines=defines)

    def structural(self, **fixed: float) -> Structural:
        """Long-run linear system of the states, see :mod:`pycore.model.structural`."""
        from pycore.model.structural import structural

        return structural(self, **fixed)

    def to_json(self) -> str:
        """The whole model as canonical JSON."""
        from pycore.model.serialize import to_json

        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Model:
        """Rebuild a model from :meth:`to_json`, checking everything again."""
        from pycore.model.serialize import from_json

        return from_json(text)

    def copy(self) -> Model:
        """An independent copy that can be extended."""
        return Model.from_json(self.to_json())

    def __repr__(self) -> str:
        return (
            f"<Model {self.name}: {len(self.of_kind(State))} states, "
            f"{len(self.of_kind(Event))} events, {len(self.of_kind(Parameter))} parameters, "
            f"period {self.period}>"
        )

    # ------------------------------------------------------------------ checking

    def _add(self, element: Element, kind: StepKind | None = None) -> sp.Symbol:
        _require_identifier("name", element.name)
        if element.name in self._elements:
            raise refuse("name", element.name, "a name that is not declared yet")
        for claim in element.claims:
            if not isinstance(claim, str):
                raise refuse("claims", claim, "claim ids as strings")
        self._elements[element.name] = element
        if kind is not None:
            self._order.append(Step(kind, element.name))
        return expressions.symbol(element.name)

    def _name(self, argument: str, symbol: Any) -> str:
        name = symbol.name if isinstance(symbol, sp.Symbol) else symbol
        if not isinstance(name, str):
            raise refuse(argument, symbol, "the symbol or name of a declared word")
        require_name(argument, name, self._elements)
        return name

    def _check(
        self,
        argument: str,
        expression: sp.Expr,
        *,
        scalar: bool = False,
        start: bool = False,
        averages: bool = False,
    ) -> None:
        known: dict[str, Element] = dict(self._elements)
        if scalar or start:
            kinds: tuple[type[Element], ...] = (Parameter, Lever, Trait)
            known = {
                n: e
                for n, e in known.items()
                if isinstance(e, kinds) and (start or not _is_drawn(e))
            }
        elif averages:
            known = {n: e for n, e in known.items() if not isinstance(e, Stage)}
        else:
            known = {n: e for n, e in known.items() if not isinstance(e, Stage)}
            if expression.has(average):
                raise refuse(argument, expression, "averages in an environment's target only")
        expressions.check(argument, expression, known)


def _is_drawn(element: Element) -> bool:
    return isinstance(element, Trait) and element.distribution is not None


def _finite(argument: str, value: Any) -> float:
    if isinstance(value, bool | str) or value is None:
        raise refuse(argument, value, "a finite number")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise refuse(argument, value, "a finite number") from None
    if not math.isfinite(number):
        raise refuse(argument, value, "a finite number")
    return number


def _require_identifier(argument: str, name: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise refuse(argument, name, "an identifier such as 'emotional_exhaustion'")


def _require_reachable(
    name: str, table: dict[str, dict[str, str]], absorbing: tuple[str, ...]
) -> None:
    reached, frontier = set(), [next(iter(table))]
    while frontier:
        label = frontier.pop()
        if label not in reached:
            reached.add(label)
            frontier.extend(table.get(label, {}))
    for label in (*table, *absorbing):
        if label not in reached:
            raise refuse(f"stage {name!r}", label, "stages that can be reached from the first one")


def _per_item(argument: str, value: Any, count: int) -> list[float]:
    values = list(value) if isinstance(value, Sequence) else [value] * count
    if len(values) != count:
        raise refuse(argument, value, f"one number or {count} numbers")
    return [_finite(argument, v) for v in values]


def _per_text(argument: str, value: Sequence[str], count: int) -> list[str]:
    if not value:
        return [""] * count
    if isinstance(value, str) or len(value) != count:
        raise refuse(argument, value, f"{count} sentences")
    return list(value)
