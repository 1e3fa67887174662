"""Figures of proof: ranks of the truth, published figures reached, what a prior does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pycore.errors import refuse, require_name
from pycore.estimation.uniformity import band
from pycore.plot.direct_labels import label_ends
from pycore.plot.intervals import row_labels
from pycore.plot.style import (
    GRID,
    INK,
    MUTED,
    PALETTE,
    WIDTH,
    axes_for,
    finish,
    listed,
    pretty,
    use,
)  # fmt: skip

__all__ = ["published_figures", "rank_ecdf", "rank_panels", "sensitivity"]

_NAMED = 3  # curves that are labelled: those that stray most


def rank_ecdf(
    check: xr.Dataset,
    *,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw how far the ranks of the truth stray from uniform ones.

    Parameters
    ----------
    check : xarray.Dataset
        What :func:`pycore.calibration_check` returned.
    labels : mapping, optional
        Parameter → words to print.
    title : str, optional
        The finding; by default what is drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes
        One line per parameter: the ECDF of its ranks less the diagonal.  The band holds 95% of
        whole lines of a posterior that is right.  A line that rises first and falls later belongs
        to a posterior that is too narrow or to one side.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from pycore.estimation.uniformity import band, p_value
    >>> ranks = np.random.default_rng(1).integers(0, 20, (50, 1))
    >>> points, low, high = band(50, 19)
    >>> below = (ranks[:, :, None] < np.arange(1, 20)).mean(axis=0)
    >>> check = xr.Dataset(
    ...     {
    ...         "rank": (("replicate", "parameter"), ranks),
    ...         "ecdf": (("parameter", "point"), below),
    ...         "low": ("point", low),
    ...         "high": ("point", high),
    ...         "p_value": ("parameter", [p_value(ranks[:, 0], 19)]),
    ...     },
    ...     coords={"parameter": ["slope"], "point": points},
    ... )
    >>> figure, ax = rank_ecdf(check)
    >>> ax.get_ylabel()
    'share below, less the uniform share'
    """
    _require_check(check)
    names = [str(n) for n in check["parameter"].values]
    for name in labels or ():
        require_name("labels", name, names)
    points = np.concatenate([[0.0], check["point"].values, [1.0]])
    edge = {w: np.concatenate([[0.0], check[w].values, [1.0]]) - points for w in ("low", "high")}
    lines = np.column_stack([np.zeros(len(names)), check["ecdf"].values, np.ones(len(names))])
    lines = lines - points
    p = check["p_value"].values
    worst = list(np.argsort(p)[: min(_NAMED, len(names))])
    inks = dict(
        zip(worst, (PALETTE["vermillion"], PALETTE["blue"], PALETTE["green"]), strict=False)
    )
    words = [(labels or {}).get(n, pretty(n)) for n in names]
    count = check["rank"].sizes["replicate"]
    with use():
        figure, axes = axes_for(ax, 3.4)
        axes.fill_between(points, edge["low"], edge["high"], color=GRID, linewidth=0)
        axes.axhline(0, color=MUTED, linewidth=1.0)
        for k in range(len(names)):
            if k not in inks:
                axes.plot(points, lines[k], color=MUTED, linewidth=0.9, alpha=0.8)
        for k, ink in inks.items():
            axes.plot(points, lines[k], color=ink, linewidth=1.6)
        axes.set_xlim(0, 1)
        # Lines end at 0 where they all meet: they are named at their middles' height, outside.
        heights = [float(lines[k][np.argmax(np.abs(lines[k]))]) for k in worst]
        texts = [f"{words[k]}, p {_p(p[k])}" for k in worst]
        label_ends(axes, 1.0, heights, texts, [inks[k] for k in worst])
        axes.set_xlabel(f"rank of the truth, scaled to 0–1 ({count} replicates)")
        axes.set_ylabel("share below, less the uniform share")
        axes.set_title("Ranks of the truth against uniform ranks" if title is None else title)
        shown = pd.DataFrame({
            "parameter": names, "p value": p,
            "largest distance from the diagonal": np.abs(lines).max(axis=1),
        })  # fmt: skip
        inside = int(
            ((lines >= edge["low"] - 1e-9) & (lines <= edge["high"] + 1e-9)).all(axis=1).sum()
        )
        finish(
            axes, shown,
            f"Lines of {len(names)} parameters around zero; {inside} stay inside the 95% band. "
            f"Smallest: {words[worst[0]]}, p {_p(p.min())}.",
        )  # fmt: skip
    return figure, axes


def rank_panels(
    checks: Mapping[str, xr.Dataset],
    *,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
) -> tuple[Figure, list[Axes]]:
    """Draw ranks of the truth for several models, one panel each.

    Parameters
    ----------
    checks : mapping of str to xarray.Dataset
        Model → what :func:`pycore.calibration_check` returned.
    labels : mapping, optional
        Model → words to print.
    title : str, optional
        The finding; by default what is drawn.

    Returns
    -------
    figure, list of axes
        As :func:`rank_ecdf`, but the band is wider: in each panel it holds 95% of whole sets of
        lines, so that one line outside is a sign however many parameters a model has.  Lines that
        leave it are coloured and named.

    Examples
    --------
    >>> import numpy as np
    >>> from pycore.estimation.uniformity import of_ranks
    >>> rng = np.random.default_rng(1)
    >>> found = {n: of_ranks(rng.integers(0, 100, (50, 3)), list("abc"), 99) for n in ("x", "y")}
    >>> figure, axes = rank_panels(found)
    >>> [ax.get_title(loc="left") for ax in axes]
    ['x', 'y']
    """
    if not checks:
        raise refuse("checks", checks, "one model or more")
    for check in checks.values():
        _require_check(check)
    for name in labels or ():
        require_name("labels", name, list(checks))
    rows = (len(checks) + 1) // 2
    with use():
        figure, grid = plt.subplots(
            rows, 2, figsize=(WIDTH, 0.75 + 1.75 * rows), sharex=True, sharey=True, squeeze=False
        )
        axes = list(grid.ravel()[: len(checks)])
        for unused in grid.ravel()[len(checks) :]:
            unused.set_axis_off()
        figure.suptitle(
            "Ranks of the truth against uniform ranks" if title is None else title,
            x=0.01, ha="left", fontsize=11, fontweight="bold",
        )  # fmt: skip
        for at, (name, check) in zip(axes, checks.items(), strict=True):
            _panel(at, (labels or {}).get(name, pretty(name)), check)
        for at in axes[-2:]:
            at.tick_params(labelbottom=True)
            at.set_xlabel("rank of the truth, scaled to 0–1")
        figure.supylabel("share below, less the uniform share", fontsize=9.5)
        figure.draw_without_rendering()
    return figure, axes


def _panel(axes: Axes, title: str, check: xr.Dataset) -> None:
    names = [str(n) for n in check["parameter"].values]
    count, highest = check["rank"].sizes["replicate"], check.sizes["point"]
    inner, low, high = band(count, highest, 1 - 0.05 / len(names))
    points = np.concatenate([[0.0], inner, [1.0]])
    edge = [np.concatenate([[0.0], e, [1.0]]) - points for e in (low, high)]
    lines = np.column_stack([np.zeros(len(names)), check["ecdf"].values, np.ones(len(names))])
    lines = lines - points
    outside = ((lines < edge[0] - 1e-9) | (lines > edge[1] + 1e-9)).any(axis=1)
    axes.fill_between(points, *edge, color=GRID, linewidth=0)
    axes.axhline(0, color=MUTED, linewidth=1.0)
    inks = iter((PALETTE["vermillion"], PALETTE["purple"], PALETTE["green"]))
    for k in np.argsort(~outside, kind="stable"):
        ink = next(inks, PALETTE["black"]) if outside[k] else PALETTE["blue"]
        width, faint = (1.6, 1.0) if outside[k] else (0.8, 0.55)
        axes.plot(points, lines[k], color=ink, linewidth=width, alpha=faint)
        if outside[k]:
            far = int(np.argmax(np.abs(lines[k])))
            axes.annotate(pretty(names[k]), (points[far], lines[k][far]), color=ink, fontsize=8)
    axes.set_xlim(0, 1)
    axes.set_title(title, fontsize=9.5)
    p = check["p_value"].values
    shown = pd.DataFrame({
        "model": title, "parameter": names, "p value": p,
        "largest distance from the diagonal": np.abs(lines).max(axis=1),
    })  # fmt: skip
    finish(
        axes, shown,
        f"{title}: lines of {len(names)} parameters over {count} replicates, "
        f"{int(outside.sum())} of them outside the band.",
    )  # fmt: skip


def _require_check(check: Any) -> None:
    for name in ("ecdf", "low", "high", "p_value", "rank"):
        if not isinstance(check, xr.Dataset) or name not in check:
            raise refuse("check", type(check).__name__, "a result of pycore.calibration_check")


def published_figures(
    fit: Any,
    *,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the figures that a calibration was held to, and what the model gives for them.

    Parameters
    ----------
    fit : xarray.DataTree
        What :func:`pycore.calibrate` returned.
    labels : mapping, optional
        Target → words to print.
    title : str, optional
        The finding; by default what is drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes
        One row per target: the model's mean and 90% interval as a distance from the published
        figure, in standard errors of that figure.  The band is the figure's own 90% interval.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("coin")
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5, pc.Beta(2, 2))))
    >>> seen = {"heads per throw": pc.Target(measure="heads", value=0.62, error=0.02)}
    >>> fit = pc.calibrate(m, seen, periods=1, consumers=4000, particles=150, seed=1)
    >>> figure, ax = published_figures(fit)
    >>> [t.get_text() for t in ax.get_yticklabels()]
    ['heads per throw']
    """
    try:
        rows = fit["targets"].to_dataset().to_dataframe().reset_index()
    except (TypeError, KeyError, AttributeError):
        raise refuse("fit", type(fit).__name__, "a result of pycore.calibrate") from None
    names = [str(n) for n in rows["target"]]
    for name in labels or ():
        require_name("labels", name, names)
    words = [(labels or {}).get(n, pretty(n)) for n in names]
    with use():
        figure, axes = axes_for(ax, 1.25 + 0.42 * len(rows))
        y = np.arange(len(rows))[::-1]
        axes.axvspan(-1.645, 1.645, color=GRID, linewidth=0)
        axes.axvline(0, color=MUTED, linewidth=1.0)
        scaled = {
            w: (rows[w] - rows["value"]) / rows["error"] for w in ("predicted", "low", "high")
        }
        axes.hlines(y, scaled["low"], scaled["high"], color=PALETTE["blue"], linewidth=2.2)
        axes.plot(scaled["predicted"], y, "o", color=PALETTE["blue"], markersize=6.5)
        row_labels(axes, y, words)
        reach = max(2.5, 1.1 * float(max(scaled["high"].abs().max(), scaled["low"].abs().max())))
        axes.set_xlim(-reach, reach)
        for at, row in zip(y, rows.itertuples(), strict=True):
            text = f"{_digits(row.predicted, row.error)} ({_digits(row.value, row.error)} printed)"
            axes.annotate(
                text, (1.0, at), xycoords=axes.get_yaxis_transform(), xytext=(6, 0),
                textcoords="offset points", va="center", ha="left", fontsize=9, color=INK,
                annotation_clip=False,
            )  # fmt: skip
        axes.set_xlabel("model less printed figure, in its standard errors; bars: 90% interval")
        axes.set_title("Published figures and the calibrated model" if title is None else title)
        shown = rows[["target", "value", "error", "predicted", "low", "high", "mcse"]].rename(
            columns={"value": "printed", "low": "5%", "high": "95%", "mcse": "Monte Carlo error"}
        )
        said = [f"{w} {_digits(r.predicted, r.error)} against {_digits(r.value, r.error)} printed"
                for w, r in zip(words, rows.itertuples(), strict=True)]  # fmt: skip
        finish(axes, shown, f"Points with 90% intervals: {listed(said)}.", of=fit)
    return figure, axes


def sensitivity(
    table: pd.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw how much each posterior moves with the priors and with the likelihood.

    Parameters
    ----------
    table : pandas.DataFrame
        What :func:`pycore.prior_sensitivity` returned.
    labels : mapping, optional
        Parameter → words to print.
    title : str, optional
        The finding; by default what is drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes
        One row per parameter with two marks; to the right of the line at 0.05 a change is felt.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"prior": [0.01], "likelihood": [0.1]}, index=["slope"])
    >>> figure, ax = sensitivity(table)
    >>> [t.get_text() for t in ax.get_yticklabels()]
    ['slope']
    """
    for column in ("prior", "likelihood"):
        require_name("table", column, [str(c) for c in table.columns])
    names = [str(n) for n in table.index]
    for name in labels or ():
        require_name("labels", name, names)
    words = [(labels or {}).get(n, pretty(n)) for n in names]
    with use():
        figure, axes = axes_for(ax, 1.2 + 0.27 * len(names))
        y = np.arange(len(names))[::-1]
        axes.axvline(0.05, color=MUTED, linewidth=1.0, linestyle="--")
        axes.hlines(y, table["prior"], table["likelihood"], color=GRID, linewidth=2.0)
        marks = (("likelihood", PALETTE["blue"], "o"), ("prior", PALETTE["vermillion"], "D"))
        for column, ink, mark in marks:
            axes.plot(table[column], y, mark, color=ink, markersize=6)
            axes.annotate(
                column, (float(table[column].iloc[0]), y[0]), xytext=(0, 7), color=ink,
                textcoords="offset points", ha="center", fontsize=9, annotation_clip=False,
            )  # fmt: skip
        row_labels(axes, y, words)
        axes.set_ylim(-0.6, len(names) - 0.1)
        axes.set_xlim(0, max(0.1, 1.1 * float(table[["prior", "likelihood"]].max().max())))
        axes.set_xlabel("change of the posterior per doubling; dashed: 0.05, felt from here on")
        axes.set_title("What priors and data do" if title is None else title)
        shown = table[["prior", "likelihood"]].rename_axis("parameter").reset_index()
        felt = int((table["prior"] >= 0.05).sum())
        said = f"Two marks for each of {len(names)} parameters; the prior of {felt} is felt."
        finish(axes, shown, said)
    return figure, axes


def _p(value: float) -> str:
    return f"= {value:.2g}" if value >= 0.001 else "< 0.001"


def _digits(value: float, error: float) -> str:
    """A number to a tenth of its standard error."""
    places = max(0, 1 - int(np.floor(np.log10(error))))
    return f"{value:.{places}f}".replace("-", "−")
