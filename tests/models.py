"""Small models that several tests share."""

from __future__ import annotations

import sympy as sp

import pycore as pc


def queue_fatigue() -> pc.Model:
    """The model of an outside user: waiting annoys, annoyance makes people leave."""
    m = pc.Model("queue_fatigue", period="day")
    wait = m.draw(
        "waiting_minutes",
        pc.LogNormal(mean=m.parameter("mean_wait", 6, unit="min"), sigma=0.8),
        unit="min",
    )
    cross = m.state("annoyance", carry=0.7, target=m.parameter("annoyance_per_minute", 0.1) * wait)
    leave = m.event("leave", logit=m.parameter("base", -5) + 1.2 * cross)
    m.stage("customer", {"active": {"left": leave}}, absorbing="left")
    m.record(cross, leave)
    return m


def two_platforms() -> pc.Model:
    """Segments, a lever with a cost, a drawn trait, competing exits, every kind of record."""
    m = pc.Model("two_platforms")
    quality = m.trait("quality", 0.0)
    m.segment("good", 2, quality=1.0)
    m.segment("poor", 1, quality=-1.0)
    support = m.lever("support", 0.0, low=0, high=2, cost=m.parameter("price", 0.5), unit="EUR")
    patience = m.trait("patience", pc.Normal(0, 1))
    fails = m.event("fails", probability=m.parameter("fail_rate", 0.2))
    anger = m.state(
        "anger", start=0.1, carry=0.8, noise=0.1, low=0,
        target=m.parameter("anger_per_failure", 2.0) * fails - 0.3 * support - 0.2 * patience,
    )  # fmt: skip
    quits = m.event("quits", logit=-4 + anger - 0.5 * quality)
    moves = m.event("moves", logit=-4.5 + anger)
    lapses = m.event("lapses", probability=0.05)
    back = m.event("back", probability=0.3)
    m.stage(
        "customer",
        {
            "active": {"left": quits, "moved": moves, "asleep": lapses},
            "asleep": {"active": back, "left": quits},
        },
        absorbing=("left", "moved"),
    )
    m.record(fails, quits, moves)
    m.record(anger, by_stage=True, bins=(0.0, 4.0, 8))
    return m


def rumour(scope: pc.model.elements.Scope) -> pc.Model:
    """Talk makes people talk, and leave; two segments; a lever; all that couples at once."""
    m = pc.Model("rumour")
    if scope == "community":
        m.community(230)
    loud = m.trait("loudness", 0.2)
    m.segment("quiet", 2, loudness=0.1)
    m.segment("loud", 1, loudness=0.5)
    talk = m.environment("talk", scope=scope, start=0.1)
    advert = m.lever("advert")
    speaks = m.event("speaks", probability=pc.where(talk > 0.3, loud, 0.3 * loud))
    mood = m.state("mood", carry=0.7, target=talk + 0.2 * advert, noise=0.3)
    quits = m.event("quits", logit=-3 + mood)
    m.stage("relation", {"in": {"out": quits}}, absorbing="out")
    m.update(talk, target=pc.average(speaks))
    if scope != "neighbours":
        worry = m.environment("worry", scope=scope, carry=0.6, target=2 * pc.share(quits) + talk)
        m.environment("stock", scope=scope, start=9, target=sp.Max(0, 9 - pc.total(mood) * worry))
    m.record(speaks, mood, quits)
    return m
