"""The compiler: values, scalar hoisting, order of a period, addresses of random streams."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import pycore as pc
from pycore.errors import InputError
from pycore.model.distributions import Distribution
from pycore.model.elements import Environment, Lever
from pycore.program import compile as compiler
from pycore.program import interpret, period
from pycore.program.compile import compile_model
from pycore.program.instructions import Op
from pycore.program.program import Program
from tests.models import queue_fatigue, two_platforms


def lives(model: pc.Model, n: int = 64, periods: int = 5, **values: float) -> dict[str, Any]:
    program = compile_model(model, keep="everything")
    table = model.parameters["value"].to_dict() | dict.fromkeys(model.constant_traits, 0.0)
    table |= {k: v.default for k, v in model.of_kind(Lever).items()} | values
    inputs = np.asarray([[table[i] for i in program.inputs]], dtype=np.float32)
    ids = interpret.consumer_ids(0, np.arange(n))
    out = interpret.trace(program, inputs, ids, list(program.traced.values()), periods, 7)
    return {name: out[..., k] for k, name in enumerate(program.traced)}


def test_scalar_expressions_are_computed_once_per_block() -> None:
    m = pc.Model("scalars")
    a, b = m.parameter("a", 2.0), m.parameter("b", 3.0)
    x = m.draw("x", pc.Normal(0, 1))
    m.record(m.define("y", sp.exp(a) * b**2 * x + sp.log(a) / b))
    program = compile_model(m)
    assert [Op(row[0]) for row in program.step_code] == [Op.NORMAL, Op.AFFINE1]


def test_a_state_read_before_its_update_is_the_one_of_the_period_before() -> None:
    m = pc.Model("order")
    x = m.state("x", start=1)
    before = m.define("before", x)
    m.update(x, carry=1, increment=1)
    after = m.define("after", x)
    m.record(before, after)
    found = lives(m)
    np.testing.assert_array_equal(found["before"][0], [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(found["after"][0], [2, 3, 4, 5, 6])


def test_states_that_take_each_others_value_swap_properly() -> None:
    m = pc.Model("swap")
    x, y = m.state("x", start=1), m.state("y", start=2)
    old = m.define("old", x)
    m.update(x, target=y)
    m.update(y, target=old)
    found = lives(m, periods=3)
    np.testing.assert_array_equal(found["x"][0], [2, 1, 2])
    np.testing.assert_array_equal(found["y"][0], [1, 2, 1])


def test_the_first_listed_of_two_simultaneous_events_decides() -> None:
    m = pc.Model("both")
    a, b = m.event("a", probability=1.0), m.event("b", probability=1.0)
    m.stage("s", {"here": {"first": a, "second": b}}, absorbing=("first", "second"))
    assert (lives(m, periods=1)["s"] == 1).all()


def test_a_long_sum_is_chained_without_loss() -> None:
    m = pc.Model("long")
    xs = [m.draw(f"x{k}", pc.Normal(0, 1)) for k in range(11)]
    total = m.define("total", sp.Add(*((k + 1) * x for k, x in enumerate(xs))) + 5)
    m.record(total)
    found = lives(m, periods=2)
    expected = 5 + sum((k + 1) * found[f"x{k}"].astype(float) for k in range(11))
    np.testing.assert_allclose(found["total"], expected, rtol=2e-5, atol=1e-4)


x_, y_ = sp.symbols("x y", real=True)
EXPRESSIONS = [
    x_ * y_ - 3,
    (x_ + 1) / (y_**2 + 1),
    sp.Max(x_, y_, 0) - sp.Min(x_, 1),
    sp.Abs(x_) ** sp.Rational(1, 2) + x_**3,
    sp.exp(-(x_**2)) * pc.logistic(y_),
    sp.log(1 + x_**2),
    pc.where(x_ > y_, x_, -y_),
    pc.where(sp.And(x_ > 0, y_ <= 0.5), 1, pc.where(sp.Not(x_ < -1), 2, 3)),
    pc.where(sp.Or(sp.Eq(x_, y_), x_ >= 1), 0.25, 0.5) * y_,
    sp.floor(3 * x_) + 1 / sp.exp(y_),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_compiled_expressions_have_the_value_sympy_gives_them(expression: sp.Expr) -> None:
    m = pc.Model("values")
    x, y = m.draw("x", pc.Normal(0, 1)), m.draw("y", pc.Normal(0.3, 1.5))
    m.record(m.define("z", expression.xreplace({x_: x, y_: y})))
    found = lives(m, n=200, periods=1)
    fn = sp.lambdify((x_, y_), expression, ["numpy", {"logistic": lambda v: 1 / (1 + np.exp(-v))}])
    expected = np.broadcast_to(
        fn(found["x"].astype(float), found["y"].astype(float)), found["z"].shape
    )
    np.testing.assert_allclose(found["z"], expected, rtol=2e-5, atol=2e-6)


def test_what_was_chosen_may_decide_a_further_choice() -> None:
    m = pc.Model("nested")
    x, y = m.draw("x", pc.Normal(0, 1)), m.draw("y", pc.Normal(0.3, 1.5))
    m.record(m.define("z", pc.where(pc.where(x > y, x, -y) < 0.3, y, x * y)))
    assert "ITE" not in "".join(e.latex + str(e) for e in m.equations())
    again = pc.Model.from_json(m.to_json())
    assert compile_model(again).digest == compile_model(m).digest
    found = lives(m, n=200, periods=1)
    a, b = found["x"].astype(float), found["y"].astype(float)
    expected = np.where(np.where(a > b, a, -b) < 0.3, b, a * b)
    np.testing.assert_allclose(found["z"], expected, rtol=2e-5, atol=2e-6)


def test_choices_between_truths_need_no_choosing() -> None:
    m = pc.Model("truths")
    x, y = m.draw("x", pc.Normal(0, 1)), m.draw("y", pc.Normal(0, 1))
    first, second = pc.where(x > 0, 1, 0), pc.where(y > 1, 1, 0)
    defined = {
        "neither": pc.where(x > 0, 0, pc.where(y > 1, 0, 1)), "only": pc.where(x > 0, 0, second),
        "one": pc.where(x > 0, 1, second), "both": pc.where(x > 0, second, 0),
        "value": pc.where(x > 0, y, 0), "product": first * (y + 1), "number": pc.where(x > 0, 0, y),
    }  # fmt: skip
    for name, expression in defined.items():
        m.record(m.define(name, expression))
    ops = [Op(row[0]) for row in compile_model(m).step_code]
    assert (ops.count(Op.SELECT), ops.count(Op.SELECT_S)) == (0, 1)  # of a number not 0 or 1
    found = lives(m, n=300, periods=2)
    a, b = found["x"], found["y"]
    high, top = a > 0, b > 1
    expected = {
        "neither": ~high & ~top, "only": ~high & top, "one": high | top, "both": high & top,
        "value": np.where(high, b, 0), "product": np.where(high, b + np.float32(1), 0),
        "number": np.where(high, 0, b),
    }  # fmt: skip
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value.astype(np.float32), err_msg=name)


def test_a_truth_times_a_denied_one_is_one_comparison() -> None:
    m = pc.Model("denied")
    left = m.event("left", probability=0.3)
    other = m.event("other", probability=0.6)
    x = m.draw("x", pc.Normal(0, 1))
    m.record(m.define("tired", (1 - left) * pc.where(x > 0, 1, 0)))
    m.record(m.define("neither", (1 - left) * (1 - other)))
    m.record(m.define("number", (1 - left) * x))
    ops = [Op(row[0]) for row in compile_model(m).step_code]
    assert ops.count(Op.GT) == 1
    assert Op.AFFINE1 not in ops
    found = lives(m, n=300, periods=2)
    stays = found["left"] == 0
    expected = {
        "tired": stays & (found["x"] > 0), "neither": stays & (found["other"] == 0),
        "number": np.where(stays, found["x"], 0),
    }  # fmt: skip
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value.astype(np.float32), err_msg=name)


@pytest.mark.parametrize(
    ("distribution", "mean", "sd"),
    [
        (pc.Normal(1, 2), 1, 2),
        (pc.Uniform(-1, 3), 1, 4 / math.sqrt(12)),
        (pc.Exponential(2), 2, 2),
        (pc.LogNormal(mean=6, sigma=0.5), 6, 6 * math.sqrt(math.exp(0.25) - 1)),
    ],
    ids=str,
)
def test_draws_have_the_moments_they_claim(
    distribution: Distribution, mean: float, sd: float
) -> None:
    m = pc.Model("moments")
    m.record(m.draw("x", distribution))
    x = lives(m, n=40_000, periods=4)["x"].astype(float)
    error = sd / math.sqrt(x.size)
    assert abs(x.mean() - mean) < 5 * error
    # The sd of a sample sd is at most about 2.2 sd/√n for these shapes (log-normal kurtosis).
    assert abs(x.std() - sd) < 5 * 2.2 * error


def test_a_renamed_neighbour_or_a_new_draw_moves_nobody_elses_numbers() -> None:
    def build(extra: bool) -> pc.Model:
        m = pc.Model("slots")
        if extra:
            m.record(m.draw("newcomer", pc.Normal(0, 1)))
        m.record(m.draw("old", pc.Normal(0, 1)))
        return m

    np.testing.assert_array_equal(lives(build(False))["old"], lives(build(True))["old"])


def test_colliding_addresses_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "slot", lambda name: 7)
    with pytest.raises(InputError, match="rename one of them"):
        compile_model(two_platforms())


def test_unused_draws_cost_nothing() -> None:
    m = pc.Model("idle")
    m.draw("unused", pc.Normal(0, 1))
    m.record(m.event("used", probability=0.5))
    assert len(compile_model(m).step_streams) == 1


@pytest.mark.parametrize("build", [queue_fatigue, two_platforms, pc.library.disengagement])
def test_programs_survive_json(build: Any) -> None:
    program = compile_model(build())
    again = Program.from_json(program.to_json())
    assert again == program
    assert again.digest == program.digest


def test_compiling_twice_gives_the_same_program() -> None:
    assert compile_model(two_platforms()).digest == compile_model(two_platforms()).digest


@pytest.mark.parametrize(
    ("part", "place", "number", "message"),
    [
        ("step_code", 11, 99, "stream"), ("step_code", 5, 4000, "unknown register"),
        ("step_code", 10, 4000, "scalar register"), ("scalar_code", 11, 1, "stream"),
    ],
)  # fmt: skip
def test_addresses_that_are_not_read_are_checked_too(
    part: str, place: int, number: int, message: str
) -> None:
    tree = json.loads(compile_model(pc.library.disengagement()).to_json())
    tree[part][0][place] = number
    with pytest.raises(InputError, match=message):
        Program.from_json(json.dumps(tree))


@pytest.mark.parametrize("number", ["NaN", "1e999"])
def test_what_json_has_no_number_for_is_refused(number: str) -> None:
    tree = json.loads(compile_model(two_platforms()).to_json())
    tree["records"][0]["high"] = "here"
    text = json.dumps(tree).replace('"here"', number)
    with pytest.raises(InputError, match="not JSON"):
        Program.from_json(text)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_program_is_refused_or_harmless(data: st.DataObject) -> None:
    tree = json.loads(compile_model(two_platforms()).to_json())
    key = data.draw(st.sampled_from(sorted(tree)))
    value = data.draw(
        st.one_of(
            st.none(),
            st.integers(-(2**40), 2**40),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(max_size=5),
            st.lists(st.integers(-5, 5000), max_size=13),
            st.lists(st.lists(st.integers(), max_size=3)),
        )
    )  # fmt: skip
    tree[key] = value
    try:
        program = Program.from_json(json.dumps(tree, allow_nan=False, default=str))
    except InputError:
        return
    assert Program.from_json(program.to_json()) == program


@pytest.mark.parametrize("name", ["disengagement", "happiness", "loyalty"])
def test_the_order_of_instructions_changes_no_result(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands next to its reader is what stood where it was written."""
    model = getattr(pc.library, name)()
    shared = dict.fromkeys(model.of_kind(Environment), 0.5)
    moved = lives(model, n=40, periods=7, **shared)
    order = compile_model(model, keep="everything").step_code
    monkeypatch.setattr(period, "chained", lambda code, fixed: code)
    assert compile_model(model, keep="everything").step_code != order
    for quantity, values in lives(model, n=40, periods=7, **shared).items():
        np.testing.assert_array_equal(values, moved[quantity], err_msg=quantity)


def test_a_state_is_read_before_it_is_overwritten() -> None:
    """Who reads the old value stays before the new one, whatever else may move."""
    m = pc.Model("old_and_new")
    x, y = m.state("x", start=1.0), m.state("y", start=0.0)
    m.update(y, target=2 * x)  # of the period before
    m.update(x, target=x + 1)
    m.record(m.define("sum", x + y))
    found = lives(m, n=1, periods=3)
    np.testing.assert_array_equal(found["x"][0], [2, 3, 4])
    np.testing.assert_array_equal(found["y"][0], [2, 4, 6])
