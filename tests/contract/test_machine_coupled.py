"""Consumers who influence each other: the oracle's bits, whoever computes them and however."""

from __future__ import annotations

import dataclasses
import hashlib

import networkx  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pycore as pc
from pycore import _core
from pycore.errors import InputError
from pycore.program import coupled
from pycore.program.compile import compile_model
from pycore.program.program import Program
from pycore.simulation.population import population
from pycore.simulation.scenario import cell_inputs, resolve
from tests.contract.coupled_programs import (
    Society,
    by_machine,
    by_oracle,
    coupled_programs,
    societies,
)
from tests.contract.programs import Population
from tests.models import rumour

ISAS = _core.isas()
RANDOM = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
SCOPES = ("global", "community", "neighbours")


def society(model: pc.Model, consumers: int = 5000, periods: int = 9) -> tuple[Program, Society]:
    """Compile a model; two scenarios of its people, with a network for those who need one."""
    program = compile_model(model)
    people = population(model, None)
    scenarios = resolve(model, {"base": {}, "advert": {"advert": [0.1 * t for t in range(9)]}}, 9)
    inputs = [t[: len(t) if len(t) == 1 else periods] for t in cell_inputs(
        model, program, people, scenarios, {})]  # fmt: skip
    counts = np.tile(np.asarray(people.counts(consumers), np.uint64), 2)
    n = len(people.segments)
    segments = np.tile(np.arange(n, dtype=np.uint32), 2)
    network = coupled.Listed(*pc.Network.random(6).listed(consumers))
    return program, Society(
        Population(inputs, counts, segments, 3, periods, 77),
        np.repeat(np.arange(2, dtype=np.uint32), n), network,
    )  # fmt: skip


def digest(ledger: npt.NDArray[np.int64]) -> str:
    """Return SHA-256 of all counts and sums."""
    return hashlib.sha256(ledger.tobytes()).hexdigest()


@given(data=st.data())
@settings(RANDOM, max_examples=60)
def test_machine_equals_oracle_on_random_coupled_programs(data: st.DataObject) -> None:
    program = data.draw(coupled_programs())
    people = data.draw(societies(program))
    expected = by_oracle(program, people)
    for isa in ISAS:
        got = by_machine(program, people, isa=isa, threads=2, block=128)
        np.testing.assert_array_equal(got, expected, err_msg=isa)


@pytest.mark.long
@given(data=st.data())
@settings(RANDOM, max_examples=400)
def test_machine_equals_oracle_on_many_random_coupled_programs(data: st.DataObject) -> None:
    program = data.draw(coupled_programs())
    people = data.draw(societies(program))
    expected = by_oracle(program, people)
    for isa in ISAS:
        got = by_machine(program, people, isa=isa, threads=data.draw(st.integers(1, 3)))
        np.testing.assert_array_equal(got, expected, err_msg=isa)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_coupled_program_survives_json(scope: pc.model.elements.Scope) -> None:
    program = compile_model(rumour(scope))
    assert Program.from_json(program.to_json()) == program
    assert pc.Model.from_json(rumour(scope).to_json()).to_json() == rumour(scope).to_json()


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("consumers", [5_000, 20_000])
def test_threads_blocks_and_instruction_sets_give_the_oracles_hash(
    scope: pc.model.elements.Scope, consumers: int
) -> None:
    """5 000 are lived by one thread per group; 20 000 by all threads together."""
    program, people = society(rumour(scope), consumers)
    hashes = {
        digest(by_machine(program, people, isa=isa, threads=threads, block=block))
        for isa in ISAS
        for threads in (1, 2, 7)
        for block in (256, 512)
    }
    assert hashes == {digest(by_oracle(program, people))}


def test_scenarios_of_a_coupled_run_meet_the_same_luck() -> None:
    """A scenario alone is the same scenario beside another."""
    model = rumour("global")
    both = pc.simulate(model, consumers=3000, periods=6, seed=3, scenarios={
        "base": {}, "advert": {"advert": 1.0}})  # fmt: skip
    alone = pc.simulate(model, consumers=3000, periods=6, seed=3)
    np.testing.assert_array_equal(both["ledger"].sel(scenario="base"), alone["ledger"][0])
    assert (both["talk"].sel(scenario="advert") != alone["talk"][0]).any()


def test_one_extra_consumer_changes_nobody_outside_her_community() -> None:
    program, people = society(rumour("community"), 4000)
    p = people.population
    counts = p.counts.copy()
    counts[1] += 1
    more = dataclasses.replace(people, population=dataclasses.replace(p, counts=counts))
    edge = int(p.counts[1]) // 230 * 230  # her community begins here
    for low, high in ((0, edge), (edge, None)):
        lo = np.array([0, low, 0, 0], np.uint64)
        before = np.array([0, high or p.counts[1], 0, 0], np.uint64)
        after = np.array([0, high or counts[1], 0, 0], np.uint64)
        one = dataclasses.replace(people, population=dataclasses.replace(p, batches=1))
        two = dataclasses.replace(more, population=dataclasses.replace(more.population, batches=1))
        same = digest(by_machine(program, one, lo=lo, hi=before)) == digest(
            by_machine(program, two, lo=lo, hi=after)
        )
        assert same == (high is not None)


def test_shards_of_communities_add_up_to_the_whole() -> None:
    program, people = society(rumour("community"), 4000)
    counts = people.population.counts
    middle = counts // np.uint64(460) * np.uint64(230)
    parts = [
        by_machine(program, people, lo=np.zeros_like(counts), hi=middle),
        by_machine(program, people, lo=middle, hi=counts),
    ]
    np.testing.assert_array_equal(parts[0] + parts[1], by_machine(program, people))
    with pytest.raises(ValueError, match="edges of communities"):
        by_machine(program, people, lo=np.zeros_like(counts), hi=middle - np.uint64(1))


@pytest.mark.parametrize("scope", ["global", "community"])
def test_replayed_lives_add_up_to_the_coupled_run(scope: pc.model.elements.Scope) -> None:
    model = rumour(scope)
    scenarios = {"base": {}, "advert": {"advert": [0.1 * t for t in range(8)]}}
    run = pc.simulate(model, consumers=1500, periods=8, seed=5, scenarios=scenarios)
    lives = pc.trajectories(model, ids=range(1500), periods=8, seed=5, scenarios=scenarios, run=run)
    for name, counted in (("speaks", "speaks_count"), ("quits", "quits_count")):
        np.testing.assert_array_equal(
            lives[name].sum("consumer"), run[counted].sum("segment")[:, 0]
        )
    moods = lives["mood"].values.astype(np.float64)
    fixed = np.nansum(np.rint(moods * 2.0**16), axis=1)
    sums = run["ledger"].sel(cell="mood:sum").sum(["segment", "batch"])[:, 0]
    np.testing.assert_array_equal(fixed, sums)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_coupled_run_is_reproduced_from_its_provenance(scope: pc.model.elements.Scope) -> None:
    network = pc.Network.small_world(4, 0.2, seed=3) if scope == "neighbours" else None
    run = pc.simulate(rumour(scope), consumers=2000, periods=5, seed=8, network=network)
    again = pc.reproduce(run, threads=1)
    assert again.drop_attrs().identical(run.drop_attrs())


def test_a_given_network_is_asked_for_again() -> None:
    import scipy.sparse

    starts, targets = pc.Network.random(5).listed(1000)
    matrix = scipy.sparse.csr_array((np.ones(len(targets)), targets, starts), shape=(1000, 1000))
    given_, other = pc.Network.given(matrix), pc.Network.given(matrix[::-1])
    run = pc.simulate(rumour("neighbours"), consumers=1000, periods=4, seed=8, network=given_)
    made = pc.simulate(
        rumour("neighbours"), consumers=1000, periods=4, seed=8, network=pc.Network.random(5)
    )
    np.testing.assert_array_equal(run["ledger"], made["ledger"])
    pc.reproduce(run, network=given_)
    with pytest.raises(InputError, match="same network once more"):
        pc.reproduce(run)
    with pytest.raises(InputError, match="the network of the run"):
        pc.reproduce(run, network=other)


def test_a_networkx_graph_and_its_matrix_are_one_network() -> None:
    graph = networkx.karate_club_graph()
    of_graph = pc.Network.given(graph).listed(34)
    of_matrix = pc.Network.given(networkx.to_scipy_sparse_array(graph)).listed(34)
    for a, b in zip(of_graph, of_matrix, strict=True):
        np.testing.assert_array_equal(a, b)
    assert of_graph[1].tolist()[: graph.degree(0)] == sorted(graph.neighbors(0))


def test_an_environment_that_is_not_finite_is_named() -> None:
    m = pc.Model("blow_up")
    boom = m.environment("boom", start=2)  # 2^8, 2^64, and 2^512 is beyond float32
    m.update(boom, target=boom**8)
    m.record(m.event("hear", logit=boom))
    with pytest.raises(InputError, match="environment 'boom' is not finite in period 2"):
        pc.simulate(m, consumers=2000, periods=9, seed=1)


def test_a_block_whose_consumers_have_all_left_is_silent() -> None:
    m = pc.Model("silence")
    gone = m.trait("gone", 0)
    m.segment("stays", gone=0)
    m.segment("goes", gone=1)
    talk = m.environment("talk", scope="neighbours", start=0.5)
    speaks = m.event("speaks", probability=pc.where(talk > 0.4, 0.6, 0.3) * (1 + talk) / 2)
    quits = m.event("quits", probability=gone)
    m.stage("relation", {"in": {"out": quits}}, absorbing="out")
    m.update(talk, target=pc.average(speaks))
    m.record(speaks)
    program = compile_model(m)
    people = population(m, None)
    inputs = cell_inputs(m, program, people, resolve(m, None, 6), {})
    society_ = Society(
        Population(inputs, np.array([800, 800], np.uint64), np.arange(2, dtype=np.uint32), 1, 6, 4),
        np.zeros(2, np.uint32), coupled.Listed(*pc.Network.random(6).listed(1600)),
    )  # fmt: skip
    expected = by_oracle(program, society_)
    np.testing.assert_array_equal(expected[1, 0, :, 0], [800, 0, 0, 0, 0, 0])
    for block in (256, 1024):
        np.testing.assert_array_equal(by_machine(program, society_, block=block), expected)


def test_what_does_not_fit_is_named_by_its_environment() -> None:
    m = pc.Model("rich")
    money = m.state("money", start=1, carry=1, increment=40_000)
    m.environment("wealth", target=pc.average(money))
    with pytest.raises(InputError, match=r"'wealth:sum0' out of range in period 0.*coarser"):
        pc.simulate(m, consumers=2000, periods=9, seed=1)


def test_ctrl_c_stops_a_team() -> None:
    def stop(done: int, total: int) -> None:
        assert 0 <= done <= total
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pc.simulate(
            rumour("global"), consumers=400_000, periods=400, seed=1, threads=2, progress=stop
        )


def test_what_cannot_run_is_refused_before_work_starts() -> None:
    near, room = rumour("neighbours"), rumour("community")
    settings_ = {"periods": 2, "seed": 1}
    network = pc.Network.random(4)
    for model, changed, message in (
        (near, {"consumers": 100}, "a pc.Network"),
        (near, {"consumers": 4, "network": network}, "5 to"),
        (room, {"consumers": 2000, "network": network}, "no environment of neighbours"),
        (room, {"consumers": 300}, "at least 2"),
        (room, {"consumers": 2000, "batches": 9}, "communities of a segment"),
        (rumour("global"), {"consumers": 2**40}, "bytes of memory"),
    ):
        with pytest.raises(InputError, match=message):
            pc.simulate(model, **settings_, **changed)  # type: ignore[arg-type]
    with pytest.raises(pc.NotYetSimulated, match="cannot be replayed alone"):
        pc.trajectories(near, ids=[1], periods=2, seed=1)
    with pytest.raises(InputError, match="the run in which these consumers live"):
        pc.trajectories(room, ids=[1], periods=2, seed=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": (99,)}, "no input of its own"),
        ({"results": (10_000,)}, "no register"),
        ({"aggregates": ()}, "n_scalars|not written|no register"),
        ({"community": -1}, "community"),
        ({"community": 20_000}, "community"),
        ({"n_scalars": 5000}, "n_scalars"),
    ],
)
def test_a_coupling_out_of_bounds_is_refused_on_both_sides(
    change: dict[str, object], message: str
) -> None:
    m = pc.Model("small")
    e = m.environment("e")
    m.record(m.event("x", logit=e))
    m.update(e, target=pc.average(m["x"]) * 2)
    program = compile_model(m)
    assert program.coupling is not None
    coupling = dataclasses.replace(program.coupling, **change)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        dataclasses.replace(program, coupling=coupling)
    unchecked = dataclasses.replace(program)
    object.__setattr__(unchecked, "coupling", coupling)
    with pytest.raises(ValueError, match="program: "):
        unchecked.to_core()
