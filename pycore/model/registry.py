"""What a model holds: declared words by name, the order of a period, and the checks of names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import sympy as sp

from pycore.errors import refuse, require_name
from pycore.model import expressions
from pycore.model.checks import require_identifier
from pycore.model.elements import (
    Calendar,
    Coefficient,
    Element,
    Environment,
    Item,
    Lever,
    Outcome,
    Parameter,
    RecordSpec,
    Segment,
    Stage,
    Trait,
)
from pycore.model.functions import Aggregate

__all__ = ["Registry", "Step", "is_drawn"]

E = TypeVar("E", bound=Element)
# Words that are the same for everybody.
_GIVEN = Parameter | Lever | Calendar | Environment
StepKind = Literal["draw", "event", "define", "update", "stage", "environment"]


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a period's order: what happens to which name."""

    kind: StepKind
    name: str


class Registry:
    """Storage of a model's words; read through properties, written by the words themselves."""

    def __init__(self) -> None:
        self._elements: dict[str, Element] = {}
        self._order: list[Step] = []
        self._items: dict[str, Item] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._records: dict[str, RecordSpec] = {}
        self._segments: dict[str, Segment] = {}
        self._correlated: list[tuple[str, ...]] = []
        self._error_covariances: dict[tuple[str, str], Coefficient] = {}
        self._trait_covariances: dict[tuple[str, str], Coefficient] = {}
        self._community_size: int | None = None

    def __getitem__(self, name: str) -> sp.Symbol:
        """The symbol of a declared word."""
        require_name("name", name, self._elements)
        return expressions.symbol(name)

    def element(self, name: str) -> Element:
        """The declared word behind a name.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("shop")
        >>> _ = m.event("visit", probability=0.2)
        >>> m.element("visit").probability
        0.200000000000000
        """
        require_name("name", name, self._elements)
        return self._elements[name]

    def of_kind(self, kind: type[E]) -> dict[str, E]:
        """All words of one kind, in the order of declaration.

        Examples
        --------
        >>> import pycore as pc
        >>> from pycore.model.elements import State
        >>> list(pc.library.expectation_confirmation().of_kind(State))
        ['SAT', 'CI']
        """
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
    def outcomes(self) -> Mapping[str, Outcome]:
        """What respondents do beyond answering, see :meth:`pycore.Model.outcome`."""
        return dict(self._outcomes)

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
    def error_covariances(self) -> Mapping[tuple[str, str], Coefficient]:
        """Covariances of item errors, see :meth:`pycore.Model.covary`."""
        return dict(self._error_covariances)

    @property
    def trait_covariances(self) -> Mapping[tuple[str, str], Coefficient]:
        """Covariances of drawn traits, see :meth:`pycore.Model.covary`."""
        return dict(self._trait_covariances)

    @property
    def community_size(self) -> int | None:
        """Consumers in a community, see :meth:`pycore.Model.community`."""
        return self._community_size

    @property
    def stage_element(self) -> Stage | None:
        """The stage word, if the model has one."""
        return next(iter(self.of_kind(Stage).values()), None)

    def _add(self, element: Element, kind: StepKind | None = None) -> sp.Symbol:
        require_identifier("name", element.name)
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
            if start:
                kinds = (*kinds, Calendar)
            known = {
                n: e
                for n, e in known.items()
                if isinstance(e, kinds) and (start or not is_drawn(e))
            }
        else:
            known = {n: e for n, e in known.items() if not isinstance(e, Stage)}
            if averages:
                self._check_shared(argument, expression)
            elif expression.atoms(Aggregate):
                raise refuse(argument, expression, "averages in an environment's target only")
        expressions.check(argument, expression, known)

    def _check_shared(self, argument: str, expression: sp.Expr) -> None:
        """Refuse consumers' words outside averages: everybody's value must be the same."""
        aggregates = expression.atoms(Aggregate)
        if any(a.args[0].atoms(Aggregate) for a in aggregates):
            raise refuse(argument, expression, "averages that are not inside one another")
        outside = expression.xreplace(dict.fromkeys(aggregates, sp.S.One))
        for name in sorted(s.name for s in outside.free_symbols):
            element = self._elements.get(name)
            if element is not None and not isinstance(element, _GIVEN):
                raise refuse(argument, name, "parameters, levers, calendars and environments "
                             "outside of average(), total() and share()")  # fmt: skip


def is_drawn(element: Element) -> bool:
    """Whether a word is a trait drawn once per consumer."""
    return isinstance(element, Trait) and element.distribution is not None
