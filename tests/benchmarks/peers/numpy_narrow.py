"""The same NumPy on the instructions that AVX2 machines have, which it chooses when it is imported.

NumPy's own functions use AVX-512 where there is some; against the machine's AVX2 path that would
compare two processors.  A process of its own is told not to, and says how long it computed.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from multiprocessing.connection import Connection

import numpy as np

from tests.benchmarks.peers.columns import F64
from tests.benchmarks.peers.numpy_chunked import numpy_chunked

#: What is switched off, in the names of NumPy 2.4 and later.
WIDE = ("X86_V4", "AVX512_ICL", "AVX512_SPR")


class NarrowNumpy:
    """A process that lives consumers with :func:`numpy_chunked`, without AVX-512."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        before = os.environ.get("NPY_DISABLE_CPU_FEATURES")
        os.environ["NPY_DISABLE_CPU_FEATURES"] = " ".join(_present())
        try:
            self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()  # so that its death is noticed here
        finally:
            os.environ.pop("NPY_DISABLE_CPU_FEATURES")
            if before is not None:
                os.environ["NPY_DISABLE_CPU_FEATURES"] = before
        if still := self._ours.recv():
            raise RuntimeError(f"NumPy still uses {still}")

    def __call__(
        self, chunk: int, consumers: int, leave_base: float, seed: int
    ) -> tuple[float, F64]:
        """Core seconds and sums."""
        self._ours.send((chunk, consumers, leave_base, seed))
        seconds, sums = self._ours.recv()
        return seconds, sums


def _present() -> list[str]:
    """Those that this NumPy would choose here."""
    found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    return [name for name in WIDE if name in found]


def wide_numpy() -> bool:
    """Whether NumPy would use AVX-512 here."""
    return bool(_present())


def _serve(pipe: Connection) -> None:
    pipe.send(_present())
    while True:
        try:
            chunk, consumers, leave_base, seed = pipe.recv()
        except EOFError:  # nobody asks any more
            return
        begin = time.process_time()
        sums = numpy_chunked(chunk)(consumers, leave_base, seed)
        pipe.send((time.process_time() - begin, sums))
