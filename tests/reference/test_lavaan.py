"""Maximum likelihood gives lavaan's numbers.

Tolerances, set before the fits: log-likelihood ± 1e-3, estimates ± 1e-3, standard errors ± 1 %,
CFI, RMSEA and SRMR ± 1e-4.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pycore as pc
from pycore.estimation import EstimateWarning
from tests.reference import data as known

pytestmark = pytest.mark.reference

SCALAR = ("loadings", "intercepts")
CASES: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "political_democracy": (
        known.POLITICAL_DEMOCRACY + known.RESIDUAL_COVARIANCES, {}, "political_democracy", {},
    ),
    "political_democracy_without_residual_covariances": (
        known.POLITICAL_DEMOCRACY, {}, "political_democracy", {},
    ),
    "holzinger": (known.HOLZINGER, {}, "holzinger_swineford_1939", {}),
    "holzinger_unit_variances": (
        known.HOLZINGER, {"std_lv": True}, "holzinger_swineford_1939", {},
    ),
    "holzinger_missing": (known.HOLZINGER, {}, "hs1939_missing_made", {}),
    "tal_or": (known.TAL_OR, {"fixed_x": False}, "psych_tal_or", {}),
    "mobile_phones": (known.MOBILE_PHONES, {}, "ecsi_mobi", {}),
} | {
    f"holzinger_{level}": (
        known.HOLZINGER, {}, "holzinger_swineford_1939", {"group": "school", "equal": equal},
    )
    for level, equal in (
        ("configural", ()), ("metric", ("loadings",)), ("scalar", SCALAR),
        ("strict", (*SCALAR, "residuals")),
    )
}  # fmt: skip


@pytest.mark.parametrize("case", list(CASES))
def test_lavaans_numbers(case: str) -> None:
    text, options, data, more = CASES[case]
    model = pc.Model.from_lavaan(text, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)  # improper solutions are lavaan's too
        fit = pc.estimate(model, known.table(data), method="ml", **more)
    stored = known.reference("lavaan.json", case)
    for name, bound in (
        ("logl", 1e-3), ("chisq", 2e-3), ("aic", 2e-3), ("bic", 2e-3), ("df", 0), ("npar", 0),
        ("cfi", 1e-4), ("tli", 1e-4), ("rmsea", 1e-4), ("srmr", 1e-4),
    ):  # fmt: skip
        assert float(fit.fit_measures[name]) == pytest.approx(stored["fit"][name], abs=bound), name
    for row in stored["estimates"]:
        est, se = known.located(fit.estimates, row).values[:2]
        assert est == pytest.approx(row[4], abs=1e-3), row
        if row[5]:
            assert se == pytest.approx(row[5], rel=0.01), row
        else:
            assert not se > 1e-9, row
        if row[1] != ":=" and row[6] is not None and np.isfinite(row[6]):
            std = known.located(fit.estimates, row, standardised=True).values[0]
            assert std == pytest.approx(row[6], abs=1e-3), row


def test_invariance_steps_are_lavaans() -> None:
    model = pc.Model.from_lavaan(known.HOLZINGER)
    steps = pc.invariance(model, known.table("holzinger_swineford_1939"), group="school")
    for level in steps.index:
        stored = known.reference("lavaan.json", f"holzinger_{level}")["fit"]
        assert steps.loc[level, "chisq"] == pytest.approx(stored["chisq"], abs=2e-3)
        assert steps.loc[level, "df"] == stored["df"]
    assert steps["converged"].all()
    # lavaan's lavTestLRT prints 8.192 on 6, 40.059 on 6 and 17.409 on 9.
    difference = steps["chisq_difference"].dropna()
    np.testing.assert_allclose(difference, [8.192, 40.059, 17.409], atol=2e-3)
    assert steps.loc["metric", "p_difference"] > 0.05 > steps.loc["scalar", "p_difference"]


def test_the_satisfaction_index_on_mobile_phones_is_warned_of_by_name() -> None:
    data = known.table("ecsi_mobi")
    model = pc.Model.from_lavaan(known.SATISFACTION_INDEX)
    with pytest.warns(EstimateWarning) as caught:
        fit = pc.estimate(model, data, method="ml")
    messages = " ".join(str(w.message) for w in caught)
    assert "correlations beyond 0.95" in messages
    assert "Quality and Expect" in messages or "Expect and Quality" in messages
    assert "GATES NOT MET" in str(pc.estimation.summarise(fit))


@pytest.mark.slow
@pytest.mark.parametrize("case", ["holzinger", "political_democracy"])
def test_blavaans_posterior(case: str) -> None:
    """Means within 0.1 sd, sds within 10 %, LOOIC ± 2, PPP ± .03, BRMSEA ± .003."""
    text, _, data, _ = CASES[case]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        fit = pc.estimate(
            pc.Model.from_lavaan(text), known.table(data), priors="blavaan", seed=1, draws=2000,
            tune=500, progress=False,
        )  # fmt: skip
    assert fit.attrs["gates_passed"]
    stored = known.reference("blavaan.json", case)
    for row in stored["estimates"]:
        values = known.located(fit.posterior, row).values
        assert abs(values.mean() - row[4]) < 0.1 * row[5], row
        assert values.std() == pytest.approx(row[5], rel=0.1), row
    for name, bound in (("looic", 2.0), ("ppp", 0.03), ("brmsea", 0.003)):
        assert float(fit.fit_measures[name]) == pytest.approx(stored[name], abs=bound), name
