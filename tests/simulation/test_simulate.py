"""The public contract of simulate, trajectories, compare, pool, answers and reproduce."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pycore as pc
from pycore.errors import InputError
from pycore.model.elements import Segment
from pycore.program import interpret
from pycore.simulation.population import Population
from pycore.simulation.provenance import digest, write
from tests.models import queue_fatigue, two_platforms


@pytest.fixture(scope="module")
def run() -> Any:
    return pc.simulate(
        two_platforms(),
        consumers=30_000,
        periods=20,
        seed=3,
        scenarios={"base": {}, "support": {"support": 1.0}, "late": {"support": lambda t: t > 9}},
    )


def test_everybody_is_somewhere_in_every_period(run: Any) -> None:
    assert (run["consumers"].sum("stage") == run["consumers"].sum("stage").isel(period=0)).all()
    assert int(run["consumers"].isel(scenario=0, draw=0, period=-1).sum()) == 30_000


def test_those_who_are_active_are_those_who_have_not_left(run: Any) -> None:
    stayed = run["consumers"].sel(stage=["active", "asleep"]).sum("stage")
    np.testing.assert_array_equal(
        run["active"].isel(period=slice(1, None)), stayed.isel(period=slice(None, -1))
    )


def test_the_public_simulation_is_the_oracle_bit_for_bit(run: Any) -> None:
    source = json.loads(run.attrs["provenance"])
    program = pc.program.program.Program.from_json(json.dumps(source["program"]))
    from pycore.simulation.scenario import cell_inputs

    model = two_platforms()
    people = Population(tuple(model.segments.values()))
    cells = cell_inputs(model, program, people, source["scenarios"], {})
    expected = interpret.run(
        program, cells, np.asarray(people.counts(30_000) * 3, dtype=np.uint64),
        np.asarray([0, 1] * 3, dtype=np.uint32), source["batches"], 20, 3,
    )  # fmt: skip
    np.testing.assert_array_equal(run["ledger"].values.reshape(expected.shape), expected)


def test_scenarios_share_consumers_and_random_numbers(run: Any) -> None:
    """A lever that works from period 11 on changes nothing before it."""
    late = run["ledger"].sel(scenario="late").isel(period=slice(0, 10))
    base = run["ledger"].sel(scenario="base").isel(period=slice(0, 10))
    np.testing.assert_array_equal(late, base)
    assert (run["anger_mean"].sel(scenario="late") < run["anger_mean"].sel(scenario="base")).isel(
        period=-1
    ).all()  # fmt: skip


def test_threads_do_not_change_a_bit() -> None:
    runs = [
        pc.simulate(queue_fatigue(), consumers=20_001, periods=12, seed=5, threads=t)
        for t in (1, 2, 7)
    ]
    assert len({digest(r["ledger"]) for r in runs}) == 1


def test_a_life_replayed_alone_is_the_life_in_the_run(run: Any) -> None:
    lives = pc.trajectories(
        two_platforms(), ids=range(3000), periods=20, seed=3, scenarios={"base": {}}
    )
    small = pc.simulate(two_platforms(), consumers=3000, periods=20, seed=3)
    for segment in ("good", "poor"):
        mine = lives.isel(scenario=0).where(lives["segment"] == segment, drop=True)
        counted = mine["quits"].sum("consumer").values
        np.testing.assert_array_equal(counted, small["quits_count"].sel(segment=segment).squeeze())
        stages = mine["customer"].isel(period=-1).values
        for stage in ("active", "asleep", "left", "moved"):
            total = small["consumers"].sel(segment=segment, stage=stage).isel(period=-1)
            assert (stages == stage).sum() == int(total.squeeze())


def test_one_more_consumer_changes_nobody_else() -> None:
    model = two_platforms()
    few = pc.simulate(model, consumers=1000, periods=10, seed=3, batches=2)
    more = pc.simulate(model, consumers=1001, periods=10, seed=3, batches=2)
    gained = (more["ledger"] - few["ledger"]).sum("batch").squeeze()
    newcomer = pc.trajectories(model, ids=[1000], periods=10, seed=3)
    segment = str(newcomer["segment"].item())
    other = next(s for s in ("good", "poor") if s != segment)
    assert int(np.abs(gained.sel(segment=other)).sum()) == 0
    quits = gained.sel(segment=segment, cell="quits:count").values
    np.testing.assert_array_equal(quits, np.nan_to_num(newcomer["quits"].values.ravel()))


def test_seats_grow_one_by_one_whatever_the_weights() -> None:
    people = Population(
        tuple(Segment(name=f"s{k}", weight=w) for k, w in enumerate((5.3, 0.1, 2.2, 1.0, 7.7)))
    )
    before = people.counts(0)
    for n in range(1, 400):
        now = people.counts(n)
        change = [b - a for a, b in zip(before, now, strict=True)]
        assert sorted(change) == [0, 0, 0, 0, 1]
        before = now
    weights = (5.3, 0.1, 2.2, 1.0, 7.7)
    big = people.counts(10**9)
    assert sum(big) == 10**9
    assert all(abs(s - 10**9 * w / 16.3) < 1 for s, w in zip(big, weights, strict=True))


def test_running_numbers_find_their_segment() -> None:
    people = Population(tuple(two_platforms().segments.values()))
    segment, number = people.locate(range(300))
    for s in (0, 1):
        np.testing.assert_array_equal(number[segment == s], np.arange(people.counts(300)[s]))


def test_the_paired_error_is_the_scatter_over_seeds() -> None:
    """Ten independent runs: the stated error of the difference matches their spread."""
    found, stated = [], []
    for seed in range(40):
        r = pc.simulate(
            two_platforms(), consumers=4000, periods=8, seed=seed,
            scenarios={"base": {}, "support": {"support": 1.0}},
        )  # fmt: skip
        d = pc.compare(pc.pool(r), "support").isel(period=-1, draw=0, segment=0)
        found.append(d["anger_mean"].sel(stage="active").item())
        stated.append(d["anger_mean_mcse"].sel(stage="active").item())
    ratio = np.std(found, ddof=1) / np.mean(stated)
    # The sd of 40 values has a relative standard error of 1/√78 = 11%; allow four of them.
    assert abs(ratio - 1) < 4 / np.sqrt(78)


def test_common_random_numbers_make_differences_far_more_precise(run: Any) -> None:
    d = pc.compare(pc.pool(run), "support").isel(period=-1, draw=0, segment=0)
    alone = (
        pc.pool(run)["anger_mean_mcse"]
        .sel(stage="active")
        .isel(period=-1, draw=0, segment=0)
        .sel(scenario="base")
    )
    assert d["anger_mean_mcse"].sel(stage="active").item() < 0.5 * alone.item()


def test_pooling_adds_counts_and_keeps_the_error_honest(run: Any) -> None:
    pooled = pc.pool(run)
    np.testing.assert_array_equal(
        pooled["fails_count"].sum("segment"), run["fails_count"].sum("segment")
    )
    independent = np.sqrt((run["consumers_mcse"] ** 2).sum("segment"))
    ratio = pooled["consumers_mcse"].squeeze("segment") / independent
    usable = independent > 1
    # Batches of two segments are paired by chance only: 32 of them agree within four errors.
    assert np.abs(ratio.where(usable) - 1).median() < 4 / np.sqrt(2 * 31)


def test_reproduce_gives_the_same_bits_from_a_file(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write(run, path)
    again = pc.reproduce(path, threads=1)
    np.testing.assert_array_equal(again["ledger"], run["ledger"])
    assert again.attrs == run.attrs


def test_reproduce_refuses_an_edited_provenance(run: Any) -> None:
    edited = json.loads(run.attrs["provenance"])
    edited["seed"] = 4
    with pytest.raises(InputError, match="was edited"):
        pc.reproduce(json.dumps(edited))
    with pytest.raises(InputError, match="provenance"):
        pc.reproduce('{"format": 99}')


@pytest.mark.parametrize("kind", ["netcdf", "zarr"])
def test_a_run_survives_a_file(run: Any, tmp_path: Path, kind: str) -> None:
    """Values, labels, units and provenance; what is read is a run like the first."""
    import xarray as xr

    path = tmp_path / f"run.{kind}"
    if kind == "netcdf":
        run.to_netcdf(path)
        again = xr.open_dataset(path)
    else:
        pytest.importorskip("zarr")
        run.to_zarr(path, consolidated=False)
        again = xr.open_zarr(path, consolidated=False, chunks=None)
    with again:
        xr.testing.assert_identical(again.load(), run)
        assert digest(again["ledger"]) == digest(run["ledger"])
        for name in run.variables:
            assert again[name].dtype.kind == run[name].dtype.kind, name
        difference = pc.compare(pc.pool(again), "support")
        assert difference.identical(pc.compare(pc.pool(run), "support"))
    np.testing.assert_array_equal(pc.reproduce(path)["ledger"], run["ledger"])


def test_a_damaged_file_is_no_source(tmp_path: Path) -> None:
    for name, content in (("a.nc", b"\x89HDF\r\n"), ("b.json", b"\xff\xfe"), ("c", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="source"):
            pc.reproduce(tmp_path / name)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"source: received .*folder"):
        pc.reproduce(tmp_path / "folder")


def test_cost_is_price_times_level_times_active(run: Any) -> None:
    expected = 0.5 * 0.5 * run["active"].sel(scenario="support")
    np.testing.assert_allclose(run["cost"].sel(scenario="support"), expected)
    assert run["cost"].attrs["units"] == "EUR"
    assert float(run["cost"].sel(scenario="base").sum()) == 0


def test_posterior_draws_become_a_dimension() -> None:
    values = np.linspace(-6, -3, 50)
    r = pc.simulate(
        queue_fatigue(), consumers=5000, periods=5, seed=1, posterior={"base": values}, draws=4
    )
    left = r["share"].sel(stage="left").isel(period=-1).squeeze()
    assert r.sizes["draw"] == 4
    assert (left.diff("draw") > 0).all()


def test_histograms_count_everybody_once(run: Any) -> None:
    inside = run["anger_histogram"].sum("anger_bin").sum("stage")
    np.testing.assert_array_equal(inside, run["active"])


def test_variance_and_mean_are_those_of_the_lives() -> None:
    model = two_platforms()
    r = pc.simulate(model, consumers=2000, periods=6, seed=3)
    lives = pc.trajectories(model, ids=range(2000), periods=6, seed=3).isel(scenario=0)
    good = lives.where(lives["segment"] == "good", drop=True)
    active = good.where(good["customer"] == "active")["anger"].isel(period=-1)
    at = r.sel(segment="good", stage="active").isel(period=-1).squeeze()
    # Fixed point keeps steps of 2^-16 for x and 2^-12 for x²; the mean errs by half a step.
    assert abs(at["anger_mean"].item() - float(active.mean())) < 2**-16
    assert abs(at["anger_variance"].item() - float(active.var())) < 2**-11


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"consumers": 0}, r"consumers: received 0"),
        ({"consumers": -5}, r"consumers: received -5"),
        ({"consumers": 2.5}, r"consumers: received 2.5"),
        ({"periods": 0}, r"periods: received 0"),
        ({"seed": -1}, r"seed: received -1"),
        ({"threads": 0}, r"threads: received 0"),
        ({"scenarios": {}}, r"scenarios"),
        ({"scenarios": {"a": {"suport": 1}}}, r"'suport'.*did you mean 'support'"),
        ({"scenarios": {"a": {"support": 9}}}, r"received 9.*0 to 2"),
        ({"scenarios": {"a": {"support": [1, 2, 1]}}}, r"received '3 values'"),
        ({"scenarios": {"a": {"support": float("nan")}}}, r"finite"),
        ({"scenarios": {"a": {"fail_rate": 1.5}}}, r"event 'fails'.probability.*1.5.*\[0, 1\]"),
        ({"segments": [{"segment": "x", "weight": -1}]}, r"weight: received -1"),
        ({"segments": [{"segment": "x", "qualty": 1}]}, r"'qualty'.*did you mean 'quality'"),
        ({"segments": [{"segment": "x"}, {"segment": "x"}]}, r"names that differ"),
        ({"segments": []}, r"0 rows"),
        ({"posterior": {"nobody": [1.0]}}, r"'nobody'"),
        ({"posterior": {"price": [np.nan]}}, r"non-finite"),
        ({"posterior": 3}, r"a fit or a mapping"),
        ({"draws": 5}, r"None unless posterior"),
        ({"checkpoint": "/nowhere/x"}, r"checkpoint.*/nowhere/x"),
        ({"client": "x"}, r"client"),
        ({"progress": 3}, r"progress"),
        ({"batches": 1}, r"batches: received 1"),
    ],
)
def test_unusable_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        pc.simulate(two_platforms(), **({"consumers": 100, "periods": 2, "seed": 1} | arguments))


def test_an_aggregate_out_of_range_is_named() -> None:
    m = pc.Model("explosion")
    x = m.state("money", start=1, carry=1, increment=0)
    m.record(m.define("power", x * 1e7))
    with pytest.raises(InputError, match=r"record 'power'.*resolution"):
        pc.simulate(m, consumers=10, periods=2, seed=1)


def test_answers_do_not_depend_on_how_many_are_asked() -> None:
    model = pc.library.disengagement()
    few = pc.answers(model, respondents=40, seed=2)
    many = pc.answers(model, respondents=80, seed=2)
    for segment in few["segment"].unique():
        a = few[few["segment"] == segment].reset_index(drop=True)
        b = many[many["segment"] == segment].reset_index(drop=True)
        pd.testing.assert_frame_equal(a, b.iloc[: len(a)])
    assert few[list(model.items)].stack().between(1, 7).all()


def test_unsurveyed_models_are_refused_by_answers() -> None:
    with pytest.raises(InputError, match="survey items"):
        pc.answers(queue_fatigue(), respondents=5, seed=1)


def test_a_fits_draws_are_those_of_its_posterior_group() -> None:
    """A fit is a tree with dimensions chain and draw; the chains are laid end to end."""
    import xarray as xr

    values = np.linspace(-6, -3, 20).reshape(2, 10)
    posterior = xr.Dataset({"base": (("chain", "draw"), values)})
    fit = xr.DataTree.from_dict({"posterior": posterior})
    a = pc.simulate(queue_fatigue(), consumers=1000, periods=3, seed=1, posterior=fit)
    flat = {"base": values.ravel()}
    b = pc.simulate(queue_fatigue(), consumers=1000, periods=3, seed=1, posterior=flat)
    np.testing.assert_array_equal(a["ledger"], b["ledger"])
    assert a.sizes["draw"] == 20


def test_seats_found_one_after_another_are_seats_found_alone() -> None:
    people = Population(
        tuple(Segment(name=f"s{k}", weight=w) for k, w in enumerate((5.3, 0.1, 2.2, 1.0, 7.7)))
    )
    ids = [*range(300), 299, 5, 70_000, 70_050, 10**9, 10**9 + 99, 3]
    together = np.stack(people.locate(ids), axis=1)
    alone = np.concatenate([np.stack(people.locate([k]), axis=1) for k in ids])
    np.testing.assert_array_equal(together, alone)
    for (segment, number), k in zip(together.tolist(), ids, strict=True):
        before, after = people.counts(k), people.counts(k + 1)
        assert (before[segment], after[segment]) == (number, number + 1)
