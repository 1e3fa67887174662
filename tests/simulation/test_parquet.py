"""Tables of lives on disk are the lives in memory, whole or not there, at bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pycore as pc
from pycore.errors import InputError
from pycore.simulation import parquet
from tests.models import queue_fatigue, two_platforms

pytest.importorskip("pyarrow")
ROOT = Path(__file__).parents[2]
SCENARIOS: dict[str, dict[str, Any]] = {"base": {}, "support": {"support": 1.0}}
SETTINGS: dict[str, Any] = {"periods": 12, "seed": 3, "scenarios": SCENARIOS}


@pytest.fixture(autouse=True)
def _small_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_ROW_GROUP", 5000)


def test_the_table_holds_the_lives_of_the_dataset(tmp_path: Path) -> None:
    from pyarrow.parquet import ParquetFile

    model, ids = two_platforms(), [*range(200), 5000, 70]
    lives = pc.trajectories(model, ids=ids, **SETTINGS)
    path = pc.trajectories(model, ids=ids, **SETTINGS, to=tmp_path / "lives.parquet")
    assert ParquetFile(path).num_row_groups > 5
    table = pd.read_parquet(path)
    events = ["fails", "quits", "moves", "lapses", "back"]
    flat = lives.to_dataframe().reset_index().rename(columns={"consumer": "id"})
    flat = flat[~flat["fails"].isna()]
    assert len(flat) == len(table) < lives["fails"].size
    order = ["scenario", "id", "period"]
    flat, table = (t.sort_values(order).reset_index(drop=True) for t in (flat, table))
    for name in set(flat.columns):
        expected = flat[name].astype(bool) if name in events else flat[name]
        assert table[name].tolist() == expected.tolist(), name
    assert {table[name].dtype for name in events} == {np.dtype(bool)}


def test_the_file_says_what_it_came_from(tmp_path: Path) -> None:
    from pyarrow.parquet import read_schema

    path = pc.trajectories(queue_fatigue(), ids=[1], periods=2, seed=9, to=tmp_path / "a.parquet")
    about = json.loads(read_schema(path).metadata[b"pycore"])
    assert (about["model"], about["seed"], about["periods"]) == ("queue_fatigue", 9, 2)
    assert len(about["program_sha256"]) == 64


def test_the_log_has_the_events_that_the_run_counts(tmp_path: Path) -> None:
    model = two_platforms()
    run = pc.simulate(model, consumers=2000, **SETTINGS)
    path = pc.event_log(model, ids=range(2000), **SETTINGS, to=tmp_path / "log.parquet")
    log = pd.read_parquet(path)
    assert log.columns.tolist() == ["scenario", "segment", "id", "period", "event"]
    keys = ["scenario", "segment", "period"]
    for name in ("fails", "quits", "moves"):
        logged = log[log["event"] == name].groupby(keys, observed=False).size().to_xarray()
        counted = run[f"{name}_count"].squeeze("draw")
        logged = logged.reindex_like(counted, fill_value=0)
        np.testing.assert_array_equal(logged.transpose(*keys), counted.transpose(*keys))
    assert not log.duplicated().any()


def test_an_empty_log_is_a_table_without_rows(tmp_path: Path) -> None:
    m = pc.Model("never")
    m.event("miracle", probability=0.0)
    log = pd.read_parquet(pc.event_log(m, periods=3, seed=1, to=tmp_path / "log.parquet"))
    assert log.columns.tolist() == ["scenario", "segment", "id", "period", "event"]
    assert len(log) == 0


def test_progress_ends_at_everybody_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lives.parquet"
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if stop and done > 100:
            raise KeyboardInterrupt

    stop = False
    pc.trajectories(two_platforms(), ids=range(200), **SETTINGS, to=path, progress=progress)
    assert seen == sorted(seen)
    assert seen[-1] == (400, 400)
    whole = path.read_bytes()
    stop = True
    with pytest.raises(KeyboardInterrupt):
        pc.event_log(two_platforms(), ids=range(200), **SETTINGS, to=path, progress=progress)
    # The older file is still the older file, and nothing lies beside it.
    assert path.read_bytes() == whole
    assert [p.name for p in tmp_path.iterdir()] == ["lives.parquet"]


def test_the_same_lives_make_the_same_bytes(tmp_path: Path) -> None:
    files = [
        pc.trajectories(two_platforms(), **SETTINGS, to=tmp_path / name) for name in ("a", "b")
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("nowhere/lives.parquet", r"to: .*nowhere/lives.parquet cannot be written \(No such file"),
        (".", r"to: .*this is a folder"),
        (3, r"to: received 3"),
    ],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, to: Any, message: str) -> None:
    place = tmp_path / to if isinstance(to, str) else to
    with pytest.raises(InputError, match=message):
        pc.trajectories(two_platforms(), **SETTINGS, to=place)
    with pytest.raises(InputError, match=message):
        pc.event_log(two_platforms(), **SETTINGS, to=place)


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"stay-or-leave\[parquet\]"):
        pc.event_log(two_platforms(), **SETTINGS, to=tmp_path / "a")


def test_models_that_fit_no_table_are_refused(tmp_path: Path) -> None:
    m = pc.Model("clash")
    m.draw("segment", pc.Normal(0, 1))
    with pytest.raises(InputError, match="quantity named 'segment'"):
        pc.trajectories(m, seed=1, to=tmp_path / "a")
    with pytest.raises(InputError, match="a model with events"):
        pc.event_log(m, seed=1, to=tmp_path / "a")


MEMORY = """
import sys
import pycore as pc
from pathlib import Path
from tests.models import two_platforms

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(l for l in lines if l.startswith("VmHWM")).split()[1])

peaks = []
for n in (2_000, 30_000, 150_000):
    kind = pc.event_log if sys.argv[1] == "log" else pc.trajectories
    path = kind(two_platforms(), ids=range(n), periods=52, seed=1, to=sys.argv[2])
    peaks.append(peak())
print(peaks[2] - peaks[1], path.stat().st_size)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("kind", ["lives", "log"])
def test_five_times_the_consumers_take_no_more_memory(tmp_path: Path, kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, kind, str(tmp_path / "a.parquet")],
        cwd=ROOT, check=True, timeout=300, capture_output=True, text=True,
    )  # fmt: skip
    growth, _ = map(int, done.stdout.split())
    # 150 000 lives of 52 periods are 300 MB of values; the row groups, of 4 MB, are reused.
    assert growth < 16_000, f"{growth} kB"
