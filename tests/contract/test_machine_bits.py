"""The machine computes the oracle's bits, however it is asked to."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pycore as pc
from pycore import _core
from pycore.program import interpret
from pycore.program.compile import compile_model
from pycore.program.instructions import SPECIFICATION, Op
from pycore.program.program import Program, Record
from tests.benchmarks.benchmark_model import benchmark_model
from tests.contract.programs import (
    Population,
    by_machine,
    by_oracle,
    populations,
    programs,
    row,
)

ISAS = _core.isas()
RANDOM = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def same_bits(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> bool:
    """Equal bit patterns; any NaN equals any NaN."""
    equal = a.view(np.uint32) == b.view(np.uint32)
    return bool((equal | (np.isnan(a) & np.isnan(b))).all())


@pytest.fixture(scope="module")
def benchmark() -> tuple[Program, Population]:
    """The benchmark model with churn: a few thousand consumers in eight segments, 13 periods."""
    model = benchmark_model(leave_base=-3.0)
    program = compile_model(model)
    inputs = [
        np.array([[s.traits[name] for name in program.inputs]], dtype=np.float32)
        for s in model.segments.values()
    ]
    n = np.array([1, 255, 256, 257, 0, 1000, 300, 4000], dtype=np.uint64)
    return program, Population(inputs, n, np.arange(8, dtype=np.uint32), 3, 13, 20_261_121)


def test_both_sides_hold_the_same_instruction_table() -> None:
    here = [
        (op.name.lower(), int(op), spec.lanes, spec.scalars, spec.draws)
        for op, spec in SPECIFICATION.items()
    ]
    assert _core.instruction_table() == here
    assert len(here) == len(Op)


@given(data=st.data())
@settings(RANDOM, max_examples=60)
def test_machine_equals_oracle_on_random_programs(data: st.DataObject) -> None:
    program = data.draw(programs())
    population = data.draw(populations(program))
    expected = by_oracle(program, population)
    for isa in ISAS:
        got = by_machine(program, population, isa=isa, threads=1, block=128)
        np.testing.assert_array_equal(got, expected, err_msg=isa)


@pytest.mark.slow
@given(data=st.data())
@settings(RANDOM, max_examples=400)
def test_machine_equals_oracle_on_many_random_programs(data: st.DataObject) -> None:
    program = data.draw(programs())
    population = data.draw(populations(program))
    expected = by_oracle(program, population)
    block = data.draw(st.sampled_from([128, 192, 256, 1024]))
    for isa in ISAS:
        got = by_machine(program, population, isa=isa, threads=2, block=block)
        np.testing.assert_array_equal(got, expected, err_msg=isa)


@given(data=st.data())
@settings(RANDOM, max_examples=60)
def test_every_register_of_every_life_has_the_oracles_bits(data: st.DataObject) -> None:
    program = data.draw(programs())
    population = data.draw(populations(program))
    registers = np.arange(program.n_states, dtype=np.int32)
    segment, table = int(population.segments[0]), population.inputs[0]
    numbers = np.arange(int(population.counts[0])) * 977
    ids = interpret.consumer_ids(segment, numbers)
    periods, seed = population.periods, population.seed
    expected = interpret.trace(program, table, ids, registers.tolist(), periods, seed)
    for isa in ISAS:
        got = _core.trace(
            program.to_core(), [table], np.array([segment], np.uint32), ids, registers,
            periods, seed, isa=isa,
        )  # fmt: skip
        assert same_bits(got, expected), isa


def kept_draws(chance: float) -> pc.Model:
    """Draws that count only where something happened, which this many do."""
    m = pc.Model("kept_draws")
    wait = m.draw("wait", pc.LogNormal(mean=2.0, sigma=0.6))
    pause = m.draw("pause", pc.Exponential(mean=2.0))
    luck = m.draw("luck", pc.Normal(0.2, 1.0))
    shared = m.draw("shared", pc.Normal(0.0, 1.0))
    failed = m.event("failed", probability=chance)
    again = m.event("again", probability=0.5)
    trust = m.state("trust", low=-4, high=4)
    m.update(
        trust, carry=0.9,
        increment=failed * wait - 2 * again * failed * pc.where(luck > 0, 1, 0) + shared * failed,
    )  # fmt: skip
    m.update(m.state("tired", low=-9, high=9), carry=0.5, increment=again * pause - 0.1 * shared)
    leave = m.event("leave", logit=trust - 5)
    m.stage("relation", {"active": {"left": leave}}, absorbing="left")
    m.record(failed, again, leave, trust, m["tired"])
    return m


@pytest.mark.parametrize("chance", [0.0, 0.02, 0.2, 0.5, 0.7, 1.0])
def test_draws_that_count_for_few_are_computed_for_them_alone(chance: float) -> None:
    program = compile_model(kept_draws(chance))
    ops = [Op(row[0]) for row in program.step_code]
    kept = [k for k, op in enumerate(ops) if op is Op.KEEP]
    alone = [Op.NORMAL, Op.AFFINE1, Op.EXP, Op.AFFINE1]
    assert len(kept) == 3
    assert sum(ops[k - 4 : k] == alone for k in kept) == 1
    assert sum(ops[k - 3 : k] == [Op.UNIFORM, Op.LOG, Op.AFFINE1] for k in kept) == 1
    counts = np.array([1, 63, 64, 65, 500, 512, 700, 3000], dtype=np.uint64)
    inputs = [np.zeros((1, len(program.inputs)), np.float32)] * len(counts)
    segments = np.arange(len(counts), dtype=np.uint32)
    population = Population(inputs, counts, segments, 2, 9, 7)
    expected = by_oracle(program, population)
    for isa in ISAS:
        for block in (128, 512, 1024):
            got = by_machine(program, population, isa=isa, block=block)
            np.testing.assert_array_equal(got, expected, err_msg=f"{isa}, {block}")


KINDS: tuple[Literal["count", "moments"], ...] = ("count", "moments")


def test_truths_are_counted_as_they_would_be_added_up() -> None:
    """By the event itself, with or without a tail of a vector, and by the ledger."""
    program = compile_model(kept_draws(0.2))
    sources = {r.name: r.register for r in program.records}
    assert sorted(sources) == ["again", "failed", "leave", "tired", "trust"]
    last = {r[1]: Op(r[0]) for r in program.step_code}
    spare = program.n_registers
    rows = (*program.step_code, row(Op.LT, spare, (sources["failed"], sources["again"])))
    truths = [sources["failed"], sources["again"], sources["leave"], spare]
    assert [last.get(t) for t in truths] == [Op.EVENT_S, Op.EVENT_S, Op.EVENT_LOGIT, None]
    exponents = [(16, 12), (0, 30), (30, 0), (-1, -6), (5, -1)]
    records = [
        Record(f"{kind} {source} {by_stage} {k}", kind, source, by_stage, *exponents[k])
        for k, source, kind, by_stage in itertools.product(range(5), truths, KINDS, (False, True))
    ]
    order = np.random.default_rng(1).permutation(len(records))
    program = dataclasses.replace(
        program, n_registers=spare + 1, step_code=rows, records=tuple(records[i] for i in order)
    )
    counts = np.array([1, 3, 15, 17, 63, 64, 65, 511, 513, 777], dtype=np.uint64)
    inputs = [np.zeros((1, len(program.inputs)), np.float32)] * len(counts)
    segments = np.arange(len(counts), dtype=np.uint32)
    population = Population(inputs, counts, segments, 1, 5, 7)
    expected = by_oracle(program, population)
    for isa, block in itertools.product(ISAS, (128, 768)):
        got = by_machine(program, population, isa=isa, block=block)
        np.testing.assert_array_equal(got, expected, err_msg=f"{isa}, {block}")


def test_a_life_is_the_same_whether_its_draws_are_shown_or_not() -> None:
    model = kept_draws(0.3)
    hidden, shown = compile_model(model), compile_model(model, keep="everything")
    states = np.arange(hidden.n_states, dtype=np.int32)
    ids = np.arange(700, dtype=np.uint64)
    table = [np.zeros((1, len(hidden.inputs)), np.float32)]
    expected = interpret.trace(hidden, table[0], ids, states.tolist(), 9, 5)
    for program, isa in itertools.product((hidden, shown), ISAS):
        got = _core.trace(
            program.to_core(), table, np.zeros(1, np.uint32), ids, states, 9, 5, isa=isa
        )
        assert same_bits(got, expected), isa


def test_the_benchmark_model_has_the_oracles_bits(benchmark: tuple[Program, Population]) -> None:
    program, population = benchmark
    expected = by_oracle(program, population)
    for isa in ISAS:
        np.testing.assert_array_equal(by_machine(program, population, isa=isa), expected, isa)


def test_threads_blocks_and_instruction_sets_give_one_hash(
    benchmark: tuple[Program, Population],
) -> None:
    program, population = benchmark
    hashes = {
        hashlib.sha256(
            by_machine(program, population, isa=isa, threads=threads, block=block).tobytes()
        ).hexdigest()
        for isa in ISAS
        for threads in (1, 2, 7)
        for block in (128, 256, 512, 1024)
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("shards", [1, 3])
def test_shards_add_up_to_the_whole(benchmark: tuple[Program, Population], shards: int) -> None:
    program, population = benchmark
    whole = by_machine(program, population)
    n = population.counts
    edges = [n * np.uint64(s) // np.uint64(shards) for s in range(shards + 1)]
    parts = [
        by_machine(program, population, lo=low, hi=high) for low, high in itertools.pairwise(edges)
    ]
    np.testing.assert_array_equal(np.sum(parts, axis=0), whole)


def test_the_run_is_the_sum_of_its_replayed_lives(benchmark: tuple[Program, Population]) -> None:
    program, population = benchmark
    cell = 6
    ids = interpret.consumer_ids(cell, np.arange(int(population.counts[cell])))
    moments = [r for r in program.records if r.kind == "moments"]
    lives = _core.trace(
        program.to_core(), [population.inputs[cell]], np.array([cell], np.uint32), ids,
        np.array([r.register for r in moments], np.int32), population.periods, population.seed,
    )  # fmt: skip
    ledger = by_machine(program, population)[cell].sum(axis=0)
    np.testing.assert_array_equal((~np.isnan(lives[..., 0])).sum(axis=0), ledger[:, 0])
    for k, record in enumerate(moments):
        fixed = np.rint(lives[..., k].astype(np.float64) * 2.0**record.exponent)
        np.testing.assert_array_equal(
            np.nansum(fixed, axis=0).astype(np.int64), ledger[:, program.offsets[record.name]]
        )


def test_a_life_replayed_alone_equals_the_same_life_in_a_crowd(
    benchmark: tuple[Program, Population],
) -> None:
    program, population = benchmark
    segments = np.arange(8, dtype=np.uint32)
    ids = np.concatenate(
        [interpret.consumer_ids(s, np.arange(300) + 2**32 - 150) for s in range(8)]
    )
    registers = np.arange(program.n_states, dtype=np.int32)
    arguments = (registers, population.periods, population.seed)
    crowd = _core.trace(program.to_core(), population.inputs, segments, ids, *arguments)
    for place in (0, 149, 150, 151, 1234, 2399):
        one = ids[place : place + 1]
        alone = _core.trace(program.to_core(), population.inputs, segments, one, *arguments)
        assert same_bits(alone[0], crowd[place])


def test_one_extra_consumer_changes_nobody_else(benchmark: tuple[Program, Population]) -> None:
    program, population = benchmark
    one_batch = Population(
        population.inputs, population.counts, population.segments, 1, population.periods,
        population.seed,
    )  # fmt: skip
    counts = population.counts.copy()
    counts[5] += 1
    more = Population(
        one_batch.inputs, counts, one_batch.segments, 1, one_batch.periods, one_batch.seed
    )
    newcomer = by_machine(program, more, lo=np.minimum(population.counts, counts), hi=counts)
    assert newcomer[5, 0, 0, 0] == 1
    np.testing.assert_array_equal(
        by_machine(program, more) - newcomer, by_machine(program, one_batch)
    )


def test_another_scenario_meets_the_same_luck(benchmark: tuple[Program, Population]) -> None:
    """Failures are drawn before anything a lever moves, so scenarios share them exactly."""
    program, population = benchmark
    scenario = [table.copy() for table in population.inputs]
    for table in scenario:
        table[:, program.inputs.index("price")] *= 2
    changed = Population(
        scenario, population.counts, population.segments, population.batches,
        population.periods, population.seed,
    )  # fmt: skip
    base, other = by_machine(program, population), by_machine(program, changed)
    revenue = program.offsets["revenue"]
    rest = [k for k in range(program.width) if k not in (revenue, revenue + 1)]
    np.testing.assert_array_equal(base[..., rest], other[..., rest])
    assert (base[..., revenue] != other[..., revenue]).any()
