"""New respondents: their states given what they answered, and what they would answer to the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from pycore.errors import allowed_names, refuse, require_name
from pycore.estimation.fitted import Fitted, fitted, group_labels, require_numbers
from pycore.model.elements import Item
from pycore.model.serialize import from_json
from pycore.simulation.thresholds import SPAN, default_thresholds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["predict"]

F64 = NDArray[np.float64]


def predict(fit: Any, table: pd.DataFrame, *, draws: int = 200, seed: int) -> xr.Dataset:
    """Predict states and unanswered items of respondents from what they did answer.

    In each posterior draw the states of a respondent are normal given her answers y, with mean
    V Λᵀ Σ⁻¹ (y − ν) over the items she answered (the regression of factor scores); one value is
    drawn from that law, so the spread over draws holds both what is unknown about her and about the
    parameters.  Items she left out are drawn given the states.

    Parameters
    ----------
    fit : xarray.DataTree
        Result of :func:`pycore.estimate` on data with means.
    table : pandas.DataFrame
        One row per respondent, one column per item answered; NaN, or no column, where not.  Where
        the fit has groups, also the column of the groups.
    draws : int
        Posterior draws, evenly thinned; each gives one draw of every respondent.
    seed : int
        Same seed, same draws.

    Returns
    -------
    xarray.Dataset
        ``score[draw, respondent, state]`` on the model's scale, ``score_mean`` and ``score_sd`` over
        draws; ``answer[draw, respondent, item]``, in answer categories where the item has them, NaN
        where it was answered.

    Raises
    ------
    InputError
        For columns that are no items, answers that the items do not have, no answer at all, an
        unknown group, or a fit without means, of categories or of outcomes.

    Examples
    --------
    One item that is the state: the state is what was answered, on the item's own scale.

    >>> import pycore as pc
    >>> m = pc.Model("taste")
    >>> met = m.trait("met", pc.Normal(0, 1))
    >>> _ = m.survey(met, ["MET"], points=0, error=0)
    >>> own = m.trait("own", pc.Normal(0, m.parameter("spread", 1, pc.HalfNormal(1))))
    >>> liked = m.state("liked", carry=0, target=m.parameter("b", 0.5, pc.Normal(0, 1)) * met + own)
    >>> _ = m.survey(liked, ["LIKED"], points=0, error=0)
    >>> data = pc.answers(m, respondents=200, seed=1, burn_in=1, recall=1)
    >>> fit = pc.estimate(m, data, seed=1, chains=2)
    >>> found = pc.predict(fit, data[["MET"]].head(3), seed=1)
    >>> found["score"].sizes["respondent"], bool(found["answer"].sel(item="MET").isnull().all())
    (3, True)
    """
    import pandas as pd

    if not isinstance(table, pd.DataFrame) or table.empty:
        raise refuse("table", type(table).__name__, "a pandas.DataFrame with a row per respondent")
    whole = isinstance(draws, int | np.integer) and not isinstance(draws, bool)
    require_numbers(fit)
    labels = group_labels(fit)
    posterior = fit["posterior"]
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    if not whole or not 1 <= draws <= total:
        raise refuse("draws", draws, f"a whole number from 1 to {total}")
    if "intercept" not in posterior:
        raise refuse("fit", "a fit without intercepts", "one on data with means")
    rng = np.random.default_rng(seed)
    chosen = np.linspace(0, total - 1, int(draws)).round().astype(int)
    items = dict(from_json(fit.attrs["model_json"]).items)
    column = str(fit.attrs.get("group", ""))
    groups = _groups(table, column, labels)
    _check_columns(table, items, column)
    scales = _scales(fit, items)
    known = np.column_stack([
        _answers(item, table[name], scales[name]) if name in table else np.full(len(table), np.nan)
        for name, item in items.items()
    ])  # fmt: skip
    first = fitted(fit, labels[0], chosen)
    states = np.zeros((len(chosen), len(table), len(first.latents)))
    missing = np.full((len(chosen), len(table), len(items)), np.nan)
    for label in labels:
        rows = np.flatnonzero(groups == (0 if label is None else labels.index(label)))
        if len(rows):
            states[:, rows], missing[:, rows] = _drawn(fitted(fit, label, chosen), known[rows], rng)
    for k, item in enumerate(items.values()):
        missing[..., k] = _categories(item, missing[..., k])
    found = xr.Dataset(
        {
            "score": (("draw", "respondent", "state"), states),
            "answer": (("draw", "respondent", "item"), missing),
        },
        coords={"state": list(first.latents), "item": list(items),
                "respondent": np.asarray(table.index), "draw": np.arange(len(chosen))},
    )  # fmt: skip
    found["score_mean"] = found["score"].mean("draw")
    found["score_sd"] = found["score"].std("draw", ddof=1)
    found.attrs = {"model": fit.attrs["model"], "seed": seed}
    return found


def _drawn(f: Fitted, known: F64, rng: np.random.Generator) -> tuple[F64, F64]:
    """States and unanswered items of respondents, one draw of each in every draw of the fit.

    Respondents who answered the same items share the matrices.
    """
    assert f.level is not None
    count, size = len(f.loading), len(f.latents)
    states = np.zeros((count, len(known), size))
    items = np.full((count, len(known), len(f.items)), np.nan)
    patterns, which = np.unique(np.isfinite(known), axis=0, return_inverse=True)
    for p, seen in enumerate(patterns):
        rows = np.flatnonzero(which.ravel() == p)
        inside = f.covariance[:, seen][:, :, seen]
        towards = f.latent @ np.swapaxes(f.loading[:, seen], 1, 2)
        gain = np.linalg.solve(inside, np.swapaxes(towards, 1, 2)).swapaxes(1, 2)
        away = known[rows][:, seen] - f.level[:, None, seen]
        centre = away @ np.swapaxes(gain, 1, 2)
        left = f.latent - gain @ np.swapaxes(towards, 1, 2)
        drawn = centre + _normal(left, len(rows), rng)  # from their means
        states[:, rows] = f.mean[:, None] + drawn
        # Given the states, errors of unanswered items still depend on the answers if Θ is not
        # diagonal.
        error = f.error
        own, other = error[:, ~seen][:, :, ~seen], error[:, ~seen][:, :, seen]
        known_error = error[:, seen][:, :, seen]
        rest = away - drawn @ np.swapaxes(f.loading[:, seen], 1, 2)
        pull = np.zeros_like(other)
        if other.any():
            pull = other @ np.linalg.pinv(known_error, hermitian=True)
        noise = _normal(own - pull @ np.swapaxes(other, 1, 2), len(rows), rng)
        level = f.level[:, None, ~seen] + drawn @ np.swapaxes(f.loading[:, ~seen], 1, 2)
        items[np.ix_(range(count), rows, np.flatnonzero(~seen))] = (
            level + rest @ np.swapaxes(pull, 1, 2) + noise
        )
    return states, items


def _normal(covariance: F64, rows: int, rng: np.random.Generator) -> F64:
    """Draws with covariances that may be singular (a state that is its item), one set per draw."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.clip(values, 0, None))[:, None, :]
    noise = rng.standard_normal((len(covariance), rows, covariance.shape[1]))
    return np.asarray(noise @ np.swapaxes(root, 1, 2))


def _groups(table: pd.DataFrame, column: str, labels: list[Any]) -> NDArray[np.int_]:
    if labels == [None]:
        return np.zeros(len(table), dtype=int)
    require_name("table", column, [str(c) for c in table.columns])
    strange = [x for x in table[column].unique() if x not in labels]
    if strange:
        raise refuse(f"table[{column!r}]", strange[0], allowed_names(map(str, labels)))
    return np.array([labels.index(x) for x in table[column]])


def _check_columns(table: pd.DataFrame, items: dict[str, Item], column: str) -> None:
    names = [str(c) for c in table.columns if str(c) != column]
    for name in names:
        require_name("table", name, items)
    if len(set(names)) != len(names):
        raise refuse("table", "a column twice", "every item at most once")
    if not names:
        raise refuse("table", "no column of an item", allowed_names(items))


def _scales(fit: Any, items: dict[str, Item]) -> dict[str, tuple[float, float]]:
    """Line from answers to the model's scale, as the respondents of the fit were put on it."""
    data = fit["constant_data"]
    size = data["n"].values[:, None] * data["observed"].values
    mean, covariance = data["mean"].values, data["covariance"].values
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    names = [str(i) for i in data["item"].values]
    found = {}
    for name, item in items.items():
        k = names.index(name)
        weight = size[:, k] / size[:, k].sum()
        centre = float(weight @ mean[:, k])
        spread = float(weight @ (variance[:, k] + (mean[:, k] - centre) ** 2))
        found[name] = _line(item, centre, spread**0.5)
    return found


def _line(item: Item, mean: float, sd: float) -> tuple[float, float]:
    """Intercept and slope that gave this mean and deviation on the model's scale.

    The estimate reads them from the answers (:func:`pycore.estimation.sample.answer_line`); a fit
    keeps what came out, from which the normal latent behind them is found again.
    """
    if item.points == 0:
        return 0.0, 1.0
    cuts = np.array(item.thresholds or default_thresholds(item.points))
    categories = np.arange(1, item.points + 1)

    def line(log_sigma: float) -> tuple[float, float, float]:
        sigma = float(np.exp(log_sigma))
        scaled = (cuts - mean) / sigma
        share = np.diff(np.concatenate([[0.0], ndtr(scaled), [1.0]]))
        level = float(share @ categories)
        slope = sigma * np.sqrt(2 * np.pi) / float(np.exp(-0.5 * scaled**2).sum())
        return mean - slope * level, slope, slope * float(share @ (categories - level) ** 2) ** 0.5

    middle = np.log(sd)
    try:
        at = brentq(lambda x: line(x)[2] - sd, middle - 2, middle + 2)
    except ValueError:  # answers that no normal gives: the line through the thresholds, as there
        width = float(np.ptp(cuts)) / max(len(cuts) - 1, 1) or SPAN / item.points
        return float(cuts.mean()) - width * (item.points + 1) / 2, width
    return line(at)[:2]


def _answers(item: Item, column: pd.Series, line: tuple[float, float]) -> F64:
    try:
        values = np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        raise refuse(f"item {item.name!r}", column.iloc[0], "numbers, or NaN") from None
    seen = values[~np.isnan(values)]
    if not np.isfinite(seen).all():
        raise refuse(f"item {item.name!r}", "infinite answers", "finite numbers")
    if item.points:
        bad = seen[(seen < 1) | (seen > item.points) | (seen != np.floor(seen))]
        if bad.size:
            raise refuse(f"item {item.name!r}", float(bad[0]),
                         f"whole answers from 1 to {item.points}")  # fmt: skip
    return line[0] + line[1] * values


def _categories(item: Item, values: F64) -> F64:
    if item.points == 0:
        return values
    cuts = np.asarray(item.thresholds or default_thresholds(item.points))
    answered = np.searchsorted(cuts, values, side="right") + 1.0
    return np.where(np.isfinite(values), answered, np.nan)
