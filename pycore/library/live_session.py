"""A live session as an operation: questions in a line, guesses of taste and demand, offers, gifts.

Each mechanism can fail: answers come too late when too few people give them, a prediction of taste
or a forecast of demand may be worse than none, and gifts may reach the wrong consumers.
"""

from __future__ import annotations

import sympy as sp

from pycore.library.measures import Measure
from pycore.library.queue import HELD, waiting
from pycore.model.distributions import Exponential, HalfNormal, LogNormal, Normal
from pycore.model.functions import average
from pycore.model.model import Model

__all__ = ["STRATEGIES", "session"]

# Minutes to an answer and share of consumers marked as unhappy, in the base scenario.
_REPLY_MINUTES = 3.48
_MARKED = 0.218

STRATEGIES = (
    Measure("engaging_content", "E", 0.06, "stories, demonstrations and games in the stream",
              ("C-D1-036", "C-D1-037")),
    Measure("trust_building", "A", 0.04, "transparent offers and hosts who know their products",
              ("C-D1-038", "C-D1-039")),
    Measure("personalisation", "P", 0.03, "showing each consumer what she is predicted to like",
              ("C-D1-028", "C-D1-043")),
    Measure("interaction_quality", "I", 0.08, "more people who answer, promptly and thoroughly",
              ("C-D1-044", "C-D1-046")),
    Measure("exclusive_offers", "O", 0.10, "discounts for this session only",
              ("C-D1-021", "C-D1-047")),
    Measure("predictive_analytics", "F", 0.02, "stocking by a forecast of demand",
              ("C-D1-030", "C-D1-031")),
    Measure("care", "C", 0.05, "gifts and messages that show consumers that they count",
              ("C-D1-042",)),
    Measure("targeting", "Z", 0.01, "giving them to those who are predicted to be unhappy",
              ("C-D1-043",)),
    Measure("feedback_use", "L", 0.02, "learning from what consumers say and do",
              ("C-D1-034", "C-D1-035")),
)  # fmt: skip


def session(m: Model) -> None:
    """Declare what a session brings: answers, goods that fit, offers, stock and gifts.

    Parameters
    ----------
    m : Model
        With the levers of ``STRATEGIES``, the trait ``taste`` and the segments' ``deal_seeking``.
    """
    _answers(m)
    _taste(m)
    _offers(m)
    _stock(m)
    _care(m)


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
    length = m.parameter("session_minutes", 120.0, LogNormal(120.0, 0.1), unit="minutes",
                          symbol=r"\ell", doc="length of a session")  # fmt: skip
    people = staff + more * m["interaction_quality"]
    load = 1000 * average(asks) * service / (people * length)
    # Half of what arrives too much waits half a session.
    reply = m.environment(
        "reply_minutes",
        target=service * (1 + waiting(load, people)) + length / 2 * sp.Max(0, load - HELD),
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
