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
    block: int = 768,
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
    block: int = 768,
    progress: Callable[[int, int], object] | None = None,
) -> npt.NDArray[np.int64]: ...

@final
class Cohort:
    def __init__(
        self,
        program: Program,
        inputs: Sequence[npt.NDArray[np.float32]],
        counts: npt.NDArray[np.uint64],
        segments: npt.NDArray[np.uint32],
        batches: int,
        periods: int,
        seed: int,
        *,
        signals: Sequence[str],
        listed: tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]] | None = None,
        hashed: tuple[int, int] | None = None,
        lo: npt.NDArray[np.uint64] | None = None,
        hi: npt.NDArray[np.uint64] | None = None,
        threads: int = 0,
        isa: str = "auto",
        block: int = 768,
    ) -> None: ...
    @property
    def period(self) -> int: ...
    def live(
        self, environments: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]: ...
    def said(self) -> npt.NDArray[np.uint32]: ...
    def hear(self, low: int, high: int, words: npt.NDArray[np.uint32]) -> None: ...
    def state(self, low: int, high: int) -> npt.NDArray[np.uint32]: ...
    def restore(self, periods: int, low: int, high: int, words: npt.NDArray[np.uint32]) -> None: ...

def coupled_bytes(
    program: Program,
    counts: npt.NDArray[np.uint64],
    groups: npt.NDArray[np.uint32],
    batches: int,
    *,
    threads: int = 0,
    block: int = 768,
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
    coupled: bool = False,
    isa: str = "auto",
) -> npt.NDArray[np.float32]: ...
def isas() -> list[str]: ...
def instruction_table() -> list[tuple[str, int, int, int, bool]]: ...
def build_config() -> _BuildConfig: ...
def keep_thread_state() -> None: ...
def philox(
    counters: npt.NDArray[np.uint32], key: npt.NDArray[np.uint32], *, isa: str = "auto"
) -> npt.NDArray[np.uint32]: ...
def last_event(thresholds: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]: ...
def uniform(words: npt.NDArray[np.uint32], *, isa: str = "auto") -> npt.NDArray[np.float32]: ...
def normal(words: npt.NDArray[np.uint32], *, isa: str = "auto") -> npt.NDArray[np.float32]: ...
def exp(x: npt.NDArray[np.float32], *, isa: str = "auto") -> npt.NDArray[np.float32]: ...
def log(x: npt.NDArray[np.float32], *, isa: str = "auto") -> npt.NDArray[np.float32]: ...
def logistic(x: npt.NDArray[np.float32], *, isa: str = "auto") -> npt.NDArray[np.float32]: ...

@final
class ScalarPriors:
    def __init__(
        self, forms: npt.NDArray[np.int32], numbers: npt.NDArray[np.float64], constant: float
    ) -> None: ...
    def evaluate(
        self, z: npt.NDArray[np.float64]
    ) -> tuple[
        npt.NDArray[np.float64], npt.NDArray[np.float64], float, npt.NDArray[np.float64]
    ]: ...

@final
class CorrelationPrior:
    def __init__(self, rows: int, eta: float) -> None: ...
    @property
    def size(self) -> int: ...
    def factor(self, z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...
    def evaluate(
        self, z: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], float, npt.NDArray[np.float64]]: ...

@final
class Tape:
    def __init__(
        self,
        steps: npt.NDArray[np.int32],
        numbers: npt.NDArray[np.float64],
        outputs: Sequence[int],
        parameters: int,
    ) -> None: ...
    @property
    def steps(self) -> int: ...
    def evaluate(
        self, parameters: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]: ...

@final
class Group:
    def __init__(
        self,
        *,
        items: int,
        latents: int,
        tape: Tape,
        base: Sequence[float],
        places: Sequence[int],
        inputs: Sequence[int],
    ) -> None: ...

@final
class Unit:
    def __init__(
        self,
        *,
        group: int,
        n: float,
        freedom: float,
        items: Sequence[int],
        mean: Sequence[float],
        scatter: npt.NDArray[np.float64],
    ) -> None: ...

@final
class Moments:
    def __init__(
        self,
        *,
        group: Sequence[int],
        row: Sequence[int],
        column: Sequence[int],
        value: Sequence[float],
        weight: npt.NDArray[np.float64],
    ) -> None: ...

@final
class Column:
    def __init__(
        self, *, kind: int, cuts: int, categories: int, values: npt.NDArray[np.float64]
    ) -> None: ...

@final
class Respondents:
    def __init__(
        self,
        *,
        count: int,
        drawn: Sequence[int],
        products: Sequence[tuple[int, int, int, int]],
        columns: Sequence[Column],
    ) -> None: ...

@final
class Mixture:
    def __init__(
        self,
        respondents: Respondents,
        *,
        nodes: npt.NDArray[np.float64],
        weights: npt.NDArray[np.float64],
        shared: int,
    ) -> None: ...

@final
class Grid:
    def __init__(
        self,
        respondents: Respondents,
        *,
        nodes: npt.NDArray[np.float64],
        weights: npt.NDArray[np.float64],
    ) -> None: ...
    @property
    def patterns(self) -> int: ...

@final
class Posterior:
    def __init__(
        self,
        *,
        scalars: ScalarPriors,
        correlations: Sequence[CorrelationPrior],
        groups: Sequence[Group],
        units: Sequence[Unit],
        means: bool,
        moments: Moments = ...,
        respondents: Sequence[Respondents] = ...,
        mixtures: Sequence[Mixture] = ...,
        grids: Sequence[Grid] = ...,
    ) -> None: ...
    @property
    def size(self) -> int: ...
    def evaluate(self, z: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]: ...
    def expand(
        self, z: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]: ...

class Likelihood:
    @property
    def size(self) -> int: ...
    @property
    def units(self) -> int: ...
    def evaluate(self, theta: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]: ...
    def pointwise(self, theta: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...

@final
class StageModel(Likelihood):
    def __init__(
        self,
        *,
        goals: Sequence[Sequence[int]],
        outcomes: Sequence[tuple[int, int, Sequence[float]]],
        known: Sequence[int],
        silent: Sequence[bool],
        free_start: bool,
        groups: int,
        codes: npt.NDArray[np.uint32],
        covariates: npt.NDArray[np.float64],
        group_of: npt.NDArray[np.uint32],
        first: npt.NDArray[np.int64],
        length: npt.NDArray[np.int64],
        threads: int = 1,
        isa: str = "auto",
    ) -> None: ...
    @property
    def isa(self) -> str: ...
    def recover(
        self, theta: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]: ...
    def most_likely(self, theta: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]: ...

class PurchaseModel(Likelihood):
    def alive(self, theta: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...

@final
class BgNbd(PurchaseModel):
    def __init__(
        self,
        *,
        count: npt.NDArray[np.int64],
        recency: npt.NDArray[np.float64],
        age: npt.NDArray[np.float64],
        weight: npt.NDArray[np.float64],
        isa: str = "auto",
    ) -> None: ...

@final
class ParetoNbd(PurchaseModel):
    def __init__(
        self,
        *,
        count: npt.NDArray[np.int64],
        recency: npt.NDArray[np.float64],
        age: npt.NDArray[np.float64],
        weight: npt.NDArray[np.float64],
        isa: str = "auto",
    ) -> None: ...

@final
class Retention(Likelihood):
    def __init__(self, *, stayed: Sequence[float], left: Sequence[float]) -> None: ...

@final
class Frailty(Likelihood):
    def __init__(
        self,
        *,
        group: npt.NDArray[np.int64],
        covariates: npt.NDArray[np.float64],
        exposed: npt.NDArray[np.float64],
        before: npt.NDArray[np.float64],
        ended: npt.NDArray[np.float64],
        groups: int,
        frail: bool,
    ) -> None: ...

@final
class HistoryPosterior:
    def __init__(
        self,
        *,
        scalars: ScalarPriors,
        products: Sequence[tuple[int, float, int, int]],
        likelihood: Likelihood,
    ) -> None: ...
    @property
    def size(self) -> int: ...
    def precondition(
        self, centre: npt.NDArray[np.float64], factor: npt.NDArray[np.float64]
    ) -> None: ...
    def evaluate(self, zeta: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]: ...
    def log_likelihood(
        self, z: npt.NDArray[np.float64]
    ) -> tuple[float, npt.NDArray[np.float64]]: ...
    def place(self, zeta: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...
    def expand(
        self, z: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]: ...
