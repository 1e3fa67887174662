"""Means from complex samples: by the design alone, and by a model of clusters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import pycore as pc
from pycore.errors import InputError


def asked(shops: int, each: int, seed: int, between: float = 0.5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    shop = np.repeat(np.arange(shops), each)
    y = 3 + between * rng.standard_normal(shops)[shop] + rng.standard_normal(shops * each)
    return pd.DataFrame({"shop": shop, "part": shop % 2, "y": y, "w": rng.uniform(1, 4, len(y))})


def test_singly_drawn_it_is_the_textbook_error() -> None:
    y = asked(20, 5, 1)
    found = pc.survey_mean(y, "y").loc["y"]
    assert found["se"] == pytest.approx(y["y"].std(ddof=1) / 10)
    assert found["design_effect"] == pytest.approx(1)
    strata = pc.survey_mean(y, "y", stratum="part").loc["y"]
    by_part = y.groupby("part")["y"]
    assert strata["se"] ** 2 == pytest.approx((by_part.var(ddof=1) / by_part.size()).sum() / 4)


def test_asking_everybody_twice_tells_nothing_new() -> None:
    once = asked(30, 1, 2)
    twice = pd.concat([once, once])
    for weight in (None, "w"):
        alone = pc.survey_mean(once, "y", weight=weight).loc["y"]
        found = pc.survey_mean(twice, "y", weight=weight, cluster="shop").loc["y"]
        assert found["se"] == pytest.approx(alone["se"])
        assert found["effective"] == pytest.approx(alone["effective"], rel=0.02)


def test_the_linearised_error_is_near_that_of_the_jackknife() -> None:
    y = asked(40, 10, 3)
    found = pc.survey_mean(y, "y", weight="w", cluster="shop").loc["y"]
    without = [
        np.average(rest["y"], weights=rest["w"])
        for rest in (y[y["shop"] != shop] for shop in range(40))
    ]
    assert found["se"] == pytest.approx(np.std(without) * np.sqrt(39), rel=0.02)


def test_gaps_count_in_other_columns_only() -> None:
    y = asked(10, 5, 4)
    y["z"] = y["y"].where(y.index % 5 > 0)
    found = pc.survey_mean(y, ["y", "z"], cluster="shop")
    assert found["respondents"].tolist() == [50, 40]


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"cluster": "shopp"}, "did you mean 'shop'"),
        ({"w": 0.0}, {"weight": "w"}, "positive numbers"),
        ({"shop": 1}, {"cluster": "shop"}, "at least two clusters"),
        ({"part": np.arange(50)}, {"cluster": "shop", "stratum": "part"}, "clusters within strata"),
        ({"y": "much"}, {}, "numbers"),
        ({}, {"probability": 1.0}, "between 0 and 1"),
    ],
)
def test_designs_that_cannot_be_are_refused(
    change: dict[str, object], arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        pc.survey_mean(asked(10, 5, 5).assign(**change), "y", **arguments)  # type: ignore[arg-type]


def test_closed_forms_are_the_posterior() -> None:
    """Against brute force: ρ and σ on a grid, the multivariate normal of all answers, α flat."""
    rng = np.random.default_rng(6)
    shop = np.repeat([0, 1, 2, 3], [2, 5, 1, 4])
    cell = rng.integers(0, 2, 12)
    y = pd.DataFrame({"y": rng.normal(shop, 1.0) + cell, "shop": shop, "cell": cell})
    found = pc.partial_pooling(y, "y", "shop", by="cell", draws=40_000, seed=1)
    same = (shop[:, None] == shop).astype(float)
    design = np.eye(2)[cell]
    moments, weights = [], []
    for share in (np.arange(60) + 0.5) / 60:
        for sd in np.exp(np.linspace(-1.0, 3.0, 80)):
            v = sd**2 * (share * same + (1 - share) * np.eye(12))
            inverse = np.linalg.inv(v)
            gram = design.T @ inverse @ design
            middle = np.linalg.solve(gram, design.T @ inverse @ y["y"])
            density = multivariate_normal(design @ middle, v).logpdf(y["y"])
            weights.append(density - 0.5 * np.linalg.slogdet(gram)[1])
            away = inverse @ (y["y"].to_numpy() - design @ middle)
            effect = share * sd**2 * np.array([away[shop == s].sum() for s in range(4)])
            moments.append([share, sd, *middle, *effect])
    weight = np.exp(np.array(weights) - max(weights))
    exact = weight @ np.array(moments) / weight.sum()
    drawn = np.column_stack([found["share_between"], found["sd"], found["level"], found["effect"]])
    error = drawn.std(axis=0) / 200
    np.testing.assert_array_less(np.abs(drawn.mean(axis=0) - exact), 4 * error + 0.01)


def test_intervals_of_the_model_cover_what_made_the_answers() -> None:
    rng = np.random.default_rng(7)
    covered = np.zeros((300, 2))
    for k in range(300):
        effect = 0.6 * rng.standard_normal(8)
        shop = np.repeat(np.arange(8), [2, 4, 6, 8, 10, 12, 14, 16])
        y = pd.DataFrame({"shop": shop, "y": 1 + effect[shop] + rng.standard_normal(len(shop))})
        found = pc.partial_pooling(y, "y", "shop", draws=400, seed=k)
        low, high = found["level"].quantile([0.05, 0.95]).values
        shops = found["level"].isel(cell=0) + found["effect"]
        ends = shops.quantile([0.05, 0.95], "draw").values
        inside = (ends[0] < 1 + effect) & (1 + effect < ends[1])
        covered[k] = low < 1 < high, inside.mean()
    # Clusters of one survey share their errors: 300 surveys count, not 2400 clusters.
    error = np.sqrt(0.9 * 0.1 / 300)
    assert abs(covered[:, 0].mean() - 0.9) < 4 * error
    assert abs(covered[:, 1].mean() - 0.9) < 4 * error


def test_models_without_clusters_are_refused() -> None:
    with pytest.raises(InputError, match="three clusters or more"):
        pc.partial_pooling(asked(2, 5, 8), "y", "shop", seed=1)
    with pytest.raises(InputError, match="answers that vary"):
        pc.partial_pooling(asked(5, 5, 8).assign(y=1.0), "y", "shop", seed=1)
