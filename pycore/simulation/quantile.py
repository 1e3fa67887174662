"""Quantiles from recorded histograms, with the error that the bins leave and that of Monte Carlo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from pycore.errors import refuse, require_name
from pycore.simulation.compare import sources
from pycore.simulation.dataset import histogram_edges, influence, monte_carlo_error

__all__ = ["quantile"]

F64 = npt.NDArray[np.float64]
# The bin of a value is found in 32-bit numbers, of a logarithm with an error of 5e-7 (its own
# tests hold that), so a value this close to an edge may be counted on its other side.
_EDGE = 2.0**-20


def quantile(run: xr.Dataset, quantity: str, q: float | Sequence[float]) -> xr.Dataset:
    """Quantiles of a recorded quantity among the active consumers of each period.

    Parameters
    ----------
    run : xarray.Dataset
        What :func:`pycore.simulate` or :func:`pycore.pool` returned.
    quantity : str
        A quantity recorded with ``bins=``.
    q : float or sequence of float
        Shares, between 0 and 1.

    Returns
    -------
    xarray.Dataset
        ``value``, ``bound`` and ``mcse`` over scenario, draw, segment, period, ``quantile`` and,
        where stages were kept apart, stage.  The q-quantile of the simulated consumers (the
        smallest of their values that at least a share q does not exceed) is within ``bound`` of
        ``value``: half a bin.  ``mcse`` is the Monte Carlo error of that quantile, the error of the
        share below divided by the density of its bin.  Below or above all bins the value is −∞ or
        ∞ and the bound ∞; without consumers all are NaN.

    Raises
    ------
    InputError
        If the quantity has no histogram or a share is outside 0 to 1.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("queue")
    >>> wait = m.draw("wait", pc.Exponential(mean=10))
    >>> m.record(wait, bins=(0.1, 1000, 500), spacing="log")
    >>> run = pc.simulate(m, consumers=100_000, periods=1, seed=1)
    >>> ninety = pc.quantile(run, "wait", 0.9)  # 10 · ln 10 = 23.0
    >>> [round(ninety[x].item(), 1) for x in ("value", "bound", "mcse")]
    [23.1, 0.2, 0.1]
    """
    model, program = sources(run)
    records = {r.name.split(":")[0]: r for r in program.records if r.kind == "histogram"}
    require_name("quantity", quantity, records)
    shares = np.atleast_1d(np.asarray(q, dtype=float))
    if shares.ndim != 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise refuse("q", q, "a number from 0 to 1, or several")
    record = records[quantity]
    edges = histogram_edges(model, record)
    blur = _EDGE * (edges if model.records[quantity].spacing == "log" else np.abs(edges).max())
    low = np.concatenate([[-np.inf], edges - blur])
    high = np.concatenate([edges + blur, [np.inf]])
    with np.errstate(invalid="ignore"):
        middle, half = (low + high) / 2, (high - low) / 2

    width, offset = record.width(0), program.offsets[record.name]
    groups = len(program.stages) if record.by_stage and program.stages else 1
    cells = run["ledger"].values[..., offset : offset + width * groups]
    counts = cells.reshape(*cells.shape[:-1], groups, width)
    # scenario, draw, segment, period, group: consumers up to and including each bin
    below = counts.sum(axis=3).cumsum(axis=-1)
    number = below[..., -1:]
    found: dict[str, list[F64]] = {"value": [], "bound": [], "mcse": []}
    for share in shares:
        # The rank is a whole number: q·n in floating point may lie a hair above it.
        rank = np.maximum(1, np.ceil(share * number * (1 - 2.0**-50)))
        place = np.minimum((below < rank).sum(axis=-1), width - 1)
        empty = number[..., 0] == 0
        found["value"].append(np.where(empty, np.nan, middle[place]))
        found["bound"].append(np.where(empty, np.nan, half[place]))
        found["mcse"].append(np.where(empty, np.nan, _error(counts, place, edges)))
    dims = ["scenario", "draw", "segment", "period", "stage"]
    unit = model.element(quantity).unit or "1"
    meaning = {
        "value": f"quantile of {quantity}",
        "bound": "largest distance to the quantile of these consumers",
        "mcse": "Monte Carlo error",
    }
    data = {
        name: xr.DataArray(
            np.stack(parts, axis=-1), dims=(*dims, "quantile"),
            attrs={"units": unit, "long_name": meaning[name]},
        )
        for name, parts in found.items()
    }  # fmt: skip
    out = xr.Dataset(
        data,
        coords={
            "scenario": run["scenario"], "segment": run["segment"], "period": run["period"],
            "quantile": shares,
        },
        attrs={"model": model.name, "quantity": quantity},
    )  # fmt: skip
    if groups > 1:
        return out.assign_coords(stage=list(program.stages))
    return out.isel(stage=0)


def _error(counts: npt.NDArray[np.int64], place: npt.NDArray[np.int64], edges: F64) -> F64:
    """Error of the share up to the quantile's bin, divided by the density in that bin."""
    batch_place = np.expand_dims(place, (3, -1))
    up_to = np.take_along_axis(counts.cumsum(axis=-1), batch_place, axis=-1)[..., 0]
    number = counts.sum(axis=-1)
    _, parts = influence(up_to.astype(float), number.astype(float))
    inside = np.take_along_axis(counts.sum(axis=3), place[..., None], axis=-1)[..., 0]
    width = np.concatenate([[np.inf], np.diff(edges), [np.inf]])[place]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(monte_carlo_error(parts) * width * number.sum(axis=3) / inside)
