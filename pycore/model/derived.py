"""Words that are made of others: counts, choices, counters, time since an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from pycore.errors import refuse
from pycore.model import expressions
from pycore.model.checks import finite
from pycore.model.company import Company
from pycore.model.distributions import Binomial, Categorical, Distribution, Poisson
from pycore.model.elements import Draw, Event
from pycore.model.functions import where

__all__ = ["Derived"]

_LAST_COUNT = 1_000_000  # default end of a counter
_LARGEST_EXACT = 2**23  # far from where float32 stops counting by one


class Derived(Company):
    """Count, choice, counter, time since."""

    def count(self, name: str, distribution: Distribution, **about: Any) -> sp.Symbol:
        """Declare how often something happens in a period: a draw that is a whole number.

        Parameters
        ----------
        name : str
            Its name.
        distribution : Poisson or Binomial
            Its arguments may be expressions of anything declared before.
        **about
            ``unit``, ``symbol``, ``doc``, ``claims`` as for :meth:`draw`.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("messages", period="day")
        >>> m.record(m.count("received", pc.Poisson(m.parameter("per_day", 2.5))))
        >>> run = pc.simulate(m, consumers=100_000, periods=1, seed=1)
        >>> round(float(run["received_mean"].squeeze()), 2)
        2.5
        """
        if not isinstance(distribution, Poisson | Binomial):
            raise refuse(f"count {name!r}", distribution, "pc.Poisson(…) or pc.Binomial(…)")
        return self.draw(name, distribution, **about)

    def choice(self, name: str, utilities: Mapping[str, Any], **about: Any) -> dict[str, sp.Symbol]:
        """Declare that one of several options is taken, by multinomial logit.

        One random word decides.  The choice itself is a draw whose number is the option's place;
        each option is an event ``<name>_<option>``, which exactly one of them is in every period.

        Parameters
        ----------
        name : str
            Its name.
        utilities : Mapping
            Option → utility; the chance of an option is exp(utility) over their sum.
        **about
            ``unit``, ``symbol``, ``doc``, ``claims`` as for :meth:`draw`.

        Returns
        -------
        dict of str to sympy.Symbol
            Option → its event.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("channels")
        >>> taken = m.choice("channel", {"stream": 1, "shelf": 0, "store": -1})
        >>> m.record(*taken.values())
        >>> run = pc.simulate(m, consumers=10_000, periods=1, seed=1)
        >>> shares = [float(run[f"channel_{k}_rate"].squeeze()) for k in taken]
        >>> [round(s, 1) for s in shares], round(sum(shares), 12)
        ([0.7, 0.2, 0.1], 1.0)
        """
        distribution = Categorical(utilities)
        events = {option: f"{name}_{option}" for option in distribution.utilities}
        for event in events.values():
            if event in self._elements:
                raise refuse(f"choice {name!r}", event, "a name that is not declared yet")
        place = self.draw(name, distribution, **about)
        return {
            option: self.event(event, when=sp.Eq(place, k))
            for k, (option, event) in enumerate(events.items())
        }

    def counter(
        self, name: str, event: sp.Symbol, *, high: float = _LAST_COUNT, **about: Any
    ) -> sp.Symbol:
        """Declare how often an event (or count) has happened so far, this period included.

        Parameters
        ----------
        name : str
            Its name.
        event : sympy.Symbol
            An event, or a count, declared before.
        high : float
            Where it stops counting, at most 2²³ = 8,388,608; up to there it is exact.
        **about
            ``unit``, ``symbol``, ``doc``, ``claims`` as for :meth:`state`.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("coin")
        >>> so_far = m.counter("so_far", m.event("heads", probability=0.5))
        >>> m.record(so_far)
        >>> run = pc.simulate(m, consumers=100_000, periods=10, seed=1)
        >>> round(float(run["so_far_mean"].squeeze()[-1]), 1)
        5.0
        """
        if not 0 < finite(f"counter {name!r}.high", high) <= _LARGEST_EXACT:
            raise refuse(f"counter {name!r}.high", high, f"above 0, at most {_LARGEST_EXACT}")
        happened = self._happening(f"counter {name!r}", event, counts=True)
        return self.state(name, carry=1, increment=happened, high=high, **about)

    def time_since(
        self,
        name: str,
        event: sp.Symbol,
        *,
        start: Any = 0,
        high: float = _LAST_COUNT,
        **about: Any,
    ) -> sp.Symbol:
        """Declare how many periods ago an event last happened; 0 in the period it happens.

        Parameters
        ----------
        name : str
            Its name.
        event : sympy.Symbol
            An event declared before.
        start : number or expression
            What it is before the first period; who never meets the event counts on from there.
        high : float
            Where it stops counting, at most 2²³.
        **about
            ``unit``, ``symbol``, ``doc``, ``claims`` as for :meth:`state`.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("visits")
        >>> gap = m.time_since("gap", m.event("visit", probability=0.25))
        >>> m.record(gap)
        >>> run = pc.simulate(m, consumers=100_000, periods=60, seed=1)
        >>> round(float(run["gap_mean"].squeeze()[-1]), 1)
        3.0
        """
        if not 0 < finite(f"time_since {name!r}.high", high) <= _LARGEST_EXACT:
            raise refuse(f"time_since {name!r}.high", high, f"above 0, at most {_LARGEST_EXACT}")
        happened = self._happening(f"time_since {name!r}", event, counts=False)
        before = self.state(name, start=start, high=high, **about)
        self.update(before, target=where(happened > 0, 0, before + 1))
        return before

    def _happening(self, argument: str, event: Any, *, counts: bool) -> sp.Symbol:
        name = self._name(argument, event)
        element = self._elements[name]
        counted = isinstance(element, Draw) and isinstance(element.distribution, Poisson | Binomial)
        if not isinstance(element, Event) and not (counts and counted):
            raise refuse(argument, name, "an event or a count" if counts else "an event")
        return expressions.symbol(name)
