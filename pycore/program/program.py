"""A program: the immutable, validated, hashable bytecode that both interpreters run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from pycore.errors import InputError
from pycore.program.coupling import KINDS, MAX_COMMUNITY, Coupling
from pycore.program.instructions import ROW, SPECIFICATION, Op
from pycore.program.words import pack, sections

__all__ = ["FORMAT_VERSION", "Program", "Record"]

FORMAT_VERSION = 1
MAX_REGISTERS = 4096
MAX_STREAMS = 1024
MAX_ROWS = 65_536
MAX_BINS = 4096
MAX_STAGES = 64
MAX_EXPONENT = 30
_LARGEST = float(np.finfo(np.float32).max)
MAX_NAME = 200  # bytes of a record's name

Row = tuple[int, ...]
RecordKind = Literal["count", "moments", "histogram", "sum", "shared"]


@dataclass(frozen=True, slots=True)
class Record:
    """One aggregated quantity of a period.

    ``count`` counts non-zero lanes; ``moments`` sums x and x² in fixed point with steps of
    2^-``exponent`` and 2^-``square_exponent``; ``histogram`` counts lanes in ``bins`` equal bins
    between ``low`` and ``high`` plus one below and one above; ``sum`` is the first of the moments,
    for the coupling; ``shared`` sums environment number ``register`` over communities.
    """

    name: str
    kind: RecordKind
    register: int
    by_stage: bool = False
    exponent: int = 16
    square_exponent: int = 12
    low: float = 0.0
    high: float = 1.0
    bins: int = 0

    def width(self, stages: int) -> int:
        """Number of int64 cells this record takes in the ledger of one period."""
        cells = {
            "count": 1, "moments": 2, "histogram": self.bins + 2, "sum": 1, "shared": 2,
        }[self.kind]  # fmt: skip
        return cells * (max(stages, 1) if self.by_stage else 1)


@dataclass(frozen=True)
class Program:
    """Bytecode of one model.

    Parameters
    ----------
    name : str
        The model's name.
    inputs : tuple of str
        Names of the scalar inputs (parameters, levers, constant traits, ``period``); they fill the
        first scalar registers.
    constants : tuple of float
        Finite float32 constants; they fill the next scalar registers.
    n_scalars, n_registers, n_states : int
        Sizes of the scalar file and of the lane file; the first ``n_states`` lane registers are
        carried from period to period.
    scalar_code, start_code, step_code : tuple of rows
        Instructions, see :mod:`pycore.program.instructions`.
    start_streams, step_streams : tuple of int
        Philox slots (crc32 of the element's qualified name), indexed by an instruction's ``imm``.
    stage_register : int
        Lane register holding the stage code, or -1.
    stages, absorbing : tuple
        Stage labels and the codes of those that end a life.
    records : tuple of Record
        What is aggregated in each period.
    traced : mapping of str to int
        Names kept readable after a step, with their registers (empty in aggregate programs).
    coupling : Coupling, optional
        How consumers influence each other.

    Raises
    ------
    InputError
        If any index, size, constant or record is out of its range.

    Examples
    --------
    >>> from pycore.program.instructions import Op
    >>> p = Program(
    ...     name="coin",
    ...     inputs=("p",),
    ...     constants=(),
    ...     n_scalars=1,
    ...     n_registers=1,
    ...     n_states=0,
    ...     scalar_code=(),
    ...     start_code=(),
    ...     step_code=((Op.EVENT_S, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),),
    ...     start_streams=(),
    ...     step_streams=(7,),
    ...     records=(Record("heads", "count", 0),),
    ... )
    >>> Program.from_json(p.to_json()) == p
    True
    """

    name: str
    inputs: tuple[str, ...]
    constants: tuple[float, ...]
    n_scalars: int
    n_registers: int
    n_states: int
    scalar_code: tuple[Row, ...]
    start_code: tuple[Row, ...]
    step_code: tuple[Row, ...]
    start_streams: tuple[int, ...]
    step_streams: tuple[int, ...]
    stage_register: int = -1
    stages: tuple[str, ...] = ()
    absorbing: tuple[int, ...] = ()
    records: tuple[Record, ...] = ()
    traced: Mapping[str, int] = field(default_factory=dict)
    coupling: Coupling | None = None

    def __post_init__(self) -> None:
        _validate(self)

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def width(self) -> int:
        """Ledger cells of one batch and period: active, stages, records."""
        return 1 + len(self.stages) + sum(r.width(len(self.stages)) for r in self.records)

    @cached_property
    def offsets(self) -> dict[str, int]:
        """First ledger cell of each record."""
        cell, found = 1 + len(self.stages), {}
        for record in self.records:
            found[record.name] = cell
            cell += record.width(len(self.stages))
        return found

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: the program's identity in provenance and caches."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def rows(self, part: Literal["scalar", "start", "step"]) -> npt.NDArray[np.int32]:
        """Code of one part as an int32 array of shape (rows, 12)."""
        code: tuple[Row, ...] = getattr(self, f"{part}_code")
        return np.asarray(code, dtype=np.int32).reshape(len(code), ROW)

    def to_json(self) -> str:
        """Canonical JSON (sorted keys, no spaces); float32 constants survive exactly."""
        data = asdict(self)
        data["traced"] = dict(self.traced)
        if self.coupling is None:
            del data["coupling"]
        data["format"] = FORMAT_VERSION
        return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Program:
        """Read what :meth:`to_json` wrote; anything else is refused with the reason."""
        try:
            data: dict[str, Any] = json.loads(text)
            json.dumps(data, allow_nan=False)  # NaN and 1e999 are read without complaint
        except (ValueError, RecursionError, TypeError) as error:
            raise InputError(f"program: not JSON ({error})") from error
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT_VERSION:
            raise InputError(f"program: allowed is a JSON object with format {FORMAT_VERSION}")
        try:
            records = tuple(Record(**r) for r in data.pop("records", ()))
            if "coupling" in data:
                data["coupling"] = Coupling.from_data(data["coupling"])
            for part in ("scalar_code", "start_code", "step_code"):
                data[part] = tuple(tuple(row) for row in data[part])
            for part in (
                "inputs", "constants", "start_streams", "step_streams", "stages", "absorbing",
            ):  # fmt: skip
                data[part] = tuple(data[part])
            program = cls(**data, records=records)
            program.to_words()  # numbers that are none show here
            return program
        except InputError:
            raise
        except (TypeError, KeyError, AttributeError, ValueError, OverflowError) as error:
            raise InputError(f"program: not a complete program ({error})") from error

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as JSON, so that what is unpickled has been checked."""
        return Program.from_json, (self.to_json(),)

    def to_words(self) -> npt.NDArray[np.uint32]:
        """Flat form for C++ and the browser: uint32 (words,), see :mod:`pycore.program.words`.

        Examples
        --------
        >>> from pycore.library import disengagement
        >>> from pycore.program.compile import compile_model
        >>> words = compile_model(disengagement()).to_words()
        >>> words[:3].astype("<u4").tobytes()[:4], int(words[1]), int(words[2]) == words.size
        (b'SYOL', 2, True)
        """
        return pack(sections(self))

    def to_core(self) -> Any:
        """The C++ program, validated once more on the other side and cached here."""
        return self._core

    @cached_property
    def _core(self) -> Any:
        from pycore import _core

        return _core.Program(self.to_words())


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(f"program: {message}")


def _is_float32(value: float) -> bool:
    return abs(value) <= _LARGEST and float(np.float32(value)) == value


def _is_index(value: object, size: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < size


def _validate(p: Program) -> None:
    """Refuse every program that could read or write outside its registers."""
    for word, texts in (("name", (p.name,)), ("inputs", p.inputs), ("stages", p.stages)):
        _require(all(isinstance(v, str) for v in texts), f"{word}: received {texts!r}, not text")
    for label, value, low, high in (
        ("n_scalars", p.n_scalars, len(p.inputs) + len(p.constants), MAX_REGISTERS),
        ("n_registers", p.n_registers, 0, MAX_REGISTERS),
        ("n_states", p.n_states, 0, p.n_registers),
    ):
        _require(
            type(value) is int and low <= value <= high,
            f"{label} is {value!r}, allowed is an integer from {low} to {high}",
        )
    for constant in p.constants:
        _require(
            isinstance(constant, float) and _is_float32(constant),
            f"constant {constant!r} is not a finite float32",
        )
    for label, streams in (("start_streams", p.start_streams), ("step_streams", p.step_streams)):
        _require(len(streams) <= MAX_STREAMS, f"{label}: more than {MAX_STREAMS}")
        _require(all(_is_index(s, 2**32) for s in streams), f"{label}: a slot is not a uint32")
        _require(len(set(streams)) == len(streams), f"{label}: two streams share a slot")
    _validate_scalar_code(p)
    written = _validate_lane_code("start_code", p.start_code, p, set(range(p.n_states)))
    del written  # only states survive from start to step
    live = _validate_lane_code("step_code", p.step_code, p, set(range(p.n_states)))
    _require(len(p.stages) <= MAX_STAGES, f"stages: more than {MAX_STAGES}")
    if p.stages:
        _require(_is_index(p.stage_register, p.n_states), "stage_register is not a state register")
        _require(all(_is_index(k, len(p.stages)) for k in p.absorbing), "absorbing: unknown stage")
    else:
        _require(p.stage_register == -1 and not p.absorbing, "stage_register without stages")
    names = [r.name for r in p.records]
    _require(len(set(names)) == len(names), "records: two share a name")
    for record in p.records:
        _validate_record(record, live, p.coupling)
    for name, register in p.traced.items():
        _require(register in live, f"traced {name!r}: register {register} is not written")
    if p.coupling is not None:
        _validate_coupling(p, p.coupling, live)


def _validate_scalar_code(p: Program) -> None:
    fixed = len(p.inputs) + len(p.constants)
    written = _validate_scalars("scalar_code", p.scalar_code, fixed, p.n_scalars)
    _require(len(written) == p.n_scalars, "n_scalars: a scalar register is never written")


def _validate_scalars(label: str, code: tuple[Row, ...], fixed: int, size: int) -> set[int]:
    written = set(range(fixed))
    _require(len(code) <= MAX_ROWS, f"{label}: more than {MAX_ROWS} rows")
    for index, row in enumerate(code):
        op = _op(label, index, row)
        spec = SPECIFICATION[op]
        _require(not spec.draws, f"{label}[{index}]: {op.name} draws random numbers")
        _require_addresses(f"{label}[{index}]", row, size, size, 0)
        reads = [*row[2 : 2 + spec.lanes], *row[6 : 6 + spec.scalars]]
        _require(
            all(r in written for r in reads),
            f"{label}[{index}]: {op.name} reads a register that is not written",
        )
        _require(
            _is_index(row[1], size) and row[1] >= fixed,
            f"{label}[{index}]: {op.name} writes register {row[1]}",
        )
        written.add(row[1])
    return written


def _validate_lane_code(
    label: str, code: tuple[Row, ...], p: Program, written: set[int]
) -> set[int]:
    streams = p.start_streams if label == "start_code" else p.step_streams
    _require(len(code) <= MAX_ROWS, f"{label}: more than {MAX_ROWS} rows")
    for index, row in enumerate(code):
        op = _op(label, index, row)
        spec = SPECIFICATION[op]
        _require_addresses(f"{label}[{index}]", row, p.n_registers, p.n_scalars, len(streams))
        _require(
            all(r in written for r in row[2 : 2 + spec.lanes]),
            f"{label}[{index}]: {op.name} reads a register that is not written",
        )
        _require(
            all(_is_index(s, p.n_scalars) for s in row[6 : 6 + spec.scalars]),
            f"{label}[{index}]: {op.name} reads an unknown scalar register",
        )
        if spec.draws:
            _require(_is_index(row[11], len(streams)), f"{label}[{index}]: unknown stream")
        _require(_is_index(row[1], p.n_registers), f"{label}[{index}]: unknown register {row[1]}")
        written.add(row[1])
    return written


def _require_addresses(label: str, row: Row, registers: int, scalars: int, streams: int) -> None:
    """Operands that an operation does not read are addressed by the machine all the same."""
    for operands, size, what in (
        (row[2:6], registers, "register"), (row[6:11], scalars, "scalar register"),
        (row[11:], streams, "stream"),
    ):  # fmt: skip
        _require(all(v == 0 or v < size for v in operands), f"{label}: unknown {what}")


def _op(label: str, index: int, row: Row) -> Op:
    _require(
        len(row) == ROW and all(_is_index(v, 2**31) for v in row),
        f"{label}[{index}] is not a row of {ROW} non-negative 32-bit integers",
    )
    try:
        return Op(row[0])
    except ValueError:
        raise InputError(f"program: {label}[{index}]: unknown operation {row[0]}") from None


def _validate_record(record: Record, live: set[int], coupling: Coupling | None) -> None:
    label = f"record {record.name!r}"
    size = len(record.name.encode()) if isinstance(record.name, str) else 0
    _require(0 < size <= MAX_NAME, f"{label}: allowed is a name of 1 to {MAX_NAME} bytes")
    _require("\0" not in record.name, f"{label}: a zero byte in the name")
    _require(record.kind in get_args(RecordKind), f"{label}: kind {record.kind!r}")
    if record.kind == "shared":
        known = len(coupling.environments) if coupling is not None and coupling.community else 0
        _require(_is_index(record.register, known), f"{label}: no environment of communities")
    else:
        _require(record.register in live, f"{label}: register {record.register} is not written")
    if record.kind in ("sum", "shared"):
        _require(not record.by_stage, f"{label}: {record.kind} by stage")
    if record.kind in ("moments", "sum", "shared"):
        for exponent in (record.exponent, record.square_exponent):
            _require(
                isinstance(exponent, int) and -MAX_EXPONENT <= exponent <= MAX_EXPONENT,
                f"{label}: exponent {exponent!r} is not in ±{MAX_EXPONENT}",
            )
    if record.kind == "histogram":
        low, high = np.float32(record.low), np.float32(record.high)
        _require(
            bool(np.isfinite(low) and np.isfinite(high) and low < high)
            and bool(np.isfinite(np.float32(record.bins / (float(high) - float(low))))),
            f"{label}: range {record.low!r} to {record.high!r} is not finite and increasing",
        )
        _require(
            _is_index(record.bins, MAX_BINS + 1) and record.bins > 0,
            f"{label}: bins {record.bins!r}, allowed is 1 to {MAX_BINS}",
        )


def _validate_coupling(p: Program, c: Coupling, live: set[int]) -> None:
    _require(all(isinstance(n, str) for n in c.environments), "environments: a name is not text")
    count = len(c.environments)
    _require(len(c.inputs) == len(c.results) == count, "coupling: one input and result each")
    _require(
        all(_is_index(i, len(p.inputs)) for i in c.inputs) and len(set(c.inputs)) == count,
        "coupling: an environment is no input of its own",
    )
    fixed = p.n_scalars + len(c.aggregates)
    _require(
        type(c.n_scalars) is int and fixed <= c.n_scalars <= MAX_REGISTERS,
        f"coupling: n_scalars is {c.n_scalars!r}, allowed is {fixed} to {MAX_REGISTERS}",
    )
    written = _validate_scalars("environment_code", c.code, fixed, c.n_scalars)
    _require(len(written) == c.n_scalars, "coupling: a scalar register is never written")
    _require(all(_is_index(r, c.n_scalars) for r in c.results), "coupling: a result is no register")
    for a in c.aggregates:
        _require(
            a.kind in KINDS and _is_index(a.record, len(p.records))
            and p.records[a.record].kind == "sum",
            f"coupling: {a!r} is not an aggregate of a sum",
        )  # fmt: skip
    _require(
        c.community == 0 or (_is_index(c.community, MAX_COMMUNITY + 1) and not c.signals),
        f"coupling: community of {c.community!r}, allowed is 0 to {MAX_COMMUNITY}, 0 with signals",
    )
    targets = [s.target for s in c.signals]
    written_rows = {row[1] for row in p.step_code}
    for s in c.signals:
        _require(
            s.kind in KINDS[:2] and s.source in live and _is_index(s.target, p.n_states)
            and s.target not in written_rows and targets.count(s.target) == 1
            and type(s.exponent) is int and -MAX_EXPONENT <= s.exponent <= MAX_EXPONENT,
            f"coupling: {s!r} is not a signal",
        )  # fmt: skip
