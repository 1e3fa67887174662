"""States of a society between two periods, in one file with a checksum.

The file is written beside its place and renamed, so that it is whole or is the one before; it is
checked as a whole before anything in it is used.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from pycore.errors import InputError
from pycore.files import replacing

__all__ = ["Kept", "State"]

# Seconds from one state to the next, at least; and times as long as keeping took.
EVERY, SHARE = 30.0, 20.0
_MAGIC = b"pycore state 1\n\n"
_SUM = hashlib.sha256().digest_size

I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Kept:
    """What a file holds: periods that are over, their rows, and words for each stretch."""

    periods: int
    rows: I64
    words: Iterator[U32]


class State:
    """The file of one society.

    Parameters
    ----------
    path : path
        Its place, in a folder that nobody else writes to.
    belongs : bytes
        What says which society of which run this is.

    Examples
    --------
    >>> import tempfile
    >>> state = State(Path(tempfile.mkdtemp()) / "state", b"run 1")
    >>> rows = np.ones((2, 3, 1), dtype=np.int64)
    >>> state.write(2, rows, [np.arange(3, dtype=np.uint32)])
    >>> kept = state.read(rows.shape)
    >>> kept.periods, kept.rows.shape, [w.tolist() for w in kept.words]
    (2, (2, 2, 1), [[0, 1, 2]])
    """

    def __init__(self, path: Path, belongs: bytes) -> None:
        self.path, self._belongs = path, belongs
        self._since, self._took = time.monotonic(), 0.0
        self.kept = 0  # states written

    def due(self) -> bool:
        """Whether it is time to keep the next state."""
        return time.monotonic() - self._since >= max(EVERY, SHARE * self._took)

    def write(self, periods: int, rows: I64, words: Iterable[U32]) -> None:
        """Keep the state after so many periods; it is on disk when this returns.

        Raises
        ------
        InputError
            If it cannot be written; the one before is then unchanged.
        """
        begin = time.monotonic()
        total = hashlib.sha256()
        try:
            with replacing(self.path) as temporary, temporary.open("wb") as file:

                def put(content: bytes | memoryview) -> None:
                    total.update(content)
                    file.write(content)

                put(_MAGIC + self._belongs + periods.to_bytes(8, "little"))
                put(np.ascontiguousarray(rows[:, :periods], dtype="<i8").data.cast("B"))
                for stretch in words:
                    put(len(stretch).to_bytes(8, "little"))
                    put(np.ascontiguousarray(stretch, dtype="<u4").data.cast("B"))
                file.write(total.digest())
        except OSError as error:
            raise InputError(
                f"checkpoint: {self.path} cannot be written ({error.strerror}); what was kept "
                "before is whole, so the run goes on from there when it is started again with room "
                "to write"
            ) from None
        self._since = time.monotonic()
        self._took = self._since - begin
        self.kept += 1

    def read(self, shape: tuple[int, int, int]) -> Kept | None:
        """What was kept last, of a society with a ledger of this shape; None if nothing was.

        Raises
        ------
        InputError
            If the file is damaged, of another run, or cannot be read.
        """
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"checkpoint: {self.path} cannot be read ({error.strerror})") from None
        head = _MAGIC + self._belongs
        size = os.fstat(file.fileno()).st_size - _SUM
        if not self._whole(file, size) or file.read(len(head)) != head:
            file.close()
            raise self.damaged()
        periods = int.from_bytes(file.read(8), "little")
        content = file.read(8 * shape[0] * periods * shape[2])
        if not 0 < periods < shape[1] or len(content) != 8 * shape[0] * periods * shape[2]:
            file.close()
            raise self.damaged()
        rows = np.frombuffer(content, dtype="<i8").reshape(shape[0], periods, shape[2])
        return Kept(periods, rows, self._words(file, size))

    def forget(self) -> None:
        """Remove the file, when the society has lived its last period."""
        self.path.unlink(missing_ok=True)

    def damaged(self) -> InputError:
        """The error that says so."""
        return InputError(
            f"checkpoint: {self.path} is damaged (its checksum does not fit its content); delete "
            "this file and start the run again: only this society begins anew"
        )

    def _whole(self, file: BinaryIO, size: int) -> bool:
        """Whether the file ends with the checksum of what is before; it is then at its start."""
        total, left = hashlib.sha256(), size
        while left > 0 and (content := file.read(min(left, 2**24))):
            total.update(content)
            left -= len(content)
        found = size >= 0 and file.read() == total.digest()
        file.seek(0)
        return found

    def _words(self, file: BinaryIO, size: int) -> Iterator[U32]:
        with file:
            while file.tell() < size:
                count = int.from_bytes(file.read(8), "little")
                yield np.frombuffer(file.read(4 * count), dtype="<u4")
