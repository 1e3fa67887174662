"""A fit in words and numbers, what cannot be trusted first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pycore.errors import refuse
from pycore.estimation.fitted import drawn_posterior

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FitSummary", "summarise"]

_MEASURES = ("chisq", "df", "pvalue", "cfi", "tli", "rmsea", "srmr", "logl", "aic", "bic",
             "ppp", "brmsea", "looic")  # fmt: skip


@dataclass(frozen=True, eq=False)
class FitSummary:
    """What :func:`summarise` found.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per parameter and defined quantity: mean, median, sd, interval; of a maximum of the
        likelihood: estimate, standard error, z, p, interval.
    model, respondents, sampler : str, int, str
        What was fitted, and how.
    failures : tuple of str
        Gates that are not met; empty if all are.
    unidentified : tuple of str
        Parameters that only their priors tell apart.
    measures : dict
        Fit measures that could be computed.
    probability : float
        Of the equal-tailed intervals.
    """

    table: pd.DataFrame
    model: str
    respondents: int
    sampler: str
    failures: tuple[str, ...]
    unidentified: tuple[str, ...]
    measures: dict[str, float]
    probability: float

    def __str__(self) -> str:
        lines = [
            f"{self.model}: {self.respondents} respondents, {self.sampler}",
            "GATES NOT MET: " + "; ".join(self.failures) if self.failures else "all gates met",
        ]
        if self.unidentified:
            lines.append("told apart only by their priors: " + ", ".join(self.unidentified))
        known = {n: v for n, v in self.measures.items() if np.isfinite(v)}
        if "chisq" in known:
            lines.append(
                f"chi-square {known['chisq']:.3f}, df {known['df']:.0f}, "
                f"p {known.get('pvalue', np.nan):.3f}; CFI {known['cfi']:.3f}, "
                f"TLI {known['tli']:.3f}, RMSEA {known['rmsea']:.3f}, SRMR {known['srmr']:.4f}"
            )
        words = {"ppp": "posterior predictive p", "brmsea": "Bayesian RMSEA", "looic": "LOOIC"}
        bayesian = [f"{word} {known[n]:.3f}" for n, word in words.items() if n in known]
        if bayesian:
            lines.append(", ".join(bayesian))
        lines.append(f"equal-tailed {self.probability:.0%} intervals:")
        return "\n".join([*lines, self.table.round(3).to_string()])

    __repr__ = __str__


def summarise(fit: Any, *, probability: float = 0.90) -> FitSummary:
    """Summarise a fit; the first thing it says is whether it can be trusted.

    Parameters
    ----------
    fit : xarray.DataTree
        Result of :func:`pycore.estimate`.
    probability : float
        Of the equal-tailed intervals, credible or confidence.

    Raises
    ------
    InputError
        For anything but a fit, or no probability.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model.from_lavaan("trust ~ b*delivery")
    >>> names = ["trust", "delivery"]
    >>> data = pc.SummaryData(corr=[[1, 0.6], [0.6, 1]], n=300, names=names)
    >>> found = summarise(pc.estimate(m, data, method="ml"), probability=0.95)
    >>> print(found.table.loc["b", ["est", "low", "high"]].round(2).tolist())
    [0.6, 0.51, 0.69]
    """
    import pandas as pd

    if not 0 < probability < 1:
        raise refuse("probability", probability, "a number between 0 and 1")
    likelihood = "estimates" in getattr(fit, "children", ())
    results = fit["estimates"] if likelihood else drawn_posterior(fit)
    rows = {}
    for label, variable in _quantities(results):
        if likelihood:
            rows[label] = _of_likelihood(variable.values, probability)
        else:
            rows[label] = _of_draws(variable.values.ravel(), probability)
    measures = fit["fit_measures"]
    return FitSummary(
        table=pd.DataFrame.from_dict(rows, orient="index"), model=fit.attrs["model"],
        respondents=fit.attrs["respondents"], sampler=fit.attrs["sampler"],
        failures=_words(fit.attrs["gates_failed"]),
        unidentified=_words(fit.attrs["unidentified"]),
        measures={n: float(measures[n]) for n in _MEASURES if n in measures},
        probability=probability,
    )  # fmt: skip


def _quantities(results: Any) -> Any:
    """Parameters and defined quantities with their labels, one per group where they differ."""
    for name in _words(results.attrs["parameters"]):
        yield from _per_group(name, results[name])
    if "defined" in results:
        for name in results["name"].values:
            yield from _per_group(str(name), results["defined"].sel(name=name))


def _per_group(name: str, variable: Any) -> Any:
    if "group" not in variable.dims:
        yield name, variable
        return
    for label in variable["group"].values:
        yield f"{name}[{label}]", variable.sel(group=label)


def _of_draws(values: Any, probability: float) -> dict[str, float]:
    tail = (1 - probability) / 2
    low, median, high = np.quantile(values, [tail, 0.5, 1 - tail])
    return {
        "mean": values.mean(), "median": median, "sd": values.std(ddof=1), "low": low, "high": high,
    }  # fmt: skip


def _of_likelihood(values: Any, probability: float) -> dict[str, float]:
    from scipy.stats import norm

    est, se, z, p = values
    half = norm.ppf(0.5 + probability / 2) * se
    return {"est": est, "se": se, "z": z, "p": p, "low": est - half, "high": est + half}


def _words(value: Any) -> tuple[str, ...]:
    """A list of words; a file keeps a list of one as the word itself, and an empty one as numbers."""
    return tuple(str(word) for word in np.atleast_1d(value))
