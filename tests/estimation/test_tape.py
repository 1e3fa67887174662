"""Expressions in the compiled core have SymPy's values and derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pycore as pc
from pycore import _core
from pycore.estimation.tape import tape
from pycore.model.expressions import symbol
from pycore.model.numeric import evaluate

NAMES = ("a", "b", "c")
A, B, C = (symbol(n) for n in NAMES)
LEAVES = st.sampled_from([A, B, C, A - 1.3, 0.7 * B, C + 2])


def larger(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One more operation."""
    pairs = st.tuples(parts, parts)
    made = st.one_of(
        pairs.map(lambda p: p[0] + p[1]),
        pairs.map(lambda p: p[0] * p[1]),
        pairs.map(lambda p: sp.Max(*p)),
        pairs.map(lambda p: sp.Min(*p)),
        pairs.map(lambda p: pc.where(p[0] < p[1], p[0] * p[1], p[1] - 1)),
        parts.map(lambda e: pc.logistic(e)),
        parts.map(lambda e: sp.exp(-(e**2))),
        parts.map(lambda e: sp.log(1 + e**2)),
        parts.map(lambda e: sp.sqrt(1 + e**2)),
        parts.map(lambda e: 1 / (2 + e**2)),
        parts.map(sp.Abs),
    )
    return made.filter(lambda e: bool(e.free_symbols))


@given(
    st.lists(st.recursive(LEAVES, larger, max_leaves=12), min_size=1, max_size=3),
    st.lists(st.floats(-2, 2).filter(lambda x: abs(x) > 1e-3), min_size=3, max_size=3),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_values_and_derivatives(expressions: list[sp.Expr], at: list[float]) -> None:
    parameters = np.array(at)
    made = tape(expressions, NAMES)
    values, slopes = made.evaluate(parameters)

    def direct(point: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        numbers = dict(zip(NAMES, point, strict=True))
        return np.array([float(evaluate(e, numbers)) for e in expressions])

    np.testing.assert_allclose(values, direct(parameters), rtol=1e-12, atol=1e-12)
    step = 1e-6
    for k, e in enumerate(np.eye(3)):
        up, down = direct(parameters + step * e), direct(parameters - step * e)
        here = direct(parameters)
        # At a kink the two one-sided slopes differ and either is right.
        smooth = np.abs((up - here) - (here - down)) <= 1e-8 * (1 + np.abs(here))
        slope = (up - down) / (2 * step)
        np.testing.assert_allclose(slopes[smooth, k], slope[smooth], rtol=1e-5, atol=1e-5)


def test_what_is_shared_stands_once() -> None:
    shared = pc.logistic(A + B * C)
    alone, twice = tape([shared], NAMES), tape([shared, shared + 1], NAMES)
    # One constant and one addition more, however much `shared` holds.
    assert twice.steps == alone.steps + 2


@pytest.mark.parametrize(
    ("steps", "allowed"),
    [
        ([[99, 0, 0, 0]], "a known operation"),
        ([[0, 3, 0, 0]], "a parameter of the model"),
        ([[0, 0, 0, 0], [2, 0, 5, 0]], "earlier steps"),
        ([[0, 0, 0, 0], [2, -1, 0, 0]], "earlier steps"),
    ],
)
def test_steps_that_name_nothing(steps: list[list[int]], allowed: str) -> None:
    with pytest.raises(ValueError, match=allowed):
        _core.Tape(np.array(steps, dtype=np.int32), np.zeros(len(steps)), [0], 3)


def test_a_vector_of_another_length() -> None:
    with pytest.raises(ValueError, match="length"):
        tape([A], NAMES).evaluate(np.zeros(2))
