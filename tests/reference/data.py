"""Tables of respondents and customers, from wherever they are; nothing of them is kept here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# Here → the same table in a package of packages.txt.
SHIPPED = {
    "political_democracy": "semopy/examples/pd_data.csv",
    "holzinger_swineford_1939": "semopy/examples/holzinger_swineford39_data.csv",
    "cdnow_customers_summary": "lifetimes/datasets/cdnow_customers_summary.csv",
}

POLITICAL_DEMOCRACY = """
    ind60 =~ x1 + x2 + x3
    dem60 =~ y1 + y2 + y3 + y4
    dem65 =~ y5 + y6 + y7 + y8
    dem60 ~ a*ind60
    dem65 ~ c*ind60 + b*dem60
    ind := a*b
    tot := c + a*b
"""
RESIDUAL_COVARIANCES = """
    y1 ~~ y5
    y2 ~~ y4 + y6
    y3 ~~ y7
    y4 ~~ y8
    y6 ~~ y8
"""
HOLZINGER = "visual =~ x1 + x2 + x3; textual =~ x4 + x5 + x6; speed =~ x7 + x8 + x9"
TAL_OR = "pmi ~ a*cond; reaction ~ b*pmi + cp*cond; ind := a*b; tot := cp + a*b"
MOBILE_PHONES = """
    Image =~ IMAG1 + IMAG2 + IMAG3 + IMAG4 + IMAG5
    Quality =~ PERQ1 + PERQ2 + PERQ3 + PERQ4 + PERQ5 + PERQ6 + PERQ7
    Value =~ PERV1 + PERV2
    Satisf =~ CUSA1 + CUSA2 + CUSA3
    Loyal =~ CUSL1 + CUSL2 + CUSL3
    Value ~ a*Quality
    Satisf ~ q*Quality + v*Value + i*Image
    Loyal ~ s*Satisf + d*Image
    ind_q := q*s; ind_qv := a*v*s; ind_i := i*s; tot_i := d + i*s
"""
# The textbook satisfaction index (Tenenhaus et al. 2005, doi:10.1016/j.csda.2004.03.005).
SATISFACTION_INDEX = """
    Image =~ IMAG1 + IMAG2 + IMAG3 + IMAG4 + IMAG5
    Expect =~ CUEX1 + CUEX2 + CUEX3
    Quality =~ PERQ1 + PERQ2 + PERQ3 + PERQ4 + PERQ5 + PERQ6 + PERQ7
    Value =~ PERV1 + PERV2
    Satisf =~ CUSA1 + CUSA2 + CUSA3
    Complaint =~ 1*CUSCO
    CUSCO ~~ 0*CUSCO
    Loyal =~ CUSL1 + CUSL2 + CUSL3
    Expect ~ Image
    Quality ~ Expect
    Value ~ Expect + Quality
    Satisf ~ Image + Expect + Quality + Value
    Complaint ~ Satisf
    Loyal ~ Image + Satisf + Complaint
"""


def find(name: str) -> pd.DataFrame | None:
    """A table of respondents, if it is anywhere here."""
    for place in _places(name):
        if place.exists():
            return pd.read_csv(place).filter(regex=r"^(?!Unnamed)")  # numbers of rows
    return None


def table(name: str) -> pd.DataFrame:
    """A table of respondents; the test is skipped where there is none."""
    found = find(name)
    if found is None:
        where = " or ".join(str(place.parent) for place in _places(name))
        pytest.skip(f"no {name}.csv in {where}")
    return found


def _places(name: str) -> list[Path]:
    shipped = [ROOT / "build" / "shipped" / SHIPPED[name]] if name in SHIPPED else []
    return [*shipped, ROOT.parent / "shared" / "data" / f"{name}.csv"]


def reference(file: str, name: str) -> dict[str, Any]:
    """Figures of another program."""
    stored: dict[str, dict[str, Any]] = json.loads((HERE / file).read_text(encoding="utf-8"))
    return stored[name]


def located(results: xr.Dataset, row: list[Any], *, standardised: bool = False) -> Any:
    """What one of lavaan's rows is called here."""
    lhs, op, rhs, group, *_ = row
    items, states = list(results["item"].values), list(results["state"].values)
    head = "std_" if standardised else ""
    if op == "=~":
        found = results[f"{head}loading"].sel(item=rhs, state=lhs)
    elif op == "~":
        found = results[f"{head}path"].sel(effect=lhs, cause=rhs)
    elif op == "~~" and lhs in states:
        found = results[f"{head}state_covariance"].sel(state=lhs, state_=rhs)
    elif op == "~~":
        found = results[f"{head}item_covariance"].sel(item=lhs, item_=rhs)
    elif op == ":=":
        return results["defined"].sel(name=lhs)
    elif lhs in items:
        found = results[f"{head}intercept"].sel(item=lhs)
    else:
        found = results[f"{head}state_intercept"].sel(state=lhs)
    return found.isel(group=group - 1) if "group" in found.dims else found
