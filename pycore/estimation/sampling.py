"""Running the sampler: nutpie on the written-out density where it is installed, else PyMC's own.

nutpie needs no compilation here, so a first fit starts at once.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pycore.estimation.density import Density
from pycore.estimation.graph import pymc_model

__all__ = ["Draws", "Points", "Progress", "nuts", "quiet_compiler", "run"]

Progress = bool | Callable[[int, int], None] | None

_FEWEST_PARTIAL = 50


@dataclass(frozen=True, eq=False)
class Draws:
    """What a sampler gave.

    Attributes
    ----------
    values : dict
        Name of a random variable → array (chain, draw, …).
    diverging : ndarray of bool, shape (chain, draw)
        Divergent transitions.
    steps : ndarray, shape (chain, draw)
        Gradient evaluations per draw.
    partial : bool
        Whether the run was interrupted.
    sampler : str
        Name and version.
    troubles : tuple of str
        What went wrong.
    """

    values: dict[str, NDArray[np.float64]]
    diverging: NDArray[np.bool_]
    steps: NDArray[np.int64]
    partial: bool
    sampler: str
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Points:
    """What :func:`nuts` gave: points of shape (chain, draw, size), the rest as in :class:`Draws`."""

    values: NDArray[np.float64]
    diverging: NDArray[np.bool_]
    steps: NDArray[np.int64]
    partial: bool
    sampler: str


def run(
    density: Density, *, draws: int, tune: int, chains: int, seed: int, progress: Progress
) -> Draws:
    """Sample the posterior.

    Raises
    ------
    KeyboardInterrupt
        If interrupted before there are draws worth keeping.
    """
    # The matrices are small and the chains are the threads: BLAS threads would cost twenty times
    # the arithmetic, and the last bits of a sum would depend on their number.
    with threadpool_limits(1, "blas"):
        if importlib.util.find_spec("nutpie") is not None:
            return _nutpie(density, draws, tune, chains, seed, progress)
        with quiet_compiler():
            return _pymc(density, draws, tune, chains, seed, progress)


def _nutpie(
    density: Density, draws: int, tune: int, chains: int, seed: int, progress: Progress
) -> Draws:
    points = nuts(
        density, density.initial, density.size, kept=density.kept, draws=draws, tune=tune,
        chains=chains, seed=seed, progress=progress,
    )  # fmt: skip
    return Draws(
        values=density.expand(points.values), diverging=points.diverging, steps=points.steps,
        partial=points.partial, sampler=points.sampler,
    )  # fmt: skip


def nuts(
    density: Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]],
    initial: Callable[[int], NDArray[np.float64]],
    size: int,
    *,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    progress: Progress,
    target_accept: float = 0.8,
    kept: int | None = None,
) -> Points:
    """Sample a density that gives its own gradient, by nutpie.

    Parameters
    ----------
    density : callable
        Point (size,) → log density and gradient.
    initial : callable
        Seed → a start.
    size : int
        Dimension.
    draws, tune, chains, seed, progress
        As for :func:`pycore.estimate`.
    target_accept : float
        Larger makes smaller steps, which pooled deviations need.
    kept : int, optional
        How many coordinates of a point are kept, from the first; all by default.

    Raises
    ------
    KeyboardInterrupt
        If interrupted before there are draws worth keeping.
    """
    import nutpie

    # One variable, taken apart afterwards: each name would cost a call of Python per draw.
    compiled = nutpie.compiled_pyfunc.from_pyfunc(
        size, lambda: density, lambda *_seeds: partial(_point, kept or size),
        [np.dtype(np.float64)], [(kept or size,)], ["point"], make_initial_point_fn=initial,
    )  # fmt: skip
    watch = progress if callable(progress) else None
    total = chains * (draws + tune)
    handle = nutpie.sample(
        compiled, draws=draws, tune=tune, chains=chains, cores=min(chains, os.cpu_count() or 1),
        seed=seed, save_warmup=False, blocking=False, progress_bar=_bar(progress),
        target_accept=target_accept,
        progress_callback=None if watch is None else (
            lambda states: watch(sum(s.finished_draws for s in states), total)),
    )  # fmt: skip
    interrupted = False
    try:
        result = handle.wait()
    except KeyboardInterrupt:
        result, interrupted = handle.abort(), True
    except BaseException:
        handle.cancel()
        raise
    posterior, stats = result["posterior"], result["sample_stats"]
    done = _whole(stats["n_steps"].values) if interrupted else draws
    if interrupted and done < _FEWEST_PARTIAL:
        raise KeyboardInterrupt
    return Points(
        values=np.asarray(posterior["point"].values)[:, :done],
        diverging=np.asarray(stats["diverging"].values)[:, :done].astype(bool),
        steps=np.asarray(stats["n_steps"].values)[:, :done].astype(np.int64),
        partial=interrupted, sampler=f"nutpie {nutpie.__version__}",
    )  # fmt: skip


def _point(kept: int, z: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return {"point": z[:kept]}


def _whole(steps: NDArray[Any]) -> int:
    """Draws that every chain finished."""
    if steps.ndim != 2 or steps.shape[1] == 0:
        return 0
    done = np.isfinite(steps.astype(np.float64)) & (steps.astype(np.float64) > 0)
    return int(np.min(np.where(done.all(axis=1), steps.shape[1], done.argmin(axis=1))))


def _pymc(
    density: Density, draws: int, tune: int, chains: int, seed: int, progress: Progress
) -> Draws:
    import pymc as pm

    with pymc_model(density.plan, density.sample):
        result = pm.sample(
            draws=draws, tune=tune, chains=chains, cores=min(chains, os.cpu_count() or 1),
            random_seed=seed, progressbar=_bar(progress), compute_convergence_checks=False,
        )  # fmt: skip
    posterior, stats = result["posterior"], result["sample_stats"]
    kept = posterior.sizes["draw"]
    if kept < min(draws, _FEWEST_PARTIAL):
        raise KeyboardInterrupt
    return Draws(
        values={n: np.asarray(v.values) for n, v in posterior.data_vars.items()},
        diverging=np.asarray(stats["diverging"].values).astype(bool),
        steps=np.asarray(stats["n_steps"].values).astype(np.int64),
        partial=kept < draws, sampler=f"PyMC {pm.__version__}",
    )  # fmt: skip


def _bar(progress: Progress) -> bool:
    if progress is None:
        return sys.stderr.isatty()
    return progress if isinstance(progress, bool) else False


@contextmanager
def quiet_compiler() -> Iterator[None]:
    """Compile through numba alone: no C compiler is asked for, and none is complained about."""
    from pytensor.configdefaults import config

    with warnings.catch_warnings(), config.change_flags(mode="NUMBA", cxx=""):
        warnings.filterwarnings("ignore", module=r"(numba|pytensor|pymc|nutpie|arviz).*")
        yield
