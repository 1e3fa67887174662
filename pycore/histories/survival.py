"""How long until it happens: piecewise-constant hazards, with a frailty that a group shares."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore._core import Frailty
from pycore.errors import refuse, require_name
from pycore.estimation.sampling import Progress
from pycore.histories.fitting import Method, check_options, fit
from pycore.histories.panel import covariate_units, require_columns
from pycore.histories.parameters import Parameters, check_priors
from pycore.histories.result import as_tree, interval, require_fit, theta_draws
from pycore.model.distributions import HalfNormal, Normal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["survival", "survival_curve"]

Array = NDArray[np.float64]
_DRAWS = 400


def survival(
    data: pd.DataFrame,
    *,
    duration: str,
    event: str,
    cuts: Sequence[float],
    entry: str | None = None,
    covariates: Sequence[str] = (),
    group: str | None = None,
    consumer: str | None = None,
    method: Method = "nuts",
    priors: Mapping[str, Any] | None = None,
    draws: int = 1000,
    tune: int = 500,
    chains: int = 4,
    seed: int = 0,
    progress: Progress = None,
) -> xr.DataTree:
    """Fit a proportional-hazards model whose hazard is constant between cuts.

    Parameters
    ----------
    data : pandas.DataFrame
        One row per spell.
    duration, event : str
        Columns: when watching ended, and whether (1) or not (0) with the event.
    cuts : sequence of float
        Times inside which the hazard changes, rising, without 0; the last interval is open.
    entry : str, optional
        Column: when watching began (left truncation: who left earlier was never seen); by default 0.
    covariates : sequence of str
        Columns.  A covariate that changes splits a life into spells, see ``consumer``.
    group : str, optional
        Column of who shares a frailty: a factor of the hazard, Gamma with mean 1.  It is integrated
        out exactly.
    consumer : str, optional
        Column that says which spells belong to one life: later ones begin where the one before
        ended, and only the first is a truncation.
    method : {"nuts", "ml"}
        Draws from the posterior, or the maximum of the likelihood.
    priors : mapping, optional
        In place of the defaults: ``log_hazard`` of the first interval ~ Normal(log of events per
        time, 2), ``step`` ~ Normal(0, 1) from interval to interval, ``slope`` ~ Normal(0, 0.7) (by
        one standard deviation of the covariate), ``frailty_sd`` ~ HalfNormal(1).
    draws, tune, chains : int
        Kept and discarded draws per chain, and chains.
    seed : int
        Same seed, same draws.
    progress : bool or callable, optional
        Show a bar (by default on a terminal), or call with (draws done, draws in all).

    Returns
    -------
    xarray.DataTree
        ``posterior`` (or ``estimates``): ``hazard[interval]`` per unit of time at average
        covariates, ``slope[covariate]`` of the log hazard by one unit, ``frailty_variance``.

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
    Without cuts the hazard is events over time.

    >>> import pandas as pd
    >>> lives = pd.DataFrame({"weeks": [2.0, 3.0, 5.0, 10.0], "left": [1, 1, 0, 1]})
    >>> fit = survival(lives, duration="weeks", event="left", cuts=[], method="ml")
    >>> fit.estimates["hazard"].sel(statistic="est").values
    array([0.15])
    """
    check_options(method, draws, tune, chains, seed, progress)
    if isinstance(covariates, str):
        raise refuse("covariates", covariates, "a list of columns")
    columns = [duration, event, *covariates]
    columns += [c for c in (entry, group, consumer) if c is not None]
    require_columns(data, "data", columns)
    edges = _edges(cuts)
    spells = _Spells.read(data, duration, event, entry, tuple(covariates), group, consumer)
    cells = spells.cells(edges)
    likelihood = spells.likelihood(cells, frail=group is not None)
    parameters = _parameters(spells, cells, group is not None, priors)
    fitted = fit(
        parameters, likelihood, method=method, draws=draws, tune=tune, chains=chains, seed=seed,
        progress=progress,
    )  # fmt: skip
    count, width = len(edges), len(covariates)
    labels = [f"{a:g} – {b:g}" for a, b in zip(edges, [*edges[1:], np.inf], strict=True)]

    def report(_: dict[str, Array], theta: Array) -> dict[str, Array]:
        made = {"hazard": np.exp(theta[..., :count])}
        if width:
            made["slope"] = theta[..., count : count + width] / np.array(spells.scale)
        if group is not None:
            made["frailty_variance"] = theta[..., -1]
        return made

    coords: dict[str, Any] = {"interval": labels}
    if width:
        coords["covariate"] = list(covariates)
    design = {
        "edges": edges, "covariates": list(covariates), "centre": spells.centre,
        "scale": spells.scale, "frail": group is not None,
    }  # fmt: skip
    return as_tree(
        "survival", parameters, fitted, likelihood, report,
        dims={"hazard": ("interval",), "slope": ("covariate",)}, coords=coords,
        weight=np.ones(likelihood.units), attrs={"design": json.dumps(design)}, seed=seed,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Spells:
    entry: Array
    end: Array
    event: Array
    first: NDArray[np.bool_]  # of a life
    covariates: Array
    group: NDArray[np.int64]
    groups: int
    centre: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def read(
        cls, data: Any, duration: str, event: str, entry: str | None, covariates: tuple[str, ...],
        group: str | None, consumer: str | None,
    ) -> _Spells:  # fmt: skip
        import pandas as pd

        end, ended = (data[c].to_numpy(dtype=float) for c in (duration, event))
        begin = np.zeros(len(data)) if entry is None else data[entry].to_numpy(dtype=float)
        for name, values, fits, allowed in (
            (event, ended, np.isin(ended, (0, 1)), "0 and 1"),
            (duration, end, np.isfinite(end) & (end > begin), "finite times after the entry"),
            (entry or "entry", begin, np.isfinite(begin) & (begin >= 0), "finite times from 0"),
        ):
            if not fits.all():
                raise refuse(f"data[{name!r}]", values[~fits][0], allowed)
        if not ended.any():
            raise refuse(f"data[{event!r}]", "no event", "at least one event")
        first = np.ones(len(data), dtype=bool)
        if consumer is not None:
            who = pd.factorize(data[consumer])[0]
            order = np.lexsort((begin, who))
            same = np.r_[False, who[order][1:] == who[order][:-1]]
            joins = np.r_[True, begin[order][1:] == end[order][:-1]]
            again = same & (~joins | (np.r_[0.0, ended[order][:-1]] == 1))
            if again.any():
                label = data[consumer].to_numpy()[order][again][0]
                raise refuse("data", f"spells of {label!r} that do not join",
                             "spells that begin where the one before ended without event")  # fmt: skip
            first[order[same]] = False
        centre, scale = covariate_units(data, covariates)
        x = np.column_stack([
            (data[c].to_numpy(dtype=float) - m) / s
            for c, m, s in zip(covariates, centre, scale, strict=True)
        ]) if covariates else np.zeros((len(data), 0))  # fmt: skip
        if group is None:
            numbers = np.zeros(len(data), dtype=np.int64)
        elif data[group].isna().any():
            raise refuse(f"data[{group!r}]", "a missing label", "a label in every row")
        else:
            numbers = pd.factorize(data[group], sort=True)[0].astype(np.int64)
        if group is not None and numbers.max() < 1:
            raise refuse(f"data[{group!r}]", "one group", "at least two groups")
        return cls(begin, end, ended, first, x, numbers, int(numbers.max()) + 1, centre, scale)

    def cells(self, edges: list[float]) -> tuple[Array, Array, Array]:
        """Time at risk while seen, before being seen, and events, each (spells, intervals)."""
        low, high = np.array(edges), np.array([*edges[1:], np.inf])

        def within(begin: Array, end: Array) -> Array:
            overlap = np.minimum(end[:, None], high) - np.maximum(begin[:, None], low)
            return np.asarray(np.clip(overlap, 0, None))

        before = within(np.zeros_like(self.entry), self.entry) * self.first[:, None]
        # An interval contains its end, as a life that ends at a cut was at risk before it.
        inside = (self.end[:, None] > low) & (self.end[:, None] <= high)
        return within(self.entry, self.end), before, inside * self.event[:, None]

    def likelihood(self, cells: tuple[Array, Array, Array], *, frail: bool) -> Frailty:
        """The compiled likelihood; spells alike in group and covariates are one row."""
        keys = np.column_stack([self.group, self.covariates])
        rows, which = np.unique(keys, axis=0, return_inverse=True)
        summed = []
        for cell in cells:
            total = np.zeros((len(rows), cell.shape[1]))
            np.add.at(total, which.ravel(), cell)
            summed.append(total)
        return Frailty(
            group=rows[:, 0].astype(np.int64), covariates=np.ascontiguousarray(rows[:, 1:]),
            exposed=summed[0], before=summed[1], ended=summed[2], groups=self.groups, frail=frail,
        )  # fmt: skip


def _parameters(
    spells: _Spells, cells: tuple[Array, Array, Array], frail: bool,
    priors: Mapping[str, Any] | None,
) -> Parameters:  # fmt: skip
    made = Parameters(check_priors(priors))
    exposed, _, ended = cells
    count, width = exposed.shape[1], spells.covariates.shape[1]
    if (exposed.sum(axis=0) == 0).any():
        raise refuse("cuts", "an interval in which nobody was seen", "intervals with time at risk")
    rate = float(np.log(ended.sum() / exposed.sum()))
    (first,) = made.add("log_hazard", (), Normal(rate, 2), rate)
    steps = made.add("step", (count - 1,), Normal(0, 1), 0.0) if count > 1 else []
    for k in range(count):
        made.product(k, 1.0, first)
        for step in steps[:k]:
            made.product(k, 1.0, step)
    if width:
        for c, number in enumerate(made.add("slope", (width,), Normal(0, 0.7), 0.0)):
            made.product(count + c, 1.0, number)
    if frail:
        (sd,) = made.add("frailty_sd", (), HalfNormal(1), 0.5)
        made.product(count + width, 1.0, sd, sd)
    return made


def _edges(cuts: Any) -> list[float]:
    try:
        inner = [float(c) for c in cuts]
    except (TypeError, ValueError):
        raise refuse("cuts", cuts, "rising times above 0") from None
    edges = [0.0, *inner]
    if not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise refuse("cuts", cuts, "rising times above 0")
    return edges


def survival_curve(
    fit: xr.DataTree,
    times: Sequence[float],
    *,
    covariates: Mapping[str, float] | None = None,
    probability: float = 0.90,
) -> pd.DataFrame:
    """Share that is still there, over time, with its uncertainty.

    Parameters
    ----------
    fit : xarray.DataTree
        Of :func:`survival`.
    times : sequence of float
        When, from 0.
    covariates : mapping, optional
        Covariate → value; others are at their average.
    probability : float
        Of the equal-tailed intervals.

    Returns
    -------
    pandas.DataFrame
        By time: ``mean``, ``low``, ``high`` over a population of groups (the frailty integrated
        out), and ``typical``, the mean of a group with frailty 1.

    Examples
    --------
    >>> import pandas as pd
    >>> lives = pd.DataFrame({"weeks": [2.0, 3.0, 5.0, 10.0], "left": [1, 1, 0, 1]})
    >>> fit = survival(lives, duration="weeks", event="left", cuts=[], method="ml", seed=1)
    >>> bool(survival_curve(fit, [0.0]).loc[0.0, "mean"] == 1)
    True
    """
    import pandas as pd

    require_fit(fit, "survival")
    if not 0 < probability < 1:
        raise refuse("probability", probability, "a number between 0 and 1")
    design = json.loads(fit.attrs["design"])
    when = np.asarray(times, dtype=float)
    if when.ndim != 1 or not np.isfinite(when).all() or (when < 0).any():
        raise refuse("times", times, "finite times from 0")
    line = np.zeros(len(design["covariates"]))
    for name, value in (covariates or {}).items():
        require_name("covariates", name, design["covariates"])
        k = design["covariates"].index(name)
        line[k] = (float(value) - design["centre"][k]) / design["scale"][k]
    theta = theta_draws(fit, _DRAWS)
    edges = np.array(design["edges"])
    count = len(edges)
    spent = np.clip(when[:, None] - edges, 0, np.r_[np.diff(edges), np.inf])
    risk = np.exp(theta[:, count : count + len(line)] @ line)
    hazard = (np.exp(theta[:, :count]) * risk[:, None]) @ spent.T
    typical = np.exp(-hazard)
    if design["frail"]:
        # A variance of 0 is a limit that the formula does not reach.
        variance = np.maximum(theta[:, -1:], 1e-12)
        shown = np.exp(-np.log1p(variance * hazard) / variance)
    else:
        shown = typical
    table = interval(shown, probability) | {"typical": typical.mean(axis=0)}
    return pd.DataFrame(table, index=pd.Index(when, name="time"))
