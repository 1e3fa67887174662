"""Philox4x32-10: the published vectors, and the same words on both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pycore as pc
from pycore import _core
from pycore.program.arithmetic import uniform
from pycore.program.compile import compile_model, slot
from pycore.program.philox import philox, philox4x32, shared

ISAS = _core.isas()
U32 = st.integers(0, 2**32 - 1)

# Random123, kat_vectors: counter, key, result of philox4x32 with 10 rounds.
KNOWN_ANSWERS = {
    "zeros": (
        (0, 0, 0, 0),
        (0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    "ones": (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    "pi": (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
}


@pytest.mark.parametrize("name", KNOWN_ANSWERS)
def test_random123_known_answers(name: str) -> None:
    counter, key, answer = KNOWN_ANSWERS[name]
    counters = np.array([counter], dtype=np.uint32)
    assert tuple(philox4x32(counters.T, key)[:, 0]) == answer
    for isa in ISAS:
        words = _core.philox(counters, np.array(key, np.uint32), isa=isa)
        assert tuple(words[0]) == answer, isa


@given(
    counters=st.lists(st.tuples(U32, U32, U32, U32), min_size=1, max_size=20),
    key=st.tuples(U32, U32),
)
@settings(deadline=None, max_examples=50)
def test_both_sides_draw_the_same_words(
    counters: list[tuple[int, int, int, int]], key: tuple[int, int]
) -> None:
    table = np.array(counters, dtype=np.uint32)
    expected = philox4x32(table.T, key).T
    for isa in ISAS:
        words = _core.philox(table, np.array(key, np.uint32), isa=isa)
        np.testing.assert_array_equal(words, expected, err_msg=isa)


def test_a_word_has_an_address_and_no_history() -> None:
    ids = np.array([5, 2**40 + 5, 3 << 40 | 2**32], dtype=np.uint64)
    together = philox(ids, index=7, purpose=0, slot=99, seed=2**63 + 1)
    for k in range(3):
        alone = philox(ids[k : k + 1], index=7, purpose=0, slot=99, seed=2**63 + 1)
        np.testing.assert_array_equal(alone[:, 0], together[:, k])


@pytest.mark.parametrize("changed", ["ids", "index", "purpose", "slot", "seed"])
def test_every_part_of_the_address_matters(changed: str) -> None:
    """Two addresses give unrelated words: about half of all bits differ."""
    ids = np.arange(1000, dtype=np.uint64)
    base = {"index": 3, "purpose": 0, "slot": 1234, "seed": 42}
    first = philox(ids, **base)
    other = (
        philox(ids + np.uint64(2**32), **base)
        if changed == "ids"
        else philox(ids, **(base | {changed: base[changed] + 1}))
    )
    differing = np.bitwise_count(first ^ other).sum() / (32 * first.size)
    # 128 000 fair bits: a standard error of 0.0014, bound at five of them.
    assert abs(differing - 0.5) < 5 * 0.5 / np.sqrt(32 * first.size)


def test_words_are_uniform_in_every_bit() -> None:
    words = philox(np.arange(50_000, dtype=np.uint64), 0, 0, 0xDEADBEEF, seed=1)
    for bit in range(32):
        ones = np.count_nonzero(words >> np.uint32(bit) & np.uint32(1)) / words.size
        # 200 000 fair bits each; five standard errors over 32 bits fail once in 50 000 keys.
        assert abs(ones - 0.5) < 5 * 0.5 / np.sqrt(words.size)


def test_who_lives_among_others_shares_a_call_with_three() -> None:
    """The address in full: call, and word of it, of consumers 16 apart."""
    ids = np.array([0, 5, 21, 37, 53, 64, 2**32 - 1, 2**40 + 70], dtype=np.uint64)
    call = np.array([0, 5, 5, 5, 5, 16, 2**30 - 1, 2**40 + 22], dtype=np.uint64)
    word = [0, 0, 1, 2, 3, 0, 3, 0]
    words = philox(call, index=9, purpose=0, slot=99, seed=3)
    expected = words[word, np.arange(len(ids))]
    np.testing.assert_array_equal(shared(ids, 9, 0, 99, 3), expected)
    everybody = np.arange(1 << 12, dtype=np.uint64)
    assert len(np.unique(shared(everybody, 9, 0, 99, 3))) == len(everybody)


COMPANY = {
    "whole calls": np.arange(64, 64 + 512), "from the middle of a call": np.arange(5, 400),
    "few": np.arange(70, 73), "across calls": np.arange(62, 66), "alone": np.array([41]),
    "backwards": np.arange(300)[::-1], "thinned": np.arange(0, 1500, 3),
    "sparse": np.arange(0, 90_000, 61), "whole but in disorder": np.array([0, 3, 2, 1, 4]),
    "end": np.arange(2**32 - 70, 2**32 + 70),
}  # fmt: skip


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("company", COMPANY)
def test_shared_words_do_not_depend_on_who_is_there(company: str, isa: str) -> None:
    m = pc.Model("luck")
    m.draw("first", pc.Uniform(0, 1))
    m.draw("second", pc.Uniform(0, 1))
    program = compile_model(m, keep="everything")
    ids = COMPANY[company].astype(np.uint64)
    names = ["first", "second"]
    registers = np.array([program.traced[n] for n in names], dtype=np.int32)
    lives = _core.trace(
        program.to_core(), [np.zeros((1, len(program.inputs)), np.float32)],
        np.zeros(1, np.uint32), ids, registers, 6, 11, coupled=True, isa=isa,
    )  # fmt: skip
    for k, name in enumerate(names):
        for period in range(6):
            words = shared(ids, period, 0, slot(f"draw:{name}"), 11)
            np.testing.assert_array_equal(lives[:, period, k], uniform(words))
