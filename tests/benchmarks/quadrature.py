"""Latent variables integrated out numerically against latent variables drawn for every respondent.

Smallest effective sample (bulk and tail, of the parameters of the model) per second of processor
time: the same survey, the same model, both with nutpie's sampler; finding the mode and the nodes is
counted.  Posterior means have to agree.  Usage: ``python -m tests.benchmarks.quadrature [--quick]``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from arviz_stats.base import array_stats

import pycore as pc
from pycore import _core
from pycore.estimation import EstimateWarning
from tests.benchmarks.machine import processor
from tests.estimation import surveys

F64 = npt.NDArray[np.float64]
OUT = Path(__file__).parents[2] / "build" / "quadrature.json"
# At least: effective sample per second by quadrature over that of explicit latent variables.
LIMITS = {
    "a product of states": 10.0, "two factors, five categories": 0.5,
    "two factors, three categories": 1.0,
}  # fmt: skip
LARGEST_DISTANCE = 5.0  # of two posterior means, in Monte Carlo errors; what chains err on


def cases(respondents: int) -> dict[str, tuple[pc.Model, pd.DataFrame, bool, tuple[str, ...]]]:
    """Name → model, survey, whether answers are categories, parameters."""
    product, five, three = surveys.interaction(), surveys.short(5), surveys.short(3)
    path = ("pull", "spread")
    return {
        "a product of states": (
            product, surveys.drawn(product, respondents, 1), False, ("b", "c", "shield", "spread")
        ),
        "two factors, five categories": (five, surveys.drawn(five, respondents, 1), True, path),
        "two factors, three categories": (
            three, surveys.drawn(three, 3 * respondents, 1), True, path
        ),
    }  # fmt: skip


def effective(draws: F64, method: str) -> float:
    """Effective sample of draws (chain, draw)."""
    tail = {"prob": (0.05, 0.95)} if method == "tail" else {}
    return float(array_stats.ess(draws, chain_axis=0, draw_axis=1, method=method, **tail))


def sampled(
    model: pc.Model, data: pd.DataFrame, latents: Any, *, ordinal: bool, draws: int
) -> tuple[dict[str, F64], float]:
    """Draws of every parameter, and seconds of processor time of the whole fit."""
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)  # what misses a gate is in the figures
        fit = pc.estimate(
            model, data, ordinal=ordinal, latents=latents, draws=draws, tune=draws // 2, chains=2,
            seed=1, progress=False,
        )  # fmt: skip
    spent = time.process_time() - begin
    return {
        str(n): v.values for n, v in fit.posterior.items() if n in model.parameters.index
    }, spent


def compare(respondents: int, draws: dict[str, int]) -> dict[str, Any]:
    """Both routes for every case, as an entry of ``build/bench.json``."""
    figures: dict[str, Any] = {
        "unit": "smallest effective sample per core-second", "respondents": respondents,
    }  # fmt: skip
    peers, ratios = {}, {}
    for name, (model, data, ordinal, parameters) in cases(respondents).items():
        rate, found = {}, {}
        for latents, count in draws.items():
            values, spent = sampled(model, data, latents, ordinal=ordinal, draws=count)
            found[latents] = {n: values[n] for n in parameters}
            least = min(effective(v, m) for v in found[latents].values() for m in ("bulk", "tail"))
            rate[latents] = least / spent
            figures[f"{latents}, {name}, effective of {2 * count} draws"] = least
            figures[f"{latents}, {name}, core-seconds"] = spent
        for parameter in parameters:
            a, b = (found[latents][parameter] for latents in draws)
            error = np.hypot(*(v.std() / np.sqrt(effective(v, "bulk")) for v in (a, b)))
            if abs(a.mean() - b.mean()) > LARGEST_DISTANCE * error:
                raise SystemExit(f"{name}: {parameter} is {a.mean():.4f} and {b.mean():.4f}")
        figures[f"quadrature, {name}"] = rate["quadrature"]
        peers[f"explicit, {name}"] = rate["explicit"]
        ratios[name] = rate["quadrature"] / rate["explicit"]
    return {"ratio": min(ratios.values()), "peers": peers, "figures": figures | ratios}


def missed(entry: dict[str, Any]) -> list[str]:
    """Ratios below their limits."""
    return [
        f"{name}: {entry['figures'][name]:.1f}, at least {limit:g}"
        for name, limit in LIMITS.items()
        if entry["figures"][name] < limit
    ]


def quadrature(*, quick: bool) -> dict[str, Any]:
    """The comparison; explicit latent variables need more draws to say anything."""
    if quick:
        return compare(300, {"quadrature": 300, "explicit": 1000})
    return compare(500, {"quadrature": 1000, "explicit": 4000})


def main(arguments: list[str]) -> int:
    """Run, write the file, say what was found; fail below a limit."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.quadrature")
    parser.add_argument("--quick", action="store_true", help="fewer respondents and draws")
    entry = quadrature(quick=parser.parse_args(arguments).quick)
    entry["figures"] |= {"processor": processor(), "build": _core.build_config()}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(entry, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, value in {**entry["peers"], **entry["figures"]}.items():
        sys.stdout.write(f"{name}: {value:.4g}\n" if isinstance(value, float) else "")
    below = missed(entry)
    sys.stdout.writelines(f"below its limit: {line}\n" for line in below)
    return int(bool(below))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
