"""What is asked of consumers, what is recorded of them, and the parts they fall into."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import sympy as sp

from pycore.errors import refuse, require_name
from pycore.model.checks import (
    finite,
    per_item,
    per_text,
    power_of_two,
    require_identifier,
)
from pycore.model.derived import Derived
from pycore.model.elements import Define, Draw, Event, Item, RecordSpec, Segment, State
from pycore.model.registry import is_drawn

__all__ = ["Measurement"]

MAX_RECORD_BINS = 4096
# Half of it is a number that the machine's logarithm takes.
_SMALLEST = 2.0**-100


class Measurement(Derived):
    """Survey, record, segment."""

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
        if not (isinstance(element, State) or is_drawn(element)):
            raise refuse("measures", target, "a state or a trait drawn from a distribution")
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
            word: per_item(word, value, len(names))
            for word, value in (("loading", loading), ("error", error), ("intercept", intercept))
        }
        if any(e < 0 for e in columns["error"]):
            raise refuse("error", error, "standard deviations of at least 0")
        words = per_text("wording", wording, len(names))
        for k, name in enumerate(names):
            require_identifier("items", name)
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
        """
        step = power_of_two("resolution", resolution)
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
        """Declare a part of the population: its weight and the constants of its traits."""
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
