"""Where each consumer stands, and what may come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import refuse, require_name
from pycore.histories.panel import Panel, read_panel
from pycore.histories.result import interval, require_fit, theta_draws
from pycore.histories.stage_design import Design

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["forecast", "most_likely_path", "stage_probabilities"]

Array = NDArray[np.float64]
_MOST_VALUES = 2**27


def stage_probabilities(
    fit: xr.DataTree,
    data: pd.DataFrame,
    *,
    given: Literal["all", "past"] = "all",
    draws: int = 100,
    probability: float = 0.90,
) -> pd.DataFrame:
    """Probability of each stage, for every consumer and period.

    Parameters
    ----------
    fit : xarray.DataTree
        Of :func:`pycore.histories.stages`.
    data : pandas.DataFrame
        Histories, those of the fit or others.
    given : {"all", "past"}
        Smoothed by the whole history, or filtered by what was seen until that period.
    draws : int
        Of the parameters; their spread is what the intervals show.
    probability : float
        Of the equal-tailed intervals.

    Returns
    -------
    pandas.DataFrame
        Index: consumer, period, stage.  Columns: mean, low, high.  Gaps have rows too.

    Examples
    --------
    The longer somebody has not bought, the likelier she is gone:

    >>> from pycore.histories import stages
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> life = rng.geometric(0.1, 100)
    >>> bought = (np.arange(10) < life[:, None]) & (rng.random((100, 10)) < 0.6)
    >>> panel = pd.DataFrame(
    ...     {
    ...         "consumer": np.repeat(np.arange(100), 10),
    ...         "period": np.tile(np.arange(10), 100),
    ...         "bought": bought.ravel().astype(int),
    ...     }
    ... )
    >>> fit = stages(
    ...     panel,
    ...     {"active": ["gone"], "gone": []},
    ...     outcomes={"bought": "bernoulli"},
    ...     seed=1,
    ...     progress=False,
    ... )
    >>> quiet = pd.DataFrame({"consumer": 0, "period": range(6), "bought": [1, 1, 1, 0, 0, 0]})
    >>> gone = stage_probabilities(fit, quiet).xs("gone", level="stage")["mean"]
    >>> gone.round(1).tolist()
    [0.0, 0.0, 0.0, 0.5, 0.7, 0.8]
    """
    import pandas as pd

    if given not in ("all", "past"):
        raise refuse("given", given, "'all' or 'past'")
    design, panel, theta = _read(fit, data, draws, probability)
    values = len(theta) * len(panel.codes) * len(design.stages)
    if values > _MOST_VALUES:
        raise refuse("data", f"{values:,} probabilities", f"at most {_MOST_VALUES:,}; fewer draws")
    likelihood = panel.likelihood(design)
    which = int(given == "all")
    found = interval(np.array([likelihood.recover(t)[which] for t in theta]), probability)
    names = [design.consumer, design.period, "stage"]
    count = len(design.stages)
    index = pd.MultiIndex.from_arrays(
        [
            np.repeat(panel.consumers[_owner(panel)], count), np.repeat(panel.periods, count),
            np.tile(np.array(design.stages), len(panel.codes)),
        ],
        names=names,
    )  # fmt: skip
    return pd.DataFrame({n: v.ravel() for n, v in found.items()}, index=index)


def most_likely_path(fit: xr.DataTree, data: pd.DataFrame) -> pd.Series:
    """The single most probable sequence of stages of each consumer, by Viterbi's algorithm.

    Parameters
    ----------
    fit : xarray.DataTree
        Of :func:`pycore.histories.stages`; taken at the mean of the parameters.
    data : pandas.DataFrame
        Histories, those of the fit or others.

    Returns
    -------
    pandas.Series
        Stage, by consumer and period.

    Examples
    --------
    >>> from pycore.histories import stages
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> life = rng.geometric(0.1, 100)
    >>> bought = (np.arange(10) < life[:, None]) & (rng.random((100, 10)) < 0.6)
    >>> panel = pd.DataFrame(
    ...     {
    ...         "consumer": np.repeat(np.arange(100), 10),
    ...         "period": np.tile(np.arange(10), 100),
    ...         "bought": bought.ravel().astype(int),
    ...     }
    ... )
    >>> fit = stages(
    ...     panel,
    ...     {"active": ["gone"], "gone": []},
    ...     outcomes={"bought": "bernoulli"},
    ...     seed=1,
    ...     progress=False,
    ... )
    >>> quiet = pd.DataFrame({"consumer": 0, "period": range(7), "bought": [1, 0, 1, 0, 0, 0, 0]})
    >>> most_likely_path(fit, quiet).tolist()
    ['active', 'active', 'active', 'gone', 'gone', 'gone', 'gone']
    """
    import pandas as pd

    design, panel, _ = _read(fit, data, 1, 0.5)
    middle = np.asarray(fit["likelihood"]["theta"].values).mean(axis=(0, 1))
    path = panel.likelihood(design).most_likely(middle)
    index = pd.MultiIndex.from_arrays(
        [panel.consumers[_owner(panel)], panel.periods], names=[design.consumer, design.period]
    )
    return pd.Series(np.array(design.stages)[path], index=index, name="stage")


def forecast(
    fit: xr.DataTree,
    data: pd.DataFrame,
    *,
    periods: int,
    covariates: Mapping[str, Any] | None = None,
    draws: int = 200,
    probability: float = 0.90,
) -> xr.Dataset:
    """Stages and outcomes after the end of each history.

    Parameters
    ----------
    fit : xarray.DataTree
        Of :func:`pycore.histories.stages`.
    data : pandas.DataFrame
        Histories, those of the fit or others; each is continued from its own last period.
    periods : int
        How far ahead.
    covariates : mapping, optional
        Covariate → its value in the periods to come, a number or one per period, which decides the
        move into the period after; others stay at the consumer's last value.
    draws : int
        Of the parameters.
    probability : float
        Of the equal-tailed intervals.

    Returns
    -------
    xarray.Dataset
        ``probability`` (value, consumer, ahead, stage); each outcome (value, consumer,
        ahead): expected chance or count, of a categorical one its shares; ``share`` (value, ahead,
        stage): the average over consumers.  ``value`` is mean, low, high: the intervals show what
        is not known of the parameters, not the luck of a consumer.

    Examples
    --------
    >>> from pycore.histories import stages
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> life = rng.geometric(0.1, 100)
    >>> bought = (np.arange(10) < life[:, None]) & (rng.random((100, 10)) < 0.6)
    >>> panel = pd.DataFrame(
    ...     {
    ...         "consumer": np.repeat(np.arange(100), 10),
    ...         "period": np.tile(np.arange(10), 100),
    ...         "bought": bought.ravel().astype(int),
    ...     }
    ... )
    >>> fit = stages(
    ...     panel,
    ...     {"active": ["gone"], "gone": []},
    ...     outcomes={"bought": "bernoulli"},
    ...     seed=1,
    ...     progress=False,
    ... )
    >>> ahead = forecast(fit, panel, periods=5)
    >>> ahead["share"].sel(value="mean", stage="active").round(1).values.tolist()
    [0.3, 0.3, 0.3, 0.2, 0.2]
    """
    if isinstance(periods, bool) or not isinstance(periods, int) or not 1 <= periods <= 1000:
        raise refuse("periods", periods, "a whole number from 1 to 1000")
    design, panel, theta = _read(fit, data, draws, probability)
    coming = _coming(design, panel, periods, covariates)
    count = len(panel.consumers)
    values = len(theta) * count * periods * len(design.stages)
    if values > _MOST_VALUES:
        raise refuse("data", f"{values:,} probabilities", f"at most {_MOST_VALUES:,}; fewer draws")
    likelihood, last = panel.likelihood(design), panel.first + panel.length - 1
    found = np.empty((len(theta), count, periods, len(design.stages)))
    outcomes: dict[str, list[Array]] = {name: [] for name in design.outcomes}
    for k, t in enumerate(theta):
        now = likelihood.recover(t)[0][last]
        for ahead in range(periods):
            moves = design.transition(t, panel.platform, coming[ahead])
            now = np.einsum("ni,nij->nj", now, moves)
            found[k, :, ahead] = now
        for name in outcomes:
            outcomes[name].append(found[k] @ design.expected(t, name))
    made: dict[str, Any] = {
        "probability": (("consumer", "ahead", "stage"), found),
        "share": (("ahead", "stage"), found.mean(axis=1)),
    }
    coords: dict[str, Any] = {
        "consumer": panel.consumers, "ahead": np.arange(1, periods + 1),
        "stage": list(design.stages), "value": ["mean", "low", "high"],
    }  # fmt: skip
    for name, drawn in outcomes.items():
        dims: tuple[str, ...] = ("consumer", "ahead")
        if design.outcomes[name] == "categorical":
            dims = (*dims, f"{name}_category")
            coords[f"{name}_category"] = list(design.levels[name])
        made[name] = (dims, np.array(drawn))
    return xr.Dataset(
        {
            n: (("value", *dims), np.stack(list(interval(v, probability).values())))
            for n, (dims, v) in made.items()
        },
        coords=coords,
        attrs={"probability": probability, "draws": len(theta)},
    )


def _read(fit: Any, data: Any, draws: Any, probability: Any) -> tuple[Design, Panel, Array]:
    require_fit(fit, "stages")
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 1:
        raise refuse("draws", draws, "a whole number of at least 1")
    if not 0 < probability < 1:
        raise refuse("probability", probability, "a number between 0 and 1")
    design = Design.from_json(fit.attrs["design"])
    return design, read_panel(data, design), theta_draws(fit, draws)


def _owner(panel: Panel) -> NDArray[np.intp]:
    return np.repeat(np.arange(len(panel.consumers)), panel.length)


def _coming(
    design: Design, panel: Panel, periods: int, given: Mapping[str, Any] | None
) -> NDArray[np.float64]:
    """Covariates of the last period and of those after it, (periods, consumers, covariates)."""
    last = panel.covariates[panel.first + panel.length - 1]
    coming = np.repeat(last[None], periods, axis=0)
    for name, value in (given or {}).items():
        require_name("covariates", name, design.covariates)
        k = design.covariates.index(name)
        series = np.asarray(value, dtype=float)
        if series.shape not in ((), (periods,)) or not np.isfinite(series).all():
            raise refuse(f"covariates[{name!r}]", value, f"a number, or {periods} of them")
        scaled = np.broadcast_to((series - design.centre[k]) / design.scale[k], (periods,))
        # The first move is decided by the last period that was seen.
        coming[1:, :, k] = scaled[: periods - 1, None]
    return coming
