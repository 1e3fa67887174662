"""The stage model: consumers who move through stages that nobody sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import refuse, require_name
from pycore.estimation.sampling import Progress
from pycore.histories.fitting import Method, check_options, fit
from pycore.histories.panel import (
    Panel,
    category_levels,
    covariate_units,
    read_panel,
    require_columns,
)
from pycore.histories.parameters import Parameters, check_priors
from pycore.histories.result import as_tree
from pycore.histories.stage_design import Design, Family, Order, read_graph, read_outcomes
from pycore.model.distributions import Gamma, HalfNormal, Normal
from pycore.model.model import Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["stages"]

Array = NDArray[np.float64]
_STARTS = 5  # of the search for a maximum, which may have several
_RESERVED = {
    "start", "intercept", "intercept_mean", "intercept_sd", "deviation", "slope", "transition",
    "probability", "share",
}  # fmt: skip


def stages(
    data: pd.DataFrame,
    graph: Model | Mapping[str, Sequence[str]],
    *,
    outcomes: Mapping[str, Family],
    order: Mapping[str, Order] | None = None,
    covariates: Sequence[str] = (),
    platform: str | None = None,
    known: str | None = None,
    silent: Iterable[str] | None = None,
    start: Literal["first", "free"] = "first",
    consumer: str = "consumer",
    period: str = "period",
    method: Method = "nuts",
    priors: Mapping[str, Any] | None = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = None,
) -> xr.DataTree:
    """Fit the stages that consumers go through, from what they were seen to do.

    A hidden Markov model (Netzer, Lattin and Srinivasan 2008, doi:10.1287/mksc.1070.0294): what is
    seen in a period depends on the stage in it; the move to the next period's stage is a
    multinomial logit in this period's covariates, with staying as reference.  The stages are
    summed over exactly, by the forward algorithm.

    Parameters
    ----------
    data : pandas.DataFrame
        One row per consumer and period.  Histories may differ in length; a missing outcome, or a
        period left out between two others, says nothing.
    graph : Model or mapping
        Which stage leads where: a model with a stage word, or stage → the stages it leads to.  The
        first stage is where a life begins.
    outcomes : mapping
        Column → "bernoulli" (0 or 1), "poisson" (a count) or "categorical"; given the stage they
        are independent.
    order : mapping, optional
        Outcome → "falling", "rising" or "free": how its level goes along the stages in their
        order.  This is what gives stages their names; by default the first outcome falls.
    covariates : sequence of str
        Columns that move consumers.
    platform : str, optional
        Column; each platform then has its own intercepts, drawn from a common distribution whose
        mean and spread are estimated (partial pooling).
    known : str, optional
        Column with the stage where it was seen (a cancelled contract), missing elsewhere.
    silent : iterable of str, optional
        Stages in which nothing ever happens: counts and indicators are 0, a categorical outcome its
        first category.  By default those that lead nowhere.
    start : {"first", "free"}
        Whether every history begins in the first stage, or may begin in any.
    consumer, period : str
        Columns.
    method : {"nuts", "ml"}
        Draws from the posterior, or the maximum of the likelihood (best of 5 searches; without
        pooling, so not with several platforms).
    priors : mapping, optional
        In place of the defaults: ``intercept`` ~ Normal(−2, 1.5) (logit of a move at the average
        covariates), ``slope`` ~ Normal(0, 0.7) (by one standard deviation of the covariate),
        ``intercept_sd`` ~ HalfNormal(0.7), ``start`` ~ Normal(0, 1.5), and for each outcome its
        level ``name`` ~ Normal(·, 1.5) and, if ordered, the steps between stages ``name_step`` ~
        Gamma(2, 1.5).
    draws, tune, chains : int
        Kept and discarded draws per chain, and chains.
    seed : int
        Same seed, same draws.
    threads : int
        Of one evaluation; the result does not depend on them.  Chains run side by side already.
    progress : bool or callable, optional
        Show a bar (by default on a terminal), or call with (draws done, draws in all).

    Returns
    -------
    xarray.DataTree
        ``posterior`` (or ``estimates`` with ``statistic`` est, se): ``intercept[platform, move]``,
        ``slope[move, covariate]`` by one unit, ``transition[platform, stage, goal]`` at average
        covariates, each outcome under its own name by stage (chance, rate or shares), and
        ``start[stage]`` if free; ``sample_stats``, ``fit_measures`` (LOO leaves out whole
        consumers), ``likelihood``.

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
        If draws or maximum miss a gate.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> life = rng.geometric(0.1, 300)
    >>> bought = (np.arange(20) < life[:, None]) & (rng.random((300, 20)) < 0.6)
    >>> panel = pd.DataFrame(
    ...     {
    ...         "consumer": np.repeat(np.arange(300), 20),
    ...         "period": np.tile(np.arange(20), 300),
    ...         "bought": bought.ravel().astype(int),
    ...     }
    ... )
    >>> graph = {"active": ["gone"], "gone": []}
    >>> fit = stages(panel, graph, outcomes={"bought": "bernoulli"}, method="ml")
    >>> fit.estimates["bought"].sel(statistic="est", stage="active").item()
    0.6
    """
    check_options(method, draws, tune, chains, seed, progress)
    design = _design(
        data, graph, outcomes, order, covariates, platform, known, silent, start, consumer, period
    )
    if method == "ml" and len(design.platforms) > 1:
        raise refuse("method", method, "'nuts' with platforms: partial pooling needs a posterior")
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= 256:
        raise refuse("threads", threads, "a whole number from 1 to 256")
    panel = read_panel(data, design)
    parameters = _parameters(design, panel, priors)
    likelihood = panel.likelihood(design, threads=threads)
    fitted = fit(
        parameters, likelihood, method=method, draws=draws, tune=tune, chains=chains, seed=seed,
        progress=progress, starts=_STARTS,
    )  # fmt: skip
    dims: dict[str, tuple[str, ...]] = {
        "start": ("stage",), "intercept": ("platform", "move"), "intercept_mean": ("move",),
        "intercept_sd": ("move",), "slope": ("move", "covariate"),
        "transition": ("platform", "stage", "goal"),
    }  # fmt: skip
    coords: dict[str, Any] = {
        "stage": list(design.stages), "goal": list(design.stages), "move": design.move_labels,
        "platform": list(design.platforms),
    }  # fmt: skip
    if design.covariates:
        coords["covariate"] = list(design.covariates)
    for name, family in design.outcomes.items():
        dims[name] = ("stage",)
        if family == "categorical":
            dims[name] = ("stage", f"{name}_category")
            coords[f"{name}_category"] = list(design.levels[name])
    return as_tree(
        "stages", parameters, fitted, likelihood,
        lambda scalars, theta: _report(design, scalars, theta), dims=dims, coords=coords,
        weight=np.ones(len(panel.consumers)), attrs={"design": design.to_json()}, seed=seed,
    )  # fmt: skip


def _design(
    data: Any, graph: Any, outcomes: Any, order: Any, covariates: Any, platform: Any, known: Any,
    silent: Any, start: Any, consumer: Any, period: Any,
) -> Design:  # fmt: skip
    labels, goals = read_graph(graph)
    mute = tuple(s for s in labels if not goals[s]) if silent is None else tuple(silent)
    for name in mute:
        require_name("silent", name, labels)
    if set(mute) == set(labels):
        raise refuse("silent", mute, "at least one stage in which something happens")
    if start not in ("first", "free"):
        raise refuse("start", start, "'first' or 'free'")
    families, orders = read_outcomes(outcomes, order, len(labels) - len(mute))
    if isinstance(covariates, str):
        raise refuse("covariates", covariates, "a list of columns")
    used = [consumer, period, *families, *covariates]
    used += [c for c in (platform, known) if c is not None]
    require_columns(data, "data", used)
    if len(set(used)) != len(used):
        raise refuse("data", used, "each column in one role")
    taken = _RESERVED | {f"{n}_step" for n in families}
    for name in families:
        if name in taken:
            raise refuse("outcomes", name, f"a name other than {', '.join(sorted(taken))}")
    centre, scale = covariate_units(data, tuple(covariates))
    platforms = [""] if platform is None else sorted(set(data[platform].astype(str)))
    return Design(
        stages=labels, goals=goals, silent=mute, outcomes=families, orders=orders,
        levels={
            n: category_levels(data, n) for n, f in families.items() if f == "categorical"
        },
        covariates=tuple(covariates), centre=centre, scale=scale, platforms=tuple(platforms),
        consumer=consumer, period=period, platform=platform, known=known,
        free_start=start == "free",
    )  # fmt: skip


def _parameters(design: Design, panel: Panel, priors: Mapping[str, Any] | None) -> Parameters:
    made = Parameters(check_priors(priors))
    place = {name: range(p.start, p.stop) for name, (p, _) in design.layout.items()}
    if design.free_start:
        start = made.add("start", (len(design.stages) - 1,), Normal(0, 1.5), 0.0)
        for of, number in zip(place["start"], start, strict=True):
            made.product(of, 1.0, number)
    moves, groups = len(design.moves), len(design.platforms)
    mean = made.add("intercept", (moves,), Normal(-2, 1.5), -2.0)
    if groups > 1:
        made.pooled = True
        sd = made.add("intercept_sd", (moves,), HalfNormal(0.7), 0.3)
        away = made.add("deviation", (groups, moves), Normal(0, 1), 0.0)
        for k, number in enumerate(away):
            made.product(place["intercept"][k], 1.0, sd[k % moves], number)
    for k, of in enumerate(place["intercept"]):
        made.product(of, 1.0, mean[k % moves])
    if design.covariates:
        slope = made.add("slope", (moves, len(design.covariates)), Normal(0, 0.7), 0.0)
        for of, number in zip(place["slope"], slope, strict=True):
            made.product(of, 1.0, number)
    speaking = len(design.speaking)
    for k, (name, family) in enumerate(design.outcomes.items()):
        own = place[f"outcome:{name}"]
        begin, sign = _level(design, panel, k, family), {"falling": -1.0, "rising": 1.0}
        if design.orders[name] == "free":
            _, shape = design.layout[f"outcome:{name}"]
            numbers = made.add(name, shape, Normal(begin, 1.5), begin)
            for of, number in zip(own, numbers, strict=True):
                made.product(of, 1.0, number)
            continue
        direction = sign[design.orders[name]]
        (level,) = made.add(name, (), Normal(begin - direction, 1.5), begin - direction)
        steps = (
            made.add(f"{name}_step", (speaking - 1,), Gamma(2, 1.5), 1.0) if speaking > 1 else []
        )
        for s, of in enumerate(own):
            made.product(of, 1.0, level)
            for step in steps[:s]:
                made.product(of, direction, step)
    return made


def _level(design: Design, panel: Panel, outcome: int, family: Family) -> float:
    """Logit or logarithm of the average, where the search begins."""
    if family == "categorical":
        return 0.0
    values = panel.values[outcome][panel.codes]
    if np.isnan(values).all():
        raise refuse(
            f"data[{list(design.outcomes)[outcome]!r}]", "no value", "an outcome seen once"
        )
    mean = float(np.nanmean(values))
    if family == "poisson":
        return float(np.log(max(mean, 0.01)))
    share = min(max(mean, 0.02), 0.98)
    return float(np.log(share / (1 - share)))


def _report(design: Design, scalars: dict[str, Array], theta: Array) -> dict[str, Array]:
    made: dict[str, Array] = {}
    if design.free_start:
        logits = design.part(theta, "start")
        odds = np.exp(np.concatenate([np.zeros((*logits.shape[:-1], 1)), logits], axis=-1))
        made["start"] = odds / odds.sum(axis=-1, keepdims=True)
    made["intercept"] = design.part(theta, "intercept")
    if len(design.platforms) > 1:
        made["intercept_mean"] = scalars["intercept"]
        made["intercept_sd"] = scalars["intercept_sd"]
    if design.covariates:
        made["slope"] = design.part(theta, "slope") / np.array(design.scale)
    flat = theta.reshape(-1, theta.shape[-1])
    platforms = np.arange(len(design.platforms))
    average = np.zeros((len(platforms), len(design.covariates)))
    moved = np.array([design.transition(t, platforms, average) for t in flat])
    made["transition"] = moved.reshape(*theta.shape[:-1], *moved.shape[1:])
    for name in design.outcomes:
        made[name] = design.expected(theta, name)
    return made
