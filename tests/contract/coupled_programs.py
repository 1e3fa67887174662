"""Random programs whose consumers influence each other, and how both sides run them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from pycore import _core
from pycore.program import coupled
from pycore.program.coupling import Aggregate, Coupling, Signal
from pycore.program.instructions import Op
from pycore.program.program import Program, Record
from tests.contract.programs import (
    Population,
    populations,
    programs,
    row,
    scalar_rows,
    truths,
)


@dataclass(frozen=True)
class Society:
    """A population, who shares environments in it, and who hears whom."""

    population: Population
    groups: npt.NDArray[np.uint32]
    network: coupled.Listed | coupled.Hashed | None = None


def by_machine(program: Program, society: Society, **settings: Any) -> npt.NDArray[np.int64]:
    """Ledger of a society, by the compiled machine."""
    assert program.coupling is not None
    p = society.population
    match society.network:
        case coupled.Listed(starts, targets):
            settings["listed"] = (starts, targets)
        case coupled.Hashed(degree, seed):
            settings["hashed"] = (degree, seed)
    return _core.run_coupled(
        program.to_core(), p.inputs, p.counts, p.segments, society.groups, p.batches, p.periods,
        p.seed, environments=program.coupling.environments,
        signals=[s.name for s in program.coupling.signals], **settings,
    )  # fmt: skip


def by_oracle(program: Program, society: Society) -> npt.NDArray[np.int64]:
    """Ledger of a society, by the NumPy interpreter."""
    p = society.population
    return coupled.run(
        program, p.inputs, p.counts, p.segments, society.groups, p.batches, p.periods, p.seed,
        society.network,
    )  # fmt: skip


@st.composite
def coupled_programs(draw: Any, communities: tuple[int, ...] = (0, 1, 7, 100, 300)) -> Program:
    """Draw a valid coupled program: any sums, shared equations, communities and signals.

    Environments are clamped to ±8 at the end, since one that is not finite is an error.
    """
    plain: Program = draw(programs())
    clamped = plain.n_registers - 1
    exponents = st.integers(-6, 27)
    sources = [clamped, *truths(plain.step_code)]
    sums = tuple(
        Record(f"sum{k}", "sum", draw(st.sampled_from(sources)), exponent=draw(exponents))
        for k in range(draw(st.integers(1, 3)))
    )
    kinds = st.sampled_from(["average", "total", "share"])
    aggregates = tuple(
        Aggregate(draw(kinds), len(plain.records) + draw(st.integers(0, len(sums) - 1)))
        for _ in range(draw(st.integers(0, 4)))
    )
    environments = draw(st.integers(0, len(plain.inputs)))
    computed = draw(st.integers(1, 5))
    fixed = plain.n_scalars + len(aggregates)
    code = list(scalar_rows(draw, fixed, computed))
    size = fixed + computed
    bound = len(plain.inputs) + len(plain.constants) - 1
    results = []
    for _ in range(environments):
        source = draw(st.integers(0, size - 1))
        code += [
            row(Op.MIN2, size, (source, bound)), row(Op.MAX2, size + 1, (size, bound - 1)),
        ]  # fmt: skip
        results.append(size + 1)
        size += 2
    community = draw(st.sampled_from(communities))
    shared = tuple(
        Record(f"shared{k}", "shared", draw(st.integers(0, environments - 1)),
               exponent=draw(exponents))
        for k in range(2 if community and environments else 0)
    )  # fmt: skip
    step = plain.step_code
    signals: tuple[Signal, ...] = ()
    if not community and plain.stage_register != 0 and draw(st.booleans()):
        # Register 0 is a state: without the rows that write it, all others remain valid.
        step = tuple(r for r in step if r[1] != 0)
        kind = draw(st.sampled_from(["average", "total"]))
        signals = (Signal("talk", kind, clamped, 0, draw(exponents)),)
    return dataclasses.replace(
        plain,
        step_code=step,
        records=(*plain.records, *sums, *shared),
        coupling=Coupling(
            environments=tuple(f"environment_{k}" for k in range(environments)),
            inputs=tuple(range(environments)),
            results=tuple(results),
            aggregates=aggregates,
            code=tuple(code),
            n_scalars=size,
            community=community,
            signals=signals,
        ),
    )


@st.composite
def societies(draw: Any, program: Program) -> Society:
    """Draw a population for a coupled program, its groups and its network."""
    assert program.coupling is not None
    population = draw(populations(program))
    cells = len(population.inputs)
    if not program.coupling.signals:
        steps = [draw(st.integers(0, 1)) for _ in range(cells - 1)]
        return Society(population, np.cumsum([0, *steps]).astype(np.uint32))
    groups = np.zeros(cells, dtype=np.uint32)
    nodes = int(population.counts.sum())
    if draw(st.booleans()):
        hashed = coupled.Hashed(draw(st.integers(1, 9)), draw(st.integers(0, 2**64 - 1)))
        return Society(population, groups, hashed)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    starts = np.concatenate([[0], np.cumsum(generator.integers(0, 6, nodes))]).astype(np.int64)
    targets = generator.integers(0, max(nodes, 1), starts[-1]).astype(np.uint32)
    return Society(population, groups, coupled.Listed(starts, targets))
