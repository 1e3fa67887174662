"""What the house files say about each other is true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import pycore
from pycore import _core

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
AGREED = {
    "CHANGELOG.md",
    "CITATION.cff",
    "CMakeLists.txt",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "book",
    "constraints.txt",
    "cpp",
    "notebooks",
    "pycore",
    "pyproject.toml",
    "tests",
}


def readme_code() -> list[str]:
    """Return the Python blocks of the README, in order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def test_one_version_everywhere() -> None:
    version = PROJECT["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert pycore.__version__ == version
    assert _core.__version__ == version
    assert citation["version"] == version
    assert f"\n## {version} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_change_is_tagged() -> None:
    entries = re.findall(
        r"^- (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    tags = ("**added** ", "**changed** ", "**removed** ", "**fixed** ", "**numbers change** ")
    assert entries
    assert [entry for entry in entries if not entry.startswith(tags)] == []


def test_only_the_agreed_folders_stand_at_the_top() -> None:
    built = {"build", "_build"}
    visible = {p.name for p in ROOT.iterdir() if not p.name.startswith((".", "__"))} - built
    assert visible - AGREED == set()


def test_every_pin_is_a_version_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pin = re.compile(r"[a-z0-9-]+==[0-9][0-9a-z.+]*( ; .+)?")
    assert [line for line in lines if not pin.fullmatch(line)] == []


def test_every_path_the_house_files_name_exists() -> None:
    missing = []
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        linked = re.findall(r"\]\(([^)#:]+)\)", text)
        quoted = re.findall(r"`((?:book|cpp|notebooks|pycore|tests|\.ci)/[\w./-]*)`", text)
        missing += [f"{name}: {path}" for path in linked + quoted if not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.slow
@pytest.mark.parametrize("block", range(2), ids=["two commands", "your own theory"])
def test_the_code_of_the_readme_runs(block: int, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = readme_code()
    assert len(blocks) == 2
    assert len(blocks[0].replace("\n\n", "\n").strip().splitlines()) <= 12
    namespace: dict[str, object] = {"__name__": "readme"}
    exec(compile(blocks[block], f"README.md, block {block}", "exec"), namespace)
    assert "run" in namespace
    if block == 0:
        assert "customer_support" in capsys.readouterr().out
