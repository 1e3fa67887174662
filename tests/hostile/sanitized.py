"""The machine built with sanitizers, as one more host of tests/portable."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pycore import _core
from tests.portable.hosts import Host

THREADS = 4


def sanitized(name: str, *options: str) -> Host:
    """Return a build by Clang; ``replay`` runs with several threads."""
    return Host(
        name,
        (("cmake", "cmake"), ("clang++", "clang")),
        (
            "-DCMAKE_CXX_COMPILER=clang++", "-DPYCORE_EXTENSION=OFF", "-DPYCORE_REPLAY=ON",
            *options,
        ),
        ("{folder}/replay", "{program}", "{people}", "{isa}", str(THREADS)),
        tuple(_core.isas()),
    )  # fmt: skip


# One build serves the fuzzer and the replays under the address sanitizer.
ADDRESS = sanitized("fuzz", "-DPYCORE_FUZZ=ON")
THREAD = sanitized("threads", "-DPYCORE_SANITIZE=thread")


def build(host: Host, runtime: str) -> None:
    """Compile it; skip, with the reason, where Clang has not got the sanitizer's library."""
    if shutil.which("clang++") is not None:
        found = subprocess.run(
            ["clang++", "-print-resource-dir"], capture_output=True, text=True, check=True
        )
        folder = Path(found.stdout.strip()) / "lib"
        if not any(folder.rglob(f"libclang_rt.{runtime}*.a")):
            pytest.skip(f"Clang has no {runtime} library (Debian: libclang-rt-14-dev)")
    host.build()
