"""Other compilers, processors and a browser's engine compute the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import pycore as pc
from pycore import _core
from pycore.program.compile import compile_model
from pycore.program.program import Program
from pycore.program.words import pack, sections
from pycore.simulation.population import population as population_of
from pycore.simulation.scenario import cell_inputs, resolve
from tests.benchmarks.benchmark_model import benchmark_model
from tests.contract.programs import Population, by_machine, populations, programs
from tests.contract.test_machine_refusals import coin, doubling
from tests.portable.hosts import Host, hosts

pytestmark = pytest.mark.xdist_group("portable")  # each host is built once
HOSTS = hosts(_core.isas())


@pytest.fixture(
    scope="module",
    # Clang compiles the whole extension: minutes.
    params=[pytest.param(n, marks=[pytest.mark.long] if n == "clang" else []) for n in HOSTS],
)
def host(request: pytest.FixtureRequest) -> Host:
    """Build each host once."""
    chosen = HOSTS[request.param]
    chosen.build()
    return chosen


def the_benchmark() -> tuple[Program, Population]:
    """The benchmark model with churn, in eight segments."""
    model = benchmark_model(leave_base=-3.0)
    program = compile_model(model)
    inputs = [
        np.array([[s.traits[name] for name in program.inputs]], dtype=np.float32)
        for s in model.segments.values()
    ]
    n = np.array([1, 255, 256, 257, 0, 1000, 300, 4000], dtype=np.uint64)
    return program, Population(inputs, n, np.arange(8, dtype=np.uint32), 3, 13, 2**63 + 11)


def document_0() -> tuple[Program, Population]:
    """The first document's model with its own segments."""
    model = pc.library.disengagement()
    program = compile_model(model)
    people = population_of(model, None)
    inputs = cell_inputs(model, program, people, resolve(model, None, 26), {})
    counts = np.asarray(people.counts(3000), dtype=np.uint64)
    segments = np.arange(len(counts), dtype=np.uint32)
    return program, Population(inputs, counts, segments, 2, 26, 1)


@pytest.mark.parametrize("case", [the_benchmark, document_0])
def test_models_give_the_same_ledger(
    host: Host, case: Callable[[], tuple[Program, Population]], tmp_path: Path
) -> None:
    program, population = case()
    expected = by_machine(program, population)
    for isa in host.isas:
        np.testing.assert_array_equal(
            host.ledger(program, population, isa, tmp_path), expected, err_msg=isa
        )


@given(data=st.data())
@settings(
    deadline=None, max_examples=25, derandomize=True, database=None,
    phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_random_programs_give_the_same_ledger(
    host: Host, tmp_path: Path, data: st.DataObject
) -> None:
    program = data.draw(programs())
    population = data.draw(populations(program))
    expected = by_machine(program, population)
    for isa in host.isas:
        np.testing.assert_array_equal(
            host.ledger(program, population, isa, tmp_path), expected, err_msg=isa
        )


def test_a_wrong_program_is_refused_in_the_same_words(host: Host, tmp_path: Path) -> None:
    form = sections(coin())
    people = Population([np.ones((1, 1), np.float32)], np.array([9], np.uint64),
                        np.zeros(1, np.uint32), 1, 2, 1)  # fmt: skip
    for name, wrong in (
        ("sizes", np.array([1, 2, 5000, 1, 0, -1], np.int32)),
        ("constants", np.array([np.inf], np.float32)),
        ("record_registers", np.array([-(2**31)], np.int32)),
        ("step_code", np.zeros(7, np.int32)),
    ):
        words = pack(form | {name: wrong})
        with pytest.raises(ValueError, match="program") as here:
            _core.Program(words)
        done = host.replay(words, people, host.isas[0], tmp_path)
        assert done.returncode == 1
        assert done.stderr.decode().strip() == str(here.value)


def test_a_value_that_does_not_fit_is_named(host: Host, tmp_path: Path) -> None:
    program, population = doubling(0, -30, periods=40)
    for isa in host.isas:
        done = host.replay(program.to_words(), population, isa, tmp_path)
        assert done.returncode == 1
        assert "record 'size of it' out of range in period 30: value" in done.stderr.decode()
