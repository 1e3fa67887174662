"""A published fit of five yes-or-no answers and one trait: same likelihood, same errors."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np

from pycore import _core
from pycore.estimation.quadrature import equally_spaced

REFERENCE = json.loads((Path(__file__).parent / "item_response.json").read_text())
ITEMS = 5


def log_likelihood(difficulty: np.ndarray, discrimination: np.ndarray) -> float:
    """Of the two-parameter logistic model, by quadrature in the core."""
    patterns = np.array(list(product([0.0, 1.0], repeat=ITEMS)))
    answers = np.repeat(patterns, REFERENCE["respondents"], axis=0)
    columns = [
        _core.Column(kind=2, cuts=0, categories=0, values=np.ascontiguousarray(own))
        for own in answers.T
    ]
    nodes, weights = equally_spaced(0.25, 1)
    respondents = _core.Respondents(count=len(answers), drawn=[0], products=[], columns=columns)
    grid = _core.Grid(respondents, nodes=nodes, weights=weights)
    assert grid.patterns == 30  # of 32, two of which nobody gave
    # Λ, A, Ω, Θ, ν and α of a standard normal trait.
    base = [*discrimination, 0, 1, *np.zeros(ITEMS**2), *(-discrimination * difficulty), 0]
    tape = _core.Tape(np.zeros((0, 4), np.int32), np.zeros(0), [], 0)
    group = _core.Group(items=ITEMS, latents=1, tape=tape, base=base, places=[], inputs=[])
    posterior = _core.Posterior(
        scalars=_core.ScalarPriors(np.zeros(0, np.int32), np.zeros((0, 9)), 0.0),
        correlations=[], groups=[group], units=[], means=True, grids=[grid],
    )  # fmt: skip
    return float(posterior.evaluate(np.zeros(0))[0])


def test_the_published_maximum_is_one_with_the_same_likelihood_and_errors() -> None:
    published = np.array(REFERENCE["difficulty"] + REFERENCE["discrimination"])
    errors = np.array(REFERENCE["difficulty_error"] + REFERENCE["discrimination_error"])

    def at(away: np.ndarray) -> float:
        there = published + away * errors
        return log_likelihood(there[:ITEMS], there[ITEMS:])

    step = 0.02
    units = step * np.eye(2 * ITEMS)
    centre = at(np.zeros(2 * ITEMS))
    assert abs(centre - REFERENCE["log_likelihood"]) < 1e-3
    up, down = (np.array([at(sign * e) for e in units]) for sign in (1, -1))
    slope = (up - down) / (2 * step)
    hessian = np.array([
        [(at(e + f) - at(e - f) - at(f - e) + at(-e - f)) / (4 * step**2) for f in units]
        for e in units
    ])  # fmt: skip
    covariance = np.linalg.inv(-hessian)
    # Four decimals were printed: the top is a hundredth of an error away at most.
    assert np.abs(covariance @ slope).max() < 0.01
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), 1, atol=0.02)
