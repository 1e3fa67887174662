"""Consumers who influence each other, in shards and kept between periods: the same bits."""

from __future__ import annotations

import itertools
import os
import random
import re
import resource
import shutil
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import pycore as pc
from pycore import files
from pycore.errors import InputError
from pycore.files import TEMPORARY
from pycore.program.compile import compile_model
from pycore.program.program import Program
from pycore.simulation import execution, shards, society, state
from pycore.simulation.population import population
from pycore.simulation.provenance import digest
from pycore.simulation.scenario import cell_inputs, resolve
from tests.models import rumour
from tests.simulation import endurance

COUPLED = ("community", "global", "neighbours")
SOCIETIES = ("global", "neighbours")


@pytest.fixture(scope="module", autouse=True)
def _small_shards() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    endurance.make_small(patch)
    yield
    patch.undo()


@cache
def whole(kind: str) -> xr.Dataset:
    """The run in one go."""
    model, settings = endurance.KINDS[kind]
    return pc.simulate(model(), **settings)


def again(kind: str, folder: Path, **changed: Any) -> xr.Dataset:
    """The same run with a folder."""
    model, settings = endurance.KINDS[kind]
    return pc.simulate(model(), **(settings | changed), checkpoint=folder)


def stopped(kind: str, folder: Path, after: int) -> Path:
    """A run stopped when more than so many of its 40 000 consumers are done; its state."""

    def stop(done: int, total: int) -> None:
        if done > after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again(kind, folder, progress=stop)
    return folder / f"state-0000{after // 20_000}"


@cache
def compiled(scope: pc.model.elements.Scope) -> tuple[pc.Model, Program]:
    """The model and what the machine is given."""
    return rumour(scope), compile_model(rumour(scope))


def work(scope: pc.model.elements.Scope, counts: list[int], batches: int) -> shards.Work:
    """Two scenarios of two segments."""
    model, program = compiled(scope)
    people = population(model, None)
    scenarios = resolve(model, {"base": {}, "advert": {"advert": 1.0}}, 5)
    inputs = cell_inputs(model, program, people, scenarios, {})
    network = pc.Network.random(4) if scope == "neighbours" else None
    return shards.Work(program, inputs, counts, [0, 1, 0, 1], batches, 5, 11, network)


@pytest.mark.parametrize("kind", COUPLED)
def test_a_checkpoint_changes_no_bit(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    run = again(kind, tmp_path / "run", progress=lambda done, total: seen.append(done))
    assert run.identical(whole(kind))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 40_000)
    kept = sorted(p.name for p in (tmp_path / "run").glob("s*"))
    assert kept == [f"shard-{k:05d}" for k in range(len(kept))]
    assert len(kept) == (2 if kind in SOCIETIES else 3)
    for module, name in ((execution, "compute"), (execution, "live")):
        monkeypatch.setattr(module, name, None)
    assert again(kind, tmp_path / "run").identical(whole(kind))


@pytest.mark.parametrize("scope", ["community", "global", "neighbours"])
@pytest.mark.parametrize("size", [2**12, 2**40])
@pytest.mark.parametrize("counts", [[900, 5, 900, 5], [0, 700, 0, 700]])
def test_shards_of_any_size_add_up_to_the_run(
    scope: pc.model.elements.Scope, size: int, counts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_INSTRUCTIONS", size)
    run = work(scope, counts, 7)
    ledger = np.zeros(run.shape, dtype=np.int64)
    order = list(run.shards)
    assert sum(s.consumers for s in order) == run.consumers
    random.Random(size).shuffle(order)
    for shard in order:
        part, place = run.part(shard)
        if run.divided:
            first, last = part.rows(place)
            rows = society.live(part, society.Here(part, 1))[first:last]
        else:
            [rows] = shards.compute(part, [place], threads=1)
        shards.add(run, ledger, shard, rows)
    np.testing.assert_array_equal(ledger, execution.run(run).reshape(run.shape))


def test_a_shard_holds_whole_communities_or_societies(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = [1000, 1100, 1000, 1100]
    cuts = {s.low for s in work("community", counts, 4).shards}
    rooms = [range(low, low + n, 230) for low, n in zip((0, 1000, 2100, 3100), counts, strict=True)]
    assert cuts <= set(itertools.chain(*rooms))
    monkeypatch.setattr(shards, "SHARD_INSTRUCTIONS", 2**12)
    run = work("global", counts, 4)
    assert [(s.low, s.high) for s in run.shards] == [(0, 2100), (2100, 4200)]
    assert run.divided
    monkeypatch.setattr(shards, "SHARD_INSTRUCTIONS", 2**11)
    assert len(work("community", counts, 4).shards) == 20
    monkeypatch.setattr(shards, "SHARD_INSTRUCTIONS", 2**40)
    assert len(work("global", counts, 4).shards) == 1
    assert not work("global", counts, 4).divided


@pytest.mark.parametrize("kind", SOCIETIES)
@pytest.mark.parametrize("after", [31_000, pytest.param(5_000, marks=pytest.mark.slow)])
def test_a_stopped_run_goes_on_from_its_state(kind: str, after: int, tmp_path: Path) -> None:
    assert stopped(kind, tmp_path / "run", after).exists()
    seen: list[int] = []
    run = again(kind, tmp_path / "run", progress=lambda done, total: seen.append(done))
    assert run.identical(whole(kind))
    assert seen[1] >= after  # after what is on disk: nothing is lived twice
    assert not list((tmp_path / "run").glob("state-*"))


@pytest.mark.parametrize("kind", ["global", pytest.param("neighbours", marks=pytest.mark.slow)])
def test_five_kills_change_no_bit(kind: str, tmp_path: Path) -> None:
    found, killed = endurance.kill_until_done(tmp_path / "run", 5, seed=1, kind=kind)
    assert killed >= 3
    assert found == digest(whole(kind)["ledger"])


@pytest.mark.long
@pytest.mark.parametrize("kind", ["many rooms", *SOCIETIES])
def test_fifty_kills_change_no_bit(kind: str, tmp_path: Path) -> None:
    killed = 0
    for seed in range(100):
        found, number = endurance.kill_until_done(tmp_path / f"run {seed}", 20, seed, kind)
        assert found == digest(whole(kind)["ledger"])
        killed += number
        if killed >= 50:
            return
    pytest.fail(f"only {killed} of the kills hit a run")


@pytest.fixture(scope="module")
def halfway(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run stopped in its second society."""
    folder = tmp_path_factory.mktemp("halfway") / "run"
    stopped("global", folder, 30_000)
    return folder


@pytest.mark.parametrize("damage", ["flipped", "truncated", "empty", "longer", "of another"])
def test_a_damaged_state_is_refused_by_name(damage: str, halfway: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(halfway, tmp_path / "copy"))
    [path] = folder.glob("state-*")
    content = path.read_bytes()
    middle = len(content) // 2
    if damage == "of another":
        content = stopped("global", tmp_path / "other", 5_000).read_bytes()
    damaged = {
        "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "truncated": content[:-9],
        "empty": b"",
        "longer": content + b"\0",
        "of another": content,
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(InputError, match=rf"{path.name} is damaged.*delete this file"):
        again("global", folder)
    path.unlink()
    assert again("global", folder).identical(whole("global"))


def test_every_flipped_bit_of_a_state_is_noticed(halfway: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(halfway, tmp_path / "copy"))
    [path] = folder.glob("state-*")
    content = path.read_bytes()
    kept = state.State(path, content[16:56])
    places = random.Random(2).sample(range(len(content)), 30)
    for place in [*range(70), *places, *range(len(content) - 40, len(content))]:
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(InputError, match="damaged"):
            kept.read((16, 20, 19))


def test_words_that_are_no_state_are_refused(halfway: Path, tmp_path: Path) -> None:
    """The checksum fits; what it is of does not."""
    folder = Path(shutil.copytree(halfway, tmp_path / "copy"))
    [path] = folder.glob("state-*")
    kept = state.State(path, path.read_bytes()[16:56])
    shape = (16, 20, compile_model(rumour("global")).width)
    run = kept.read(shape)
    assert run is not None
    words = list(run.words)
    words[700] = words[700][:-1]
    rows = np.zeros(shape, dtype=np.int64)
    rows[:, : run.periods] = run.rows
    for wrong in (words, words[:-1], [*words, words[0]]):
        kept.write(run.periods, rows, wrong)
        with pytest.raises(InputError, match="damaged"):
            again("global", folder)


def test_a_folder_with_another_network_is_refused(tmp_path: Path) -> None:
    stopped("neighbours", tmp_path / "run", 5_000)
    with pytest.raises(InputError, match="another network"):
        again("neighbours", tmp_path / "run", network=pc.Network.random(5, seed=5))


def test_a_full_disk_is_named_and_the_state_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's own limit on the size of files stands for the end of the disk."""
    folder = tmp_path / "run"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    real, writes = files.replacing, itertools.count()

    def until_full(path: Path) -> Any:
        if next(writes) == 5:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        return real(path)

    monkeypatch.setattr(state, "replacing", until_full)
    try:
        with pytest.raises(InputError, match=r"state-00000 cannot be written \(File too large\)"):
            again("global", folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    monkeypatch.undo()
    endurance.make_small(monkeypatch)
    assert (folder / "state-00000").exists()
    assert not list(folder.glob(f".*{TEMPORARY}"))
    seen: list[int] = []
    run = again("global", folder, progress=lambda done, total: seen.append(done))
    assert run.identical(whole("global"))
    assert seen[1] == 5_000  # five states were kept


def test_two_runs_in_one_folder_refuse_each_other(tmp_path: Path) -> None:
    process, messages = endurance.start(tmp_path / "run", "global")
    messages.recv()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(InputError, match="no other run is using"):
            again("global", tmp_path / "run")
    finally:
        process.kill()
        process.join(60)
    assert again("global", tmp_path / "run").identical(whole("global"))


def test_states_are_kept_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(state, "EVERY", 30.0)
    monkeypatch.setattr(state, "SHARE", 20.0)
    kept = state.State(tmp_path / "state", b"mine")
    rows = np.zeros((1, 3, 1), dtype=np.int64)

    def slowly() -> Iterator[Any]:
        now[0] += 4.0
        yield np.zeros(1, np.uint32)

    for later, due in ((29.0, False), (2.0, True)):
        now[0] += later
        assert kept.due() is due
    kept.write(1, rows, slowly())
    for later, due in ((79.0, False), (2.0, True)):  # twenty times as long as keeping took
        now[0] += later
        assert kept.due() is due
    assert kept.kept == 1


def test_nothing_is_kept_of_a_short_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "EVERY", 30.0)
    monkeypatch.setattr(state.State, "write", None)
    assert again("global", tmp_path / "run").identical(whole("global"))


def test_what_goes_wrong_in_a_society_is_named_through_a_checkpoint(tmp_path: Path) -> None:
    m = pc.Model("blow_up")
    boom = m.environment("boom", start=2)
    m.update(boom, target=boom**8)
    m.record(m.event("hear", logit=boom))
    options = {"consumers": 900_000, "periods": 9, "seed": 1}
    with pytest.raises(InputError, match="environment 'boom' is not finite in period 2"):
        pc.simulate(m, **options, checkpoint=tmp_path / "a")  # type: ignore[arg-type]
    m = pc.Model("rich")
    money = m.state("money", start=1, carry=1, increment=40_000)
    m.environment("wealth", target=pc.average(money))
    with pytest.raises(InputError, match=r"'wealth:sum0' out of range in period 0.*coarser"):
        pc.simulate(m, **options, checkpoint=tmp_path / "b")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="bytes of memory"):
        pc.simulate(m, consumers=2**40, periods=9, seed=1, checkpoint=tmp_path / "c")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("kind", "said"),
    [("global", r"\d+ MiB of memory"), ("alone", "None"), ("neighbours", r"\d+ MiB")],
)
def test_the_bar_says_what_memory_the_run_will_take(
    kind: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tqdm

    real, labels = tqdm.tqdm, []

    def bar(**settings: Any) -> Any:
        labels.append(settings["desc"])
        return real(**settings)

    monkeypatch.setattr(tqdm, "tqdm", bar)
    model, settings = endurance.KINDS[kind]
    pc.simulate(model(), **(settings | {"consumers": 100_000, "periods": 2}), progress=True)
    assert re.fullmatch(said + ".*", str(labels[0]))
    if kind != "alone":
        assert int(str(labels[0]).split()[0]) > 0
