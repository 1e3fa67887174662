"""Simulate populations: the public entry point."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

import pycore
from pycore.errors import refuse
from pycore.gates import marked
from pycore.model.elements import Lever, Parameter
from pycore.model.model import Model
from pycore.program.compile import compile_model
from pycore.program.program import Program
from pycore.simulation import execution
from pycore.simulation.dataset import ledger_array, summarise
from pycore.simulation.interaction import (
    community_batches,
    environments,
    memory_need,
    require_network,
)
from pycore.simulation.network import Network
from pycore.simulation.population import MAX_CONSUMERS, Population, population
from pycore.simulation.progress import reporter
from pycore.simulation.provenance import FORMAT_VERSION, digest
from pycore.simulation.scenario import (
    Settings,
    Value,
    cell_inputs,
    check_probabilities,
    parameter_draws,
    resolve,
)
from pycore.simulation.shards import Work

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["simulate"]

MAX_PERIODS = 2**20
MAX_BATCHES = 1024
_LEDGER_BYTES = 2**30
_USUAL_LEDGER_BYTES = 2**27


def simulate(
    model: Model,
    *,
    consumers: int = 100_000,
    periods: int = 52,
    seed: int,
    segments: pd.DataFrame | list[dict[str, Any]] | None = None,
    scenarios: Mapping[str, Mapping[str, Value]] | None = None,
    posterior: Any = None,
    draws: int | None = None,
    batches: int | None = None,
    threads: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    network: Network | None = None,
    checkpoint: str | Path | None = None,
    client: Any = None,
) -> xr.Dataset:
    """Simulate a population of consumers under one or more scenarios.

    Scenarios share consumers and random numbers (common random numbers), so that a difference
    between them carries only the noise of the difference.  The result depends on model,
    population, scenarios and seed; not on threads, processor or restarts.

    Parameters
    ----------
    model : Model
        What to simulate.
    consumers : int
        Number of consumers, 1 to 2**40, shared out to segments by weight.
    periods : int
        Length of the run in the model's periods.
    seed : int
        Key of the random numbers, 0 to 2**64 − 1.
    segments : pandas.DataFrame or list of mappings, optional
        Columns ``segment`` (name), ``weight`` and the model's constant traits; the model's own
        segments by default.
    scenarios : mapping, optional
        ``{"name": {lever: value}}`` with a number, one number per period, or a function of the
        period; parameters may be overridden the same way.  By default one scenario ``base``.
    posterior : fit or mapping, optional
        Draws of the model's parameters; every draw is a whole run of the same consumers.
    draws : int, optional
        How many draws to use, evenly thinned.
    batches : int, optional
        Slices of each segment kept apart for Monte Carlo errors (at least 2); by default 32, or
        fewer where many draws or segments would need more than 128 MiB.
    threads : int, optional
        Threads, by default all the processor offers.
    progress : bool or callable, optional
        ``True`` for a progress bar, a function of (done, total) block-steps for your own; by
        default a bar when run interactively.  The bar says how much memory consumers who influence
        each other will take.
    network : pycore.Network, optional
        Who hears whom, for a model with an environment of ``scope="neighbours"``.
    checkpoint : path, optional
        Folder for finished pieces of the run (*shards*, of a second or two of a core).  The same
        call with the same folder goes on where a run was stopped, by Ctrl-C or by anything else,
        and gives the same bits.  A folder belongs to one run and to one process at a time.
        Where consumers influence each other, a shard holds whole communities or whole societies
        (all consumers of a scenario and draw); of a larger society the state of all consumers is
        kept between periods, every half minute or more.
    client : dask.distributed.Client, optional
        Compute the shards on its workers, one thread each (``threads`` is then of no account);
        a worker that dies is replaced by another.  A society larger than a shard is divided over
        all workers, which exchange exact sums once per period, and on a network what everybody
        said; if one of them dies, the society begins again from the state that ``checkpoint`` kept
        last, or from its first period if there is none.  The bits are those of a run without
        workers in every case.  Needs the extra ``distributed``.

    Returns
    -------
    xarray.Dataset
        Dimensions scenario, draw, segment, period (numbered from 1) and stage. Variables
        ``active``, ``consumers`` and ``share`` by stage, ``<event>_count`` and ``_rate``,
        ``<state>_mean`` and ``_variance``, histograms, Monte Carlo errors (``_mcse``), the cost of
        levers, and the exact integer ``ledger`` they all come from.  ``attrs["provenance"]`` lets
        :func:`pycore.reproduce` make the same bits again.  An environment stands under its name at
        each period's end: over scenario, draw and period if all share it, as a mean over
        communities by segment, with its error, if communities do.  Where all consumers or
        neighbours influence each other there is one society only, and the Monte Carlo errors are
        those given what it went through; several seeds, or communities, show the rest.

    Raises
    ------
    InputError
        For unusable arguments, before any work starts, also if consumers who influence each other
        would not fit into memory; later if an aggregate leaves its range, if the checkpoint is of
        another run, damaged, in use or cannot be written, or if a worker has another version of
        pycore.
    KeyboardInterrupt
        On Ctrl-C, within a fraction of a second; nothing is left running here, and a worker ends
        the shard it is at.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("coin")
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5)))
    >>> run = pc.simulate(m, consumers=1000, periods=2, seed=7, scenarios={"fair": {}})
    >>> run["heads_rate"].sel(scenario="fair").values.round(1).ravel().tolist()
    [0.5, 0.5]
    """
    if not isinstance(model, Model):
        raise refuse("model", model, "a pycore Model")
    check_size(consumers, periods)
    program = compile_model(model)
    people = population(model, segments)
    settings = resolve(model, scenarios, periods)
    drawn = parameter_draws(model, posterior, draws)
    require_network(program, network, consumers)
    run = run_settings(
        model, program, people, settings, drawn, consumers=consumers, periods=periods, seed=seed,
        batches=batches, threads=threads, progress=progress, network=network,
        checkpoint=checkpoint, client=client,
    )  # fmt: skip
    return marked(run, posterior)


def run_settings(
    model: Model,
    program: Program,
    people: Population,
    settings: Settings,
    draws: Mapping[str, npt.NDArray[np.float64]],
    *,
    consumers: int,
    periods: int,
    seed: int,
    batches: int | None = None,
    threads: int | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    network: Network | None = None,
    checkpoint: str | Path | None = None,
    client: Any = None,
) -> xr.Dataset:
    """Run checked settings; what :func:`simulate` and :func:`pycore.reproduce` share."""
    _whole("seed", seed, 0, 2**64 - 1)
    if threads is not None:
        _whole("threads", threads, 1, 1024)
    number = len(next(iter(draws.values()))) if draws else 1
    repeats = len(settings) * number
    counts = people.counts(consumers)
    per_batch = repeats * len(people.segments) * periods * program.width * 8
    batches = _batches(community_batches(program, counts, batches), per_batch)
    cells = cell_inputs(model, program, people, settings, draws)
    check_probabilities(model, program, cells)
    work = Work(
        program, cells, counts * repeats, list(range(len(people.segments))) * repeats, batches,
        periods, int(seed), network,
    )  # fmt: skip
    memory = 0 if client is not None else memory_need(work, threads or 0)  # workers have their own
    with reporter(progress, consumers * repeats, memory) as report:
        raw = execution.run(
            work, threads=threads or 0, report=report, checkpoint=checkpoint, client=client
        )
    ledger = ledger_array(program, raw, list(settings), number, people.names)
    run = summarise(model, program, ledger).assign(environments(model, program, cells, ledger))
    bill = _cost(model, people, settings, draws, run["active"].values, periods)
    if bill is not None:
        run["cost"] = bill
    provenance = {
        "format": FORMAT_VERSION,
        "model": json.loads(model.to_json()),
        "program": json.loads(program.to_json()),
        "program_sha256": program.digest,
        "segments": people.to_json(),
        "scenarios": settings,
        "draws": {n: v.tolist() for n, v in draws.items()},
        "consumers": consumers,
        "periods": periods,
        "seed": seed,
        "batches": batches,
        "version": pycore.__version__,
        "ledger_sha256": digest(ledger),
    }
    if network is not None:
        provenance["network"] = network.to_json()
    run.attrs = {
        "title": f"{model.title}: {consumers} consumers, {periods} {model.period}s",
        "model": model.name,
        "seed": str(seed),
        "provenance": json.dumps(provenance, allow_nan=False),
    }
    return run


def check_size(consumers: Any, periods: Any) -> None:
    """Refuse what is no number of consumers or periods."""
    _whole("consumers", consumers, 1, MAX_CONSUMERS)
    _whole("periods", periods, 1, MAX_PERIODS)


def _whole(argument: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise refuse(argument, value, f"a whole number from {low} to {high}")
    if not low <= int(value) <= high:
        raise refuse(argument, value, f"a whole number from {low} to {high}")


def _batches(batches: int | None, per_batch: int) -> int:
    if batches is None:
        batches = max(4, min(32, _USUAL_LEDGER_BYTES // per_batch))
    _whole("batches", batches, 2, MAX_BATCHES)
    if batches * per_batch > _LEDGER_BYTES:
        raise refuse(
            "simulate", f"aggregates of {batches * per_batch:,} bytes",
            f"at most {_LEDGER_BYTES:,}: fewer scenarios, draws, segments, periods or records",
        )  # fmt: skip
    return batches


def _cost(
    model: Model,
    people: Population,
    settings: Settings,
    draws: Mapping[str, npt.NDArray[np.float64]],
    active: npt.NDArray[np.int64],
    periods: int,
) -> xr.DataArray | None:
    """Cost of the levers: level within its range × cost at full use × active consumers."""
    levers = {n: lever for n, lever in model.of_kind(Lever).items() if lever.cost != 0}
    if not levers:
        return None
    base = {p: e.value for p, e in model.of_kind(Parameter).items()}
    base |= {n: t.value for n, t in model.constant_traits.items()}
    bill = np.zeros(active.shape)
    for s, setting in enumerate(settings.values()):
        for k in range(active.shape[1]):
            for g, segment in enumerate(people.segments):
                values = base | {n: float(v[k]) for n, v in draws.items()} | segment.traits
                values |= {n: v[0] for n, v in setting.items() if n in base}
                for name, lever in levers.items():
                    known = {x: values[x.name] for x in lever.cost.free_symbols}
                    full = float(lever.cost.subs(known))
                    level = np.asarray(setting.get(name, [lever.default]))
                    use = np.broadcast_to((level - lever.low) / (lever.high - lever.low), periods)
                    bill[s, k, g] += full * use * active[s, k, g]
    unit = next((lever.unit for lever in levers.values() if lever.unit), "cost units")
    return xr.DataArray(
        bill,
        dims=("scenario", "draw", "segment", "period"),
        attrs={"units": unit, "long_name": "cost of the levers"},
    )
