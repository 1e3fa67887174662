"""Hostile arrays, JSON and pickles: a right answer or a refusal by name, never a crash or a hang."""

from __future__ import annotations

import copy
import json
import pickle
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import pycore as pc
from pycore import _core
from pycore.estimation.sample import read
from pycore.program.compile import compile_model
from pycore.program.program import Program
from tests.models import queue_fatigue, two_platforms

RANDOM = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
SECOND = 1.0


def in_time(call: Callable[[], Any]) -> Any:
    """What a call gives, or the InputError it raises; anything else fails, and so does a hang."""
    start = time.process_time()
    found: Any = None
    try:
        found = call()
    except pc.InputError as error:
        found = error
    assert time.process_time() - start < SECOND
    assert not isinstance(found, pc.InputError) or len(str(found)) > 10
    return found


@cache
def model() -> pc.Model:
    """A model with segments, a lever and parameters."""
    found = two_platforms()
    compile_model(found)  # what is timed below is not the first compilation
    run(found)
    return found


def run(of: pc.Model, **options: Any) -> Any:
    chosen = {"consumers": 20, "periods": 3, "seed": 1, "batches": 2, "threads": 1}
    return pc.simulate(of, **(chosen | {"progress": False} | options))


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """What is imported or compiled once is no part of what is timed below."""
    pc.trajectories(model(), ids=[0], periods=2, seed=1)
    run(queue_fatigue())
    read(surveyed(), pd.DataFrame({"A": [1, 2, 3, 4], "B": [2, 1, 4, 3]}))


NUMBERS = [0.0, 1.0, -1.0, 0.5, 1e308, 1e-320, float("nan"), float("inf"), 2**31, 2**63, 10**400]
DTYPES = ["f8", "f4", "f2", ">f8", "i8", "u1", ">i4", "?", "c16", "M8[s]", "S3", "U3", "O", "V8"]


@st.composite
def arrays(draw: Any) -> Any:
    """Any array: data types, byte orders, strides, overlaps, no elements, not to be written."""
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
    with np.errstate(all="ignore"):
        values = np.array(draw(st.lists(st.sampled_from(NUMBERS[:8]), min_size=1, max_size=3)))
        dtype = draw(st.sampled_from(DTYPES))
        filled = np.resize(values, shape)
        if dtype[-2:] in ("i8", "u1", "i4", "?", "[s]") or dtype == "V8":
            filled = np.zeros(shape)
        array = filled.astype("f8").view("V8") if dtype == "V8" and filled.size else (
            filled.astype("i8").astype(dtype) if dtype == "M8[s]" else filled.astype(
                "f8" if dtype == "V8" else dtype))  # fmt: skip
    change = draw(st.integers(0, 5))
    if change == 1 and array.ndim:
        array = array[::-1]
    if change == 2 and array.ndim:
        array = np.concatenate([array, array])[::2]
    if change == 3:
        array = array.T
    if change == 4:
        array = np.broadcast_to(array, (3, *array.shape))
    if change == 5:
        array.flags.writeable = False
    return array


ANYTHING: st.SearchStrategy[Any] = (
    arrays()
    | st.sampled_from([*NUMBERS, None, True, "", "1", b"1", [], {}, [[1], [1, 2]], 10**5000, 1j])
    | st.lists(st.sampled_from(NUMBERS), max_size=4)
)


@given(value=ANYTHING)
@RANDOM
def test_draws_of_parameters(value: Any) -> None:
    found = in_time(lambda: run(model(), posterior={"fail_rate": value}))
    if not isinstance(found, pc.InputError):
        rate = np.asarray(value, dtype=float).reshape(-1)
        assert found.sizes["draw"] == rate.size


@given(value=ANYTHING | st.sampled_from([lambda t: "x", lambda t: [1, 2], lambda t: 10**400]))
@RANDOM
def test_settings_of_scenarios(value: Any) -> None:
    found = in_time(lambda: run(model(), scenarios={"s": {"support": value}}))
    if isinstance(found, pc.InputError):
        assert "scenarios['s']['support']" in str(found)


@given(weight=ANYTHING, quality=ANYTHING)
@RANDOM
def test_segments(weight: Any, quality: Any) -> None:
    row = {"segment": "a", "weight": weight, "quality": quality}
    found = in_time(lambda: run(model(), segments=[row, {"segment": "b"}]))
    if isinstance(found, pc.InputError):
        assert "segments" in str(found) or "parameters" in str(found)


@given(value=ANYTHING)
@RANDOM
def test_whole_numbers(value: Any) -> None:
    for argument in ("consumers", "periods", "seed", "batches", "threads"):
        if type(value) is int and 2 < value < 2**64:
            continue  # a long run is not a wrong one
        found = in_time(partial(run, model(), **{argument: value}))
        if isinstance(found, pc.InputError):
            assert argument in str(found)


@given(value=ANYTHING)
@RANDOM
def test_numbers_of_consumers(value: Any) -> None:
    if not hasattr(value, "__iter__") or getattr(value, "shape", None) == ():
        value = [value]
    found = in_time(lambda: pc.trajectories(model(), ids=value, periods=2, seed=1))
    if isinstance(found, pc.InputError):
        assert "ids" in str(found)
    else:
        assert found.sizes["consumer"] == len(value)


def test_a_range_of_all_consumers_is_refused_without_being_listed() -> None:
    found = in_time(lambda: pc.trajectories(model(), ids=range(2**40), periods=2, seed=1))
    assert isinstance(found, pc.InputError)
    assert "ids" in str(found)


def test_a_million_draws_are_refused_before_they_are_prepared() -> None:
    draws = {"fail_rate": np.full(10**6, 0.25)}
    found = in_time(lambda: run(model(), posterior=draws, periods=100))
    assert isinstance(found, pc.InputError)


@example(value=np.array(0.0), word="names")
@given(value=ANYTHING, word=st.sampled_from(["corr", "cov", "mean", "sd", "n", "names"]))
@RANDOM
def test_published_tables(value: Any, word: str) -> None:
    good = {"corr": [[1, 0.5], [0.5, 1]], "n": 90, "names": ["x", "y"], "sd": [1.0, 2.0]}
    if word == "cov":
        good = {"n": 90, "names": ["x", "y"]}
    found = in_time(lambda: pc.SummaryData(**(good | {word: value})))  # type: ignore[arg-type]
    if not isinstance(found, pc.InputError):
        assert np.isfinite(found.covariance).all()


@pytest.mark.parametrize("matrix", [
    [[1, 0], [0, -1]], [[1e308, 1e307], [1e307, 1e308]], [[0, 0], [0, 0]], np.zeros((2, 2)),
    [[1e-320, 0], [0, 1]],
])  # fmt: skip
def test_matrices_at_the_edge_of_their_range(matrix: Any) -> None:
    found = in_time(lambda: pc.SummaryData(cov=matrix, n=90, names=["x", "y"]))
    if not isinstance(found, pc.InputError):
        assert np.isfinite(found.covariance).all()


@cache
def surveyed() -> pc.Model:
    """A model whose state is asked about by two items."""
    m = pc.Model("mood")
    x = m.trait("disposition", pc.Normal(0, 1))
    y = m.state("mood_level", carry=0.5, target=m.parameter("b", 0.5) * x, noise=0.2)
    m.survey(y, ["A", "B"], points=5)
    return m


@given(column=ANYTHING, rows=st.integers(0, 6))
@RANDOM
def test_respondents(column: Any, rows: int) -> None:
    values = column if isinstance(column, list) else np.asarray(column, dtype=object).reshape(-1)
    column = pd.Series(list(values)[:rows], dtype=object)
    table = pd.DataFrame({"A": column, "B": pd.Series(range(1, len(column) + 1))})
    found = in_time(lambda: read(surveyed(), table))
    assert isinstance(found, pc.InputError) or found.respondents == len(column)


# --- JSON -----------------------------------------------------------------------------------

HOSTILE: list[Any] = [
    None, True, 0, -1, 1, 2**31, 2**63, 10**400, 1e308, 1e-320, float("nan"), float("inf"), "", "x",
    "anger", "\0", "é" * 300, [], {}, [[]], [None], ["+"], ["+", 1, "anger"], ["/", 1, 0],
    ["**", 10, 10**9], ["**", ["**", 9, 900], 900], ["exp", ["exp", 9]], ["where", 1, True],
    [["a", 1, 2]], {"a": 1}, ["table", "anger", 1, 2], "state",
]  # fmt: skip


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything inside."""
    inside = data.items() if isinstance(data, dict) else (
        enumerate(data) if isinstance(data, list) else ())  # fmt: skip
    return [p for key, part in inside for p in [(*path, key), *places(part, (*path, key))]]


def damaged(draw: Any, data: Any) -> str:
    """JSON with one to three places removed, doubled or replaced."""
    data = copy.deepcopy(data)
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(places(data)))
        holder = data
        for key in path:
            holder = holder[key]
        change = draw(st.integers(0, 5))
        if change == 0:
            del holder[last]
        elif change == 1 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[last]))
        else:
            holder[last] = copy.deepcopy(draw(st.sampled_from(HOSTILE)))
        if not places(data):
            break
    return json.dumps(data)


@given(data=st.data())
@RANDOM
def test_models_as_json(data: st.DataObject) -> None:
    text = damaged(data.draw, json.loads(queue_fatigue().to_json()))
    found = in_time(lambda: pc.Model.from_json(text))
    if isinstance(found, pc.Model):
        assert pc.Model.from_json(found.to_json()).to_json() == found.to_json()
        in_time(lambda: run(found))


@given(data=st.data())
@RANDOM
def test_programs_as_json(data: st.DataObject) -> None:
    text = damaged(data.draw, json.loads(compile_model(queue_fatigue()).to_json()))
    found = in_time(lambda: Program.from_json(text))
    if isinstance(found, Program):
        assert Program.from_json(found.to_json()) == found
        found.to_core()


@given(data=st.data())
@settings(RANDOM, max_examples=30)
def test_provenance_as_json(data: st.DataObject) -> None:
    before = json.loads(run(queue_fatigue()).attrs["provenance"])
    text = damaged(data.draw, before)
    if str(2**31) in text or str(2**63) in text:
        return  # a run of that many consumers is long, and not wrong
    found = in_time(lambda: pc.reproduce(text, threads=1))
    if not isinstance(found, pc.InputError):
        after = json.loads(found.attrs["provenance"])
        assert after["ledger_sha256"] == before["ledger_sha256"]


@pytest.mark.parametrize("reader", [pc.Model.from_json, Program.from_json, pc.reproduce])
@pytest.mark.parametrize("text", [
    "", "[", "[" * 100_000, '{"format":' * 900 + "1" + "}" * 900, "1" * 5000, '"\\ud800"', "NaN",
    '{"format": 1}', '{"format": 1e999}', "{" + '"a":1,' * 100_000 + '"format":1}', "null",
])  # fmt: skip
def test_texts_that_are_nothing(reader: Callable[[str], Any], text: str) -> None:
    assert isinstance(in_time(lambda: reader(text)), pc.InputError)


def test_a_deep_expression_is_refused() -> None:
    data = json.loads(queue_fatigue().to_json())
    deep: Any = "annoyance"
    for _ in range(900):
        deep = ["+", 1, deep]
    for word in data["words"]:
        if word["name"] == "annoyance":
            word["target"] = deep
    assert isinstance(in_time(lambda: pc.Model.from_json(json.dumps(data))), pc.InputError)


# --- pickles --------------------------------------------------------------------------------


def test_public_objects_survive_a_pickle() -> None:
    before = two_platforms()
    program = compile_model(before)
    program.to_core()  # the compiled form is kept, and is no part of the pickle
    assert pickle.loads(pickle.dumps(before)).to_json() == before.to_json()
    assert pickle.loads(pickle.dumps(program)) == program
    for drawn in (pc.Normal(0, 1), pc.LogNormal(mean=2, sigma=0.5), pc.Beta(2, 3)):
        assert pickle.loads(pickle.dumps(drawn)) == drawn
    table = pc.SummaryData(corr=[[1, 0.5], [0.5, 1]], n=90, names=["x", "y"], mean=[0, 1])
    again = pickle.loads(pickle.dumps(table))
    assert (again.covariance == table.covariance).all()
    assert again.names == table.names
    ledger = run(before)
    assert pickle.loads(pickle.dumps(ledger)).identical(ledger)


@given(place=st.integers(0, 10**6), byte=st.integers(0, 255), which=st.integers(0, 2))
@RANDOM
def test_a_changed_pickle_of_ours_is_refused_or_whole(place: int, byte: int, which: int) -> None:
    """Only the text inside is changed: whoever writes the opcodes of a pickle runs what she likes."""
    value: Any = (
        queue_fatigue(),
        compile_model(queue_fatigue()),
        pc.SummaryData(corr=[[1, 0.5], [0.5, 1]], n=90, names=["x", "y"]),
    )[which]
    call, arguments, *_ = value.__reduce__()
    (text,) = arguments if arguments else ("",)
    at = place % max(1, len(text))
    with suppress(pc.InputError):
        again = call(text[:at] + chr(byte) + text[at + 1 :]) if text else call()
        assert type(again) is type(value)


def test_the_machines_program_is_not_pickled_and_an_empty_one_is_refused() -> None:
    program = compile_model(queue_fatigue()).to_core()
    with pytest.raises(TypeError):
        pickle.dumps(program)
    one, first = np.array([9], np.uint64), np.zeros(1, np.uint32)
    table, columns = np.zeros((1, 0), np.float32), np.zeros(1, np.int32)
    wrongs: list[Any] = [_core.Program.__new__(_core.Program), None, 1]
    for wrong in wrongs:
        with pytest.raises(TypeError):
            _core.run(wrong, [table], one, first, 1, 1, 1)
        with pytest.raises(TypeError):
            _core.trace(wrong, [table], first, one, columns, 1, 1)


# --- the extension --------------------------------------------------------------------------


CLASSES: list[Any] = [made for made in vars(_core).values() if isinstance(made, type)]


@pytest.mark.parametrize("made", CLASSES, ids=lambda made: made.__name__)
def test_what_new_alone_made_is_refused(made: Any) -> None:
    empty = made.__new__(made)  # what a pickle can make without __init__
    words = [name for name in dir(made) if not name.startswith("_")]
    assert words or made.__name__ in {
        "Group", "Unit", "Moments", "Column", "Respondents", "Mixture",
    }  # fmt: skip
    arguments: list[tuple[Any, ...]] = [
        (), (np.zeros(0),), (np.zeros(0, np.float32),), (0, 1), (np.zeros(0), np.zeros((0, 0))),
        (0, 1, np.zeros(1, np.uint32)), (0, 0, 1, np.zeros(1, np.uint32)),
    ]  # fmt: skip
    for name in words:
        refused = []
        for values in arguments:
            with pytest.raises(TypeError) as error:
                getattr(empty, name)(*values)
            refused.append(str(error.value))
        assert any("not initialised" in text for text in refused), name


def test_no_argument_takes_what_new_alone_made() -> None:
    empty = {made.__name__: made.__new__(made) for made in CLASSES}
    plain: dict[str, Any] = {"correlations": [], "groups": [], "units": [], "means": True}
    priors = _core.ScalarPriors(np.zeros(0, np.int32), np.zeros((0, 9)), 0.0)
    group: dict[str, Any] = {"items": 1, "latents": 1, "base": [], "places": [], "inputs": []}
    one = np.ones((1, 1))
    calls: list[Callable[[], Any]] = [
        lambda: _core.Posterior(scalars=empty["ScalarPriors"], **plain),
        lambda: _core.Posterior(scalars=priors, **plain | {"groups": [empty["Group"]]}),
        lambda: _core.Posterior(scalars=priors, **plain | {"units": [empty["Unit"]]}),
        lambda: _core.Posterior(scalars=priors, **plain, moments=empty["Moments"]),
        lambda: _core.Posterior(scalars=priors, **plain, respondents=[empty["Respondents"]]),
        lambda: _core.Posterior(scalars=priors, **plain, mixtures=[empty["Mixture"]]),
        lambda: _core.Posterior(scalars=priors, **plain, grids=[empty["Grid"]]),
        lambda: _core.Mixture(empty["Respondents"], nodes=one, weights=one[0], shared=0),
        lambda: _core.Grid(empty["Respondents"], nodes=one, weights=one[0]),
        lambda: _core.Group(tape=empty["Tape"], **group),
        lambda: _core.Respondents(count=1, drawn=[], products=[], columns=[empty["Column"]]),
        lambda: _core.HistoryPosterior(scalars=priors, products=[], likelihood=empty["BgNbd"]),
        lambda: _core.Cohort(empty["Program"], [], np.zeros(0, np.uint64), np.zeros(0, np.uint32),
                             1, 1, 1, signals=[]),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises((TypeError, RuntimeError), match=r"not initialised|non-held"):
            call()


@given(value=ANYTHING, argument=st.integers(0, 5))
@RANDOM
def test_the_extension_takes_no_array_on_trust(value: Any, argument: int) -> None:
    program = compile_model(queue_fatigue())
    core = program.to_core()
    table = np.full((1, len(program.inputs)), 0.5, np.float32)
    ids, columns = np.arange(9, dtype=np.uint64), np.zeros(1, np.int32)
    one, first = np.array([9], np.uint64), np.zeros(1, np.uint32)
    calls: list[Callable[[], Any]] = [
        lambda: _core.Program(value),
        lambda: _core.run(core, [value], one, first, 1, 2, 1),
        lambda: _core.run(core, [table], value, value, 1, 2, 1, lo=value, hi=value),
        lambda: _core.trace(core, [table], first, value, columns, 2, 1),
        lambda: _core.trace(core, [table], first, ids, value, 2, 1),
        lambda: [_core.philox(value, value), _core.normal(value), _core.exp(value)],
    ]
    with suppress(TypeError, ValueError):
        calls[argument]()


INDICES = st.integers(0, 3) | st.sampled_from(
    [-1, 2**31, 2**63, 2**64 - 1, 2**64, 10**30, None, 0.5]
)
NODES, WEIGHTS = np.array([[-1.0, 0.0, 1.0]]), np.array([0.25, 0.5, 0.25])


def seen(values: Any = (0.5, np.nan), kind: int = 0, categories: Any = 0) -> Any:
    """One item or outcome."""
    return _core.Column(kind=kind, cuts=0, categories=categories, values=np.asarray(values))


def answered(column: Any, *products: Any) -> Any:
    """Two respondents with one item."""
    return _core.Respondents(count=2, drawn=[0], products=list(products), columns=[column])


def integrated(way: str, found: Any, nodes: Any, weights: Any, shared: Any = 1) -> float:
    """Log likelihood of one item of two states; a product acts on the first."""
    # Λ, A, Ω, Θ, ν and α, and the product's coefficient.
    base = [1, 0.5, 0, 0.3, 0, 0, 1, 0, 0, 0.8, 0.5, 0.1, 0, 0, 0.4]
    made: dict[str, Any] = {"mixtures": [], "grids": []}
    if way == "mixtures":
        made[way].append(_core.Mixture(found, nodes=nodes, weights=weights, shared=shared))
    else:
        made[way].append(_core.Grid(found, nodes=nodes, weights=weights))
    tape = _core.Tape(np.zeros((0, 4), np.int32), np.zeros(0), [], 0)
    group = _core.Group(items=1, latents=2, tape=tape, base=base, places=[], inputs=[])
    priors = _core.ScalarPriors(np.zeros(0, np.int32), np.zeros((0, 9)), 0.0)
    posterior = _core.Posterior(
        scalars=priors, correlations=[], groups=[group], units=[], means=True, **made
    )
    return float(posterior.evaluate(np.zeros(0))[0])


@given(value=ANYTHING, kind=st.integers(-1, 5), index=INDICES, argument=st.integers(0, 5))
@example(value=[[0.0], [1.0]], kind=4, index=0, argument=0)
@example(value=np.array([1e300, np.inf]), kind=4, index=0, argument=0)
@example(value=np.array([1e300, np.inf]), kind=3, index=0, argument=0)
@example(value=np.array([-1.0, 0.5]), kind=1, index=2, argument=0)
@example(value=np.array([0.0, 1.0]), kind=1, index=2**63, argument=0)
@example(value=None, kind=0, index=2**63, argument=1)
@RANDOM
def test_a_quadrature_takes_nothing_on_trust(
    value: Any, kind: int, index: Any, argument: int
) -> None:
    """What is taken has a likelihood, or is impossible."""
    calls: list[Callable[[str], float]] = [
        lambda way: integrated(way, answered(seen(value, kind, index)), NODES, WEIGHTS),
        lambda way: integrated(way, _core.Respondents(
            count=index, drawn=[], products=[], columns=[]), NODES, WEIGHTS),
        lambda way: integrated(way, answered(seen()), value, WEIGHTS),
        lambda way: integrated(way, answered(seen()), NODES, value),
        lambda way: integrated(way, answered(seen(), (0, 1, 1, 0)), NODES, WEIGHTS, index),
        lambda way: integrated(way, answered(seen(), (index, index, 1, index)), NODES, WEIGHTS),
    ]  # fmt: skip
    start = time.process_time()
    for way in ("mixtures", "grids"):
        with suppress(TypeError, ValueError):
            assert not np.isnan(calls[argument](way))
    assert time.process_time() - start < SECOND


@pytest.mark.parametrize("way", ["mixtures", "grids"])
def test_nodes_in_any_memory_give_the_same_numbers(way: str) -> None:
    found = answered(seen((0.5, -1.0)), (0, 1, 1, 0))
    expected = integrated(way, found, NODES, WEIGHTS)
    assert np.isfinite(expected)
    frozen = WEIGHTS.copy()
    frozen.flags.writeable = False
    spread = np.repeat(WEIGHTS, 2)[::2]
    assert integrated(way, found, np.repeat(NODES, 2, axis=1)[:, ::2], spread) == expected
    assert integrated(way, found, NODES[:, ::-1].copy()[:, ::-1], frozen) == expected
    assert integrated(way, found, NODES.astype(">f8"), WEIGHTS.astype(">f8")) == expected


def test_strides_and_byte_orders_give_the_same_numbers() -> None:
    words = np.arange(64, dtype=np.uint32) * np.uint32(2_654_435_761)
    expected = _core.normal(words)
    spread = np.empty((64, 3), np.uint32)
    spread[:, 1] = words
    frozen = words.copy()
    frozen.flags.writeable = False
    for same in (spread[:, 1], words[::-1].copy()[::-1], words.astype(">u4"), frozen):
        np.testing.assert_array_equal(_core.normal(same), expected)
