"""Running the sampler: nutpie on the written-out density where it is installed, else PyMC's own.

nutpie needs no compilation here, so a first fit starts at once.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import timeit
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pycore._core import keep_thread_state
from pycore.estimation.density import Density
from pycore.estimation.graph import pymc_model

__all__ = ["Draws", "Points", "Progress", "nuts", "quiet_compiler", "run"]

_Density = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]
Progress = bool | Callable[[int, int], None] | None

_FEWEST_PARTIAL = 50
# Seconds of a density above which threads gain more than the interpreter's lock costs them.
_WORTH_A_THREAD = 10e-6


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
    density: _Density,
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
        size, partial(_in_its_thread, density), lambda *_seeds: partial(_point, kept or size),
        [np.dtype(np.float64)], [(kept or size,)], ["point"], make_initial_point_fn=initial,
    )  # fmt: skip
    watch = progress if callable(progress) else None
    total = chains * (draws + tune)
    start = initial(seed)
    one = min(timeit.repeat(lambda: density(start), number=1, repeat=5))
    cores = min(chains, os.cpu_count() or 1) if one > _WORTH_A_THREAD else 1
    handle = nutpie.sample(
        compiled, draws=draws, tune=tune, chains=chains, cores=cores, seed=seed,
        save_warmup=False, blocking=False, progress_bar=_bar(progress),
        target_accept=target_accept,
        progress_callback=None if watch is None else (
            lambda states: watch(sum(s.finished_draws for s in states), total)),
    )  # fmt: skip
    interrupted = False
    try:
        result = handle.wait()
    except KeyboardInterrupt:
        try:
            result, interrupted = handle.abort(), True
        except ValueError:  # already taken, and being put together
            raise KeyboardInterrupt from None
    except BaseException:
        handle.cancel()
        raise
    posterior, stats = result["posterior"], result["sample_stats"]
    steps = np.asarray(stats["n_steps"].values)
    kept_chains, kept_draws = _most(steps) if interrupted else (np.arange(chains), draws)
    if interrupted and kept_draws < _FEWEST_PARTIAL:
        raise KeyboardInterrupt
    values, diverging, steps = (
        array[kept_chains, :kept_draws]
        for array in (np.asarray(posterior["point"].values), stats["diverging"].values, steps)
    )
    return Points(
        values=values, diverging=diverging.astype(bool), steps=steps.astype(np.int64),
        partial=interrupted, sampler=f"nutpie {nutpie.__version__}",
    )  # fmt: skip


def _in_its_thread(density: _Density) -> _Density:
    """Called by the sampler in the thread that will evaluate the density."""
    keep_thread_state()
    return density


def _point(kept: int, z: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return {"point": z[:kept]}


def _most(steps: NDArray[Any]) -> tuple[NDArray[np.intp], int]:
    """Which chains to keep of an interrupted run, and how many draws of each: the most in all.

    Chains take turns where there are fewer processors, so that some may not have begun.
    """
    if steps.ndim != 2 or steps.size == 0:
        return np.arange(0), 0
    finished = np.isfinite(steps.astype(np.float64)) & (steps.astype(np.float64) > 0)
    lengths = np.where(finished.all(axis=1), steps.shape[1], finished.argmin(axis=1))
    longest = np.argsort(-lengths, kind="stable")
    usable = np.where(lengths >= _FEWEST_PARTIAL, lengths, 0)[longest]
    count = int(np.argmax(usable * np.arange(1, len(usable) + 1))) + 1
    return np.sort(longest[:count]), int(usable[count - 1])


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
