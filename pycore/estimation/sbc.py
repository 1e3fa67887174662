"""Simulation-based calibration: whether posteriors are right when the truth is a draw from the prior.

The simulated population answers, the estimate goes through the long-run form; so ranks that are
uniform speak for both, and for the bridge between them.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from pycore.errors import refuse
from pycore.estimation.errors import EstimateWarning
from pycore.estimation.estimate import estimate
from pycore.estimation.priors import choose, sampled
from pycore.estimation.uniformity import band, p_value
from pycore.model.distributions import Distribution
from pycore.model.elements import Parameter
from pycore.model.model import Model
from pycore.model.structural import structural
from pycore.simulation.answers import answers

__all__ = ["calibration_check"]

_FEWEST = 10


def calibration_check(
    model: Model,
    *,
    replicates: int = 100,
    respondents: int = 300,
    seed: int,
    priors: Mapping[str, Any] | None = None,
    draws: int = 200,
    tune: int = 300,
    chains: int = 2,
    thinned: int = 99,
    burn_in: int = 52,
    recall: int | None = None,
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
    priors : mapping, optional
        As in :func:`pycore.estimate`: parameter → distribution, or → number at which both the
        population and the estimate hold it.
    draws, tune, chains : int
        Of each fit.
    thinned : int
        Posterior draws, evenly spaced, that the truth is ranked among: far enough apart to be
        independent.
    burn_in, recall : int
        As in :func:`pycore.answers`.
    progress : bool, optional
        Show a bar; by default on a terminal.

    Returns
    -------
    xarray.Dataset
        Over replicate and parameter: ``rank`` (0 to ``thinned``), ``truth``, posterior ``mean`` and
        ``sd``.  Over parameter: ``p_value`` of uniformity and ``coverage`` of the central 90%
        interval.  Over parameter and point: ``ecdf`` of the ranks, with ``low`` and ``high`` of the
        band that holds 95% of whole curves.  Over replicate: ``rhat`` and ``divergences`` of the
        fits.

    Raises
    ------
    InputError
        For options that cannot be used, or a model without parameters that answers speak to.
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
    drawn, held = _drawn(model, priors)
    for name, value, least in (
        ("replicates", replicates, 1), ("draws", draws, 10), ("chains", chains, 1),
        ("thinned", thinned, 9),
    ):  # fmt: skip
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise refuse(name, value, f"a whole number of at least {least}")
    if thinned > draws * chains:
        raise refuse("thinned", thinned, f"at most the {draws * chains} draws of a fit")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise refuse("seed", seed, "a whole number from 0 to 2**31 - 1")
    if progress not in (None, True, False):
        raise refuse("progress", progress, "True, False or None")
    from tqdm import tqdm  # text, which needs no widgets

    chosen = np.linspace(0, draws * chains - 1, thinned).round().astype(int)
    rows: list[dict[str, Any]] = []
    partial = False
    shown = sys.stderr.isatty() if progress is None else progress
    try:
        for k in tqdm(range(replicates), disable=not shown, desc="calibration check"):
            rng = np.random.default_rng([seed, k])
            truth = {n: float(sampled(p, rng, ())) for n, p in drawn.items()}
            data = answers(
                model, respondents=respondents, seed=int(rng.integers(2**31)), burn_in=burn_in,
                recall=recall, scenario=truth | held,
            )  # fmt: skip
            with warnings.catch_warnings():
                # The draws a rank needs are fewer than the gates ask for; R-hat is kept instead.
                warnings.simplefilter("ignore", EstimateWarning)
                fit = estimate(
                    model, data, priors=priors, draws=draws, tune=tune, chains=chains,
                    seed=int(rng.integers(2**31)), progress=False,
                )  # fmt: skip
            rows.append(_ranked(fit, truth, chosen))
    except KeyboardInterrupt:
        if len(rows) < _FEWEST:
            raise
        partial = True
    found = _collected(rows, list(drawn), thinned)
    found.attrs = {
        "model": model.name, "seed": seed, "respondents": respondents, "thinned": thinned,
        "partial": int(partial),
    }  # fmt: skip
    return found


def _drawn(
    model: Any, priors: Mapping[str, Any] | None
) -> tuple[dict[str, Distribution], dict[str, float]]:
    """Parameters with the priors they are drawn from, and those that are held."""
    if not isinstance(model, Model):
        raise refuse("model", model, "a pc.Model")
    if not model.items:
        raise refuse("model", model.name, "a model with survey items")
    used = structural(model).parameters
    names = tuple(n for n in model.of_kind(Parameter) if n in used)
    chosen, held, _ = choose(model, names, priors)
    drawn = {name: prior for name, prior in chosen.items() if prior is not None}
    for name in chosen:
        if name not in drawn:
            raise refuse(f"priors[{name!r}]", None, "a distribution, or a number to hold it at")
    if not drawn:
        raise refuse("priors", priors, "at least one parameter that is not held")
    return drawn, held


def _ranked(fit: xr.DataTree, truth: Mapping[str, float], chosen: Any) -> dict[str, Any]:
    posterior = fit["posterior"]
    row: dict[str, Any] = {"rhat": fit.attrs["rhat"], "divergences": fit.attrs["divergences"]}
    for name, value in truth.items():
        # Draws of a chain stand side by side, so that thinning sets them apart.
        values = posterior[name].transpose("chain", "draw").values.reshape(-1)
        row[name] = (int((values[chosen] < value).sum()), value, values.mean(), values.std(ddof=1))
    return row


def _collected(rows: list[dict[str, Any]], names: list[str], thinned: int) -> xr.Dataset:
    table = np.array([[row[n] for n in names] for row in rows])
    ranks = table[..., 0].astype(int)
    points, low, high = band(len(rows), thinned)
    below = (ranks[:, :, None] < np.arange(1, thinned + 1)).mean(axis=0)
    outer = round(0.05 * (thinned + 1))
    inside = (ranks >= outer) & (ranks <= thinned - outer)
    by, each = ("replicate", "parameter"), ("parameter", "point")
    return xr.Dataset(
        {
            "rank": (by, ranks), "truth": (by, table[..., 1]), "mean": (by, table[..., 2]),
            "sd": (by, table[..., 3]),
            "p_value": ("parameter", [p_value(ranks[:, j], thinned) for j in range(len(names))]),
            "coverage": ("parameter", inside.mean(axis=0)), "ecdf": (each, below),
            "low": ("point", low), "high": ("point", high),
            "rhat": ("replicate", [row["rhat"] for row in rows]),
            "divergences": ("replicate", [row["divergences"] for row in rows]),
        },
        coords={"replicate": np.arange(len(rows)), "parameter": names, "point": points},
    )  # fmt: skip
