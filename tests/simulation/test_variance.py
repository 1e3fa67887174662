"""Parts of a variance against models whose parts are known."""

from __future__ import annotations

import numpy as np
import pytest

import pycore as pc
from pycore.errors import InputError
from tests.models import two_platforms

TAU, SIGMA = 0.3, 1.0


def level() -> pc.Model:
    """Everybody has her own constant level about one that is not known."""
    m = pc.Model("level")
    own = m.trait("own", pc.Normal(0, SIGMA))
    m.record(m.define("height", m.parameter("theta", 0.0) + own))
    return m


def parts(seed: int, draws: int = 40, consumers: int = 320, population: int = 50) -> np.ndarray:
    theta = np.random.default_rng(seed).normal(0, TAU, draws)
    run = pc.simulate(
        level(), consumers=consumers, periods=1, seed=seed, posterior={"theta": theta}, batches=16
    )
    found = pc.variance_parts(run, "height", population=population)
    names = ("parameter", "population", "monte_carlo", "total")
    return np.array([[found[n].item(), found[f"{n}_se"].item()] for n in names])


def test_parts_of_a_known_model_are_unbiased_and_know_their_errors() -> None:
    repeats = np.array([parts(seed) for seed in range(50)])
    truth = np.array([
        TAU**2, SIGMA**2 / 50, TAU**2 / 40 + SIGMA**2 / 320,
        TAU**2 * (1 + 1 / 40) + SIGMA**2 * (1 / 50 + 1 / 320),
    ])  # fmt: skip
    found, said = repeats[..., 0], repeats[..., 1]
    scatter = found.std(axis=0, ddof=1)
    np.testing.assert_allclose((found.mean(axis=0) - truth) / scatter * np.sqrt(50), 0, atol=3.5)
    # The standard error that a run states is that of repeated runs, within a third.
    np.testing.assert_allclose(said.mean(axis=0) / scatter, 1, atol=0.35)
    np.testing.assert_allclose(found[:, :3].sum(axis=1), found[:, 3], rtol=1e-12)


def test_the_total_is_how_far_a_population_falls_from_the_prediction() -> None:
    """Direct simulation of the sentence: other people, another true parameter, the same mean."""
    misses, stated = [], []
    for seed in range(40):
        rng = np.random.default_rng(1000 + seed)
        run = pc.simulate(
            level(), consumers=160, periods=1, seed=seed, batches=8,
            posterior={"theta": rng.normal(0, TAU, 8)},
        )  # fmt: skip
        real = pc.simulate(
            level(), consumers=20, periods=1, seed=10_000 + seed, batches=2,
            scenarios={"real": {"theta": rng.normal(0, TAU)}},
        )  # fmt: skip
        misses.append(real["height_mean"].item() - run["height_mean"].mean().item())
        stated.append(pc.variance_parts(run, "height", population=20)["total"].item())
    # A variance from 40 values is known to 22%.
    assert np.mean(np.square(misses)) / np.mean(stated) == pytest.approx(1, abs=0.67)


def test_common_luck_is_not_taken_from_the_parameter_part() -> None:
    """All draws share their consumers, so the scatter between draws holds no Monte Carlo error."""
    theta = np.random.default_rng(1).normal(0, 0.02, 30)
    run = pc.simulate(level(), consumers=500, periods=1, seed=1, posterior={"theta": theta})
    found = pc.variance_parts(run, "height")["parameter"].item()
    assert found == pytest.approx(theta.var(ddof=1), rel=1e-3)
    usual = run["height_mean"].var("draw", ddof=1) - (run["height_mean_mcse"] ** 2).mean("draw")
    assert usual.item() < 0 < found


def test_shares_rates_stages_and_segments() -> None:
    m = two_platforms()
    rng = np.random.default_rng(1)
    run = pc.simulate(
        m, consumers=2000, periods=6, seed=3, posterior={"fail_rate": rng.beta(20, 80, 10)},
        scenarios={"base": {}, "support": {"support": 1.0}},
    )  # fmt: skip
    found = pc.variance_parts(run, "share", stage="left")
    assert dict(found["total"].sizes) == {"scenario": 2, "segment": 2, "period": 6}
    assert found["total"].attrs["units"] == "1"
    together = pc.variance_parts(pc.pool(run), "anger", stage="active")
    assert dict(together["total"].sizes) == {"scenario": 2, "segment": 1, "period": 6}
    assert float(together["population"].min()) > 0
    # What a slice says is what the run's own error says, squared.
    rate = pc.variance_parts(run, "fails")
    np.testing.assert_allclose(
        rate["population"], (run["fails_rate_mcse"] ** 2).mean("draw"), rtol=0.05
    )


def test_a_society_needs_several_seeds() -> None:
    m = pc.Model("fashion")
    talk = m.environment("talk", start=0.1)
    heard = m.event("adopts", logit=-2 + m.parameter("pull", 3.0) * talk)
    m.update(talk, target=pc.share(heard))
    m.record(heard)
    draws = {"pull": np.linspace(2, 4, 5)}
    runs = [pc.simulate(m, consumers=200, periods=5, seed=s, posterior=draws) for s in range(6)]
    with pytest.raises(InputError, match="different seeds"):
        pc.variance_parts(runs[0], "adopts")
    found = pc.variance_parts(runs, "adopts")
    assert (found["population"] > 0).all()
    with pytest.raises(InputError, match="population"):
        pc.variance_parts(runs, "adopts", population=400)
    with pytest.raises(InputError, match="same seed"):
        pc.variance_parts([runs[0], runs[0]], "adopts")
    other = pc.simulate(m, consumers=300, periods=5, seed=9, posterior=draws)
    with pytest.raises(InputError, match="differ in consumers"):
        pc.variance_parts([runs[0], other], "adopts")


def test_what_cannot_be_split_is_refused() -> None:
    m = level()
    one = pc.simulate(m, consumers=100, periods=1, seed=1)
    with pytest.raises(InputError, match="2 or more draws"):
        pc.variance_parts(one, "height")
    run = pc.simulate(m, consumers=100, periods=1, seed=1, posterior={"theta": [0.0, 1.0]})
    with pytest.raises(InputError, match="did you mean 'height'"):
        pc.variance_parts(run, "heigth")
    with pytest.raises(InputError, match="stage: received 'gone'"):
        pc.variance_parts(run, "height", stage="gone")
    with pytest.raises(InputError, match="population"):
        pc.variance_parts(run, "height", population=0)
