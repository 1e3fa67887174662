"""Parameters from aggregates: known posteriors, recovered truths, published figures."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import pycore as pc
from pycore.errors import InputError
from pycore.estimation import EstimateWarning, measuring
from tests.models import two_platforms


def coin() -> pc.Model:
    m = pc.Model("coin")
    bent = m.lever("bent", 0.0)
    m.record(m.event("heads", probability=m.parameter("p", 0.5, pc.Beta(2, 2)) * (1 - bent / 2)))
    return m


BAD: Any = 0.62  # where something else is asked for
HEADS = pc.Target(measure="heads", value=0.62, error=0.02, source="made up")


def test_the_posterior_is_the_one_that_quadrature_gives() -> None:
    """The likelihood is a function of p, the same consumers at every p: it can be integrated."""
    fit = pc.calibrate(coin(), [HEADS], periods=1, consumers=4000, particles=300, seed=3)
    grid = np.linspace(0.45, 0.8, 351)
    run = pc.simulate(coin(), consumers=4000, periods=1, seed=3, batches=16, posterior={"p": grid})
    seen, chance = run["heads_rate"].values.ravel(), run["heads_rate_mcse"].values.ravel()
    variance = HEADS.error**2 + chance**2
    density = grid * (1 - grid) * np.exp(-0.5 * (seen - HEADS.value) ** 2 / variance)
    density /= np.sqrt(variance)
    weights = density / density.sum()
    mean = float(weights @ grid)
    sd = float(np.sqrt(weights @ (grid - mean) ** 2))
    p = fit.posterior["p"].values
    assert p.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(p.size))
    assert p.std() == pytest.approx(sd, rel=4 / np.sqrt(2 * p.size))
    # Beta(2, 2) has density 6p(1 − p); the evidence is the same integral.
    evidence = np.log(6 * density.sum() * (grid[1] - grid[0]) / np.sqrt(2 * np.pi))
    assert fit.attrs["log_evidence"] == pytest.approx(evidence, abs=0.3)
    assert fit.attrs["gates_passed"] == 1
    assert fit.attrs["temperature"] == fit.attrs["tolerance"] == 1


def test_a_prediction_is_what_the_simulation_gives_with_the_same_seed() -> None:
    fit = pc.calibrate(coin(), {"heads": HEADS}, periods=1, consumers=1000, particles=150, seed=1)
    run = pc.simulate(coin(), consumers=1000, periods=1, seed=1, posterior=fit, draws=600)
    np.testing.assert_array_equal(
        fit["prediction"].to_dataset()["value"].sel(target="heads").values.ravel(),
        run["heads_rate"].values.ravel(),
    )
    again = pc.calibrate(coin(), {"heads": HEADS}, periods=1, consumers=1000, particles=150, seed=1)
    xr.testing.assert_identical(fit["posterior"].to_dataset(), again["posterior"].to_dataset())


def test_functions_scenarios_and_segments_are_targets() -> None:
    """A ratio of two scenarios knows p only through what is measured in both."""

    def halved(run: xr.Dataset) -> Any:
        rate = run["heads_rate"].isel(segment=0, period=0)
        return rate.sel(scenario="bent") - rate.sel(scenario="base")

    targets = {
        "difference": pc.Target(measure=halved, value=-0.3, error=0.02),
        "bent": pc.Target(measure="heads", scenario="bent", value=0.3, error=0.02, period=1),
    }
    fit = pc.calibrate(
        coin(), targets, periods=1, consumers=4000, particles=150, seed=2,
        scenarios={"base": {}, "bent": {"bent": 1.0}},
    )  # fmt: skip
    # Two figures that both say p/2 = 0.3 ± 0.02: p = 0.6 with sd 0.04 / √2, and Monte Carlo error.
    assert fit.posterior["p"].mean().item() == pytest.approx(0.6, abs=0.03)
    assert fit.posterior["p"].std().item() == pytest.approx(0.04 / np.sqrt(2), rel=0.25)
    found = pc.calibrate(
        two_platforms(), [pc.Target(measure="share", stage="left", segment="poor", value=0.2,
                                    error=0.05, period=4)],
        priors={"fail_rate": pc.Beta(2, 8)}, periods=5, consumers=1000, particles=150, seed=1,
    )  # fmt: skip
    assert list(found["posterior"].data_vars) == ["fail_rate"]
    assert abs(float(found["targets"].to_dataset()["z"][0])) < 2


def test_what_is_not_informed_keeps_its_prior() -> None:
    m = coin()
    m.parameter("idle", 0.0, pc.Normal(1, 2))
    fit = pc.calibrate(m, [HEADS], periods=1, consumers=1000, particles=150, seed=1)
    learned = fit["learned"]["contraction"]
    assert float(learned.sel(parameter="p")) > 0.9
    assert abs(float(learned.sel(parameter="idle"))) < 0.35
    assert fit.posterior["idle"].mean().item() == pytest.approx(1, abs=4 * 2 / np.sqrt(600))


def test_draws_the_model_cannot_have_are_left_out_or_refused() -> None:
    m = pc.Model("chance")
    m.record(m.event("heads", probability=m.parameter("p", 0.5, pc.Normal(0.7, 0.2))))
    fit = pc.calibrate(m, [HEADS], periods=1, consumers=1000, particles=150, seed=1)
    assert float(fit.posterior["p"].max()) <= 1
    with pytest.raises(InputError, match=r"priors: received .*cannot be simulated"):
        pc.calibrate(m, [HEADS], priors={"p": pc.Normal(0.5, 2)}, periods=1, consumers=500, seed=1)


def test_figures_that_disagree_and_too_few_consumers_are_said() -> None:
    apart = {n: pc.Target(measure="heads", value=v, error=0.01)
             for n, v in (("one", 0.5), ("other", 0.6))}  # fmt: skip
    with pytest.warns(
        EstimateWarning, match=r"out of reach of the model: one \(z = \d.*other \(z = -"
    ):
        pc.calibrate(coin(), apart, periods=1, consumers=10_000, particles=150, seed=1)
    sharp = pc.Target(measure="heads", value=0.5, error=0.001)
    with pytest.warns(EstimateWarning, match="Monte Carlo error is (9.|100)%.*take more consumers"):
        fit = pc.calibrate(coin(), [sharp], periods=1, consumers=1000, particles=150, seed=1)
    assert fit.attrs["gates_passed"] == 0


def test_ctrl_c_gives_the_posterior_for_larger_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    measure = measuring.Machine.measure

    def interrupted(self: measuring.Machine, draws: Any) -> measuring.Measured:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise KeyboardInterrupt
        return measure(self, draws)

    monkeypatch.setattr(measuring.Machine, "measure", interrupted)
    with pytest.warns(EstimateWarning, match="interrupted at temperature"):
        fit = pc.calibrate(coin(), [HEADS], periods=1, consumers=500, particles=100, seed=1)
    assert fit.attrs["partial"] == 1
    assert fit.attrs["tolerance"] > 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: pc.calibrate(m, [], seed=1), "targets"),
        (lambda m: pc.calibrate(m, [BAD], seed=1), "targets: received 0.62"),
        (lambda m: pc.calibrate(m, [HEADS, HEADS], seed=1), "names that differ"),
        (lambda m: pc.calibrate(m, [HEADS], parameters=["q"], seed=1), "parameters"),
        (lambda m: pc.calibrate(m, [HEADS], priors={"p": BAD}, seed=1), "priors"),
        (lambda m: pc.calibrate(m, [HEADS], consumers=100, seed=1), "consumers"),
        (lambda m: pc.calibrate(m, [HEADS], particles=3, seed=1), "particles"),
        (lambda m: pc.calibrate(m, [HEADS], seed=-1), "seed"),
        (lambda m: pc.calibrate(m, [HEADS], seed=1, progress=BAD), "progress"),
        (
            lambda m: pc.calibrate(
                m, [pc.Target(measure="head", value=0.5, error=0.1)], periods=1, seed=1
            ),
            "allowed is one of active, heads_count, heads_rate",
        ),
        (
            lambda m: pc.calibrate(
                m, [pc.Target(measure="heads", period=9, value=0.5, error=0.1)], periods=1, seed=1
            ),
            "period",
        ),
        (lambda m: pc.Target(measure="heads", value=0.5, error=0.0), "Target.error"),
        (lambda m: pc.Target(measure="heads", value=np.nan, error=0.1), "Target.value"),
        (lambda m: pc.Target(measure=len, value=1, error=1, stage="x"), "Target.stage"),
        (lambda m: pc.Target(measure=3, value=1, error=1), "Target.measure"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_what_cannot_be_calibrated_is_refused(
    call: Callable[[pc.Model], object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        call(coin())


def test_a_society_is_refused() -> None:
    m = pc.Model("fashion")
    talk = m.environment("talk", start=0.1)
    heard = m.event("heads", logit=-2 + m.parameter("pull", 3.0, pc.Normal(3, 1)) * talk)
    m.update(talk, target=pc.share(heard))
    m.record(heard)
    with pytest.raises(InputError, match="environment 'talk'"):
        pc.calibrate(m, [HEADS], seed=1)


SOUGHT = ("stop_base", "switch_base", "purchase_base")


def recovered(seed: int, *, consumers: int, periods: int, particles: int) -> np.ndarray:
    """Posterior draws less the truth, in posterior sds, and whether a 90% interval holds it."""
    m = pc.library.disengagement()
    rng = np.random.default_rng(seed)
    priors = {n: pc.Normal(float(m.parameters.loc[n, "value"]), 0.5) for n in SOUGHT}
    truth = {n: float(rng.normal(m.parameters.loc[n, "value"], 0.5)) for n in SOUGHT}
    errors = {"stopped": 0.004, "switched": 0.004, "purchase": 0.005}
    seen = pc.pool(pc.simulate(
        m, consumers=40_000, periods=periods, seed=900 + seed, scenarios={"real": dict(truth)}
    )).isel(scenario=0, draw=0, segment=0, period=-1)  # fmt: skip
    values = {"purchase": float(seen["purchase_rate"])}
    values |= {s: float(seen["share"].sel(stage=s)) for s in ("stopped", "switched")}
    targets = {
        n: pc.Target(
            measure="purchase" if n == "purchase" else "share",
            stage=None if n == "purchase" else n,
            value=values[n] + float(rng.normal(0, e)), error=e,
        )
        for n, e in errors.items()
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)  # the gates ask for more draws
        fit = pc.calibrate(
            m, targets, priors=priors, consumers=consumers, periods=periods,
            particles=particles, populations=2, seed=seed,
        )  # fmt: skip
    rows = []
    for name in SOUGHT:
        draws = fit.posterior[name].values.ravel()
        low, high = np.quantile(draws, [0.05, 0.95])
        rows.append(((draws.mean() - truth[name]) / draws.std(), low < truth[name] < high))
    return np.array(rows)


@pytest.mark.slow
@pytest.mark.statistical
def test_truths_are_recovered_from_aggregates() -> None:
    found = np.concatenate([
        recovered(s, consumers=1500, periods=13, particles=80) for s in range(2)
    ])  # fmt: skip
    # Six distances in posterior sds: the largest exceeds 3.8 with a chance below one in a thousand.
    assert np.abs(found[:, 0]).max() < 3.8


@pytest.mark.long
@pytest.mark.statistical
def test_intervals_from_aggregates_hold_the_truth_at_their_rate() -> None:
    found = np.array([
        recovered(s, consumers=2000, periods=20, particles=100) for s in range(100, 120)
    ])  # fmt: skip
    inside, away = found[..., 1], found[..., 0]
    # 60 intervals at 90%: sd of the share 3.9% if independent.  Bound 3 sd.
    assert inside.mean() > 0.90 - 3 * 0.039
    assert away.std() == pytest.approx(1, abs=3 / np.sqrt(2 * 60))
