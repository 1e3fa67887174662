"""What is refused as data, and what sufficient statistics are kept of the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import pycore as pc
from pycore.errors import InputError
from pycore.estimation.sample import answer_line, read
from tests.estimation import designs

MODEL = designs.mediation()
DATA = designs.respondents(MODEL, 60, 1)
LIKERT = designs.mediation(points=7)


def changed(**columns: Any) -> pd.DataFrame:
    return DATA.assign(**columns)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("nothing", "data: received 'str'"),
        (DATA.drop(columns=["f1", "l3"]), "no column f1, l3"),
        (changed(shoe_size=43.0), "column shoe_size"),
        (changed(f1=3.0), "'f1': received 'the same answer from everybody'"),
        (changed(f1=np.nan), "'f1': received '0 answers'"),
        (changed(f1="often"), "item 'f1': received 'often'"),
        (changed(f1=np.inf), "infinite answers"),
        (DATA.iloc[:9], "9 usable respondents"),
        (changed(reputation=["high"] * 60), "trait 'reputation': received 'high'"),
    ],
)
def test_impossible_tables_are_refused_by_name(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(MODEL, data)


def test_answers_outside_the_scale_are_refused() -> None:
    table = pd.DataFrame({c: np.arange(60) % 7 + 1 for c in LIKERT.items})
    with pytest.raises(InputError, match=r"'s2': received 8\.0, allowed is whole answers from 1"):
        read(LIKERT, table.assign(s2=8))
    with pytest.raises(InputError, match=r"received 2\.5"):
        read(LIKERT, table.assign(s2=2.5))


def test_groups_must_be_there_and_large_enough() -> None:
    with pytest.raises(InputError, match="group: received 'country'"):
        read(MODEL, DATA, "country")
    with pytest.raises(InputError, match="two or more groups"):
        read(MODEL, changed(country="here"), "country")
    with pytest.raises(InputError, match="group 'b': received '5 usable"):
        read(MODEL, changed(country=["a"] * 55 + ["b"] * 5), "country")
    with pytest.raises(InputError, match="missing labels"):
        read(MODEL, changed(country=["a"] * 59 + [None]), "country")
    with pytest.raises(InputError, match="missing: received 'drop'"):
        read(MODEL, DATA, missing="drop")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"corr": [[1, 2], [2, 1]]}, "corr: received smallest eigenvalue -1"),
        ({"cov": [[1, 0.2], [0.3, 1]]}, "not symmetric"),
        ({"corr": [[2, 0.2], [0.2, 1]]}, "a diagonal of ones"),
        ({"cov": np.eye(3)}, r"cov: received 'shape \(3, 3\)'"),
        ({"cov": [[np.nan, 0], [0, 1]]}, "NaN or infinite"),
        ({"corr": np.eye(2), "sd": [1, -1]}, "sd"),
        ({"corr": np.eye(2), "n": 2}, "more respondents than the 2 variables"),
        ({"corr": np.eye(2), "cov": np.eye(2)}, "exactly one"),
        ({"corr": np.eye(2), "names": ["x", "x"]}, "different item names"),
    ],
)
def test_impossible_tables_of_statistics_are_refused(entries: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pc.SummaryData(**{"n": 100, "names": ["x", "y"], **entries})


def test_a_table_and_its_statistics_say_the_same() -> None:
    table = read(MODEL, DATA)
    summary = read(
        MODEL,
        pc.SummaryData(cov=DATA.cov().to_numpy(), mean=DATA.mean(), n=60, names=list(DATA.columns)),
    )
    np.testing.assert_allclose(summary.units[0].cov, table.units[0].cov, rtol=1e-12)
    np.testing.assert_allclose(summary.units[0].mean, table.units[0].mean, rtol=1e-12)
    shuffled = list(DATA.columns[::-1])
    turned = read(
        MODEL,
        pc.SummaryData(cov=DATA[shuffled].cov(), mean=DATA[shuffled].mean(), n=60, names=shuffled),
    )
    np.testing.assert_allclose(turned.units[0].cov, summary.units[0].cov, rtol=1e-12)


def test_gaps_become_patterns_and_nobody_counts_twice() -> None:
    data = designs.with_gaps(DATA, 0.3, 2)
    sample = read(MODEL, data)
    assert sample.respondents == 60
    assert {tuple(u.observed[:2]) for u in sample.units} == {
        (a, b) for a in (True, False) for b in (True, False)
    }
    listwise = read(MODEL, data, missing="listwise")
    assert listwise.complete
    assert listwise.respondents == int(data.notna().all(axis=1).sum())
    np.testing.assert_allclose(sample.centre(0)[0], data["f1"].mean(), rtol=1e-12)
    np.testing.assert_allclose(sample.scale[0], data["f1"].std(ddof=0), rtol=1e-12)


def test_groups_of_a_model_trait_share_parameters_and_others_do_not() -> None:
    data = designs.two_reputations(MODEL, 40, 3)
    sample = read(MODEL, data, "reputation")
    assert sample.moderated
    assert sample.traits == ({"reputation": -1.0}, {"reputation": 1.0})
    elsewhere = read(MODEL, data.rename(columns={"reputation": "country"}), "country")
    assert not elsewhere.moderated


def test_a_trait_that_differs_inside_a_group_is_refused_and_segments_become_groups() -> None:
    data = designs.two_reputations(MODEL, 40, 3)
    with pytest.raises(InputError, match=r"trait 'reputation': received 'values from -1 to 1'"):
        read(MODEL, data)
    mixed = data.assign(country=["here", "there"] * 40)
    with pytest.raises(InputError, match=r"group 'here', trait 'reputation'"):
        read(MODEL, mixed, "country")
    told = read(MODEL, data.assign(segment=np.where(data["reputation"] > 0, "good", "bad")))
    assert (told.group_name, told.groups, told.moderated) == ("segment", ("bad", "good"), True)
    assert told.traits == ({"reputation": -1.0}, {"reputation": 1.0})
    # Segments that are alike in every trait of the model are one population.
    alike = data.assign(segment=["a", "b"] * 40, reputation=1.0)
    assert read(MODEL, alike).groups == ("all",)


def test_cut_answers_come_back_to_the_scale_they_were_cut_on() -> None:
    rng = np.random.default_rng(4)
    rho, size = 0.6, 200_000
    latent = 0.3 + 1.4 * rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size)
    item = LIKERT.items["f1"]
    cuts = 4.5 / 7 * (np.arange(1, 7) - 3.5)
    answers = np.searchsorted(cuts, latent) + 1
    a, b = answer_line(item, answers.mean(), answers.std())
    back = a + b * answers
    # Monte Carlo sd of a covariance of 1.2 from 200 000 pairs: 0.5%.
    assert np.cov(back.T)[0, 1] == pytest.approx(rho * 1.4**2, rel=0.02)
    assert back.mean() == pytest.approx(0.3, abs=0.02)
    # Equally spaced categories alone would hide a fifth of it.
    hidden = np.cov((answers * 4.5 / 7).T)[0, 1]
    assert hidden < 0.82 * rho * 1.4**2
