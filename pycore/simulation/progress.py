"""Progress of long runs: a bar where somebody looks, silence in logs and continuous integration."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from pycore.errors import refuse

__all__ = ["reporter"]

Report = Callable[[int, int], None]


@contextmanager
def reporter(
    progress: bool | Report | None, consumers: int, memory: int = 0
) -> Iterator[Report | None]:
    """Function of (done, total) for the machine, or None for silence.

    Parameters
    ----------
    progress : bool, callable or None
        ``None`` shows a bar only on a terminal or in a notebook, and only for long runs.
    consumers : int
        Consumers over all scenarios and draws; the bar counts them.
    memory : int, optional
        Bytes that the run will take, which the bar says if there are any to speak of.
    """
    if callable(progress):
        yield progress
        return
    if progress not in (None, True, False):
        raise refuse("progress", progress, "True, False, None or a function of (done, total)")
    if progress is None:
        progress = not os.environ.get("CI") and _watched()
    if not progress:
        yield None
        return
    from tqdm import tqdm  # text, which needs no widgets

    label = f"{memory / 2**20:,.0f} MiB of memory" if memory else None
    with tqdm(desc=label, total=consumers, unit="consumers", unit_scale=True, delay=0.5) as bar:

        def report(done: int, total: int) -> None:
            bar.update(round(consumers * done / max(total, 1)) - bar.n)

        yield report


def _watched() -> bool:
    # Without its widgets a notebook shows a warning instead of a bar.
    notebook = "ipykernel" in sys.modules and find_spec("ipywidgets") is not None
    return sys.stderr.isatty() or notebook
