"""The compiled block machine; private, every call is made by :mod:`pycore` after its own checks."""

from collections.abc import Callable, Sequence
from typing import TypedDict, final

import numpy as np
import numpy.typing as npt

__version__: str

class _BuildConfig(TypedDict):
    version: str
    compiler: str
    flags: str
    build_type: str
    cxx_standard: str
    pybind11: str
    isas: list[str]

@final
class Program:
    def __init__(self, words: npt.NDArray[np.uint32]) -> None: ...
    @property
    def width(self) -> int: ...

def run(
    program: Program,
    inputs: Sequence[npt.NDArray[np.float32]],
    counts: npt.NDArray[np.uint64],
    segments: npt.NDArray[np.uint32],
    batches: int,
    periods: int,
    seed: int,
    *,
    lo: npt.NDArray[np.uint64] | None = None,
    hi: npt.NDArray[np.uint64] | None = None,
    threads: int = 0,
    isa: str = "auto",
    block: int = 256,
    progress: Callable[[int, int], object] | None = None,
) -> npt.NDArray[np.int64]: ...
def run_coupled(
    program: Program,
    inputs: Sequence[npt.NDArray[np.float32]],
    counts: npt.NDArray[np.uint64],
    segments: npt.NDArray[np.uint32],
    groups: npt.NDArray[np.uint32],
    batches: int,
    periods: int,
    seed: int,
    *,
    environments: Sequence[str],
    signals: Sequence[str],
    listed: tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]] | None = None,
    hashed: tuple[int, int] | None = None,
    lo: npt.NDArray[np.uint64] | None = None,
    hi: npt.NDArray[np.uint64] | None = None,
    threads: int = 0,
    isa: str = "auto",
    block: int = 256,
    progress: Callable[[int, int], object] | None = None,
) -> npt.NDArray[np.int64]: ...
def coupled_bytes(
    program: Program,
    counts: npt.NDArray[np.uint64],
    groups: npt.NDArray[np.uint32],
    batches: int,
    *,
    threads: int = 0,
    block: int = 256,
) -> int: ...
def trace(
    program: Program,
    inputs: Sequence[npt.NDArray[np.float32]],
    segments: npt.NDArray[np.uint32],
    ids: npt.NDArray[np.uint64],
    registers: npt.NDArray[np.int32],
    periods: int,
    seed: int,
    *,
    isa: str = "auto",
) -> npt.NDArray[np.float32]: ...
def isas() -> list[str]: ...
def instruction_table() -> list[tuple[str, int, int, int, bool]]: ...
def build_config() -> _BuildConfig: ...
def philox(
    counters: npt.NDArray[np.uint32], key: npt.NDArray[np.uint32], *, isa: str = "auto"
) -> npt.NDArray[np.uint32]: ...
def uniform(words: npt.NDArray[np.uint32], *, isa: str = "auto") -> npt.NDArray[np.float32]: ...
def normal(words: npt.NDArray[np.uint32], *, isa: str = "auto") -> npt.NDArray[np.float32]: ...
def exp(x: npt.NDArray[np.float32], *, isa: str = "auto") -> npt.NDArray[np.float32]: ...
def log(x: npt.NDArray[np.float32], *, isa: str = "auto") -> npt.NDArray[np.float32]: ...
def logistic(x: npt.NDArray[np.float32], *, isa: str = "auto") -> npt.NDArray[np.float32]: ...
