"""After-sales service as an operation: what fails opens a case, and a case waits, is solved or not.

Cases go to a chatbot or to people; people have a queue, so that waiting is the outcome of how many
they are and how much arrives; what a chatbot cannot solve comes to them later.
"""

from __future__ import annotations

import sympy as sp

from pycore.library.measures import Measure
from pycore.library.queue import HELD, waiting
from pycore.model.distributions import Exponential, HalfNormal, LogNormal, Normal
from pycore.model.functions import average
from pycore.model.model import Model

__all__ = ["MEASURES", "REPLY_MINUTES", "cases"]

# Minutes to a reply in the base scenario, by the load below; a test simulates it.
REPLY_MINUTES = 9.2
_PER = 10_000  # consumers that a number of people serves


MEASURES = (
    Measure("staffing", "S", 0.10, "more people who answer", ("C-D3-113", "C-D3-140")),
    Measure("chatbot", "B", 0.02, "a chatbot as the first to answer", ("C-D3-139", "C-D3-149")),
    Measure("training", "T", 0.03, "training, incentives and assessment of staff",
             ("C-D3-141", "C-D3-142", "C-D3-148", "C-D3-163", "C-D3-167", "C-D3-173")),
    Measure("simplification", "P", 0.03, "fewer steps: automation and a one-click entry",
             ("C-D3-134", "C-D3-135", "C-D3-136", "C-D3-150")),
    Measure("transparency", "Y", 0.01, "published process and progress",
             ("C-D3-047", "C-D3-164")),
    Measure("compensation", "C", 0.04, "points or coupons after a failure", ("C-D3-036",)),
    Measure("proactive_service", "V", 0.03, "problems predicted and prevented",
             ("C-D3-137", "C-D3-152", "C-D3-153")),
    Measure("case_library", "L", 0.01, "feedback and solved cases that staff learn from",
             ("C-D3-144", "C-D3-151", "C-D3-174")),
)  # fmt: skip


def cases(m: Model, buys: sp.Symbol) -> None:
    """Declare what a purchase can lead to: a case, its waiting, its solution and its trouble.

    Parameters
    ----------
    m : Model
        With the levers of ``MEASURES``.
    buys : sympy.Symbol
        Event of a purchase in this period.
    """
    _opened(m, buys)
    _by_bot(m)
    _queue(m)
    _solution(m)
    _process(m)


def _opened(m: Model, buys: sp.Symbol) -> None:
    rate = m.parameter(
        "failure_rate",
        0.12,
        LogNormal(0.12, 0.3),
        unit="1 per purchase",
        symbol="p_f",
        doc="share of purchases that fail: defect, size, description",
    )
    foreseen = m.parameter("foreseen", 0.3, Normal(0.3, 0.1), unit="1", symbol=r"\phi",
                           doc="share of failures that proactive service prevents at full use",
                           claims=("C-D3-137",))  # fmt: skip
    fails = m.event("fails", probability=rate * (1 - foreseen * m["proactive_service"]), symbol="f",
                    doc="a purchase of this week would fail", claims=("C-D3-032",))  # fmt: skip
    m.define("case", buys * fails, symbol="K", unit="0/1", doc="opens an after-sales case",
             claims=("C-D3-032", "C-D3-033", "C-D3-034", "C-D3-035"))  # fmt: skip
    m.draw("complexity", Normal(0, 1), symbol=r"\varepsilon^{K}", unit="z",
           doc="how complex the problem is", claims=("C-D3-049",))  # fmt: skip


def _by_bot(m: Model) -> None:
    base = m.parameter("bot_base", 0.3, Normal(0.3, 0.4), unit="log-odds", symbol="b_0",
                       doc="a chatbot solves a problem of mean complexity")  # fmt: skip
    slope = m.parameter("bot_by_complexity", -1.5, Normal(-1.5, 0.4), unit="log-odds per z",
                        symbol=r"\beta_{BK}", doc="and a more complex one",
                        claims=("C-D3-049",))  # fmt: skip
    can = m.event("bot_can", logit=base + slope * m["complexity"], symbol="b^{+}",
                  doc="a chatbot could solve it", claims=("C-D3-048", "C-D3-049"))  # fmt: skip
    asked = m.event("bot_asked", probability=m["chatbot"], symbol="b", doc="a chatbot is asked first",
                    claims=("C-D3-139",))  # fmt: skip
    m.define("by_bot", asked * can, symbol=r"b^{\ast}", unit="0/1", doc="a chatbot solves it at once",
             claims=("C-D3-139",))  # fmt: skip
    m.define("passed_on", asked * (1 - can), symbol="b^{-}", unit="0/1",
             doc="a chatbot failed and passed it on", claims=("C-D3-049",))  # fmt: skip


def _queue(m: Model) -> None:
    people = m.parameter("people", 9.0, LogNormal(9.0, 0.15), unit="people per 10 000 consumers",
                         symbol="c_0", doc="people who answer")  # fmt: skip
    added = m.parameter("people_added", 4.0, LogNormal(4.0, 0.15),
                        unit="people per 10 000 consumers", symbol="c_1",
                        doc="people added by full staffing")  # fmt: skip
    minutes = m.parameter("case_minutes", 30.0, LogNormal(30.0, 0.15), unit="minutes",
                          symbol=r"\tau", doc="work that a case takes")  # fmt: skip
    week = m.parameter("working_minutes", 1920.0, LogNormal(1920.0, 0.1), unit="minutes per week",
                       symbol=r"\ell", doc="time that one person works on cases")  # fmt: skip
    peak = m.parameter("peak", 1.2, LogNormal(1.2, 0.1), unit="1", symbol=r"\pi",
                       doc="cases per hour after a live session, relative to the mean")  # fmt: skip
    c = people + added * m["staffing"]
    reach = m.define("to_people", m["case"] * (1 - m["by_bot"]), symbol="K^{p}", unit="0/1",
                     doc="a case that people must solve")  # fmt: skip
    load = peak * _PER * average(reach) * minutes / (c * week)
    # What arrives too much waits half a working day.
    reply = m.environment(
        "reply_minutes", target=minutes * waiting(load, c) + 240 * sp.Max(0, load - HELD),
        start=REPLY_MINUTES, symbol="W", unit="minutes", claims=("C-D3-111", "C-D3-149"),
        doc="mean time to a reply at the peak, by the load of those who answer",
    )  # fmt: skip
    luck = m.draw("place_in_line", Exponential(1.0), symbol=r"\varepsilon^{W}", unit="1",
                  doc="waiting of this case relative to the mean")  # fmt: skip
    lost = m.parameter("bot_minutes", 10.0, LogNormal(10.0, 0.3), unit="minutes", symbol="w_b",
                       doc="time lost with a chatbot that fails")  # fmt: skip
    m.define("wait", (1 - m["by_bot"]) * reply * luck + lost * m["passed_on"], symbol="w",
             unit="minutes", doc="waiting for a reply in this case",
             claims=("C-D3-041", "C-D3-111", "C-D3-126"))  # fmt: skip


def _solution(m: Model) -> None:
    skill = m.environment(
        "skill",
        symbol="Q",
        unit="z",
        claims=("C-D3-141", "C-D3-170"),
        doc="skill of staff: grows with training and learning, leaves with people",
    )
    taught = m.parameter("skill_by_training", 0.8, HalfNormal(0.8), unit="z", symbol=r"\eta_T",
                         doc="skill that full training leads to")  # fmt: skip
    read = m.parameter("skill_by_library", 0.4, HalfNormal(0.5), unit="z", symbol=r"\eta_L",
                       doc="skill that a full case library leads to", claims=("C-D3-174",))  # fmt: skip
    m.update(skill, carry=0.95, target=taught * m["training"] + read * m["case_library"])
    base = m.parameter("solve_base", 1.2, Normal(1.2, 0.3), unit="log-odds", symbol="s_0",
                       doc="staff solve a problem of mean complexity")  # fmt: skip
    slope = m.parameter("solve_by_complexity", -0.8, Normal(-0.8, 0.3), unit="log-odds per z",
                        symbol=r"\beta_{SK}", doc="and a more complex one")  # fmt: skip
    skilled = m.parameter("solve_by_skill", 1.0, HalfNormal(1), unit="log-odds per z",
                          symbol=r"\beta_{SQ}", doc="solved more often by skilled staff",
                          claims=("C-D3-169", "C-D3-170"))  # fmt: skip
    can = m.event("staff_can", logit=base + slope * m["complexity"] + skilled * skill, symbol="s^{+}",
                  doc="staff could solve it", claims=("C-D3-156",))  # fmt: skip
    m.define("solved", m["by_bot"] + (1 - m["by_bot"]) * can, symbol="s", unit="0/1",
             doc="the problem is solved", claims=("C-D3-156", "C-D3-157"))  # fmt: skip


def _process(m: Model) -> None:
    steps = m.parameter("steps", 6.0, LogNormal(6.0, 0.15), unit="steps", symbol="n_0",
                        doc="steps of the process")  # fmt: skip
    fewer = m.parameter("steps_saved", 0.5, Normal(0.5, 0.1), unit="1", symbol=r"\eta_P",
                        doc="share of steps that full simplification saves",
                        claims=("C-D3-135",))  # fmt: skip
    m.define("process_steps", steps * (1 - fewer * m["simplification"]), symbol="n", unit="steps",
             doc="steps from complaint to end", claims=("C-D3-043", "C-D3-079"))  # fmt: skip
    per_step = m.parameter("hours_per_step", 12.0, LogNormal(12.0, 0.2), unit="hours",
                           symbol=r"\tau_n", doc="mean time of a step")  # fmt: skip
    ease = m.draw("handling_luck", LogNormal(1.0, 0.4), symbol=r"\varepsilon^{n}", unit="1",
                  doc="handling time of this case relative to the mean")  # fmt: skip
    m.define(
        "handling_hours",
        per_step * m["process_steps"] * ease,
        symbol="h",
        unit="hours",
        doc="time until return or repair is finished",
        claims=("C-D3-111", "C-D3-114"),
    )
    m.define("grievance_opened", m["case"] * (1 - m["solved"]) * (1 - m["compensation"] / 2),
             symbol="g^{+}", unit="cases", claims=("C-D3-036", "C-D3-054"),
             doc="a case that ends badly; full compensation halves what it is worth")  # fmt: skip
