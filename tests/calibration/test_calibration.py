"""The library's models, calibrated: anew with few replicates, and by the record of a hundred.

Whether ranks are uniform is asked of the hundred.  Twenty are made anew of the record's first
truths and held to the record rank by rank: a likelihood that moved by a third of a posterior
deviation shows in them, and luck in the twenty truths does not (chains ranked those of happiness'
`sd_trust` at p = .0004, the other eighty at .76).
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

import pycore as pc
from tests.calibration import record
from tests.calibration.designs import DESIGNS, Kind, checked

KEPT = record.read()
ENTRIES = [(n, k) for n, kinds in KEPT["models"].items() for k in kinds]


def test_every_model_with_a_survey_is_in_the_record() -> None:
    built = {}
    for name in pc.library.__all__:
        model = getattr(pc.library, name)()
        if model.items:
            built[model.name] = model
    assert set(built) <= set(DESIGNS)
    assert {design.model().name for design in DESIGNS.values()} == set(DESIGNS)
    for name, design in DESIGNS.items():
        wanted = {"scores", "questionnaire"} if design.questionnaire else {"scores"}
        assert set(KEPT["models"][name]) == wanted
        assert KEPT["models"][name]["scores"]["replicates"] >= 100


@pytest.mark.parametrize(("name", "kind"), ENTRIES)
def test_the_record_is_of_the_present_model(name: str, kind: Kind) -> None:
    """If not: ``python -m tests.calibration MODEL`` makes it again."""
    assert record.is_current(name, kind, KEPT["models"][name][kind])


@pytest.mark.parametrize("name", list(DESIGNS))
def test_ranks_of_the_truth_are_uniform(name: str) -> None:
    check = record.dataset(KEPT["models"][name]["scores"])
    assert not record.strays(check)
    # Replicates are independent, parameters of one are not: the mean over parameters of the share
    # inside has at most the error of one parameter.
    replicates = check.sizes["replicate"]
    for interval, share in check["coverage"].mean("parameter").to_series().items():
        low, high = binom.ppf([0.0005, 0.9995], replicates, interval) / replicates
        assert low <= share <= high, interval


@pytest.mark.parametrize(("name", "kind"), ENTRIES)
def test_nearly_every_replicate_met_its_gates(name: str, kind: Kind) -> None:
    assert record.trusted(record.dataset(KEPT["models"][name][kind])).mean() >= 0.95


@pytest.mark.parametrize("name", [n for n, d in DESIGNS.items() if d.questionnaire])
def test_questionnaires_return_what_made_the_answers(name: str) -> None:
    check = record.dataset(KEPT["models"][name]["questionnaire"])
    replicates, parameters = check["rank"].shape
    # Intervals of 90%; correlation within a fit at most triples the variance.
    error = np.sqrt(3 * 0.9 * 0.1 / (replicates * parameters))
    assert float(check["coverage"].sel(interval=0.9).mean()) > 0.9 - 3.5 * error
    assert float(abs(check["error"].mean())) < 0.25


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize(
    "name",
    ["happiness", "loyalty", "disengagement", "live_streaming_drivers", "expectation_confirmation"],
)
def test_twenty_replicates_come_out_as_kept(name: str) -> None:
    """Weighted draws: of happiness the record has chains', so that the two are compared."""
    require_as_kept(name, "scores", 20, "importance")


@pytest.mark.long
@pytest.mark.statistical
@pytest.mark.parametrize(("name", "kind"), ENTRIES)
def test_all_replicates_come_out_as_kept(name: str, kind: Kind) -> None:
    kept = KEPT["models"][name][kind]
    require_as_kept(name, kind, kept["replicates"], kept["method"])


def require_as_kept(name: str, kind: Kind, replicates: int, method: str) -> None:
    """Same truths and answers; draws may differ by a compiler's last bit, so ranks may too."""
    kept = KEPT["models"][name][kind]
    anew = checked(name, kind, replicates, kept["seed"], method=method, progress=False)
    if kind == "scores" and replicates == kept["replicates"]:
        assert not record.strays(anew)
    before = record.dataset(kept)["rank"].isel(replicate=slice(replicates))
    assert list(before["parameter"].values) == list(anew["parameter"].values)
    apart = (anew["rank"] - before).values
    # Two ranks among 99 independent draws of one posterior differ with deviation √(2·99/6) = 6 on
    # average over truths, and with 8 if the draws of one are worth half as many.
    assert np.sqrt((apart**2).mean()) < 10
    assert abs(apart.mean(axis=0)).max() < 4.5 * 8 / np.sqrt(replicates)
