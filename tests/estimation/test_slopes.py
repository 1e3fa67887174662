"""Simple slopes: a path in each group, or where a moderator turns it."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import pycore as pc
from pycore.errors import InputError

SPREAD = np.linspace(-0.1, 0.1, 21)


def moderated() -> pc.Model:
    m = pc.Model("habit_shields")
    hurt, habit = m.trait("hurt", pc.Normal(0, 1)), m.trait("habit", pc.Normal(0, 1))
    m.survey(hurt, 3)
    m.survey(habit, 3)
    shield = m.parameter("shield", 0.3, pc.Normal(0, 0.5))
    b = m.parameter("b", 0.6, pc.Normal(0, 0.5))
    own = m.trait("own", pc.Normal(0, 0.6))
    m.survey(m.state("leaving", carry=0.5, target=b * hurt - shield * hurt * habit + own), 3)
    return m


def fit(model: pc.Model, *, held: bool = False) -> xr.DataTree:
    """Draws that are known: nothing is sampled here."""
    path = np.zeros((1, 21, 1, 3))
    path[..., 0, 1] = 0.6 + SPREAD
    posterior = xr.Dataset(
        {"path": (("chain", "draw", "effect", "cause"), path)},
        coords={"effect": ["leaving"], "cause": ["leaving", "hurt", "habit"]},
    )
    if not held:
        posterior["shield"] = (("chain", "draw"), 0.25 + SPREAD[None])
    tree = xr.DataTree.from_dict({"posterior": posterior})
    tree.attrs = {"model_json": model.to_json(), "gates_failed": ["R-hat 2"]}
    return tree


def test_a_slope_is_the_path_and_the_products_coefficient_times_the_moderator() -> None:
    found = pc.simple_slopes(fit(moderated()), "leaving", "hurt", moderator="habit", at=(-1, 0, 2))
    assert found["level"].tolist() == ["-1", "+0", "+2"]
    # 0.6 + s − m·(0.25 + s): deviations of path and product go together, draw by draw.
    assert found["mean"].tolist() == pytest.approx([0.85, 0.6, 0.1])
    assert found["sd"].tolist() == pytest.approx([2 * SPREAD.std(), SPREAD.std(), SPREAD.std()])
    assert found["difference"].tolist() == pytest.approx([0, -0.25, -0.75])
    assert found.loc[1, "low"] == pytest.approx(0.6 + np.quantile(SPREAD, 0.05))
    assert found.attrs["gates_failed"] == ["R-hat 2"]


def test_a_coefficient_that_was_held_has_its_declared_value() -> None:
    found = pc.simple_slopes(fit(moderated(), held=True), "leaving", "hurt", moderator="habit")
    assert found["mean"].tolist() == pytest.approx([0.9, 0.6, 0.3])


def test_what_has_no_slopes_is_refused() -> None:
    made = fit(moderated())
    with pytest.raises(InputError, match=r"moderator: received None.*no groups"):
        pc.simple_slopes(made, "leaving", "hurt")
    with pytest.raises(InputError, match="no product with 'leaving'"):
        pc.simple_slopes(made, "leaving", "leaving", moderator="habit")
    with pytest.raises(InputError, match=r"moderator: received 'mood', allowed is .*habit"):
        pc.simple_slopes(made, "leaving", "hurt", moderator="mood")
    with pytest.raises(InputError, match="did you mean 'hurt'"):
        pc.simple_slopes(made, "leaving", "hurtt", moderator="habit")
    with pytest.raises(InputError, match="at: received"):
        pc.simple_slopes(made, "leaving", "hurt", moderator="habit", at=())


@pytest.mark.slow
def test_an_estimated_interaction_turns_the_slope() -> None:
    model = moderated()
    answers = pc.answers(model, respondents=250, seed=1)
    with pytest.warns(pc.estimation.EstimateWarning):  # few draws: the gates are not at stake
        made = pc.estimate(model, answers, seed=1, latents="explicit", draws=250, tune=300, chains=2,
                           progress=False)  # fmt: skip
    found = pc.simple_slopes(made, "leaving", "hurt", moderator="habit")
    assert found.loc[2, "difference_high"] < 0
    for level, slope in zip((-1, 0, 1), found.itertuples(), strict=True):
        assert abs(slope.mean - (0.6 - 0.3 * level)) < 4 * slope.sd
