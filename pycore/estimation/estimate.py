"""Estimation of a model's long-run form from a survey or from published tables."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

import xarray as xr

from pycore.errors import InputError, refuse, require_name
from pycore.estimation.density import Density
from pycore.estimation.errors import EstimateWarning
from pycore.estimation.fit_measures import Gates, fit_measures, gates
from pycore.estimation.fit_tree import constant_data, tree_of_draws, tree_of_estimates
from pycore.estimation.graph import pymc_model
from pycore.estimation.identification import improper, told_apart_by_priors, unidentified
from pycore.estimation.laplace import approximate
from pycore.estimation.likelihood_measures import likelihood_measures
from pycore.estimation.maximum_likelihood import LikelihoodFit, maximise
from pycore.estimation.posterior import environment, named_results
from pycore.estimation.priors import held_numbers
from pycore.estimation.quantities import implied, systems
from pycore.estimation.respondents import (
    full_fit,
    integrable,
    limited_fit,
    limited_likelihood_fit,
)
from pycore.estimation.sample import Sample, read
from pycore.estimation.sampling import Progress, quiet_compiler, run
from pycore.estimation.specification import make_plan
from pycore.estimation.survey import read_survey
from pycore.model.model import Model
from pycore.model.products import separate_products

if TYPE_CHECKING:
    import pandas as pd

    from pycore.estimation.summary_data import SummaryData

__all__ = ["Latents", "Method", "estimate", "to_pymc"]

Method = Literal["nuts", "laplace", "ml"]
Latents = Literal["integrated", "quadrature", "explicit"]
_FEW_POINTS = 5
_MOST_FULL = 3000  # respondents


def estimate(
    model: Model,
    data: pd.DataFrame | SummaryData | Mapping[Any, SummaryData],
    *,
    group: str | None = None,
    equal: Iterable[str] = (),
    ordinal: bool | Iterable[str] = False,
    latents: Latents | None = None,
    missing: Literal["fiml", "listwise"] = "fiml",
    priors: Mapping[str, Any] | Literal["blavaan"] | None = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    seed: int | None = None,
    method: Method = "nuts",
    progress: Progress = None,
) -> xr.DataTree:
    """Fit the long-run structural form of a model.

    Parameters
    ----------
    model : Model
        With survey items.
    data : pandas.DataFrame, SummaryData, or mapping of group label to SummaryData
        Respondents in rows and items in columns, with the answer categories that the model gives
        the items; or sufficient statistics.
    group : str, optional
        Column that separates groups.  If it is a constant trait of the model, or ``segment``, the
        model says how groups differ and they share every parameter; else each has its own, but for
        what is ``equal`` or labelled in lavaan's syntax.  A table whose segments differ in constant
        traits is grouped by segment without being told.
    equal : iterable of str
        What such groups share: ``"loadings"``, ``"intercepts"``, ``"means"``, ``"residuals"``,
        ``"residual.covariances"``, ``"lv.variances"``, ``"lv.covariances"``, ``"regressions"``.
        With equal intercepts, means of the states are free in all groups but the first.
    ordinal : bool or iterable of str
        Items whose answers count as ordered categories and not as numbers; True for all.  An item
        without points then has the categories that its column holds.
    latents : {"integrated", "quadrature", "explicit"}, optional
        Whether latent variables are integrated out, exactly or numerically, or drawn for every
        respondent.  ``"quadrature"`` and ``"explicit"`` take ordinal items (ordered probit), the
        model's outcomes and products of states as they are, and cost time for every respondent.
        Quadrature is there for products that share a factor, with continuous items, and for any
        model with no more than two disturbances; its nodes are chosen so that twice as many give
        the same log likelihood, and a fit for which that fails says so.  Explicit latent variables
        take the other models; they are sampled only, and their loadings mix slowly: more ``draws``
        than the default may be needed until the gates are met.  With ``"integrated"``, ordinal items
        enter through their polychoric correlations (*limited information*: lavaan's WLSMV with
        ``method="ml"``, else the posterior of that pseudo-likelihood), whose cost does not grow with
        the respondents, and products are linearised.  By default, with a table of respondents and
        unless ``method="ml"``: quadrature where the model has products and there is one; quadrature,
        else explicit, where the data hold outcomes of the model, and for ordinal items of up to 3000
        respondents with ``method="nuts"``.
    missing : {"fiml", "listwise"}
        Whether a respondent with gaps counts with what was answered, or not at all, as always with
        limited information.
    priors : mapping, optional
        Parameter → distribution in place of the model's, or → number that holds it fixed.
        ``"blavaan"``: that package's defaults, for comparisons.
    draws, tune, chains : int
        Kept and discarded draws per chain, and chains.
    seed : int
        Same seed, same draws; needed unless ``method="ml"``.
    method : {"nuts", "laplace", "ml"}
        Markov chains; a normal approximation of the posterior at its mode, labelled as such; or
        maximum likelihood, without priors.
    progress : bool or callable, optional
        Show a bar (by default on a terminal), or call with (draws done, draws in all).

    Returns
    -------
    xarray.DataTree
        ``posterior``, ``sample_stats``, ``fit_measures`` and ``constant_data``; see
        :mod:`pycore.estimation.quantities` for the names.  With ``method="ml"``, ``estimates`` in
        place of the posterior: the same names with a leading dimension ``statistic`` of ``est``,
        ``se``, ``z`` and ``p``.  Parameters of the model that do not appear in its long-run form
        stay at their declared values; ``constant_data`` holds them.
        Ordinal items add ``threshold[ordinal, cut]`` to the posterior, with limited information the
        group ``polychoric`` with ``std_threshold``, its error, and ``correlation``; the attribute
        ``information`` and the printed summary say which it was.  By quadrature, the attributes
        ``quadrature_over``, ``quadrature_nodes`` and ``quadrature_error`` say over which latent
        variables, with how many nodes, and how far the log likelihood is from that with twice as
        many.

    Raises
    ------
    InputError
        For data or options that cannot be used, before any work.
    KeyboardInterrupt
        If interrupted before a chain has 50 draws; later, the draws so far are returned, of those
        chains and as many of each as make most in all, and labelled partial.

    Warns
    -----
    EstimateWarning
        If data cannot tell parameters apart, if draws miss a gate (R-hat, effective sample,
        divergences), and if a solution is improper (correlations of states beyond .95, negative
        variances), by name.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("satisfaction")
    >>> met = m.trait("confirmation", pc.Normal(0, 1))
    >>> _ = m.survey(met, ["CONF"], points=0, error=0)
    >>> own = m.trait("own_taste", pc.Normal(0, m.parameter("spread", 0.7)))
    >>> state = m.state("satisfaction", carry=0.8, target=m.parameter("beta", 0.5) * met + own)
    >>> _ = m.survey(state, ["SAT"], points=0, error=0)
    >>> data = pc.SummaryData(corr=[[1, 0.6], [0.6, 1]], n=300, names=["CONF", "SAT"])
    >>> fit = pc.estimate(m, data, seed=1, chains=2)
    >>> fit.posterior["beta"].mean().item()
    0.60
    >>> fit = pc.estimate(m, data, method="ml")
    >>> fit.estimates["beta"].sel(statistic=["est", "se"]).values.round(3).tolist()
    [0.6, 0.046]

    Three answers in three ordered categories:

    >>> import numpy as np
    >>> import pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> z = rng.normal(size=(2000, 1)) + rng.normal(size=(2000, 3))
    >>> asked = pd.DataFrame(np.digitize(z, [-1, 1]), columns=["a", "b", "c"])
    >>> mood = pc.Model.from_lavaan("mood =~ a + b + c")
    >>> fit = pc.estimate(mood, asked, ordinal=True, method="ml")
    >>> fit.estimates["std_loading"].sel(statistic="est").values.round(2).ravel().tolist()
    [0.71, 0.73, 0.68]
    """
    names = (equal,) if isinstance(equal, str) else tuple(equal)
    _check_options(model, latents, method, draws, tune, chains, seed, progress)
    asked = _ordinal(model, ordinal)
    if latents is None and not asked and _curved(model, data, method):
        survey = read_survey(model, data, ordinal=(), group=group, missing=missing)
        latents = "quadrature" if integrable(model, survey, priors, equal=names) else None
    if asked or latents in ("explicit", "quadrature") or _holds_outcomes(model, data):
        if method == "nuts":
            _require_sampler()
        tree, found = _of_respondents(
            model, data, asked, latents, method, priors, names, group=group, missing=missing,
            draws=draws, tune=tune, chains=chains, seed=seed, progress=progress,
        )  # fmt: skip
        _warn(found)
        return tree
    sample = read(model, data, group, missing)
    if method == "ml":
        fit = maximise(make_plan(model, sample, priors, equal=names, likelihood=True), sample)
        troubles = _troubles(fit)
        _warn(troubles)
        estimates = fit.estimates()
        estimates.attrs = {"information": fit.information}
        return tree_of_estimates(
            fit.plan, sample, estimates, sampler="maximum likelihood", troubles=troubles,
            constant=constant_data(fit.plan, sample), measures=likelihood_measures(fit, sample),
        )  # fmt: skip
    assert seed is not None  # checked with the options
    plan = make_plan(model, sample, priors, equal=names)
    if method == "nuts":
        _require_sampler()
    loose = unidentified(plan)
    _warn([*told_apart_by_priors(loose), *_few_points(model, sample)])
    density = Density(plan, sample)
    if method == "laplace":
        drawn = approximate(density, draws=draws, chains=chains, seed=seed)
        checked = Gates.of_mode(drawn)
    else:
        drawn = run(density, draws=draws, tune=tune, chains=chains, seed=seed, progress=progress)
        checked = gates(drawn)
    means = [implied(s)[0].mean(axis=0) for s in systems(plan, environment(plan, drawn))]
    _warn([*checked.warnings, *improper(plan, means)])
    posterior = named_results(plan, sample, drawn, seed)
    at_mode = _at_mode(model, sample, priors, names)
    return tree_of_draws(
        plan, sample, posterior, drawn, checked, seed=seed, loose=loose,
        constant=constant_data(plan, sample),
        measures=fit_measures(plan, sample, drawn, posterior, at_mode, seed),
    )  # fmt: skip


def to_pymc(
    model: Model,
    data: pd.DataFrame | SummaryData | Mapping[Any, SummaryData],
    *,
    group: str | None = None,
    missing: Literal["fiml", "listwise"] = "fiml",
    priors: Mapping[str, Any] | Literal["blavaan"] | None = None,
) -> Any:
    """Build the PyMC model that :func:`estimate` samples, with its data.

    :func:`estimate` itself evaluates the same density without compiling it; this is for looking at
    it, extending it, or another of PyMC's samplers.

    Parameters
    ----------
    model, data, group, missing, priors
        As for :func:`estimate`.

    Returns
    -------
    pymc.Model
        Parameters with priors of their own under their own names; everything else as ``free_…``, in
        units of the items' standard deviations.

    Examples
    --------
    >>> import pycore as pc
    >>> from pycore.library.published import expectation_confirmation
    >>> study = pc.facts.zhang2017_ecm()
    >>> data = pc.SummaryData(corr=study.correlation, n=study.n, names=study.names)
    >>> made = to_pymc(expectation_confirmation(), data)
    >>> [variable.name for variable in made.free_RVs][:2]
    ['SAT_by_CONF', 'SAT_by_PU']
    """
    if not isinstance(model, Model):
        raise refuse("model", model, "a pc.Model")
    sample = read(model, data, group, missing)
    with quiet_compiler():
        return pymc_model(make_plan(model, sample, priors), sample)


def _ordinal(model: Model, ordinal: Any) -> tuple[str, ...]:
    """Items that keep their categories."""
    if isinstance(ordinal, bool):
        return tuple(model.items) if ordinal else ()
    if not isinstance(ordinal, Iterable):
        raise refuse("ordinal", ordinal, "True, False or names of items")
    chosen = {ordinal} if isinstance(ordinal, str) else set(ordinal)
    for name in chosen:
        require_name("ordinal", name, model.items)
    return tuple(name for name in model.items if name in chosen)


def _holds_outcomes(model: Model, data: Any) -> bool:
    return any(name in getattr(data, "columns", ()) for name in model.outcomes)


def _curved(model: Model, data: Any, method: str) -> bool:
    """Whether a model has products of states and all that it would take to fit them."""
    columns = getattr(data, "columns", ())
    return (
        method != "ml"
        and len(columns) > 0
        and all(name in columns for name in model.outcomes)
        and bool(separate_products(model)[1])
    )


def _of_respondents(
    model: Model,
    data: Any,
    ordinal: tuple[str, ...],
    latents: Latents | None,
    method: Method,
    priors: Any,
    equal: tuple[str, ...],
    *,
    group: str | None,
    missing: Literal["fiml", "listwise"],
    draws: int,
    tune: int,
    chains: int,
    seed: int | None,
    progress: Progress,
) -> tuple[xr.DataTree, list[str]]:
    """Choose between every answer and limited information."""
    import pandas as pd

    if not isinstance(data, pd.DataFrame):
        allowed = "a table of respondents: statistics hold no categories and no outcomes"
        raise refuse("data", type(data).__name__, allowed)
    outcomes = _holds_outcomes(model, data)
    if outcomes and latents == "integrated":
        raise refuse("latents", latents, "'quadrature' or 'explicit' with outcomes in the data")
    few = len(data) <= _MOST_FULL and method == "nuts"
    if latents != "integrated" and (latents is not None or outcomes or few):
        if method == "ml":
            raise refuse("method", method, "'nuts' or 'laplace' of every answer")
        assert seed is not None  # checked with the options
        survey = read_survey(model, data, ordinal=ordinal, group=group, missing=missing)
        return full_fit(
            model, survey, priors, latents=latents, equal=equal, method=method, draws=draws,
            tune=tune, chains=chains, seed=seed, progress=progress,
        )  # fmt: skip
    survey = read_survey(model, data, ordinal=ordinal, group=group, missing="listwise")
    if method == "ml":
        tree, troubles = limited_likelihood_fit(model, survey, priors, equal=equal)
    else:
        assert seed is not None  # checked with the options
        tree, troubles = limited_fit(
            model, survey, priors, equal=equal, method=method, draws=draws, tune=tune,
            chains=chains, seed=seed, progress=progress,
        )  # fmt: skip
    gaps = len(data) - survey.sample.respondents
    if gaps and missing == "fiml":
        troubles.append(f"{gaps} respondents with gaps are left out: limited information needs "
                        "complete answers (latents='quadrature' and 'explicit' do not)")  # fmt: skip
    return tree, troubles


def _check_options(
    model: Any, latents: Any, method: Any, draws: Any, tune: Any, chains: Any, seed: Any,
    progress: Any,
) -> None:  # fmt: skip
    if not isinstance(model, Model):
        raise refuse("model", model, "a pc.Model")
    if latents is not None and latents not in get_args(Latents):
        raise refuse("latents", latents, "'integrated', 'quadrature', 'explicit' or None")
    if method not in get_args(Method):
        raise refuse("method", method, "'nuts', 'laplace' or 'ml'")
    for name, value, least in (("draws", draws, 10), ("tune", tune, 10), ("chains", chains, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise refuse(name, value, f"a whole number of at least {least}")
    known = isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**63
    if not (known or (seed is None and method == "ml")):
        raise refuse("seed", seed, "a whole number from 0 to 2**63 - 1")
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise refuse("progress", progress, "True, False, None or a function of (done, all)")


def _require_sampler() -> None:
    if importlib.util.find_spec("pymc") is None:
        raise ImportError(
            "pycore.estimate needs PyMC; install the extra: pip install 'stay-or-leave[estimate]'"
        )


def _few_points(model: Model, sample: Sample) -> list[str]:
    few = [i for i in sample.items if 0 < model.items[i].points < _FEW_POINTS]
    if not few:
        return []
    return [f"items with fewer than {_FEW_POINTS} answer points count as numbers here, unless they "
            f"are ordinal=: {', '.join(few)}"]  # fmt: skip


def _warn(messages: Iterable[str]) -> None:
    for message in messages:
        warnings.warn(message, EstimateWarning, stacklevel=3)


def _troubles(fit: LikelihoodFit) -> list[str]:
    """What a reader must know of a maximum of the likelihood."""
    found = []
    if not fit.mode.converged:
        found.append(
            f"the likelihood has no maximum here (slope {fit.mode.slope:.2g} per respondent): "
            "these are no estimates"
        )
    if fit.covariance is None:
        loose = unidentified(fit.plan)
        found.append(
            "the information is singular: data cannot tell apart "
            + (", ".join(loose) if loose else "some parameters at this solution")
        )
    return [*found, *improper(fit.plan, fit.latents, fit)]


def _at_mode(model: Model, sample: Sample, priors: Any, equal: tuple[str, ...]) -> dict[str, float]:
    """Measures of the same model fitted without priors."""
    plan = make_plan(model, sample, held_numbers(priors), equal=equal, likelihood=True)
    try:
        fit = maximise(plan, sample)
    except InputError:
        return {}
    return likelihood_measures(fit, sample)
