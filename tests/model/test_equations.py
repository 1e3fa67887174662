"""The printed equations are the equations that run, and a page can set them."""

from __future__ import annotations

import re

import pytest
import sympy as sp

import pycore as pc
from pycore.errors import InputError
from pycore.model.model import Model
from pycore.model.notation import latex_symbol, starred, subscripted
from pycore.model.printing import PlainExpressions, short_number


def queue() -> Model:
    m = pc.Model("queue_fatigue", period="day")
    wait = m.draw("waiting_minutes", pc.LogNormal(mean=m.parameter("mean_wait", 6), sigma=0.8))
    cross = m.state("annoyance", carry=0.7, target=m.parameter("per_minute", 0.1) * wait)
    leave = m.event("leave", logit=m.parameter("base", -5) + 1.2 * cross)
    m.stage("customer", {"active": {"left": leave}}, absorbing="left")
    return m


def everything() -> Model:
    """Every word of the language once, with awkward names and numbers."""
    m = pc.Model("everything")
    trait = m.trait("price_sensitivity", pc.Normal(0, 0.3), symbol="a")
    group = m.trait("reputation_100", 0.5)
    lever = m.lever("support_level", symbol="u", cost=1)
    rate = m.parameter("rate_of_x", 1e-7, symbol="β_{x}")
    state = m.state("stress_level", symbol="S^{d}", low=0, start=rate + lever, high=9)
    shock = m.draw("shock", pc.Exponential(2))
    uniform = m.draw("uniform_noise", pc.Uniform(0, 1))
    gap = m.define("gap", sp.Max(0, state - shock) / (1 + sp.exp(-uniform)) + sp.sqrt(shock))
    hit = m.event("hit", probability=pc.logistic(gap - group))
    m.update(
        state, carry=0.5 * rate, target=rate * gap + pc.where(hit > 0, trait, lever), noise=0.1
    )
    world = m.environment("world", target=pc.average(state) - 2, carry=0.5, start=1)
    quit_ = m.event("quit", logit=world - 3 + state)
    m.stage("life_stage", {"on_board": {"left_over": quit_}}, absorbing="left_over")
    m.survey(state, ["item_a", "item_b"], loading=[1, 0.8], intercept=[0.1, 0], error=0.4)
    return m


MODELS = {"queue": queue, "everything": everything, "library": pc.library.disengagement}


def balanced(latex: str) -> bool:
    depth = 0
    for token in re.findall(r"\\[{}]|[{}]", latex):
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth < 0:
            return False
    return depth == 0


@pytest.mark.parametrize("name", MODELS)
def test_every_equation_is_well_formed_latex(name: str) -> None:
    for equation in MODELS[name]().equations():
        assert balanced(equation.latex), equation.latex
        assert equation.latex.count(r"\left") == equation.latex.count(r"\right")
        assert equation.latex.count(r"\begin") == equation.latex.count(r"\end")
        for text in re.findall(r"\\(?:text|mathrm)\{([^{}]*)\}", equation.latex):
            assert "_" not in text, "an underscore in text would stop the page"
        assert not re.search(r"(\^\{[^{}]*\}|\^\w)(_\{[^{}]*\})?\^", equation.latex), "two powers"
        assert not re.search(r"_\{[^{}]*\}_", equation.latex), "two subscripts"


@pytest.mark.parametrize("name", MODELS)
def test_every_word_with_an_equation_is_printed(name: str) -> None:
    model = MODELS[name]()
    printed = {e.name for e in model.equations()}
    assert {step.name for step in model.order} <= printed
    assert {item.measures for item in model.items.values()} <= printed


@pytest.mark.parametrize("name", MODELS)
def test_the_block_has_one_line_per_row_and_only_one_aligned(name: str) -> None:
    block = MODELS[name]().equations().latex
    assert block.count(r"\begin{aligned}") == 1
    assert balanced(block)
    assert "\n\n" not in block, "an empty line would end the formula"


def test_a_state_read_before_its_update_is_the_previous_periods() -> None:
    m = pc.Model("order")
    x = m.state("x", symbol="x")
    m.event("before", logit=x)
    m.update(x, carry=0.5, target=1)
    m.event("after", logit=x)
    found = m.equations()
    assert "x_{t-1}" in found.named("before")[0].latex
    assert "x_{t}" in found.named("after")[0].latex
    assert found.named("x")[0].plain == "x[t] = 0.5·x[t−1] + 0.5"


def test_consumers_read_the_environment_of_the_previous_period() -> None:
    m = pc.Model("shared")
    x = m.state("x", carry=0.5, target=1)
    z = m.environment("z", target=pc.average(x), carry=0.9)
    m.event("e", logit=z)
    printed = m.equations()
    assert printed.named("e")[0].plain == "logit Pr(e[t] = 1) = z[t−1]"
    assert printed.named("z")[0].plain == "z[t] = 0.9·z[t−1] + 0.1·⟨x[t]⟩"
    assert printed[-1].name == "z", "an environment is updated when the period is over"


def test_a_start_that_depends_on_a_lever_uses_its_first_period() -> None:
    m = pc.Model("begin")
    m.state("x", carry=1, target=0, start=2 * m.lever("u"))
    assert m.equations()[0].plain == "x[t] = x[t−1]; x[0] = 2·u[1]"


def test_long_run_value_carries_the_path_coefficients() -> None:
    m = pc.Model("target")
    a, b = m.state("a", carry=0.1, target=1), m.parameter("b", 0.4, symbol="β")
    m.state("x", symbol="X", carry=0.8, target=b * a + 2)
    equation = m.equations().named("x")[0]
    assert len(equation.rows) == 2
    assert equation.rows[1] == (r"X^{*}_{t}", r"= 2 + \beta \, \mathrm{a}_{t}")


@pytest.mark.parametrize(("low", "high"), [(0, None), (None, 9), (0, 9)])
def test_bounds_are_printed(low: float | None, high: float | None) -> None:
    m = pc.Model("bounded")
    m.state("x", carry=0.5, target=1, low=low, high=high)
    plain = m.equations()[0].plain
    assert ("max(0" in plain) == (low is not None)
    assert ("min(9" in plain) == (high is not None)


def test_transitions_keep_their_precedence() -> None:
    m = pc.Model("exits")
    first = m.event("first", probability=0.1)
    second = m.event("second", probability=0.2)
    m.stage("s", {"in": {"a": first, "b": second}}, absorbing=("a", "b"))
    latex = m.equations().of_kind("stage")[0].latex
    assert latex.index("first") < latex.index("second") < latex.index("otherwise")


@pytest.mark.parametrize("name", MODELS)
def test_plain_text_of_a_definition_evaluates_to_the_expression_that_runs(name: str) -> None:
    model = MODELS[name]()
    rank = {n: k for k, n in enumerate(model.elements)}
    printer = PlainExpressions(lambda n: n, rank)
    number = {n: sp.Rational(k + 3, 7) for k, n in enumerate(model.elements)}
    for define in model.of_kind(pc.model.elements.Define).values():
        text = printer.doprint(define.expression)
        for sign, ascii_ in (("·", "*"), ("−", "-"), ("^", "**"), ("max", "Max")):
            text = text.replace(sign, ascii_)
        read = sp.sympify(text, locals={n: sp.Symbol(n) for n in model.elements})
        got = read.subs({sp.Symbol(n): v for n, v in number.items()})
        want = define.expression.subs({model[n]: v for n, v in number.items()})
        # Printed numbers have four digits.
        assert float(got) == pytest.approx(float(want), rel=1e-3)


def test_equations_are_found_by_kind_and_refuse_unknown_names() -> None:
    found = queue().equations()
    assert [e.name for e in found.of_kind("draw", "event")] == ["waiting_minutes", "leave"]
    with pytest.raises(InputError, match="did you mean 'annoyance'"):
        found.named("anoyance")
    with pytest.raises(InputError, match="kinds"):
        found.of_kind("equation")
    assert found[:2].latex.count("\n") == 4
    assert found[:0].markdown() == ""


def test_notebooks_get_display_mathematics() -> None:
    found = queue().equations()
    assert found._repr_latex_().startswith("$$\n\\begin{aligned}")
    assert found[1]._repr_latex_().startswith("$$ ")
    assert str(found) == repr(found) == "\n".join(e.plain for e in found)


@pytest.mark.parametrize(
    ("symbol", "latex"),
    [
        ("X", "X"), ("β_d", r"\beta_{d}"), ("beta_d", r"\beta_{d}"), ("β₁", r"\beta_{1}"),
        (r"\psi_{DK}", r"\psi_{DK}"), ("E_max", r"E_{\mathrm{max}}"), ("Δ", r"\Delta"),
        ("", r"\mathrm{a\ b}"),
    ],
)  # fmt: skip
def test_symbols_are_read_as_latex_greek_or_ascii(symbol: str, latex: str) -> None:
    assert latex_symbol(symbol, "a_b") == latex


def test_an_index_joins_the_subscript_and_a_star_the_superscript() -> None:
    assert subscripted("P^{T}_{a}", "t-1") == "P^{T}_{a,t-1}"
    assert starred("P^{T}_{a}") == "P^{T*}_{a}"


def test_numbers_are_short() -> None:
    assert [short_number(x) for x in (1 / 3, 2.0, 123456.0)] == ["0.3333", "2", "1.235e+05"]
