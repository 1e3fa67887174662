"""Shards on the workers of a cluster give the bits of a local run, also when a worker is killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import pycore as pc
from pycore.errors import InputError
from pycore.simulation import cluster, execution, shards, society
from tests.models import two_platforms
from tests.simulation.endurance import KINDS, RUN, make_small

distributed = pytest.importorskip("distributed")
dask = pytest.importorskip("dask")
pytestmark = pytest.mark.xdist_group("cluster")  # one cluster, in one process


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two workers; one that is killed is always replaced.

    A local cluster looks again some seconds (15) after the loss of a worker, and gives up its place
    if it is away just then: as it is when it was replaced in between, and killed once more.
    """
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1h"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as workers,
        distributed.Client(workers) as connected,
    ):
        yield connected


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return pc.simulate(two_platforms(), **RUN)


@pytest.mark.slow
def test_two_worker_processes_give_the_bits_of_one(client: Any, whole: xr.Dataset) -> None:
    pids = set(client.run(os.getpid).values())
    assert len(pids | {os.getpid()}) == 3
    seen: list[int] = []
    run = pc.simulate(
        two_platforms(), **RUN, client=client, progress=lambda done, total: seen.append(done)
    )
    assert run.identical(whole)
    assert len(seen) > 20
    assert (seen[0], seen[-1]) == (0, 120_000)
    assert seen == sorted(seen)


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_changes_no_bit(client: Any, whole: xr.Dataset) -> None:
    victim = min(client.run(os.getpid).values())
    killed: list[int] = []

    def progress(done: int, total: int) -> None:
        if done > 30_000 and not killed:
            os.kill(victim, signal.SIGKILL)
            killed.append(done)

    assert pc.simulate(two_platforms(), **RUN, client=client, progress=progress).identical(whole)
    assert 30_000 < killed[0] < 120_000
    client.wait_for_workers(2, timeout=120)
    assert victim not in client.run(os.getpid).values()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["community", "global", "neighbours"])
def test_consumers_who_meet_on_two_workers_give_the_bits_of_one_process(
    client: Any, kind: str
) -> None:
    """Communities in shards; two societies of two parts each, which exchange sums and talk."""
    model, settings = KINDS[kind]
    seen: list[int] = []
    run = pc.simulate(
        model(), **settings, client=client, progress=lambda done, total: seen.append(done)
    )
    assert run.identical(pc.simulate(model(), **settings))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 40_000)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["global", "neighbours"])
def test_small_societies_are_shards(
    client: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_INSTRUCTIONS", 2**24)
    monkeypatch.setattr(execution, "_societies", None)
    model, settings = KINDS[kind]
    run = pc.simulate(model(), **settings, client=client)
    assert run.identical(pc.simulate(model(), **settings))


NETWORKS = {
    "random": pc.Network.random(5, seed=4),
    "scale_free": pc.Network.scale_free(3, seed=1),
    "hashed": pc.Network.hashed(6, seed=2),
}


@pytest.mark.slow
@pytest.mark.parametrize("network", [None, *NETWORKS])
@pytest.mark.parametrize("parts", [1, 3, 7])
def test_any_number_of_parts_gives_the_same_bits(
    client: Any, parts: int, network: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts are actors; one worker may hold several."""
    model, settings = KINDS["neighbours" if network else "global"]
    if network:
        settings = settings | {"network": NETWORKS[network]}
    places = [(w, 1) for w in client.nthreads()] * parts
    monkeypatch.setattr(cluster, "_places", lambda client: places[:parts])
    run = pc.simulate(model(), **settings, client=client)
    assert run.identical(pc.simulate(model(), **settings))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["global", "neighbours"])
@pytest.mark.parametrize("keeps", [True, False], ids=["from its state", "from the start"])
def test_a_worker_that_dies_with_its_part_of_a_society_changes_no_bit(
    client: Any, kind: str, keeps: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, settings = KINDS[kind]
    whole = pc.simulate(model(), **settings)
    client.wait_for_workers(2, timeout=120)
    victim = min(client.run(os.getpid).values())
    killed: list[int] = []
    begun: list[bool] = []
    real = society.live

    def progress(done: int, total: int) -> None:
        if done > 30_000 and not killed:
            os.kill(victim, signal.SIGKILL)
            killed.append(done)

    def live(work: Any, parts: Any, **options: Any) -> Any:
        state = options["state"]
        begun.append(state is not None and state.path.exists())
        return real(work, parts, **options)

    monkeypatch.setattr(execution, "live", live)
    folder = tmp_path / "run" if keeps else None
    run = pc.simulate(model(), **settings, client=client, checkpoint=folder, progress=progress)
    assert run.identical(whole)
    assert 30_000 < killed[0] < 40_000
    assert begun == [False, False, keeps]  # two societies, of which one began again


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["global", "neighbours"])
def test_a_society_begun_on_workers_ends_here_and_the_other_way_round(
    client: Any, kind: str, tmp_path: Path
) -> None:
    model, settings = KINDS[kind]
    whole = pc.simulate(model(), **settings)
    places: list[tuple[Any, Any]] = [(client, None), (None, client)]
    for k, (first, second) in enumerate(places):

        def stop(done: int, total: int) -> None:
            if done > 30_000:
                raise KeyboardInterrupt

        folder = tmp_path / f"run {k}"
        seen: list[int] = []
        with pytest.raises(KeyboardInterrupt):
            pc.simulate(model(), **settings, client=first, checkpoint=folder, progress=stop)
        assert len(list(folder.glob("state-*"))) == 1
        run = pc.simulate(
            model(), **settings, client=second, checkpoint=folder,
            progress=lambda done, total: seen.append(done),  # noqa: B023
        )  # fmt: skip
        assert run.identical(whole)
        assert seen[1] >= 30_000
        assert not list(folder.glob("state-*"))


@pytest.mark.slow
def test_what_goes_wrong_in_a_part_is_named(client: Any) -> None:
    m = pc.Model("rich")
    money = m.state("money", start=1, carry=1, increment=40_000)
    m.environment("wealth", target=pc.average(money))
    with pytest.raises(InputError, match=r"'wealth:sum0' out of range in period 0.*coarser"):
        pc.simulate(m, consumers=900_000, periods=9, seed=1, client=client)


@pytest.mark.slow
def test_workers_compute_and_the_caller_keeps(
    client: Any, whole: xr.Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "run"

    def stop(done: int, total: int) -> None:
        if done > 50_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pc.simulate(two_platforms(), **RUN, client=client, checkpoint=folder, progress=stop)
    kept = len(list(folder.glob("shard-*")))
    assert 5 < kept < 20
    # Begun on a cluster, ended here; and the other way round.
    first = next(folder.glob("shard-*"))
    assert pc.simulate(two_platforms(), **RUN, checkpoint=folder).identical(whole)
    first.unlink()
    run = pc.simulate(two_platforms(), **RUN, client=client, checkpoint=folder)
    assert run.identical(whole)


@pytest.mark.slow
def test_ctrl_c_takes_the_tasks_back(client: Any) -> None:
    main = threading.get_ident()
    sent: list[int] = []

    def progress(done: int, total: int) -> None:
        if done > 20_000 and not sent:
            sent.append(done)
            signal.pthread_kill(main, signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            pc.simulate(two_platforms(), **RUN, client=client, progress=progress)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert sent
    left = -1
    for _ in range(100):
        left = client.run_on_scheduler(
            lambda dask_scheduler: sum("pycore" in str(k) for k in dask_scheduler.tasks)
        )
        if left == 0:
            break
        time.sleep(0.1)
    assert left == 0


@pytest.mark.slow
def test_an_aggregate_out_of_range_is_named_by_a_worker(client: Any) -> None:
    m = pc.Model("explosion")
    x = m.state("money", start=1, carry=1, increment=0)
    m.record(m.define("power", x * 1e7))
    with pytest.raises(
        InputError, match=r"record 'power' out of range in period 0: value 10000000"
    ):
        pc.simulate(m, consumers=10, periods=2, seed=1, client=client)


@pytest.mark.slow
def test_a_worker_of_another_version_is_refused(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pc, "__version__", "9.9")
    with pytest.raises(
        InputError, match=r"client: received a worker with pycore 0.*allowed is pyc"
    ):
        pc.simulate(two_platforms(), **RUN, client=client)


def test_a_worker_that_reads_another_program_is_refused(client: Any) -> None:
    """The digest is made again from what arrived."""
    from pycore.program.compile import compile_model
    from pycore.simulation.shards import Shard

    text = compile_model(two_platforms()).to_json()
    with pytest.raises(InputError, match=r"program [0-9a-f]{12}…, allowed is .*program 0000"):
        cluster._compute_part(text, "0" * 64, pc.__version__, (), Shard(0, 0, 1))


@pytest.mark.parametrize("wrong", [3, "tcp://127.0.0.1:8786", object()])
def test_what_is_no_client_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"client: received .*a dask.distributed.Client"):
        pc.simulate(two_platforms(), **RUN, client=wrong)


@pytest.mark.slow
def test_a_closed_client_is_refused(client: Any) -> None:
    other = distributed.Client(client.scheduler.address)
    other.close()
    with pytest.raises(InputError, match=r"a client that is connected"):
        pc.simulate(two_platforms(), **RUN, client=other)


def test_the_cluster_library_is_imported_only_for_a_client() -> None:
    import subprocess
    import sys

    code = (
        "import sys, pycore as pc\n"
        "m = pc.Model('coin'); m.record(m.event('heads', probability=0.5))\n"
        "pc.simulate(m, consumers=10, periods=1, seed=1)\n"
        "assert 'distributed' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
