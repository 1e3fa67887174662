"""Single lives again, a few consumers at a time: what trajectories and event logs are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from pycore.errors import refuse
from pycore.model.elements import Environment, Event
from pycore.model.model import Model
from pycore.program.compile import compile_model
from pycore.program.interpret import consumer_ids
from pycore.simulation.population import MAX_CONSUMERS, population
from pycore.simulation.scenario import Value, cell_inputs, check_probabilities, resolve
from pycore.simulation.simulate import MAX_PERIODS, _whole
from pycore.simulation.world import world

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Replay"]


class Replay:
    """Checked settings of a replay.

    Parameters
    ----------
    model, periods, seed, segments, scenarios
        As in :func:`pycore.simulate`.
    ids : iterable of int
        Running numbers of the consumers; a range is kept as a range.
    run : xarray.Dataset, optional
        The run in which they lived, for a model with environments.
    """

    def __init__(
        self,
        model: Model,
        *,
        ids: Iterable[int],
        periods: int,
        seed: int,
        segments: pd.DataFrame | list[dict[str, Any]] | None,
        scenarios: Mapping[str, Mapping[str, Value]] | None,
        run: xr.Dataset | None = None,
    ) -> None:
        if not isinstance(model, Model):
            raise refuse("model", model, "a pycore Model")
        _whole("periods", periods, 1, MAX_PERIODS)
        _whole("seed", seed, 0, 2**64 - 1)
        self.ids: Sequence[int] = ids if isinstance(ids, range) else list(ids)
        if not self.ids:
            raise refuse("ids", self.ids, "at least one consumer")
        ends = (self.ids[0], self.ids[-1]) if isinstance(self.ids, range) else self.ids
        for k in ends:
            _whole("ids", k, 0, MAX_CONSUMERS - 1)
        self.model, self.periods, self.seed = model, periods, seed
        self.program = compile_model(model, keep="everything")
        self.names = list(self.program.traced)
        self.people = population(model, segments)
        self.settings = resolve(model, scenarios, periods)
        cells = cell_inputs(model, self.program, self.people, self.settings, {})
        check_probabilities(model, self.program, cells)
        self._world = world(model, self.people, self.settings, cells, periods, seed, run)

    @property
    def stage(self) -> str | None:
        """Name of the stage, if the model has one."""
        mine = (n for n, r in self.program.traced.items() if r == self.program.stage_register)
        return next(mine, None) if self.program.stages else None

    @property
    def events(self) -> list[str]:
        """Names of the events, in the model's order."""
        return [n for n in self.names if isinstance(self.model.element(n), Event)]

    def chunks(self, values: int) -> Iterator[Sequence[int]]:
        """Consumers in portions of about so many values, over all periods, and their numbers."""
        size = max(1, values // (self.periods * max(1, len(self.names))))
        for first in range(0, len(self.ids), size):
            yield self.ids[first : first + size]

    def lives(
        self,
        scenario: int,
        segment: npt.NDArray[np.int64],
        number: npt.NDArray[np.int64],
        names: Sequence[str],
    ) -> npt.NDArray[np.float32]:
        """Quantities of some consumers: (consumers, periods, names), NaN after leaving."""
        from pycore import _core

        registers = np.asarray([self.program.traced[n] for n in names], dtype=np.int32)
        out = np.empty((len(segment), self.periods, len(names)), dtype=np.float32)
        for g in np.unique(segment).tolist():
            rows = np.flatnonzero(segment == g)
            cell = scenario * len(self.people.segments) + g
            for chosen, inputs in self._world(self.program, cell, number[rows]):
                out[rows[chosen]] = _core.trace(
                    self.program.to_core(),
                    [inputs],
                    np.asarray([g], dtype=np.uint32),
                    consumer_ids(g, number[rows[chosen]]),
                    registers,
                    self.periods,
                    self.seed,
                    coupled=bool(self.model.of_kind(Environment)),
                )
        return out
