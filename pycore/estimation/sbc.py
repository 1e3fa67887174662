"""Simulation-based calibration: whether posteriors are right when the truth is a draw from the prior.

The simulated population answers, the estimate goes through the long-run form; so ranks that are
uniform speak for both, and for the bridge between them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import refuse
from pycore.estimation.density import Density
from pycore.estimation.importance_draws import importance_draws
from pycore.estimation.posterior import environment
from pycore.estimation.sample import read
from pycore.estimation.sampling import run
from pycore.estimation.truths import Source, Truths, parameters
from pycore.estimation.uniformity import of_ranks
from pycore.model.model import Model
from pycore.simulation.answers import answers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["calibration_check"]

Way = Literal["nuts", "importance"]
_FEWEST = 10
_MOST_RHAT = 1.05
_MOST_RUNS = 3


def calibration_check(
    model: Model,
    *,
    replicates: int = 100,
    respondents: int = 300,
    seed: int,
    priors: Mapping[str, Any] | Literal["blavaan"] | None = None,
    truth: Source = "prior",
    method: Way = "nuts",
    draws: int = 200,
    tune: int = 300,
    chains: int = 2,
    thinned: int = 99,
    burn_in: int = 52,
    recall: int | None = None,
    segments: pd.DataFrame | list[dict[str, Any]] | None = None,
    progress: bool | None = None,
) -> xr.Dataset:
    """Hold :func:`pycore.estimate` against the simulation, over many truths from the prior.

    In each replicate parameters are drawn from their priors, a population that lives by them
    answers a questionnaire, and the answers are fitted.  If everything is right, the rank of the
    truth among the posterior draws is uniform (Talts et al. 2018, arXiv:1804.06788).

    Right is what the generator and the estimate share.  Loadings and errors of the items are those
    that the model declares, not draws from a prior, and are estimated with a prior on the scale of
    the data: with observed scores (``error=0, points=0``) nothing is estimated there and ranks are
    exactly uniform; with several items per state, only as far as the answers outweigh that prior.
    Answer categories, carried-over chance over a short ``recall`` and linearised terms make a
    difference of their own: this function shows how large.

    Parameters
    ----------
    model : Model
        With survey items.
    replicates, respondents : int
        How many truths; how many answer each time.
    seed : int
        Same seed, same ranks.
    priors : mapping or "blavaan", optional
        As in :func:`pycore.estimate`: parameter → distribution, or → number at which both the
        population and the estimate hold it.  Default priors of parameters without one, as in
        lavaan's syntax, are in units of the model here, not of the data: the truth is drawn first.
    truth : {"prior", "declared"}
        Where the truth comes from.  ``"declared"`` is the model's own values in every replicate:
        recovery at one truth, where ranks need not be uniform but intervals should hold it.
    method : {"nuts", "importance"}
        Where posterior draws come from: the Markov chains of :func:`pycore.estimate`, or importance
        sampling with a heavy-tailed proposal at the mode, which is many times faster and just as
        exact, but says nothing of the chains.  A fit whose weights are too uneven (Pareto's k above
        0.7, or fewer effective draws than twice ``thinned``) is run by the chains after all.
    draws, tune, chains : int
        Of each fit.  One whose chains disagree (R-hat above 1.05), or whose worst parameter has
        fewer effective draws than ``thinned``, is run again with twice as many, at most twice.
    thinned : int
        Posterior draws, evenly spaced, that the truth is ranked among: far enough apart to be
        independent.
    burn_in, recall, segments
        As in :func:`pycore.answers`.
    progress : bool, optional
        Show a bar; by default on a terminal.

    Returns
    -------
    xarray.Dataset
        Over replicate and parameter: ``rank`` (0 to ``thinned``), ``truth``, posterior ``mean`` and
        ``sd``.  Over parameter: ``p_value`` of uniformity.  Over parameter and ``interval``:
        ``coverage`` of the central 50, 80 and 90% intervals.  Over parameter and point: ``ecdf`` of
        the ranks, with ``low`` and ``high`` of the band that holds 95% of whole curves.  Over
        replicate: ``rhat`` (NaN of weighted draws, which have no chains) and ``ess``, the worst of
        the parameters, and ``divergences``.

    Raises
    ------
    InputError
        For options that cannot be used, a model without parameters that answers speak to, or one
        whose traits covary: a simulation draws them independently.
    KeyboardInterrupt
        If interrupted in the first ten replicates; later, those done are returned, labelled
        partial.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("taste")
    >>> met = m.trait("met", pc.Normal(0, 1))
    >>> _ = m.survey(met, ["MET"], points=0, error=0)
    >>> own = m.trait("own", pc.Normal(0, 1))
    >>> liked = m.state("liked", carry=0, target=m.parameter("b", 0, pc.Normal(0, 0.5)) * met + own)
    >>> _ = m.survey(liked, ["LIKED"], points=0, error=0)
    >>> check = pc.calibration_check(m, replicates=5, seed=1, burn_in=1, recall=1)
    >>> check["rank"].shape, check["parameter"].values.tolist()
    ((5, 1), ['b'])
    """
    if not isinstance(model, Model):
        raise refuse("model", model, "a pc.Model")
    if not model.items:
        raise refuse("model", model.name, "a model with survey items")
    for name, value, least in (
        ("replicates", replicates, 1), ("draws", draws, 10), ("tune", tune, 10),
        ("chains", chains, 1), ("thinned", thinned, 9),
    ):  # fmt: skip
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise refuse(name, value, f"a whole number of at least {least}")
    if thinned > draws * chains:
        raise refuse("thinned", thinned, f"at most the {draws * chains} draws of a fit")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise refuse("seed", seed, "a whole number from 0 to 2**31 - 1")
    if truth not in get_args(Source):
        raise refuse("truth", truth, "'prior' or 'declared'")
    if method not in get_args(Way):
        raise refuse("method", method, "'nuts' or 'importance'")
    if progress not in (None, True, False):
        raise refuse("progress", progress, "True, False or None")
    from tqdm import tqdm  # text, which needs no widgets

    truths = Truths(model, priors, truth)
    rows: list[dict[str, Any]] = []
    partial = False
    shown = sys.stderr.isatty() if progress is None else progress
    try:
        for k in tqdm(range(replicates), disable=not shown, desc="calibration check"):
            rng = np.random.default_rng([seed, k])
            values = truths.one(rng)
            data = answers(
                model, respondents=respondents, seed=int(rng.integers(2**31)), burn_in=burn_in,
                recall=recall, segments=segments, scenario=values | truths.held,
            )  # fmt: skip
            fit = _fitted(
                model, truths, data, method=method, draws=draws, tune=tune, chains=chains,
                thinned=thinned, seed=int(rng.integers(2**31)),
            )  # fmt: skip
            rows.append(fit.ranks(values, thinned))
    except KeyboardInterrupt:
        if len(rows) < _FEWEST:
            raise
        partial = True
    found = _collected(rows, truths.names, thinned)
    found.attrs = {
        "model": model.name, "seed": seed, "respondents": respondents, "thinned": thinned,
        "truth": truth, "method": method, "partial": int(partial),
    }  # fmt: skip
    return found


@dataclass(frozen=True, eq=False)
class _Fit:
    """Draws of the parameters (chain, draw), and whether they can be ranked among."""

    parameters: dict[str, NDArray[np.float64]]
    divergences: int
    rhat: float
    ess: float

    def ranks(self, truth: Mapping[str, float], thinned: int) -> dict[str, Any]:
        """Rank, truth, mean and deviation of each parameter."""
        row: dict[str, Any] = {n: getattr(self, n) for n in ("rhat", "ess", "divergences")}
        for name, values in self.parameters.items():
            flat = values.reshape(-1)  # a chain's draws stand side by side: thinning parts them
            chosen = np.linspace(0, flat.size - 1, thinned).round().astype(int)
            rank = int((flat[chosen] < truth[name]).sum())
            row[name] = (rank, truth[name], flat.mean(), flat.std(ddof=1))
        return row


def _fitted(
    model: Model, truths: Truths, data: pd.DataFrame, *, method: Way, draws: int, tune: int,
    chains: int, thinned: int, seed: int,
) -> _Fit:  # fmt: skip
    """The draws that :func:`pycore.estimate` would give, without its reports."""
    sample = read(model, data)
    plan = truths.plan(sample)
    density = Density(plan, sample)
    if method == "importance":
        found = importance_draws(density, draws=draws * chains, least=2 * thinned, seed=seed)
        if found is not None:
            points = parameters(plan, density.environment(found[0]))
            return _Fit({n: points[n] for n in truths.names}, 0, np.nan, found[1])
    for _ in range(_MOST_RUNS):
        drawn = run(density, draws=draws, tune=tune, chains=chains, seed=seed, progress=False)
        if drawn.partial:
            raise KeyboardInterrupt
        points = parameters(plan, environment(plan, drawn))
        named = {n: points[n].reshape(chains, draws) for n in truths.names}
        fit = _Fit(named, int(drawn.diverging.sum()), *_mixed(named))
        if fit.rhat < _MOST_RHAT and fit.ess >= thinned:
            break
        draws, tune = 2 * draws, 2 * tune  # a rule that does not look at the truth
    return fit


def _mixed(draws: Mapping[str, NDArray[np.float64]]) -> tuple[float, float]:
    """Worst R-hat and effective sample of the parameters."""
    from arviz_stats.base import array_stats

    rhat = max(float(array_stats.rhat(v, chain_axis=0, draw_axis=1)) for v in draws.values())
    return rhat, min(float(array_stats.ess(v, chain_axis=0, draw_axis=1)) for v in draws.values())


def _collected(rows: list[dict[str, Any]], names: tuple[str, ...], thinned: int) -> xr.Dataset:
    table = np.array([[row[n] for n in names] for row in rows])
    by = ("replicate", "parameter")
    return of_ranks(table[..., 0].astype(int), names, thinned).assign(
        {n: (by, table[..., k]) for k, n in ((1, "truth"), (2, "mean"), (3, "sd"))}
        | {n: ("replicate", [row[n] for row in rows]) for n in ("rhat", "ess", "divergences")}
    )
