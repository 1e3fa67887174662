"""Whether groups answer alike: configural, metric, scalar and strict measurement invariance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from scipy.stats import chi2

from pycore.errors import refuse
from pycore.estimation.likelihood_measures import likelihood_measures
from pycore.estimation.maximum_likelihood import maximise
from pycore.estimation.sample import read
from pycore.estimation.specification import make_plan
from pycore.model.model import Model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    from pycore.estimation.summary_data import SummaryData

__all__ = ["LEVELS", "invariance"]

LEVELS: dict[str, tuple[str, ...]] = {
    "configural": (),
    "metric": ("loadings",),
    "scalar": ("loadings", "intercepts"),
    "strict": ("loadings", "intercepts", "residuals"),
}


def invariance(
    model: Model,
    data: pd.DataFrame | Mapping[Any, SummaryData],
    *,
    group: str,
    missing: Literal["fiml", "listwise"] = "fiml",
) -> pd.DataFrame:
    """Compare groups step by step, by maximum likelihood.

    Configural: the same model, with coefficients of each group's own.  Metric: equal loadings, which
    paths between groups need to be compared.  Scalar: equal intercepts too, which means need.
    Strict: equal error variances too.

    Parameters
    ----------
    model : Model
        With survey items.
    data : pandas.DataFrame or mapping of group label to SummaryData
        As for :func:`pycore.estimate`.
    group : str
        Column that separates the groups.
    missing : {"fiml", "listwise"}
        As for :func:`pycore.estimate`.

    Returns
    -------
    pandas.DataFrame
        One row per step: ``chisq``, ``df``, ``pvalue``, ``cfi``, ``rmsea``, ``srmr``, ``aic``,
        ``bic``; ``chisq_difference``, ``df_difference``, ``p_difference`` from the step before, and
        the change of CFI and RMSEA; ``converged``.

    Raises
    ------
    InputError
        For data that cannot be used, and for groups that share every parameter by the model itself.

    Examples
    --------
    >>> import numpy as np
    >>> import pycore as pc
    >>> m = pc.Model.from_lavaan("f =~ x1 + x2 + x3 + x4")
    >>> rng = np.random.default_rng(1)
    >>> y = rng.normal(size=(400, 1)) + rng.normal(size=(400, 4))
    >>> data = pd.DataFrame(y, columns=["x1", "x2", "x3", "x4"]).assign(shop=["a", "b"] * 200)
    >>> steps = pc.invariance(m, data, group="shop")
    >>> steps["df"].astype(int).tolist(), bool((steps["p_difference"].dropna() > 0.01).all())
    ([4, 7, 10, 14], True)
    """
    if not isinstance(model, Model):
        raise refuse("model", model, "a pc.Model")
    sample = read(model, data, group, missing)
    if sample.moderated or sample.group_name is None:
        raise refuse("group", group, "a column whose groups have parameters of their own")
    rows = {}
    previous: dict[str, float] | None = None
    for level, equal in LEVELS.items():
        if "intercepts" in equal and not sample.means:
            break
        fit = maximise(make_plan(model, sample, None, equal=equal, likelihood=True), sample)
        found = likelihood_measures(fit, sample)
        row = {n: found[n] for n in ("chisq", "df", "pvalue", "cfi", "rmsea", "srmr", "aic", "bic")}
        if previous is not None:
            more, steps = found["chisq"] - previous["chisq"], found["df"] - previous["df"]
            row |= {
                "chisq_difference": more, "df_difference": steps,
                "p_difference": float(chi2.sf(max(more, 0.0), steps)) if steps else float("nan"),
                "cfi_change": found["cfi"] - previous["cfi"],
                "rmsea_change": found["rmsea"] - previous["rmsea"],
            }  # fmt: skip
        rows[level] = row | {"converged": fit.mode.converged}
        previous = found
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table[[c for c in table.columns if c != "converged"] + ["converged"]]
