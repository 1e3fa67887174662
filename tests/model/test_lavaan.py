"""A model in lavaan's syntax is a model like any other, and comes back as it went."""

from __future__ import annotations

import pickle
from itertools import combinations
from typing import Any

import pytest
import sympy as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pycore as pc
from pycore.errors import InputError
from pycore.model.elements import Parameter

MEDIATION = """
    # a comment
    cause =~ c1 + c2 + c3
    strain =~ s1 + start(0.8)*s2 + s3 ; leaving =~ l1 + l2 +
        l3                              ! the line goes on
    strain ~ a*cause
    leaving ~ b*strain + cause
    s1 ~~ l1
    indirect := a*b
"""


def parameters(text: str, **options: Any) -> set[str]:
    return set(pc.Model.from_lavaan(text, **options).of_kind(Parameter))


def test_equations_are_printed_and_drawn() -> None:
    m = pc.Model.from_lavaan(MEDIATION)
    text = str(m.equations())
    assert "strain[t] = a·cause[i] + disposition_strain[i]" in text
    assert "leaving[t] = leaving_by_cause·cause[i] + b·strain[t] + disposition_leaving[i]" in text
    assert "Cov(ε[s1], ε[l1]) = covariance_s1_l1" in text
    assert "indirect[t] = a·b" in text
    latex = m.equations()._repr_latex_() if hasattr(m.equations(), "_repr_latex_") else ""
    assert "nan" not in latex
    assert "strain" in m.diagram().svg
    assert pickle.loads(pickle.dumps(m)).to_json() == m.to_json()


def test_it_answers_and_simulates_once_it_has_numbers() -> None:
    m = pc.Model.from_lavaan("x =~ x1 + x2 + x3; y =~ y1 + y2 + y3; y ~ 0.5*x; x1 ~~ 0.6*x2",
                             carry={"y": 0.5})  # fmt: skip
    m.record(m["y"])
    run = pc.simulate(m, consumers=1000, periods=3, seed=1)
    assert run["y_mean"].sizes["period"] == 3
    answers = pc.answers(m, respondents=4000, seed=1)
    implied = m.structural().at().item_covariance
    names = list(m.items)
    observed = answers[names].cov().to_numpy()
    # sd of a covariance of 4000 about sqrt(2)·1.5/sqrt(4000) = 0.034: bound 4 sd
    assert observed == pytest.approx(implied, abs=0.14)
    assert implied[names.index("x1"), names.index("x2")] == pytest.approx(1.6)


def test_the_defaults_are_those_of_sem() -> None:
    text = "f =~ x1 + x2; g =~ x3 + x4; h =~ x5 + x6; k =~ x7 + x8; h ~ f + g; k ~ f"
    found = parameters(text)
    assert {"loading_x2", "variance_f", "variance_x1", "intercept_x1"} <= found
    assert "loading_x1" not in found  # the marker
    assert "covariance_f_g" in found  # exogenous latent variables
    assert "covariance_h_k" in found  # what causes nothing else
    assert "covariance_f_h" not in found
    unit = parameters(text, std_lv=True)
    assert "loading_x1" in unit
    assert "variance_f" not in unit
    assert parameters("y ~ x") == {"y_by_x", "variance_y", "intercept_y"}
    assert parameters("y ~ x", fixed_x=False) == {
        "y_by_x", "variance_y", "intercept_y", "variance_x", "intercept_x"
    }  # fmt: skip
    assert parameters("y ~ x; x ~~ x") == parameters("y ~ x", fixed_x=False)


def test_labels_values_and_groups() -> None:
    m = pc.Model.from_lavaan("f =~ NA*x1 + 0.7*x2 + l*x3 + l*x4 + equal('f=~x1')*x5; f ~~ 1*f")
    form = m.structural()
    a, label = sp.Symbol("loading_x1", real=True), sp.Symbol("l", real=True)
    assert list(form.Lambda[:, 0]) == [a, sp.Float(0.7), label, label, a]
    assert float(form.Phi[0, 0]) == 1
    table = m.of_kind(Parameter)
    assert table["l"].shared
    assert not table["variance_x1"].shared
    groups = pc.Model.from_lavaan("f =~ x1 + c(u, v)*x2 + c(1, NA)*x3; f ~ c(0, m)*1")
    assert [s.traits for s in groups.segments.values()] == [
        {"group_number": 1.0}, {"group_number": 2.0}
    ]  # fmt: skip
    first = groups.structural(group_number=1).Lambda[:, 0]
    second = groups.structural(group_number=2).Lambda[:, 0]
    u, v = (sp.Symbol(n, real=True) for n in "uv")
    assert list(first)[1:] == [u, sp.Float(1)]
    assert list(second)[1:] == [v, sp.Symbol("loading_x3", real=True)]


def test_a_second_order_factor_is_a_state_of_its_own() -> None:
    m = pc.Model.from_lavaan("a =~ x1+x2+x3; b =~ x4+x5+x6; c =~ x7+x8+x9; g =~ a + b + c")
    form = m.structural()
    assert set(form.states) == {"a", "b", "c", "g"}
    assert float(form.B[form.states.index("a"), form.states.index("g")]) == 1
    assert pc.Model.from_lavaan(m.to_lavaan()).to_lavaan() == m.to_lavaan()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("f =~ x1 +", "line 1: received 'end of statement', allowed is a variable"),
        ("f =~ x1\n\ng =~ x2 x3", "line 3: received 'x3', allowed is . or the end"),
        ("f =~ x1\nx1 == 2", "line 2: received '==', allowed is one of =~, ~, ~~, ~1, :="),
        ("f =~ c(1, 2*x1", "line 1: received '.', allowed is , or"),
        ("f =~ x1@2", "line 1: received '@'"),
        ("f =~ foo(2)*x1", "line 1: received 'foo.', allowed is c"),
        ("f =~ my.item", "line 1: received 'my.item', allowed is names of letters"),
        ("f =~ x1 + x2\nf =~ x1", "line 2: received 'f=~x1 again', allowed is every coeff"),
        ("f =~ x1 + x2 + x3\ny := nobody + 1", "line 2: define 'y': received 'nobody'"),
        ("f =~ c(1,2)*x1 + c(1,2,3)*x2", "entries', allowed is as many entries as groups"),
        ("f =~ x1 + x2; f ~~ -1*f", "received 'variance -1 of f', allowed is at least 0"),
        ("f =~ x1 + x2 + x3; f ~ f", "line 1: received 'f~f', allowed is causes other"),
        ("f =~ x1 + equal('g=~x')*x2", "line 1: received .equal"),
        ("y ~ x + z; y ~~ x", "line 1: received 'y~~x', allowed is covariances between two exo"),
        ("a := 1", "at least one statement"),
        (3, "text: received 3"),
    ],
)
def test_what_is_no_model_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pc.Model.from_lavaan(text)


def test_only_models_with_held_items_are_written() -> None:
    m = pc.Model("guessed")
    m.survey(m.trait("x", pc.Normal(0, 1)), 3)
    with pytest.raises(InputError, match="free items x_1, x_2, x_3"):
        m.to_lavaan()


MODIFIERS = st.sampled_from(
    ["", "", "", "0.5*", "NA*", "start(0.3)*", "shared*", "c(1, NA)*", "c(u, v)*", "c(u, u)*"]
)


@st.composite
def models(draw: st.DrawFn) -> str:
    """Any measurement, recursive paths, covariances, intercepts."""
    factors = [f"f{k}" for k in range(draw(st.integers(1, 3)))]
    lines = []
    for factor in factors:
        items = [f"{factor}i{k}" for k in range(draw(st.integers(2, 3)))]
        lines.append(f"{factor} =~ " + " + ".join(draw(MODIFIERS) + i for i in items))
    items = [f"{f}i{k}" for f in factors for k in range(2)]
    if len(factors) > 1 and draw(st.booleans()):
        lines.append(f"{factors[0]} =~ {draw(MODIFIERS)}{factors[1]}i0")
    observed = [f"z{k}" for k in range(draw(st.integers(0, 2)))]
    for one, other in combinations([*factors, *observed], 2):
        if other in factors and draw(st.booleans()):
            lines.append(f"{other} ~ {draw(MODIFIERS)}{one}")
        elif one in factors and other in observed and draw(st.booleans()):
            lines.append(f"{one} ~ {draw(MODIFIERS)}{other}")
    for one, other in combinations(items, 2):
        if draw(st.integers(0, 5)) == 0:
            lines.append(f"{one} ~~ {draw(MODIFIERS)}{other}")
    if draw(st.booleans()):
        lines.append(f"{items[0]} ~ {draw(MODIFIERS)}1")
    return "\n".join(lines)


@given(models(), st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_there_and_back(text: str, std_lv: bool) -> None:
    try:
        m = pc.Model.from_lavaan(text, std_lv=std_lv)
        written = m.to_lavaan()
    except InputError:  # a circle of paths that does not settle, and the like
        return
    back = pc.Model.from_lavaan(written)
    assert back.to_lavaan() == written
    assert pc.Model.from_json(m.to_json()).to_json() == m.to_json()
    known = {n: p.value for n, p in m.of_kind(Parameter).items()}
    assert {n: p.value for n, p in back.of_kind(Parameter).items()} == known
