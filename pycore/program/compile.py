"""Model → program: the start and the step, then what is recorded and what consumers share."""

from __future__ import annotations

import math
import zlib
from typing import Literal

import sympy as sp

from pycore.errors import InputError, NotYetSimulated, refuse
from pycore.model.elements import (
    Calendar,
    Draw,
    Environment,
    Event,
    Lever,
    Parameter,
    Stage,
    State,
    Trait,
)
from pycore.model.functions import Aggregate as AggregateWord
from pycore.model.model import Model
from pycore.program.coupling import Aggregate, Coupling, Signal
from pycore.program.instructions import SPECIFICATION, Op
from pycore.program.lowering import Instruction, ScalarCode
from pycore.program.period import Builder, start, walk
from pycore.program.program import Program, Record, Row

__all__ = ["compile_model", "slot"]

Keep = Literal["records", "everything"]


def slot(qualified_name: str) -> int:
    """Philox slot of a named random stream: its name decides, not its place in the model."""
    return zlib.crc32(qualified_name.encode())


def compile_model(model: Model, *, keep: Keep = "records", stages: bool = True) -> Program:
    """Compile a model.

    Parameters
    ----------
    model : Model
        What to compile.
    keep : {"records", "everything"}
        ``"records"`` keeps what is aggregated; ``"everything"`` keeps every named quantity
        readable after each period, for trajectories.  The arithmetic is the same.
    stages : bool
        ``False`` switches the stages off, so that nobody leaves (used to survey whole cohorts).

    Returns
    -------
    Program

    Raises
    ------
    NotYetSimulated
        If the model draws from a distribution without instruction.

    Examples
    --------
    >>> from pycore.model.model import Model
    >>> m = Model("coin")
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5)))
    >>> compile_model(m).inputs
    ('p',)
    """
    _require_simulable(model)
    stage = model.stage_element if stages else None
    carried = _carried(model, stage)
    shared = _shared(model)
    scalar = ScalarCode(
        frozenset(
            [
                *model.of_kind(Parameter),
                *model.of_kind(Lever),
                *model.of_kind(Calendar),
                *model.constant_traits,
                *shared,
            ]
        )
    )
    start_part = start(Builder(model, scalar, carried))
    builder = Builder(model, scalar, carried)
    walk(builder, stage)
    wanted = [*model.records, *_logarithms(builder)] if keep == "records" else list(builder.named)
    outgoing = _Outgoing(builder, shared) if keep == "records" else None
    kept = {builder.named[n] for n in (*wanted, *carried)}
    step = builder.finish(kept | (set(outgoing.values) if outgoing else set()))
    where = {n: step.registers[builder.named[n]] for n in wanted}
    _refuse_colliding_slots([*start_part.streams, *step.streams])
    aggregates = outgoing.symbols if outgoing else {}
    n_scalars, scalar_rows, place, late = _scalar_layout(scalar, list(aggregates))
    records = _records(model, where, stage) if keep == "records" else ()
    coupling = None
    if outgoing is not None and outgoing.couples:
        own = outgoing.records(step.registers)
        coupling = outgoing.coupling(step.registers, place, late, n_scalars, len(records))
        records = (*records, *own)
    return Program(
        name=model.name,
        inputs=tuple(n for n in scalar.inputs if n not in aggregates),
        constants=tuple(scalar.constants),
        n_scalars=n_scalars,
        n_registers=max(start_part.size, step.size),
        n_states=len(carried),
        scalar_code=scalar_rows,
        start_code=tuple(_with_scalars(row, place) for row in start_part.rows),
        step_code=tuple(_with_scalars(row, place) for row in step.rows),
        start_streams=tuple(slot(n) for n in start_part.streams),
        step_streams=tuple(slot(n) for n in step.streams),
        stage_register=carried[stage.name] if stage else -1,
        stages=stage.labels if stage else (),
        absorbing=tuple(stage.labels.index(a) for a in stage.absorbing) if stage else (),
        records=records,
        traced=where if keep == "everything" else {},
        coupling=coupling,
    )


def _require_simulable(model: Model) -> None:
    for name, element in model.elements.items():
        drawn = element.distribution if isinstance(element, Draw | Trait) else None
        if drawn is not None and not drawn.bases:
            raise NotYetSimulated(
                f"{name}: received {drawn}, allowed are Normal, LogNormal, Exponential, Uniform, "
                "Gamma, Beta, Poisson and Binomial (the machine has no instruction for others yet)"
            )
    carried = model.of_kind(State) | model.of_kind(Environment)
    unset = [n for n, s in carried.items() if not s.updated]
    if unset:
        raise InputError(
            f"model {model.name!r}: received the {type(carried[unset[0]]).__name__.lower()} "
            f"{unset[0]!r} without an equation, allowed are ones with target= or increment= "
            "(give it with update())"
        )
    scopes = {e.scope for e in model.of_kind(Environment).values()}
    if "community" in scopes and (len(scopes) > 1 or model.community_size is None):
        raise refuse(f"model {model.name!r}", f"environments of scope {sorted(scopes)}",
                     "community alone, with Model.community(size)")  # fmt: skip


def _shared(model: Model) -> dict[str, Environment]:
    """Environments that all consumers of a block read alike: inputs of the program."""
    found = model.of_kind(Environment)
    return {n: e for n, e in found.items() if e.scope != "neighbours"}


def _carried(model: Model, stage: Stage | None) -> dict[str, int]:
    """Persistent registers: drawn traits, states, what neighbours said, the stage."""
    names = [n for n, t in model.of_kind(Trait).items() if t.distribution is not None]
    names += model.of_kind(State)
    names += [n for n in model.of_kind(Environment) if n not in _shared(model)]
    if stage is not None:
        names.append(stage.name)
    return {name: register for register, name in enumerate(names)}


def _records(model: Model, registers: dict[str, int], stage: Stage | None) -> tuple[Record, ...]:
    records = []
    for name, spec in model.records.items():
        by_stage = spec.by_stage and stage is not None
        register = registers[name]
        if isinstance(model.element(name), Event):
            records.append(Record(name, "count", register, by_stage))
            continue
        exponent = -round(math.log2(spec.resolution))
        square = max(min(2 * exponent - 20, exponent), -30)
        records.append(Record(name, "moments", register, by_stage, exponent, square))
        if spec.bins is not None:
            low, high, bins = spec.bins
            if spec.spacing == "log":
                low, high, register = math.log(low), math.log(high), registers[f"{name}:log"]
            records.append(
                Record(f"{name}:histogram", "histogram", register, by_stage,
                       low=float(low), high=float(high), bins=bins)
            )  # fmt: skip
    return tuple(records)


def _logarithms(b: Builder) -> list[str]:
    """Names of the logarithms that histograms with bins of equal ratio count."""
    names = []
    for name, spec in b.model.records.items():
        if spec.bins is not None and spec.spacing == "log":
            # What is below the bins, 0 and less included, falls below them as a logarithm, too.
            floor = b.code.scalar.constant(spec.bins[0] / 2)
            above = b.code.emit(Op.MAX_S, (b.named[name],), (floor,))
            b.named[f"{name}:log"] = b.code.emit(Op.LOG, (above,))
            names.append(f"{name}:log")
    return names


def _scalar_layout(
    scalar: ScalarCode, aggregates: list[str]
) -> tuple[int, tuple[Row, ...], dict[int, int], tuple[Row, ...]]:
    """Inputs, constants, computed scalars in order; then aggregates and what depends on them.

    Returns the number of registers before the aggregates, the code that fills them, the register
    of every value, and the code that has to wait for the aggregates.
    """
    summed = {n: v for n, v in scalar.inputs.items() if n in aggregates}
    waits = set(summed.values())
    for i in scalar.instructions:
        if waits.intersection(i.lanes):
            waits.add(i.value)
    early = [i for i in scalar.instructions if i.value not in waits]
    late = [i for i in scalar.instructions if i.value in waits]
    order = [v for n, v in scalar.inputs.items() if n not in summed]
    order += [*scalar.constants.values(), *(i.value for i in early)]
    n_scalars = len(order)
    order += [*(summed[n] for n in aggregates), *(i.value for i in late)]
    place = {value: register for register, value in enumerate(order)}

    def rows(part: list[Instruction]) -> tuple[Row, ...]:
        return tuple(
            (int(i.op), place[i.value], *(*(place[v] for v in i.lanes), 0, 0, 0, 0)[:4],
             0, 0, 0, 0, 0, 0)
            for i in part
        )  # fmt: skip

    return n_scalars, rows(early), place, rows(late)


class _Outgoing:
    """What consumers give to environments and neighbours when a period is over."""

    def __init__(self, b: Builder, shared: dict[str, Environment]) -> None:
        self.model, self.carried, self.shared = b.model, b.carried, shared
        self.symbols: dict[str, tuple[AggregateWord, int]] = {}  # aggregate → word, sum
        self.sums: dict[tuple[int, int], int] = {}  # value, exponent → place
        self.user: dict[int, str] = {}  # sum → environment, for messages
        scalar = b.code.scalar
        following: list[sp.Expr] = []
        for name, environment in shared.items():
            whole = environment.carry * b.model[name]
            whole += (1 - environment.carry) * environment.target
            words = sorted(whole.atoms(AggregateWord), key=sp.default_sort_key)
            put_in = {w: self._aggregate(b, w, environment) for w in words}
            following.append(whole.xreplace(put_in))
        scalar.allowed |= set(self.symbols)
        self.inputs = [scalar.lower(b.model[name]) for name in shared]
        self.results = [scalar.lower(e) for e in following]
        self.heard = [
            (name, e.target, b.lower(e.target.args[0]),
             self._exponent(e.target, e.resolution))
            for name, e in b.model.of_kind(Environment).items()
            if name not in shared and e.target is not None
        ]  # fmt: skip

    @property
    def couples(self) -> bool:
        return bool(self.shared or self.heard)

    @property
    def values(self) -> list[int]:
        """Lane values that must stand when a step is over."""
        return [*(value for value, _ in self.sums), *(value for _, _, value, _ in self.heard)]

    def _exponent(self, word: AggregateWord, resolution: float) -> int:
        inside = word.args[0]
        whole = isinstance(inside, sp.Symbol) and isinstance(self.model.element(inside.name), Event)
        return 0 if whole or inside == 1 else -round(math.log2(resolution))

    def _aggregate(self, b: Builder, word: AggregateWord, used_by: Environment) -> sp.Symbol:
        key = b.lower(word.args[0]), self._exponent(word, used_by.resolution)
        place = self.sums.setdefault(key, len(self.sums))
        self.user.setdefault(place, used_by.name)
        name = f"{word.func.__name__} {place}"
        self.symbols[name] = (word, place)
        return sp.Symbol(name, real=True)

    def records(self, registers: dict[int, int]) -> tuple[Record, ...]:
        """Sums for the aggregates, and the mean over communities."""
        made = [
            Record(f"{self.user[k]}:sum{k}", "sum", registers[value], exponent=exponent)
            for k, (value, exponent) in enumerate(self.sums)
        ]
        if any(e.scope == "community" for e in self.shared.values()):
            made += [
                Record(f"{name}:shared", "shared", k,
                       exponent=-round(math.log2(e.resolution)))
                for k, (name, e) in enumerate(self.shared.items())
            ]  # fmt: skip
        return tuple(made)

    def coupling(
        self,
        registers: dict[int, int],
        place: dict[int, int],
        code: tuple[Row, ...],
        n_scalars: int,
        before: int,
    ) -> Coupling:
        """The coupling of the program; its sums are the records after the first ``before``."""
        local = any(e.scope == "community" for e in self.shared.values())
        return Coupling(
            environments=tuple(self.shared),
            inputs=tuple(place[v] for v in self.inputs),
            results=tuple(place[v] for v in self.results),
            aggregates=tuple(
                Aggregate(word.func.__name__, before + k) for word, k in self.symbols.values()
            ),
            code=code,
            n_scalars=n_scalars + len(self.symbols) + len(code),
            community=self.model.community_size or 0 if local else 0,
            signals=tuple(
                Signal(name, word.func.__name__, registers[value], self.carried[name], exponent)
                for name, word, value, exponent in self.heard
            ),
        )


def _with_scalars(row: Row, place: dict[int, int]) -> Row:
    used = SPECIFICATION[Op(row[0])].scalars
    return (*row[:6], *(place[v] for v in row[6 : 6 + used]), *row[6 + used :])


def _refuse_colliding_slots(streams: list[str]) -> None:
    seen: dict[int, str] = {}
    for name in streams:
        if slot(name) in seen:
            raise InputError(
                f"names: received {seen[slot(name)]!r} and {name!r}, allowed are names whose "
                "random streams have different addresses; rename one of them"
            )
        seen[slot(name)] = name
