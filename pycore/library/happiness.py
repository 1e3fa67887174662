"""Document 1: what makes consumers of live e-commerce happy, and what data add to it.

Four factors (answers in real time, authenticity and trust, offers, entertainment) feed satisfaction;
satisfaction feeds loyalty, recommendation, purchase and staying.  Data act through three mechanisms
that can fail: a prediction of taste that may be wrong, a forecast of demand that may be worse than
none, and learning from feedback that saturates.  Offers press to buy now, and some of what was
bought under pressure is sent back.
"""

from __future__ import annotations

import sympy as sp

from pycore.library.live_session import STRATEGIES, session
from pycore.library.measures import priced_levers
from pycore.library.z_scale import disposition, path, standardised
from pycore.model.distributions import HalfNormal, LogNormal, Normal
from pycore.model.functions import average
from pycore.model.model import Model

__all__ = ["happiness"]

# Mean and standard deviation of what a session brings, in the base scenario, found by simulating it;
# a test simulates it again and holds every state to mean 0 and deviation 1.
_HEARD = (0.462, 0.436)
_FIT = (1.0, 2.35)
_BARGAIN = (0.24, 0.492)
_TROUBLE = (0.0556, 0.0782)


def happiness() -> Model:
    """Build the model of Document 1.

    Returns
    -------
    Model
        Period: a week with one live session.  States are on a z-scale: mean about 0 and standard
        deviation about 1 in the base scenario, in which every strategy stands at 0.

    References
    ----------
    Structure: Document 1, which reports no number.  All values are assumptions.

    Examples
    --------
    >>> happiness()
    <Model happiness: 16 states, 11 events, 74 parameters, period week>
    """
    m = Model(
        "happiness", "week", title="Happiness in live e-commerce",
        doc="Four factors, three capabilities of data, and what satisfaction brings (Document 1).",
    )  # fmt: skip
    _people(m)
    priced_levers(m, STRATEGIES)
    session(m)
    _factors(m)
    _satisfaction(m)
    _outcomes(m)
    _survey(m)
    _records(m)
    return m


def _people(m: Model) -> None:
    m.trait("deal_seeking", 0.0, symbol="B", unit="0/1", doc="looks for good deals",
            claims=("C-D1-022",))  # fmt: skip
    m.segment("bargain_hunters", 0.4, deal_seeking=1.0)
    m.segment("others", 0.6, deal_seeking=0.0)
    m.trait("scepticism", Normal(0, 1), symbol="Q", unit="z", doc="scepticism towards online offers",
            claims=("C-D1-041",))  # fmt: skip
    m.trait("taste", Normal(0, 1), symbol=r"\theta", unit="z",
            doc="where the consumer's taste lies on the range of goods")  # fmt: skip


def _factors(m: Model) -> None:
    lessons = m.environment("lessons", symbol="J", unit="comments per consumer",
                            doc="feedback that has been used", claims=("C-D1-034",))  # fmt: skip
    comments = m.event(
        "comments", probability=m.parameter(
            "comment_rate", 0.2, LogNormal(0.2, 0.2), unit="1 per session", symbol="p_j",
            doc="chance that a viewer comments on a session",
        ), symbol="j", doc="says what she thought of it", claims=("C-D1-035",),
    )  # fmt: skip
    m.update(lessons, target=lessons + m["feedback_use"] * average(comments))
    best = m.parameter(
        "learning_gain",
        0.6,
        HalfNormal(0.6),
        unit="z",
        symbol="g",
        doc="most that learning from feedback adds to the quality of the stream",
    )
    fast = m.parameter("learning_rate", 0.3, LogNormal(0.3, 0.4), unit="1 per comment per consumer",
                       symbol=r"\rho", doc="how fast lessons are learned")  # fmt: skip
    learned = m.define("learned", best * (1 - sp.exp(-fast * lessons)), symbol="K", unit="z",
                       doc="quality gained by learning: much at first, then less",
                       claims=("C-D1-034",))  # fmt: skip
    honest = m.parameter("authenticity_by_building", 0.6, HalfNormal(0.6), unit="z",
                         symbol=r"\eta_A", doc="gain of authenticity by trust building",
                         claims=("C-D1-018", "C-D1-038", "C-D1-039"))  # fmt: skip
    funny = m.parameter("enjoyment_by_content", 0.6, HalfNormal(0.6), unit="z", symbol=r"\eta_E",
                        doc="gain of enjoyment by engaging content",
                        claims=("C-D1-024", "C-D1-036"))  # fmt: skip
    warmth = m.parameter("felt_valued_by_gift", 0.8, HalfNormal(0.8), unit="z", symbol=r"\eta_F",
                         doc="most that gifts add to feeling valued", claims=("C-D1-042",))  # fmt: skip
    m.state("interaction", carry=0.7, symbol="I", unit="z", doc="interaction in real time, as felt",
            target=standardised(m["heard"], _HEARD) + disposition(m, "interaction", "I", 0.9),
            claims=("C-D1-012", "C-D1-044"))  # fmt: skip
    m.state("authenticity", carry=0.8, symbol="A", unit="z", doc="authenticity of the stream",
            target=honest * m["trust_building"] + disposition(m, "authenticity", "A", 1.0),
            claims=("C-D1-017", "C-D1-018", "C-D1-019"))  # fmt: skip
    m.state("enjoyment", carry=0.7, symbol="E", unit="z", doc="enjoyment of the show",
            target=funny * m["engaging_content"] + learned
            + path(m, "enjoyment_by_interaction", 0.3, r"\beta_{EI}",
                   claims=("C-D1-024",)) * m["interaction"]
            + disposition(m, "enjoyment", "E", 0.95),
            claims=("C-D1-024", "C-D1-025"))  # fmt: skip
    m.state("perceived_value", carry=0.7, symbol="V", unit="z", doc="value for money",
            target=standardised(m["bargain"], _BARGAIN) + learned
            + disposition(m, "perceived_value", "V", 0.9),
            claims=("C-D1-023", "C-D1-047"))  # fmt: skip
    m.state("uncertainty", carry=0.6, symbol="U", unit="z", doc="uncertainty about the product",
            target=path(m, "uncertainty_by_interaction", -0.4, r"\beta_{UI}",
                        claims=("C-D1-012",)) * m["interaction"]
            + path(m, "uncertainty_by_authenticity", -0.2, r"\beta_{UA}") * m["authenticity"]
            + disposition(m, "uncertainty", "U", 0.9), claims=("C-D1-012", "C-D1-014"))  # fmt: skip
    m.state("community", carry=0.9, symbol="C", unit="z", doc="sense of connection and community",
            target=path(m, "community_by_interaction", 0.4, r"\beta_{CI}",
                        claims=("C-D1-015", "C-D1-045"))
            * m["interaction"] + disposition(m, "community", "C", 0.915),
            claims=("C-D1-015", "C-D1-045"))  # fmt: skip
    m.state("felt_valued", carry=0.8, symbol="F", unit="z", doc="feeling valued and understood",
            target=-standardised(m["mismatch"], _FIT) + warmth * (1 - sp.exp(-m["gift"]))
            + disposition(m, "felt_valued", "F", 0.8),
            claims=("C-D1-029", "C-D1-042"))  # fmt: skip
    m.state("trust", carry=0.9, symbol="T", unit="z", doc="trust in the seller",
            target=path(m, "trust_by_authenticity", 0.4, r"\beta_{TA}",
                        claims=("C-D1-017", "C-D1-038")) * m["authenticity"]
            + path(m, "trust_by_interaction", 0.2, r"\beta_{TI}",
                   claims=("C-D1-016",)) * m["interaction"]
            + disposition(m, "trust", "T", 0.895),
            claims=("C-D1-016", "C-D1-017", "C-D1-038"))  # fmt: skip


def _satisfaction(m: Model) -> None:
    flaw = m.state("bought", symbol="b'", unit="0/1", doc="bought in the session before")
    pressed = m.state("bought_under_pressure", symbol="b^{G}", unit="offers",
                      doc="urgency under which it was bought")  # fmt: skip
    regret = m.parameter("return_base", -2.4, Normal(-2.4, 0.3), unit="log-odds", symbol="h_r",
                         doc="base chance that a purchase is sent back")  # fmt: skip
    by_pressure = m.parameter(
        "return_by_urgency",
        0.8,
        HalfNormal(1),
        unit="log-odds per offer",
        symbol=r"\beta_{rG}",
        doc="regret per unit of urgency at purchase",
    )
    sent = m.event("regrets", logit=regret + by_pressure * pressed, symbol="r'",
                   doc="would send back what was bought")  # fmt: skip
    returned = m.define("returned", sent * flaw, symbol="r", unit="0/1",
                        doc="sends back last session's purchase")  # fmt: skip
    absent = m.state(
        "missed", symbol="x", unit="0/1", doc="what was wanted last session was sold out"
    )
    m.state("trouble", carry=0.8, symbol="X", unit="z", doc="remembered stock-outs and returns",
            target=standardised(absent + returned, _TROUBLE), claims=("C-D1-033",))  # fmt: skip
    doubt = m.parameter(
        "trust_by_scepticism",
        0.3,
        Normal(0, 0.3),
        unit="1 per z",
        symbol=r"\mu_Q",
        doc="how much more trust counts for a sceptic",
        claims=("C-D1-041",),
    )
    paths = [
        ("interaction", 0.2, "I", ("C-D1-011", "C-D1-049")),
        ("authenticity", 0.15, "A", ("C-D1-019",)),
        ("perceived_value", 0.25, "V", ("C-D1-023", "C-D1-048")),
        ("enjoyment", 0.25, "E", ("C-D1-025", "C-D1-037")),
        ("felt_valued", 0.15, "F", ("C-D1-029", "C-D1-042")),
        ("community", 0.1, "C", ("C-D1-015",)),
        ("trouble", -0.2, "X", ("C-D1-033",)),
    ]
    terms = [
        path(m, f"satisfaction_by_{cause}", value, rf"\beta_{{S{letter}}}",
              f"satisfaction per unit of {cause.replace('_', ' ')}", claims) * m[cause]
        for cause, value, letter, claims in paths
    ]  # fmt: skip
    terms.append(
        path(m, "satisfaction_by_trust", 0.25, r"\beta_{ST}",
             claims=("C-D1-020", "C-D1-040")) * (1 + doubt * m["scepticism"]) * m["trust"]
    )  # fmt: skip
    m.update(m["satisfaction"], carry=0.7,
             target=sp.Add(*terms) + disposition(m, "satisfaction", "S", 0.81))  # fmt: skip
    m.state("loyalty", carry=0.95, symbol="L", unit="z", doc="loyalty",
            target=path(m, "loyalty_by_satisfaction", 0.5, r"\beta_{LS}",
                        claims=("C-D1-007",)) * m["satisfaction"]
            + path(m, "loyalty_by_trust", 0.25, r"\beta_{LT}") * m["trust"]
            + disposition(m, "loyalty", "L", 0.78), claims=("C-D1-007",))  # fmt: skip


def _outcomes(m: Model) -> None:
    def chance(name: str, base: float, slopes: dict[str, tuple[float, tuple[str, ...]]],
               symbol: str, doc: str) -> sp.Expr:  # fmt: skip
        start = m.parameter(f"{name}_base", base, Normal(base, 0.3), unit="log-odds per week",
                            symbol=f"h_{{{symbol}}}", doc=f"base chance: {doc}")  # fmt: skip
        return start + sp.Add(*(
            m.parameter(f"{name}_by_{cause}", value, Normal(0, 0.5), unit="log-odds per unit",
                        symbol=rf"\beta_{{{symbol}{m.element(cause).symbol}}}", claims=claims,
                        doc=f"{doc}, per unit of {cause.replace('_', ' ')}") * m[cause]
            for cause, (value, claims) in slopes.items()
        ))  # fmt: skip

    wants = m.event(
        "wants", symbol="b^{*}", doc="wants to buy in this session",
        logit=chance("purchase", -1.3, {
            "uncertainty": (-0.3, ("C-D1-013", "C-D1-014")), "enjoyment": (0.2, ("C-D1-037",)),
            "urgency": (0.6, ("C-D1-021",)), "felt_valued": (0.2, ("C-D1-029",)),
            "satisfaction": (0.3, ("C-D1-009",)),
        }, "b", "wants to buy"),
    )  # fmt: skip
    purchase = m.define("purchase", wants * m["available"], symbol="b", unit="0/1",
                        doc="buys: wants to, and it is there", claims=("C-D1-032",))  # fmt: skip
    m.update(m["bought"], target=purchase)
    m.update(m["bought_under_pressure"], target=purchase * m["urgency"])
    m.update(m["missed"], target=wants * (1 - m["available"]))
    m.update(m["history"], carry=0.95, target=purchase)
    tells = m.event(
        "recommends", symbol="y", doc="recommends the stream to somebody",
        logit=chance("recommend", -2.5, {"satisfaction": (0.6, ("C-D1-008",))}, "y", "recommends"),
    )  # fmt: skip
    comes = m.parameter(
        "won_by_recommendation",
        0.05,
        LogNormal(0.05, 0.5),
        unit="consumers",
        symbol=r"\kappa_y",
        doc="new consumers that a recommendation brings",
    )
    lured = m.parameter("won_by_offer", 0.01, LogNormal(0.01, 0.5), unit="consumers",
                        symbol=r"\kappa_o", doc="new consumers that an offer brings",
                        claims=("C-D1-022",))  # fmt: skip
    m.environment("newcomers", target=100 * (comes * average(tells) + lured * average(m["offer"])),
                  symbol="Y", unit="per 100 consumers and week", claims=("C-D1-010", "C-D1-022"),
                  doc="new consumers won in a week; they are counted, not simulated")  # fmt: skip
    leaves = m.event(
        "leaves", symbol="l", doc="leaves for good",
        logit=chance("leave", -5.3, {
            "satisfaction": (-0.5, ("C-D1-010",)), "loyalty": (-0.7, ("C-D1-007",)),
        }, "l", "leaves"),
    )  # fmt: skip
    m.stage("customer", {"watching": {"gone": leaves}}, absorbing="gone", symbol="c",
            doc="where the consumer stands", claims=("C-D1-010",))  # fmt: skip


def _survey(m: Model) -> None:
    for state in _SURVEYED:
        m.survey(m[state], 3, points=7, loading=(1.0, 0.9, 1.1), error=(0.5, 0.5, 0.6))


_SURVEYED = ("interaction", "authenticity", "enjoyment", "perceived_value", "uncertainty",
             "community", "felt_valued", "trust", "satisfaction", "loyalty")  # fmt: skip


def _records(m: Model) -> None:
    m.record(*(m[state] for state in _SURVEYED), m["trouble"], m["urgency"])
    m.record(m["heard"], m["mismatch"], m["available"], m["unsold"], m["purchase"], m["returned"],
             m["recommends"], m["leaves"])  # fmt: skip
