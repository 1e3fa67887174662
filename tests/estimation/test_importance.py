"""Importance and performance: total effects beside the answers, as hand arithmetic gives them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import pycore as pc
from pycore.errors import InputError


def model() -> pc.Model:
    m = pc.Model("shop")
    speed, delay = (m.trait(n, pc.Normal(0, 1)) for n in ("speed", "delay"))
    m.survey(speed, ["S1", "S2"], points=5, loading=[1, m.parameter("second", 0.9)])
    m.survey(delay, ["D1"], points=5, loading=-1.0)
    liking = m.state("liking", carry=0, target=m.parameter("a", 0.5, pc.Normal(0, 1)) * speed
                     + m.parameter("b", -0.3, pc.Normal(0, 1)) * delay)  # fmt: skip
    loyal = m.state("loyalty", carry=0, target=m.parameter("c", 0.6, pc.Normal(0, 1)) * liking)
    m.survey(liking, ["L1"], points=5)
    m.survey(loyal, ["Y1"], points=5)
    return m


def fit(failures: tuple[str, ...] = ()) -> xr.DataTree:
    """Draws that are known: nothing is sampled here."""
    names = ["liking", "loyalty"], ["liking", "loyalty", "speed", "delay"]
    path = np.zeros((1, 20, 2, 4))
    path[..., 0, 2], path[..., 0, 3], path[..., 1, 0] = 0.5, -0.3, 0.6
    loading = np.zeros((1, 20, 5, 4))
    loading[..., [0, 1, 2, 3, 4], [2, 2, 3, 0, 1]] = 1, 0.9, -1, 1, 1
    posterior = xr.Dataset(
        dict.fromkeys(("path", "std_path"), (("chain", "draw", "effect", "cause"), path))
        | {"loading": (("chain", "draw", "item", "state"), loading)},
        coords={"effect": names[0], "cause": names[1], "state": names[1],
                "item": ["S1", "S2", "D1", "L1", "Y1"]},
    )  # fmt: skip
    tree = xr.DataTree.from_dict({"posterior": posterior})
    tree.attrs = {"model_json": model().to_json(), "gates_failed": list(failures)}
    return tree


ANSWERS = pd.DataFrame({"S1": [1, 5, 3, 3], "S2": [1, 5, 5, 1], "D1": [1, 2, 2, np.nan],
                        "L1": [5, 5, 5, 5], "Y1": [1, 1, 1, 1]})  # fmt: skip


def test_importance_is_the_total_effect_and_performance_the_share_of_the_way_to_the_top() -> None:
    found = pc.importance_performance(fit(), ANSWERS, "loyalty").set_index("cause")
    assert list(found.index) == ["liking", "speed", "delay"]
    assert found["importance"].tolist() == pytest.approx([0.6, 0.3, -0.18])
    # Means of S1 and S2: 1, 5, 4, 2; D1 counts reversed: 5, 4, 4 of 5, the fourth gave none.
    assert found.loc["speed", "performance"] == pytest.approx(50.0)
    assert found.loc["delay", "performance"] == pytest.approx(100 * (4 + 3 + 3) / 12)
    reach = 1.6449 * np.std([0, 100, 75, 25], ddof=1) / 2
    assert found.loc["speed", "performance_high"] == pytest.approx(50 + reach, rel=1e-4)


def test_gates_go_with_the_table() -> None:
    found = pc.importance_performance(fit(("R-hat 2",)), ANSWERS, "loyalty")
    assert found.attrs["gates_failed"] == ["R-hat 2"]


def test_what_cannot_be_placed_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'loyalty'"):
        pc.importance_performance(fit(), ANSWERS, "loyality")
    with pytest.raises(InputError, match="answers: received 'S2'"):
        pc.importance_performance(fit(), ANSWERS.drop(columns="S2"), "loyalty")
    with pytest.raises(InputError, match="group: received 'women'"):
        pc.importance_performance(fit(), ANSWERS, "loyalty", group="women")
    with pytest.raises(InputError, match="rows that answer all of liking"):
        pc.importance_performance(fit(), ANSWERS.head(1), "loyalty")
