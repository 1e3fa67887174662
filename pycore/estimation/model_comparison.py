"""Which of several models predicts a respondent left out best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pycore.errors import refuse, require_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["loo_compare"]

_SAME = 1e-8


def loo_compare(fits: Mapping[str, Any], *, reference: str | None = None) -> pd.DataFrame:
    """Compare fits of the same answers by their expected log predictive density.

    Each respondent is predicted from all others by Pareto-smoothed importance sampling (PSIS-LOO),
    with latent variables integrated out: it is the whole row of answers that is predicted.  Models
    can so be compared only if they measure the same items on the same scale.  Where one theory
    speaks of fewer items than another, give its model the other items too, as traits that go
    together freely: then it predicts them as well as anything linear can, and what differs is what
    the theories say.

    Parameters
    ----------
    fits : mapping of name to xarray.DataTree
        At least two results of :func:`pycore.estimate` with draws, on the same table.
    reference : str, optional
        Fit from which differences are taken; by default the best.

    Returns
    -------
    pandas.DataFrame
        One row per fit, best first, as of :func:`arviz.compare`: ``elpd``, its standard error
        ``se``, effective number of parameters ``p``, difference to the reference ``elpd_diff``, its
        standard error ``dse``, stacking ``weight`` (Yao et al. 2018, doi:10.1214/17-BA1091); then
        ``pareto_k``, the largest shape, ``above``, how many respondents have one too large to be
        relied on, and ``gates``, whether the draws met theirs.  A difference below 4 says nothing
        whatever its error (Sivula et al. 2020, arXiv:2008.10296).

    Raises
    ------
    InputError
        For less than two fits, fits of other data or items than the first one's, and fits without
        respondents left out: by maximum likelihood, from published tables, of categories, of
        outcomes.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model.from_lavaan("taste =~ a + b + c ; trust =~ d + e + f ; trust ~ taste")
    >>> flat = pc.Model.from_lavaan("all =~ a + b + c + d + e + f")
    >>> asked = pc.answers(m, respondents=300, seed=1)[list(m.items)]
    >>> fits = {
    ...     name: pc.estimate(one, asked, method="laplace", seed=1)
    ...     for name, one in {"two": m, "one": flat}.items()
    ... }
    >>> pc.loo_compare(fits).index.tolist()
    ['two', 'one']
    """
    from arviz_stats import compare
    from arviz_stats.utils import ELPDDataLOO

    if not isinstance(fits, Mapping) or len(fits) < 2:
        raise refuse("fits", fits, "a mapping of name to fit, at least two")
    if reference is not None:
        require_name("reference", reference, fits)
    parts = {}
    first = None
    for name, fit in fits.items():
        measures = _measures(name, fit)
        first = fit if first is None else first
        _require_same_answers(name, fit, first)
        elpd, shape = measures["elpd_i"], measures["pareto_k_i"]
        draws = int(measures["loo_draws"])
        good = min(1 - 1 / np.log10(draws), 0.7)
        parts[name] = ELPDDataLOO(
            elpd=elpd.sum().item(), se=float(np.sqrt(elpd.size) * elpd.std()),
            p=measures["p_loo"].item(), n_samples=draws, n_data_points=elpd.size, scale="log",
            warning=bool((shape > good).any()), good_k=good, elpd_i=elpd, pareto_k=shape,
        )  # fmt: skip
    found: pd.DataFrame = compare(parts, reference=reference, round_to="none")
    found["pareto_k"] = [float(parts[n].pareto_k.max()) for n in found.index]
    found["above"] = [int((parts[n].pareto_k > parts[n].good_k).sum()) for n in found.index]
    found["gates"] = [bool(fits[n].attrs["gates_passed"]) for n in found.index]
    kept = ["elpd", "se", "p", "elpd_diff", "dse", "weight", "pareto_k", "above", "gates"]
    return found[kept].rename_axis("model")


def _measures(name: str, fit: Any) -> Any:
    group = fit["fit_measures"] if "fit_measures" in getattr(fit, "children", ()) else ()
    if "elpd_i" not in group:
        raise refuse(f"fits[{name!r}]", "a fit in which no respondent is left out",
                     "a fit with draws of a table of at most 5000 respondents, whose items count "
                     "as numbers")  # fmt: skip
    return group


def _require_same_answers(name: str, fit: Any, first: Any) -> None:
    """Same items, same respondents: the statistics that the likelihood reads say so."""
    mine, theirs = fit["constant_data"], first["constant_data"]
    items = [str(i) for i in theirs["item"].values]
    if sorted(map(str, mine["item"].values)) != sorted(items):
        other = sorted(set(map(str, mine["item"].values)) ^ set(items))
        raise refuse(f"fits[{name!r}]", f"other items ({', '.join(other[:3])} …)",
                     "the items of the first fit")  # fmt: skip
    mine = mine.sel(item=items, item_=items)
    alike = mine["n"].shape == theirs["n"].shape and all(
        np.allclose(mine[part].values, theirs[part].values, rtol=0, atol=_SAME)
        for part in ("n", "mean", "covariance")
    )
    if not alike:
        raise refuse(f"fits[{name!r}]", "other answers, or other groups of them",
                     "the respondents and groups of the first fit")  # fmt: skip
