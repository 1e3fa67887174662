"""Comparing fits by what they predict: against exact leave-one-out, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

import pycore as pc
from pycore.errors import InputError

rng = np.random.default_rng(5)
X, Z = rng.standard_normal((2, 300))
Y = 0.4 * X + rng.standard_normal(300)
TABLE = pd.DataFrame({"x": X, "z": Z, "y": Y})
MODELS = {"x": "y ~ x + 0*z", "both": "y ~ x + z", "neither": "y ~ 0*x + 0*z"}


@pytest.fixture(scope="module")
def fits() -> dict[str, object]:
    return {
        name: pc.estimate(pc.Model.from_lavaan(text), TABLE, method="laplace", draws=1000, seed=1)
        for name, text in MODELS.items()
    }


def exact(causes: list[str]) -> np.ndarray:
    """Predictive density of each y from all other respondents, with flat priors."""
    x = np.column_stack([np.ones(len(TABLE)), *(TABLE[c] for c in causes)])
    n, p = x.shape
    leverage = np.einsum("ij,ji->i", x, np.linalg.pinv(x))
    left = Y - x @ np.linalg.lstsq(x, Y, rcond=None)[0]
    others = (left @ left - left**2 / (1 - leverage)) / (n - p - 1)
    return np.asarray(
        student.logpdf(left / (1 - leverage), n - p - 1, scale=np.sqrt(others / (1 - leverage)))
    )


def test_differences_are_those_of_exact_leave_one_out(fits: dict[str, object]) -> None:
    found = pc.loo_compare(fits)
    gap = exact(["x"]) - exact([])
    assert found.index[-1] == "neither"
    assert found["elpd_diff"].iloc[0] == 0
    apart = found.loc["x", "elpd"] - found.loc["neither", "elpd"]
    # The causes' own density is common to both; priors are weak and draws 1000.
    assert apart == pytest.approx(gap.sum(), abs=0.5)
    assert found.loc["neither", "dse"] == pytest.approx(np.sqrt(300) * gap.std(), rel=0.1)
    assert found["pareto_k"].max() < 0.7
    assert (found["above"] == 0).all()
    other = pc.loo_compare(fits, reference="neither")
    assert other.loc["x", "elpd_diff"] == pytest.approx(apart)
    assert found["gates"].all()
    assert found["weight"].sum() == pytest.approx(1)


def test_parts_add_up_to_the_criterion(fits: dict[str, object]) -> None:
    measures = fits["x"]["fit_measures"]  # type: ignore[index]
    assert float(measures["elpd_i"].sum()) * -2 == pytest.approx(float(measures["looic"]))
    assert float(measures["pareto_k_i"].max()) == float(measures["pareto_k"])


def test_other_answers_items_and_fits_without_respondents_are_refused(
    fits: dict[str, object],
) -> None:
    one = {"x": fits["x"]}
    with pytest.raises(InputError, match="at least two"):
        pc.loo_compare(one)
    with pytest.raises(InputError, match="did you mean 'both'"):
        pc.loo_compare(fits, reference="boht")
    model = pc.Model.from_lavaan(MODELS["x"])
    fewer = pc.estimate(model, TABLE.head(299), method="laplace", seed=1)
    with pytest.raises(InputError, match=r"fits\['fewer'\].*other answers"):
        pc.loo_compare({**one, "fewer": fewer})
    short = pc.estimate(pc.Model.from_lavaan("y ~ x"), TABLE, method="laplace", seed=1)
    with pytest.raises(InputError, match="other items"):
        pc.loo_compare({**one, "short": short})
    with pytest.raises(InputError, match="no respondent is left out"):
        pc.loo_compare({**one, "ml": pc.estimate(model, TABLE, method="ml")})
