"""Programs that nobody would write: read, refused or run, and never a fault (libFuzzer)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import pycore as pc
from pycore.program.compile import compile_model
from pycore.program.program import Program
from tests.contract.coupled_programs import coupled_programs
from tests.contract.programs import programs
from tests.hostile.sanitized import ADDRESS, build
from tests.models import queue_fatigue, two_platforms

# `portable`: must not skip where the compilers are promised.
pytestmark = [pytest.mark.portable, pytest.mark.slow, pytest.mark.xdist_group("hostile")]

SHORT, LONG = 15_000, 10_000_000
OPTIONS = (
    "-seed=1", "-max_len=2200", "-cross_over=0", "-mutate_depth=1", "-entropic=0",
    "-reduce_inputs=0", "-timeout=60",
)  # fmt: skip


def seeds(folder: Path) -> None:
    """Write the programs that the fuzzer starts from: the models' and random ones."""
    models = (queue_fatigue(), two_platforms(), pc.library.disengagement())
    found = [compile_model(model) for model in models]

    @given(programs() | coupled_programs())
    @settings(
        deadline=None, max_examples=150, derandomize=True, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def collect(program: Program) -> None:
        found.append(program)

    collect()
    folder.mkdir()
    for number, program in enumerate(found):
        choice = np.uint32(number * 2_654_435_761 % 2**32)  # of a population
        words = np.append(choice, program.to_words()).astype("<u4")
        (folder / f"{number:03d}").write_bytes(words.tobytes())


def fuzz(runs: int, folder: Path, *options: str) -> tuple[int, int, int]:
    """Executions, programs accepted, programs run; a finding fails with its bytes."""
    build(ADDRESS, "fuzzer")
    seeds(folder / "seeds")
    command = [
        str(ADDRESS.folder / "fuzz_words"), f"-runs={runs}", *OPTIONS, *options,
        f"-artifact_prefix={folder}/", str(folder / "seeds"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    inputs = {p.name: p.read_bytes().hex() for p in folder.iterdir() if p.is_file()}
    assert done.returncode == 0, f"{done.stderr[-6000:]}\n{inputs}"
    counted = re.search(
        r"fuzz_words: (\d+) executions, (\d+) programs accepted, (\d+) run", done.stderr
    )
    assert counted, done.stderr[-2000:]
    executions, accepted, run = map(int, counted.groups())
    return executions, accepted, run


@pytest.mark.parametrize(
    ("runs", "options"),
    [
        pytest.param(SHORT, (), id="short"),
        # A leak would fill the memory that libFuzzer allows; looking for it each time costs a third.
        pytest.param(LONG, ("-detect_leaks=0",), id="long", marks=pytest.mark.long),
    ],
)
def test_hostile_words_are_refused_or_run(
    runs: int, options: tuple[str, ...], tmp_path: Path
) -> None:
    executions, accepted, run = fuzz(runs, tmp_path, *options)
    assert executions >= runs
    # The fuzz means something only if it comes behind the checks.
    assert accepted > 0.2 * executions
    assert run > 0.9 * accepted
