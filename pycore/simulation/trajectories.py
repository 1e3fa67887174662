"""Single lives: the same consumers as in a large run, with every state and event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from pycore.errors import refuse
from pycore.model.model import Model
from pycore.program.compile import compile_model
from pycore.program.interpret import consumer_ids
from pycore.simulation import replay
from pycore.simulation.population import MAX_CONSUMERS, population
from pycore.simulation.scenario import Value, cell_inputs, check_probabilities, resolve
from pycore.simulation.simulate import MAX_PERIODS, _whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["trajectories"]

MAX_VALUES = 2**28


def trajectories(
    model: Model,
    *,
    ids: Iterable[int] = range(100),
    periods: int = 52,
    seed: int,
    segments: pd.DataFrame | list[dict[str, Any]] | None = None,
    scenarios: Mapping[str, Mapping[str, Value]] | None = None,
    run: xr.Dataset | None = None,
) -> xr.Dataset:
    """Replay consumers: every state, event, draw and defined quantity, period by period.

    Consumer k is the same person, with the same random numbers, as consumer k of any
    :func:`pycore.simulate` run with the same model, segments and seed.

    Parameters
    ----------
    model : Model
    ids : iterable of int
        Running numbers of the consumers, from 0.
    periods, seed, segments, scenarios
        As in :func:`pycore.simulate`.
    run : xarray.Dataset, optional
        For a model with environments: the run of the same model, seed, segments and scenarios in
        which these consumers lived.  Their environments are those of the run; a community is lived
        once more.  Lives among neighbours are not replayed yet.

    Returns
    -------
    xarray.Dataset
        Dimensions scenario, consumer, period; one variable per named quantity, NaN after the
        consumer has left; the stage as a label, which stays after leaving; ``segment`` by consumer.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("coin")
    >>> _ = m.event("heads", probability=m.parameter("p", 0.5))
    >>> pc.trajectories(m, ids=[3], periods=4, seed=7)["heads"].values.ravel().tolist()
    [1.0, 0.0, 1.0, 1.0]
    """
    if not isinstance(model, Model):
        raise refuse("model", model, "a pycore Model")
    _whole("periods", periods, 1, MAX_PERIODS)
    _whole("seed", seed, 0, 2**64 - 1)
    wanted = list(ids)
    if not wanted:
        raise refuse("ids", wanted, "at least one consumer")
    for k in wanted:
        _whole("ids", k, 0, MAX_CONSUMERS - 1)
    program = compile_model(model, keep="everything")
    names = list(program.traced)
    if len(wanted) * periods * len(names) > MAX_VALUES:
        raise refuse("ids", f"{len(wanted)} consumers × {periods} periods × {len(names)} values",
                     f"at most {MAX_VALUES:,} values")  # fmt: skip
    people = population(model, segments)
    settings = resolve(model, scenarios, periods)
    cells = cell_inputs(model, program, people, settings, {})
    check_probabilities(model, program, cells)
    segment, number = people.locate(wanted)
    world = replay.world(model, people, settings, cells, periods, seed, run)
    registers = np.asarray([program.traced[n] for n in names], dtype=np.int32)
    out = np.empty((len(settings), len(wanted), periods, len(names)), dtype=np.float32)
    from pycore import _core

    for s in range(len(settings)):
        for g in range(len(people.segments)):
            rows = np.flatnonzero(segment == g)
            place = s * len(people.segments) + g
            for chosen, inputs in world(program, place, number[rows]):
                out[s, rows[chosen]] = _core.trace(
                    program.to_core(),
                    [inputs],
                    np.asarray([g], dtype=np.uint32),
                    consumer_ids(g, number[rows[chosen]]),
                    registers,
                    periods,
                    seed,
                )
    dims = ("scenario", "consumer", "period")
    data: dict[str, Any] = {}
    for k, name in enumerate(names):
        if program.stages and program.traced[name] == program.stage_register:
            data[name] = (dims, _labels(out[..., k], program.stages))
            continue
        attrs = {"units": model.element(name).unit or "1", "long_name": model.element(name).doc}
        data[name] = (dims, out[..., k], attrs)
    return xr.Dataset(
        data,
        coords={
            "scenario": list(settings),
            "consumer": wanted,
            "period": ("period", np.arange(1, periods + 1), {"units": model.period}),
            "segment": ("consumer", [people.names[g] for g in segment]),
        },
        attrs={"model": model.name, "seed": str(seed)},
    )


def _labels(codes: Any, stages: tuple[str, ...]) -> Any:
    """Stage labels; after leaving (NaN) the last stage stays."""
    filled = codes.copy()
    for period in range(1, filled.shape[-1]):
        gone = np.isnan(filled[..., period])
        filled[..., period][gone] = filled[..., period - 1][gone]
    return np.asarray(stages)[filled.astype(np.int64)]
