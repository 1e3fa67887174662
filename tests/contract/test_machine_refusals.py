"""What the machine refuses: it never crashes, whatever arrays come in."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pycore import _core
from pycore.program.coupling import Aggregate, Coupling, Signal
from pycore.program.instructions import Op
from pycore.program.program import Program, Record
from pycore.program.words import SECTIONS, pack, sections
from tests.contract.coupled_programs import coupled_programs
from tests.contract.programs import Population, by_machine, by_oracle, programs, row

RANDOM = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
I32 = st.integers(-(2**31), 2**31 - 1)


def arguments(program: Program) -> dict[str, Any]:
    """Return what a program passes to the extension, to be broken."""
    return sections(program)


def sizes(**changes: int) -> dict[str, Any]:
    """Sizes of the coin with some of them changed."""
    names = ("inputs", "n_scalars", "n_registers", "n_states", "stages", "stage_register")
    coins = dict(zip(names, sections(coin())["sizes"].tolist(), strict=True))
    return {"sizes": np.array([*(coins | changes).values()], np.int32)}


def entries(words: npt.NDArray[np.uint32]) -> dict[str, int]:
    """Words in each section of a form that was accepted."""
    place, found = 3, {}
    for name in SECTIONS:
        found[name] = int(words[place])
        place += 1 + found[name]
    return found


def use(core: _core.Program, words: npt.NDArray[np.uint32]) -> None:
    """Run a program that was accepted: an error is a result, a crash is not."""
    table = np.full((1, min(int(words[4]), 4096)), 0.5, dtype=np.float32)
    segments = np.zeros(1, dtype=np.uint32)
    ids = np.arange(70, dtype=np.uint64)
    counts, size = np.array([70], np.uint64), entries(words)
    for isa in _core.isas():
        # A moment may be out of range, register 0 may hold nothing: both are errors with a name.
        with contextlib.suppress(ValueError):
            _core.run(core, [table], counts, segments, 2, 5, 1, isa=isa)
        with contextlib.suppress(ValueError):
            _core.run_coupled(
                core, [table], counts, segments, segments, 2, 5, 1, isa=isa, threads=2,
                environments=["e"] * size["environment_inputs"],
                signals=["s"] * (size["signals"] // 4), hashed=(3, 1),
            )  # fmt: skip
        with contextlib.suppress(ValueError):
            _core.trace(core, [table], segments, ids, np.zeros(1, np.int32), 5, 1, isa=isa)


@given(data=st.data())
@settings(RANDOM, max_examples=150)
def test_a_corrupted_program_is_refused_or_runs(data: st.DataObject) -> None:
    parts = arguments(data.draw(programs() | coupled_programs()))
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(SECTIONS))
        value = parts[name]
        if value.size and data.draw(st.booleans()):
            broken = value.copy()
            place = data.draw(st.integers(0, value.size - 1))
            if value.dtype.kind == "f":
                broken.flat[place] = data.draw(st.floats(width=32))
            else:
                limits = np.iinfo(value.dtype)
                near = st.integers(max(-5, limits.min), 40)
                broken.flat[place] = data.draw(near | st.integers(limits.min, limits.max))
            parts[name] = broken
        else:
            parts[name] = np.zeros(data.draw(st.integers(0, 40)), dtype=value.dtype)
    words = pack(parts)
    try:
        core = _core.Program(words)
    except ValueError:
        return
    use(core, words)


@given(data=st.data())
@settings(RANDOM, max_examples=150)
def test_a_damaged_form_is_refused_or_runs(data: st.DataObject) -> None:
    words = data.draw(programs() | coupled_programs()).to_words()
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(3, words.size - 1))
        words[place] = data.draw(st.integers(0, 40) | st.integers(0, 2**32 - 1))
    if data.draw(st.booleans()):
        words = words[: data.draw(st.integers(0, words.size))].copy()
        words[2:3] = words.size
    try:
        core = _core.Program(words)
    except ValueError:
        return
    use(core, words)


@given(code=hnp.arrays(np.int32, st.tuples(st.integers(0, 4), st.just(12)), elements=I32))
@settings(RANDOM, max_examples=50)
def test_arbitrary_rows_are_refused_or_run(code: Any) -> None:
    words = pack(arguments(coin()) | {"step_code": code})
    try:
        core = _core.Program(words)
    except ValueError:
        return
    use(core, words)


def coin(**changes: Any) -> Program:
    """One event with a probability from outside, counted."""
    base = Program(
        name="coin", inputs=("p",), constants=(2.0,), n_scalars=2, n_registers=2, n_states=1,
        scalar_code=(), start_code=(), step_code=(row(Op.EVENT_S, 1, (), (0,)),),
        start_streams=(), step_streams=(7,), records=(Record("heads", "count", 1),),
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def integers(*values: int) -> Any:
    return np.array(values, np.int32)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown operation": (
        {"step_code": integers(len(Op), *[0] * 11)},
        f"unknown operation {len(Op)}",
    ),
    "negative register": ({"step_code": integers(*row(Op.COPY, -1, (0,)))}, "writes register -1"),
    "register beyond the file": (
        {"step_code": integers(*row(Op.COPY, 2, (0,)))},
        "writes register 2",
    ),
    "register not yet written": (
        {"step_code": integers(*row(Op.COPY, 0, (1,)))},
        "reads register 1",
    ),
    "unknown scalar": (
        {"step_code": integers(*row(Op.BROADCAST, 1, (), (2,)))},
        "unknown scalar register",
    ),
    "unknown stream": (
        {"step_code": integers(*row(Op.UNIFORM, 1, (), (), 1))},
        "unknown stream",
    ),
    "drawing scalar code": (
        {"scalar_code": integers(*row(Op.UNIFORM, 1))},
        "scalar code draws random numbers",
    ),
    "scalar code writing a constant": (
        {"scalar_code": integers(*row(Op.ADD, 1, (0, 0)))},
        "writes register 1",
    ),
    "half a row": ({"step_code": integers(*[0] * 6)}, "step_code has 6 words"),
    "constant that is not finite": ({"constants": np.array([np.nan], np.float32)}, "not finite"),
    "too many registers": (sizes(n_registers=5000), "n_registers is 5000"),
    "states beyond registers": (sizes(n_states=3), "n_states is 3"),
    "scalar never written": (sizes(n_scalars=3), "never written"),
    "stage register without stages": (sizes(stage_register=0), "without stages"),
    "stage in a register that is no state": (sizes(stages=2, stage_register=1), "not a state"),
    "unknown absorbing stage": (
        sizes(stages=2, stage_register=0) | {"absorbing": integers(2)},
        "unknown stage 2",
    ),
    "record of an unknown register": ({"record_registers": integers(9)}, "register 9 is not"),
    "record of an unknown kind": ({"record_kinds": integers(5)}, "'heads': unknown kind"),
    "record of communities that are not there": ({"record_kinds": integers(4)}, "no environment"),
    "fewer kinds than names": ({"record_kinds": integers()}, "record_registers has 1 entries"),
    "histogram without bins": ({"record_kinds": integers(2)}, "bins 0"),
    "name longer than its bytes": ({"record_name_sizes": integers(50)}, "record_names has 2"),
    "name beyond all limits": ({"record_name_sizes": integers(201)}, "more than 200 bytes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_program_is_refused_with_the_reason(case: str) -> None:
    changes, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        _core.Program(pack(arguments(coin()) | changes))


def listening() -> Program:
    """The coin with a share of heads that all see, and what neighbours said in a state."""
    return coin(
        name="listening", n_registers=3, n_states=2,
        records=(Record("heads", "count", 2), Record("heads:sum", "sum", 2, exponent=16)),
        step_code=(row(Op.EVENT_S, 2, (), (0,)),),
        coupling=Coupling(
            ("share",), (0,), (2,), (Aggregate("average", 1),), (), 3, 0,
            (Signal("talk", "average", 2, 0, 16),),
        ),
    )  # fmt: skip


COUPLING_REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "sizes of two couplings": ({"coupling": integers(3, 0, 3, 0)}, "coupling has 2 entries"),
    "no coupling": ({"coupling": integers()}, "environments without a coupling"),
    "scalars beyond all limits": ({"coupling": integers(5000, 0)}, "n_scalars is 5000"),
    "fewer scalars than aggregates": ({"coupling": integers(2, 0)}, "n_scalars is 2"),
    "scalar never written": ({"coupling": integers(4, 0)}, "never written"),
    "neighbours of a community": ({"coupling": integers(3, 7)}, "community is 7"),
    "community of less than nobody": ({"coupling": integers(3, -1)}, "community is -1"),
    "input of nobody": ({"environment_inputs": integers(1)}, "no input of its own"),
    "input below zero": ({"environment_inputs": integers(-1)}, "no input of its own"),
    "one input of two": (
        {"environment_inputs": integers(0, 0), "environment_results": integers(0, 0)},
        "no input of its own",
    ),
    "input without a result": ({"environment_results": integers()}, "one input and result each"),
    "result beyond the file": ({"environment_results": integers(3)}, "no register"),
    "result below zero": ({"environment_results": integers(-1)}, "no register"),
    "code that draws": ({"environment_code": integers(*row(Op.UNIFORM, 3))}, "draws"),
    "code over an aggregate": (
        {"environment_code": integers(*row(Op.ADD, 2, (0, 0)))}, "writes register 2",
    ),
    "code of an unknown operation": ({"environment_code": integers(-1, *[0] * 11)}, "unknown op"),
    "half an aggregate": ({"aggregates": integers(0)}, "aggregates has 1 words"),
    "aggregate of a count": ({"aggregates": integers(0, 0)}, "aggregate of no sum"),
    "aggregate of no record": ({"aggregates": integers(0, 2)}, "aggregate of no sum"),
    "unknown aggregate": ({"aggregates": integers(3, 1)}, "aggregate of no sum"),
    "unknown signal": ({"signals": integers(2, 2, 0, 16)}, "not a signal"),
    "signal of no register": ({"signals": integers(0, 3, 0, 16)}, "not a signal"),
    "signal heard in no state": ({"signals": integers(0, 2, 2, 16)}, "not a signal"),
    "signal of no step": ({"signals": integers(0, 2, 0, 31)}, "not a signal"),
    "two signals into one state": ({"signals": integers(*[0, 2, 0, 16] * 2)}, "not a signal"),
    "signal into what code writes": (
        {"step_code": integers(*row(Op.EVENT_S, 0, (), (0,)), *row(Op.COPY, 2, (0,)))},
        "not a signal",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", COUPLING_REFUSED)
def test_a_wrong_coupling_is_refused_with_the_reason(case: str) -> None:
    changes, message = COUPLING_REFUSED[case]
    words = pack(arguments(listening()))
    use(_core.Program(words), words)
    with pytest.raises(ValueError, match=message):
        _core.Program(pack(arguments(listening()) | changes))


@pytest.mark.parametrize(
    ("place", "word", "message"),
    [
        (0, 1, "does not mark a program"),
        (1, 3, "format 3, allowed is 2"),
        (2, 9, "the form says 9"),
        (3, 7, "sizes has 7"),
        (3, 2**32 - 1, "sizes is longer than the form"),
    ],
)
def test_a_form_of_another_kind_is_refused(place: int, word: int, message: str) -> None:
    words = coin().to_words()
    words[place] = word
    with pytest.raises(ValueError, match=message):
        _core.Program(words)


def test_a_form_that_ends_early_or_late_is_refused() -> None:
    words = coin().to_words()
    for size, message in ((0, "at least 3"), (3, "the end comes before sizes")):
        short = words[:size].copy()
        short[2:3] = size
        with pytest.raises(ValueError, match=message):
            _core.Program(short)
    late = np.append(words, np.uint32(0))
    late[2] = late.size
    with pytest.raises(ValueError, match="left over"):
        _core.Program(late)


def run_coin(**changes: Any) -> Any:
    settings_: dict[str, Any] = {
        "inputs": [np.array([[0.5]], np.float32)], "counts": np.array([10], np.uint64),
        "segments": np.array([0], np.uint32), "batches": 1, "periods": 2, "seed": 1,
    }  # fmt: skip
    return _core.run(coin().to_core(), **(settings_ | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"periods": 0}, "periods: received 0"),
        ({"batches": 0}, "batches: received 0"),
        ({"threads": -1}, "threads: received -1"),
        ({"block": 100}, "block: received 100"),
        ({"isa": "z80"}, "isa: received 'z80'"),
        ({"counts": np.array([2**41], np.uint64)}, "at most 2\\^40"),
        ({"segments": np.array([2**24], np.uint32)}, "below 2\\^24"),
        ({"segments": np.array([0, 1], np.uint32)}, "one segment number per cell"),
        ({"inputs": [np.zeros((3, 1), np.float32)]}, "inputs have 3 rows"),
        ({"inputs": [np.zeros((1, 2), np.float32)]}, "do not have 1 columns"),
        ({"inputs": [np.zeros(1, np.float32)]}, "inputs"),
        ({"lo": np.array([5], np.uint64), "hi": np.array([4], np.uint64)}, "range 5 to 4"),
        ({"hi": np.array([11], np.uint64)}, "range 0 to 11"),
    ],
)
def test_a_wrong_run_is_refused_before_work_starts(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_coin(**changes)


def run_listening(**changes: Any) -> Any:
    settings_: dict[str, Any] = {
        "inputs": [np.array([[0.5]], np.float32)] * 2, "counts": np.array([10, 5], np.uint64),
        "segments": np.array([0, 1], np.uint32), "groups": np.zeros(2, np.uint32), "batches": 1,
        "periods": 2, "seed": 1, "environments": ["share"], "signals": ["talk"], "hashed": (3, 1),
    }  # fmt: skip
    return _core.run_coupled(listening().to_core(), **(settings_ | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": np.zeros(1, np.uint32)}, "one number per cell"),
        ({"groups": np.array([1, 0], np.uint32)}, "rise from 0"),
        ({"groups": np.array([0, 2], np.uint32)}, "rise from 0"),
        ({"environments": []}, "a name for each"),
        ({"signals": ["talk", "talk"]}, "a name for each"),
        ({"lo": np.array([1, 0], np.uint64)}, "or everybody"),
        ({"hashed": None}, "one node for every consumer"),
        ({"groups": np.array([0, 1], np.uint32)}, "one node for every consumer"),
        ({"hashed": (5000, 1)}, "degree below 4096"),
        ({"listed": ([0, 1], [0])}, "one node for every consumer"),
        ({"listed": ([1] + [2] * 15, [0, 0])}, "no starts"),
        ({"listed": ([0, 2] + [1] * 14, [0])}, "rising starts"),
        ({"listed": ([0] * 15 + [2], [0])}, "the targets they count"),
        ({"listed": ([0] * 15 + [1], [15])}, "numbers of nodes"),
        ({"threads": -1}, "threads: received -1"),
        ({"batches": 0}, "batches: received 0"),
    ],
)
def test_a_wrong_coupled_run_is_refused_before_work_starts(
    changes: dict[str, Any], message: str
) -> None:
    assert run_listening()[:, 0, 0, 0].tolist() == [10, 5]
    if "listed" in changes:
        starts, targets = changes["listed"]
        listed = np.array(starts, np.int64), np.array(targets, np.uint32)
        changes = {"listed": listed, "hashed": None}
    with pytest.raises(ValueError, match=message):
        run_listening(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": np.zeros(1, np.uint32)}, "one number per cell"),
        ({"batches": 0}, "batches: received 0"),
        ({"block": 0}, "block: received 0"),
        ({"threads": 2000}, "threads: received 2000"),
    ],
)
def test_the_memory_of_a_wrong_coupled_run_is_not_told(
    changes: dict[str, Any], message: str
) -> None:
    settings_: dict[str, Any] = {"groups": np.zeros(2, np.uint32), "batches": 1}
    with pytest.raises(ValueError, match=message):
        _core.coupled_bytes(
            listening().to_core(), np.array([10, 5], np.uint64), **(settings_ | changes)
        )


def test_numbers_are_never_rounded_silently() -> None:
    with pytest.raises(TypeError):
        run_coin(inputs=[np.array([[0.1]], dtype=np.float64)])


def test_a_life_of_an_unknown_segment_is_refused() -> None:
    with pytest.raises(ValueError, match="segment 3"):
        _core.trace(
            coin().to_core(), [np.array([[0.5]], np.float32)], np.array([0], np.uint32),
            np.array([3 << 40], np.uint64), np.array([1], np.int32), 2, 1,
        )  # fmt: skip


def doubling(exponent: int, square_exponent: int, periods: int) -> tuple[Program, Population]:
    """A state that is 2^(t + 1) in period t, of 300 consumers."""
    program = Program(
        name="doubling", inputs=(), constants=(1.0,), n_scalars=1, n_registers=1, n_states=1,
        scalar_code=(), start_code=(row(Op.BROADCAST, 0, (), (0,)),),
        step_code=(row(Op.ADD, 0, (0, 0)),), start_streams=(), step_streams=(),
        records=(Record("size of it", "moments", 0, False, exponent, square_exponent),),
    )  # fmt: skip
    table = [np.zeros((1, 0), np.float32)]
    counts, segments = np.array([300], np.uint64), np.zeros(1, np.uint32)
    return program, Population(table, counts, segments, 1, periods, 1)


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize(("exponents", "period"), [((0, -30), 30), ((-30, 0), 15)])
def test_a_value_that_does_not_fit_is_named(
    isa: str, exponents: tuple[int, int], period: int
) -> None:
    program, population = doubling(*exponents, periods=40)
    message = f"record 'size of it' out of range in period {period}: value"
    with pytest.raises(ValueError, match=message):
        by_machine(program, population, isa=isa)
    with pytest.raises(ValueError, match=message):
        by_oracle(program, population)


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_value_that_is_no_number_is_named_alike_everywhere(isa: str, sign: float) -> None:
    program = Program(
        name="nothing", inputs=(), constants=(sign, 0.0), n_scalars=3, n_registers=1, n_states=1,
        scalar_code=(row(Op.DIV, 2, (1, 1)),), start_code=(),
        step_code=(row(Op.BROADCAST, 0, (), (2,)), row(Op.AFFINE1, 0, (0,), (1, 0))),
        start_streams=(), step_streams=(), records=(Record("x", "moments", 0),),
    )  # fmt: skip
    people = Population(
        [np.zeros((1, 0), np.float32)], np.array([9], np.uint64), np.zeros(1, np.uint32), 1, 1, 1
    )
    with pytest.raises(ValueError, match=r"^record 'x' out of range in period 0: value nan$"):
        by_machine(program, people, isa=isa)


@pytest.mark.slow
def test_a_sum_that_passes_its_range_is_named() -> None:
    """2³² values of 2³¹ − 128 steps fit into 63 bits; one block more does not."""
    program = Program(
        name="large", inputs=(), constants=((2**31 - 128) / 2**30,), n_scalars=1, n_registers=1,
        n_states=1, scalar_code=(), start_code=(), step_code=(row(Op.BROADCAST, 0, (), (0,)),),
        start_streams=(), step_streams=(),
        records=(
            Record("before", "count", 0), Record("size of it", "moments", 0, False, 30, 20),
            Record("after", "count", 0),
        ),
    )  # fmt: skip
    people = Population(
        [np.zeros((1, 0), np.float32)], np.array([2**32 + 2**16], np.uint64),
        np.zeros(1, np.uint32), 1, 1, 1,
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"^record 'size of it': its sum passes 2\^63 in period 0"):
        by_machine(program, people, block=1024)


def test_the_largest_program_is_checked_within_a_second() -> None:
    """The sizes that the limits allow; what is spent on messages that nobody reads shows here."""
    rows = np.tile(integers(*row(Op.AFFINE4, 1, (0, 0, 0, 0), (0, 0, 0, 0, 0))), 65_536)
    computed = np.tile(integers(*row(Op.COPY, 2, (0,))), 65_536)
    code = {"start_code": rows, "step_code": rows, "scalar_code": computed}
    n = 65_536
    records = {
        "record_kinds": np.full(n, 2, np.int32), "record_registers": np.zeros(n, np.int32),
        "record_by_stage": np.zeros(n, np.int32), "record_exponents": np.zeros(2 * n, np.int32),
        "record_ranges": np.tile(np.array([0, 1], np.float32), n),
        "record_bins": np.full(n, 4096, np.int32), "record_name_sizes": np.full(n, 200, np.uint32),
        "record_names": np.full(50 * n, 0x41414141, np.uint32),
    }  # fmt: skip
    for parts in (sizes(n_scalars=3) | code, records):
        words = pack(arguments(coin()) | parts)
        start = time.process_time()
        _core.Program(words)
        assert time.process_time() - start < 1.0


@pytest.mark.parametrize("isa", _core.isas())
def test_the_largest_value_that_fits_is_summed_exactly(isa: str) -> None:
    program, population = doubling(0, -30, periods=30)
    ledger = by_machine(program, population, isa=isa)
    assert ledger[0, 0, -1].tolist() == [300, 300 * 2**30, 300 * 2**30]
