"""The `pycore` command as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import pycore as pc
from tests.models import queue_fatigue


def pycore(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from pycore.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_claims_come_as_json_with_the_promised_fields() -> None:
    done = pycore("claims", "--format", "json")
    assert done.returncode == 0, done.stderr
    records = json.loads(done.stdout)
    assert len(records) == 777
    assert set(records[0]) == {"id", "document", "section", "status", "page", "evidence"}
    for document, claims in (("D0", 64), ("D1", 55)):
        written = [r for r in records if r["document"] == document]
        assert len(written) == claims
        assert all(r["page"] and r["status"] != "pending" for r in written)
    assert "pending" in {r["status"] for r in records}


def test_info_tells_how_this_build_was_made() -> None:
    done = pycore("info")
    assert done.returncode == 0, done.stderr
    config = json.loads(done.stdout)
    assert config["version"] == pc.__version__
    assert "scalar" in config["instruction_sets"]


def test_simulate_runs_a_users_model_file_and_its_provenance_reproduces(tmp_path: Path) -> None:
    model = tmp_path / "queue.json"
    model.write_text(queue_fatigue().to_json())
    proof, output = tmp_path / "run.json", tmp_path / "run.nc"
    done = pycore(
        "simulate", str(model), "--consumers", "5000", "--periods", "10", "--seed", "4",
        "--scenario", "base:", "--scenario", "slow:mean_wait=12",
        "--provenance", str(proof), "--output", str(output),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "scenario slow, 10 days:" in done.stdout
    assert output.is_file()
    again = pc.reproduce(proof)
    assert list(again["scenario"].values) == ["base", "slow"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("simulate", "disengagment"), "did you mean 'disengagement'"),
        (("simulate", "missing.json"), "a JSON file that exists"),
        (("simulate", "disengagement", "--consumers", "0"), "consumers: received 0"),
        (("simulate", "disengagement", "--scenario", "a:customer_support"), "lever=number"),
        (("simulate", "disengagement", "--output", "/nowhere/run.nc"), "a folder that exists"),
        (("claims", "--document", "D9"), "one of D0, D1, D2, D3, D4"),
        (("estimate", "disengagement", "missing.csv"), "a CSV file that exists"),
    ],
)
def test_unusable_input_ends_with_one_line_and_status_2(
    words: tuple[str, ...], message: str
) -> None:
    done = pycore(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_unknown_option_is_explained() -> None:
    done = pycore("simulate", "disengagement", "--consumer", "5")
    assert done.returncode == 2
    assert "No such option" in done.stderr
