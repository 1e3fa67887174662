"""A changed model never shows an old number."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.book.pages import ROOT

EXTENSIONS = ROOT / "book" / "_ext"


@pytest.fixture(scope="module")
def provenance() -> ModuleType:
    """The module that computes the key."""
    spec = importlib.util.spec_from_file_location("provenance", EXTENSIONS / "provenance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in small."""
    for name, text in {
        "pycore/model.py": "BETA = 0.35",
        "pycore/facts/facts.yaml": "n: 378",
        "pycore/claims/data/d0.yaml": "verdict: none",
        "book/page.md": "# Page",
        "book/data/answers.csv": "a,b\n1,2\n",
        "notebooks/lab.ipynb": "{}",
        "constraints.txt": "numpy==2.5.5\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["pycore/model.py", "pycore/facts/facts.yaml", "book/data/answers.csv", "constraints.txt"],
)
def test_a_changed_source_datum_or_pin_changes_the_key(
    provenance: ModuleType, checkout: Path, name: str
) -> None:
    before = provenance.cache_key(checkout)
    path = checkout / name
    path.write_text(path.read_text() + " ")
    assert provenance.cache_key(checkout) != before


def test_a_new_and_a_renamed_source_change_the_key(provenance: ModuleType, checkout: Path) -> None:
    keys = {provenance.cache_key(checkout)}
    (checkout / "pycore" / "new.py").write_text("")
    keys.add(provenance.cache_key(checkout))
    (checkout / "pycore" / "new.py").rename(checkout / "pycore" / "other.py")
    keys.add(provenance.cache_key(checkout))
    assert len(keys) == 3


def test_the_mode_and_the_compiled_machine_change_the_key(
    provenance: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PYCORE_FAST", raising=False)
    keys = {provenance.cache_key(checkout)}
    monkeypatch.setenv("PYCORE_FAST", "1")
    keys.add(provenance.cache_key(checkout))
    machine = tmp_path / "_core.so"
    machine.write_bytes(b"another machine")
    monkeypatch.setattr(provenance, "machine_file", lambda: machine)
    keys.add(provenance.cache_key(checkout))
    assert len(keys) == 3


def test_the_real_machine_is_in_the_key(provenance: ModuleType) -> None:
    machine = provenance.machine_file()
    assert machine is not None
    assert machine.name.startswith("_core")


def test_prose_verdicts_and_compiled_python_leave_the_key(
    provenance: ModuleType, checkout: Path
) -> None:
    before = provenance.cache_key(checkout)
    (checkout / "book" / "page.md").write_text("# Another word")
    (checkout / "pycore" / "claims" / "data" / "d0.yaml").write_text("verdict: agrees")
    (checkout / "pycore" / "__pycache__").mkdir()
    (checkout / "pycore" / "__pycache__" / "model.pyc").write_bytes(b"0")
    assert provenance.cache_key(checkout) == before


CONFIGURATION = f"""
import sys
sys.path.append({str(EXTENSIONS)!r})
extensions = ["myst_nb", "execution_cache"]
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
exclude_patterns = ["build", "out"]
html_theme = "basic"
"""

# The "model" is a file of the package; the page says its number, and counts its own runs.
PAGE = """---
file_format: mystnb
kernelspec: {name: python3, display_name: Python 3}
---
# Page

The number is {glue:text}`number:.0f`.

```{code-cell} ipython3
from pathlib import Path
from pycore.notebook import glue_number

glue_number("number", float(Path("pycore/model.txt").read_text()))
with Path("runs").open("a") as file:
    file.write("x")
```
"""

READER = """# Reader

Elsewhere: {glue:text}`page.md::number:.0f`.

```{toctree}
page
```
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A book of two pages, of which one prints the other's number."""
    (tmp_path / "pycore").mkdir()
    (tmp_path / "pycore" / "model.txt").write_text("41")
    (tmp_path / "conf.py").write_text(CONFIGURATION)
    (tmp_path / "page.md").write_text(PAGE)
    (tmp_path / "index.md").write_text(READER)
    return tmp_path


def build(project: Path) -> tuple[str, str, int]:
    """Build it as the book is built; return both pages and how often the code has run."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sphinx", "-q", "-W", "-b", "html", ".", "out/html"],
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    page, reader = (
        (project / "out" / "html" / f"{name}.html").read_text() for name in ("page", "index")
    )
    return page, reader, len((project / "runs").read_text())


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    """Change a file."""
    path.write_text(change(path.read_text()))


@pytest.mark.slow
def test_a_changed_model_never_shows_an_old_number(project: Path) -> None:
    page, reader, runs = build(project)
    assert 'The number is <span class="pasted-text">41' in page
    assert 'Elsewhere: <span class="pasted-text">41' in reader
    assert runs == 1

    # Other words: the code is the same, so its run is kept.
    rewrite(project / "page.md", lambda text: text.replace("The number is", "It is"))
    page, reader, runs = build(project)
    assert 'It is <span class="pasted-text">41' in page
    assert runs == 1

    # Another model: every page is executed again, the reader's page as well.
    (project / "pycore" / "model.txt").write_text("42")
    page, reader, runs = build(project)
    assert "41" not in page + reader
    assert 'It is <span class="pasted-text">42' in page
    assert 'Elsewhere: <span class="pasted-text">42' in reader
    assert runs == 2

    # Other code on the page: the page that only prints its number follows.
    rewrite(project / "page.md", lambda text: text.replace(".read_text()))", ".read_text()) + 1)"))
    page, reader, runs = build(project)
    assert 'Elsewhere: <span class="pasted-text">43' in reader
    assert runs == 3

    # The old model again: its run is still there.
    rewrite(project / "page.md", lambda text: text.replace(".read_text()) + 1)", ".read_text()))"))
    (project / "pycore" / "model.txt").write_text("41")
    page, reader, runs = build(project)
    assert 'Elsewhere: <span class="pasted-text">41' in reader
    assert runs == 3


# Each of the two pages waits for a word from the other, so one after the other would never end.
WAITING = """---
file_format: mystnb
kernelspec: {{name: python3, display_name: Python 3}}
---
# {own}

```{{code-cell}} ipython3
import time
from pathlib import Path

Path("{own}.started").touch()
deadline = time.monotonic() + 60
while not Path("{other}.started").exists():
    assert time.monotonic() < deadline, "{other} does not run"
    time.sleep(0.05)
with Path("runs").open("a") as file:
    file.write("x")
```
"""


@pytest.mark.slow
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor runs one page at a time")
def test_pages_are_executed_side_by_side_and_once(project: Path) -> None:
    rewrite(
        project / "conf.py",
        lambda s: s.replace('"execution_cache"', '"execution_cache", "execute_ahead"'),
    )
    (project / "page.md").write_text(WAITING.format(own="page", other="index"))
    (project / "index.md").write_text(
        WAITING.format(own="index", other="page") + "\n```{toctree}\npage\n```\n"
    )
    assert build(project)[2] == 2
    rewrite(project / "page.md", lambda s: s + "\nMore words.\n")
    page, _, runs = build(project)
    assert "More words" in page
    assert runs == 2
