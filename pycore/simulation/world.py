"""The world in which replayed consumers live: their scalar inputs, environments included."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from pycore.errors import NotYetSimulated, refuse
from pycore.model.elements import Environment
from pycore.model.model import Model
from pycore.program.compile import compile_model
from pycore.program.program import Program
from pycore.simulation import provenance
from pycore.simulation.interaction import environment_path
from pycore.simulation.population import Population
from pycore.simulation.scenario import Settings, Table, cell_inputs

__all__ = ["World", "world"]

I64 = npt.NDArray[np.int64]
# (program, cell, numbers in the segment) → places of those who share inputs, and these
World = Callable[[Program, int, I64], Iterator[tuple[I64, Table]]]


def world(
    model: Model,
    people: Population,
    settings: Settings,
    cells: Sequence[Table],
    periods: int,
    seed: int,
    run: xr.Dataset | None,
) -> World:
    """What the consumers of a cell read in each period; the arguments are checked ones."""
    environments = model.of_kind(Environment)
    if not environments:
        if run is not None:
            raise refuse("run", type(run).__name__, "None (the model has no environment)")

        def alone(_program: Program, cell: int, numbers: I64) -> Iterator[tuple[I64, Table]]:
            if numbers.size:
                yield np.arange(len(numbers)), cells[cell]

        return alone
    if any(e.scope == "neighbours" for e in environments.values()):
        raise NotYetSimulated(
            f"model {model.name!r}: received an environment of neighbours, allowed are global ones "
            "and communities (a life among neighbours cannot be replayed alone)"
        )
    consumers = _consumers(model, people, settings, periods, seed, run)
    assert run is not None
    coupled = compile_model(model)
    tables = cell_inputs(model, coupled, people, settings, {})
    counts = people.counts(consumers)

    def shared(program: Program, cell: int, numbers: I64) -> Iterator[tuple[I64, Table]]:
        if not numbers.size:
            return
        segment = cell % len(counts)
        if numbers.max() >= counts[segment]:
            raise refuse("ids", "a consumer beyond the run's", f"below {consumers:,}")
        assert coupled.coupling is not None
        size = coupled.coupling.community
        if not size:
            scenario = cell // len(counts)
            path = np.stack(
                [run[n].values[scenario, 0, :periods] for n in coupled.coupling.environments], -1
            )
            yield np.arange(len(numbers)), _moved(program, coupled, cells[cell], path)
            return
        for community in np.unique(numbers // size):
            low = int(community) * size
            high = min(low + size, counts[segment])
            path = _community(coupled, tables[cell], counts[segment], segment, low, high, periods,
                              seed)  # fmt: skip
            chosen = np.flatnonzero(numbers // size == community)
            yield chosen, _moved(program, coupled, cells[cell], path)

    return shared


def _consumers(
    model: Model,
    people: Population,
    settings: Settings,
    periods: int,
    seed: int,
    run: xr.Dataset | None,
) -> int:
    """Consumers of the run, which must be the one the replayed lives are from."""
    if not isinstance(run, xr.Dataset):
        raise refuse("run", run, "the run in which these consumers live, as pc.simulate returned "
                     "it (the model has environments)")  # fmt: skip
    source = provenance.read(run)
    # What changes with the calendar is given for every period, of which a replay may have fewer.
    source["scenarios"] = {
        s: {n: path[:periods] for n, path in setting.items()}
        for s, setting in source["scenarios"].items()
    }
    here = {
        "model": json.loads(model.to_json()), "segments": people.to_json(),
        "scenarios": settings, "seed": seed, "draws": {},
    }  # fmt: skip
    for word, value in here.items():
        if json.loads(json.dumps(value)) != source[word]:
            raise refuse("run", f"another {word}", "a run of the same model, segments, scenarios "
                         "and seed, without posterior draws")  # fmt: skip
    if source["periods"] < periods:
        raise refuse("periods", periods, f"at most the {source['periods']} of the run")
    return int(source["consumers"])


def _community(
    program: Program, table: Table, count: int, segment: int, low: int, high: int, periods: int,
    seed: int,
) -> npt.NDArray[np.float32]:  # fmt: skip
    """Environments of one community, lived once more."""
    from pycore import _core

    assert program.coupling is not None
    table = table if len(table) == 1 else table[:periods]
    ledger = _core.run_coupled(
        program.to_core(), [table], np.asarray([count], np.uint64),
        np.asarray([segment], np.uint32), np.zeros(1, np.uint32), 1, periods, seed,
        environments=list(program.coupling.environments), signals=[],
        lo=np.asarray([low], np.uint64), hi=np.asarray([high], np.uint64), threads=1,
    )  # fmt: skip
    path = environment_path(program, [table], ledger[:, 0], high - low, 1)
    return np.asarray(path[0])


def _moved(
    program: Program, coupled: Program, table: Table, path: npt.NDArray[np.float32]
) -> Table:
    """Inputs for every period, environments as consumers read them: a period late."""
    assert coupled.coupling is not None
    periods = len(path)
    rows = np.repeat(table, periods, axis=0) if len(table) == 1 else table[:periods].copy()
    for k, name in enumerate(coupled.coupling.environments):
        if name in program.inputs:
            rows[1:, program.inputs.index(name)] = path[:-1, k]
    return rows
