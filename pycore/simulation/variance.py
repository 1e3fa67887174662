"""What makes a simulated outcome uncertain: parameters, the people it happens to, the simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from pycore.errors import refuse, require_name
from pycore.gates import marked
from pycore.model.elements import Environment
from pycore.simulation import provenance
from pycore.simulation.compare import sources
from pycore.simulation.dataset import Quantity, quantities

__all__ = ["variance_parts"]

F64 = npt.NDArray[np.float64]
_WORDS = {
    "parameter": "variance from not knowing the parameters",
    "population": "variance from who is in a population of this size, and what befalls them",
    "monte_carlo": "squared error of the run's mean over draws as an estimate of the expectation",
    "total": "variance of the outcome of a population about the run's mean over draws",
}


def variance_parts(
    run: xr.Dataset | Sequence[xr.Dataset],
    variable: str,
    *,
    stage: str | None = None,
    population: int | None = None,
) -> xr.Dataset:
    r"""Split the variance of an outcome into parameters, population and Monte Carlo error.

    The outcome Y of a population of M consumers, predicted by the mean of the run over its K draws
    of the parameters, misses by

    .. math:: \operatorname{Var}(Y - \bar{y}) =
        \underbrace{\operatorname{Var}_\theta \operatorname{E}(Y \mid \theta)}_{\text{parameter}} +
        \underbrace{\operatorname{E}_\theta \operatorname{Var}(Y \mid \theta)}_{\text{population}} +
        \underbrace{\operatorname{Var}(\bar{y})}_{\text{Monte Carlo}}.

    The first two are the law of total variance.  More knowledge lessens the first, a larger
    population the second, more draws and more simulated consumers the third.

    All draws of a run are lived through by the same consumers with the same luck, so their errors
    go together, and the variance between draws minus the usual error would be too small a
    parameter part.  Draws and slices of the consumers (batches) are therefore taken as a crossed
    table, and the parts are the components of variance of two crossed random factors (Searle,
    Casella and McCulloch 1992, ch. 4): unbiased, so that a small part may come out below 0.

    Parameters
    ----------
    run : xarray.Dataset, or sequence of them
        What :func:`pycore.simulate` (or :func:`pycore.pool`) returned, with two or more draws.  Two
        or more runs that differ in nothing but their seeds take the place of batches; consumers
        who all influence each other need them, as one run shows one society.
    variable : str
        A state, draw or event of the run's records, or ``"share"``.
    stage : str, optional
        Which stage, for a share or a record kept by stage.
    population : int, optional
        M, the size of the population that is predicted; by default the size of the run.

    Returns
    -------
    xarray.Dataset
        ``parameter``, ``population``, ``monte_carlo`` and their sum ``total``, in squared units of
        the variable, over scenario, segment and period, each with its standard error ``…_se``.
        A segment is predicted with its part of M.

    Raises
    ------
    InputError
        For a run with fewer than two draws, runs that differ in more than their seeds, one run of
        consumers who all influence each other, or an unknown variable or stage.

    References
    ----------
    For simulations of single lives: O'Hagan, Stevenson and Madan (2007), doi:10.1002/hec.1199.

    Examples
    --------
    Known parameters leave the chance in a population of 100 only, 0.25 / 100:

    >>> import pycore as pc
    >>> m = pc.Model("coin")
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5)))
    >>> same = {"p": [0.5] * 4}
    >>> run = pc.simulate(m, consumers=100_000, periods=1, seed=7, posterior=same, batches=1000)
    >>> parts = pc.variance_parts(run, "heads", population=100)
    >>> round(parts["population"].item() * 400, 1), parts["parameter"].item() < 1e-9
    (1.0, True)
    """
    runs = [run] if isinstance(run, xr.Dataset) else list(run)
    table, first, size = _table(runs, variable, stage)
    count = int(_source(runs[0])["consumers"])
    wanted = count if population is None else population
    if isinstance(wanted, bool) or not isinstance(wanted, int | np.integer) or wanted < 1:
        raise refuse("population", population, "a whole number of at least 1")
    if len(runs) > 1 and wanted != count:
        raise refuse("population", population, f"{count}, the consumers of the runs: a society of "
                     "another size is another society")  # fmt: skip
    data: dict[str, xr.DataArray] = {}
    dims = ("scenario", "segment", "period")
    unit = f"({first.unit})²" if first.unit else "1"
    for name, (value, error) in _split(table, size * count / wanted).items():
        data[name] = xr.DataArray(
            value, dims=dims, attrs={"units": unit, "long_name": _WORDS[name]}
        )
        data[f"{name}_se"] = xr.DataArray(error, dims=dims, attrs={"units": unit})
    coords = {d: runs[0][d] for d in dims}
    made = xr.Dataset(data, coords=coords, attrs={
        "variable": variable, "stage": stage or "", "population": int(wanted),
        "consumers": count, "draws": table.shape[1], "model": runs[0].attrs["model"],
    })  # fmt: skip
    return marked(made, *runs)


def _table(runs: list[xr.Dataset], variable: str, stage: str | None) -> tuple[F64, Quantity, float]:
    """Outcomes (scenario, draw, segment, slice, period), and the part of a run that a slice is."""
    if not runs:
        raise refuse("run", runs, "a run, or two or more")
    found = []
    for one in runs:
        model, program = sources(one)
        if one.sizes.get("draw", 1) < 2:
            raise refuse("run", f"{one.sizes.get('draw', 1)} draw", "a run with 2 or more draws")
        coupled = program.coupling is not None and not program.coupling.community
        if coupled and len(runs) == 1:
            name = next(iter(model.of_kind(Environment)))
            raise refuse("run", f"one run with the environment {name!r}",
                         "two or more runs with different seeds: one run is one society")  # fmt: skip
        found.append(_quantity(quantities(model, program, one["ledger"]), variable, stage))
    if len(runs) == 1:
        q = found[0]
        batches = q.parts.shape[3]
        return np.expand_dims(q.ratio, 3) + batches * q.parts, q, 1 / batches
    _require_alike(runs)
    return np.stack([q.ratio for q in found], axis=3), found[0], 1.0


def _quantity(known: list[Quantity], variable: str, stage: str | None) -> Quantity:
    names: dict[str, list[Quantity]] = {}
    for q in known:
        word = {"share": "share", "rate": q.name, "mean": q.name, "shared": q.name}.get(q.kind)
        if word is not None:
            names.setdefault(word, []).append(q)
    name = variable.removesuffix("_rate").removesuffix("_mean") if variable not in names else (
        variable)  # fmt: skip
    require_name("variable", name, names)
    stages = [q.stage for q in names[name]]
    if stage not in stages:
        allowed = "None" if stages == [None] else f"one of {', '.join(map(str, stages))}"
        raise refuse("stage", stage, allowed)
    return names[name][stages.index(stage)]


def _require_alike(runs: list[xr.Dataset]) -> None:
    origins = [_source(one) for one in runs]
    for word in ("program_sha256", "segments", "scenarios", "draws", "consumers", "periods"):
        if any(o[word] != origins[0][word] for o in origins):
            raise refuse("run", f"runs that differ in {word}", "runs that differ in their seeds")
    if len({o["seed"] for o in origins}) < len(origins):
        raise refuse("run", "runs with the same seed", "runs with different seeds")


def _source(run: xr.Dataset) -> dict[str, Any]:
    return provenance.read(run.attrs.get("provenance") or run.attrs["pooled_from"])


def _split(table: F64, part: float) -> dict[str, tuple[F64, F64]]:
    """Parts and their standard errors; ``part`` is the size of a slice over the population's.

    With draws in rows and slices in columns, everything is a sum of three statistics that hardly
    depend on each other: the variance of row means, that of column means, and the residual one.
    """
    rows, columns = table.shape[1], table.shape[3]
    by_row, by_column = table.mean(axis=3), table.mean(axis=1)
    left = table - np.expand_dims(by_row, 3) - np.expand_dims(by_column, 1)
    left = left + np.expand_dims(by_row.mean(axis=1), (1, 3))
    freedom = (rows - 1) * (columns - 1)
    residual = (left**2).sum(axis=(1, 3)) / freedom
    between, between_error = _variance(by_row, 1)
    across, across_error = _variance(by_column.swapaxes(1, 2), 1)
    statistics = (between, across, residual)
    errors = (between_error, across_error, 2 * residual**2 / (freedom + 2))
    weights = {
        "parameter": (1.0, 0.0, -1 / columns),
        "population": (0.0, part, part * (1 - 1 / rows)),
        "monte_carlo": (1 / rows, 1 / columns, -1 / (rows * columns)),
    }
    together = np.array(list(weights.values())).sum(axis=0)
    weights["total"] = (together[0], together[1], together[2])
    return {
        name: (
            np.asarray(sum(w * s for w, s in zip(weight, statistics, strict=True))),
            np.sqrt(np.asarray(sum(w**2 * e for w, e in zip(weight, errors, strict=True)))),
        )
        for name, weight in weights.items()
    }


def _variance(values: F64, axis: int) -> tuple[F64, F64]:
    """Sample variance and its squared standard error, which the fourth moment makes right."""
    count = values.shape[axis]
    away = values - values.mean(axis=axis, keepdims=True)
    variance = (away**2).sum(axis=axis) / (count - 1)
    fourth = (away**4).mean(axis=axis)
    spread = (fourth - variance**2 * (count - 3) / (count - 1)) / count
    # Few values know their fourth moment badly: never below what normal ones would have, halved.
    return variance, np.maximum(spread, variance**2 / (count - 1))
