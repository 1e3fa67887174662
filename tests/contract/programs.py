"""Random valid programs and the cells they run in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from pycore import _core
from pycore.program import interpret
from pycore.program.instructions import SPECIFICATION, Op
from pycore.program.program import Program, Record, Row

PURE = [op for op, spec in SPECIFICATION.items() if not spec.draws]
DRAWS = [op for op, spec in SPECIFICATION.items() if spec.draws]
# What the machine chains, so that a value stays in a vector register between instructions.
CHAINED = [
    Op.AFFINE1, Op.AFFINE2, Op.AFFINE3, Op.AFFINE4, Op.MAX_S, Op.MIN_S, Op.EVENT_LOGIT, Op.NORMAL,
    Op.EXP, Op.MUL, Op.MAX2, Op.GT_S, Op.GT, Op.SELECT, Op.SELECT_S,
]  # fmt: skip
# What counts and gamma numbers are made of, with arguments that are mostly plausible.
QUANTILES = [
    Op.UNIFORM, Op.NORMAL, Op.POISSON, Op.POISSON, Op.BINOMIAL, Op.BINOMIAL, Op.GAMMA_LOG, Op.EXP,
    Op.AFFINE1, Op.MUL,
]  # fmt: skip
# What the machine computes for those lanes alone that a truth keeps.
SECTIONS = [
    Op.NORMAL, Op.NORMAL, Op.UNIFORM, Op.AFFINE1, Op.EXP, Op.LOG, Op.MAX_S, Op.KEEP, Op.KEEP,
    Op.EVENT_S, Op.GT_S,
]  # fmt: skip
# What gives 1 or 0, which the machine counts instead of adding up.
TRUTHS = {
    Op.LT, Op.LE, Op.EQ, Op.GT, Op.LT_S, Op.LE_S, Op.GT_S, Op.GE_S, Op.EQ_S, Op.EVENT_P, Op.EVENT_S,
    Op.EVENT_LOGIT,
}  # fmt: skip
BOUND = 8.0
EXTREME = [float(np.float32(x)) for x in (0.0, 1.0, 0.25, 31.0, 40.0, 1e30, -1e-40)]


@dataclass(frozen=True)
class Population:
    """Cells with their inputs, counts and segments, and how long they live."""

    inputs: list[npt.NDArray[np.float32]]
    counts: npt.NDArray[np.uint64]
    segments: npt.NDArray[np.uint32]
    batches: int
    periods: int
    seed: int


def row(
    op: Op, target: int, lanes: tuple[int, ...] = (), scalars: tuple[int, ...] = (), stream: int = 0
) -> Row:
    """One instruction, unused operands zero."""
    a, b, c, d = (*lanes, 0, 0, 0, 0)[:4]
    s = (*scalars, 0, 0, 0, 0, 0)[:5]
    return (int(op), target, a, b, c, d, *s, stream)


def by_machine(program: Program, population: Population, **settings: Any) -> npt.NDArray[np.int64]:
    """Ledger of a population, by the compiled machine."""
    return _core.run(
        program.to_core(), population.inputs, population.counts, population.segments,
        population.batches, population.periods, population.seed, **settings,
    )  # fmt: skip


def by_oracle(program: Program, population: Population) -> npt.NDArray[np.int64]:
    """Ledger of a population, by the NumPy interpreter."""
    return interpret.run(
        program, population.inputs, population.counts, population.segments,
        population.batches, population.periods, population.seed,
    )  # fmt: skip


class _Writer:
    """Appends random instructions that read only what is written."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], scalars: int) -> None:
        self.draw = draw
        self.scalars = scalars

    def rows(self, n: int, size: int, written: list[int], streams: int) -> list[Row]:
        """Return ``n`` rows on a file of ``size`` lane registers; ``written`` grows."""
        ops = self.draw(st.sampled_from([CHAINED, SECTIONS, QUANTILES, [*PURE, *DRAWS]]))
        chained = ops is CHAINED or ops is SECTIONS
        code: list[Row] = []
        for _ in range(n):
            allowed = [
                op for op in ops
                if (written or not SPECIFICATION[op].lanes)
                and (streams or not SPECIFICATION[op].draws)
            ]  # fmt: skip
            spec = SPECIFICATION[op := self.draw(st.sampled_from(allowed))]
            lanes = tuple(self.draw(st.sampled_from(written)) for _ in range(spec.lanes))
            if chained and code and lanes:
                lanes = (code[-1][1], *lanes[1:])
                if op is Op.MUL and self.draw(st.booleans()):
                    lanes = lanes[::-1]
            scalars = tuple(
                self.draw(st.integers(0, self.scalars - 1)) for _ in range(spec.scalars)
            )
            stream = self.draw(st.integers(0, streams - 1)) if spec.draws else 0
            target = self.draw(st.integers(0, size - 1))
            if chained and code and self.draw(st.booleans()):
                target = code[-1][1]  # what is written over is not stored
            code.append(row(op, target, lanes, scalars, stream))
            if target not in written:
                written.append(target)
        return code


def scalar_rows(
    draw: Callable[[st.SearchStrategy[Any]], Any], fixed: int, computed: int
) -> tuple[Row, ...]:
    """Random scalar code for registers after the first ``fixed``."""
    code = []
    for target in range(fixed, fixed + computed):
        op = draw(st.sampled_from(PURE))
        spec = SPECIFICATION[op]
        pick = st.integers(0, target - 1)
        lanes = tuple(draw(pick) for _ in range(spec.lanes))
        code.append(row(op, target, lanes, tuple(draw(pick) for _ in range(spec.scalars))))
    return tuple(code)


@st.composite
def programs(draw: Any) -> Program:
    """Draw a valid program: any operations, streams, stages and records.

    What moments are taken of is a truth or clamped to ±8 first, since values that do not fit are an
    error and not a result; everything else may be infinite or NaN.
    """
    n_inputs, computed = draw(st.integers(0, 3)), draw(st.integers(0, 4))
    numbers = st.floats(-4, 4, width=32) | st.sampled_from(EXTREME)
    drawn_constants = draw(st.lists(numbers, min_size=1, max_size=4))
    constants = (*drawn_constants, -BOUND, BOUND)
    fixed = n_inputs + len(constants)
    scalars = fixed + computed
    low, high = fixed - 2, fixed - 1
    stages = draw(st.integers(0, 4))
    n_states = draw(st.integers(1, 4))
    size = n_states + draw(st.integers(1, 6))
    streams = st.lists(st.integers(0, 2**32 - 1), max_size=5, unique=True)
    start_streams, step_streams = draw(streams), draw(streams)
    writer = _Writer(draw, scalars)

    start = writer.rows(draw(st.integers(0, 6)), size, list(range(n_states)), len(start_streams))
    written = list(range(n_states))
    step = writer.rows(draw(st.integers(1, 24)), size, written, len(step_streams))
    clamped = size
    source = draw(st.sampled_from(written))
    step += [row(Op.MAX_S, clamped, (source,), (low,)), row(Op.MIN_S, clamped, (clamped,), (high,))]
    stage_register, absorbing = -1, ()
    if stages:
        # floor(||x| · scale − 8|) is a whole number, often a stage and sometimes none.
        stage_register = draw(st.integers(0, n_states - 1))
        scale = draw(st.integers(0, fixed - 1))
        step += [
            row(Op.ABS, stage_register, (clamped,)),
            row(Op.AFFINE1, stage_register, (stage_register,), (low, scale)),
            row(Op.ABS, stage_register, (stage_register,)),
            row(Op.FLOOR, stage_register, (stage_register,)),
        ]
        ends = st.lists(st.integers(0, stages - 1), max_size=stages, unique=True)
        absorbing = tuple(draw(ends))
    return Program(
        name="random",
        inputs=tuple(f"input_{i}" for i in range(n_inputs)),
        constants=constants,
        n_scalars=scalars,
        n_registers=size + 1,
        n_states=n_states,
        scalar_code=scalar_rows(draw, fixed, computed),
        start_code=tuple(start),
        step_code=tuple(step),
        start_streams=tuple(start_streams),
        step_streams=tuple(step_streams),
        stage_register=stage_register,
        stages=tuple(f"stage_{k}" for k in range(stages)),
        absorbing=absorbing,
        records=_records(draw, written, clamped, truths(step)),
    )


def truths(code: Iterable[Row]) -> list[int]:
    """Registers that hold 1 or 0 after the code; not the one that coupled programs leave alone."""
    last = {code_row[1]: Op(code_row[0]) for code_row in code}
    return [register for register, op in last.items() if op in TRUTHS and register != 0]


def _records(draw: Any, written: list[int], clamped: int, truths: list[int]) -> tuple[Record, ...]:
    records = []
    for k in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["count", "moments", "histogram"]))
        by_stage = draw(st.booleans())
        if kind == "moments" and truths and draw(st.booleans()):
            exponents = draw(st.tuples(st.integers(-6, 30), st.integers(-6, 30)))
            truth = draw(st.sampled_from(truths))
            records.append(Record(f"r{k}", "moments", truth, by_stage, *exponents))
        elif kind == "moments":
            # 8 · 2^27 and 64 · 2^24 are the largest that fit: both ways of summing are met.
            exponents = draw(st.tuples(st.integers(-6, 27), st.integers(-6, 24)))
            records.append(Record(f"r{k}", "moments", clamped, by_stage, *exponents))
        elif kind == "count":
            records.append(Record(f"r{k}", "count", draw(st.sampled_from(written)), by_stage))
        else:
            edge = draw(st.floats(-4, 4, width=32))
            records.append(
                Record(
                    f"r{k}", "histogram", draw(st.sampled_from([*written, clamped])), by_stage,
                    low=edge, high=edge + draw(st.sampled_from([0.5, 3.0, 1e6])),
                    bins=draw(st.integers(1, 9)),
                )
            )  # fmt: skip
    return tuple(records)


@st.composite
def populations(draw: Any, program: Program) -> Population:
    """Draw a few cells for a program, with constant and with time-varying inputs."""
    periods = draw(st.integers(1, 10))
    tables = []
    for _ in range(draw(st.integers(1, 3))):
        rows = draw(st.sampled_from([1, periods]))
        values = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        table = values.normal(0, 2, (rows, len(program.inputs))).astype(np.float32)
        tables.append(table)
    cells = len(tables)
    sizes = st.sampled_from([0, 1, 15, 16, 17, 63, 127, 128, 129, 300, 515])
    return Population(
        inputs=tables,
        counts=np.array([draw(sizes) for _ in range(cells)], dtype=np.uint64),
        segments=np.array(
            [draw(st.sampled_from([0, 1, 7, 2**24 - 1])) for _ in range(cells)], dtype=np.uint32
        ),
        batches=draw(st.integers(1, 3)),
        periods=periods,
        seed=draw(st.integers(0, 2**64 - 1)),
    )
