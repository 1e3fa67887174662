"""What the published figures say: the evidence behind `checked`, `estimated` and `contradicted`.

Nothing here is simulated.  A test recomputes a relation from printed numbers and states it.
"""

from __future__ import annotations

from itertools import pairwise
from math import log

import numpy as np
import pytest

from pycore import facts


def ols(study: facts.CorrelationStudy, effect: str, causes: list[str]) -> dict[str, float]:
    """Standardised regression from the printed correlations."""
    place = [study.names.index(name) for name in causes]
    inner = study.correlation[np.ix_(place, place)]
    outer = study.correlation[place, study.names.index(effect)]
    return dict(zip(causes, np.linalg.solve(inner, outer), strict=True))


def test_printed_correlations_are_correlations() -> None:
    for study in (facts.gao2023(), facts.zhang2017_ecm()):
        assert np.array_equal(study.correlation, study.correlation.T)
        assert np.array_equal(np.diag(study.correlation), np.ones(len(study.names)))
        assert np.linalg.eigvalsh(study.correlation).min() > 0
        assert set(study.labels) == set(study.names)


CONTROLS = ["gender", "age", "education", "income"]
STREAMER = ["LIK", "ANI", "RES"]


@pytest.mark.parametrize(
    ("effect", "causes"),
    [("SOP", STREAMER), ("TEL", STREAMER), ("PIN", [*STREAMER, "SOP", "TEL"])],
)
def test_live_streaming_paths_follow_from_the_printed_correlations(
    effect: str, causes: list[str]
) -> None:
    # Tolerance .01: correlations are printed with three digits and the paths come from PLS scores,
    # the correlations from the same scores rounded; estimation.md sets the same bound.
    study = facts.gao2023()
    fitted = ols(study, effect, CONTROLS + causes)
    for cause in causes:
        assert fitted[cause] == pytest.approx(study.paths[effect, cause], abs=0.01)
        assert study.path_fact(effect, cause).value == study.paths[effect, cause]


def test_confirmation_paths_follow_from_the_printed_correlations() -> None:
    # Tolerance .005: correlations are printed with four digits, paths with three.
    study = facts.zhang2017_ecm()
    for effect, causes in {"SAT": ["CONF", "PU"], "CI": ["SAT", "PU"]}.items():
        fitted = ols(study, effect, causes)
        for cause in causes:
            assert fitted[cause] == pytest.approx(study.paths[effect, cause], abs=0.005)
    confirmation, satisfaction = study.names.index("CONF"), study.names.index("SAT")
    assert round(study.correlation[confirmation, satisfaction], 2) == 0.90


def test_live_sales_grew_ever_more_slowly() -> None:
    sales = facts.get("gmv_100ec_series").value
    growth = {year: sales[year] / sales[year - 1] - 1 for year in sales if year - 1 in sales}
    assert growth == pytest.approx(dict(facts.get("gmv_growth").value), abs=5e-4)
    rates = [growth[year] for year in sorted(growth)]
    assert all(later < earlier for earlier, later in pairwise(rates))
    # Exponential growth adds the same to the logarithm over equal times; the last two years add
    # less than a third of what the first two added.
    first, last = log(sales[2020] / sales[2018]), log(sales[2023] / sales[2021])
    assert last < first / 3


def test_growth_did_not_accelerate_in_the_first_pandemic_year() -> None:
    growth = facts.get("gmv_growth").value
    assert growth[2020] < growth[2019]


def test_live_share_of_online_retail_rose_more_than_fiftyfold() -> None:
    share = facts.get("live_penetration_2017_2021").value
    assert share[2021] / share[2017] > 50
    # A second way to the same share: two other sources, divided.
    sales = facts.get("gmv_100ec_series").value[2021]
    retail = facts.get("nbs_online_2021").value
    derived = facts.get("gmv_share_of_online_retail_2021").value
    assert sales / retail == pytest.approx(derived, abs=5e-5)
    assert derived == pytest.approx(share[2021], abs=0.001)


def test_more_internet_users_explain_about_a_quarter_of_user_growth() -> None:
    users = facts.get("live_users_cnnic_series").value["2020-12"]
    share = facts.get("live_users_share_of_netizens").value
    later = facts.get("cnnic_2022_12").value["users_1e8"]
    growth = share["2022-12"] * later / users
    split = log(later / (users / share["2020-12"])) / log(growth)
    printed = facts.get("live_users_growth_split").value
    assert growth - 1 == pytest.approx(printed["growth"], abs=0.005)
    assert split == pytest.approx(printed["from_more_internet_users"], abs=0.005)
    assert 0.2 < split < 0.3


def test_responsiveness_is_the_strongest_of_the_streamer_s_paths() -> None:
    paths = facts.gao2023().paths
    for effect in ("SOP", "TEL", "PIN"):
        assert max(STREAMER, key=lambda cause: paths[effect, cause]) == "RES"
