"""The machine as a function: parameter draws in, measured targets and their Monte Carlo error out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import InputError
from pycore.estimation.target import Target
from pycore.model.model import Model
from pycore.model.serialize import from_json
from pycore.program.compile import compile_model
from pycore.program.program import Program
from pycore.simulation import execution
from pycore.simulation.dataset import ledger_array, summarise
from pycore.simulation.population import Population
from pycore.simulation.provenance import FORMAT_VERSION
from pycore.simulation.scenario import Settings, cell_inputs, check_probabilities
from pycore.simulation.shards import Work

__all__ = ["Machine", "Measured", "recording"]

F64 = NDArray[np.float64]
_BYTES = 2**26


@dataclass(frozen=True)
class Measured:
    """Targets at many parameter draws.

    Attributes
    ----------
    value : ndarray, shape (draws, targets)
        What the simulated population gives; NaN at impossible draws.
    noise : ndarray, shape (draws, targets, targets)
        Covariance of its Monte Carlo errors, from the scatter over slices of the consumers.
    """

    value: F64
    noise: F64


def recording(model: Model, targets: list[Target]) -> Model:
    """The model with the records that the targets read, and no others.

    What nobody reads is not computed.  A function may read anything, so with one all are kept; with
    an unknown name too, so that the refusal can say what there is.
    """
    data = json.loads(model.to_json())
    read = set()
    for target in targets:
        name = target.measure
        found = {r["name"] for r in data["records"]
                 if name == r["name"] or str(name).startswith(f"{r['name']}_")}  # fmt: skip
        if not found and name not in ("share", "active", "consumers"):
            return model
        read |= found
    data["records"] = [r for r in data["records"] if r["name"] in read]
    return from_json(json.dumps(data))


@dataclass(frozen=True)
class Machine:
    """A compiled model that measures targets, always on the same consumers with the same luck.

    Attributes
    ----------
    model : Model
        What is simulated.
    people, settings : Population, Settings
        Who, and under which scenarios.
    targets : list of Target
        What is measured.
    consumers, periods, seed, batches, threads : int
        As in :func:`pycore.simulate`.
    program : Program
        The compiled model.
    """

    model: Model
    people: Population
    settings: Settings
    targets: list[Target]
    consumers: int
    periods: int
    seed: int
    batches: int
    threads: int
    program: Program

    @classmethod
    def of(cls, model: Model, **fields: Any) -> Machine:
        """Compile a model."""
        return cls(model=model, program=compile_model(model), **fields)

    @property
    def together(self) -> int:
        """Draws that one run of the machine takes."""
        one = len(self.settings) * len(self.people.segments) * self.batches * self.periods
        return max(1, _BYTES // (one * self.program.width * 8))

    def measure(self, draws: Mapping[str, F64]) -> Measured:
        """Simulate every draw; draws that the model cannot have (a probability of 1.2) give NaN."""
        count = len(next(iter(draws.values())))
        pieces = [
            self._possible({n: v[k : k + self.together] for n, v in draws.items()})
            for k in range(0, count, self.together)
        ]
        return Measured(
            np.concatenate([p.value for p in pieces]), np.concatenate([p.noise for p in pieces])
        )

    def _possible(self, draws: dict[str, F64]) -> Measured:
        """What can be simulated in one run; the rest, and what leaves a record's range, is NaN."""
        count, size = len(next(iter(draws.values()))), len(self.targets)
        value = np.full((count, size), np.nan)
        noise = np.zeros((count, size, size))
        allowed = self._allowed(draws, np.arange(count))
        if allowed.size:
            kept = {n: v[allowed] for n, v in draws.items()}
            try:
                found = self.simulate(kept)
                value[allowed], noise[allowed] = found.value, found.noise
            except InputError:
                if count > 1:
                    halves = [
                        self._possible({n: v[rows] for n, v in draws.items()})
                        for rows in (slice(0, count // 2), slice(count // 2, None))
                    ]
                    value = np.concatenate([h.value for h in halves])
                    noise = np.concatenate([h.noise for h in halves])
        return Measured(value, noise)

    def _allowed(self, draws: dict[str, F64], rows: NDArray[np.int_]) -> NDArray[np.int_]:
        """Draws with which every probability and argument of the model is one, by halving."""
        try:
            self._cells({n: v[rows] for n, v in draws.items()})
        except InputError:
            if len(rows) == 1:
                return rows[:0]
            half = len(rows) // 2
            return np.concatenate(
                [self._allowed(draws, rows[:half]), self._allowed(draws, rows[half:])]
            )
        return rows

    def _cells(self, draws: Mapping[str, F64]) -> list[Any]:
        cells = cell_inputs(self.model, self.program, self.people, self.settings, draws)
        check_probabilities(self.model, self.program, cells)
        return cells

    def simulate(self, draws: Mapping[str, F64]) -> Measured:
        """Simulate draws in one run.

        Raises
        ------
        InputError
            If the model cannot have one of the draws.
        """
        number = len(next(iter(draws.values())))
        repeats = len(self.settings) * number
        cells = self._cells(draws)
        work = Work(
            self.program, cells, self.people.counts(self.consumers) * repeats,
            list(range(len(self.people.segments))) * repeats, self.batches, self.periods,
            self.seed,
        )  # fmt: skip
        raw = execution.run(work, threads=self.threads)
        names = list(self.settings)
        ledger = ledger_array(self.program, raw, names, number, self.people.names)
        value = self._targets(ledger)
        slices = ledger.values.swapaxes(2, 3).reshape(
            len(names), number * self.batches, 1, len(self.people.segments), *ledger.shape[4:]
        ).swapaxes(2, 3)  # fmt: skip
        parts = self._targets(ledger_array(
            self.program, slices.reshape(-1, *slices.shape[3:]), names, number * self.batches,
            self.people.names,
        )).reshape(number, self.batches, -1)  # fmt: skip
        away = parts - parts.mean(axis=1, keepdims=True)
        scale = self.batches * (self.batches - 1)
        return Measured(value, np.einsum("dbi,dbj->dij", away, away) / scale)

    def _targets(self, ledger: xr.DataArray) -> F64:
        run = summarise(self.model, self.program, ledger)
        run.attrs["provenance"] = self._provenance
        pooled = ledger.sum("segment", keepdims=True).assign_coords(segment=["all"])
        together = summarise(self.model, self.program, pooled.transpose(*ledger.dims))
        return np.stack([t.of(run, together) for t in self.targets], axis=1)

    @cached_property
    def _provenance(self) -> str:
        """What :func:`pycore.pool` and :func:`pycore.compare` ask of a run."""
        return json.dumps({
            "format": FORMAT_VERSION, "model": json.loads(self.model.to_json()),
            "program": json.loads(self.program.to_json()),
        })  # fmt: skip
