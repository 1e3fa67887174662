"""Other compilers and processors: how the machine is built for each and how it is asked to run."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pybind11 import get_cmake_dir

from pycore.program.program import Program
from tests.contract.programs import Population

ROOT = Path(__file__).parents[2]
REPLAY = Path(__file__).parent / "replay.mjs"


@dataclass(frozen=True)
class Host:
    """One way to run the machine outside this process.

    ``tools`` are commands and the Debian packages that bring them; ``isas`` the instruction sets
    to be run, best first.
    """

    name: str
    tools: tuple[tuple[str, str], ...]
    options: tuple[str, ...]
    command: tuple[str, ...]
    isas: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where it is built; kept, so that only what changed is compiled again."""
        return ROOT / "build" / self.name

    def build(self) -> None:
        """Compile it, warnings being errors; skip, with the reason, where a tool is missing."""
        for tool, package in self.tools:
            if shutil.which(tool) is None:
                pytest.skip(f"{tool} is not installed (Debian: {package})")
        ninja = Path(sys.executable).with_name("ninja")
        configure = ["cmake", "-S", str(ROOT), "-B", str(self.folder), "-G", "Ninja"]
        configure += [f"-DCMAKE_MAKE_PROGRAM={ninja}", "-DPYCORE_WERROR=ON"]
        self.folder.parent.mkdir(exist_ok=True)
        with self.folder.with_suffix(".lock").open("w") as lock:
            # Every worker of pytest comes here; two that configure one folder break each other.
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                _call([*configure, *self.options])
            except AssertionError:  # an earlier run that was stopped may have left half a folder
                shutil.rmtree(self.folder)
                _call([*configure, *self.options])
            _call(["cmake", "--build", str(self.folder), "--parallel", "2"])

    def replay(
        self, words: npt.NDArray[np.uint32], population: Population, isa: str, folder: Path
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program in its flat form; standard output is the ledger."""
        program, people = folder / "program", folder / "population"
        program.write_bytes(words.astype("<u4").tobytes())
        people.write_bytes(population_words(population).astype("<u4").tobytes())
        command = [part.format(folder=self.folder, isa=isa, program=program, people=people)
                   for part in self.command]  # fmt: skip
        done = subprocess.run(command, capture_output=True, timeout=240, check=False)
        if done.returncode < 0:
            # Emulators end by signals of their own now and then; a fault of ours recurs.
            done = subprocess.run(command, capture_output=True, timeout=240, check=False)
        return done

    def ledger(
        self, program: Program, population: Population, isa: str, folder: Path
    ) -> npt.NDArray[np.int64]:
        """Return the ledger as ``pycore._core.run`` shapes it."""
        done = self.replay(program.to_words(), population, isa, folder)
        assert done.returncode == 0, f"{done.returncode}: {done.stderr.decode()}"
        shape = (len(population.inputs), population.batches, population.periods, program.width)
        return np.frombuffer(done.stdout, dtype="<i8").astype(np.int64).reshape(shape)


def population_words(population: Population) -> npt.NDArray[np.uint32]:
    """Return a population in the form that ``cpp/tests/replay.cpp`` reads."""

    def wide(number: int) -> list[int]:
        return [number & 0xFFFFFFFF, number >> 32]

    words = [population.batches, population.periods, *wide(population.seed), len(population.inputs)]
    parts = [np.array(words, dtype=np.uint32)]
    for table, count, segment in zip(
        population.inputs, population.counts, population.segments, strict=True
    ):
        head = [int(segment), *wide(int(count)), len(table)]
        parts += [np.array(head, dtype=np.uint32), table.reshape(-1).view(np.uint32)]
    return np.concatenate(parts)


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout.decode()[-6000:]}"


_CMAKE = (("cmake", "cmake"),)
_RUN = ("{program}", "{people}", "{isa}")


def hosts(native: Sequence[str]) -> dict[str, Host]:
    """Return all hosts; ``native`` are the instruction sets of this processor."""
    toolchains = ROOT / "cpp" / "cmake"
    found = (
        Host(
            "clang", (*_CMAKE, ("clang++", "clang")),
            (
                "-DCMAKE_CXX_COMPILER=clang++", "-DPYCORE_REPLAY=ON",
                f"-DPython_EXECUTABLE={sys.executable}", f"-Dpybind11_DIR={get_cmake_dir()}",
            ),
            ("{folder}/replay", *_RUN), tuple(native),
        ),
        Host(
            "aarch64",
            (
                *_CMAKE, ("aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu"),
                ("qemu-aarch64", "qemu-user"),
            ),
            (
                f"-DCMAKE_TOOLCHAIN_FILE={toolchains / 'aarch64-linux.cmake'}",
                "-DPYCORE_REPLAY=ON",
            ),
            ("qemu-aarch64", "{folder}/replay", *_RUN), ("neon", "scalar"),
        ),
        Host(
            "wasm", (*_CMAKE, ("clang++", "clang"), ("wasm-ld", "lld"), ("node", "nodejs")),
            (f"-DCMAKE_TOOLCHAIN_FILE={toolchains / 'wasm32.cmake'}",),
            ("node", str(REPLAY), "{folder}/machine.wasm", *_RUN), ("wasm simd128",),
        ),
    )  # fmt: skip
    return {host.name: host for host in found}
