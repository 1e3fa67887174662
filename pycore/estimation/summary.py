"""A fit in words and numbers, gates first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pycore.errors import refuse

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FitSummary", "summarise"]


@dataclass(frozen=True, eq=False)
class FitSummary:
    """What :func:`summarise` found.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per model parameter: mean, median, sd, interval.
    model, respondents, sampler : str, int, str
        What was fitted.
    failures : tuple of str
        Gates that are not met; empty if all are.
    unidentified : tuple of str
        Parameters that only their priors tell apart.
    ppp, srmr : float
        Fit; NaN where it cannot be computed.
    probability : float
        Of the equal-tailed intervals.
    """

    table: pd.DataFrame
    model: str
    respondents: int
    sampler: str
    failures: tuple[str, ...]
    unidentified: tuple[str, ...]
    ppp: float
    srmr: float
    probability: float

    def __str__(self) -> str:
        lines = [
            f"{self.model}: {self.respondents} respondents, {self.sampler}",
            "GATES NOT MET: " + "; ".join(self.failures) if self.failures else "all gates met",
        ]
        if self.unidentified:
            lines.append("told apart only by their priors: " + ", ".join(self.unidentified))
        lines.append(f"posterior predictive p {self.ppp:.3f}, SRMR {self.srmr:.4f}")
        lines.append(f"equal-tailed {self.probability:.0%} intervals:")
        return "\n".join([*lines, self.table.round(3).to_string()])

    __repr__ = __str__


def summarise(fit: Any, *, probability: float = 0.90) -> FitSummary:
    """Summarise a fit; the first thing it says is whether the draws can be trusted.

    Parameters
    ----------
    fit : xarray.DataTree
        Result of :func:`pycore.estimate`.
    probability : float
        Of the equal-tailed credible intervals.
    """
    import pandas as pd

    if not 0 < probability < 1:
        raise refuse("probability", probability, "a number between 0 and 1")
    posterior = fit["posterior"]
    tail = (1 - probability) / 2
    rows = {}
    for name in _words(posterior.attrs["parameters"]):
        variable = posterior[name]
        labels = variable["group"].values if "group" in variable.dims else [None]
        for label in labels:
            part = variable if label is None else variable.sel(group=label)
            values = part.values.ravel()
            low, median, high = np.quantile(values, [tail, 0.5, 1 - tail])
            rows[name if label is None else f"{name}[{label}]"] = {
                "mean": values.mean(), "median": median, "sd": values.std(ddof=1), "low": low,
                "high": high,
            }  # fmt: skip
    measures = fit["fit_measures"]
    return FitSummary(
        table=pd.DataFrame.from_dict(rows, orient="index"), model=fit.attrs["model"],
        respondents=fit.attrs["respondents"], sampler=fit.attrs["sampler"],
        failures=_words(fit.attrs["gates_failed"]),
        unidentified=_words(fit.attrs["unidentified"]), ppp=float(measures["ppp"]),
        srmr=float(measures["srmr"]), probability=probability,
    )  # fmt: skip


def _words(value: Any) -> tuple[str, ...]:
    """A list of words; a file keeps a list of one as the word itself, and an empty one as numbers."""
    return tuple(str(word) for word in np.atleast_1d(value))
