"""Every instruction set under the sanitizers, with several threads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pycore.program.program import Program
from tests.contract.programs import Population, by_machine
from tests.hostile.sanitized import ADDRESS, THREAD, build
from tests.portable.hosts import Host
from tests.portable.test_other_hosts import document_0, the_benchmark

# Clang compiles every kernel, with the sanitizers' checks in it: minutes.
pytestmark = [pytest.mark.portable, pytest.mark.long, pytest.mark.xdist_group("hostile")]


def crowded() -> tuple[Program, Population]:
    """The benchmark with enough consumers that threads meet: more items than threads."""
    program, people = the_benchmark()
    return program, dataclasses.replace(people, counts=people.counts * np.uint64(10))


@pytest.mark.parametrize(
    ("host", "runtime"), [(ADDRESS, "asan"), (THREAD, "tsan")], ids=["address", "thread"]
)
@pytest.mark.parametrize("case", [crowded, document_0])
def test_nothing_is_reported_and_the_bits_are_the_same(
    host: Host, runtime: str, case: Callable[[], tuple[Program, Population]], tmp_path: Path
) -> None:
    build(host, runtime)
    program, people = case()
    expected = by_machine(program, people)
    for isa in host.isas:
        np.testing.assert_array_equal(
            host.ledger(program, people, isa, tmp_path), expected, err_msg=isa
        )
