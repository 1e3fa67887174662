"""The estimation of nine items with three latent variables, against PyMC.

Effective draws per second of processor time against the model as a beginner writes it in PyMC, with
the latent variables of every respondent; the gradient against the same marginal likelihood as a
PyTensor graph; half a million respondents against five hundred; and the time of a first fit in a
process that has imported nothing.
Usage: ``python -m tests.benchmarks.estimation [--quick]``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

import pycore as pc
from pycore import _core
from pycore.estimation import EstimateWarning
from pycore.estimation.density import Density
from pycore.estimation.sample import read
from pycore.estimation.sampling import quiet_compiler
from pycore.estimation.specification import make_plan
from tests.benchmarks.machine import one_core, processor
from tests.benchmarks.quadrature import effective

F64 = npt.NDArray[np.float64]

OUT = Path(__file__).parents[2] / "build" / "estimation.json"
SYNTAX = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
FEW, MANY = 500, 500_000
PER_SECOND = "effective draws per core-second"
NAIVE = f"core / naive PyMC, {PER_SECOND}"
AT_LEAST = {NAIVE: 30.0, "PyTensor graph / core, gradient": 2.5}
AT_MOST = {"half a million / five hundred, gradient": 1.2, "first fit (s)": 8.0}
LARGEST_DISTANCE = 5.0  # of two posterior means, in Monte Carlo errors
FIRST_FIT = (
    "import pandas as pd, pycore as pc; "
    "pc.estimate(pc.Model.from_lavaan({syntax!r}), pd.read_csv({path!r}), seed=1, progress=False)"
)


def answers(respondents: int) -> pd.DataFrame:
    """Synthetic answers to nine items of three correlated latent variables."""
    rng = np.random.default_rng(1)
    root = np.linalg.cholesky(0.6 * np.eye(3) + 0.4)
    latent = np.repeat(rng.standard_normal((respondents, 3)) @ root.T, 3, axis=1)
    loadings = np.tile([1.0, 0.8, 0.9], 3)
    items = latent * loadings + 0.7 * rng.standard_normal((respondents, 9))
    return pd.DataFrame(items, columns=[f"x{k}" for k in range(1, 10)])


def compiled(model: pc.Model, data: pd.DataFrame) -> Density:
    """Log density and gradient as :func:`pycore.estimate` samples them."""
    sample = read(model, data)
    return Density(make_plan(model, sample, None), sample)


def seconds(call: Any, repeats: int) -> float:
    """Processor time of a call."""
    begin = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - begin) / repeats


def gradients(rounds: int) -> dict[str, float]:
    """Microseconds per value and gradient, interleaved, and their ratios."""
    model = pc.Model.from_lavaan(SYNTAX)
    few, many = compiled(model, answers(FEW)), compiled(model, answers(MANY))
    with quiet_compiler():  # the tests of estimation hold the two densities equal
        made: Any = pc.estimation.to_pymc(model, answers(FEW))
        graph: Any = made.logp_dlogp_function(ravel_inputs=True)
    graph.set_extra_values({})
    at, there = few.start, np.concatenate([v.ravel() for v in made.initial_point().values()])
    calls: dict[str, Callable[[], Any]] = {
        "core": lambda: few(at), "graph": lambda: graph(there), "half a million": lambda: many(at),
    }  # fmt: skip
    found: dict[str, list[float]] = {label: [] for label in calls}
    with one_core():
        for _ in range(rounds):
            for label, call in calls.items():
                call()
                found[label].append(1e6 * seconds(call, 300))

    def ratio(a: str, b: str) -> float:
        return statistics.median(x / y for x, y in zip(found[a], found[b], strict=True))

    return {
        "core, gradient (µs)": statistics.median(found["core"]),
        "PyTensor graph, gradient (µs)": statistics.median(found["graph"]),
        "PyTensor graph / core, gradient": ratio("graph", "core"),
        "half a million / five hundred, gradient": ratio("half a million", "core"),
    }


def naive(data: pd.DataFrame) -> Any:
    """The same model and priors in PyMC, with a row of standard normal values per respondent.

    Centred latent variables give half the effective draws here.
    """
    import pymc as pm
    import pytensor.tensor as pt

    items = ((data - data.mean()) / data.std(ddof=0)).to_numpy()
    with pm.Model() as made:
        root, _, _ = pm.LKJCholeskyCov("state", n=3, eta=2.0, sd_dist=pm.Gamma.dist(1.0, 0.5))
        states = pm.Normal("row", shape=(len(items), 3)) @ root.T
        free = pm.Normal("loading", 1.0, 0.5, shape=(3, 2))
        loadings = pt.concatenate([pt.ones((3, 1)), free], axis=1).ravel()
        mean = pm.Normal("intercept", shape=9) + states[:, np.repeat(np.arange(3), 3)] * loadings
        pm.Normal("item", mean, pm.Gamma("sd", 1.0, 0.5, shape=9), observed=items)
    return made


def in_pymc(model: Any, data: pd.DataFrame, draws: int) -> tuple[F64, float]:
    """Draws (chain, draw, 21) on the items' scale and processor time; compiling is not counted."""
    nutpie = import_module("nutpie")
    begin = time.process_time()
    tree = nutpie.sample(
        model, draws=draws, tune=draws // 2, chains=2, cores=1, seed=1, progress_bar=False
    )
    spent = time.process_time() - begin
    scale = data.std(ddof=0).to_numpy().reshape(3, 3)
    drawn = {name: tree.posterior[name].values for name in ("loading", "sd", "state_stds")}
    deviations = drawn["state_stds"] * scale[:, 0]
    pairs = np.triu_indices(3, 1)
    covariances = tree.posterior["state_corr"].values[..., *pairs]
    covariances = covariances * deviations[..., pairs[0]] * deviations[..., pairs[1]]
    loadings = (drawn["loading"] * scale[:, 1:] / scale[:, :1]).reshape(*deviations.shape[:2], 6)
    errors = (drawn["sd"] * scale.ravel()) ** 2
    return np.concatenate([loadings, errors, deviations**2, covariances], axis=-1), spent


def of_ours(model: Any, data: pd.DataFrame, draws: int) -> tuple[F64, float]:
    """The same; everything that a fit reports is counted."""
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)  # the few draws of the first call
        fit = pc.estimate(
            model, data, draws=draws, tune=draws // 2, chains=2, seed=1, progress=False
        )
    spent = time.process_time() - begin
    factors = ("visual", "textual", "speed")
    names = [
        *(f"loading_x{k}" for k in (2, 3, 5, 6, 8, 9)),
        *(f"variance_x{k}" for k in range(1, 10)),
        *(f"variance_{name}" for name in factors),
        *(f"covariance_{a}_{b}" for a, b in combinations(factors, 2)),
    ]
    return np.stack([fit.posterior[name].values for name in names], axis=-1), spent


def against_naive(draws: int, rounds: int) -> dict[str, float]:
    """Smallest effective sample of the 21 parameters per core-second, and the ratio."""
    data = answers(FEW)
    with quiet_compiler():
        compiled_model = import_module("nutpie").compile_pymc_model(naive(data))
    fits: dict[str, Callable[[int], tuple[F64, float]]] = {
        "naive PyMC": lambda count: in_pymc(compiled_model, data, count),
        "core": lambda count: of_ours(pc.Model.from_lavaan(SYNTAX), data, count),
    }
    found: dict[str, F64] = {}
    rate: dict[str, list[float]] = {label: [] for label in fits}
    with one_core():
        for fit in fits.values():
            fit(50)  # imports
        for _ in range(rounds):
            for label, fit in fits.items():
                values, spent = fit(draws)
                columns = [values[..., k] for k in range(values.shape[-1])]
                least = min(effective(v, m) for v in columns for m in ("bulk", "tail"))
                rate[label].append(least / spent)
                errors = [v.std() / np.sqrt(effective(v, "bulk")) for v in columns]
                found[label] = np.array([[v.mean() for v in columns], errors])
    (a, a_error), (b, b_error) = found.values()
    if (np.abs(a - b) > LARGEST_DISTANCE * np.hypot(a_error, b_error)).any():
        raise SystemExit(f"means of naive PyMC: {a.round(4)}, ours: {b.round(4)}")
    ratios = [x / y for x, y in zip(rate["core"], rate["naive PyMC"], strict=True)]
    return {
        **{f"{label}, {PER_SECOND}": statistics.median(value) for label, value in rate.items()},
        NAIVE: statistics.median(ratios),
    }


def first_fit(data: pd.DataFrame) -> float:
    """Wall seconds of a script that imports, reads and fits."""
    path = OUT.parent / "nine_items.csv"
    OUT.parent.mkdir(parents=True, exist_ok=True)
    data.to_csv(path, index=False)
    begin = time.perf_counter()
    code = FIRST_FIT.format(syntax=SYNTAX, path=str(path))
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
    return time.perf_counter() - begin


def estimation(*, quick: bool) -> dict[str, Any]:
    """All of it, as an entry of ``build/bench.json``."""
    figures: dict[str, Any] = against_naive(4000, 1 if quick else 3)
    figures |= gradients(5 if quick else 11)
    figures |= {
        "first fit (s)": first_fit(answers(FEW)),
        "processor": processor(),
        "build": _core.build_config(),
    }
    return {"ratio": figures[NAIVE], "peers": {}, "figures": figures}


def missed(entry: dict[str, Any]) -> list[str]:
    """Figures on the wrong side of their limits."""
    figures = entry["figures"]
    low = [f"{n}: {figures[n]:.2f}, at least {v:g}" for n, v in AT_LEAST.items() if figures[n] < v]
    high = [f"{n}: {figures[n]:.2f}, at most {v:g}" for n, v in AT_MOST.items() if figures[n] > v]
    return low + high


def main(arguments: list[str]) -> int:
    """Run, write the file, say what was found; fail beyond a limit."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.estimation")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    found = estimation(quick=parser.parse_args(arguments).quick)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, value in found["figures"].items():
        sys.stdout.write(f"{name}: {value:.4g}\n" if isinstance(value, float) else "")
    beyond = missed(found)
    sys.stdout.writelines(f"beyond its limit: {line}\n" for line in beyond)
    return int(bool(beyond))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
