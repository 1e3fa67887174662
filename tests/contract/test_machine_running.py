"""A long run can be watched, stopped and shared; it leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

from pycore import _core
from tests.contract.noise import noise

# Three runs of 2^36 consumers, each meant to be interrupted; prints when the interrupt arrived and
# how many threads it left.  The clock is the system's monotonic one, the same in both processes.
LONG_RUNS = """
import os, signal, time
import numpy as np
from pycore import _core
from tests.contract.noise import noise

def tasks():
    return len(os.listdir("/proc/self/task"))

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
program, before = noise().to_core(), tasks()
for _ in range(3):
    try:
        print("running", flush=True)
        _core.run(program, [np.zeros((1, 0), np.float32)], np.array([2**36], np.uint64),
            np.zeros(1, np.uint32), 1, 52, 1, threads=2)
    except KeyboardInterrupt:
        print(time.monotonic(), tasks() - before, flush=True)
"""


def run_noise(consumers: int, periods: int = 52, **settings: Any) -> Any:
    return _core.run(
        noise().to_core(), [np.zeros((1, 0), np.float32)], np.array([consumers], np.uint64),
        np.zeros(1, np.uint32), 1, periods, 1, **settings,
    )  # fmt: skip


def test_ctrl_c_stops_a_long_run_within_a_fifth_of_a_second() -> None:
    delays = []
    with subprocess.Popen(
        [sys.executable, "-c", LONG_RUNS], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(3):
            assert process.stdout.readline() == "running\n"
            time.sleep(0.2)
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            stopped, left_over = process.stdout.readline().split()
            delays.append(float(stopped) - sent)
            assert int(left_over) == 0, "a worker thread outlived the run"
        process.wait(timeout=10)
    assert process.returncode == 0
    # Other processes on the machine can only add to a delay: the shortest of three is ours.
    assert min(delays) < 0.2


def test_progress_only_grows_and_ends_at_the_total() -> None:
    seen: list[tuple[int, int]] = []
    run_noise(400_000, threads=2, progress=lambda done, total: seen.append((done, total)))
    done = [d for d, _ in seen]
    assert {total for _, total in seen} == {400_000}
    assert done == sorted(done)
    assert done[-1] == 400_000


def test_an_error_in_the_progress_callback_stops_the_run_and_arrives() -> None:
    calls = []

    def fail(done: int, total: int) -> None:
        calls.append(done)
        raise LookupError(f"stopped by the test at {done} of {total}")

    with pytest.raises(LookupError, match="stopped by the test"):
        run_noise(2**36, threads=2, progress=fail)
    assert len(calls) == 1
    assert calls[0] < 2**36


def test_two_runs_share_the_interpreter() -> None:
    """Neither holds the interpreter's lock: each reports progress while the other still runs."""
    order: list[str] = []
    together = threading.Barrier(2)

    def work(name: str) -> None:
        together.wait()
        run_noise(1_500_000, threads=1, progress=lambda *_: order.append(name))

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last_a, last_b = len(order) - order[::-1].index("a"), len(order) - order[::-1].index("b")
    assert order.index("a") < last_b
    assert order.index("b") < last_a


def test_a_run_keeps_no_reference() -> None:
    core, table = noise().to_core(), np.zeros((1, 0), np.float32)

    def progress(done: int, total: int) -> None:
        del done, total

    watched = (core, table, progress)
    before = [sys.getrefcount(o) for o in watched]
    for _ in range(50):
        ledger = _core.run(
            core, [table], np.array([10], np.uint64), np.zeros(1, np.uint32), 1, 2, 1,
            progress=progress,
        )  # fmt: skip
    assert [sys.getrefcount(o) for o in watched] == before
    assert sys.getrefcount(ledger) == 2


def test_a_program_outlives_the_words_it_was_made_from() -> None:
    words = noise().to_words()
    core = _core.Program(words)
    words[:] = 2**30
    table, one = [np.zeros((1, 0), np.float32)], np.zeros(1, np.uint32)
    ledger = _core.run(core, table, np.array([5000], np.uint64), one, 1, 9, 1)
    np.testing.assert_array_equal(ledger, run_noise(5000, 9))


def test_the_build_says_what_it_is() -> None:
    config = _core.build_config()
    assert config["isas"] == _core.isas()
    assert config["isas"][-1] == "scalar"
    assert "-ffp-contract=off" in config["flags"]
    assert "fast-math" not in config["flags"]
    assert "-march" not in config["flags"]
