"""The words of the model language, as immutable records.

Each word carries a name, a symbol for print, a unit and a sentence; the mathematics is in its
expressions.  Building and checking them is the work of :class:`pycore.model.model.Model`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import sympy as sp

from pycore.model.distributions import Distribution

__all__ = [
    "OUTCOME_KINDS",
    "SCOPES",
    "Calendar",
    "Coefficient",
    "Define",
    "Draw",
    "Element",
    "Environment",
    "Event",
    "Item",
    "Lever",
    "Outcome",
    "OutcomeKind",
    "Parameter",
    "RecordSpec",
    "Scope",
    "Segment",
    "Stage",
    "State",
    "Trait",
]

Scope = Literal["global", "community", "neighbours"]
type Coefficient = float | sp.Expr
SCOPES: tuple[Scope, ...] = get_args(Scope)
OutcomeKind = Literal["bernoulli", "poisson", "negative_binomial", "ordered"]
OUTCOME_KINDS: tuple[OutcomeKind, ...] = get_args(OutcomeKind)


@dataclass(frozen=True, kw_only=True)
class Element:
    """What every word of the language has."""

    name: str
    symbol: str = ""
    unit: str = ""
    doc: str = ""
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Parameter(Element):
    """Unknown constant: value, prior and where both come from.

    Estimated in groups, a ``shared`` one is the same in all of them.
    """

    value: float
    prior: Distribution | None = None
    source: str = "assumption"
    shared: bool = False


@dataclass(frozen=True, kw_only=True)
class Trait(Element):
    """Fixed per consumer: a constant of the segment, or drawn once per consumer.

    Of a ``given`` one an estimate takes mean, variance and covariances from the data.
    """

    value: float = 0.0
    distribution: Distribution | None = None
    given: bool = False


@dataclass(frozen=True, kw_only=True)
class Lever(Element):
    """What a decision maker sets, per scenario and possibly over time."""

    default: float = 0.0
    low: float = 0.0
    high: float = 1.0
    cost: sp.Expr = sp.S.Zero


@dataclass(frozen=True, kw_only=True)
class Calendar(Element):
    """Given number of each period, the same for everybody; without values, the period's number."""

    values: tuple[float, ...] = ()
    repeat: bool = False


@dataclass(frozen=True, kw_only=True)
class Draw(Element):
    """Random quantity drawn anew in every period."""

    distribution: Distribution


@dataclass(frozen=True, kw_only=True)
class Event(Element):
    """Happens or not in a period, by probability, by logit, or whenever a condition holds."""

    probability: sp.Expr | None = None
    logit: sp.Expr | None = None
    when: sp.Basic | None = None

    @property
    def rule(self) -> sp.Expr:
        """The expression that decides: probability, logit, or 1 and 0 for a condition."""
        if self.when is not None:
            return sp.Piecewise((1, self.when), (0, True))
        return self.logit if self.probability is None else self.probability


@dataclass(frozen=True, kw_only=True)
class State(Element):
    """Carried from period to period.

    next = carry·previous + (1 − carry)·target + increment + noise·ε, kept within the bounds.
    """

    start: sp.Expr = sp.S.Zero
    carry: sp.Expr = sp.S.Zero
    target: sp.Expr | None = None
    increment: sp.Expr | None = None
    noise: sp.Expr = sp.S.Zero
    low: float | None = None
    high: float | None = None

    @property
    def updated(self) -> bool:
        """Whether the state has an equation yet."""
        return self.target is not None or self.increment is not None


@dataclass(frozen=True, kw_only=True)
class Define(Element):
    """Named expression without memory."""

    expression: sp.Expr


@dataclass(frozen=True, kw_only=True)
class Stage(Element):
    """Finite set of labels; in each stage, events (first listed first) lead to other stages."""

    transitions: dict[str, dict[str, str]] = field(default_factory=dict)
    absorbing: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """All stages, the initial one first."""
        return (*self.transitions, *self.absorbing)


@dataclass(frozen=True, kw_only=True)
class Environment(Element):
    """What consumers share, updated once per period from exact aggregates.

    next = carry·previous + (1 − carry)·target, over all, a community or a consumer's neighbours.
    """

    start: float = 0.0
    carry: sp.Expr = sp.S.Zero
    target: sp.Expr | None = None
    scope: Scope = "global"
    resolution: float = 2.0**-16

    @property
    def updated(self) -> bool:
        """Whether the environment has an equation yet."""
        return self.target is not None


@dataclass(frozen=True, kw_only=True)
class Item(Element):
    """Survey item: intercept + loading·state + error, answered on ``points`` ordered categories.

    ``points = 0`` is a continuous answer.  ``error = 0`` says the item *is* the state (an observed
    score taken at face value).  ``also`` holds what else it measures, with the loadings.  Numbers
    of a ``free`` item are estimated (but the first loading, which sets the scale); otherwise numbers
    are held, and parameters are estimated wherever they stand.
    """

    measures: str
    loading: Coefficient = 1.0
    intercept: Coefficient = 0.0
    error: Coefficient = 0.5
    points: int = 7
    thresholds: tuple[float, ...] = ()
    also: dict[str, Coefficient] = field(default_factory=dict)
    free: bool = True

    @property
    def loadings(self) -> dict[str, Coefficient]:
        """All that the item measures, with the loadings."""
        return {self.measures: self.loading, **self.also}


@dataclass(frozen=True, kw_only=True)
class Outcome(Element):
    """What a respondent does beyond answering items, given what items measure.

    ``predictor`` is the log-odds of 1 ("bernoulli"), the logarithm of the mean ("poisson",
    "negative_binomial" with variance mean + mean²/size), or what thresholds cut after a standard
    normal error is added ("ordered", 0 to points − 1).
    """

    predictor: sp.Expr
    kind: OutcomeKind = "bernoulli"
    size: Coefficient | None = None
    points: int = 0
    thresholds: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RecordSpec:
    """What is aggregated of one named quantity."""

    name: str
    by_stage: bool = False
    bins: tuple[float, float, int] | None = None
    spacing: str = "equal"
    resolution: float = 2.0**-16


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of the population: its weight and the constants of its traits."""

    name: str
    weight: float = 1.0
    traits: dict[str, float] = field(default_factory=dict)
