"""A stopped run goes on and ends with the same bits; nothing else gets into its folder."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import pycore as pc
from pycore import files
from pycore.errors import InputError
from pycore.files import TEMPORARY
from pycore.simulation import checkpoint, execution, shards
from pycore.simulation.provenance import digest
from tests.models import queue_fatigue, two_platforms
from tests.simulation import endurance


@pytest.fixture(scope="module", autouse=True)
def _small_shards() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    endurance.make_small(patch)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return pc.simulate(two_platforms(), **endurance.RUN)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished run."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    pc.simulate(two_platforms(), **endurance.RUN, checkpoint=folder)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """Copy of it, to be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def again(folder: Path, **changed: Any) -> xr.Dataset:
    """The same run from a folder."""
    return pc.simulate(two_platforms(), **(endurance.RUN | changed), checkpoint=folder)


def shard_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("shard-*"))


@pytest.mark.parametrize("size", [2**12, 2**16, 2**21, 2**40])
def test_shards_of_any_size_add_up_to_the_run(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_INSTRUCTIONS", size)
    from pycore.program.compile import compile_model
    from pycore.simulation.population import population
    from pycore.simulation.scenario import cell_inputs, resolve

    model = two_platforms()
    program, people = compile_model(model), population(model, None)
    inputs = cell_inputs(model, program, people, resolve(model, None, 5), {}) * 2
    # Cells without consumers, with one, with fewer than batches.
    work = shards.Work(program, inputs, [0, 900, 1, 5], [0, 1, 0, 1], 7, 5, 11)
    ledger = np.zeros(work.shape, dtype=np.int64)
    order = list(work.shards)
    assert sum(s.consumers for s in order) == work.consumers
    random.Random(size).shuffle(order)
    for shard in order:
        part, place = work.part(shard)
        shards.add(work, ledger, shard, shards.compute(part, [place], threads=1)[0])
    np.testing.assert_array_equal(ledger, execution.run(work).reshape(work.shape))


def test_which_shards_exist_does_not_depend_on_threads(finished: Path, tmp_path: Path) -> None:
    again(tmp_path / "run", threads=7)
    assert len(shard_files(finished)) > 20
    for a, b in zip(shard_files(finished), shard_files(tmp_path / "run"), strict=True):
        assert a.name == b.name
        assert a.read_bytes() == b.read_bytes()


def test_a_run_has_a_bounded_number_of_shards() -> None:
    from pycore.program.compile import compile_model

    program = compile_model(queue_fatigue())
    table = np.zeros((1, len(program.inputs)), dtype=np.float32)
    work = shards.Work(program, [table], [2**40], [0], 32, 1000, 1)
    assert len(work.shards) <= shards.MOST_SHARDS
    assert work.shards[-1].high == 2**40


def test_a_checkpoint_changes_no_bit(whole: xr.Dataset, finished: Path) -> None:
    assert again(finished).identical(whole)


def test_a_finished_folder_is_read_and_not_computed(
    finished: Path, whole: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "compute", None)
    seen: list[tuple[int, int]] = []
    run = again(finished, progress=lambda done, total: seen.append((done, total)))
    assert run.identical(whole)
    assert seen == [(120_000, 120_000)]


def test_what_is_on_disk_counts_as_done(folder: Path, whole: xr.Dataset) -> None:
    for path in shard_files(folder)[::3]:
        path.unlink()
    seen: list[int] = []
    assert again(folder, progress=lambda done, total: seen.append(done)).identical(whole)
    assert seen[0] > 60_000
    assert seen == sorted(seen)
    assert seen[-1] == 120_000


def test_five_kills_change_no_bit(tmp_path: Path, whole: xr.Dataset) -> None:
    found, killed = endurance.kill_until_done(tmp_path / "run", 5, seed=1)
    assert killed >= 3
    assert found == digest(whole["ledger"])


@pytest.mark.long
def test_fifty_kills_change_no_bit(tmp_path: Path, whole: xr.Dataset) -> None:
    killed = 0
    for seed in range(100):
        found, number = endurance.kill_until_done(tmp_path / f"run {seed}", 20, seed)
        assert found == digest(whole["ledger"])
        killed += number
        if killed >= 50:
            return
    pytest.fail(f"only {killed} of the kills hit a run")


def test_ctrl_c_leaves_a_folder_to_go_on_from(tmp_path: Path, whole: xr.Dataset) -> None:
    process, messages = endurance.start(tmp_path / "run")
    while messages.recv() <= 20_000:
        pass
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    assert not isinstance(endurance.last_word(messages), str)
    process.join(60)
    assert process.exitcode == 1
    assert 0 < len(shard_files(tmp_path / "run")) < 24
    assert not list((tmp_path / "run").glob(f"*{TEMPORARY}"))
    assert again(tmp_path / "run").identical(whole)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"seed": 4}, "another seed"),
        ({"consumers": 60_001}, "other numbers of consumers"),
        ({"periods": 21}, "another number of periods"),
        ({"batches": 9}, "another number of batches"),
        ({"scenarios": {"base": {}, "more": {"support": 1.5}}}, "other scenarios, parameters"),
        ({"segments": [{"segment": "a", "quality": 1}]}, "other segments"),
    ],
)
def test_a_folder_of_another_run_is_refused(
    finished: Path, changed: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=f"checkpoint: received .*{reason}"):
        again(finished, **changed)


def test_a_folder_of_another_model_is_refused(finished: Path) -> None:
    with pytest.raises(InputError, match="another model, other equations or records"):
        pc.simulate(queue_fatigue(), **(endurance.RUN | {"scenarios": None}), checkpoint=finished)


@pytest.mark.parametrize("word", ["format", "version"])
def test_a_folder_of_another_version_is_refused(
    finished: Path, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if word == "format":
        monkeypatch.setattr(checkpoint, "FORMAT_VERSION", 2)
    else:
        monkeypatch.setattr(pc, "__version__", "9.9")
    with pytest.raises(InputError, match="another version"):
        again(finished)


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("mine")
    with pytest.raises(InputError, match=r"an empty folder.*'thesis.doc'"):
        again(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} <= {"thesis.doc", "lock"}


@pytest.mark.parametrize("damage", ["flipped", "truncated", "empty", "longer", "swapped"])
def test_a_damaged_shard_is_refused_by_name(folder: Path, damage: str, whole: xr.Dataset) -> None:
    path, other = shard_files(folder)[7:9]
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[random.Random(5).randrange(len(content))] ^= 1
    damaged: dict[str, bytes] = {
        "flipped": bytes(content),
        "truncated": bytes(content[:-9]),
        "empty": b"",
        "longer": bytes(content) + b"\0",
        "swapped": other.read_bytes(),
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(InputError, match=rf"{path.name} is damaged.*delete this file"):
        again(folder)
    path.unlink()
    assert again(folder).identical(whole)


def test_every_flipped_bit_is_noticed(folder: Path) -> None:
    path = shard_files(folder)[3]
    content = path.read_bytes()
    places = random.Random(2).sample(range(len(content)), 60)
    for place in [*range(60), *places]:
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(InputError, match="damaged"):
            again(folder)


def test_a_damaged_manifest_is_refused(folder: Path) -> None:
    (folder / "run.json").write_text('{"format": 1,')
    with pytest.raises(InputError, match=r"run\.json is whole"):
        again(folder)


def test_a_missing_parent_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"checkpoint: .*nowhere.*No such file"):
        again(tmp_path / "nowhere" / "run")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"checkpoint: .*file.*exists"):
        again(tmp_path / "file")
    with pytest.raises(InputError, match=r"checkpoint: received 3"):
        again(3)  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    user = os.geteuid()
    if user == 0:  # root may write anywhere, so be nobody for a moment
        os.seteuid(65534)
    folder_mode = 0o500
    try:
        if user != 0:
            folder.chmod(folder_mode)
            (folder / "lock").chmod(0o400)
        with pytest.raises(InputError, match=r"checkpoint: .*can be written.*Permission denied"):
            again(folder)
    finally:
        os.seteuid(user)
        folder.chmod(0o700)


def test_a_full_disk_is_named_and_earlier_shards_stay_whole(
    tmp_path: Path, whole: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's own limit on the size of files stands for the end of the disk."""
    folder = tmp_path / "run"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    real = files.write_atomically

    def until_full(path: Path, content: bytes) -> None:
        if path.name == "shard-00005":
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        real(path, content)

    monkeypatch.setattr(checkpoint, "write_atomically", until_full)
    try:
        with pytest.raises(InputError, match=r"shard-00005 cannot be written \(File too large\)"):
            again(folder, threads=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    monkeypatch.undo()
    monkeypatch.setattr(shards, "SHARD_INSTRUCTIONS", endurance.SHARD_INSTRUCTIONS)
    assert [p.name for p in shard_files(folder)] == [f"shard-{k:05d}" for k in range(5)]
    assert not list(folder.glob(f"*{TEMPORARY}"))
    assert again(folder).identical(whole)


def test_two_runs_in_one_folder_refuse_each_other(tmp_path: Path, whole: xr.Dataset) -> None:
    process, messages = endurance.start(tmp_path / "run")
    messages.recv()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(InputError, match="no other run is using"):
            again(tmp_path / "run")
    finally:
        process.kill()
        process.join(60)
    # The lock died with its process.
    assert again(tmp_path / "run").identical(whole)


def test_temporary_files_of_a_killed_run_are_swept(folder: Path) -> None:
    left = folder / f".shard-00003.abcd{TEMPORARY}"
    left.write_bytes(b"half")
    again(folder)
    assert not left.exists()


def test_an_aggregate_out_of_range_is_named_through_a_checkpoint(tmp_path: Path) -> None:
    m = pc.Model("explosion")
    x = m.state("money", start=1, carry=1, increment=0)
    m.record(m.define("power", x * 1e7))
    with pytest.raises(
        InputError, match=r"record 'power' out of range in period 0: value 10000000"
    ):
        pc.simulate(m, consumers=10, periods=2, seed=1, checkpoint=tmp_path / "run")


def test_a_sum_that_passes_the_integers_is_named() -> None:
    from pycore.program.compile import compile_model

    program = compile_model(queue_fatigue())
    table = np.zeros((1, len(program.inputs)), dtype=np.float32)
    work = shards.Work(program, [table], [10], [0], 1, 1, 1)
    ledger = np.zeros(work.shape, dtype=np.int64)
    rows = np.full(work.shape, 2**62, dtype=np.int64)
    shards.add(work, ledger, work.shards[0], rows)
    with pytest.raises(InputError, match=r"record 'active': its sum passes 2\^63"):
        shards.add(work, ledger, work.shards[0], rows)
    assert (ledger == 2**62).all()
