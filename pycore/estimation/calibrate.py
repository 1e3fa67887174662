"""Parameters from published aggregates, by simulation."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import refuse, require_name
from pycore.estimation.errors import EstimateWarning
from pycore.estimation.frozen import from_normal, frozen
from pycore.estimation.measuring import Machine, Measured, recording
from pycore.estimation.smc import Particles, sample
from pycore.estimation.target import Target
from pycore.model.distributions import Distribution
from pycore.model.elements import Environment, Parameter
from pycore.model.model import Model
from pycore.simulation.population import population
from pycore.simulation.scenario import Value, resolve
from pycore.simulation.simulate import check_size

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["calibrate"]

F64 = NDArray[np.float64]
_MOST_RHAT = 1.05
_FEWEST_ESS = 400.0
_MOST_NOISE = 0.5
_MOST_IMPOSSIBLE = 0.1
_FORGOTTEN = 0.5


def calibrate(
    model: Model,
    targets: Mapping[str, Target] | Sequence[Target],
    *,
    parameters: Sequence[str] | None = None,
    priors: Mapping[str, Distribution] | None = None,
    consumers: int = 2000,
    periods: int = 52,
    seed: int,
    segments: pd.DataFrame | list[dict[str, Any]] | None = None,
    scenarios: Mapping[str, Mapping[str, Value]] | None = None,
    particles: int = 500,
    populations: int = 4,
    batches: int = 16,
    threads: int | None = None,
    progress: bool | None = None,
) -> xr.DataTree:
    r"""Find the parameters with which a simulated population gives the published figures.

    The likelihood of parameters θ is that of the published figures y given what a population
    simulated with θ gives, s(θ):

    .. math:: y \sim \mathrm{Normal}\bigl(s(\theta),\ \operatorname{diag}(e^2) + C(\theta)\bigr),

    with e the errors of the figures and C the covariance of the Monte Carlo errors of s, which the
    simulation knows.  That is approximate Bayesian computation with a normal kernel whose width is
    the error of the figures, and so exact for figures with that error (Wilkinson 2013,
    doi:10.1515/sagmb-2013-0010).  All draws of the parameters are lived through by the same
    consumers with the same luck (common random numbers), thousands of draws in one run of the
    machine, and the posterior is reached by sequential Monte Carlo, :mod:`pycore.estimation.smc`.

    Parameters
    ----------
    model : Model
        What is simulated.
    targets : mapping of name to Target, or sequence of Target
        The published figures.
    parameters : sequence of str, optional
        Which are sought; by default those of ``priors``, or all that the model gives a prior.
        The others stay at their declared values.
    priors : mapping, optional
        Parameter → distribution in place of the model's.
    consumers, periods : int
        Size of each simulated population, and length of its life.  With more consumers the Monte
        Carlo error, which is added to the errors of the figures, is smaller.
    seed : int
        Same seed, same result.
    segments, scenarios
        As in :func:`pycore.simulate`; a ratio of two scenarios is a target by way of a function.
    particles, populations : int
        Draws in each of several independent populations of draws; these are the ``chain`` of the
        result.
    batches : int
        Slices of the consumers from whose scatter the Monte Carlo error is taken.
    threads : int, optional
        As in :func:`pycore.simulate`.
    progress : bool, optional
        Show a bar; by default on a terminal.

    Returns
    -------
    xarray.DataTree
        ``posterior`` (parameters over chain and draw; goes into ``pc.simulate(posterior=…)``),
        ``prediction`` (the figures as each draw gives them), ``targets`` (value, error, predicted
        mean and 90% interval, Monte Carlo error, and ``z``, the distance in standard errors),
        ``learned`` (prior and posterior sd of each parameter; ``contraction`` 0: nothing was
        learned), ``stages`` (temperature, effective number, acceptance, moves).  ``attrs`` hold the
        gates: R-hat between populations, effective number of particles, temperature (1: the errors
        are those of the figures; β < 1: 1/√β times as large), the share of Monte Carlo error.

    Raises
    ------
    InputError
        For targets, parameters or priors that cannot be used, before work starts; if the priors
        put more than a tenth of their mass where the model cannot be simulated.
    KeyboardInterrupt
        If interrupted before all draws have left the prior; later, what is returned is the
        posterior for larger errors (``attrs["tolerance"]`` times), labelled partial.

    Warns
    -----
    EstimateWarning
        If a gate is not met, or a published figure is out of reach of the model.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("coin")
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5, pc.Beta(2, 2))))
    >>> seen = pc.Target(measure="heads", value=0.62, error=0.02)
    >>> fit = pc.calibrate(m, [seen], periods=1, consumers=4000, particles=200, seed=1)
    >>> fit.posterior["p"].mean().item()
    0.62
    """
    chosen = _priors(model, parameters, priors)
    named = _named(targets)
    machine = _machine(
        model, list(named.values()), consumers, periods, seed, segments, scenarios, batches, threads
    )
    _whole("particles", particles, 20)
    _whole("populations", populations, 2)
    _try(machine, model, chosen)
    value = np.array([t.value for t in named.values()])
    error = np.array([t.error for t in named.values()])

    def likelihood(u: F64) -> tuple[F64, F64]:
        found = machine.measure(_parameters(chosen, u))
        size = len(value)
        carried = np.concatenate([found.value, found.noise.reshape(-1, size * size)], axis=1)
        return _log_likelihood(found, value, error), carried

    with _bar(progress) as report:
        made, partial = sample(
            likelihood, len(chosen), particles=particles, populations=populations, seed=seed,
            report=report,
        )  # fmt: skip
    tree = _tree(model, chosen, named, made, partial, error)
    tree.attrs |= {"seed": seed, "consumers": consumers, "periods": periods}
    failures = tree.attrs["gates_failed"]
    if failures:
        warnings.warn("these draws do not meet the gates: " + "; ".join(failures), EstimateWarning,
                      stacklevel=2)  # fmt: skip
    away = tree["targets"].to_dataset()["z"]
    far = [f"{n} (z = {float(z):.1f})"
           for n, z in zip(named, away.values, strict=True) if abs(z) > 3]  # fmt: skip
    if far:
        warnings.warn("out of reach of the model: " + ", ".join(far), EstimateWarning, stacklevel=2)
    return tree


def _priors(
    model: Any, parameters: Sequence[str] | None, priors: Mapping[str, Distribution] | None
) -> dict[str, Distribution]:
    if not isinstance(model, Model):
        raise refuse("model", model, "a pc.Model")
    known = model.of_kind(Parameter)
    own = dict(priors or {})
    for name, prior in own.items():
        require_name("priors", name, known)
        if not isinstance(prior, Distribution):
            raise refuse(f"priors[{name!r}]", prior, "a distribution, such as pc.Normal(0, 1)")
    if isinstance(parameters, str):
        raise refuse("parameters", parameters, "a list of names")
    for name in parameters or ():
        require_name("parameters", name, known)
    names = parameters or own or [n for n, p in known.items() if p.prior is not None]
    chosen = {}
    for name in dict.fromkeys([*names, *own]):
        one = own.get(name, known[name].prior)
        if one is None:
            raise refuse("parameters", name, "parameters with a prior, in the model or in priors=")
        frozen(one)
        chosen[name] = one
    if not chosen:
        raise refuse("parameters", parameters, "at least one parameter with a prior")
    return chosen


def _named(targets: Any) -> dict[str, Target]:
    if isinstance(targets, Mapping):
        named = {str(n): t for n, t in targets.items()}
    elif isinstance(targets, Sequence) and not isinstance(targets, str):
        named = {t.label: t for t in targets if isinstance(t, Target)}
    else:
        raise refuse("targets", targets, "a list of pc.Target, or a mapping of name to pc.Target")
    strange = [t for t in (targets.values() if isinstance(targets, Mapping) else targets)
               if not isinstance(t, Target)]  # fmt: skip
    if strange:
        raise refuse("targets", strange[0], "a pc.Target")
    if not named or len(named) < len(targets):
        raise refuse("targets", f"{len(targets)} targets, {len(named)} names",
                     "at least one, with names that differ")  # fmt: skip
    return named


def _machine(
    model: Model, targets: list[Target], consumers: Any, periods: Any, seed: Any, segments: Any,
    scenarios: Any, batches: Any, threads: Any,
) -> Machine:  # fmt: skip
    shared = [n for n, e in model.of_kind(Environment).items()]
    if shared:
        raise refuse(
            "model", f"the environment {shared[0]!r}",
            "a model without environments: who meets whom hides from slices of the consumers, so "
            "the Monte Carlo error would be too small",
        )  # fmt: skip
    check_size(consumers, periods)
    _whole("seed", seed, 0, 2**63 - 1)
    _whole("batches", batches, 4, 1024)
    if threads is not None:
        _whole("threads", threads, 1, 1024)
    if consumers < 10 * batches:
        raise refuse("consumers", consumers, f"at least {10 * batches}, ten in each of the batches")
    return Machine.of(
        recording(model, targets), people=population(model, segments),
        settings=resolve(model, scenarios, periods), targets=targets, consumers=consumers,
        periods=periods, seed=seed, batches=batches, threads=threads or 0,
    )  # fmt: skip


def _try(machine: Machine, model: Model, priors: Mapping[str, Distribution]) -> None:
    """Refuse unknown targets, and priors that the model cannot live with, before the long work."""
    declared = {n: np.array([model.of_kind(Parameter)[n].value]) for n in priors}
    machine.simulate(declared)
    rng = np.random.default_rng(machine.seed)
    draws = _parameters(priors, rng.standard_normal((200, len(priors))))
    found = machine.measure(draws).value
    lost = float((~np.isfinite(found)).any(axis=1).mean())
    if lost > _MOST_IMPOSSIBLE:
        raise refuse(
            "priors", f"{lost:.0%} of draws that cannot be simulated or give no figure",
            f"priors with at most {_MOST_IMPOSSIBLE:.0%} of them: narrower, or within bounds",
        )  # fmt: skip


def _parameters(priors: Mapping[str, Distribution], u: F64) -> dict[str, F64]:
    return {n: from_normal(p, u[:, k]) for k, (n, p) in enumerate(priors.items())}


def _log_likelihood(found: Measured, value: F64, error: F64) -> F64:
    """Normal log density of the figures, −∞ where nothing was measured."""
    good = np.isfinite(found.value).all(axis=1) & np.isfinite(found.noise).all(axis=(1, 2))
    height = np.full(len(good), -np.inf)
    away = value - found.value[good]
    root = np.linalg.cholesky(np.diag(error**2) + found.noise[good])
    scaled = np.linalg.solve(root, away[:, :, None])[:, :, 0]
    half = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    height[good] = -0.5 * (scaled**2).sum(axis=1) - half - 0.5 * len(value) * np.log(2 * np.pi)
    return height


def _tree(
    model: Model, priors: Mapping[str, Distribution], targets: Mapping[str, Target],
    made: list[Particles], partial: bool, error: F64,
) -> xr.DataTree:  # fmt: skip
    shape = (len(made), len(made[0].u))
    draws = _parameters(priors, np.concatenate([p.u for p in made]))
    posterior = xr.Dataset(
        {n: (("chain", "draw"), v.reshape(shape),
             {"unit": model.element(n).unit, "long_name": model.element(n).doc})
         for n, v in draws.items()},
        coords={"chain": np.arange(shape[0]), "draw": np.arange(shape[1])},
        attrs={"parameters": list(priors), "model": model.name, "partial": int(partial)},
    )  # fmt: skip
    size = len(targets)
    carried = np.stack([p.carried for p in made])
    predicted = carried[..., :size]
    noise = np.diagonal(carried[..., size:].reshape(*shape, size, size), axis1=2, axis2=3)
    dims = ("chain", "draw", "target")
    prediction = xr.Dataset(
        {"value": (dims, predicted), "mcse": (dims, np.sqrt(noise))},
        coords={**posterior.coords, "target": list(targets)},
    )
    value = np.array([t.value for t in targets.values()])
    flat = predicted.reshape(-1, size)
    chance = noise.reshape(-1, size).mean(axis=0)
    low, high = np.quantile(flat, [0.05, 0.95], axis=0)
    compared = xr.Dataset(
        {
            "value": ("target", value), "error": ("target", error),
            "predicted": ("target", flat.mean(axis=0)), "low": ("target", low),
            "high": ("target", high), "mcse": ("target", np.sqrt(chance)),
            "z": ("target", (flat.mean(axis=0) - value) / np.sqrt(error**2 + chance)),
            "source": ("target", [t.source for t in targets.values()]),
        },
        coords={"target": list(targets)},
    )  # fmt: skip
    before = np.array([float(frozen(p).std()) for p in priors.values()])
    after = np.array([v.std(ddof=1) for v in draws.values()])
    learned = xr.Dataset(
        {"prior_sd": ("parameter", before), "posterior_sd": ("parameter", after),
         "contraction": ("parameter", 1 - (after / before) ** 2)},
        coords={"parameter": list(priors)},
    )  # fmt: skip
    tree = xr.DataTree.from_dict(
        {"posterior": posterior, "prediction": prediction, "targets": compared,
         "learned": learned, "stages": _stages(made)}
    )  # fmt: skip
    tree.attrs = _gates(posterior, made, partial, float((chance / (error**2 + chance)).max()))
    tree.attrs |= {"model": model.name, "model_json": model.to_json()}
    return tree


def _stages(made: list[Particles]) -> xr.Dataset:
    longest = max(len(p.stages) for p in made)
    found = {}
    for name in ("temperature", "ess", "acceptance", "moves", "remains"):
        table = np.full((len(made), longest), np.nan)
        for k, p in enumerate(made):
            table[k, : len(p.stages)] = [getattr(s, name) for s in p.stages]
        found[name] = (("chain", "stage"), table)
    return xr.Dataset(found, coords={"chain": np.arange(len(made)), "stage": np.arange(longest)})


def _gates(
    posterior: xr.Dataset, made: list[Particles], partial: bool, noise: float
) -> dict[str, Any]:
    from arviz_stats.base import array_stats

    rhat, ess, worst = 1.0, np.inf, ""
    for name in posterior.attrs["parameters"]:
        values = posterior[name].values
        rhat = max(rhat, float(array_stats.rhat(values, chain_axis=0, draw_axis=1)))
        effective = sum(p.effective(values[k]) for k, p in enumerate(made))
        if effective < ess:
            ess, worst = effective, name
    temperature = min(p.temperature for p in made)
    remains = max(p.stages[-1].remains for p in made)
    failures = []
    if not rhat < _MOST_RHAT:
        failures.append(f"R-hat {rhat:.3f} between populations (allowed: below {_MOST_RHAT})")
    if not ess >= _FEWEST_ESS:
        failures.append(f"effective sample {ess:.0f} of {worst} (allowed: at least "
                        f"{_FEWEST_ESS:.0f})")  # fmt: skip
    if remains > _FORGOTTEN:
        failures.append(f"the last moves left a correlation of {remains:.2f} (allowed: at most "
                        f"{_FORGOTTEN})")  # fmt: skip
    if noise > _MOST_NOISE:
        failures.append(f"Monte Carlo error is {noise:.0%} of a target's squared error (allowed: "
                        f"at most {_MOST_NOISE:.0%}; take more consumers)")  # fmt: skip
    if partial:
        failures.append(f"interrupted at temperature {temperature:.3g}")
    evidence = np.array([p.log_evidence for p in made])
    return {
        "gates_passed": int(not failures), "gates_failed": failures, "rhat": rhat, "ess": ess,
        "temperature": temperature, "tolerance": temperature**-0.5, "partial": int(partial),
        "acceptance": float(np.mean([p.stages[-1].acceptance for p in made])),
        "monte_carlo_share": noise, "log_evidence": float(evidence.mean()),
        "log_evidence_error": float(evidence.std(ddof=1) / np.sqrt(len(evidence))),
    }  # fmt: skip


def _whole(name: str, value: Any, low: int, high: int = 2**31) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not low <= value <= high:
        raise refuse(name, value, f"a whole number from {low} to {high}")


@contextmanager
def _bar(progress: bool | None) -> Iterator[Callable[[float], None]]:
    """A bar of the temperature, where somebody looks."""
    if progress not in (None, True, False):
        raise refuse("progress", progress, "True, False or None")
    from tqdm import tqdm  # text, which needs no widgets

    shown = sys.stderr.isatty() if progress is None else progress
    with tqdm(total=1.0, disable=not shown, bar_format="{desc} {bar} {n:.3f}") as bar:
        bar.set_description("calibrate: temperature")

        def report(temperature: float) -> None:
            bar.update(temperature - bar.n)

        yield report
