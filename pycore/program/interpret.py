"""The oracle: a plain NumPy interpreter of programs, bit for bit what the C++ machine computes.

It keeps every lane in memory and knows nothing of blocks, threads or vectors, so that a
difference between the two is an error in one of them and not in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pycore.errors import InputError
from pycore.program import arithmetic, philox
from pycore.program.instructions import EVENTS, SPECIFICATION, Op
from pycore.program.program import Program, Record, Row

__all__ = ["NETWORK", "START", "STEP", "SURVEY", "consumer_ids", "run", "trace"]

STEP, START, SURVEY, NETWORK, LOWER = 0, 1, 2, 3, 4
F32 = npt.NDArray[np.float32]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
Words = Callable[[int], U32]
_HALF_RANGE = np.float32(2147483648.0)


def consumer_ids(segment: int, numbers: npt.NDArray[np.integer]) -> U64:
    """64-bit consumer ids: segment in the high 24 bits, number within the segment below."""
    return np.uint64(segment << 40) | numbers.astype(np.uint64)


def _pure(op: Op, x: list[F32], s: list[np.float32]) -> F32:
    """Value of an operation that draws nothing; ``x`` are lanes, ``s`` scalars."""
    match op:
        case Op.COPY:
            return x[0]
        case Op.BROADCAST:
            return np.asarray(s[0])
        case Op.ADD:
            return x[0] + x[1]
        case Op.SUB:
            return x[0] - x[1]
        case Op.MUL:
            return x[0] * x[1]
        case Op.DIV:
            return x[0] / x[1]
        case Op.AFFINE1 | Op.AFFINE2 | Op.AFFINE3 | Op.AFFINE4:
            value = s[0] + s[1] * x[0]
            for scale, lane in zip(s[2:], x[1:], strict=True):
                value = value + scale * lane
            return value
        case Op.MIN2:
            return np.where(x[0] < x[1], x[0], x[1])
        case Op.MAX2:
            return np.where(x[0] > x[1], x[0], x[1])
        case Op.MIN_S:
            return np.where(x[0] < s[0], x[0], s[0])
        case Op.MAX_S:
            return np.where(x[0] > s[0], x[0], s[0])
        case Op.ABS:
            return np.abs(x[0])
        case Op.SQRT:
            return np.sqrt(x[0])
        case Op.EXP:
            return arithmetic.exp(x[0])
        case Op.LOG:
            return arithmetic.log(x[0])
        case Op.LOGISTIC:
            return arithmetic.logistic(x[0])
        case Op.FLOOR:
            return np.floor(x[0])
        case Op.SELECT:
            return np.where(x[0] != 0, x[1], x[2])
        case Op.POISSON:
            return arithmetic.poisson(x[0], x[1])
        case Op.BINOMIAL:
            return arithmetic.binomial(x[0], x[1], x[2])
        case Op.GAMMA_LOG:
            return arithmetic.gamma_log(x[0], x[1], x[2], x[3])
        case Op.SELECT_S:
            return np.where(x[0] != 0, s[0], x[1])
        case Op.KEEP:
            return np.where(x[1] != 0, x[0], np.float32(0))
    compared = {
        Op.LT: np.less, Op.LE: np.less_equal, Op.EQ: np.equal, Op.GT: np.greater,
        Op.LT_S: np.less, Op.LE_S: np.less_equal, Op.GT_S: np.greater,
        Op.GE_S: np.greater_equal, Op.EQ_S: np.equal,
    }[op]  # fmt: skip
    return np.asarray(compared(x[0], x[1] if len(x) == 2 else s[0])).astype(np.float32)


def _drawn(op: Op, words: U32, x: list[F32], s: list[np.float32]) -> F32:
    """Value of an operation that spends one random word per lane."""
    if op is Op.UNIFORM:
        return arithmetic.uniform(words)
    if op is Op.NORMAL:
        return arithmetic.normal(words)
    v = arithmetic.event_threshold_value(words)
    if op is Op.EVENT_LOGIT:
        return (v + v * arithmetic.exp(np.float32(0) - x[0]) < _HALF_RANGE).astype(np.float32)
    probability = x[0] if op is Op.EVENT_P else s[0]
    return np.asarray(v < probability * _HALF_RANGE).astype(np.float32)


def _execute(code: Sequence[Row], lanes: F32, scalars: F32, words: Words) -> None:
    """Run lane code on ``lanes`` of shape (registers, lanes), in place."""
    for row in code:
        op = Op(row[0])
        spec = SPECIFICATION[op]
        x = [lanes[r] for r in row[2 : 2 + spec.lanes]]
        s = [scalars[r] for r in row[6 : 6 + spec.scalars]]
        lanes[row[1]] = _drawn(op, words(row[11]), x, s) if spec.draws else _pure(op, x, s)


def scalar_file(program: Program, inputs: F32) -> F32:
    """Scalar registers of one cell and period: inputs, constants, computed scalars."""
    return scalar_files(program, inputs[None])[:, 0]


def scalar_files(program: Program, inputs: F32) -> F32:
    """Scalar registers, shape (registers, rows), for inputs of shape (rows, inputs)."""
    known = np.zeros((program.n_scalars, len(inputs)), dtype=np.float32)
    n = len(program.inputs)
    known[:n] = inputs.T
    constants = np.asarray(program.constants, dtype=np.float32)
    known[n : n + len(constants)] = constants[:, None]
    run_scalar_code(program.scalar_code, known)
    return known


def run_scalar_code(code: Sequence[Row], known: F32) -> None:
    """Run scalar code on a file of shape (registers, rows), in place."""
    with np.errstate(all="ignore"):
        for row in code:
            op = Op(row[0])
            spec = SPECIFICATION[op]
            x = [known[r] for r in row[2 : 2 + spec.lanes]]
            s = [known[r] for r in row[6 : 6 + spec.scalars]]
            known[row[1]] = _pure(op, x, s)


def halved_streams(program: Program) -> frozenset[int]:
    """Streams of the step that events alone read: their words come in halves."""
    readers = [row for row in program.step_code if SPECIFICATION[Op(row[0])].draws]
    events = {row[11] for row in readers if Op(row[0]) in EVENTS}
    return frozenset(events - {row[11] for row in readers if Op(row[0]) not in EVENTS})


class Lives:
    """The consumers of one cell who are still active, from their start on."""

    def __init__(
        self, program: Program, ids: U64, seed: int, scalars: F32, *, coupled: bool = False
    ) -> None:
        self.program, self.ids, self.seed, self.coupled = program, ids, seed, coupled
        self.rows = np.arange(len(ids))
        self._halved = halved_streams(program)
        self.lanes: F32 = np.zeros((program.n_registers, len(ids)), np.float32)

        def words(stream: int) -> U32:
            slot = program.start_streams[stream]
            return np.asarray(philox.philox(ids, 0, START, slot, seed)[0])

        with np.errstate(all="ignore"):
            _execute(program.start_code, self.lanes, scalars, words)

    def step(self, period: int, scalars: F32) -> None:
        """Live one period; those who leave in it are still here."""

        def words(stream: int) -> U32:
            slot = self.program.step_streams[stream]
            if stream in self._halved:
                of = philox.shared_halves if self.coupled else philox.halves
                return of(self.ids, period, (STEP, LOWER), slot, self.seed)
            if self.coupled:
                return philox.shared(self.ids, period, STEP, slot, self.seed)
            drawn = philox.philox(self.ids, period >> 2, STEP, slot, self.seed)
            return np.asarray(drawn[period & 3])

        with np.errstate(all="ignore"):
            _execute(self.program.step_code, self.lanes, scalars, words)

    def drop_leavers(self) -> None:
        """Forget those in an absorbing stage."""
        if self.program.absorbing:
            active = ~np.isin(self.lanes[self.program.stage_register], self.program.absorbing)
            if not active.all():
                self.ids, self.rows = self.ids[active], self.rows[active]
                self.lanes = np.ascontiguousarray(self.lanes[:, active])


def _live(
    program: Program,
    inputs: F32,
    ids: U64,
    periods: int,
    seed: int,
    observe: Callable[[int, Lives], None],
    *,
    coupled: bool = False,
) -> None:
    """Run the lives of ``ids``; ``observe(period, lives)`` sees each period before leavers go."""
    scalars = [scalar_file(program, row) for row in inputs]
    lives = Lives(program, ids, seed, scalars[0], coupled=coupled)
    for period in range(periods):
        if lives.ids.size == 0:
            return
        lives.step(period, scalars[period if len(scalars) > 1 else 0])
        observe(period, lives)
        lives.drop_leavers()


def fixed(x: F32, exponent: int, name: str, period: int) -> npt.NDArray[np.int64]:
    """Values in steps of 2^-exponent; refuses what does not fit into 32 bits."""
    scaled = x * np.float32(2.0**exponent)
    bad = ~(np.abs(scaled) < _HALF_RANGE)
    if bad.any():
        raise InputError(f"record {name!r} out of range in period {period}: value {x[bad][0]}")
    return np.rint(scaled).astype(np.int64)


def aggregate(program: Program, lanes: F32, period: int, cells: npt.NDArray[np.int64]) -> None:
    """Add the records of the given lanes to ``cells``, the ledger row of one batch and period."""
    stages = len(program.stages)
    cells[0] += lanes.shape[1]
    everyone = np.ones(lanes.shape[1], dtype=bool)
    groups = [lanes[program.stage_register] == k for k in range(stages)]
    for k, group in enumerate(groups):
        cells[1 + k] += np.count_nonzero(group)
    for record in program.records:
        offset = program.offsets[record.name]
        chosen = groups if record.by_stage and stages else [everyone]
        if record.kind == "shared":
            continue  # of environments, not of consumers
        width = record.width(0)
        values = lanes[record.register]
        for k, group in enumerate(chosen):
            out = cells[offset + k * width : offset + (k + 1) * width]
            x = values[group]
            if record.kind == "count":
                out[0] += np.count_nonzero(x)
            elif record.kind == "moments":
                out[0] += fixed(x, record.exponent, record.name, period).sum()
                out[1] += fixed(x * x, record.square_exponent, record.name, period).sum()
            elif record.kind == "sum":
                out[0] += fixed(x, record.exponent, record.name, period).sum()
            else:
                _histogram(record, x, out)


def _histogram(record: Record, x: F32, out: npt.NDArray[np.int64]) -> None:
    low, high = np.float32(record.low), np.float32(record.high)
    inverse = np.float32(record.bins / (float(high) - float(low)))
    under, over = x < low, ~(x < high)
    inside = ~under & ~over
    # A range wider than float32 makes x − low infinite: clamp before it becomes an integer.
    place = np.minimum((x[inside] - low) * inverse, np.float32(record.bins - 1))
    bins = place.astype(np.int64)
    out[0] += np.count_nonzero(under)
    out[1:-1] += np.bincount(bins, minlength=record.bins)
    out[-1] += np.count_nonzero(over)


def run(
    program: Program,
    inputs: Sequence[F32],
    counts: npt.NDArray[np.uint64],
    segments: npt.NDArray[np.uint32],
    batches: int,
    periods: int,
    seed: int,
) -> npt.NDArray[np.int64]:
    """Aggregate whole populations.

    Parameters
    ----------
    program : Program
        What to run.
    inputs : sequence of float32 arrays, one per cell, shape (1 or periods, inputs)
        Scalar inputs of each cell (scenario × draw × segment).
    counts, segments : arrays of shape (cells,)
        Consumers in each cell and the cell's segment number (part of the consumer id).
    batches : int
        Equal slices of each cell kept apart, for Monte Carlo errors.
    periods, seed : int
        Length of the lives and key of the random numbers.

    Returns
    -------
    numpy.ndarray
        int64 ledger of shape (cells, batches, periods, program.width).
    """
    ledger = np.zeros((len(inputs), batches, periods, program.width), dtype=np.int64)
    for cell, table in enumerate(inputs):
        n = int(counts[cell])
        edges = [n * b // batches for b in range(batches + 1)]
        for b, (low, high) in enumerate(pairwise(edges)):
            out = ledger[cell, b]

            def observe(period: int, lives: Lives, out: npt.NDArray[np.int64] = out) -> None:
                aggregate(program, lives.lanes, period, out[period])

            ids = consumer_ids(int(segments[cell]), np.arange(low, high))
            _live(program, table, ids, periods, seed, observe)
    return ledger


def trace(
    program: Program,
    inputs: F32,
    ids: U64,
    registers: Sequence[int],
    periods: int,
    seed: int,
    *,
    coupled: bool = False,
) -> F32:
    """Lives of single consumers: float32 (ids, periods, registers), NaN after leaving.

    ``coupled`` where they are lives among others, whose influence stands in the inputs.
    """
    out = np.full((len(ids), periods, len(registers)), np.nan, dtype=np.float32)

    def observe(period: int, lives: Lives) -> None:
        out[lives.rows, period] = lives.lanes[list(registers)].T

    _live(program, inputs, ids, periods, seed, observe, coupled=coupled)
    return out
