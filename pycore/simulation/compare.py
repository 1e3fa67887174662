"""Paired differences between scenarios: same consumers, same random numbers."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import xarray as xr

from pycore.errors import refuse, require_name
from pycore.gates import marked
from pycore.model.elements import Environment
from pycore.model.model import Model
from pycore.program.program import Program
from pycore.simulation import provenance
from pycore.simulation.dataset import Quantity, monte_carlo_error, quantities, summarise

__all__ = ["compare", "pool", "sources"]


def pool(run: xr.Dataset) -> xr.Dataset:
    """Add all segments of a run together.

    Parameters
    ----------
    run : xarray.Dataset
        What :func:`pycore.simulate` returned.

    Returns
    -------
    xarray.Dataset
        The same variables with the single segment ``all``.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("coin")
    >>> m.segment("left", 1)
    >>> m.segment("right", 1)
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5)))
    >>> run = pc.simulate(m, consumers=1000, periods=1, seed=7)
    >>> int(pc.pool(run)["heads_count"].item() - run["heads_count"].sum().item())
    0
    """
    model, program = sources(run)
    ledger = run["ledger"].sum("segment", keepdims=True).assign_coords(segment=["all"])
    ledger = ledger.transpose(*run["ledger"].dims)
    pooled = summarise(model, program, ledger)
    if "cost" in run:
        cost = run["cost"].sum("segment", keepdims=True).assign_coords(segment=["all"])
        pooled["cost"] = cost.transpose(*run["cost"].dims)
        pooled["cost"].attrs = run["cost"].attrs
    for name in model.of_kind(Environment):
        if name in run and name not in pooled:
            pooled[name] = run[name]
    pooled.attrs = {k: v for k, v in run.attrs.items() if k != "provenance"}
    pooled.attrs["pooled_from"] = run.attrs["provenance"]
    return pooled


def compare(run: xr.Dataset, scenario: str, reference: str = "base") -> xr.Dataset:
    """Differences ``scenario − reference`` with the Monte Carlo error of the difference.

    The scenarios of a run share consumers and random numbers, so the error is that of the paired
    difference, estimated from the scatter over batches; it is usually far smaller than the errors
    of the two sides.

    Parameters
    ----------
    run : xarray.Dataset
        What :func:`pycore.simulate` or :func:`pycore.pool` returned.
    scenario, reference : str
        Names of two scenarios of the run.

    Returns
    -------
    xarray.Dataset
        ``share`` by stage, ``<event>_rate``, ``<state>_mean`` and their ``_mcse``, over draw,
        segment and period; ``cost`` where levers cost something.

    Raises
    ------
    InputError
        If a scenario is unknown or both are the same.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("coin")
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5)))
    >>> run = pc.simulate(
    ...     m, consumers=10_000, periods=1, seed=7, scenarios={"base": {}, "bent": {"p": 0.6}}
    ... )
    >>> d = pc.compare(run, "bent", "base")
    >>> round(d["heads_rate"].item(), 2)
    0.1
    """
    model, program = sources(run)
    known = [str(s) for s in run["scenario"].values]
    require_name("scenario", scenario, known)
    require_name("reference", reference, known)
    if scenario == reference:
        raise refuse("reference", reference, "a scenario other than the first")
    pair = run["ledger"].sel(scenario=[scenario, reference])
    dims = ("draw", "segment", "period")
    found: dict[str, list[tuple[str | None, xr.DataArray]]] = {}
    for q in quantities(model, program, pair):
        label = {
            "share": "share", "rate": f"{q.name}_rate", "mean": f"{q.name}_mean",
            "shared": q.name,
        }.get(q.kind)  # fmt: skip
        if label is None:
            continue
        for name, values in ((label, q.ratio[0] - q.ratio[1]), (f"{label}_mcse", _paired(q))):
            unit = q.unit or "1"
            array = xr.DataArray(values, dims=dims, attrs={"units": unit})
            found.setdefault(name, []).append((q.stage, array))
    data = {
        name: parts[0][1] if parts[0][0] is None else xr.concat(
            [a for _, a in parts], dim=xr.Variable("stage", [str(s) for s, _ in parts])
        ).transpose(*dims, "stage")
        for name, parts in found.items()
    }  # fmt: skip
    if "cost" in run:
        data["cost"] = run["cost"].sel(scenario=scenario) - run["cost"].sel(scenario=reference)
        data["cost"] = data["cost"].drop_vars("scenario", errors="ignore")
    made = xr.Dataset(
        data,
        coords={"segment": run["segment"], "period": run["period"]},
        attrs={"difference": f"{scenario} − {reference}", "model": model.name},
    )
    return marked(made, run)


def _paired(q: Quantity) -> npt.NDArray[np.float64]:
    return np.asarray(monte_carlo_error(q.parts[:1] - q.parts[1:2])[0])


def sources(run: xr.Dataset) -> tuple[Model, Program]:
    """Model and program of a run, from its provenance."""
    if not isinstance(run, xr.Dataset) or "ledger" not in run:
        raise refuse("run", type(run).__name__, "a Dataset that pc.simulate returned")
    text = run.attrs.get("provenance") or run.attrs.get("pooled_from", "")
    source = provenance.read(text)
    return (
        Model.from_json(json.dumps(source["model"])),
        Program.from_json(json.dumps(source["program"])),
    )
