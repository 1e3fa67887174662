"""Ledger of exact integers → xarray.Dataset with units and Monte Carlo errors.

Everything shown is a function of the ledger: counts and fixed-point sums per scenario, draw,
segment, batch and period.  The batches are equal slices of each segment; how they scatter is the
Monte Carlo error, and because scenarios share their consumers and random numbers, it is also the
error of a paired difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from pycore.model.elements import Element, Event
from pycore.model.model import Model
from pycore.program.program import Program, Record

__all__ = [
    "LEDGER_DIMS",
    "cell_labels",
    "histogram_edges",
    "influence",
    "ledger_array",
    "summarise",
]

LEDGER_DIMS = ("scenario", "draw", "segment", "batch", "period", "cell")
F64 = npt.NDArray[np.float64]


def cell_labels(program: Program) -> list[str]:
    """Name of every ledger cell, in order."""
    labels = ["active", *(f"stage:{s}" for s in program.stages)]
    for record in program.records:
        groups = [f"@{s}" for s in program.stages] if record.by_stage else [""]
        for group in groups:
            labels += [f"{record.name}{group}:{part}" for part in _parts(record)]
    return labels


def _parts(record: Record) -> list[str]:
    if record.kind == "count":
        return ["count"]
    if record.kind == "moments":
        return ["sum", "squares"]
    if record.kind == "sum":
        return ["sum"]
    if record.kind == "shared":
        return ["sum", "communities"]
    return ["below", *(f"bin{k}" for k in range(record.bins)), "above"]


def ledger_array(
    program: Program,
    cells: npt.NDArray[np.int64],
    scenarios: Sequence[str],
    draws: int,
    segments: Sequence[str],
) -> xr.DataArray:
    """Label the machine's ledger."""
    shape = (len(scenarios), draws, len(segments), *cells.shape[1:])
    return xr.DataArray(
        cells.reshape(shape),
        dims=LEDGER_DIMS,
        coords={
            "scenario": list(scenarios),
            "segment": list(segments),
            "cell": cell_labels(program),
        },
        name="ledger",
        attrs={"long_name": "exact integer aggregates (sums in fixed point)"},
    )


def influence(total: F64, size: F64) -> tuple[F64, F64]:
    """Ratio Σtotal / Σsize over batches, and each batch's influence on it.

    Parameters
    ----------
    total, size : arrays with the batch as axis 3
        Sum of a quantity and number of consumers, per batch.

    Returns
    -------
    ratio, influences
        ``ratio`` without the batch axis; the squared influences, summed and multiplied by
        B/(B − 1), are the ratio's squared Monte Carlo error.
    """
    whole = size.sum(axis=3)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = total.sum(axis=3) / whole
        parts = (total - np.expand_dims(ratio, 3) * size) / np.expand_dims(whole, 3)
    return ratio, parts


def monte_carlo_error(parts: F64) -> F64:
    """Standard error from batch influences (NaN with a single batch)."""
    batches = parts.shape[3]
    if batches < 2:
        return np.full(parts.sum(axis=3).shape, np.nan)
    return np.asarray(np.sqrt(batches / (batches - 1) * (parts**2).sum(axis=3)))


def quantities(model: Model, program: Program, ledger: xr.DataArray) -> list[Quantity]:
    """Every ratio that the ledger holds, with its batch sums."""
    values = ledger.values
    active = values[..., 0].astype(float)
    found: list[Quantity] = []
    everyone = np.broadcast_to(values[:, :, :, :, :1, 0], active.shape).astype(float)
    for k, stage in enumerate(program.stages):
        count = values[..., 1 + k].astype(float)
        if k in program.absorbing:
            count = count.cumsum(axis=4)
        found.append(Quantity("consumers", stage, count, everyone, "share", ""))
    for record in program.records:
        if record.kind == "sum":
            continue  # for the environments
        element = model.element(record.name.split(":")[0])
        offset = program.offsets[record.name]
        width = record.width(0)
        stages: list[tuple[int, str | None]] = (
            list(enumerate(program.stages)) if record.by_stage else [(0, None)]
        )
        for k, group in stages:
            size = active if group is None else values[..., 1 + k].astype(float)
            at = offset + k * width
            cells = values[..., at : at + width].astype(float)
            if record.kind == "count":
                found.append(Quantity(record.name, group, cells[..., 0], size, "rate", ""))
            elif record.kind == "shared":
                total = cells[..., 0] * 2.0**-record.exponent
                name = element.name
                found.append(Quantity(name, None, total, cells[..., 1], "shared", element.unit))
            elif record.kind == "moments":
                unit = element.unit
                first = cells[..., 0] * 2.0**-record.exponent
                second = cells[..., 1] * 2.0**-record.square_exponent
                found.append(Quantity(record.name, group, first, size, "mean", unit))
                found.append(Quantity(record.name, group, second, size, "square", unit))
    return found


class Quantity:
    """One ratio of batch sums: a share, a rate, a mean or a mean square."""

    def __init__(
        self, name: str, stage: str | None, total: F64, size: F64, kind: str, unit: str
    ) -> None:
        self.name = name
        self.stage = stage
        self.total = total
        self.size = size
        self.kind = kind
        self.unit = unit
        self.ratio, self.parts = influence(total, size)


_DIMS = ("scenario", "draw", "segment", "period")


def summarise(model: Model, program: Program, ledger: xr.DataArray) -> xr.Dataset:
    """Counts, rates, means, variances and histograms with their Monte Carlo errors."""
    values = ledger.values
    data: dict[str, xr.DataArray] = {
        "active": xr.DataArray(
            values[..., 0].sum(axis=3),
            dims=_DIMS,
            attrs={"units": "consumers", "long_name": "active at the start of the period"},
        )
    }
    stacked: dict[str, list[tuple[str | None, F64]]] = {}
    attributes: dict[str, dict[str, Any]] = {}

    def put(name: str, stage: str | None, value: F64, units: str, meaning: str) -> None:
        stacked.setdefault(name, []).append((stage, value))
        attributes[name] = {"units": units, "long_name": meaning}

    squares: dict[tuple[str, str | None], Quantity] = {}
    found = quantities(model, program, ledger)
    # Where all influence each other, batches know only the chance that they do not share.
    one_society = program.coupling is not None and not program.coupling.community
    uncertain = "Monte Carlo error" + (", given what all went through" if one_society else "")
    for q in found:
        if q.kind == "square":
            squares[q.name, q.stage] = q
    for q in found:
        error = monte_carlo_error(q.parts)
        if q.kind == "share":
            number = q.size.sum(axis=3)
            put("consumers", q.stage, q.total.sum(axis=3), "consumers", "in stage at period's end")
            put("consumers_mcse", q.stage, error * number, "consumers", uncertain)
            put("share", q.stage, q.ratio, "1", "share of all consumers in stage at period's end")
            put("share_mcse", q.stage, error, "1", uncertain)
        elif q.kind == "rate":
            what = _meaning(model.element(q.name))
            put(f"{q.name}_count", q.stage, q.total.sum(axis=3), "consumers", what)
            put(f"{q.name}_rate", q.stage, q.ratio, "1 per period", f"{what}, per active consumer")
            put(f"{q.name}_rate_mcse", q.stage, error, "1 per period", uncertain)
        elif q.kind == "shared":
            what = f"{_meaning(model.element(q.name))}, mean over communities at period's end"
            put(q.name, None, q.ratio, q.unit or "1", what)
            put(f"{q.name}_mcse", None, error, q.unit or "1", uncertain)
        elif q.kind == "mean":
            what = _meaning(model.element(q.name))
            square = squares[q.name, q.stage].ratio
            put(f"{q.name}_mean", q.stage, q.ratio, q.unit or "1", f"mean {what}")
            put(f"{q.name}_mean_mcse", q.stage, error, q.unit or "1", uncertain)
            put(f"{q.name}_variance", q.stage, np.maximum(square - q.ratio**2, 0),
                f"({q.unit})²" if q.unit else "1", f"variance of {what}")  # fmt: skip
    for name, parts in stacked.items():
        if parts[0][0] is None:
            data[name] = xr.DataArray(parts[0][1], dims=_DIMS, attrs=attributes[name])
        else:
            data[name] = xr.DataArray(
                np.stack([v for _, v in parts], axis=-1),
                dims=(*_DIMS, "stage"),
                coords={"stage": [s for s, _ in parts]},
                attrs=attributes[name],
            )
    data |= _histograms(model, program, values)
    for name in ("consumers", *(f"{q.name}_count" for q in found if q.kind == "rate")):
        if name in data:
            data[name] = data[name].astype(np.int64)
    return xr.Dataset(
        {**data, "ledger": ledger},
        coords={"scenario": ledger["scenario"], "segment": ledger["segment"],
                "period": ("period", np.arange(1, values.shape[4] + 1), {"units": model.period})},
    )  # fmt: skip


def _meaning(element: Element) -> str:
    text = element.doc or element.name.replace("_", " ")
    return text.rstrip(".") + (
        " happened" if isinstance(element, Event) and not element.doc else ""
    )


def histogram_edges(model: Model, record: Record) -> F64:
    """Edges of a histogram's bins in the unit of the quantity, one more than bins."""
    edges = record.low + (record.high - record.low) / record.bins * np.arange(record.bins + 1)
    logarithmic = model.records[record.name.split(":")[0]].spacing == "log"
    return np.asarray(np.exp(edges) if logarithmic else edges)


def _histograms(
    model: Model, program: Program, values: npt.NDArray[np.int64]
) -> dict[str, xr.DataArray]:
    found = {}
    for record in program.records:
        if record.kind != "histogram":
            continue
        name = record.name.split(":")[0]
        width = record.width(0)
        offset = program.offsets[record.name]
        repeats = len(program.stages) if record.by_stage else 1
        cells = values[..., offset : offset + width * repeats].sum(axis=3)
        edges = histogram_edges(model, record)
        middles = [-np.inf, *(edges[:-1] + edges[1:]) / 2, np.inf]
        if record.by_stage:
            cells = cells.reshape(*cells.shape[:-1], repeats, width)
            dims: tuple[str, ...] = (*_DIMS, "stage", f"{name}_bin")
            coords: dict[str, Any] = {"stage": list(program.stages), f"{name}_bin": middles}
        else:
            dims, coords = (*_DIMS, f"{name}_bin"), {f"{name}_bin": middles}
        found[f"{name}_histogram"] = xr.DataArray(
            cells, dims=dims, coords=coords,
            attrs={"units": "consumers", "long_name": f"histogram of {name} (bin middles)"},
        )  # fmt: skip
    return found
