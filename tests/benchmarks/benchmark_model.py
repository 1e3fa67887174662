"""The benchmark: six states, three failures, a lognormal recovery, three logistic hazards.

Made up to have the shape of the documents' models; its coefficients are assumptions and carry no
meaning.  Every peer in :mod:`tests.benchmarks.peers` is this model written by hand.
"""

from __future__ import annotations

import math

import sympy as sp

import pycore as pc

PERIODS = 52
SEGMENTS = 8


def failure_rates(segment: int) -> tuple[float, float, float]:
    """Probability per period of the three failures in a segment."""
    return (0.04 + 0.01 * segment, 0.03 + 0.005 * segment, 0.08 - 0.004 * segment)


def performance(segment: int) -> float:
    """Mean performance in a segment."""
    return 0.55 + 0.02 * segment


def price(segment: int) -> float:
    """Price paid in a segment."""
    return 20.0 + 3.0 * segment


def benchmark_model(leave_base: float, *, coupled: bool = False) -> pc.Model:
    """Build the model; ``leave_base`` sets how many leave (-30: nobody).

    If ``coupled``, all consumers see which share bought in the period before.
    """
    m = pc.Model("benchmark", period="week")
    rates = [m.trait(f"rate_{k}") for k in (1, 2, 3)]
    mean, paid = m.trait("mean_performance"), m.trait("price")
    for g in range(SEGMENTS):
        p1, p2, p3 = failure_rates(g)
        m.segment(
            f"segment_{g}", rate_1=p1, rate_2=p2, rate_3=p3,
            mean_performance=performance(g), price=price(g),
        )  # fmt: skip
    expectation = m.state("expectation", start=m.trait("first_expectation", pc.Normal(0.6, 0.1)))
    satisfaction = m.state("satisfaction", low=-4, high=4)
    trust = m.state("trust", start=0.5, low=0, high=1)
    disappointment = m.state("disappointment", low=0, high=4)
    exhaustion = m.state("exhaustion", high=8)
    loyalty = m.state("loyalty", start=0.5, low=0, high=1)

    failures = [m.event(f"failure_{k}", probability=p) for k, p in enumerate(rates, 1)]
    failed = m.define("failed", sp.Max(*failures))
    luck = m.draw("luck", pc.Normal(mean, 0.25))
    perceived = luck - 0.5 * failures[0] - 0.3 * failures[1] - 0.4 * failures[2]
    wait = m.draw("recovery_time", pc.LogNormal(mean=math.exp(0.7 + 0.6**2 / 2), sigma=0.6))
    comfort = m.define("comfort", failed * sp.Max(0, 1 - 0.2 * wait))
    surprise = m.define("disconfirmation", perceived - expectation)

    m.update(disappointment, carry=0.8, increment=sp.Max(0, -surprise) - 0.3 * comfort)
    m.update(exhaustion, carry=0.95, increment=0.1 * disappointment + 0.1 * (failed - comfort))
    m.update(satisfaction, carry=0.7, increment=0.3 * surprise)
    m.update(trust, carry=1, increment=0.05 * surprise + 0.03 * comfort - 0.02 * failed)
    m.update(expectation, carry=1, increment=0.1 * surprise)
    m.update(loyalty, carry=0.95, increment=0.05 * trust + 0.02 * satisfaction - 0.01 * exhaustion)
    buy = m.event("buy", logit=-1 + 2 * loyalty + 0.5 * satisfaction - 0.3 * exhaustion)
    told = -2.5 + satisfaction + 1.5 * trust
    if coupled:
        seen = m.environment("seen", start=0.3, target=pc.average(buy))
        told += 0.5 * (seen - 0.3)
    recommend = m.event("recommend", logit=told)
    leave = m.event(
        "leave", logit=leave_base + 0.8 * exhaustion + 0.5 * disappointment - 2 * loyalty
    )
    revenue = m.define("revenue", buy * paid * (0.5 + loyalty))
    tired = m.define("exhausted", (1 - leave) * pc.where(exhaustion > 1, 1, 0))
    m.define(
        "disappointed",
        (1 - leave) * pc.where(exhaustion > 1, 0, pc.where(disappointment > 0.5, 1, 0)),
    )
    m.stage("relation", {"active": {"left": leave}}, absorbing="left")
    states = (expectation, satisfaction, trust, disappointment, exhaustion, loyalty)
    m.record(*failures, buy, recommend, *states, tired, m["disappointed"])
    m.record(revenue, resolution=2.0**-10)
    return m
