"""What made this build: version, commit, mode, and the key of everything its numbers depend on."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pycore.notebook.mode import mode

#: Files beside the pages that executed cells may read.
DATA_SUFFIXES = frozenset({".csv", ".json", ".nc", ".parquet"})


def key_files(root: Path) -> Iterator[Path]:
    """Files of a checkout that can change a number on a page, beside the page itself."""
    ledger = root / "pycore" / "claims" / "data"
    for path in sorted((root / "pycore").rglob("*")):
        # The ledger's verdicts are printed by directives, which are never cached.
        if path.is_file() and "__pycache__" not in path.parts and ledger not in path.parents:
            yield path
    for folder in ("book", "notebooks"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in DATA_SUFFIXES and ".ipynb_checkpoints" not in path.parts:
                yield path
    if (root / "constraints.txt").is_file():
        yield root / "constraints.txt"


def machine_file() -> Path | None:
    """The compiled machine that this interpreter would load."""
    found = importlib.util.find_spec("pycore._core")
    return Path(found.origin) if found is not None and found.origin else None


def cache_key(root: Path) -> str:
    """Hash of everything, beside a page's own text, that its numbers depend on.

    It covers the sources and data of ``pycore``, the compiled machine, data files beside the
    pages, the pinned packages, the version of Python, and the mode.
    """
    digest = hashlib.sha256(f"{platform.python_version()}\n{mode()}\n".encode())
    for path in key_files(root):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    machine = machine_file()
    if machine is not None:
        digest.update(f"_core {hashlib.sha256(machine.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


@cache
def commit(root: Path) -> str | None:
    """The commit that is checked out, marked when files differ from it; None outside git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=10"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip() or None


def built_at() -> datetime:
    """Time of the build; ``SOURCE_DATE_EPOCH`` fixes it for a reproducible one."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.now(UTC) if epoch is None else datetime.fromtimestamp(int(epoch), UTC)
