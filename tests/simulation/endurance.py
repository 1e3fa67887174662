"""Runs in a process of their own, with small shards, to be killed by the tests."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

import pycore as pc
from pycore.simulation import shards, state
from pycore.simulation.provenance import digest
from tests.models import rumour, two_platforms

# 24 shards instead of one; of consumers who meet, several, or one for each scenario.
SHARD_INSTRUCTIONS = 2**21
RUN: dict[str, Any] = {
    "consumers": 60_000,
    "periods": 20,
    "seed": 3,
    "scenarios": {"base": {}, "support": {"support": 1.0}},
    "batches": 8,
}
SOCIETY: dict[str, Any] = RUN | {
    "consumers": 20_000,
    "scenarios": {"base": {}, "advert": {"advert": 1.0}},
}
NEIGHBOURS: dict[str, Any] = SOCIETY | {"network": pc.Network.random(5, seed=4)}
KINDS: dict[str, tuple[Callable[[], pc.Model], dict[str, Any]]] = {
    "alone": (two_platforms, RUN),
    "community": (lambda: rumour("community"), SOCIETY),
    # So many that a kill finds them at work.
    "many rooms": (lambda: rumour("community"), SOCIETY | {"consumers": 400_000}),
    "global": (lambda: rumour("global"), SOCIETY),
    "neighbours": (lambda: rumour("neighbours"), NEIGHBOURS),
}


def make_small(patch: pytest.MonkeyPatch) -> None:
    """Shards of few consumers, and a state of every period."""
    patch.setattr(shards, "SHARD_INSTRUCTIONS", SHARD_INSTRUCTIONS)
    patch.setattr(state, "EVERY", 0.0)
    patch.setattr(state, "SHARE", 0.0)


def start(folder: Path, kind: str = "alone") -> tuple[BaseProcess, Connection]:
    """Start the run; its progress, and at the end its digest, come through the connection."""
    # A server that has imported everything and forks: fresh processes without seconds of imports.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=run, args=(folder, kind, theirs))
    process.start()
    theirs.close()
    return process, mine


def run(folder: Path, kind: str, out: Connection) -> None:
    """Run with a checkpoint."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    make_small(pytest.MonkeyPatch())
    model, settings = KINDS[kind]
    made = pc.simulate(
        model(), **settings, threads=1, checkpoint=folder,
        progress=lambda done, total: out.send(done),
    )  # fmt: skip
    out.send(digest(made["ledger"]))


def last_word(messages: Connection, said: Any = None) -> Any:
    """Read what a process said last before it ended."""
    try:
        while messages.poll(120):
            said = messages.recv()
    except (EOFError, OSError):
        return said
    pytest.fail("the run does not end")


def kill_until_done(folder: Path, kills: int, seed: int, kind: str = "alone") -> tuple[str, int]:
    """Start the run again and again, killing it at random moments; digest and number of kills."""
    chance = random.Random(seed)
    killed = 0
    while True:
        process, messages = start(folder, kind)
        said: Any = None
        if killed < kills:
            # A moment inside the run: after some of its words, and then at no particular place.
            for _ in range(chance.randrange(1, 20)):
                if not messages.poll(60):
                    break
                said = messages.recv()
                if isinstance(said, str):
                    break
            time.sleep(chance.uniform(0, 0.005))
            process.kill()
        said = last_word(messages, said)
        process.join(60)
        if process.exitcode == 0:
            return str(said), killed
        assert process.exitcode == -signal.SIGKILL
        killed += 1
        # As if killed earlier: there is always work left for the next kill.
        kept = sorted(folder.glob("shard-*"))
        for path in chance.sample(kept, k=len(kept) // 2):
            path.unlink()
