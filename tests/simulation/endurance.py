"""A run in a process of its own, with small shards, to be killed by the tests."""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pycore as pc
from pycore.simulation import shards
from pycore.simulation.provenance import digest
from tests.models import two_platforms

# 24 shards instead of one.
SHARD_INSTRUCTIONS = 2**21
RUN: dict[str, Any] = {
    "consumers": 60_000,
    "periods": 20,
    "seed": 3,
    "scenarios": {"base": {}, "support": {"support": 1.0}},
    "batches": 8,
}


def start(folder: Path) -> tuple[BaseProcess, Connection]:
    """Start the run; its progress, and at the end its digest, come through the connection."""
    # A server that has imported everything and forks: fresh processes without seconds of imports.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=run, args=(folder, theirs))
    process.start()
    theirs.close()
    return process, mine


def run(folder: Path, out: Connection) -> None:
    """Run with a checkpoint."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    shards.SHARD_INSTRUCTIONS = SHARD_INSTRUCTIONS
    made = pc.simulate(
        two_platforms(), **RUN, threads=1, checkpoint=folder,
        progress=lambda done, total: out.send(done),
    )  # fmt: skip
    out.send(digest(made["ledger"]))
