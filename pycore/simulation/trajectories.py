"""Single lives: the same consumers as in a large run, with every state and event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import xarray as xr

from pycore.errors import refuse
from pycore.model.model import Model
from pycore.simulation.parquet import write_lives
from pycore.simulation.replay import Replay
from pycore.simulation.scenario import Value

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["trajectories"]

MAX_VALUES = 2**28


@overload
def trajectories(
    model: Model,
    *,
    ids: Iterable[int] = ...,
    periods: int = ...,
    seed: int,
    segments: pd.DataFrame | list[dict[str, Any]] | None = ...,
    scenarios: Mapping[str, Mapping[str, Value]] | None = ...,
    run: xr.Dataset | None = ...,
    to: None = ...,
    progress: bool | Callable[[int, int], None] | None = ...,
) -> xr.Dataset: ...
@overload
def trajectories(
    model: Model,
    *,
    ids: Iterable[int] = ...,
    periods: int = ...,
    seed: int,
    segments: pd.DataFrame | list[dict[str, Any]] | None = ...,
    scenarios: Mapping[str, Mapping[str, Value]] | None = ...,
    run: xr.Dataset | None = ...,
    to: str | Path,
    progress: bool | Callable[[int, int], None] | None = ...,
) -> Path: ...
def trajectories(
    model: Model,
    *,
    ids: Iterable[int] = range(100),
    periods: int = 52,
    seed: int,
    segments: pd.DataFrame | list[dict[str, Any]] | None = None,
    scenarios: Mapping[str, Mapping[str, Value]] | None = None,
    run: xr.Dataset | None = None,
    to: str | Path | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
) -> xr.Dataset | Path:
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
    to : path, optional
        Write a Parquet file instead, in row groups, so that memory does not grow with the number
        of consumers; needs the extra ``parquet``.  See :func:`pycore.event_log` for events alone.
    progress : bool or callable, optional
        As in :func:`pycore.simulate`, while a file is written.

    Returns
    -------
    pathlib.Path
        With ``to``: the file, which appears when it is whole.  One row per scenario, consumer
        (``id``) and period until she leaves, one column per named quantity; events are booleans.
    xarray.Dataset
        Dimensions scenario, consumer, period; one variable per named quantity, NaN after the
        consumer has left; the stage as a label, which stays after leaving; ``segment`` by consumer.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("coin")
    >>> _ = m.event("heads", probability=m.parameter("p", 0.5))
    >>> pc.trajectories(m, ids=[3], periods=4, seed=7)["heads"].values.ravel().tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    replay = Replay(
        model, ids=ids, periods=periods, seed=seed, segments=segments, scenarios=scenarios,
        run=run,
    )  # fmt: skip
    if to is not None:
        return write_lives(replay, to, progress)
    names, wanted = replay.names, replay.ids
    if len(wanted) * periods * len(names) > MAX_VALUES:
        raise refuse("ids", f"{len(wanted)} consumers × {periods} periods × {len(names)} values",
                     f"at most {MAX_VALUES:,} values, or any number with to=")  # fmt: skip
    segment, number = replay.people.locate(wanted)
    out = np.stack([
        replay.lives(s, segment, number, names) for s in range(len(replay.settings))
    ])  # fmt: skip
    dims = ("scenario", "consumer", "period")
    data: dict[str, Any] = {}
    for k, name in enumerate(names):
        if name == replay.stage:
            data[name] = (dims, _labels(out[..., k], replay.program.stages))
            continue
        attrs = {"units": model.element(name).unit or "1", "long_name": model.element(name).doc}
        data[name] = (dims, out[..., k], attrs)
    return xr.Dataset(
        data,
        coords={
            "scenario": list(replay.settings),
            "consumer": list(wanted),
            "period": ("period", np.arange(1, periods + 1), {"units": model.period}),
            "segment": ("consumer", [replay.people.names[g] for g in segment]),
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
