"""Events by halves of words: the same as by the whole words, whatever the upper half leaves open."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

import pycore as pc
from pycore import _core
from pycore.program import interpret, tables
from pycore.program.arithmetic import event_threshold_value, exp
from pycore.program.compile import compile_model, slot
from pycore.program.instructions import Op
from pycore.program.interpret import halved_streams
from pycore.program.philox import halves, philox, shared_halves
from pycore.program.program import Program
from tests.contract.test_machine_randomness import COMPANY

ISAS = _core.isas()
PURPOSES = (0, 4)
NAMES = ("constant", "by_probability", "by_logit")


def lucky() -> Program:
    """Three events a period, one for each way to say how probable it is."""
    m = pc.Model("luck")
    m.draw("mood", pc.Normal(0, 1))
    m.event(NAMES[0], probability=m.parameter("p", 0.3))
    m.event(NAMES[1], probability=0.5 + 0.1 * m["mood"])
    m.event(NAMES[2], logit=0.3 + m["mood"])
    return compile_model(m, keep="everything")


def traced(
    program: Program, ids: npt.NDArray[np.uint64], periods: int, *, coupled: bool, isa: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Lives of one segment by the machine and by the oracle."""
    table = np.full((1, len(program.inputs)), 0.3, np.float32)
    registers = [program.traced[n] for n in ("mood", *NAMES)]
    machine = _core.trace(
        program.to_core(), [table], np.zeros(1, np.uint32), ids,
        np.array(registers, np.int32), periods, 11, coupled=coupled, isa=isa,
    )  # fmt: skip
    oracle = interpret.trace(program, table, ids, registers, periods, 11, coupled=coupled)
    return np.asarray(machine), oracle


def test_halves_have_an_address() -> None:
    """Eight periods take the halves of four words, the upper end first; lower halves likewise."""
    ids = np.array([0, 5, 3 << 40 | 77], dtype=np.uint64)
    calls = [philox(ids, 3, purpose, 99, 7) for purpose in PURPOSES]
    for k in range(8):
        upper, lower = (c[k // 2] >> np.uint32(0 if k % 2 else 16) & 0xFFFF for c in calls)
        words = halves(ids, 24 + k, PURPOSES, 99, 7)
        np.testing.assert_array_equal(words, upper << np.uint32(16) | lower)


def test_eight_consumers_share_the_halves_of_a_call() -> None:
    ids = np.array([0, 16, 37, 127, 128, 2**32 - 1], dtype=np.uint64)
    call = np.array([0, 0, 5, 15, 16, 2**29 - 1], dtype=np.uint64)
    place = [0, 1, 2, 7, 0, 7]
    calls = [philox(call, 9, purpose, 99, 7) for purpose in PURPOSES]
    for i, k in enumerate(place):
        upper, lower = (c[k // 2, i] >> np.uint32(0 if k % 2 else 16) & 0xFFFF for c in calls)
        assert shared_halves(ids, 9, PURPOSES, 99, 7)[i] == upper << np.uint32(16) | lower


@pytest.mark.parametrize("drawn", [halves, shared_halves])
def test_words_of_halves_are_uniform_and_unrelated(drawn: object) -> None:
    """Bits are fair; words of one consumer's periods, and of neighbours, are not correlated."""
    assert callable(drawn)
    ids = np.arange(65_536, dtype=np.uint64)
    words = np.stack([drawn(ids, period, PURPOSES, 1234, 1) for period in range(8)])
    bits = np.stack([words >> np.uint32(b) & np.uint32(1) for b in range(32)])
    # 524 288 fair bits at each place, of 32.
    assert np.abs(bits.mean(axis=(1, 2)) - 0.5).max() < 5 * 0.5 / np.sqrt(words.size)
    u = words / 2.0**32 - 0.5
    for a, b in [(u[:-1], u[1:]), (u[:, :-16], u[:, 16:]), (u[:, :-1], u[:, 1:])]:
        assert abs((a * b).mean() * 12) < 5 / np.sqrt(a.size)


def test_streams_that_events_alone_read_come_in_halves() -> None:
    program = lucky()
    slots = {program.step_streams[s] for s in halved_streams(program)}
    assert slots == {slot(f"event:{name}") for name in NAMES}
    ops = {row[0] for row in program.step_code}
    assert ops >= {Op.EVENT_S, Op.EVENT_P, Op.EVENT_LOGIT, Op.NORMAL}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("coupled", [False, True])
@pytest.mark.parametrize("company", COMPANY)
def test_events_do_not_depend_on_who_is_there(company: str, coupled: bool, isa: str) -> None:
    ids = COMPANY[company].astype(np.uint64)
    machine, oracle = traced(lucky(), ids, 19, coupled=coupled, isa=isa)
    np.testing.assert_array_equal(machine, oracle)


@pytest.mark.parametrize("coupled", [False, True])
def test_lower_halves_decide_what_the_upper_ones_leave_open(coupled: bool) -> None:
    """Among 1.6 million events of a kind the upper half leaves some two dozen open."""
    program, ids, periods = lucky(), np.arange(100_000, dtype=np.uint64), 16
    open_ = dict.fromkeys(NAMES, 0)
    machine, oracle = traced(program, ids, periods, coupled=coupled, isa=ISAS[0])
    np.testing.assert_array_equal(machine, oracle)
    for isa in ISAS[1:]:
        other, _ = traced(program, ids[:1000], periods, coupled=coupled, isa=isa)
        np.testing.assert_array_equal(other, machine[:1000])
    draw = shared_halves if coupled else halves
    for period in range(periods):
        mood = machine[:, period, 0]
        for k, name in enumerate(NAMES):
            word = draw(ids, period, PURPOSES, slot(f"event:{name}"), 11)
            lowest, highest = word & np.uint32(0xFFFF0000), word | np.uint32(0xFFFF)
            decided = [_happens(name, w, mood) for w in (lowest, word, highest)]
            np.testing.assert_array_equal(machine[:, period, 1 + k], decided[1])
            open_[name] += int(np.count_nonzero(decided[0] != decided[2]))
    assert all(10 <= count <= 60 for count in open_.values()), open_


def _happens(
    name: str, word: npt.NDArray[np.uint32], mood: npt.NDArray[np.float32]
) -> npt.NDArray[np.bool_]:
    v, one = event_threshold_value(word), np.float32(2.0**31)
    if name == "by_logit":
        return np.asarray(v + v * exp(np.float32(0) - (np.float32(0.3) + mood)) < one)
    if name == "constant":
        return np.asarray(v < np.float32(0.3) * one)
    return np.asarray(v < (np.float32(0.5) + np.float32(0.1) * mood) * one)


def test_odds_of_half_a_word_are_too_small_and_close() -> None:
    """What ``half_event_logit`` in math.hpp builds on."""
    x = np.linspace(-90, 90, 4_000_001).astype(np.float32)
    bounded = np.clip(x, np.float32(-86), np.float32(86))
    magic = np.float32(12582912)
    power = bounded * tables.LOG2_E
    shifted = magic - power
    r = power + (shifted - magic)
    value = tables.EXP2_BELOW[3] * r + tables.EXP2_BELOW[2]
    for c in tables.EXP2_BELOW[1::-1]:
        value = value * r + c
    odds = (value.view(np.int32) + (shifted.view(np.int32) << 23)).view(np.float32)
    short = 1 - odds.astype(np.float64) / exp(np.float32(0) - x)
    assert short.min() > 0
    assert short.max() < 1 / 5000
    assert 65522 * (1 + 1 / 5000) < 65536 - 0.05


@pytest.mark.parametrize("isa", ISAS)
def test_odds_beyond_all_limits_decide_alike(isa: str) -> None:
    """Logits too large for an exponential, infinite or no number at all."""
    m = pc.Model("extremes")
    mood = m.draw("mood", pc.Normal(0, 1))
    size = m.parameter("size", 1)
    m.event("large", logit=size * mood)
    m.event("infinite", logit=size * size * mood)
    # Two infinities of the same sign leave no number.
    m.event("undefined", logit=size * size * mood - size * size * m.draw("luck", pc.Normal(0, 1)))
    program = compile_model(m, keep="everything")
    ids = np.arange(40_000, dtype=np.uint64)
    names = ("large", "infinite", "undefined")
    registers = [program.traced[n] for n in names]
    for size_now in (30.0, 1e30):
        table = np.full((1, len(program.inputs)), size_now, np.float32)
        machine = _core.trace(
            program.to_core(), [table], np.zeros(1, np.uint32), ids,
            np.array(registers, np.int32), 8, 11, isa=isa,
        )  # fmt: skip
        oracle = interpret.trace(program, table, ids, registers, 8, 11)
        np.testing.assert_array_equal(machine, oracle)
