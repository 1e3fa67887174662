"""Two published studies as models, so that their tables can be estimated.

Both are written for observed scores: the printed correlations are of scale scores, taken at face
value.  Everything is standardised.  The carry-overs are assumptions; they play no part in an
estimate from a cross-section, and are there so that the fitted models can be simulated.
"""

from __future__ import annotations

import sympy as sp

from pycore.facts import gao2023, zhang2017_ecm
from pycore.model.distributions import HalfNormal, Normal
from pycore.model.model import Model

__all__ = ["expectation_confirmation", "live_streaming_drivers"]

_CARRY = 0.8
_CONTROLS = ("gender", "age", "education", "income")
_PRESENCE = ("SOP", "TEL")


def live_streaming_drivers() -> Model:
    """Streamer traits, presence and purchase intention (Gao, Jiang and Guo 2023).

    Likeability, animacy and responsiveness of a virtual streamer, with gender, age, education and
    income as controls, drive social presence and telepresence, and all of them purchase intention.
    Estimate it from ``pycore.facts.gao2023()`` (378 respondents).

    Returns
    -------
    Model
        One parameter per path, ``<effect>_by_<cause>``, and one residual deviation per effect.

    References
    ----------
    Gao, Jiang and Guo (2023), doi:10.1016/j.jretconser.2023.103356.

    Examples
    --------
    >>> model = live_streaming_drivers()
    >>> len(model.structural().parameters)
    26
    """
    study = gao2023()
    m = Model(
        "live_streaming_drivers", "week", title="Drivers of purchase in live streaming",
        doc="Streamer traits, presence and purchase intention; observed scores, standardised.",
    )  # fmt: skip
    drivers = ("LIK", "ANI", "RES")
    causes = {n: _score(m, n, study.labels[n]) for n in (*_CONTROLS, *drivers)}
    m.correlated(*causes.values())
    for effect in (*_PRESENCE, "PIN"):
        _effect(m, effect, study.labels[effect], causes, "doi:10.1016/j.jretconser.2023.103356")
        if effect == _PRESENCE[-1]:
            causes |= {n: m[n] for n in _PRESENCE}
    _observed(m, study.names)
    return m


def expectation_confirmation() -> Model:
    """Confirmation, usefulness, satisfaction and continuance (Zhang, Luo, Nie and Zhang 2017).

    Estimate it from ``pycore.facts.zhang2017_ecm()`` (288 respondents).  Confirmation → usefulness
    was fitted in the study together with antecedents whose correlations are not printed, so the
    correlation of the two is left free here and that path is not a path of this model.

    Returns
    -------
    Model
        Paths to satisfaction and to continuance intention.

    References
    ----------
    Zhang, Luo, Nie and Zhang (2017), ChinaXiv:201711.01941.

    Examples
    --------
    >>> expectation_confirmation().structural().parameters[:2]
    ('SAT_by_CONF', 'SAT_by_PU')
    """
    study = zhang2017_ecm()
    m = Model(
        "expectation_confirmation", "week", title="Expectation, confirmation and continuance",
        doc="Confirmation, usefulness, satisfaction, continuance; observed scores, standardised.",
    )  # fmt: skip
    causes = {n: _score(m, n, study.labels[n]) for n in ("CONF", "PU")}
    m.correlated(*causes.values())
    source = "ChinaXiv:201711.01941"
    _effect(m, "SAT", study.labels["SAT"], causes, source)
    _effect(m, "CI", study.labels["CI"], {"PU": m["PU"], "SAT": m["SAT"]}, source)
    _observed(m, study.names)
    return m


def _score(m: Model, name: str, meaning: str) -> sp.Symbol:
    return m.trait(name, Normal(0, 1), unit="z", symbol=rf"\mathrm{{{name}}}", doc=meaning)


def _effect(
    m: Model, effect: str, meaning: str, causes: dict[str, sp.Symbol], source: str
) -> sp.Symbol:
    """Declare a state as the weighted sum of its causes and what they leave over."""
    paths = [
        m.parameter(
            f"{effect}_by_{cause}", 0.0, Normal(0, 0.7), unit="z per z",
            source=f"to be estimated; structure: {source}",
            symbol=rf"\beta_{{\mathrm{{{effect}}},\mathrm{{{cause}}}}}",
            doc=f"{meaning} per unit of {m.element(cause).doc}",
        ) * symbol
        for cause, symbol in causes.items()
    ]  # fmt: skip
    spread = m.parameter(
        f"residual_{effect}", 0.7, HalfNormal(1), unit="z",
        source=f"to be estimated; structure: {source}", symbol=rf"\psi_{{\mathrm{{{effect}}}}}",
        doc=f"spread of {meaning} beyond its causes",
    )  # fmt: skip
    own = m.trait(f"disposition_{effect}", Normal(0, 1), unit="z",
                  symbol=rf"d^{{\mathrm{{{effect}}}}}", doc=f"personal: {meaning}")  # fmt: skip
    return m.state(effect, carry=_CARRY, target=sp.Add(*paths) + spread * own, unit="z",
                   symbol=rf"\mathrm{{{effect}}}", doc=meaning)  # fmt: skip


def _observed(m: Model, names: tuple[str, ...]) -> None:
    for name in names:
        m.survey(m[name], [name], points=0, error=0.0)
