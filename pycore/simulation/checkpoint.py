"""A folder of finished shards, from which a stopped run goes on.

``run.json`` says which run the folder belongs to; every finished shard is one file with a checksum,
written beside its place and renamed, so that a file is whole or is not there.  A lock that the
operating system drops with its process keeps two runs out of one folder.  A society that is lived
period by period has a second file for its states, until its shard is finished.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

import pycore
from pycore.errors import InputError, refuse
from pycore.files import TEMPORARY, write_atomically
from pycore.simulation.shards import I64, Shard, Work
from pycore.simulation.state import State

__all__ = ["Checkpoint"]

FORMAT_VERSION = 1
_MAGIC = b"pycore shard 1\n\n"
_MANIFEST, _LOCK = "run.json", "lock"
_MEANING = {
    "format": "a format of another version",
    "version": "another version of pycore",
    "model": "another model",
    "program_sha256": "other equations or records",
    "inputs_sha256": "other scenarios, parameters, draws or traits",
    "counts": "other numbers of consumers",
    "segments": "other segments",
    "batches": "another number of batches",
    "periods": "another number of periods",
    "seed": "another seed",
    "network": "another network",
    "shards": "other shards",
}


class Checkpoint:
    """The shards of one run that are on disk; locked from entering to leaving ``with``.

    Parameters
    ----------
    folder : path
        An existing folder of this run, an empty one, or one to be made in an existing folder.
    work : Work
        The run.

    Raises
    ------
    InputError
        If the folder cannot be used, belongs to another run, is in use, or holds damaged shards.
    """

    def __init__(self, folder: Any, work: Work) -> None:
        if not isinstance(folder, str | os.PathLike):
            raise refuse("checkpoint", folder, "the path of a folder, or None")
        self.folder = Path(folder)
        self._work = work
        self._lock = -1

    def __enter__(self) -> Checkpoint:
        try:
            self.folder.mkdir(exist_ok=True)
            self._lock = os.open(self.folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o666)
        except OSError as error:
            raise self._refuse(
                f"a folder that can be written, in one that exists ({error})"
            ) from None
        try:
            self._take()
            self._claim()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._release()

    def finished(self) -> Iterator[tuple[Shard, I64]]:
        """Shards on disk and their rows, each checked against its checksum."""
        for shard in self._work.shards:
            path = self._path(shard)
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise self._refuse(f"a folder that can be read ({error})") from None
            yield shard, self._decode(path, shard, content)

    def keep(self, shard: Shard, rows: I64) -> None:
        """Write one finished shard; it is on disk when this returns."""
        path = self._path(shard)
        body = self._header(shard) + np.ascontiguousarray(rows, dtype="<i8").tobytes()
        try:
            write_atomically(path, _MAGIC + hashlib.sha256(body).digest() + body)
        except OSError as error:
            raise InputError(
                f"checkpoint: {path} cannot be written ({error.strerror}); the shards before it are "
                "whole, so the run goes on from them when it is started again with room to write"
            ) from None

    def state(self, shard: Shard) -> State:
        """Where the states of a society are kept while it lives."""
        return State(self.folder / f"state-{shard.number:05d}", self._header(shard))

    def _decode(self, path: Path, shard: Shard, content: bytes) -> I64:
        start = len(_MAGIC) + hashlib.sha256().digest_size
        head, body = content[:start], content[start:]
        header = self._header(shard)
        first, last = self._work.rows(shard)
        shape = (last - first, *self._work.shape[1:])
        whole = (
            head == _MAGIC + hashlib.sha256(body).digest()
            and body.startswith(header)
            and len(body) == len(header) + 8 * int(np.prod(shape))
        )
        if not whole:
            raise InputError(
                f"checkpoint: {path} is damaged (its checksum does not fit its content); delete "
                "this file and start the run again: only this shard is computed anew"
            )
        return np.frombuffer(body, dtype="<i8", offset=len(header)).reshape(shape)

    def _header(self, shard: Shard) -> bytes:
        return self._work.digest + shard.number.to_bytes(8, "little")

    def _path(self, shard: Shard) -> Path:
        return self.folder / f"shard-{shard.number:05d}"

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._refuse("a folder that no other run is using now") from None
        except OSError as error:
            raise self._refuse(f"a folder on a file system with locks ({error})") from None

    def _release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)  # and the lock with it
            self._lock = -1

    def _claim(self) -> None:
        """Check the manifest, or write it into a folder that holds nothing of anybody else's."""
        mine = {
            "format": FORMAT_VERSION,
            "version": pycore.__version__,
            **self._work.identity,
        }
        manifest = self.folder / _MANIFEST
        try:
            for path in self.folder.iterdir():
                if path.name.endswith(TEMPORARY):  # of a run that was killed
                    path.unlink()
            if not manifest.exists():
                others = sorted(p.name for p in self.folder.iterdir() if p.name != _LOCK)
                if others:
                    raise self._refuse(
                        f"an empty folder or that of this run (it has {others[0]!r})"
                    )
                write_atomically(manifest, json.dumps(mine, indent=1).encode())
                return
            theirs = json.loads(manifest.read_text(encoding="utf-8"))
        except OSError as error:
            raise self._refuse(f"a folder that can be written ({error})") from None
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise self._refuse(f"a folder whose {_MANIFEST} is whole ({error})") from None
        wrong = [
            meaning
            for key, meaning in _MEANING.items()
            if not isinstance(theirs, dict) or theirs.get(key) != mine[key]
        ]
        if wrong:
            raise self._refuse(f"a folder of this run (it belongs to one with {', '.join(wrong)})")

    def _refuse(self, allowed: str) -> InputError:
        return refuse("checkpoint", str(self.folder), allowed)
