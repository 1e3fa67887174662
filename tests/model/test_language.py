"""What the model language accepts, and what it refuses by name."""

from __future__ import annotations

import json

import pytest
import sympy as sp

import pycore as pc
from pycore.errors import InputError
from tests.models import queue_fatigue, two_platforms


@pytest.fixture
def m() -> pc.Model:
    return pc.Model("theory")


def test_a_symbol_nobody_declared_is_refused_with_the_nearest_name(m: pc.Model) -> None:
    m.parameter("weight", 1.0)
    with pytest.raises(InputError, match=r"received 'wieght'.*did you mean 'weight'"):
        m.define("pull", sp.Symbol("wieght", real=True) * 2)


def test_a_symbol_with_other_assumptions_is_not_mistaken_for_the_models(m: pc.Model) -> None:
    m.parameter("weight", 1.0)
    with pytest.raises(InputError, match="the symbol the model returned for 'weight'"):
        m.define("pull", sp.Symbol("weight") * 2)


def test_a_function_without_instruction_is_refused_by_name_with_those_there_are(
    m: pc.Model,
) -> None:
    x = m.parameter("x", 1.0)
    with pytest.raises(InputError, match=r"received 'sin\(x\)'.*exp, log.*logistic.*sqrt"):
        m.define("wave", sp.sin(x))


@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_a_probability_outside_zero_to_one_is_refused(m: pc.Model, p: float) -> None:
    with pytest.raises(InputError, match=rf"received {p}.*\[0, 1\]"):
        m.event("happens", probability=p)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "1", True])
def test_a_parameter_that_is_not_a_finite_number_is_refused(m: pc.Model, value: object) -> None:
    with pytest.raises(InputError, match="allowed is a finite number"):
        m.parameter("weight", value)  # type: ignore[arg-type]


@pytest.mark.parametrize("carry", [-0.1, 1.1])
def test_a_carry_over_outside_zero_to_one_is_refused(m: pc.Model, carry: float) -> None:
    with pytest.raises(InputError, match=r"state 'mood'.carry.*\[0, 1\]"):
        m.state("mood", carry=carry, target=0)
    assert "mood" not in m.elements, "a refused word must leave nothing behind"


def test_a_stage_that_cannot_be_reached_is_refused(m: pc.Model) -> None:
    go = m.event("go", probability=0.1)
    with pytest.raises(InputError, match=r"received 'lost'.*can be reached"):
        m.stage("customer", {"active": {"left": go}, "lost": {"left": go}}, absorbing="left")


def test_a_transition_to_an_unknown_stage_is_refused(m: pc.Model) -> None:
    go = m.event("go", probability=0.1)
    with pytest.raises(InputError, match=r"received 'lefd'.*did you mean 'left'"):
        m.stage("customer", {"active": {"lefd": go}}, absorbing="left")


def test_a_name_is_declared_once(m: pc.Model) -> None:
    m.parameter("weight", 1.0)
    with pytest.raises(InputError, match="not declared yet"):
        m.lever("weight")


def test_averages_over_consumers_belong_to_environments_only(m: pc.Model) -> None:
    mood = m.state("mood", carry=0.5, target=1)
    with pytest.raises(InputError, match="environment's target only"):
        m.define("crowd", pc.average(mood))
    m.environment("crowd_mood", target=pc.average(mood), start=0.5)
    assert "crowd_mood" in m.elements


def test_an_environment_reads_consumers_through_averages_only(m: pc.Model) -> None:
    mood = m.state("mood", carry=0.5, target=1)
    crowd = m.environment("crowd")
    for target, message in (
        (mood, "received 'mood', allowed is parameters, levers, calendars and environments"),
        (pc.average(mood + pc.total(mood)), "not inside one another"),
    ):
        with pytest.raises(InputError, match=message):
            m.update(crowd, target=target)
    with pytest.raises(InputError, match="target= and carry="):
        m.update(crowd, increment=pc.average(mood))
    near = m.environment("near", scope="neighbours")
    with pytest.raises(InputError, match="one average"):
        m.update(near, target=2 * pc.average(mood))
    with pytest.raises(InputError, match="power of two"):
        m.environment("fine", resolution=0.3)
    assert "fine" not in m.elements


def test_an_environment_without_an_equation_is_refused_when_simulated(m: pc.Model) -> None:
    m.record(m.event("leave", logit=m.environment("crowd") - 3))
    with pytest.raises(InputError, match="environment 'crowd' without an equation"):
        pc.simulate(m, consumers=10, periods=2, seed=1)


def test_communities_need_a_size_and_the_model_to_themselves(m: pc.Model) -> None:
    mood = m.state("mood", carry=0.5, target=1)
    m.environment("room", target=pc.average(mood), scope="community")
    with pytest.raises(InputError, match=r"Model\.community\(size\)"):
        pc.simulate(m, consumers=10, periods=2, seed=1)
    with pytest.raises(InputError, match="1 to 16384"):
        m.community(20_000)
    m.community(5)
    m.environment("everybody", target=pc.average(mood))
    with pytest.raises(InputError, match="community alone"):
        pc.simulate(m, consumers=10, periods=2, seed=1)


def test_a_beta_draw_is_declared_and_refused_when_simulated(m: pc.Model) -> None:
    m.record(m.draw("share", pc.HalfNormal(2)))
    with pytest.raises(pc.NotYetSimulated, match="HalfNormal"):
        pc.simulate(m, consumers=10, periods=2, seed=1)


def test_a_state_without_an_equation_is_refused_when_simulated(m: pc.Model) -> None:
    m.record(m.state("mood"))
    with pytest.raises(InputError, match="state 'mood' without an equation"):
        pc.simulate(m, consumers=10, periods=2, seed=1)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ({"points": 1}, "points"),
        ({"thresholds": (1.0, 0.5), "points": 3}, "increasing"),
        ({"error": -1.0}, "standard deviations"),
        ({"loading": [1.0]}, "one number or 3 numbers"),
    ],
)
def test_unusable_survey_items_are_refused(
    m: pc.Model, word: dict[str, object], message: str
) -> None:
    mood = m.state("mood", carry=0.5, target=1)
    with pytest.raises(InputError, match=message):
        m.survey(mood, 3, **word)  # type: ignore[arg-type]


@pytest.mark.parametrize("build", [queue_fatigue, two_platforms, pc.library.disengagement])
def test_json_holds_the_whole_model(build: object) -> None:
    model = build()  # type: ignore[operator]
    text = model.to_json()
    again = pc.Model.from_json(text)
    assert again.to_json() == text
    assert again.elements == model.elements
    assert again.order == model.order
    assert again.segments == model.segments


def test_a_circle_of_definitions_is_named(m: pc.Model) -> None:
    x = m.parameter("x", 1.0)
    a = m.define("a", x + 1)
    m.define("b", a + 1)
    data = json.loads(m.to_json())
    data["words"][1]["expression"] = ["+", "b", 1]
    with pytest.raises(InputError, match="a → b → a"):
        pc.Model.from_json(json.dumps(data))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 1}', '{"format": 99}', "[" * 100_000, '{"format": 1, "words": 3}'],
)
def test_text_that_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="model"):
        pc.Model.from_json(text)


@pytest.mark.parametrize(
    "expression",
    [
        ["*", True, "x"], ["+", ["<", "x", 1], 1], ["and", 1, 0], ["where", 1, "y", 2, 3],
        ["where", True, ["<", "x", 0], 1, True], ["*", 1e-320, "x"], ["?:", ["<", "x", 0], 1, 2],
    ],
    ids=str,
)  # fmt: skip
def test_conditions_are_no_numbers_and_numbers_are_doubles(
    m: pc.Model, expression: list[object]
) -> None:
    x = m.parameter("x", 1.0)
    m.define("a", x + 1)
    data = json.loads(m.to_json())
    data["words"][1]["expression"] = expression
    with pytest.raises(InputError, match="a"):
        pc.Model.from_json(json.dumps(data))


def test_a_number_beyond_the_machine_is_refused_before_work(m: pc.Model) -> None:
    m.record(m.event("leave", logit=sp.exp(sp.exp(9), evaluate=False)))
    with pytest.raises(InputError, match="float32"):
        pc.simulate(m, consumers=10, periods=1, seed=1)


def test_by_stage_is_true_or_false(m: pc.Model) -> None:
    leave = m.event("leave", probability=0.5)
    with pytest.raises(InputError, match="by_stage: received None, allowed is True or False"):
        m.record(leave, by_stage=None)  # type: ignore[arg-type]


def test_functions_of_real_numbers_are_real() -> None:
    x = pc.Model("real").parameter("x", 1.0)
    assert sp.Abs(sp.exp(-(pc.logistic(x) ** 2))) == sp.exp(-(pc.logistic(x) ** 2))


def test_json_cannot_smuggle_a_function_in(m: pc.Model) -> None:
    x = m.parameter("x", 1.0)
    m.define("a", x + 1)
    data = json.loads(m.to_json())
    data["words"][1]["expression"] = ["__import__", "os"]
    with pytest.raises(InputError, match="__import__"):
        pc.Model.from_json(json.dumps(data))


def test_composition_feeds_one_models_state_to_anothers_input() -> None:
    mood = pc.Model("mood")
    level = mood.state("level", carry=0.5, target=mood.draw("luck", pc.Normal(0, 1)))
    mood.record(level)
    exit_ = pc.Model("exit")
    leave = exit_.event("leave", logit=-3 - exit_.trait("level"))
    exit_.record(leave)
    joined = pc.compose(exit_, mood, name="both")
    assert [s.name for s in joined.order] == ["luck", "level", "leave"]
    run = pc.simulate(joined, consumers=2000, periods=3, seed=1)
    assert {"level_mean", "leave_rate"} <= set(run)


def test_composition_refuses_one_name_with_two_meanings() -> None:
    a, b = pc.Model("a"), pc.Model("b")
    a.parameter("x", 1.0)
    b.parameter("x", 2.0)
    with pytest.raises(InputError, match=r"received 'x'.*differ"):
        pc.compose(a, b)
    with pytest.raises(InputError, match="same period"):
        pc.compose(pc.Model("c", period="day"), a)


def test_the_parameter_table_tells_source_and_prior() -> None:
    table = pc.library.disengagement().parameters
    assert list(table.columns) == [
        "symbol", "value", "prior", "unit", "source", "claims", "meaning",
    ]  # fmt: skip
    assert (table["source"] != "").all()
    assert (table["prior"] != "").all()
    assert (table["meaning"] != "").all()


def test_a_refused_word_does_not_break_a_model(m: pc.Model) -> None:
    m.record(m.event("happens", probability=0.5))
    before = m.to_json()
    for attempt in (
        lambda: m.event("other", probability=2),
        lambda: m.state("mood", carry=2, target=0),
        lambda: m.segment("x", weight=-1),
        lambda: m.record("nobody"),
    ):
        with pytest.raises(InputError):
            attempt()
    assert m.to_json() == before
