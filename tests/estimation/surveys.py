"""Models whose answers are categories, and what respondents do."""

from __future__ import annotations

import numpy as np
import pandas as pd

import pycore as pc


def short(points: int = 5) -> pc.Model:
    """A measured trait that acts on a state, three ordinal items each."""
    m = pc.Model("short")
    cause = m.trait("failure", pc.Normal(0, 1))
    own = m.trait("own_strain", pc.Normal(0, 1)) * m.parameter("spread", 0.8, pc.HalfNormal(1))
    strain = m.state("strain", carry=0.5, target=m.parameter("pull", 0.6) * cause + own)
    m.survey(cause, ["f1", "f2", "f3"], points=points, loading=(1.0, 0.9, 1.1), error=0.5)
    m.survey(strain, ["s1", "s2", "s3"], points=points, loading=(1.0, 1.1, 0.9), error=0.5)
    return m


def everything() -> pc.Model:
    """Items of every kind, outcomes of every kind, a product."""
    m = pc.Model("everything")
    hurt, habit = m.trait("hurt", pc.Normal(0.5, 1)), m.trait("habit", pc.Normal(0, 1))
    own = m.trait("own", pc.Normal(0, 1)) * m.parameter("sd_own", 0.6)
    shield = m.parameter("shield", -0.4)
    strain = m.state(
        "strain",
        carry=0.5,
        target=m.parameter("b", 0.6) * hurt + m.parameter("c", 0.3) * habit
        + shield * hurt * habit + own,
    )  # fmt: skip
    last = m.trait("last", pc.Normal(0, 1)) * m.parameter("sd_last", 0.5)
    leaving = m.state("leaving", carry=0.5, target=m.parameter("d", 0.5) * strain + last)
    m.survey(hurt, ["a1", "a2"], points=5, error=0.6)
    m.survey(habit, ["h1", "h2"], points=4, error=0.5)
    m.survey(strain, ["s1", "s2"], points=7, error=0.5)
    m.survey(strain, ["s3"], points=0)
    m.survey(leaving, ["l1"], points=2)
    m.survey(leaving, ["l2"], points=3)
    m.outcome("left", m.parameter("base", -0.5) + m.parameter("hold", 0.8) * leaving)
    m.outcome("bought", m.parameter("rate", 0.3) - m.parameter("less", 0.4) * strain, "poisson")
    m.outcome(
        "calls", m.parameter("often", 0.3) + m.parameter("more", 0.4) * strain,
        "negative_binomial", size=m.parameter("size", 2.0),
    )  # fmt: skip
    m.outcome("stars", -m.parameter("fall", 0.7) * leaving, "ordered", points=5)
    return m


def interaction() -> pc.Model:
    """Two measured traits and their product act on a state; five-point items."""
    m = pc.Model("interaction")
    hurt, habit = m.trait("hurt", pc.Normal(0, 1)), m.trait("habit", pc.Normal(0, 1))
    own = m.trait("own", pc.Normal(0, 1)) * m.parameter("spread", 0.5)
    m.state(
        "leaving",
        carry=0.0,
        target=m.parameter("b", 0.5) * hurt + m.parameter("c", -0.3) * habit
        + m.parameter("shield", -0.5) * hurt * habit + own,
    )  # fmt: skip
    for name, word in (("h", hurt), ("r", habit), ("l", m["leaving"])):
        m.survey(word, [f"{name}{k}" for k in (1, 2, 3)], points=0, error=0.4)
    return m


def drawn(model: pc.Model, size: int, seed: int) -> pd.DataFrame:
    """Answers of the simulated population, without the columns that no fit reads."""
    data = pc.answers(model, respondents=size, seed=seed, burn_in=8, recall=8)
    return data.drop(columns="segment")


def with_gaps(data: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Leave answers out at random."""
    rng = np.random.default_rng(seed)
    made = data.astype(float)
    made[rng.random(made.shape) < share] = np.nan
    return made
