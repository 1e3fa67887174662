"""Tiers of the tests: the folder says which, so that no test has to."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

# tests/<folder>/… → marker; folders that are not here (unit, contract) are the short tier.
FOLDER_MARKERS = {
    "book": ("book",),
    "browser": ("book", "browser"),
    "portable": ("portable", "slow"),
    "reference": ("reference",),
}

# Marker → what says that nothing with that marker may skip here.
PROMISES = {"browser": "PYCORE_REQUIRE_BROWSER", "portable": "PYCORE_REQUIRE_COMPILERS"}

# Programs to run, not tests to collect.
collect_ignore = ["benchmarks"]


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test the markers of its folder; the cells of a notebook stay together."""
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        if not item.path.is_relative_to(TESTS):
            continue
        folder = item.path.relative_to(TESTS).parts[0]
        for name in FOLDER_MARKERS.get(folder, ()):
            item.add_marker(name)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a worker that does not keep groups: what they share would be made more than once."""
    if not session.config.getoption("loadgroup", default=False):  # set in workers only
        return
    for item in session.items:
        if item.get_closest_marker("xdist_group") is not None and "@" not in item.nodeid:
            raise pytest.UsageError(f"xdist does not see the group of {item.nodeid}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that would skip where what it needs is promised (see `.ci/run`)."""
    report = yield
    for marker, promise in PROMISES.items():
        promised = os.environ.get(promise, "") not in ("", "0")
        if promised and report.skipped and item.get_closest_marker(marker) is not None:
            report.outcome = "failed"
            report.longrepr = f"{promise} is set, so this must not skip: {report.longrepr}"
    return report
