"""Small models and data for the tests of estimation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import pycore as pc


def mediation(points: int = 0) -> pc.Model:
    """A cause, a mediator and an outcome, each measured by three items."""
    m = pc.Model("mediation")
    reputation = m.trait("reputation", 0.0)
    cause = m.trait("service_failure", pc.Normal(0, 1))
    own = {
        n: m.trait(f"own_{n}", pc.Normal(0, 1)) * m.parameter(f"sd_{n}", 0.7, pc.HalfNormal(1))
        for n in ("strain", "leaving")
    }
    strain = m.state(
        "strain",
        carry=0.5,
        target=m.parameter("a", 0.5) * cause * (1 - m.parameter("shield", 0.3) * reputation)
        + own["strain"],
    )
    leaving = m.state(
        "leaving",
        carry=0.7,
        target=m.parameter("b", 0.6) * strain + m.parameter("c", 0.2) * cause + own["leaving"],
    )
    for name, measured in (("f", cause), ("s", strain), ("l", leaving)):
        m.survey(
            measured,
            [f"{name}{k}" for k in (1, 2, 3)],
            points=points,
            loading=(1.0, 0.8, 1.1),
            error=(0.5, 0.6, 0.5),
        )
    return m


def respondents(
    model: pc.Model, size: int, seed: int, reputation: float = 0.0, **values: float
) -> pd.DataFrame:
    """Answers drawn from the long-run form itself, uncut."""
    numbers = model.structural(reputation=reputation).at(**values)
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_normal(numbers.item_mean, numbers.item_covariance, size)
    return pd.DataFrame(drawn, columns=list(model.items))


def two_reputations(model: pc.Model, size: int, seed: int) -> pd.DataFrame:
    """Respondents of a weak and a strong platform."""
    parts = [
        respondents(model, size, seed + k, reputation=r).assign(reputation=r)
        for k, r in enumerate((-1.0, 1.0))
    ]
    return pd.concat(parts, ignore_index=True)


def with_gaps(data: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Leave answers out at random, in four patterns."""
    rng = np.random.default_rng(seed)
    made: Any = data.copy()
    for column in list(data.columns[:2]):
        made.loc[rng.random(len(data)) < share, column] = np.nan
    return made
