"""What is asked of consumers, what is recorded of them, and the parts they fall into."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import sympy as sp

from pycore.errors import refuse, require_name
from pycore.model import expressions
from pycore.model.checks import (
    finite,
    per_item,
    per_text,
    power_of_two,
    require_identifier,
)
from pycore.model.derived import Derived
from pycore.model.elements import (
    OUTCOME_KINDS,
    Coefficient,
    Define,
    Draw,
    Event,
    Item,
    Lever,
    Outcome,
    OutcomeKind,
    Parameter,
    RecordSpec,
    Segment,
    State,
    Trait,
)
from pycore.model.registry import is_drawn

__all__ = ["Measurement"]

MAX_RECORD_BINS = 4096
# Half of it is a number that the machine's logarithm takes.
_SMALLEST = 2.0**-100


class Measurement(Derived):
    """Survey with cross-loadings and covariances, outcome, record, segment."""

    def survey(
        self,
        measures: sp.Symbol,
        items: int | Sequence[str],
        *,
        points: int = 7,
        loading: Coefficient | Sequence[Coefficient] = 1.0,
        error: Coefficient | Sequence[Coefficient] = 0.5,
        intercept: Coefficient | Sequence[Coefficient] = 0.0,
        thresholds: Sequence[float] = (),
        wording: Sequence[str] = (),
        free: bool = True,
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
        loading, error, intercept : float, expression or sequence of these
            One value for all items or one per item; ``error`` is a standard deviation, 0 for an
            observed score taken at face value.  Expressions hold parameters, constant traits and
            levers.
        thresholds : sequence of float
            The ``points − 1`` increasing cuts; by default equally spaced, 4.5 / points apart.
        wording : sequence of str
            The items in words, for print.
        free : bool
            Whether :func:`pycore.estimate` takes the numbers given here as guesses (all but each
            first loading and what an item alone measures), or holds them.  What is written with
            parameters is estimated through them either way.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("service")
        >>> trust = m.trait("trust", pc.Normal(0, 1))
        >>> m.survey(trust, 3, loading=[1, 0.9, m.parameter("third", 0.8)], error=0.6)
        ('trust_1', 'trust_2', 'trust_3')
        """
        target = self._measured("measures", measures)
        if isinstance(items, int) and not isinstance(items, bool):
            if items < 1:
                raise refuse("items", items, "at least one item")
            names = tuple(f"{target}_{k + 1}" for k in range(items))
        else:
            names = tuple(items)  # type: ignore[arg-type]
        if not isinstance(points, int) or points == 1 or not 0 <= points <= 101:
            raise refuse("points", points, "0 (continuous) or 2 to 101 categories")
        cuts = tuple(finite("thresholds", c) for c in thresholds)
        if cuts and (len(cuts) != points - 1 or any(a >= b for a, b in pairwise(cuts))):
            raise refuse("thresholds", cuts, f"{points - 1} increasing numbers")
        columns = {
            word: [self._coefficient(word, v) for v in per_item(word, value, len(names))]
            for word, value in (("loading", loading), ("error", error), ("intercept", intercept))
        }
        if any(isinstance(e, float) and e < 0 for e in columns["error"]):
            raise refuse("error", error, "standard deviations of at least 0")
        words = per_text("wording", wording, len(names))
        for k, name in enumerate(names):
            require_identifier("items", name)
            if name in self._items or name in self._outcomes:
                raise refuse("items", name, "a name no other item has")
            self._items[name] = Item(
                name=name, measures=target, points=points, thresholds=cuts, doc=words[k],
                loading=columns["loading"][k], error=columns["error"][k],
                intercept=columns["intercept"][k], free=bool(free),
            )  # fmt: skip
        return names

    def outcome(
        self,
        name: str,
        predictor: sp.Expr | float,
        kind: OutcomeKind = "bernoulli",
        *,
        size: Coefficient | None = None,
        points: int = 11,
        thresholds: Sequence[float] = (),
        symbol: str = "",
        doc: str = "",
    ) -> str:
        """Observe what respondents do beyond answering items; returns the name.

        A survey looks at averages, and so does an outcome: states in the predictor are what a
        respondent's states were on average over ``recall`` periods.

        Parameters
        ----------
        name : str
            Column of the answers.
        predictor : sympy.Expr
            Of states, drawn traits, parameters, constant traits and levers.
        kind : {"bernoulli", "poisson", "negative_binomial", "ordered"}
            Happens or not, the predictor being its log-odds; a count, the predictor being the
            logarithm of its mean; a count with variance mean + mean²/size; or a rating from 0 to
            ``points`` − 1, the predictor plus a standard normal error cut at thresholds.
        size : float or expression
            Of a negative binomial, above 0.
        points, thresholds : int, sequence of float
            Of a rating; as for :meth:`survey`.
        symbol, doc : str
            For print.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("churn")
        >>> mood = m.state("mood", carry=0.5, target=m.trait("taste", pc.Normal(0, 1)))
        >>> _ = m.survey(mood, 3, points=5)
        >>> _ = m.outcome("leaves", m.parameter("base", -1) - m.parameter("hold", 0.8) * mood)
        >>> print(m.equations()[-1])
        logit Pr(leaves[i] = 1) = base − hold·average mood[i]
        """
        require_identifier("name", name)
        if name in self._items or name in self._outcomes or name in self._elements:
            raise refuse("name", name, "a name that nothing else has")
        if kind not in OUTCOME_KINDS:
            raise refuse("kind", kind, f"one of {', '.join(OUTCOME_KINDS)}")
        expression = expressions.to_expression("predictor", predictor)
        self._check("predictor", expression)
        for free in sorted(s.name for s in expression.free_symbols):
            element = self._elements[free]
            if not isinstance(element, Parameter | Lever | Trait | State):
                raise refuse("predictor", free, "states, traits, parameters and levers")
        if (size is None) == (kind == "negative_binomial"):
            raise refuse(
                "size", size, "a number above 0 or an expression, of 'negative_binomial' only"
            )
        spread = None if size is None else self._coefficient("size", size)
        if isinstance(spread, float) and not spread > 0:
            raise refuse("size", size, "a number above 0")
        cuts = tuple(finite("thresholds", c) for c in thresholds)
        if kind != "ordered":
            if cuts:
                raise refuse("thresholds", cuts, "none, but for kind='ordered'")
            points = 0
        elif not isinstance(points, int) or isinstance(points, bool) or not 2 <= points <= 101:
            raise refuse("points", points, "2 to 101 categories")
        elif cuts and (len(cuts) != points - 1 or any(a >= b for a, b in pairwise(cuts))):
            raise refuse("thresholds", cuts, f"{points - 1} increasing numbers")
        self._outcomes[name] = Outcome(
            name=name, predictor=expression, kind=kind, size=spread, points=points,
            thresholds=cuts, symbol=symbol, doc=doc,
        )  # fmt: skip
        return name

    def cross_loading(self, item: str, measures: sp.Symbol, loading: Coefficient = 0.0) -> None:
        """Let an item measure one more state or drawn trait.

        Parameters
        ----------
        item : str
            An item of :meth:`survey`.
        measures : sympy.Symbol
            What it measures as well.
        loading : float or expression
            How much; a number is a guess or held, as the item says.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("mixed")
        >>> joy, calm = m.trait("joy", pc.Normal(0, 1)), m.trait("calm", pc.Normal(0, 1))
        >>> _ = m.survey(joy, ["q1", "q2"]), m.survey(calm, ["q3", "q4"])
        >>> m.cross_loading("q2", calm, 0.3)
        >>> m.items["q2"].loadings
        {'joy': 1.0, 'calm': 0.3}
        """
        require_name("item", item, self._items)
        known = self._items[item]
        target = self._measured("measures", measures)
        if target in known.loadings:
            raise refuse("measures", target, f"what {item!r} does not measure yet")
        also = {**known.also, target: self._coefficient("loading", loading)}
        self._items[item] = dataclasses.replace(known, also=also)

    def covary(
        self, one: sp.Symbol | str, other: sp.Symbol | str, covariance: Coefficient = 0.0
    ) -> None:
        """Let the errors of two items, or two drawn traits, have a covariance.

        :func:`pycore.answers` draws errors with it; a simulation draws traits independently, as
        with :meth:`correlated`.

        Parameters
        ----------
        one, other : str or sympy.Symbol
            Two names of items, or two symbols of traits drawn from distributions.
        covariance : float or expression
            Its value.  Between free items a number is a guess, else it is held.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("repeated")
        >>> mood = m.trait("mood", pc.Normal(0, 1))
        >>> _ = m.survey(mood, ["monday", "tuesday", "again_monday"])
        >>> m.covary("monday", "again_monday", 0.1)
        >>> dict(m.error_covariances)
        {('monday', 'again_monday'): 0.1}
        """
        names = [self._covarying(*pair) for pair in (("one", one), ("other", other))]
        items = isinstance(one, str)
        if names[0] == names[1] or items != isinstance(other, str):
            raise refuse("one, other", tuple(names), "two different items, or two different traits")
        known = self._error_covariances if items else self._trait_covariances
        pair = (names[0], names[1])
        if pair in known or pair[::-1] in known:
            raise refuse("one, other", pair, "a pair without a covariance so far")
        known[pair] = self._coefficient("covariance", covariance)

    def _covarying(self, argument: str, value: Any) -> str:
        if isinstance(value, str):
            require_name(argument, value, self._items)
            return value
        name = self._name(argument, value)
        if not is_drawn(self._elements[name]):
            raise refuse(argument, name, "an item's name, or a trait drawn from a distribution")
        return name

    def _measured(self, argument: str, measures: sp.Symbol) -> str:
        target = self._name(argument, measures)
        element = self._elements[target]
        if not (isinstance(element, State) or is_drawn(element)):
            raise refuse(argument, target, "a state or a trait drawn from a distribution")
        return target

    def _coefficient(self, argument: str, value: Any) -> Coefficient:
        """A finite number, or an expression of what is the same for all consumers of a segment."""
        if isinstance(value, sp.Basic) and value.free_symbols:
            expression = expressions.to_expression(argument, value)
            self._check(argument, expression, scalar=True)
            return expression
        return finite(argument, value)

    def record(
        self,
        *quantities: sp.Symbol,
        by_stage: bool = False,
        bins: tuple[float, float, int] | None = None,
        spacing: Literal["equal", "log"] = "equal",
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
            Also a histogram with bins from low to high, one below and one above; its quantiles
            (:func:`pycore.quantile`) are known to half a bin.
        spacing : {"equal", "log"}
            Bins of equal width, or of equal ratio from ``low`` above 0: then quantiles are known
            to the same relative error over the whole range, ½ ln(high / low) / number.
        resolution : float
            Step of the exact fixed-point sums, a power of two; the range is 2³¹ steps.  Squares
            are summed in steps of 2²⁰ resolution²: a variance below that is not seen.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("queue")
        >>> m.record(m.draw("wait", pc.Exponential(4.0)), bins=(0, 40, 80))
        >>> run = pc.simulate(m, consumers=100_000, periods=1, seed=1)
        >>> [name for name in run if name.startswith("wait")]
        ['wait_mean', 'wait_mean_mcse', 'wait_variance', 'wait_histogram']
        """
        step = power_of_two("resolution", resolution)
        if not isinstance(by_stage, bool):
            raise refuse("by_stage", by_stage, "True or False")
        if bins is not None:
            low, high, count = (*bins, None, None, None)[:3]
            if not (
                isinstance(count, int) and 1 <= count <= MAX_RECORD_BINS
                and finite("bins", low) < finite("bins", high)
            ):  # fmt: skip
                raise refuse("bins", bins, f"(low, high, number) with 1 to {MAX_RECORD_BINS} bins")
        if spacing not in ("equal", "log"):
            raise refuse("spacing", spacing, "'equal' or 'log'")
        if spacing == "log" and (bins is None or not bins[0] >= _SMALLEST):
            raise refuse("bins", bins, f"(low, high, number) with low of at least {_SMALLEST:g}")
        for quantity in quantities:
            name = self._name("quantities", quantity)
            element = self._elements[name]
            if not (isinstance(element, Event | State | Draw | Define) or is_drawn(element)):
                raise refuse("quantities", name, "an event, state, draw, define or drawn trait")
            if bins is not None and isinstance(element, Event):
                raise refuse("bins", bins, "None for an event")
            self._records[name] = RecordSpec(
                name=name,
                by_stage=by_stage,
                bins=bins,
                spacing=spacing,
                resolution=step,
            )

    def segment(self, name: str, weight: float = 1.0, **traits: float) -> None:
        """Declare a part of the population: its weight and the constants of its traits.

        Parameters
        ----------
        name : str
            Its name.
        weight : float
            Share of the population, in proportion to the other segments' weights.
        **traits : float
            Values of constant traits; those not named keep their declared ones.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("shop")
        >>> _ = m.trait("heavy")
        >>> m.segment("light", weight=3)
        >>> m.segment("heavy_users", heavy=1.0)
        >>> {name: s.weight for name, s in m.segments.items()}
        {'light': 3.0, 'heavy_users': 1.0}
        """
        require_identifier("segment", name)
        if name in self._segments:
            raise refuse("segment", name, "a name no other segment has")
        if not finite(f"segment {name!r}.weight", weight) > 0:
            raise refuse(f"segment {name!r}.weight", weight, "a number above 0")
        for trait, value in traits.items():
            require_name(f"segment {name!r}", trait, self.constant_traits)
            finite(f"segment {name!r}.{trait}", value)
        self._segments[name] = Segment(
            name=name, weight=float(weight), traits={k: float(v) for k, v in traits.items()}
        )
