"""Societies lived one period at a time: the oracle's bits, however they are divided and kept."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pycore import _core
from pycore.program import coupled
from pycore.program.program import Program
from pycore.simulation.interaction import next_environments
from tests.contract.coupled_programs import Society, by_oracle, coupled_programs, societies
from tests.contract.test_machine_coupled import society
from tests.models import rumour

RANDOM = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
I64 = npt.NDArray[np.int64]


class Divided:
    """One society in cohorts between some places of its line."""

    def __init__(
        self, program: Program, whole: Society, group: int, places: Sequence[int], **options: Any
    ) -> None:
        assert program.coupling is not None
        p, self.program = whole.population, program
        mine = np.flatnonzero(whole.groups == group)
        self.inputs = [p.inputs[c] for c in mine]
        self.counts = p.counts[mine].astype(np.int64)
        total = int(self.counts.sum())
        self.places = sorted({0, total, *(k for k in places if k < total)})
        edges = np.concatenate([[0], np.cumsum(self.counts)])
        match whole.network:
            case coupled.Listed(starts, targets):
                options["listed"] = (starts, targets)
            case coupled.Hashed(degree, seed):
                options["hashed"] = (degree, seed)
        self.cohorts = [
            _core.Cohort(
                program.to_core(), self.inputs, self.counts.astype(np.uint64), p.segments[mine],
                p.batches, p.periods, p.seed,
                signals=[s.name for s in program.coupling.signals],
                lo=(np.clip(low, edges[:-1], edges[1:]) - edges[:-1]).astype(np.uint64),
                hi=(np.clip(high, edges[:-1], edges[1:]) - edges[:-1]).astype(np.uint64),
                **options,
            )
            for low, high in zip(self.places, self.places[1:], strict=False)
        ]  # fmt: skip

    def live(self, environments: npt.NDArray[np.float32]) -> I64:
        """Rows of a period, added up, after those apart have heard each other."""
        assert self.program.coupling is not None
        if self.program.coupling.signals and self.cohorts[0].period:
            self.talk()
        found = [cohort.live(environments) for cohort in self.cohorts]
        for rows, total in found:
            np.testing.assert_array_equal(rows.sum(axis=0), total)
        return np.sum([rows for rows, _ in found], axis=0)

    def talk(self) -> None:
        """Every cohort hears what was said in all the others."""
        said = [cohort.said() for cohort in self.cohorts]
        for k, cohort in enumerate(self.cohorts):
            for m, (low, high) in enumerate(itertools.pairwise(self.places)):
                if m != k:
                    cohort.hear(low, high, said[m])

    def states(self, places: Sequence[int]) -> list[tuple[int, int, npt.NDArray[np.uint32]]]:
        """States between these places and those of the cohorts."""
        found = []
        for cohort, low, high in zip(self.cohorts, self.places, self.places[1:], strict=False):
            cuts = sorted({low, high, *(k for k in places if low < k < high)})
            found += [(a, b, cohort.state(a, b)) for a, b in itertools.pairwise(cuts)]
        return found

    def restore(self, periods: int, states: list[tuple[int, int, npt.NDArray[np.uint32]]]) -> None:
        """Put back states that begin and end at the places of these cohorts, among others."""
        for cohort, low, high in zip(self.cohorts, self.places, self.places[1:], strict=False):
            for a, b, words in states:
                if low <= a < high:
                    cohort.restore(periods, a, b, words)


def by_cohorts(
    program: Program,
    whole: Society,
    *,
    places: Sequence[int] = (),
    others: Sequence[int] = (),
    kept: int = 0,
    **options: Any,
) -> I64:
    """Ledger of societies divided at some places and, after `kept` periods, at others."""
    p = whole.population
    assert program.coupling is not None
    ledger = np.zeros((len(p.inputs), p.batches, p.periods, program.width), dtype=np.int64)
    for group in range(int(whole.groups.max()) + 1):
        parts = Divided(program, whole, group, places, **options)
        everybody = int(parts.counts.sum())
        if not everybody:
            continue
        first = [next(t for t, n in zip(parts.inputs, parts.counts, strict=True) if n)]
        shared: Any = None
        for period in range(p.periods):
            if 0 < period == kept:
                cuts = [k for k in others if k < everybody]
                states = parts.states(cuts)
                parts = Divided(program, whole, group, cuts, **options)
                parts.restore(period, states)
            now = np.zeros(len(program.coupling.inputs), np.float32) if shared is None else shared
            rows = parts.live(now)
            ledger[whole.groups == group, :, period] = rows.reshape(-1, p.batches, program.width)
            shared = next_environments(
                program, first, period, None if shared is None else shared[None],
                rows.sum(axis=0)[None], everybody,
            )[0]  # fmt: skip
    return ledger


@given(data=st.data())
@settings(RANDOM, max_examples=25)
def test_cohorts_equal_the_oracle_on_random_coupled_programs(data: st.DataObject) -> None:
    program = data.draw(coupled_programs((0,)))
    people = data.draw(societies(program))
    assert program.coupling is not None
    n = int(people.population.counts.sum())
    cuts = st.lists(st.integers(0, max(n - 1, 0)), max_size=3)
    found = by_cohorts(
        program, people, places=data.draw(cuts), others=data.draw(cuts),
        kept=data.draw(st.integers(0, 9)), threads=data.draw(st.integers(1, 2)), block=128,
        isa=data.draw(st.sampled_from(_core.isas())),
    )  # fmt: skip
    np.testing.assert_array_equal(found, by_oracle(program, people))


@pytest.mark.parametrize("kept", [0, 1, 6])
@pytest.mark.parametrize("network", ["listed", "hashed", None])
def test_states_put_back_end_with_the_oracles_bits(kept: int, network: str | None) -> None:
    """Many leave, fall silent and are heard no more; keeping and dividing change nothing."""
    program, people = society(rumour("neighbours" if network else "global"), 5000)
    if network == "hashed":
        people = Society(people.population, people.groups, coupled.Hashed(6, 3))
    places = (1700, 4096, 4999)
    expected = by_oracle(program, people)
    assert expected[..., -1, 0].sum() < 0.9 * expected[..., 0, 0].sum()
    for threads, block in ((1, 256), (2, 512)):
        found = by_cohorts(
            program, people, places=places, others=places[1:], kept=kept, threads=threads,
            block=block,
        )  # fmt: skip
        np.testing.assert_array_equal(found, expected)


def one(low: int = 0, high: int = 3000, **options: Any) -> Any:
    """Cohort of a society of 3000 in which neighbours talk, or of a part of it."""
    program, people = society(rumour("neighbours"), 3000)
    return Divided(program, people, 0, (low, high), **options).cohorts[1 if low else 0]


def lived(cohort: Any, periods: int, environments: int = 0) -> Any:
    for _ in range(periods):
        cohort.live(np.zeros(environments, np.float32))
    return cohort


def test_the_form_of_a_state_does_not_depend_on_who_holds_it() -> None:
    forms = []
    for threads, block, isa in ((1, 256, "scalar"), (2, 512, _core.isas()[0])):
        cohort = lived(one(threads=threads, block=block, isa=isa), 3)
        forms.append([cohort.state(a, a + 600).tobytes() for a in range(0, 3000, 600)])
        assert len(cohort.state(40, 40)) == 1
    assert forms[0] == forms[1]


def test_what_is_out_of_order_is_refused() -> None:
    cohort, part = one(), one(1000, 2000)
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: cohort.state(0, 10), "what has been lived"),
        (lambda: cohort.live(np.zeros(1, np.float32)), "one number each"),
        (
            lambda: part.restore(1, 0, 1000, np.zeros(1, np.uint32)),
            "one stretch .* after the other",
        ),
        (lambda: part.restore(0, 1000, 2000, np.zeros(1, np.uint32)), "at least one period"),
        (lambda: part.restore(10, 1000, 2000, np.zeros(1, np.uint32)), "at least one period"),
    ]
    for call, message in calls:
        with pytest.raises(ValueError, match=message):
            call()
    states = [lived(one(), 4).state(0, k) for k in (1200, 3000)]
    cohort.restore(4, 0, 1200, states[0])
    with pytest.raises(ValueError, match="when all have been put back"):
        cohort.live(np.zeros(0, np.float32))
    with pytest.raises(ValueError, match="one stretch"):
        cohort.restore(5, 1200, 3000, states[0])
    done = lived(one(), 9)
    with pytest.raises(ValueError, match="last period is over"):
        done.live(np.zeros(0, np.float32))
    with pytest.raises(ValueError, match="a new cohort"):
        done.restore(4, 0, 3000, states[1])
    for low, high in ((2, 1), (0, 3001), (2**63, 2**64 - 1)):
        with pytest.raises(ValueError, match="consumers of the cohort"):
            done.state(low, high)


def test_others_are_heard_whole_and_in_order() -> None:
    program, people = society(rumour("neighbours"), 3000)
    parts = Divided(program, people, 0, (1000, 2000))
    middle = parts.cohorts[1]
    nobody = np.zeros(0, np.float32)
    with pytest.raises(ValueError, match="said: allowed is a network, after a period"):
        middle.said()
    parts.live(nobody)
    with pytest.raises(ValueError, match="when all others were heard"):
        middle.live(nobody)
    before, own, after = (cohort.said() for cohort in parts.cohorts)
    for low, high, words in (
        (1000, 2000, own), (0, 1001, own), (500, 1000, before), (2000, 3000, after),
        (0, 0, before[:0]), (2**63, 2**64 - 1, before),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="one stretch of the others after the other"):
            middle.hear(low, high, words)
    with pytest.raises(ValueError, match=r"what said\(\) gave"):
        middle.hear(0, 1000, before[:-1])
    for words in (before[:0], before + np.uint32(2), np.append(before, before[:1])):
        with pytest.raises(ValueError, match=r"what said\(\) gave"):
            middle.hear(0, 1000, words)
    middle.hear(0, 1000, before)
    with pytest.raises(ValueError, match="when all others were heard"):
        middle.live(nobody)
    middle.hear(2000, 3000, after)
    with pytest.raises(ValueError, match="one stretch"):
        middle.hear(2000, 3000, after)
    middle.live(nobody)
    alone = lived(one(), 1)
    with pytest.raises(ValueError, match="one stretch"):
        alone.hear(0, 3000, alone.said())
    apart = Divided(*society(rumour("global"), 3000), 0, (10,)).cohorts[0]
    with pytest.raises(ValueError, match="hear: allowed is a network"):
        lived(apart, 1, 3).hear(10, 3000, before)


@given(data=st.data())
@settings(RANDOM, max_examples=40)
def test_hostile_words_are_refused_or_lived(data: st.DataObject) -> None:
    """A state is bytes from a disk: whatever they are, nobody reads or writes beside them."""
    words = KEPT.copy()
    for _ in range(data.draw(st.integers(1, 3))):
        change = data.draw(st.integers(0, 3))
        at = data.draw(st.integers(0, max(len(words) - 1, 0)))
        value = data.draw(st.sampled_from([0, 1, 2**31, 2**32 - 1, 2999, 3000, 0x7FC00000]))
        if change == 0 and len(words):
            words[at] = value
        elif change == 1:
            words = words[:at]
        elif change == 2:
            words = np.insert(words, at, np.uint32(value))
        elif len(words):
            words[0] = np.uint32(data.draw(st.integers(0, 2**32 - 1)))
    cohort = one(threads=1)
    try:
        cohort.restore(4, 0, 3000, words)
    except ValueError as error:
        assert "allowed is what state() gave" in str(error)  # noqa: PT017
        return
    for _ in range(3):
        try:
            cohort.live(np.zeros(0, np.float32))
        except ValueError as error:
            assert "out of range" in str(error) or "broken off" in str(error)  # noqa: PT017


KEPT = lived(one(), 4).state(0, 3000)


def test_a_network_changed_afterwards_changes_nothing() -> None:
    program, people = society(rumour("neighbours"), 3000)
    assert isinstance(people.network, coupled.Listed)
    calm = Divided(program, people, 0, ())
    starts, targets = people.network.starts.copy(), people.network.targets.copy()
    whole = Society(people.population, people.groups, coupled.Listed(starts, targets))
    moved = Divided(program, whole, 0, ())
    starts[:], targets[:] = 2**40, 2**31
    for _ in range(4):
        np.testing.assert_array_equal(
            moved.live(np.zeros(0, np.float32)), calm.live(np.zeros(0, np.float32))
        )


def test_a_period_broken_off_is_the_last() -> None:
    program, people = society(rumour("global"), 3000)
    people.population.inputs[0][:] = np.nan
    cohort = Divided(program, people, 0, ()).cohorts[0]
    for message in ("out of range", "broken off", "broken off"):
        with pytest.raises(ValueError, match=message):
            cohort.live(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="broken off"):
        cohort.state(0, 10)


def test_two_callers_at_once_are_refused_or_one_after_the_other() -> None:
    cohort = one(threads=1)
    refused: list[str] = []

    def call() -> None:
        for _ in range(3):
            try:
                cohort.live(np.zeros(0, np.float32))
            except ValueError as error:
                refused.append(str(error))

    crew = [threading.Thread(target=call) for _ in range(4)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert cohort.period + len(refused) == 12
    assert all("one call at a time" in text or "is over" in text for text in refused)


def test_a_wrong_cohort_is_refused_before_work_starts() -> None:
    program, people = society(rumour("community"), 3000)
    with pytest.raises(ValueError, match="without communities"):
        Divided(program, people, 0, ())
    program, people = society(rumour("neighbours"), 3000)
    starts = np.zeros(3001, np.int64)
    starts[-1] = 5
    for listed in (
        (starts, np.zeros(4, np.uint32)), (starts, np.full(5, 3000, np.uint32)),
        (starts[:-1], np.zeros(0, np.uint32)), (np.zeros(0, np.int64), np.zeros(0, np.uint32)),
    ):  # fmt: skip
        wrong = Society(people.population, people.groups, coupled.Listed(*listed))
        with pytest.raises(ValueError, match="network: allowed"):
            Divided(program, wrong, 0, ())
