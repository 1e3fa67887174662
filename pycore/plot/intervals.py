"""Figures of estimates with intervals: paths, mediation, levers in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pycore.errors import refuse, require_name
from pycore.plot.style import (
    INK,
    MUTED,
    PALETTE,
    axes_for,
    colours,
    finish,
    listed,
    pretty,
    use,
)

__all__ = ["forest", "mediation_bars", "ranking", "row_labels"]

_ROW = 0.30  # inches per row
_EFFECTS = ("kind", "path", "mean", "low", "high")


def forest(
    fit: Any,
    *,
    kind: str = "direct",
    paths: Sequence[str] | None = None,
    truth: Mapping[str, float] | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    xlabel: str = "path coefficient (sd per sd)",
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw paths with their 90% intervals, and the truth where the data are synthetic.

    Parameters
    ----------
    fit : fit or DataFrame
        What :func:`pycore.estimate` returned, or a table of :func:`pycore.effects` with columns
        kind, path, mean, low, high.
    kind : str
        Which effects: ``"direct"``, ``"indirect"`` or ``"total"``.
    paths : sequence of str, optional
        Which paths in which order, by default all.
    truth : mapping, optional
        Path → value that made the synthetic data, drawn as an open diamond.
    labels : mapping, optional
        Path → words to print.
    title : str, optional
        The finding; by default what is drawn.
    xlabel : str
        What the coefficients are, with unit.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes

    Examples
    --------
    >>> import pandas as pd
    >>> effects = pd.DataFrame(
    ...     {"kind": ["direct"], "path": ["a → b"], "mean": [0.4], "low": [0.3], "high": [0.5]}
    ... )
    >>> figure, ax = forest(effects, truth={"a → b": 0.45})
    >>> [t.get_text() for t in ax.get_yticklabels()]
    ['a → b']
    """
    effects = _effects(fit)
    kinds = list(dict.fromkeys(effects["kind"]))
    require_name("kind", kind, kinds)
    rows = effects[effects["kind"] == kind]
    known = [str(p) for p in rows["path"]]
    for path in (*(paths or ()), *(truth or {})):
        require_name("path", path, known)
    if paths is not None:
        rows = rows.set_index("path").loc[list(paths)].reset_index()
    names = [(labels or {}).get(str(p), pretty(str(p))) for p in rows["path"]]
    real = [None if truth is None else truth.get(str(p)) for p in rows["path"]]
    with use():
        figure, axes = axes_for(ax, 1.0 + _ROW * len(rows))
        y = np.arange(len(rows))[::-1]
        axes.axvline(0, color=MUTED, linewidth=1.0)
        _whiskers(axes, rows, y, PALETTE["blue"])
        marked = [(v, at) for v, at in zip(real, y, strict=True) if v is not None]
        if marked:
            axes.plot(
                *zip(*marked, strict=True), linestyle="none", marker="D", markersize=9,
                markerfacecolor="none", markeredgecolor=PALETTE["vermillion"], markeredgewidth=1.4,
            )  # fmt: skip
        row_labels(axes, y, names)
        _numbers(axes, rows, y)
        made = "\ndiamonds: value that made the synthetic data" if marked else ""
        axes.set_xlabel(f"{xlabel}; bars: 90% interval{made}")
        axes.set_title(f"{kind.capitalize()} effects" if title is None else title)
        shown = rows[["path", "mean", "low", "high"]].rename(
            columns={"mean": f"mean, {xlabel}", "low": "5%", "high": "95%"}
        )
        if truth is not None:
            shown = shown.assign(truth=[np.nan if v is None else v for v in real])
        said = [
            f"{name} {m:.2f} ({lo:.2f} to {hi:.2f})" for name, m, lo, hi in zip(
                names, rows["mean"], rows["low"], rows["high"], strict=True)
        ]  # fmt: skip
        finish(axes, shown, f"Points with 90% intervals: {listed(said)}.".replace("-", "−"), of=fit)
    return figure, axes


def mediation_bars(
    effects: Any,
    *,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    xlabel: str = "effect (sd per sd)",
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Split each total effect into its direct part and the parts by way of mediators.

    Parameters
    ----------
    effects : fit or DataFrame
        What :func:`pycore.estimate` or :func:`pycore.effects` returned; ``path`` is written with
        arrows, ``"failure → exhaustion → intention"``.  Effects are grouped by first and last name.
    labels : mapping, optional
        Name of a state → words to print.
    title : str, optional
        The finding; by default what is drawn.
    xlabel : str
        What the effects are, with unit.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes
        One group per pair of cause and outcome that has an indirect effect; whiskers are 90%
        intervals.

    Examples
    --------
    >>> import pandas as pd
    >>> effects = pd.DataFrame(
    ...     {
    ...         "kind": ["direct", "indirect", "total"],
    ...         "path": ["a → c", "a → b → c", "a → c"],
    ...         "mean": [0.1, 0.3, 0.4],
    ...         "low": [0.0, 0.2, 0.3],
    ...         "high": [0.2, 0.4, 0.5],
    ...     }
    ... )
    >>> figure, ax = mediation_bars(effects)
    >>> [t.get_text() for t in ax.get_yticklabels()]
    ['total', 'direct', 'by way of b']
    """
    rows = _effects(effects)
    steps = [_steps(str(p)) for p in rows["path"]]
    rows = rows.assign(cause=[s[0] for s in steps], outcome=[s[-1] for s in steps])
    mediated = rows[rows["kind"] == "indirect"][["cause", "outcome"]].drop_duplicates()
    if mediated.empty:
        raise refuse("effects", list(dict.fromkeys(rows["kind"])), "a table with indirect effects")

    def word(name: str) -> str:
        return (labels or {}).get(name, pretty(name))

    y: list[float] = []
    names: list[str] = []
    inks: list[str] = []
    heads: list[tuple[float, str]] = []
    kept: list[int] = []
    at = 0.0
    tint = {"total": MUTED, "direct": PALETTE["orange"], "indirect": PALETTE["blue"]}
    for cause, outcome in mediated.itertuples(index=False):
        group = rows[(rows["cause"] == cause) & (rows["outcome"] == outcome)]
        heads.append((at, f"{word(cause)} → {word(outcome)}"))
        at -= 0.9
        for kind in ("total", "direct", "indirect"):
            for index, row in group[group["kind"] == kind].iterrows():
                through = [word(s) for s in _steps(str(row["path"]))[1:-1]]
                way = " → ".join(through) if through else "mediators"
                names.append(f"by way of {way}" if kind == "indirect" else kind)
                y.append(at)
                inks.append(tint[kind])
                kept.append(int(index))
                at -= 0.8
        at -= 0.45
    shown = rows.loc[kept]
    with use():
        figure, axes = axes_for(ax, 0.9 + 0.27 * (len(y) + 1.4 * len(heads)))
        axes.barh(y, shown["mean"], height=0.56, color=inks, alpha=0.75)
        axes.hlines(y, shown["low"], shown["high"], color=INK, linewidth=1.3)
        axes.axvline(0, color=MUTED, linewidth=1.0)
        row_labels(axes, np.asarray(y), names)
        for height, head in heads:
            axes.text(
                0, height, head, transform=axes.get_yaxis_transform(), fontweight="bold",
                va="center", ha="left",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            )  # fmt: skip
        axes.set_ylim(min(y) - 0.6, 0.6)
        _numbers(axes, shown, np.asarray(y))
        axes.set_xlabel(f"{xlabel}; lines: 90% interval")
        axes.set_title("Direct and indirect effects" if title is None else title)
        columns = {"mean": f"mean, {xlabel}", "low": "5%", "high": "95%"}
        data = shown[["kind", "path", "mean", "low", "high"]].rename(columns=columns)
        said = [f"{k} {p}: {m:.2f}" for k, p, m in zip(
            shown["kind"], shown["path"], shown["mean"], strict=True)]  # fmt: skip
        finish(axes, data, f"Bars: {listed(said)}.".replace("-", "−"), of=effects)
    return figure, axes


def ranking(
    table: pd.DataFrame,
    *,
    name: str = "lever",
    value: str = "value",
    low: str = "low",
    high: str = "high",
    unit: str = "",
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Rank options, levers per unit of cost for example, with their intervals.

    Parameters
    ----------
    table : DataFrame
        One row per option.
    name, value, low, high : str
        Columns with the option, its value and the ends of its 90% interval.
    unit : str
        Unit of the value, as on the axis: ``"consumers kept per 1000 CNY"``.
    labels : mapping, optional
        Option → words to print.
    title : str, optional
        The finding; by default what is drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    figure, axes

    Examples
    --------
    >>> import pandas as pd
    >>> levers = pd.DataFrame(
    ...     {"lever": ["a", "b"], "value": [1.0, 2.0], "low": [0.5, 1.5], "high": [1.5, 2.5]}
    ... )
    >>> figure, ax = ranking(levers, unit="consumers per CNY")
    >>> [t.get_text() for t in ax.get_yticklabels()]
    ['b', 'a']
    """
    for argument in (name, value, low, high):
        require_name("table", argument, [str(c) for c in table.columns])
    rows = table.sort_values(value, ascending=False, kind="stable")
    rows = rows.rename(columns={value: "mean", low: "low", high: "high"})
    options = [str(x) for x in rows[name]]
    names = [(labels or {}).get(x, pretty(x)) for x in options]
    inks = colours([str(x) for x in table[name]])
    with use():
        figure, axes = axes_for(ax, 1.1 + 0.42 * len(rows))
        y = np.arange(len(rows))[::-1]
        axes.axvline(0, color=MUTED, linewidth=1.0)
        for k, option in enumerate(options):
            _whiskers(axes, rows.iloc[k : k + 1], y[k : k + 1], inks[option], size=8)
        row_labels(axes, y, names)
        _numbers(axes, rows, y)
        axes.set_xlabel(f"{unit}; bars: 90% interval" if unit else "value; bars: 90% interval")
        axes.set_title("Ranked options" if title is None else title)
        shown = rows[[name, "mean", "low", "high"]].rename(
            columns={"mean": unit or "value", "low": "5%", "high": "95%"}
        )
        said = [f"{n} {m:.3g} ({lo:.3g} to {hi:.3g})" for n, m, lo, hi in zip(
            names, rows["mean"], rows["low"], rows["high"], strict=True)]  # fmt: skip
        finish(axes, shown, f"In order: {listed(said)} {unit}.".replace("-", "−"))
    return figure, axes


def _effects(fit: Any) -> pd.DataFrame:
    """Effects of a fit or a table, each named by its path."""
    if isinstance(fit, pd.DataFrame):
        rows = fit
    else:
        from pycore.estimation import effects

        rows = effects(fit)
    if "route" in rows and "path" not in rows:
        # A total has no route of its own: it is named by its ends.
        ends = rows["cause"] + " → " + rows["effect"]
        rows = rows.assign(path=rows["route"].where(rows["route"] != "", ends))
        rows = rows[rows["kind"].isin(["direct", "indirect", "total"])]
    for column in _EFFECTS:
        require_name("effects", column, [str(c) for c in rows.columns])
    return rows.reset_index(drop=True)


def _steps(path: str) -> list[str]:
    return [s.strip() for s in path.replace("->", "→").split("→")]


def _whiskers(axes: Axes, rows: pd.DataFrame, y: Any, ink: str, size: float = 6.5) -> None:
    axes.hlines(y, rows["low"], rows["high"], color=ink, linewidth=2.2)
    axes.plot(rows["mean"], y, "o", color=ink, markersize=size)


def row_labels(axes: Axes, y: Any, names: Sequence[str]) -> None:
    """Rows named at the left, with a grid across."""
    axes.set_yticks(y, names)
    axes.set_ylim(min(y) - 0.6, max(y) + 0.6)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def _numbers(axes: Axes, rows: pd.DataFrame, y: Any) -> None:
    """Value and interval in figures at the right edge."""
    for mean, low, high, at in zip(rows["mean"], rows["low"], rows["high"], y, strict=True):
        text = f"{_figures(mean)} [{_figures(low)}, {_figures(high)}]".replace("-", "−")
        axes.annotate(
            text, (1.0, at), xycoords=axes.get_yaxis_transform(), xytext=(6, 0),
            textcoords="offset points", va="center", ha="left", fontsize=9, color=MUTED,
            annotation_clip=False,
        )  # fmt: skip


def _figures(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else (
        f"{value:.2f}")  # fmt: skip
