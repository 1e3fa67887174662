"""What Document 0's model says about its world: the evidence behind its `emergent` claims.

Runs that are compared share consumers and random numbers, so their differences are paired; the
tolerance of a difference is four of its Monte Carlo standard errors (scatter over batches).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

import pycore as pc
from pycore.errors import InputError
from pycore.library.failures import TAXONOMIES, FailureKind, Taxonomy
from pycore.model.elements import Parameter, State
from pycore.model.model import Model

LEVERS = ("technical_infrastructure", "product_representation", "customer_support")
THREE = TAXONOMIES["three"]

Scenario = dict[str, float | Sequence[float]]
Vector = npt.NDArray[np.float64]

# Log-odds so far out that the event never, or always, happens.
NEVER, ALWAYS = -30.0, 30.0
NOBODY_LEAVES: Scenario = {"stop_base": NEVER, "switch_base": NEVER}
ONE_PLATFORM = [{"segment": "ai", "weight": 1.0, "ai_orientation": 1.0}]


def without(*kinds: FailureKind) -> Scenario:
    """A world in which these failures never happen."""
    return {f"logit_{sub.name}": NEVER for kind in kinds for sub in kind.sub_kinds}


def interrupted(*weeks: int, periods: int = 52) -> Scenario:
    """No failure but an interruption in each of these weeks, for everybody."""
    path = [ALWAYS if week in weeks else NEVER for week in range(1, periods + 1)]
    return {**without(*THREE), "logit_interruption": path}


def simulate(
    scenarios: Mapping[str, Scenario], *, consumers: int = 20_000, **options: Any
) -> xr.Dataset:
    given: dict[str, Any] = {"periods": 52, "seed": 20, "model": pc.library.disengagement()}
    return pc.pool(pc.simulate(consumers=consumers, scenarios=scenarios, **(given | options)))


def difference(
    run: xr.Dataset, quantity: str, scenario: str, reference: str = "base"
) -> tuple[Vector, Vector]:
    """Paired difference week by week, and its Monte Carlo error."""
    found = pc.compare(run, scenario, reference)
    quantity, stage = quantity.split("@") if "@" in quantity else (quantity, None)
    if stage is not None:
        found = found.sel(stage=stage)
    value = found[quantity].isel(draw=0, segment=0).values
    return value, found[f"{quantity}_mcse"].isel(draw=0, segment=0).values


@cache
def year_with_levers() -> xr.Dataset:
    """A year under no lever, each lever and all three."""
    scenarios: dict[str, Scenario] = {"base": {}} | {lever: {lever: 1.0} for lever in LEVERS}
    scenarios["all"] = dict.fromkeys(LEVERS, 1.0)
    return simulate(scenarios)


@cache
def year_without_failures() -> xr.Dataset:
    """A year with all failures, without each kind, and without any."""
    scenarios: dict[str, Scenario] = {"base": {}, "none": without(*THREE)}
    scenarios |= {kind.name: without(kind) for kind in THREE}
    return simulate(scenarios)


# ---- failures and leaving --------------------------------------------------------------------


def test_failures_cost_consumers() -> None:
    run = year_without_failures()
    kept, error = difference(run, "share@engaged", "none")
    assert kept[-1] > 4 * error[-1] > 0
    for way in ("stopped", "switched"):
        fewer, error = difference(run, f"share@{way}", "none")
        assert fewer[-1] < -4 * error[-1]
    for kind in THREE:
        kept, error = difference(run, "share@engaged", kind.name)
        assert kept[-1] > 4 * error[-1]


PATHS: dict[str, Scenario] = {
    "exhaustion alone": {"exhaustion_by_disappointment": 0, "intention_by_disappointment": 0},
    "disappointment alone": {"intention_by_exhaustion": 0},
    "both": {"exhaustion_by_failure": 0, "intention_by_disappointment": 0},
    "neither": {"intention_by_exhaustion": 0, "intention_by_disappointment": 0},
}


@cache
def paths_open() -> xr.Dataset:
    """Nobody leaves; all paths open or one at a time; all failures, or without one kind."""
    scenarios: dict[str, Scenario] = {}
    for name, cut in {"all": {}, **PATHS}.items():
        scenarios[name] = {**NOBODY_LEAVES, **cut}
        scenarios |= {f"{name}, no {k.name}": scenarios[name] | without(k) for k in THREE}
    return simulate(scenarios, consumers=5_000)


@pytest.mark.parametrize("kind", THREE, ids=lambda kind: kind.name)
def test_mediated_share_of_each_failure(kind: FailureKind) -> None:
    run = paths_open()

    def effect(path: str) -> tuple[float, float]:
        found = difference(run, "discontinuance_intention_mean", path, f"{path}, no {kind.name}")
        return float(found[0][-1]), float(found[1][-1])

    total, error = effect("all")
    assert total > 4 * error
    # Without a path to the intention a failure changes the intention of nobody, exactly.
    assert effect("neither") == (0.0, 0.0)
    parts = {path: effect(path) for path in PATHS if path != "neither"}
    for part, error in parts.values():
        assert part > 4 * error
    # The intention is linear in the states, so its paths add up, up to the rounding of single
    # precision (relative 2⁻²⁴ per operation, of states of size 1 over 52 weeks).
    assert sum(part for part, _ in parts.values()) == pytest.approx(total, abs=52 * 2.0**-24 * 10)
    # Assumed paths of .55 · .6 by way of both and .1 by disappointment alone make exhaustion carry
    # most of it, whatever the kind.
    assert (parts["exhaustion alone"][0] + parts["both"][0]) / total > 0.5


def test_a_failure_that_nobody_feels_drives_nobody_away() -> None:
    """Cut both paths to the intention: the same consumers leave with and without failures."""
    cut = PATHS["neither"]
    run = simulate({"base": cut, "none": cut | without(*THREE)}, consumers=5_000)
    for stage in ("engaged", "stopped", "switched"):
        assert not difference(run, f"share@{stage}", "none")[0].any()


# ---- expectation -----------------------------------------------------------------------------


def test_failures_cost_more_where_expectation_is_high() -> None:
    """One and the same interruption in week 41, where little and where much is expected."""
    usual = float(np.log(0.06 / 0.94))
    scenarios: dict[str, Scenario] = {}
    for expectation, premium in (("low", 0.0), ("high", 0.8)):
        for what, then in (("spared", NEVER), ("hit", ALWAYS)):
            path = [then if week == 41 else usual for week in range(1, 53)]
            scenarios[f"{expectation}, {what}"] = {
                **NOBODY_LEAVES, "ai_premium": premium, "logit_interruption": path,
            }  # fmt: skip
    run = simulate(scenarios, segments=ONE_PLATFORM)
    for state, sign in (("confirmation", -1), ("disappointment", 1), ("emotional_exhaustion", 1)):
        low, low_error = difference(run, f"{state}_mean", "low, hit", "low, spared")
        high, high_error = difference(run, f"{state}_mean", "high, hit", "high, spared")
        # The errors of the two paired differences add at most.
        extra = sign * (high - low)[40:44]
        assert (extra > 4 * (low_error + high_error)[40:44]).all()
        assert not low[:40].any()


def test_high_expectation_drives_more_consumers_away() -> None:
    scenarios: dict[str, Scenario] = {}
    for expectation, premium in (("low", 0.0), ("high", 0.8)):
        scenarios[expectation] = {"ai_premium": premium}
        scenarios[f"{expectation}, none"] = {"ai_premium": premium, **without(*THREE)}
    run = simulate(scenarios, segments=ONE_PLATFORM, consumers=100_000)
    kept, error = difference(run, "share@engaged", "high", "low")
    assert kept[-1] < -4 * error[-1]
    few, few_error = difference(run, "share@engaged", "low", "low, none")
    many, many_error = difference(run, "share@engaged", "high", "high, none")
    # The same failures drive more away; the errors of the two paired differences add at most.
    assert few[-1] - many[-1] > 4 * (few_error[-1] + many_error[-1])


# ---- number of failures ----------------------------------------------------------------------


@cache
def half_a_year_of_lives() -> xr.Dataset:
    return pc.trajectories(
        pc.library.disengagement(), ids=range(6_000), periods=26, seed=20,
        scenarios={"base": dict(NOBODY_LEAVES)},
    ).isel(scenario=0)  # fmt: skip


def by_number_of_failures(state: str) -> tuple[Vector, Vector]:
    """Mean of a state in week 26 by thirds of the number of failures met, and its error."""
    lives = half_a_year_of_lives()
    met = sum(lives[kind.name].sum("period") for kind in THREE)
    assert isinstance(met, xr.DataArray)
    third = np.digitize(met.values, np.quantile(met.values, [1 / 3, 2 / 3]))
    values = lives[state].isel(period=-1).values
    groups = [values[third == k] for k in range(3)]
    means = np.array([g.mean() for g in groups], dtype=float)
    errors = np.array([g.std(ddof=1) / len(g) ** 0.5 for g in groups], dtype=float)
    return means, errors


def test_exhaustion_rises_with_the_number_of_failures() -> None:
    means, errors = by_number_of_failures("emotional_exhaustion")
    # Different consumers in each third, so their errors add in squares.
    assert (np.diff(means) > 4 * np.hypot(errors[1:], errors[:-1])).all()
    counts = (0, 1, 2, 4, 8, 16)
    forced = {str(n): interrupted(*range(1, n + 1)) | NOBODY_LEAVES for n in counts}
    run = simulate(forced, consumers=2_000)
    mean = run["emotional_exhaustion_mean"].isel(draw=0, segment=0)
    peaks = [float(mean.sel(scenario=str(n)).max()) for n in counts]
    assert all(more > fewer for fewer, more in pairwise(peaks))


def test_trust_falls_with_the_number_of_failures() -> None:
    means, errors = by_number_of_failures("trust")
    assert (np.diff(means) < -4 * np.hypot(errors[1:], errors[:-1])).all()


def test_counting_failures_until_the_end_turns_the_dose_response_round() -> None:
    """Who leaves early meets few failures; a survey has to count before it follows."""
    lives = pc.trajectories(
        pc.library.disengagement(), ids=range(16_000), periods=52, seed=20
    ).isel(scenario=0)  # fmt: skip
    left = (lives["customer"].isel(period=-1) != "engaged").values
    there = (lives["customer"].isel(period=12) == "engaged").values
    failed = sum(lives[kind.name] for kind in THREE)
    assert isinstance(failed, xr.DataArray)

    def most_against_fewest(count: Vector, leaves: npt.NDArray[np.bool_]) -> tuple[float, float]:
        low, high = np.quantile(count, [1 / 3, 2 / 3])
        few, many = leaves[count <= low], leaves[count > high]
        # Binomial errors of different consumers add in squares.
        error = np.hypot(few.std() / len(few) ** 0.5, many.std() / len(many) ** 0.5)
        return float(many.mean() - few.mean()), float(error)

    whole, error = most_against_fewest(failed.sum("period").values, left)
    assert whole < -4 * error
    first = failed.isel(period=slice(0, 13)).sum("period").values
    fair, error = most_against_fewest(first[there], left[there])
    assert fair > 4 * error


def test_one_failure_fades_and_repeated_failures_accumulate() -> None:
    weeks = {"one": [10], "weekly": range(10, 53), "quarterly": [10, 23, 36, 49]}
    scenarios: dict[str, Scenario] = {"base": interrupted() | NOBODY_LEAVES}
    scenarios |= {name: interrupted(*w) | NOBODY_LEAVES for name, w in weeks.items()}
    run = simulate(scenarios, consumers=2_000)
    one, error = difference(run, "emotional_exhaustion_mean", "one")
    peak = int(one.argmax())
    assert one[peak] > 4 * error[peak]
    assert not one[:9].any()
    # It fades: less every week after the peak, and less than a tenth of the peak after half a year.
    assert (np.diff(one[peak:]) < 0).all()
    assert abs(one[peak + 26]) < 0.1 * one[peak]
    # Failures that come faster than recovery accumulate; those that come slower hardly do.
    weekly = difference(run, "emotional_exhaustion_mean", "weekly")[0]
    quarterly = difference(run, "emotional_exhaustion_mean", "quarterly")[0]
    assert weekly.max() > 10 * one[peak]
    assert one[peak] < quarterly.max() < 2 * one[peak]


# ---- levers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("lever", [*LEVERS, "all"])
def test_levers_lower_disappointment(lever: str) -> None:
    change, error = difference(year_with_levers(), "disappointment_mean", lever)
    assert (change[3:] < -4 * error[3:]).all()


@pytest.mark.parametrize("lever", [*LEVERS, "all"])
def test_levers_raise_satisfaction(lever: str) -> None:
    change, error = difference(year_with_levers(), "satisfaction_mean", lever)
    assert (change[3:] > 4 * error[3:]).all()


@pytest.mark.parametrize("lever", [*LEVERS, "all"])
def test_levers_keep_trust_and_engagement(lever: str) -> None:
    trust, error = difference(year_with_levers(), "trust_mean", lever)
    assert trust[-1] > 4 * error[-1]
    engaged, error = difference(year_with_levers(), "share@engaged", lever)
    assert engaged[-1] > 4 * error[-1]


@pytest.mark.parametrize("kind", THREE, ids=lambda kind: kind.name)
def test_a_lever_prevents_its_own_failure_and_no_other(kind: FailureKind) -> None:
    scenarios: dict[str, Scenario] = {"base": dict(NOBODY_LEAVES)}
    scenarios["lever"] = {**NOBODY_LEAVES, kind.lever: 1.0}
    run = simulate(scenarios, consumers=5_000, periods=12)
    for other in THREE:
        change, error = difference(run, f"{other.name}_mean", "lever")
        if other is kind:
            assert (change < -4 * error).all()
        else:
            assert not change.any()


def test_support_helps_with_failures_it_does_not_prevent() -> None:
    """A stream that broke off exhausts less where support is good: recovery is faster."""
    hit = interrupted(10) | NOBODY_LEAVES
    spared = interrupted() | NOBODY_LEAVES
    run = simulate(
        {"hit": hit, "spared": spared,
         "hit, support": hit | {"customer_support": 1.0},
         "spared, support": spared | {"customer_support": 1.0}},
        consumers=2_000,
    )  # fmt: skip
    plain, plain_error = difference(run, "emotional_exhaustion_mean", "hit", "spared")
    helped, error = difference(run, "emotional_exhaustion_mean", "hit, support", "spared, support")
    burden, burden_helped = plain[9:].sum(), helped[9:].sum()
    assert burden - burden_helped > 4 * (plain_error[9:].sum() + error[9:].sum())


def test_platforms_of_good_reputation_lose_fewer_consumers_to_the_same_failures() -> None:
    scenarios: dict[str, Scenario] = {"base": {}, "none": without(*THREE)}
    run = pc.simulate(
        pc.library.disengagement(), consumers=100_000, periods=52, seed=20, scenarios=scenarios
    )
    cost = pc.compare(run, "base", "none").sel(stage="engaged").isel(draw=0, period=-1)
    for orientation in ("ai", "human"):
        strong, weak = (cost.sel(segment=f"{orientation}_{r}") for r in ("strong", "weak"))
        # Different consumers, so the errors add in squares.
        error = float(np.hypot(strong["share_mcse"], weak["share_mcse"]))
        assert float(strong["share"] - weak["share"]) > 4 * error


# ---- construction ----------------------------------------------------------------------------


@pytest.mark.parametrize("taxonomy", ["three", "five"])
def test_states_have_mean_zero_and_sd_one_in_the_base_scenario(taxonomy: Taxonomy) -> None:
    """The scale of every coefficient: z-scores of a cohort that stays, after two years.

    Expectation is left out: it is on the scale of performance, from which it is subtracted.
    """
    model = pc.library.disengagement(taxonomy)
    run = simulate({"base": dict(NOBODY_LEAVES)}, model=model, periods=104)
    last = run.isel(scenario=0, draw=0, segment=0, period=-1)
    states = [state for state in model.of_kind(State) if state != "expectation"]
    assert len(states) == {"three": 9, "five": 11}[taxonomy]
    for state in states:
        # 0.1 for constants calibrated once and rounded, plus four Monte Carlo errors; the error of
        # a standard deviation is at most that of the mean for these light tails.
        tolerance = 0.1 + 4 * float(last[f"{state}_mean_mcse"])
        assert abs(float(last[f"{state}_mean"])) < tolerance, state
        assert abs(float(last[f"{state}_variance"]) ** 0.5 - 1) < tolerance, state


@pytest.mark.parametrize("taxonomy", ["three", "five"])
def test_every_parameter_has_prior_unit_source(taxonomy: Taxonomy) -> None:
    model = pc.library.disengagement(taxonomy)
    for name, parameter in model.of_kind(Parameter).items():
        assert parameter.prior is not None, name
        assert parameter.unit, name
        assert parameter.source, name
        assert parameter.doc, name
        assert parameter.symbol, name


def test_parameters_cite_only_claims_of_document_0() -> None:
    known = {claim.id for claim in pc.claims.load()}
    model: Model = pc.library.disengagement()
    cited = {claim for element in model.elements.values() for claim in element.claims}
    assert cited
    assert cited <= {claim for claim in known if claim.startswith("C-D0-")}


def test_the_five_failures_cost_consumers_too() -> None:
    five = TAXONOMIES["five"]
    scenarios: dict[str, Scenario] = {"base": {}, "none": without(*five)}
    scenarios |= {kind.name: without(kind) for kind in five}
    run = simulate(scenarios, model=pc.library.disengagement("five"), consumers=40_000)
    for scenario in list(scenarios)[1:]:
        kept, error = difference(run, "share@engaged", scenario)
        assert kept[-1] > 4 * error[-1], scenario


# ---- synthetic questionnaires ------------------------------------------------------------------

AVERAGE_PLATFORM = [{"segment": "ai", "weight": 1.0, "ai_orientation": 1.0}]
BY_REPUTATION = [
    {"segment": word, "weight": 1.0, "ai_orientation": 1.0, "platform_reputation": reputation}
    for word, reputation in (("strong", 1.0), ("weak", -1.0))
]
PREFIXES = ("disappointment_by", "exhaustion_by", "satisfaction_by", "trust_by", "intention_by")


def coefficients(model: Model) -> list[str]:
    return [name for name in model.of_kind(Parameter) if name.startswith(PREFIXES)]


def held(model: Model) -> dict[str, float]:
    """What no questionnaire tells: severities, what support would do, other contexts."""
    values = {name: p.value for name, p in model.of_kind(Parameter).items()}
    unseen = ("severity_", "support_", "context_shift")
    return {name: value for name, value in values.items() if name.startswith(unseen)}


def posterior(fit: xr.DataTree, name: str) -> Vector:
    draws: Vector = np.asarray(fit["posterior"][name]).ravel()
    return draws


def misses(fit: xr.DataTree, model: Model, names: Sequence[str]) -> dict[str, float]:
    """Distance of the truth from the posterior mean, in posterior standard deviations."""
    truth = {name: model.of_kind(Parameter)[name].value for name in names}
    draws = {name: posterior(fit, name) for name in names}
    return {n: float(abs(draws[n].mean() - truth[n]) / draws[n].std()) for n in names}


@pytest.mark.slow
def test_synthetic_survey_returns_its_coefficients() -> None:
    model = pc.library.disengagement()
    answers = pc.answers(model, respondents=1_000, seed=2, segments=AVERAGE_PLATFORM)
    # Many surveys, and chains, are in tests/calibration; the normal at the mode finds the place.
    fit = pc.estimate(model, answers, priors=held(model), method="laplace", seed=1)
    names = coefficients(model)
    assert len(names) == 12
    assert set(names) < set(fit["posterior"].attrs["parameters"])
    truth = {name: model.of_kind(Parameter)[name].value for name in names}
    inside = 0
    for name in names:
        low, high = np.quantile(posterior(fit, name), [0.05, 0.95])
        inside += int(low <= truth[name] <= high)
    # Nine or more of twelve 90% intervals hold the truth with probability .974, and no truth is
    # four standard deviations off with probability .999, were the intervals right.
    assert inside >= 9
    assert max(misses(fit, model, names).values()) < 4
    # The spreads too: dispositions, loss of performance, asymmetry.
    others = [name for name in fit["posterior"].attrs["parameters"] if name not in names]
    assert len(others) == 7
    assert max(misses(fit, model, others).values()) < 4
    # The indirect effects of each failure on exhaustion, and the path to the intention to leave.
    for kind in THREE:
        by_way = posterior(fit, f"disappointment_by_{kind.perceived.removeprefix('perceived_')}")
        by_way = by_way * posterior(fit, "exhaustion_by_disappointment")
        found = pc.effects(fit, effect="emotional_exhaustion", cause=kind.perceived)
        route = found[found["route"] == f"{kind.perceived} → disappointment → emotional_exhaustion"]
        assert route["mean"].item() == pytest.approx(by_way.mean())
        assert route["low"].item() > 0
        name = f"disappointment_by_{kind.perceived.removeprefix('perceived_')}"
        true = truth[name] * truth["exhaustion_by_disappointment"]
        assert abs(by_way.mean() - true) < 4 * by_way.std()
    assert np.quantile(posterior(fit, "intention_by_exhaustion"), 0.01) > 0


@pytest.mark.long  # the laboratory of Document 0 shows the same in the normal tier
def test_synthetic_groups_return_the_moderation() -> None:
    model = pc.library.disengagement()
    answers = pc.answers(model, respondents=1_000, seed=3, segments=BY_REPUTATION)
    fit = pc.estimate(
        model, answers, group="platform_reputation", priors=held(model), draws=700, tune=600, seed=1
    )
    shield = posterior(fit, "reputation_shield")
    # The 99% interval: right in 99 of 100 surveys.
    low, high = np.quantile(shield, [0.005, 0.995])
    assert low < model.of_kind(Parameter)["reputation_shield"].value < high
    path = fit["posterior"]["path"].sel(effect="emotional_exhaustion", cause="disappointment")
    by_group = {float(g): np.asarray(path.sel(group=g)) for g in np.asarray(path["group"])}
    assert set(by_group) == {1.0, -1.0}
    assert np.quantile(by_group[-1.0] - by_group[1.0], 0.05) > 0


@pytest.mark.slow
def test_the_five_failures_can_be_estimated_too() -> None:
    model = pc.library.disengagement("five")
    answers = pc.answers(model, respondents=1_000, seed=4, segments=AVERAGE_PLATFORM)
    fit = pc.estimate(model, answers, priors=held(model), method="laplace", seed=1)
    assert not fit.attrs["unidentified"]
    names = coefficients(model)
    assert len(names) == 14
    # Fourteen truths within four posterior standard deviations: .999 were the posterior normal.
    assert max(misses(fit, model, names).values()) < 4


def test_an_unknown_taxonomy_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="taxonomy: received 'four', allowed is one of five"):
        pc.library.disengagement("four")  # type: ignore[arg-type]
