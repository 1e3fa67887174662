"""The estimation of nine items with three latent variables, against PyMC.

Gradients: the compiled density against the same marginal likelihood as a PyTensor graph, and half a
million respondents against five hundred.  And the time of a first fit in a process that has imported
nothing.
Usage: ``python -m tests.benchmarks.estimation [--quick]``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import pycore as pc
from pycore import _core
from pycore.estimation.density import Density
from pycore.estimation.sample import read
from pycore.estimation.sampling import quiet_compiler
from pycore.estimation.specification import make_plan
from tests.benchmarks.machine import one_core, processor

OUT = Path(__file__).parents[2] / "build" / "estimation.json"
SYNTAX = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
FEW, MANY = 500, 500_000
AT_LEAST = {"PyTensor graph / core, gradient": 2.5}
AT_MOST = {"half a million / five hundred, gradient": 1.2, "first fit (s)": 8.0}
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
    figures: dict[str, Any] = gradients(5 if quick else 11)
    figures |= {
        "first fit (s)": first_fit(answers(FEW)),
        "processor": processor(),
        "build": _core.build_config(),
    }
    return {"ratio": figures["PyTensor graph / core, gradient"], "peers": {}, "figures": figures}


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
