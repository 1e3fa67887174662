"""Document 0: service failures, disappointment, exhaustion and disengagement.

Stressor, strain and outcome joined with expectation disconfirmation.  Failures hit sessions at
random, more often those who are more exposed; their memory and the comparison of performance with
expectation feed disappointment; disappointment and failures feed exhaustion, which accumulates and
recovers; exhaustion feeds the intention to leave, and that the two ways of leaving.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from pycore.errors import require_name
from pycore.library.failures import TAXONOMIES, FailureKind, Taxonomy
from pycore.library.z_scale import disposition, path
from pycore.model.distributions import HalfNormal, LogNormal, Normal
from pycore.model.model import Model

__all__ = ["disengagement"]

_EXPOSURE_SPREAD = 0.8
_MEMORY_CARRY = 0.8
# Mean and standard deviation of remembered disconfirmation in the base scenario, found by
# simulating it; a test simulates it again and holds the state to mean 0 and deviation 1.
_FELT: dict[Taxonomy, tuple[float, float]] = {"three": (-1.162, 0.598), "five": (-1.222, 0.641)}


def disengagement(taxonomy: Taxonomy = "three") -> Model:
    """Build the model of Document 0.

    Parameters
    ----------
    taxonomy : {"three", "five"}
        The document's three failure kinds (technical, misrepresentation, service), or the five of
        the study it reports (information, functional, system, interaction, aesthetic).

    Returns
    -------
    Model
        Period: a week with one live session.  States are on a z-scale: mean about 0 and standard
        deviation about 1 in the base scenario.

    Raises
    ------
    InputError
        If the taxonomy is unknown.

    References
    ----------
    Structure: Peng, Wang, Li and Yang (2024), doi:10.3390/jtaer19020077 (abstract; no coefficient
    of that study was available).  All values are assumptions unless the parameter table says
    otherwise.

    Examples
    --------
    >>> disengagement()
    <Model disengagement: 10 states, 10 events, 57 parameters, period week>
    """
    require_name("taxonomy", taxonomy, TAXONOMIES)
    kinds = TAXONOMIES[taxonomy]
    name = "disengagement" if taxonomy == "three" else "disengagement_five"
    m = Model(
        name, "week", title="Disengagement from AI-oriented live streaming",
        doc="Failures, disappointment, emotional exhaustion and two ways of leaving (Document 0).",
    )  # fmt: skip
    _platforms(m)
    _levers(m)
    severity = sp.Add(*(_failures(m, kind) for kind in kinds))
    _disconfirmation(m, severity, *_FELT[taxonomy])
    _strain(m, kinds)
    _evaluation(m, kinds)
    _outcomes(m)
    _survey(m, kinds)
    _records(m, kinds)
    return m


def _platforms(m: Model) -> None:
    m.trait(
        "platform_reputation", 0.0, symbol="R", unit="z",
        doc="platform's reputation for reliability and service", claims=("C-D0-043", "C-D0-044"),
    )  # fmt: skip
    m.trait(
        "ai_orientation", 1.0, symbol="A", unit="0/1",
        doc="the platform's streams are AI-oriented", claims=("C-D0-004", "C-D0-030"),
    )  # fmt: skip
    for label, ai in (("ai", 1.0), ("human", 0.0)):
        for word, reputation in (("strong", 1.0), ("weak", -1.0)):
            m.segment(f"{label}_{word}", 0.25, ai_orientation=ai, platform_reputation=reputation)


def _levers(m: Model) -> None:
    for lever, symbol, cost, meaning, claims in (
        ("technical_infrastructure", "u_T", 0.05, "investment in stream infrastructure",
         ("C-D0-047", "C-D0-049")),
        ("product_representation", "u_M", 0.03, "effort for accurate and honest presentation",
         ("C-D0-050", "C-D0-052")),
        ("customer_support", "u_C", 0.06, "early and effective customer support",
         ("C-D0-053", "C-D0-055")),
    ):  # fmt: skip
        price = m.parameter(
            f"cost_{lever}", cost, LogNormal(cost, 0.4), unit="CNY per consumer-week",
            symbol=f"k_{{{symbol[2:]}}}", doc=f"cost of {meaning} at full use",
        )  # fmt: skip
        m.lever(lever, 0.0, cost=price, symbol=symbol, unit="CNY", doc=meaning, claims=claims)


def _failures(m: Model, kind: FailureKind) -> sp.Expr:
    """Declare the sub-kinds of one failure and its memory; returns the severity of this session."""
    exposure = m.trait(
        f"exposure_{kind.perceived.removeprefix('perceived_')}", Normal(0, 1),
        symbol=f"a^{{{kind.symbol}}}", unit="z", doc=f"exposure to {kind.doc}",
    )  # fmt: skip
    spread = m.parameter(
        f"spread_{kind.name}", _EXPOSURE_SPREAD, HalfNormal(1), unit="log-odds",
        symbol=rf"\sigma_{{{kind.symbol}}}", doc=f"how much exposure to {kind.doc} differs",
    )  # fmt: skip
    effect = m.parameter(
        f"prevention_{kind.name}", 1.0, Normal(1.0, 0.3), unit="log-odds",
        symbol=rf"\eta_{{{kind.symbol}}}",
        doc=f"how far {kind.lever.replace('_', ' ')} at full use lowers {kind.doc}",
        claims=("C-D0-047",) if kind.lever == "technical_infrastructure" else (),
    )  # fmt: skip
    happened, terms = [], []
    for k, sub in enumerate(kind.sub_kinds, start=1):
        base = float(np.log(sub.rate / (1 - sub.rate)))
        rate = m.parameter(
            f"logit_{sub.name}", base, Normal(round(base, 2), 0.3), unit="log-odds per session",
            symbol=rf"\alpha_{{{kind.symbol}{k}}}", doc=f"base rate: {sub.doc}",
        )  # fmt: skip
        weight = m.parameter(
            f"severity_{sub.name}", sub.severity, HalfNormal(1), unit="1",
            symbol=rf"s_{{{kind.symbol}{k}}}", doc=f"severity: {sub.doc}",
        )  # fmt: skip
        event = m.event(
            sub.name, logit=rate + spread * exposure - effect * m[kind.lever],
            symbol=rf"f^{{{kind.symbol}{k}}}", doc=sub.doc, claims=kind.claims,
        )  # fmt: skip
        happened.append(event)
        terms.append(weight * event)
    m.define(
        kind.name, sp.Max(*happened), symbol=rf"F^{{{kind.symbol}}}",
        doc=f"any {kind.doc} in this session", claims=kind.claims,
    )  # fmt: skip
    total = m.define(
        f"severity_of_{kind.name}", sp.Add(*terms), symbol=rf"S^{{{kind.symbol}}}",
        doc=f"severity of {kind.doc} in this session",
    )  # fmt: skip
    centre, scale = _standardisation(kind)
    m.state(
        kind.perceived, carry=_MEMORY_CARRY, target=(total - centre) / scale,
        symbol=rf"P^{{{kind.symbol}}}", unit="z", doc=f"perceived: {kind.doc}", claims=kind.claims,
    )  # fmt: skip
    return total


def _standardisation(kind: FailureKind) -> tuple[float, float]:
    """Mean and standard deviation of the memory in the base scenario, by quadrature over exposure.

    The memory averages severity with weights that decay by the carry-over c, so its variance is
    that of the personal mean plus (1 − c)/(1 + c) of the variance within a person.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    mean = np.zeros_like(nodes)
    within = np.zeros_like(nodes)
    for sub in kind.sub_kinds:
        base = np.log(sub.rate / (1 - sub.rate))
        p = 1 / (1 + np.exp(-(base + _EXPOSURE_SPREAD * nodes)))
        mean += sub.severity * p
        within += sub.severity**2 * p * (1 - p)
    centre = float(weights @ mean)
    averaged = (1 - _MEMORY_CARRY) / (1 + _MEMORY_CARRY)
    variance = float(weights @ (mean - centre) ** 2 + averaged * (weights @ within))
    return round(centre, 4), round(variance**0.5, 4)


def _disconfirmation(m: Model, severity: sp.Expr, centre: float, scale: float) -> None:
    loss = m.parameter(
        "loss_per_severity", 1.2, HalfNormal(1.5), unit="z", symbol=r"\kappa",
        doc="performance lost by a failure of severity 1",
    )  # fmt: skip
    luck = m.draw("session_quality", Normal(0, 0.6), symbol=r"\varepsilon", unit="z",
                  doc="how good this session is by chance")  # fmt: skip
    performance = m.define(
        "performance", luck - loss * severity, symbol=r"\Pi", unit="z",
        doc="performance perceived in this session", claims=("C-D0-027",),
    )  # fmt: skip
    premium = m.parameter(
        "ai_premium", 0.4, Normal(0.4, 0.2), unit="z", symbol=r"\pi_A",
        doc="extra expectation towards AI-oriented streams", claims=("C-D0-030",),
    )  # fmt: skip
    inflation = m.parameter(
        "inflation", 0.3, HalfNormal(0.5), unit="z", symbol=r"\pi_M",
        doc="expectation raised by embellished presentation", claims=("C-D0-050",),
    )  # fmt: skip
    promise = premium * m["ai_orientation"] + inflation * (1 - m["product_representation"])
    expectation = m.state("expectation", start=promise, symbol="E", unit="z",
                          doc="expected performance", claims=("C-D0-027", "C-D0-030"))  # fmt: skip
    gap = m.define("disconfirmation", performance - expectation, symbol=r"\Delta", unit="z",
                   doc="performance minus expectation", claims=("C-D0-027",))  # fmt: skip
    asymmetry = m.parameter(
        "asymmetry", 2.0, LogNormal(2.0, 0.3), unit="1", symbol=r"\lambda",
        doc="how much more a shortfall hurts than a surplus pleases (1: equally)",
        claims=("C-D0-028", "C-D0-029"),
    )  # fmt: skip
    value = m.define(
        "felt_disconfirmation", sp.Max(0, gap) - asymmetry * sp.Max(0, -gap), symbol="V", unit="z",
        doc="disconfirmation as felt", claims=("C-D0-028", "C-D0-029"),
    )  # fmt: skip
    m.state("confirmation", carry=_MEMORY_CARRY, target=(value - centre) / scale, symbol="K",
            unit="z", doc="confirmation of expectations, remembered",
            claims=("C-D0-027", "C-D0-031"))  # fmt: skip
    m.update(expectation, carry=0.95, target=performance + promise)


def _strain(m: Model, kinds: tuple[FailureKind, ...]) -> None:
    b_k = path(m, "disappointment_by_confirmation", -0.35, r"\beta_{DK}",
                "disappointment per unit of confirmation", ("C-D0-029", "C-D0-031"))  # fmt: skip
    causes = [
        path(m, f"disappointment_by_{k.perceived.removeprefix('perceived_')}", k.disappointment,
              rf"\beta_{{D{k.symbol}}}", f"disappointment per unit of perceived {k.doc}",
              ("C-D0-035", *k.claims[1:2])) * m[k.perceived]
        for k in kinds
    ]  # fmt: skip
    disappointment = m.state(
        "disappointment", carry=0.6, symbol="D", unit="z", doc="disappointment",
        target=b_k * m["confirmation"] + sp.Add(*causes)
        + disposition(m, "disappointment", "D", 0.78),
        claims=("C-D0-017", "C-D0-035"),
    )  # fmt: skip
    b_x = path(m, "exhaustion_by_disappointment", 0.55, r"\beta_{XD}",
                "exhaustion per unit of disappointment", ("C-D0-036", "C-D0-037"))  # fmt: skip
    b_f = path(m, "exhaustion_by_failure", 0.12, r"\beta_{XF}",
                "exhaustion per unit of perceived failure, of any kind",
                ("C-D0-022", "C-D0-023", "C-D0-024", "C-D0-025"))  # fmt: skip
    shield = m.parameter(
        "reputation_shield", 0.2, Normal(0, 0.3), unit="1 per z", symbol=r"\mu_R",
        doc="how far a reputation of one unit weakens the path from disappointment to exhaustion",
        claims=("C-D0-043", "C-D0-044"),
    )  # fmt: skip
    relief = m.parameter(
        "support_relief", 0.25, HalfNormal(0.3), unit="1 per week", symbol=r"\eta_X",
        doc="share of the exhaustion above its burden that full customer support removes in a week",
        claims=("C-D0-053",),
    )  # fmt: skip
    soften = m.parameter(
        "support_softening", 0.2, HalfNormal(0.3), unit="1", symbol=r"\eta_D",
        doc="share of the path from disappointment to exhaustion that full support removes",
        claims=("C-D0-053",),
    )  # fmt: skip
    exhaustion = m.state("emotional_exhaustion", symbol="X", unit="z", doc="emotional exhaustion",
                         claims=("C-D0-022", "C-D0-036", "C-D0-038", "C-D0-061"))  # fmt: skip
    weakened = 1 - shield * m["platform_reputation"] - soften * m["customer_support"]
    burden = m.define(
        "burden", b_x * weakened * disappointment + b_f * sp.Add(*(m[k.perceived] for k in kinds))
        + disposition(m, "emotional_exhaustion", "X", 0.79),
        symbol="B", unit="z", doc="burden that exhaustion follows", claims=("C-D0-036",),
    )  # fmt: skip
    # Support speeds recovery only: a shorter memory would also let exhaustion build up faster.
    m.update(exhaustion, carry=0.9, target=burden,
             increment=-relief * m["customer_support"] * sp.Max(0, exhaustion - burden))  # fmt: skip


def _evaluation(m: Model, kinds: tuple[FailureKind, ...]) -> None:
    satisfied = path(m, "satisfaction_by_confirmation", 0.6, r"\beta_{SK}",
                      "satisfaction per unit of confirmation", ("C-D0-028",))  # fmt: skip
    spoiled = path(m, "satisfaction_by_disappointment", -0.25, r"\beta_{SD}",
                    "satisfaction per unit of disappointment", ("C-D0-020",))  # fmt: skip
    m.state(
        "satisfaction", carry=0.7, symbol="S", unit="z", doc="satisfaction",
        target=satisfied * m["confirmation"] + spoiled * m["disappointment"]
        + disposition(m, "satisfaction", "S", 0.78),
        claims=("C-D0-028", "C-D0-059", "C-D0-064"),
    )  # fmt: skip
    misled = next(k for k in kinds if k.lever == "product_representation")
    broken = path(m, "trust_by_misrepresentation", -0.4, r"\beta_{GM}",
                   f"trust per unit of perceived {misled.doc}", ("C-D0-018",))  # fmt: skip
    earned = path(m, "trust_by_satisfaction", 0.35, r"\beta_{GS}",
                   "trust per unit of satisfaction", ("C-D0-054",))  # fmt: skip
    m.state(
        "trust", carry=0.95, symbol="G", unit="z", doc="trust in the platform",
        target=broken * m[misled.perceived] + earned * m["satisfaction"]
        + disposition(m, "trust", "G", 0.905),
        claims=("C-D0-018", "C-D0-054", "C-D0-062"),
    )  # fmt: skip


def _outcomes(m: Model) -> None:
    b_i = path(m, "intention_by_exhaustion", 0.6, r"\beta_{IX}",
                "intention to leave per unit of exhaustion", ("C-D0-026", "C-D0-040"))  # fmt: skip
    b_d = path(m, "intention_by_disappointment", 0.1, r"\beta_{ID}",
                "intention to leave per unit of disappointment, not by way of exhaustion",
                ("C-D0-031",))  # fmt: skip
    context = m.parameter(
        "context_shift", 0.0, Normal(0, 0.4), unit="log", symbol=r"\tau",
        doc="log ratio of the step from exhaustion to leaving in another context to that in China",
        claims=("C-D0-056", "C-D0-057", "C-D0-063"),
    )  # fmt: skip
    intention = m.state(
        "discontinuance_intention", carry=0.8, symbol="I", unit="z", doc="intention to leave",
        target=b_i * sp.exp(context) * m["emotional_exhaustion"] + b_d * m["disappointment"]
        + disposition(m, "discontinuance_intention", "I", 0.74),
        claims=("C-D0-026", "C-D0-040"),
    )  # fmt: skip
    logits = {}
    for way, base, slope, symbol, doc, claims in (
        ("stop", -6.4, 0.9, "q", "stops using live-streaming commerce",
         ("C-D0-040", "C-D0-042")),
        ("switch", -6.4, 1.0, "w", "switches to a competitor", ("C-D0-041", "C-D0-042")),
    ):  # fmt: skip
        h0 = m.parameter(f"{way}_base", base, Normal(base, 0.3), unit="log-odds per week",
                         symbol=rf"h_{{{symbol}}}", doc=f"base hazard: {doc}")  # fmt: skip
        h1 = m.parameter(f"{way}_by_intention", slope, Normal(slope, 0.2), unit="log-odds per z",
                         symbol=rf"\beta_{{{symbol}I}}", claims=claims,
                         doc=f"hazard per unit of intention: {doc}")  # fmt: skip
        logits[way] = (h0 + h1 * intention, symbol, doc, claims)
    pull = m.parameter(
        "switch_by_reputation", -0.2, Normal(0, 0.3), unit="log-odds per z",
        symbol=r"\beta_{wR}", claims=("C-D0-045",),
        doc="hazard of switching per unit of the platform's reputation",
    )  # fmt: skip
    events = {
        way: m.event(way, symbol=symbol, doc=doc, claims=claims,
                     logit=logit + (pull * m["platform_reputation"] if way == "switch" else 0))
        for way, (logit, symbol, doc, claims) in logits.items()
    }  # fmt: skip
    buys = m.parameter("purchase_base", -1.7, Normal(-1.7, 0.3), unit="log-odds per week",
                       symbol="h_b", doc="base chance of a purchase")  # fmt: skip
    effects = {
        "satisfaction": 0.4, "trust": 0.3, "emotional_exhaustion": -0.3,
    }  # fmt: skip
    slopes = [
        m.parameter(f"purchase_by_{state}", value, Normal(0, 0.5), unit="log-odds per z",
                    symbol=rf"\beta_{{b{m.element(state).symbol}}}",
                    doc=f"chance of a purchase per unit of {state.replace('_', ' ')}") * m[state]
        for state, value in effects.items()
    ]  # fmt: skip
    m.event("purchase", logit=buys + sp.Add(*slopes), symbol="b", doc="buys in this session")
    m.stage(
        "customer",
        {"engaged": {"stopped": events["stop"], "switched": events["switch"]}},
        absorbing=("stopped", "switched"), doc="where the consumer stands", symbol="c",
        claims=("C-D0-042",),
    )  # fmt: skip


def _survey(m: Model, kinds: tuple[FailureKind, ...]) -> None:
    states = [k.perceived for k in kinds]
    states += ["confirmation", "disappointment", "emotional_exhaustion",
               "discontinuance_intention", "satisfaction", "trust"]  # fmt: skip
    for state in states:
        m.survey(m[state], 3, points=7, loading=(1.0, 0.9, 1.1), error=(0.5, 0.5, 0.6))


def _records(m: Model, kinds: tuple[FailureKind, ...]) -> None:
    m.record(*(m[k.name] for k in kinds), *(m[k.perceived] for k in kinds))
    for name in ("confirmation", "expectation", "disappointment", "emotional_exhaustion",
                 "discontinuance_intention", "satisfaction", "trust",
                 "stop", "switch", "purchase"):  # fmt: skip
        m.record(m[name])
