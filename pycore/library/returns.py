"""Orders sent back in regret: how the wish to undo a purchase fades, day by day.

Calibrated, not estimated: the study prints rates and a mean delay, no data of single orders.
"""

from __future__ import annotations

import sympy as sp

from pycore.model.distributions import Normal
from pycore.model.model import Model

__all__ = ["regret_returns"]

_SOURCE = "to be calibrated; figures: ChinaXiv:202209.00109V1"


def regret_returns() -> Model:
    """Returns "do not want any more" of an online shop, order by order (Gong, Zhang and Gao 2022).

    An order that is kept so far is returned on a day with a chance whose log-odds fall in a straight
    line from the second day on; the first day is free.  Find the three parameters with
    :func:`pycore.calibrate` from the study's rates, ``pycore.facts.get("gong2022_…")``.

    Returns
    -------
    Model
        One consumer is one order, one period is one day; at most ten days are simulated, as the
        shop takes orders back for about that long.

    References
    ----------
    Gong, Zhang and Gao (2022), ChinaXiv:202209.00109V1.  Straight line and priors are assumptions.

    Examples
    --------
    >>> regret_returns()
    <Model regret_returns: 0 states, 1 events, 3 parameters, period day>
    """
    m = Model(
        "regret_returns", "day", title="Returns in regret",
        doc="The wish to undo a purchase, day by day; one consumer is one order.",
    )  # fmt: skip
    day = m.calendar("day", doc="day after the purchase", symbol="t")
    level = m.parameter(
        "second_day", -4.5, Normal(-4.5, 1.0), unit="log-odds per day", symbol=r"\alpha",
        source=_SOURCE, doc="regret on the second day",
    )  # fmt: skip
    first = m.parameter(
        "first_day", 0.0, Normal(0.0, 1.0), unit="log-odds", symbol=r"\delta", source=_SOURCE,
        doc="regret on the first day above that on the second",
    )  # fmt: skip
    fading = m.parameter(
        "fading", 0.0, Normal(0.0, 0.5), unit="log-odds per day", symbol=r"\gamma", source=_SOURCE,
        doc="how much regret fades per day after the second",
    )  # fmt: skip
    early = sp.Max(0, 2 - day)
    regret = m.event(
        "regret", logit=level + first * early - fading * sp.Max(0, day - 2), symbol="r",
        doc="the order is returned",
    )  # fmt: skip
    m.stage("order", {"kept": {"returned": regret}}, absorbing="returned", symbol="o",
            doc="where the order is")  # fmt: skip
    m.record(regret)
    return m
