"""Effects follow the arrows of the path diagram."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import pycore as pc
from pycore.errors import InputError


def fit(paths: dict[tuple[str, str], Any], states: list[str], traits: list[str]) -> xr.DataTree:
    names = [*states, *traits]
    path = np.zeros((2, 500, len(states), len(names)))
    for (effect, cause), values in paths.items():
        path[:, :, states.index(effect), names.index(cause)] = values
    data = xr.Dataset(
        {"path": (("chain", "draw", "effect", "cause"), path)},
        coords={"effect": states, "cause": names},
    )
    return xr.DataTree.from_dict({"posterior": data})


def test_total_is_direct_plus_every_route() -> None:
    rng = np.random.default_rng(1)
    draws = {k: rng.normal(m, 0.1, (2, 500)) for k, m in (
        (("m1", "x"), 0.5), (("m2", "x"), -0.3), (("m2", "m1"), 0.4), (("y", "m1"), 0.2),
        (("y", "m2"), 0.6), (("y", "x"), 0.1),
    )}  # fmt: skip
    table = pc.effects(fit(draws, ["m1", "m2", "y"], ["x"]), effect="y", cause="x")
    routes = table[table.kind == "indirect"]
    assert set(routes.route) == {"x → m1 → y", "x → m2 → y", "x → m1 → m2 → y"}
    by_kind = table.set_index("kind")["mean"]
    assert by_kind["total"] == pytest.approx(by_kind["direct"] + routes["mean"].sum(), abs=1e-12)
    assert by_kind["all indirect"] == pytest.approx(routes["mean"].sum(), abs=1e-12)
    product = (draws["m1", "x"] * draws["y", "m1"]).ravel()
    row = routes.set_index("route").loc["x → m1 → y"]
    np.testing.assert_allclose(
        row[["mean", "median", "sd", "low", "high"]].astype(float),
        [product.mean(), np.median(product), product.std(ddof=1), *np.quantile(product, [0.05, 0.95])],
    )  # fmt: skip


def test_a_feedback_has_the_effects_of_the_settled_system() -> None:
    table = pc.effects(
        fit({("a", "b"): 0.5, ("b", "a"): 0.4, ("a", "x"): 1.0}, ["a", "b"], ["x"]),
        effect="b", cause="x",
    )  # fmt: skip
    # x → a → b → a → b …: 0.4 / (1 − 0.5·0.4)
    assert table.set_index("kind").loc["total", "mean"] == pytest.approx(0.5)
    assert table.set_index("kind").loc["all indirect", "mean"] == pytest.approx(0.5)
    assert "indirect" not in set(table.kind)


def test_unknown_names_are_refused() -> None:
    made = fit({("a", "x"): 1.0}, ["a"], ["x"])
    with pytest.raises(InputError, match="effect: received 'x'"):
        pc.effects(made, effect="x")
    with pytest.raises(InputError, match="cause: received 'z'"):
        pc.effects(made, cause="z")
    with pytest.raises(InputError, match="probability"):
        pc.effects(made, probability=1.0)
