"""Buy till you die: customers who were never seen to leave, judged by when they bought.

Counts of repeat purchases ``x``, the time ``t_x`` of the last one and the time ``T`` since the first
are all that two models need: BG/NBD, in which a customer may leave after each purchase, and
Pareto/NBD, in which she may leave at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore._core import BgNbd, ParetoNbd
from pycore.errors import refuse, require_name
from pycore.estimation.sampling import Progress
from pycore.histories.fitting import Method, check_options, fit
from pycore.histories.parameters import Parameters, check_priors
from pycore.histories.result import as_tree, interval, require_fit, theta_draws
from pycore.model.distributions import Gamma, LogNormal, Uniform

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["alive", "expected_purchases", "purchase_history", "purchases"]

Array = NDArray[np.float64]
PurchaseFamily = Literal["BG/NBD", "Pareto/NBD"]
_COLUMNS = ("frequency", "recency", "T")
_SPREAD = 1.5  # sd of the logarithm, of default priors
_DRAWS = 400
_NAMES: dict[str, tuple[str, ...]] = {
    "BG/NBD": ("r", "alpha", "a", "b"),
    "Pareto/NBD": ("r", "alpha", "s", "beta"),
}


def purchase_history(
    log: pd.DataFrame, *, consumer: str, time: str, end: float | None = None
) -> pd.DataFrame:
    """Frequency, recency and age of every consumer, from a table of purchases.

    Parameters
    ----------
    log : pandas.DataFrame
        One row per purchase.
    consumer, time : str
        Columns: who, and when (a number).
    end : float, optional
        When watching ended; by default at the last purchase of anybody.

    Returns
    -------
    pandas.DataFrame
        By consumer: ``frequency``, the times of purchase after the first (purchases at one time
        count once); ``recency``, from the first to the last; ``T``, from the first to the end.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"who": [1, 1, 1, 2], "week": [0, 3, 3, 5]})
    >>> purchase_history(log, consumer="who", time="week", end=10).values.tolist()
    [[1.0, 3.0, 10.0], [0.0, 0.0, 5.0]]
    """
    import pandas as pd

    for argument, name in (("consumer", consumer), ("time", time)):
        require_name(argument, name, [str(c) for c in log.columns])
    when = pd.to_numeric(log[time], errors="coerce").to_numpy(dtype=float)
    if not np.isfinite(when).all():
        raise refuse(time, log[time].to_numpy()[~np.isfinite(when)][0], "finite numbers")
    last = float(when.max()) if end is None else float(end)
    if when.max() > last:
        raise refuse("end", end, f"a time not before the last purchase, {when.max()}")
    times = pd.DataFrame({"who": log[consumer].to_numpy(), "when": when}).groupby("who")["when"]
    first = times.min()
    found = pd.DataFrame(
        {"frequency": times.nunique() - 1, "recency": times.max() - first, "T": last - first}
    )
    return found.astype(float).rename_axis(consumer)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Different customers, sorted by frequency, and which of them each customer is."""

    count: NDArray[np.int64]
    recency: Array
    age: Array
    weight: Array
    which: NDArray[np.intp]
    index: Any

    @classmethod
    def read(cls, data: Any) -> _Rows:
        columns = [str(c) for c in getattr(data, "columns", ())]
        for name in _COLUMNS:
            require_name("data", name, columns)
        table = data[list(_COLUMNS)].to_numpy(dtype=float)
        x, recency, age = table.T
        for name, fits, allowed in (
            ("frequency", (x >= 0) & (x == np.floor(x)) & (x <= 1e6), "whole numbers from 0"),
            ("T", np.isfinite(age) & (age > 0), "finite times above 0"),
            ("recency", (recency >= 0) & (recency <= age), "times from 0 to T"),
            ("recency", (x > 0) | (recency == 0), "0 where frequency is 0"),
        ):
            if not fits.all():
                raise refuse(f"data[{name!r}]", data[name].to_numpy()[~fits][0], allowed)
        rows, which, weight = np.unique(table, axis=0, return_inverse=True, return_counts=True)
        return cls(
            rows[:, 0].astype(np.int64), np.ascontiguousarray(rows[:, 1]),
            np.ascontiguousarray(rows[:, 2]), weight.astype(float), which.ravel(), data.index,
        )  # fmt: skip

    def likelihood(self, model: str) -> BgNbd | ParetoNbd:
        made = BgNbd if model == "BG/NBD" else ParetoNbd
        return made(count=self.count, recency=self.recency, age=self.age, weight=self.weight)


def purchases(
    data: pd.DataFrame,
    model: PurchaseFamily = "BG/NBD",
    *,
    method: Method = "nuts",
    priors: Mapping[str, Any] | None = None,
    draws: int = 1000,
    tune: int = 500,
    chains: int = 4,
    seed: int = 0,
    progress: Progress = None,
) -> xr.DataTree:
    """Fit a buy-till-you-die model.

    Parameters
    ----------
    data : pandas.DataFrame
        One row per customer with ``frequency``, ``recency`` and ``T``, see :func:`purchase_history`.
    model : {"BG/NBD", "Pareto/NBD"}
        Fader, Hardie and Lee (2005), doi:10.1287/mksc.1040.0098; Schmittlein, Morrison and Colombo
        (1987), doi:10.1287/mnsc.33.1.1.
    method : {"nuts", "ml"}
        Draws from the posterior, or the maximum of the likelihood.
    priors : mapping, optional
        In place of the defaults, of what is sampled: ``r``, the shape of the purchase rates over
        customers; ``interval`` = alpha/r, one over their mean; and for BG/NBD ``dropout`` =
        a/(a + b), the mean chance to leave after a purchase, and ``certainty`` = a + b; for
        Pareto/NBD ``s``, the shape of the rates of leaving, and ``lifetime`` = beta/s, one over
        their mean.  Defaults: ``r`` ~ Gamma(2, 1), ``s`` ~ Gamma(2, 2), ``dropout`` ~
        Uniform(0, 1); the others log-normal, the logarithm with standard deviation 1.5 around 1, or
        around the mean ``T`` where the number is a time.
    draws, tune, chains : int
        Kept and discarded draws per chain, and chains.
    seed : int
        Same seed, same draws.
    progress : bool or callable, optional
        Show a bar (by default on a terminal), or call with (draws done, draws in all).

    Returns
    -------
    xarray.DataTree
        ``posterior`` (or ``estimates`` with ``statistic`` est, se): r, alpha, a, b, or r, alpha, s,
        beta, in the unit of time of the data; ``sample_stats``; ``fit_measures``; ``likelihood``.

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
    >>> x = rng.poisson(rng.gamma(0.5, 2, 500))
    >>> age = np.full(500, 30.0)
    >>> t = np.where(x > 0, age * rng.beta(np.maximum(x, 1), 1), 0).round(1)
    >>> fit = purchases(pd.DataFrame({"frequency": x, "recency": t, "T": age}), method="ml")
    >>> list(fit.estimates.data_vars)
    ['r', 'alpha', 'a', 'b']
    """
    check_options(method, draws, tune, chains, seed, progress)
    if model not in get_args(PurchaseFamily):
        raise refuse("model", model, "'BG/NBD' or 'Pareto/NBD'")
    rows = _Rows.read(data)
    parameters = _parameters(model, float(rows.weight @ rows.age / rows.weight.sum()), priors)
    likelihood = rows.likelihood(model)
    fitted = fit(
        parameters, likelihood, method=method, draws=draws, tune=tune, chains=chains, seed=seed,
        progress=progress,
    )  # fmt: skip
    names = _NAMES[model]
    return as_tree(
        model, parameters, fitted, likelihood,
        lambda _, theta: {n: theta[..., k] for k, n in enumerate(names)},
        dims={}, coords={}, weight=rows.weight, attrs={}, seed=seed,
    )  # fmt: skip


def _parameters(model: str, age: float, priors: Mapping[str, Any] | None) -> Parameters:
    made = Parameters(check_priors(priors))
    around = float(np.exp(_SPREAD**2 / 2))  # the mean whose median is 1
    (r,) = made.add("r", (), Gamma(2, 1), 1.0)
    (gap,) = made.add("interval", (), LogNormal(around * age, _SPREAD), age)
    made.product(0, 1.0, r)
    made.product(1, 1.0, r, gap)
    if model == "BG/NBD":
        (share,) = made.add("dropout", (), Uniform(0, 1), 0.3)
        (both,) = made.add("certainty", (), LogNormal(around, _SPREAD), 2.0)
        made.product(2, 1.0, share, both)
        made.product(3, 1.0, both)
        made.product(3, -1.0, share, both)
    else:
        (s,) = made.add("s", (), Gamma(2, 2), 1.0)
        (life,) = made.add("lifetime", (), LogNormal(around * age, _SPREAD), age)
        made.product(2, 1.0, s)
        made.product(3, 1.0, s, life)
    return made


def alive(fit: xr.DataTree, data: pd.DataFrame, *, probability: float = 0.90) -> pd.DataFrame:
    """Probability that each customer has not left, with its uncertainty.

    Parameters
    ----------
    fit : xarray.DataTree
        Of :func:`purchases`.
    data : pandas.DataFrame
        Customers, those of the fit or others.
    probability : float
        Of the equal-tailed intervals.

    Returns
    -------
    pandas.DataFrame
        By customer: mean, low, high.

    Examples
    --------
    Both bought four times; one was last seen a week ago, the other 25 weeks ago:

    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> gaps = rng.exponential(1 / rng.gamma(1, 0.3, (400, 1)), (400, 60))
    >>> times = np.cumsum(gaps, axis=1)
    >>> made = (times < 30) & (np.arange(60) < rng.geometric(rng.beta(2, 6, (400, 1))) - 1)
    >>> x, t = made.sum(axis=1), (times * made).max(axis=1)
    >>> fit = purchases(
    ...     pd.DataFrame({"frequency": x, "recency": t, "T": 30.0}), seed=1, progress=False
    ... )
    >>> two = pd.DataFrame({"frequency": [4, 4], "recency": [29, 5], "T": [30, 30]})
    >>> alive(fit, two)["mean"].round(1).tolist()
    [0.8, 0.0]
    """
    rows, likelihood, theta = _prediction(fit, data, probability)
    found = interval(np.array([likelihood.alive(t) for t in theta]), probability)
    return _by_customer(rows, found)


def expected_purchases(
    fit: xr.DataTree, data: pd.DataFrame, *, periods: float, probability: float = 0.90
) -> pd.DataFrame:
    """Purchases that each customer is expected to make in the next ``periods`` units of time.

    Parameters
    ----------
    fit : xarray.DataTree
        Of :func:`purchases`.
    data : pandas.DataFrame
        Customers, those of the fit or others.
    periods : float
        How long.
    probability : float
        Of the equal-tailed intervals: uncertainty of the expectation, not of the purchases.

    Returns
    -------
    pandas.DataFrame
        By customer: mean, low, high.  The expectations are those of the articles that
        :func:`purchases` names.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> gaps = rng.exponential(1 / rng.gamma(1, 0.3, (400, 1)), (400, 60))
    >>> times = np.cumsum(gaps, axis=1)
    >>> made = (times < 30) & (np.arange(60) < rng.geometric(rng.beta(2, 6, (400, 1))) - 1)
    >>> x, t = made.sum(axis=1), (times * made).max(axis=1)
    >>> fit = purchases(
    ...     pd.DataFrame({"frequency": x, "recency": t, "T": 30.0}), seed=1, progress=False
    ... )
    >>> two = pd.DataFrame({"frequency": [4, 4], "recency": [29, 5], "T": [30, 30]})
    >>> expected_purchases(fit, two, periods=30)["mean"].round().tolist()
    [3.0, 0.0]
    """
    if not np.isfinite(periods) or periods <= 0:
        raise refuse("periods", periods, "a number above 0")
    rows, likelihood, theta = _prediction(fit, data, probability)
    compute = _expected_bg if fit.attrs["family"] == "BG/NBD" else _expected_pareto
    values = [compute(t, rows, periods) * likelihood.alive(t) for t in theta]
    return _by_customer(rows, interval(np.array(values), probability))


def _prediction(
    fit: Any, data: Any, probability: float
) -> tuple[_Rows, BgNbd | ParetoNbd, Array]:  # fmt: skip
    require_fit(fit, *get_args(PurchaseFamily))
    if not 0 < probability < 1:
        raise refuse("probability", probability, "a number between 0 and 1")
    rows = _Rows.read(data)
    return rows, rows.likelihood(fit.attrs["family"]), theta_draws(fit, _DRAWS)


def _by_customer(rows: _Rows, found: Mapping[str, Array]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({n: v[rows.which] for n, v in found.items()}, index=rows.index)


def _expected_bg(theta: Array, rows: _Rows, periods: float) -> Array:
    """Given that the customer is still one."""
    from scipy.special import hyp2f1

    r, alpha, a, b = theta
    x, age = rows.count, rows.age
    before, after = alpha + age, alpha + age + periods
    shrunk = (before / after) ** (r + x)
    series = hyp2f1(r + x, b + x, a + b + x - 1, periods / after)
    return np.asarray((a + b + x - 1) / (a - 1) * (1 - shrunk * series))


def _expected_pareto(theta: Array, rows: _Rows, periods: float) -> Array:
    """Given that the customer is still one."""
    r, alpha, s, beta = theta
    log_ratio = np.log((beta + rows.age) / (beta + rows.age + periods))
    # ∫ of the chance to be still there; (1 − ratio^(s − 1))/(s − 1) goes to −log ratio at s = 1.
    power = (s - 1) * log_ratio
    mean = np.where(np.abs(power) < 1e-9, -log_ratio, -np.expm1(power) / (s - 1 or 1.0))
    return np.asarray((r + rows.count) * (beta + rows.age) / (alpha + rows.age) * mean)
