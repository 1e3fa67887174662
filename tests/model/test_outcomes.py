"""What respondents do beyond answering items."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import pycore as pc
from pycore.errors import InputError
from tests.estimation import surveys


def test_outcomes_print_and_come_back_from_json() -> None:
    m = surveys.everything()
    lines = str(m.equations())
    assert "logit Pr(left[i] = 1) = base + hold·average leaving[i]" in lines
    assert "bought[i] ~ Poisson(μ[i]), log μ[i] = rate − less·average strain[i]" in lines
    assert "calls[i] ~ NegativeBinomial(μ[i], size = size)" in lines
    assert "stars[i] = −fall·average leaving[i] + ε[i], answered 0…4" in lines
    assert r"\operatorname{logit} \Pr" in m.equations()[-4].latex
    again = pc.Model.from_json(m.to_json())
    assert again.to_json() == m.to_json()
    assert again.outcomes == m.outcomes


def test_a_model_without_outcomes_is_written_as_before() -> None:
    assert "outcomes" not in json.loads(surveys.short().to_json())


def test_simulated_outcomes_have_the_rates_that_their_states_say() -> None:
    m = pc.Model("rates")
    x = m.trait("x", pc.Normal(0, 1))
    m.survey(x, 1, points=0, error=0)
    m.outcome("happens", 0.5 + 0.8 * x)
    m.outcome("times", 0.2 - 0.5 * x, "poisson")
    m.outcome("more", 0.4 * x, "negative_binomial", size=1.5)
    m.outcome("rated", x, "ordered", points=3, thresholds=(-0.5, 0.7))
    data = pc.answers(m, respondents=40_000, seed=1, burn_in=0, recall=1)
    z = data["x_1"].to_numpy()
    n = len(z)
    chance = 1 / (1 + np.exp(-(0.5 + 0.8 * z)))
    mean, other = np.exp(0.2 - 0.5 * z), np.exp(0.4 * z)
    # Standardised sums are standard normal: 4.5.
    for seen, expected, variance in (
        (data["happens"], chance, chance * (1 - chance)),
        (data["times"], mean, mean),
        (data["more"], other, other + other**2 / 1.5),
    ):
        assert abs((seen - expected).sum()) < 4.5 * np.sqrt(variance.sum())
        assert abs(((seen - expected) * z).sum()) < 4.5 * np.sqrt((variance * z**2).sum())
    assert set(data["rated"]) == {0, 1, 2}
    assert abs((data["rated"] == 2).mean() - 0.3103) < 4.5 * np.sqrt(0.25 / n)  # P(N(0, 2) > 0.7)


def test_one_respondent_does_not_depend_on_the_others() -> None:
    m = surveys.everything()
    few, many = (surveys.drawn(m, size, 5) for size in (20, 60))
    assert few.equals(many[:20])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"name": "a1"}, "name: received 'a1'"),
        ({"kind": "weibull"}, "kind: received 'weibull'"),
        ({"size": 2.0}, "size: received 2.0"),
        ({"kind": "negative_binomial"}, "size: received None"),
        ({"kind": "negative_binomial", "size": -1.0}, "size: received -1.0"),
        ({"kind": "ordered", "points": 1}, "points: received 1"),
        ({"kind": "ordered", "points": 3, "thresholds": (1, 0)}, "thresholds: received"),
        ({"thresholds": (0.0,)}, "thresholds: received"),
    ],
)
def test_an_outcome_that_cannot_be_is_refused(change: dict[str, object], match: str) -> None:
    m = surveys.everything()
    options: dict[str, Any] = {"name": "buys", "predictor": m["leaving"], **change}
    with pytest.raises(InputError, match=match):
        m.outcome(**options)


def test_an_outcome_does_not_read_a_period() -> None:
    m = surveys.everything()
    wait = m.draw("wait", pc.Normal(0, 1))
    with pytest.raises(InputError, match="predictor: received 'wait'"):
        m.outcome("buys", wait)
