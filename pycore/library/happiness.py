"""Document 1: what makes consumers of live e-commerce happy, and what data add to it.

Four factors (answers in real time, authenticity and trust, offers, entertainment) feed satisfaction;
satisfaction feeds loyalty, recommendation, purchase and staying.  Data act through three mechanisms
that can fail: a prediction of taste that may be wrong, a forecast of demand that may be worse than
none, and learning from feedback that saturates.  Offers press to buy now, and some of what was
bought under pressure is sent back.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from pycore.model.distributions import Exponential, HalfNormal, LogNormal, Normal
from pycore.model.functions import average
from pycore.model.model import Model

__all__ = ["happiness"]

# Mean and standard deviation of what a session brings, in the base scenario, found by simulating it;
# a test simulates it again and holds every state to mean 0 and deviation 1.
_HEARD = (0.462, 0.436)
_FIT = (1.0, 2.35)
_BARGAIN = (0.24, 0.492)
_TROUBLE = (0.0556, 0.0782)
# Minutes to an answer and share of consumers marked as unhappy, in the base scenario.
_REPLY_MINUTES = 3.48
_MARKED = 0.218


@dataclass(frozen=True)
class _Strategy:
    """One lever, its symbol, its assumed cost at full use and what it is."""

    name: str
    symbol: str
    cost: float
    doc: str
    claims: tuple[str, ...]


_STRATEGIES = (
    _Strategy("engaging_content", "E", 0.06, "stories, demonstrations and games in the stream",
              ("C-D1-036", "C-D1-037")),
    _Strategy("trust_building", "A", 0.04, "transparent offers and hosts who know their products",
              ("C-D1-038", "C-D1-039")),
    _Strategy("personalisation", "P", 0.03, "showing each consumer what she is predicted to like",
              ("C-D1-028", "C-D1-043")),
    _Strategy("interaction_quality", "I", 0.08, "more people who answer, promptly and thoroughly",
              ("C-D1-044", "C-D1-046")),
    _Strategy("exclusive_offers", "O", 0.10, "discounts for this session only",
              ("C-D1-021", "C-D1-047")),
    _Strategy("predictive_analytics", "F", 0.02, "stocking by a forecast of demand",
              ("C-D1-030", "C-D1-031")),
    _Strategy("care", "C", 0.05, "gifts and messages that show consumers that they count",
              ("C-D1-042",)),
    _Strategy("targeting", "Z", 0.01, "giving them to those who are predicted to be unhappy",
              ("C-D1-043",)),
    _Strategy("feedback_use", "L", 0.02, "learning from what consumers say and do",
              ("C-D1-034", "C-D1-035")),
)  # fmt: skip


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
    _levers(m)
    _answers(m)
    _taste(m)
    _offers(m)
    _stock(m)
    _care(m)
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


def _levers(m: Model) -> None:
    for s in _STRATEGIES:
        price = m.parameter(
            f"cost_{s.name}", s.cost, LogNormal(s.cost, 0.4), unit="CNY per consumer-week",
            symbol=f"k_{{{s.symbol}}}", doc=f"cost of {s.doc}, at full use",
        )  # fmt: skip
        m.lever(s.name, 0.0, cost=price, symbol=f"u_{{{s.symbol}}}", unit="CNY", doc=s.doc,
                claims=s.claims)  # fmt: skip


def _answers(m: Model) -> None:
    """Questions queue for the people who answer them; patience decides what an answer is worth."""
    asks = m.event(
        "asks", probability=m.parameter(
            "ask_rate", 0.12, LogNormal(0.12, 0.2), unit="1 per session", symbol="p_q",
            doc="chance that a viewer asks a question in a session",
        ), symbol="q", doc="asks a question", claims=("C-D1-006",),
    )  # fmt: skip
    staff = m.parameter("staff", 2.0, LogNormal(2.0, 0.2), unit="people per 1000 viewers",
                        symbol="c_0", doc="people who answer")  # fmt: skip
    more = m.parameter("more_staff", 2.0, LogNormal(2.0, 0.2), unit="people per 1000 viewers",
                       symbol="c_1", doc="people added by interaction quality at full use")  # fmt: skip
    service = m.parameter("answer_minutes", 1.5, LogNormal(1.5, 0.2), unit="minutes",
                          symbol=r"\tau", doc="time that an answer takes")  # fmt: skip
    session = m.parameter("session_minutes", 120.0, LogNormal(120.0, 0.1), unit="minutes",
                          symbol=r"\ell", doc="length of a session")  # fmt: skip
    people = staff + more * m["interaction_quality"]
    load = 1000 * average(asks) * service / (people * session)
    # Mean time in an M/M/c queue after Sakasegawa (1977); beyond a load of 0.95 the line that
    # touches nothing infinite: half of what arrives too much waits half a session.
    held = sp.Min(load, 0.95)
    waiting = sp.exp(sp.log(held) * (sp.sqrt(2 * (people + 1)) - 1)) / (people * (1 - held))
    reply = m.environment(
        "reply_minutes",
        target=service * (1 + waiting) + session / 2 * sp.Max(0, load - 0.95),
        start=_REPLY_MINUTES, symbol="W", unit="minutes",
        doc="mean time to an answer, by the load of those who answer", claims=("C-D1-044",),
    )  # fmt: skip
    luck = m.draw("place_in_line", Exponential(1.0), symbol=r"\varepsilon^{W}", unit="1",
                  doc="waiting of this question relative to the mean")  # fmt: skip
    patience = m.parameter("patience", 3.0, LogNormal(3.0, 0.3), unit="minutes", symbol=r"\pi",
                           doc="waiting after which an answer comes too late")  # fmt: skip
    m.event("answered", when=reply * luck <= patience, symbol="w",
            doc="questions are answered before patience ends", claims=("C-D1-044",))  # fmt: skip
    thorough = m.parameter("thorough_base", 0.4, Normal(0.4, 0.3), unit="log-odds", symbol="t_0",
                           doc="base chance of a thorough answer")  # fmt: skip
    training = m.parameter("thorough_by_quality", 1.2, HalfNormal(1.5), unit="log-odds",
                           symbol="t_1", doc="gain of thoroughness by interaction quality")  # fmt: skip
    m.event("thorough", logit=thorough + training * m["interaction_quality"], symbol="h",
            doc="the answer is thorough", claims=("C-D1-044",))  # fmt: skip
    m.define("heard", m["answered"] * (1 + m["thorough"]) / 2, symbol="H", unit="0, ½ or 1",
             doc="how well questions were answered in this session", claims=("C-D1-044",))  # fmt: skip


def _taste(m: Model) -> None:
    """What is shown follows a prediction of taste, and the prediction can be wrong."""
    known = m.state("history", symbol="N", unit="1 per week", low=0.0,
                    doc="purchases that the platform remembers, per week")  # fmt: skip
    error = m.parameter("taste_error", 0.8, LogNormal(0.8, 0.3), unit="z", symbol=r"\sigma_\theta",
                        doc="error of the predicted taste of someone who never bought")  # fmt: skip
    helps = m.parameter("error_by_history", 2.0, LogNormal(2.0, 0.4), unit="weeks",
                        symbol=r"\nu", claims=("C-D1-026",),
                        doc="how fast remembered purchases sharpen the prediction")  # fmt: skip
    misread = m.trait("misread", Normal(0, 1), symbol="e", unit="z",
                      doc="how this consumer's taste is misread")  # fmt: skip
    predicted = m.define(
        "predicted_taste", m["taste"] + error * misread / sp.sqrt(1 + helps * known),
        symbol=r"\hat\theta", unit="z", doc="taste as data predict it", claims=("C-D1-026",),
    )  # fmt: skip
    m.define("mismatch", (m["taste"] - m["personalisation"] * predicted) ** 2, symbol="M", unit="z²",
             doc="squared distance of what is shown from taste", claims=("C-D1-029",))  # fmt: skip


def _offers(m: Model) -> None:
    base = m.parameter("offer_rate", 0.2, LogNormal(0.2, 0.2), unit="1 per session", symbol="o_0",
                       doc="chance of an exclusive offer in a session")  # fmt: skip
    offer = m.event("offer", probability=base + (1 - base) * m["exclusive_offers"], symbol="o",
                    doc="an offer for this session only", claims=("C-D1-021",))  # fmt: skip
    m.state("urgency", carry=0.3, increment=offer, symbol="G", unit="offers", low=0.0,
            doc="pressure to act now: jumps with an offer and fades", claims=("C-D1-021",))  # fmt: skip
    keen = m.parameter("deal_seekers_keener", 0.5, HalfNormal(0.5), unit="1", symbol=r"\delta",
                       doc="how much more an offer is worth to those who look for deals",
                       claims=("C-D1-022",))  # fmt: skip
    m.define("bargain", offer * (1 + keen * m["deal_seeking"]), symbol="D", unit="offers",
             doc="worth of this session's offer", claims=("C-D1-023", "C-D1-047"))  # fmt: skip


def _stock(m: Model) -> None:
    """Goods are stocked by a forecast; acting on a forecast worse than none empties more shelves."""
    spread = m.parameter("demand_spread", 0.6, LogNormal(0.6, 0.2), unit="log", symbol=r"\sigma_g",
                         doc="how far demand for a product departs from its usual level")  # fmt: skip
    error = m.parameter("forecast_error", 0.35, LogNormal(0.35, 0.3), unit="log",
                        symbol=r"\sigma_f", doc="error of the forecast of that departure")  # fmt: skip
    margin = m.parameter("safety_stock", 0.2, Normal(0.2, 0.1), unit="log", symbol="z_s",
                         doc="stock above what is expected to be sold")  # fmt: skip
    surprise = m.draw("demand_surprise", Normal(0, 1), symbol=r"\varepsilon^{g}", unit="z",
                      doc="surprise in the demand for what this consumer wants")  # fmt: skip
    a = m["predictive_analytics"]
    missed = sp.sqrt(spread**2 * (1 - a) ** 2 + error**2 * a**2)
    cover = m.define("cover", sp.exp(margin + missed * surprise), symbol="R", unit="1",
                     doc="stock over demand of the product wanted")  # fmt: skip
    m.event("available", probability=sp.Min(1, cover), symbol="v",
            doc="the product wanted is there", claims=("C-D1-031",))  # fmt: skip
    m.define("unsold", sp.Max(0, cover - 1), symbol="R^{+}", unit="1",
             doc="stock left over, relative to demand")  # fmt: skip


def _care(m: Model) -> None:
    """The same gifts, for everybody alike or for those who are predicted to need them."""
    felt = m.state("satisfaction", symbol="S", unit="z", doc="satisfaction: happiness",
                   claims=("C-D1-003", "C-D1-011", "C-D1-049"))  # fmt: skip
    error = m.parameter("mood_error", 0.8, LogNormal(0.8, 0.3), unit="z", symbol=r"\sigma_S",
                        doc="error of the predicted satisfaction")  # fmt: skip
    noise = m.draw("mood_misread", Normal(0, 1), symbol=r"\varepsilon^{S}", unit="z",
                   doc="how satisfaction is misread this week")  # fmt: skip
    cut = m.parameter(
        "unhappy_below",
        -1.0,
        unit="z",
        symbol="s_0",
        doc="predicted satisfaction below which a consumer is marked as unhappy",
    )
    marked = m.event("marked", when=felt + error * noise <= cut, symbol="z",
                     doc="is predicted to be unhappy", claims=("C-D1-026",))  # fmt: skip
    share = m.environment("marked_share", target=average(marked), start=_MARKED, symbol=r"\bar z",
                          unit="1", doc="share of consumers marked as unhappy")  # fmt: skip
    aimed = m["targeting"]
    m.define(
        "gift",
        m["care"] * (1 - aimed + aimed * marked / sp.Max(share, 0.02)),
        symbol="W^{+}",
        unit="gifts",
        claims=("C-D1-043",),
        doc="what this consumer gets; the mean over consumers does not depend on targeting",
    )


def _beta(
    m: Model, name: str, value: float, symbol: str, doc: str, claims: tuple[str, ...] = ()
) -> sp.Symbol:
    return m.parameter(name, value, Normal(0, 0.7), unit="z per z", symbol=rf"\beta_{{{symbol}}}",
                       doc=doc, claims=claims)  # fmt: skip


def _disposition(m: Model, state: str, symbol: str, value: float) -> sp.Expr:
    """What makes consumers differ in a state beyond its causes."""
    sd = m.parameter(
        f"sd_{state}", value, HalfNormal(1), unit="z", symbol=rf"\psi_{{{symbol}}}",
        doc=f"spread of personal {state.replace('_', ' ')} beyond its causes",
    )  # fmt: skip
    return sd * m.trait(f"disposition_{state}", Normal(0, 1), unit="z", symbol=f"d^{{{symbol}}}",
                        doc=f"personal disposition: {state.replace('_', ' ')}")  # fmt: skip


def _z(expression: sp.Expr, of: tuple[float, float]) -> sp.Expr:
    centre, scale = of
    return (expression - centre) / scale


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
            target=_z(m["heard"], _HEARD) + _disposition(m, "interaction", "I", 0.9),
            claims=("C-D1-012", "C-D1-044"))  # fmt: skip
    m.state("authenticity", carry=0.8, symbol="A", unit="z", doc="authenticity of the stream",
            target=honest * m["trust_building"] + _disposition(m, "authenticity", "A", 1.0),
            claims=("C-D1-017", "C-D1-018", "C-D1-019"))  # fmt: skip
    m.state("enjoyment", carry=0.7, symbol="E", unit="z", doc="enjoyment of the show",
            target=funny * m["engaging_content"] + learned
            + _beta(m, "enjoyment_by_interaction", 0.3, "EI", "enjoyment per unit of interaction",
                    ("C-D1-024",)) * m["interaction"]
            + _disposition(m, "enjoyment", "E", 0.95),
            claims=("C-D1-024", "C-D1-025"))  # fmt: skip
    m.state("perceived_value", carry=0.7, symbol="V", unit="z", doc="value for money",
            target=_z(m["bargain"], _BARGAIN) + learned
            + _disposition(m, "perceived_value", "V", 0.9),
            claims=("C-D1-023", "C-D1-047"))  # fmt: skip
    m.state("uncertainty", carry=0.6, symbol="U", unit="z", doc="uncertainty about the product",
            target=_beta(m, "uncertainty_by_interaction", -0.4, "UI",
                         "uncertainty per unit of interaction", ("C-D1-012",)) * m["interaction"]
            + _beta(m, "uncertainty_by_authenticity", -0.2, "UA",
                    "uncertainty per unit of authenticity") * m["authenticity"]
            + _disposition(m, "uncertainty", "U", 0.9), claims=("C-D1-012", "C-D1-014"))  # fmt: skip
    m.state("community", carry=0.9, symbol="C", unit="z", doc="sense of connection and community",
            target=_beta(m, "community_by_interaction", 0.4, "CI",
                         "community per unit of interaction", ("C-D1-015", "C-D1-045"))
            * m["interaction"] + _disposition(m, "community", "C", 0.915),
            claims=("C-D1-015", "C-D1-045"))  # fmt: skip
    m.state("felt_valued", carry=0.8, symbol="F", unit="z", doc="feeling valued and understood",
            target=-_z(m["mismatch"], _FIT) + warmth * (1 - sp.exp(-m["gift"]))
            + _disposition(m, "felt_valued", "F", 0.8),
            claims=("C-D1-029", "C-D1-042"))  # fmt: skip
    m.state("trust", carry=0.9, symbol="T", unit="z", doc="trust in the seller",
            target=_beta(m, "trust_by_authenticity", 0.4, "TA", "trust per unit of authenticity",
                         ("C-D1-017", "C-D1-038")) * m["authenticity"]
            + _beta(m, "trust_by_interaction", 0.2, "TI", "trust per unit of interaction",
                    ("C-D1-016",)) * m["interaction"]
            + _disposition(m, "trust", "T", 0.895),
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
            target=_z(absent + returned, _TROUBLE), claims=("C-D1-033",))  # fmt: skip
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
        _beta(m, f"satisfaction_by_{cause}", value, f"S{letter}",
              f"satisfaction per unit of {cause.replace('_', ' ')}", claims) * m[cause]
        for cause, value, letter, claims in paths
    ]  # fmt: skip
    terms.append(
        _beta(m, "satisfaction_by_trust", 0.25, "ST", "satisfaction per unit of trust",
              ("C-D1-020", "C-D1-040")) * (1 + doubt * m["scepticism"]) * m["trust"]
    )  # fmt: skip
    m.update(m["satisfaction"], carry=0.7,
             target=sp.Add(*terms) + _disposition(m, "satisfaction", "S", 0.81))  # fmt: skip
    m.state("loyalty", carry=0.95, symbol="L", unit="z", doc="loyalty",
            target=_beta(m, "loyalty_by_satisfaction", 0.5, "LS", "loyalty per unit of satisfaction",
                         ("C-D1-007",)) * m["satisfaction"]
            + _beta(m, "loyalty_by_trust", 0.25, "LT", "loyalty per unit of trust") * m["trust"]
            + _disposition(m, "loyalty", "L", 0.78), claims=("C-D1-007",))  # fmt: skip


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
