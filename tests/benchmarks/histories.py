"""Event histories against their peers: JAX, and PyMC-Marketing.

The stage model: value and gradient on one thread, every stage leading to every other, and the graph
of disengagement, against one jitted ``lax.scan`` differentiated by JAX in double precision; the same
panel, and values that agree.  Buy till you die: smallest effective sample (bulk and tail, of the
parameters of the model) per second of processor time, compiling not counted.
Usage: ``python -m tests.benchmarks.histories [--quick]``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pycore import _core
from pycore.estimation.fit_measures import gates
from pycore.estimation.sampling import Draws
from tests.benchmarks.machine import one_core, processor

F64 = npt.NDArray[np.float64]
OUT = Path(__file__).parents[2] / "build" / "histories.json"
PERIODS = 52
FULL = [[j for j in range(4) if j != i] for i in range(4)]
DISENGAGEMENT = [[1], [0, 2], [3], []]
GRAPHS = {"every move": FULL, "disengagement": DISENGAGEMENT}
# At least: JAX's time over the core's; effective sample per second over the peer's.
LIMITS = {
    "JAX / core, every move": 15.0, "JAX / core, disengagement": 15.0,
    "core / PyMC-Marketing, BG/NBD": 5.0, "core / PyMC-Marketing, Pareto/NBD": 15.0,
}  # fmt: skip


def stage_model(goals: list[list[int]], consumers: int) -> tuple[_core.StageModel, F64, F64]:
    """The compiled likelihood of a random panel; covariates and what was seen, (period, consumer)."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((consumers, PERIODS))
    seen = (rng.random((consumers, PERIODS)) < 0.4).astype(np.uint32)
    model = _core.StageModel(
        goals=goals, outcomes=[(0, 0, [0.0, 1.0])], known=[-1, -1], silent=[False] * 4,
        free_start=True, groups=1, codes=seen.ravel(), covariates=x.reshape(-1, 1),
        group_of=np.zeros(consumers, dtype=np.uint32), first=np.arange(consumers) * PERIODS,
        length=np.full(consumers, PERIODS),
    )  # fmt: skip
    return model, np.ascontiguousarray(x.T), np.ascontiguousarray(seen.T.astype(float))


def jax_stages(goals: list[list[int]], x: F64, seen: F64) -> Callable[[F64], tuple[float, F64]]:
    """The same likelihood and its gradient, compiled by JAX; only moves that exist are computed."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    origin = np.array([i for i, row in enumerate(goals) for _ in row])
    goal = np.array([j for row in goals for j in row])
    moves, n = len(goal), len(goals)

    def log_likelihood(theta: Any, x: Any, seen: Any) -> Any:
        start = jax.nn.softmax(jnp.concatenate([jnp.zeros(1), theta[: n - 1]]))
        a, b = theta[n - 1 : n - 1 + moves], theta[n - 1 + moves : n - 1 + 2 * moves]
        chance = jax.nn.sigmoid(theta[-n:])

        def emission(y: Any) -> Any:
            return jnp.where(y[:, None] > 0, chance, 1 - chance)

        def step(carried: Any, data: Any) -> Any:
            alpha, total = carried
            at, y = data
            odds = jnp.zeros((at.shape[0], n, n)).at[:, origin, goal].set(
                jnp.exp(a + b * at[:, None])
            )  # fmt: skip
            odds = odds + jnp.eye(n)
            moved = odds / odds.sum(axis=2, keepdims=True)
            alpha = jnp.einsum("ni,nij->nj", alpha, moved) * emission(y)
            scale = alpha.sum(axis=1)
            return (alpha / scale[:, None], total + jnp.log(scale).sum()), None

        alpha = start * emission(seen[0])
        scale = alpha.sum(axis=1)
        begin = (alpha / scale[:, None], jnp.log(scale).sum())
        (_, total), _ = jax.lax.scan(step, begin, (x[:-1], seen[1:]))
        return total

    compiled = jax.jit(jax.value_and_grad(log_likelihood))
    given = jnp.asarray(x), jnp.asarray(seen)

    def run(theta: F64) -> tuple[float, F64]:
        value, gradient = compiled(theta, *given)
        return float(value), np.asarray(gradient)

    run(np.zeros(n - 1 + 2 * moves + n))
    return run


def stages(consumers: int, rounds: int) -> dict[str, Any]:
    """Nanoseconds of processor time per consumer-period, interleaved, and their ratios."""
    figures: dict[str, Any] = {"unit": "core-ns per consumer-period", "rounds": rounds}
    peers, ratios = {}, {}
    for name, goals in GRAPHS.items():
        model, x, seen = stage_model(goals, consumers)
        theta = np.random.default_rng(3).normal(0, 0.5, model.size)
        peer = jax_stages(goals, x, seen)
        ours, theirs = model.evaluate(theta), peer(theta)
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-10)
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-7, atol=1e-7 * abs(ours[1]).max())
        times: dict[str, list[float]] = {"core": [], "JAX": []}
        with one_core():
            for _ in range(rounds):
                for label, call in (("core", model.evaluate), ("JAX", peer)):
                    time.sleep(0.05)  # until the threads of the call before have ceased to spin
                    begin = time.process_time()
                    call(theta)
                    times[label].append(1e9 * (time.process_time() - begin) / (consumers * PERIODS))
        figures[f"core, {name}"] = statistics.median(times["core"])
        peers[f"JAX, {name}"] = statistics.median(times["JAX"])
        ratios[f"JAX / core, {name}"] = statistics.median(
            j / c for j, c in zip(times["JAX"], times["core"], strict=True)
        )
    return {"ratio": min(ratios.values()), "peers": peers, "figures": figures | ratios}


def customers() -> pd.DataFrame:
    """As many customers as the CDNOW sample, drawn from Pareto/NBD at its published estimates."""
    rng = np.random.default_rng(1)
    size = 2357
    rate, life = (
        rng.gamma(0.553, 1 / 10.578, size),
        rng.exponential(1 / rng.gamma(0.606, 1 / 11.669, size)),
    )
    age = rng.integers(189, 273, size) / 7
    rows = []
    for mean, end, whole in zip(rate, np.minimum(life, age), age, strict=True):
        # Days, as the sample is dated.
        times = np.unique(np.ceil(7 * rng.uniform(0, end, rng.poisson(mean * end))) / 7)
        rows.append((len(times), times[-1] if len(times) else 0.0, whole))
    made = pd.DataFrame(rows, columns=["frequency", "recency", "T"])
    return made.assign(recency=np.minimum(made["recency"], made["T"]))


def effective(values: dict[str, F64], diverging: Any, steps: Any) -> float:
    """Smallest effective sample over the parameters."""
    found = gates(Draws(values, np.asarray(diverging), np.asarray(steps), False, ""))
    return min(found.ess_bulk, found.ess_tail)


def ours(model: str, data: pd.DataFrame, draws: int) -> tuple[float, float, F64]:
    """Effective sample, processor time and posterior means; the search of the mode is counted."""
    import_module("nutpie")
    purchases = import_module("pycore.histories.purchases")
    fitting = import_module("pycore.histories.fitting")
    rows = purchases._Rows.read(data)
    begin = time.process_time()
    parameters = purchases._parameters(model, float(data["T"].mean()), None)
    fit = fitting.fit(
        parameters, rows.likelihood(model), method="nuts", draws=draws, tune=draws // 2, chains=2,
        seed=1, progress=False,
    )  # fmt: skip
    spent = time.process_time() - begin
    values = {str(k): fit.theta[..., k] for k in range(4)}
    return effective(values, fit.points.diverging, fit.points.steps), spent, fit.theta.mean((0, 1))


def in_pymc(model: str, data: pd.DataFrame, draws: int) -> tuple[float, float, F64]:
    """PyMC-Marketing's default model, sampled by nutpie, compiled before the clock starts."""
    clv, nutpie = import_module("pymc_marketing.clv"), import_module("nutpie")
    made = clv.BetaGeoModel() if model == "BG/NBD" else clv.ParetoNBDModel()
    made.build_model(data=data.assign(customer_id=np.arange(len(data))))
    names = ("r", "alpha", "a", "b") if model == "BG/NBD" else ("r", "alpha", "s", "beta")
    compiled = nutpie.compile_pymc_model(made.model)
    begin = time.process_time()
    trace = nutpie.sample(
        compiled, draws=draws, tune=draws // 2, chains=2, seed=1, progress_bar=False
    )
    spent = time.process_time() - begin
    stats, posterior = trace["sample_stats"], trace["posterior"]
    shape = stats["diverging"].shape
    values = {n: np.asarray(posterior[n].values).reshape(shape) for n in names}
    means = np.array([v.mean() for v in values.values()])
    return effective(values, stats["diverging"].values, stats["n_steps"].values), spent, means


def purchases(draws: int, peer_draws: dict[str, int]) -> dict[str, Any]:
    """Effective sample per second of processor time; the peer may be absent."""
    data = customers()
    figures: dict[str, Any] = {"unit": "smallest effective sample per core-second"}
    peers, ratios = {}, {}
    for model, fewer in peer_draws.items():
        ess, spent, means = ours(model, data, draws)
        figures[f"core, {model}"] = ess / spent
        figures[f"core, {model}, posterior means"] = means.tolist()
        try:
            peer_ess, peer_spent, peer_means = in_pymc(model, data, fewer)
        except ImportError as error:
            sys.stderr.write(f"PyMC-Marketing, {model}, is left out: {error}\n")
            continue
        peers[f"PyMC-Marketing, {model}"] = peer_ess / peer_spent
        figures[f"PyMC-Marketing, {model}, posterior means"] = peer_means.tolist()
        ratios[f"core / PyMC-Marketing, {model}"] = (ess / spent) / (peer_ess / peer_spent)
    ratio = min(ratios.values(), default=float("nan"))
    return {"ratio": ratio, "peers": peers, "figures": figures | ratios}


def missed(found: dict[str, Any]) -> list[str]:
    """Ratios below their limits."""
    return [
        f"{name}: {value:.1f}, at least {LIMITS[name]:g}"
        for part in found.values() for name, value in part["figures"].items()
        if name in LIMITS and value < LIMITS[name]
    ]  # fmt: skip


def histories(*, quick: bool) -> dict[str, Any]:
    """Both comparisons, as entries of ``build/bench.json``."""
    consumers, rounds, draws = (2048, 5, 500) if quick else (8192, 9, 2000)
    found = {
        "hidden stages against JAX": stages(consumers, rounds),
        "buy till you die against PyMC-Marketing": purchases(
            draws, {"BG/NBD": draws, "Pareto/NBD": 100 if quick else 200}
        ),
    }
    for part in found.values():
        part["figures"] |= {"processor": processor(), "build": _core.build_config()}
    return found


def main(arguments: list[str]) -> int:
    """Run, write the file, say what was found; fail below a limit."""
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.histories")
    parser.add_argument("--quick", action="store_true", help="fewer consumers, draws and rounds")
    found = histories(quick=parser.parse_args(arguments).quick)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for part in found.values():
        for name, value in {**part["peers"], **part["figures"]}.items():
            sys.stdout.write(f"{name}: {value:.4g}\n" if isinstance(value, float) else "")
    below = missed(found)
    sys.stdout.writelines(f"below its limit: {line}\n" for line in below)
    return int(bool(below))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
